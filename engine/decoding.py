"""What the engine keeps, in clear: for Temporal's own pages and command line, to who may see it, and recorded."""

from collections.abc import Sequence
from typing import Any

from google.protobuf.json_format import MessageToJson, ParseDict, ParseError
from temporalio.api.common.v1 import Payload, Payloads

from books.session import Books, UnitOfWork
from engine.codec import is_sealed, opened, workflow_of
from lending.errors import LendingError
from models.keys import loan_of, workflow_id
from models.sealing import KeyMissing, SealBroken
from models.staff import Actor
from services import audit
from services.refusals import Refusal, refusal_log

LARGEST_REQUEST = 1024 * 1024
MOST_PAYLOADS = 1000
MOST_NAMED = 20
"""How many workflows one entry of the audit log names; a look at more has more entries."""
LONGEST_NAMESPACE = 64
ACT = "decode_payloads"


class PayloadsNotRead(LendingError):
    """What came in is no list of payloads as Temporal's pages and command line send them."""

    code = "payloads_not_read"
    http_status = 422

    def __init__(self) -> None:
        super().__init__(f'send {{"payloads": […]}} as Temporal\'s own pages do, with {MOST_PAYLOADS} payloads at most')


class PayloadsNotOpened(LendingError):
    """A payload was tampered with, or its key is gone. The sentence names the workflow or the key."""

    code = "payloads_not_opened"
    http_status = 422

    def __init__(self, why: LendingError) -> None:
        super().__init__(str(why))


def decode(books: Books, actor: Actor, namespace: str, asked: Any) -> bytes:
    """The payloads that are `asked` for (a JSON document) in clear; first it is recorded of which workflows they are.

    Who may ask is for the caller to check. Refused with PayloadsNotRead and PayloadsNotOpened, which are recorded too.
    """
    try:
        payloads = _read(asked)
        clear = _opened(payloads)
    except LendingError as refusal:
        refusal_log(books).keep(actor, Refusal(ACT, f"{refusal.code}: {refusal}"))
        raise
    with books.begin() as work:
        _record(work, actor, namespace, payloads)
    return MessageToJson(Payloads(payloads=clear), indent=None).encode()


def _read(asked: Any) -> Sequence[Payload]:
    try:
        payloads = ParseDict(asked, Payloads()).payloads
    except (ParseError, AttributeError, TypeError, ValueError):
        raise PayloadsNotRead from None
    if not 0 < len(payloads) <= MOST_PAYLOADS:
        raise PayloadsNotRead
    return payloads


def _opened(payloads: Sequence[Payload]) -> list[Payload]:
    try:
        return [opened(one) for one in payloads]
    except (KeyMissing, SealBroken) as broken:
        raise PayloadsNotOpened(broken) from None


def _record(work: UnitOfWork, actor: Actor, namespace: str, payloads: Sequence[Payload]) -> None:
    """Names the workflows that the seals prove; a name in a payload that is not sealed may be anything."""
    looked_into = sorted({workflow_of(one) for one in payloads if is_sealed(one)})
    loans = [loan_of(one) for one in looked_into if one.startswith(workflow_id(""))]
    for first in range(0, max(len(looked_into), 1), MOST_NAMED):
        audit.record(
            work,
            actor,
            ACT,
            loan=loans[0] if len(loans) == 1 else None,
            after={
                "namespace": namespace[:LONGEST_NAMESPACE],
                "payloads": len(payloads),
                "workflows": looked_into[first : first + MOST_NAMED],
            },
        )
