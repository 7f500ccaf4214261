"""How what the engine keeps is sealed: every payload, under keys derived from the ring of the process."""

import re
from collections.abc import Sequence
from typing import Self

from google.protobuf.message import DecodeError, Message
from temporalio.api.common.v1 import Payload
from temporalio.client import WorkflowHistory
from temporalio.converter import PayloadCodec, SerializationContext, WithSerializationContext

from lending.errors import LendingError
from models.sealing import KeyRing, SealBroken, keys

ENCODING = b"binary/loanwright-sealed"
LABEL = b"loanwright: payloads of the engine"
"""Their keys are derived from those of the ring, so that neither opens what the other sealed."""
KEY, WORKFLOW = "sealed-with", "sealed-for"
"""Beside the encoding: the name of the key, and the workflow that the payload belongs to."""
_STARTED_AT = re.compile(r"-[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:.]+Z$")
"""What a Schedule adds to the id of the workflow that it was told to start."""


class NotSealed(LendingError):
    """The engine gives out something in clear that nobody seals any more: somebody else wrote it."""

    code = "not_sealed"
    http_status = 500

    def __init__(self, workflow_id: str) -> None:
        super().__init__(f"a payload of the workflow {workflow_id} is not sealed; the operator has to look into it")


class _Accepted:
    """Whether this process reads what is not sealed; it is set once, at start."""

    in_clear = True


def accept_clear_payloads(accepted: bool) -> None:
    """Sets whether payloads that are not sealed are read: while runs of a version that sealed none are still open."""
    _Accepted.in_clear = accepted


class SealingCodec(PayloadCodec, WithSerializationContext):
    """Seals every payload for its workflow: in another workflow's place it does not open.

    What was written before payloads were sealed is read as it is, unless `accept_clear_payloads` says otherwise: then
    it raises NotSealed. Raises KeyMissing and SealBroken.
    """

    def __init__(self, workflow_id: str = "") -> None:
        self.workflow_id = workflow_id

    def with_context(self, context: SerializationContext) -> Self:
        """The codec of one workflow and of the activities that it calls."""
        workflow_id: str = getattr(context, "workflow_id", None) or ""
        return self if workflow_id == self.workflow_id else type(self)(workflow_id)

    async def encode(self, payloads: Sequence[Payload]) -> list[Payload]:
        """The payloads, sealed with the newest key."""
        ring = _ring()
        return [_sealed(one, self.workflow_id, ring) for one in payloads]

    async def decode(self, payloads: Sequence[Payload]) -> list[Payload]:
        """The payloads as they were before they were sealed."""
        if not _Accepted.in_clear and not all(map(is_sealed, payloads)):
            raise NotSealed(self.workflow_id)
        return [opened(one, self.workflow_id) for one in payloads]


def is_sealed(payload: Payload) -> bool:
    """Whether a payload was sealed by a codec of ours."""
    return payload.metadata["encoding"] == ENCODING if "encoding" in payload.metadata else False


def workflow_of(payload: Payload) -> str:
    """The workflow that a sealed payload says it belongs to; to open it proves that."""
    return payload.metadata[WORKFLOW].decode(errors="replace") if WORKFLOW in payload.metadata else ""


def opened(payload: Payload, workflow_id: str = "") -> Payload:
    """A payload as it was before it was sealed; without `workflow_id` that of any workflow.

    Raises KeyMissing, and SealBroken for one that was changed or belongs to another workflow, or to none.
    """
    if not is_sealed(payload):
        return payload
    sealed_for = workflow_of(payload)
    named = f"a payload of the workflow {sealed_for}"
    if workflow_id and not _is_of(sealed_for, workflow_id):
        raise SealBroken(named)
    key_id = payload.metadata[KEY].decode(errors="replace") if KEY in payload.metadata else ""
    content = _ring().open(key_id, payload.data, sealed_for)
    try:
        return Payload.FromString(content)
    except DecodeError:
        raise SealBroken(named) from None


def opened_history(history: WorkflowHistory) -> WorkflowHistory:
    """A history with all payloads in clear, for whoever reads or exports one. Raises KeyMissing and SealBroken."""
    events = []
    for event in history.events:
        copied = type(event)()
        copied.CopyFrom(event)
        _open_within(copied, history.workflow_id)
        events.append(copied)
    return WorkflowHistory(history.workflow_id, events)


def _open_within(message: Message, workflow_id: str) -> None:
    """Opens every payload in a message, in place."""
    for field, value in message.ListFields():
        if field.message_type is None:
            continue
        if field.message_type.GetOptions().map_entry:
            inner = list(value.values()) if field.message_type.fields_by_name["value"].message_type else []
        else:
            inner = list(value) if field.is_repeated else [value]
        for one in inner:
            if isinstance(one, Payload):
                one.CopyFrom(opened(one, workflow_id))
            else:
                _open_within(one, workflow_id)


def _sealed(payload: Payload, workflow_id: str, ring: KeyRing) -> Payload:
    name, data = ring.seal(payload.SerializeToString(), workflow_id)
    return Payload(metadata={"encoding": ENCODING, KEY: name.encode(), WORKFLOW: workflow_id.encode()}, data=data)


def _is_of(sealed_for: str, workflow_id: str) -> bool:
    """Whether both are the same workflow, or of the same Schedule: what one returned is handed to the next."""
    return sealed_for == workflow_id or _STARTED_AT.sub("", sealed_for) == _STARTED_AT.sub("", workflow_id)


class _Derived:
    """The ring of payloads, derived once from the ring of this process."""

    of: KeyRing | None = None
    ring: KeyRing | None = None


def _ring() -> KeyRing:
    ring = keys()
    if _Derived.of is not ring or _Derived.ring is None:
        _Derived.ring = ring.derived(LABEL)
        _Derived.of = ring
    return _Derived.ring
