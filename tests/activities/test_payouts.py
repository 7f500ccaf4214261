"""Payouts as a worker makes them, over real connections: people are screened once more before any money leaves."""

import asyncio
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from activities.bank import BankActs
from activities.payouts import PayoutActs
from activities.registers import RegisterActs, Registers
from gateways.connection import open_session
from gateways.errors import OutsideUnavailable
from models.loans import Stage
from models.messages import BooksOrder, PaymentOrder, PaymentResult
from models.payments import PaymentStatus
from models.tasks import TaskKind
from services import disbursement
from services.errors import NotAllowed
from tests.activities.test_registers import HIM, asked
from tests.gateways.calling import Gateways
from tests.services.procedure import FINANCE, MANAGER, RISK, Procedure
from tests.services.test_screening import listed
from tests.simulators.running import Outside, running_outside

QUESTION = "screening/checks"
NOBODY_THERE = "http://127.0.0.1:9"


@pytest.fixture
def outside(tmp_path: Path) -> Iterator[Outside]:
    """A bank of this test alone: loans of several tests have the same numbers, and so have their orders."""
    with running_outside(tmp_path / "bank") as outside:
        yield outside


def paid(
    procedure: Procedure, outside: Outside, loan: str, *keys: str, registers: str | None = None
) -> list[PaymentResult]:
    """What comes of these orders in one worker, one after the other."""

    async def pay() -> list[PaymentResult]:
        async with open_session() as session:
            of = Gateways(session, registers or outside.url, 2)
            asking = Registers(of.identity, of.bureau, of.enrolment, of.vehicles, of.screening)
            bank = BankActs(procedure.books, Gateways(session, outside.url, 5).bank, "", "")
            acts = PayoutActs(procedure.books, bank, RegisterActs(procedure.books, asking).ask_register)
            return [await acts.pay_out(PaymentOrder(loan=loan, key=key, day=procedure.day)) for key in keys]

    return asyncio.run(pay())


def accepted(procedure: Procedure, *, known_to_risk: bool = False, days_ago: int = 1) -> tuple[str, str]:
    """A loan that a manager, or risk, approved and its borrower accepted, with the order to pay it out. Its people were
    screened so many days ago.
    """
    procedure.day -= timedelta(days=days_ago)
    loan = procedure.graded(**HIM)
    procedure.complete(loan)
    if known_to_risk:
        put_on_the_list(procedure)
    procedure.decide(loan, actor=RISK if known_to_risk else MANAGER)
    (key,) = procedure.accept(loan).payouts
    procedure.day += timedelta(days=days_ago)
    return loan, key


def put_on_the_list(procedure: Procedure) -> None:
    listed(procedure, id_number=HIM["id_number"], name=HIM["name"])


def test_an_old_screening_is_asked_for_again_once_before_the_payout(procedure: Procedure, outside: Outside) -> None:
    loan, key = accepted(procedure)
    before = asked(outside, QUESTION)
    assert [one.status for one in paid(procedure, outside, loan, key, key)] == [PaymentStatus.SETTLED] * 2
    assert asked(outside, QUESTION) == before + 1
    with procedure.books.read() as work:
        assert [one.round for one in work.documents.answers(loan) if one.check_name == "screening"] == [1, 2]


def test_a_screening_of_the_day_is_not_asked_for_again(procedure: Procedure, outside: Outside) -> None:
    loan, key = accepted(procedure, days_ago=0)
    before = asked(outside, QUESTION)
    assert [one.status for one in paid(procedure, outside, loan, key)] == [PaymentStatus.SETTLED]
    assert asked(outside, QUESTION) == before


def test_whoever_is_on_a_list_by_now_is_not_paid_until_risk_has_looked(procedure: Procedure, outside: Outside) -> None:
    loan, key = accepted(procedure)
    put_on_the_list(procedure)
    before = outside.balance(HIM["bank_card"])
    (held,) = paid(procedure, outside, loan, key)
    assert (held.status, held.reason_code) == (PaymentStatus.DECLINED, "closer_look")
    assert outside.balance(HIM["bank_card"]) == before
    procedure.act(disbursement.record_payout_failure, BooksOrder(**procedure.order(loan)))
    task = procedure.task(loan, TaskKind.PAYOUT_PROBLEM)
    assert (procedure.loan(loan).stage, task.role, task.about) == (
        Stage.PAYOUT_FAILED,
        "risk",
        "payout failed: closer_look",
    )
    with pytest.raises(NotAllowed):
        procedure.decide(loan, actor=FINANCE, kind=TaskKind.PAYOUT_PROBLEM)
    (again,) = procedure.decide(loan, actor=RISK, kind=TaskKind.PAYOUT_PROBLEM).payouts
    assert [one.status for one in paid(procedure, outside, loan, again)] == [PaymentStatus.SETTLED]
    assert outside.balance(HIM["bank_card"]) >= before + procedure.loan(loan).applied_fen


def test_what_risk_knew_when_it_approved_holds_nothing(procedure: Procedure, outside: Outside) -> None:
    loan, key = accepted(procedure, known_to_risk=True)
    assert [one.status for one in paid(procedure, outside, loan, key)] == [PaymentStatus.SETTLED]


def test_nothing_is_sent_while_the_provider_cannot_be_asked(procedure: Procedure, outside: Outside) -> None:
    loan, key = accepted(procedure)
    with pytest.raises(OutsideUnavailable):
        paid(procedure, outside, loan, key, registers=NOBODY_THERE)
    with procedure.books.read() as work:
        assert [one.status for one in work.payments.of_loan(loan)] == [PaymentStatus.ORDERED]
