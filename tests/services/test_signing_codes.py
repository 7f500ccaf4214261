"""Signing codes on their way: to the right mobile, once, and forgotten by us afterwards."""

import asyncio
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
from sqlmodel import select

from activities.secrets import SigningCodeSender
from gateways.connection import open_session
from gateways.errors import OutsideError
from gateways.sms import SmsGateway
from models.customers import PartyRole
from models.outbox import OutboxRow, Topic
from models.signatures import Signature, SigningCode
from tests.services.papers import JOINT
from tests.services.procedure import Procedure
from tests.services.test_signing import START, Desk
from tests.simulators.running import Outside, running_outside


@pytest.fixture(scope="module")
def outside(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Outside]:
    with running_outside(tmp_path_factory.mktemp("outside") / "bank") as found:
        yield found


def deliver(procedure: Procedure, outside: Outside, *, credential: str = "demo-sms", times: int = 1) -> str:
    """Delivers the one code in the outbox as often as told; returns the key of its message."""
    with procedure.books.read() as work:
        (row,) = [one for one in work.session.exec(select(OutboxRow)) if one.topic is Topic.SIGNING_CODE]

    async def send() -> None:
        async with open_session() as session:
            sender = SigningCodeSender(procedure.books, SmsGateway(session, f"{outside.url}/sms", credential))
            for _ in range(times):
                with procedure.books.read() as work:
                    found = sender.look_up(work, [row])
                await sender.deliver(row, found.get(row.id))

    asyncio.run(send())
    return row.key


def sent(outside: Outside, key: str) -> list[dict[str, str]]:
    """What the provider sent under a key."""
    found: list[dict[str, str]] = outside.call("GET", f"/sms/messages?key={key}").json()
    return found


def kept(procedure: Procedure) -> SigningCode:
    """The one code in the books."""
    with procedure.books.read() as work:
        return work.session.exec(select(SigningCode)).one()


def test_a_code_goes_to_the_mobile_of_the_party_himself_and_is_forgotten(
    procedure: Procedure, outside: Outside
) -> None:
    desk = Desk(procedure, "student", **JOINT)
    desk.now = datetime.now(UTC)
    code = desk.ask(PartyRole.JOINT_BORROWER)

    (message,) = sent(outside, deliver(procedure, outside, times=2))

    assert message["mobile"] == JOINT["joint_borrower_mobile"]
    assert code in message["text"]
    assert desk.loan in message["text"]
    row = kept(procedure)
    assert row.code is None
    assert row.sent_at is not None
    signature = desk.sign(code, PartyRole.JOINT_BORROWER)
    assert isinstance(signature, Signature)
    assert signature.code_sent_at == row.sent_at


def test_a_code_that_nobody_could_use_any_more_is_not_sent(procedure: Procedure, outside: Outside) -> None:
    desk = Desk(procedure)
    assert desk.now == START
    desk.ask()

    assert sent(outside, deliver(procedure, outside)) == []


def test_a_code_that_could_not_be_sent_waits_for_the_next_try(procedure: Procedure, outside: Outside) -> None:
    desk = Desk(procedure)
    desk.now = datetime.now(UTC)
    code = desk.ask()

    with pytest.raises(OutsideError):
        deliver(procedure, outside, credential="wrong")

    assert (kept(procedure).code, kept(procedure).sent_at) == (code, None)
    (message,) = sent(outside, deliver(procedure, outside))
    assert code in message["text"]
