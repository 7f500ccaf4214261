"""What gets a loan out of trouble: a person who helps, a second look at the books, an answer that was lost."""

import asyncio
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date
from typing import TypeVar

import pytest
from temporalio.api.enums.v1 import EventType

from activities.acts import once
from books.session import UnitOfWork
from console.rebuild import rebuild
from console.seed import load_products
from models import ledger as chart
from models.keys import command_key, effect_key
from models.loans import Stage
from models.messages import (
    AdvanceOrder,
    BooksOrder,
    CommandOnBooks,
    CommandOrder,
    CommandResult,
    DecideOnBooks,
    PrepaymentOrder,
    PrepayOnBooks,
    Progress,
)
from models.payments import Payment, PaymentKind, PaymentStatus
from models.staff import Role
from models.tasks import Outcome, TaskKind
from modules.micro.product import MICRO
from services import acceptance, approval, repayments
from services.bank import BankMovement, record_movement
from services.products import catalogue, install
from tests.services.policies import put_in_force
from tests.services.signatures import make_and_sign
from tests.simulators.running import LENDER
from tests.workflows import people
from tests.workflows.conftest import OpenOffice, OpenOfficeWithDays
from tests.workflows.harness import FINANCE, INTEGRATOR, Office, command, histories, refused

FOREVER = 1000
Order = TypeVar("Order", bound=BooksOrder)

UNKNOWN_PRODUCT = ["collect_without_outcome", "advance_account_refused"]
"""What comes of a day on which something is due while the product is missing."""


def publish(lender: Office, version: int, *, also_asks_for: str | None = None) -> None:
    """A new version of the rules for small loans; one that asks for a fact nobody knows cannot grade any case."""
    content = json.loads(json.dumps(MICRO.grading))
    if also_asks_for is not None:
        [node] = [one for one in content["nodes"] if one["type"] == "inputNode"]
        schema = json.loads(node["content"]["schema"])
        schema["properties"][also_asks_for] = {"type": "integer"}
        node["content"]["schema"] = json.dumps(schema)
    with lender.books.begin() as work:
        put_in_force(work, f"grading-{MICRO.code}", version, content)


@contextmanager
def without_the_product(lender: Office) -> Iterator[None]:
    """A deployment that forgot the module of small loans: every act on one is refused."""
    install(type(catalogue())(tuple(one for one in catalogue().products if one.code != MICRO.code)))
    try:
        yield
    finally:
        load_products(lender.settings)


def reports(lender: Office, loan: str) -> list[str | None]:
    """What the loan reported as trouble, each time."""
    entries = lender.read(lambda work: work.audit.of_loan(loan))
    return [entry.reason for entry in entries if entry.act == "trouble_reported"]


async def do_on_books_only(
    lender: Office, loan: str, key: str, act: Callable[[UnitOfWork, Order], Progress], order: Order
) -> None:
    """An act whose answer the engine lost: the books have it under its key, the workflow still waits."""
    before = await lender.state(loan)
    full = order.model_copy(update={"key": key, "n": before.seq})
    with lender.books.read() as work:
        assert work.outbox.effect(key) is None
    progress = once(lender.books, full, act, Progress)
    assert lender.loan(loan).stage is progress.stage
    assert (await lender.state(loan)) == before


async def accept_on_books_only(lender: Office, loan: str) -> CommandOrder:
    """The acceptance is on the books and its answer is lost; returns the command that the borrower sent."""
    make_and_sign(lender.books, loan, INTEGRATOR)
    sent = command()
    order = CommandOnBooks(loan=loan, key="", n=0, day=await lender.today(), command=sent)
    await do_on_books_only(lender, loan, command_key(loan, sent.command_id), acceptance.accept, order)
    return sent


async def complete_on_books_only(lender: Office, loan: str) -> None:
    sent = command()
    order = CommandOnBooks(loan=loan, key="", n=0, day=await lender.today(), command=sent)
    await do_on_books_only(lender, loan, command_key(loan, sent.command_id), acceptance.complete, order)


async def decide_on_books_only(lender: Office, loan: str, outcome: Outcome) -> None:
    decision = lender.decision(loan, outcome)
    order = DecideOnBooks(loan=loan, key="", n=0, day=await lender.today(), task_id=decision.task_id, decision=decision)
    await do_on_books_only(lender, loan, command_key(loan, f"decision {decision.task_id}"), approval.decide, order)


async def signals(lender: Office, loan: str) -> int:
    """How many Signals the loan's runs have received."""
    return sum(
        event.event_type == EventType.EVENT_TYPE_WORKFLOW_EXECUTION_SIGNALED
        for history in await histories(lender, loan)
        for event in history.events
    )


def debits(lender: Office, loan: str, kind: PaymentKind = PaymentKind.INSTALLMENT) -> list[PaymentStatus]:
    """The statuses of all orders to draw money."""
    return [one.status for one in lender.payments(loan, kind)]


async def until_a_debit_is(lender: Office, loan: str, status: PaymentStatus, due: date) -> Payment:
    """The morning of a due date, with the day's debit at this status and still under way."""
    await lender.engine.wait_until(lender.books.clock.opens_at(due))
    await lender.eventually(lambda: debits(lender, loan) == [status], lambda: str(debits(lender, loan)))
    [drawn] = lender.payments(loan, PaymentKind.INSTALLMENT)
    return drawn


def settle_at_bank(lender: Office, drawn: Payment) -> str:
    """The bank carries a pending debit out and its notice comes in; returns the bank's reference."""
    [receipt] = lender.outside.answer("POST", "/control/settlements", {"end_to_end_id": drawn.key})
    reference = str(receipt["bank_reference"])
    movement = BankMovement(reference, "in", drawn.amount_fen, drawn.value_date, drawn.key, "borrower", "debit")
    with lender.books.begin() as work:
        record_movement(work, movement)
    return reference


# -- an act that the books refuse -------------------------------------------------------------------------------------


async def test_a_case_that_cannot_be_graded_asks_for_help_and_goes_on_at_once_when_helped(office: OpenOffice) -> None:
    async with office() as lender:
        publish(lender, 2, also_asks_for="shoe_size")
        loan = await lender.apply("micro", people.earner())
        await lender.eventually(lambda: reports(lender, loan) != [], lambda: "no trouble is reported")
        trouble = lender.open_task(loan)
        assert (trouble.kind, trouble.role, trouble.about) == (TaskKind.TROUBLE, Role.RISK, "grade_case_refused")
        assert (await lender.state(loan)).stage is Stage.VERIFICATION
        assert await lender.is_running(loan)

        # It tries again by itself once a business day, and does not open a task each time.
        await lender.minutes(60)
        assert len(reports(lender, loan)) == 1
        await lender.days(1)
        assert len(reports(lender, loan)) == 2
        await lender.days(1)
        assert len(reports(lender, loan)) == 3
        assert [task.id for task in lender.tasks(loan)] == [trouble.id]

        publish(lender, 3)
        helped_on = await lender.today()
        await lender.commands.look_again(loan)
        await lender.at(loan, Stage.APPROVAL)
        assert await lender.today() == helped_on
        assert len(reports(lender, loan)) == 3
        assert {row.round for row in lender.read(lambda work: work.documents.answers(loan))} == {1}


async def test_a_case_whose_trouble_is_mended_goes_on_the_next_day_though_nobody_says_so(office: OpenOffice) -> None:
    async with office() as lender:
        publish(lender, 2, also_asks_for="shoe_size")
        loan = await lender.apply("micro", people.earner())
        await lender.eventually(lambda: reports(lender, loan) != [], lambda: "no trouble is reported")
        publish(lender, 3)
        await lender.minutes(60)
        assert (await lender.state(loan)).stage is Stage.VERIFICATION
        await lender.days(1)
        await lender.at(loan, Stage.APPROVAL)


async def test_a_running_loan_in_trouble_lives_through_its_days_under_their_dates_when_helped(
    office: OpenOffice,
) -> None:
    async with office() as lender:
        loan = await lender.running("micro", people.earner())
        await lender.until(date(2026, 2, 4))
        with without_the_product(lender):
            await lender.until(date(2026, 2, 8))
            assert reports(lender, loan) == UNKNOWN_PRODUCT * 4
        await lender.commands.look_again(loan)
        await lender.eventually(
            lambda: lender.loan(loan).booked_to == date(2026, 2, 5), lambda: str(lender.loan(loan).booked_to)
        )
        [drawn] = lender.payments(loan, PaymentKind.INSTALLMENT)
        assert (drawn.status, drawn.value_date) == (PaymentStatus.SETTLED, date(2026, 2, 5))
        assert (lender.loan(loan).dpd, lender.account(loan).charged.penalty) == (0, 0)
        assert await lender.today() == date(2026, 2, 8)


async def test_money_that_the_books_refuse_to_book_is_booked_when_the_loan_tries_again(office: OpenOffice) -> None:
    async with office() as lender:
        loan = await lender.running("micro", people.earner())
        await lender.until(date(2026, 1, 10))
        with without_the_product(lender):
            await lender.deposit(50_000, f"for {loan}", date(2026, 1, 10))
            await lender.eventually(lambda: len(reports(lender, loan)) == 1, lambda: "no trouble is reported")
            assert lender.account(loan).credit_fen == 0
        await lender.days(2)
        assert lender.account(loan).credit_fen == 50_000
        assert len(reports(lender, loan)) == 1


async def test_a_prepayment_of_a_loan_in_trouble_is_refused_and_draws_nothing(office: OpenOffice) -> None:
    async with office() as lender:
        loan = await lender.running("micro", people.earner())
        await lender.until(date(2026, 2, 4))
        with without_the_product(lender):
            await lender.until(date(2026, 2, 5))
            with refused("loan_in_trouble"):
                await lender.prepay(loan, 100_000)
            assert reports(lender, loan) == UNKNOWN_PRODUCT
        assert lender.payments(loan, PaymentKind.PREPAYMENT) == []
        await lender.commands.look_again(loan)
        await lender.eventually(
            lambda: lender.loan(loan).booked_to == date(2026, 2, 5), lambda: str(lender.loan(loan).booked_to)
        )
        await lender.prepay(loan, 100_000)
        assert debits(lender, loan, PaymentKind.PREPAYMENT) == [PaymentStatus.SETTLED]


# -- an answer that the engine lost -----------------------------------------------------------------------------------


async def test_rebuild_brings_on_a_loan_whose_decision_and_acceptance_the_engine_lost(
    office_in_real_time: OpenOfficeWithDays,
) -> None:
    async with office_in_real_time(60) as lender:
        loan = await lender.apply("micro", people.earner())
        await lender.at(loan, Stage.APPROVAL)
        await decide_on_books_only(lender, loan, Outcome.APPROVE)
        assert await rebuild(lender.books, lender.commands) == [loan]
        await lender.at(loan, Stage.ACCEPTANCE)
        assert await rebuild(lender.books, lender.commands) == []

        before = lender.outside.balance(LENDER)
        await accept_on_books_only(lender, loan)
        assert await rebuild(lender.books, lender.commands) == [loan]
        await lender.at(loan, Stage.REPAYMENT)
        assert debits(lender, loan, PaymentKind.DISBURSEMENT) == [PaymentStatus.SETTLED]
        assert lender.outside.balance(LENDER) == before - 600_000
        assert await rebuild(lender.books, lender.commands) == []


async def test_a_command_that_the_engine_lost_is_taken_up_by_itself(office: OpenOffice) -> None:
    async with office() as lender:
        loan = await lender.apply("micro", people.earner())
        await lender.at(loan, Stage.APPROVAL)
        await decide_on_books_only(lender, loan, Outcome.APPROVE)
        await lender.deliver()
        await accept_on_books_only(lender, loan)
        await lender.deliver()
        await lender.at(loan, Stage.REPAYMENT)
        assert debits(lender, loan, PaymentKind.DISBURSEMENT) == [PaymentStatus.SETTLED]


async def test_a_prepayment_that_the_engine_lost_is_drawn_by_itself(office: OpenOffice) -> None:
    async with office() as lender:
        loan = await lender.running("micro", people.earner())
        await lender.until(date(2026, 1, 20))
        before = lender.outside.balance(LENDER)
        order = PrepayOnBooks(
            loan=loan,
            key="",
            n=0,
            day=await lender.today(),
            prepayment=PrepaymentOrder(sender=command().sender, command_id="lost", amount_fen=100_000),
        )
        once(
            lender.books,
            order.model_copy(update={"key": command_key(loan, "lost"), "n": (await lender.state(loan)).seq}),
            repayments.order_prepayment,
            CommandResult,
        )
        await lender.deliver()
        await lender.eventually(
            lambda: [one.booked for one in lender.payments(loan, PaymentKind.PREPAYMENT)] == [True],
            lambda: str(debits(lender, loan, PaymentKind.PREPAYMENT)),
        )
        assert lender.outside.balance(LENDER) == before + 100_000
        assert debits(lender, loan) == []


async def test_a_command_that_the_loan_knows_of_costs_it_no_signal(office: OpenOffice) -> None:
    async with office() as lender:
        loan = await lender.offered("micro", people.earner())
        await lender.deliver()
        await lender.withdraw(loan)
        await lender.eventually_closed(loan)
        await lender.deliver()
        assert await signals(lender, loan) == 0
        assert lender.read(lambda work: work.outbox.waiting()) == 0


async def test_an_acceptance_whose_answer_was_lost_may_be_sent_again(office: OpenOffice) -> None:
    async with office() as lender:
        loan = await lender.offered("micro", people.earner())
        sent = await accept_on_books_only(lender, loan)
        result = await lender.commands.accept(loan, sent)
        assert result.stage is Stage.DISBURSEMENT
        await lender.at(loan, Stage.REPAYMENT)
        assert debits(lender, loan, PaymentKind.DISBURSEMENT) == [PaymentStatus.SETTLED]


async def test_an_offer_does_not_expire_that_the_books_have_as_accepted(office: OpenOffice) -> None:
    async with office() as lender:
        loan = await lender.offered("micro", people.earner())
        await accept_on_books_only(lender, loan)
        await lender.days(catalogue().product("micro").acceptance_days + 1)
        running = await lender.at(loan, Stage.REPAYMENT)
        assert running.closed_on is None
        assert "offer_expired" not in lender.messages(loan)
        assert debits(lender, loan, PaymentKind.DISBURSEMENT) == [PaymentStatus.SETTLED]


async def test_a_case_does_not_expire_that_the_books_have_as_completed(office: OpenOffice) -> None:
    async with office() as lender:
        loan = await lender.apply("micro", people.earner())
        await lender.at(loan, Stage.APPROVAL)
        await lender.decide(loan, Outcome.RETURN)
        await lender.at(loan, Stage.RETURNED)
        await complete_on_books_only(lender, loan)
        await lender.days(catalogue().product("micro").completion_days + 1)
        graded = await lender.at(loan, Stage.APPROVAL)
        assert graded.closed_on is None
        # It was verified anew, as after any completion.
        assert {row.round for row in lender.read(lambda work: work.documents.answers(loan))} == {1, 2}


async def test_a_decision_that_the_books_have_is_followed_when_its_task_would_be_late(office: OpenOffice) -> None:
    async with office() as lender:
        loan = await lender.apply("micro", people.earner())
        await lender.at(loan, Stage.APPROVAL)
        task = lender.open_task(loan)
        await decide_on_books_only(lender, loan, Outcome.APPROVE)
        await lender.days(catalogue().product("micro").approval_days + 1)
        await lender.at(loan, Stage.ACCEPTANCE)
        assert lender.read(lambda work: work.tasks.get(task.id).escalations) == 0


# -- prepayments beside debits and without an outcome -----------------------------------------------------------------


@pytest.mark.parametrize(("fault", "status"), [("timeout", PaymentStatus.SENT), ("pending", PaymentStatus.PENDING)])
async def test_a_prepayment_while_a_debit_is_under_way_is_refused_and_draws_nothing(
    office: OpenOffice, fault: str, status: PaymentStatus
) -> None:
    async with office() as lender:
        loan = await lender.running("micro", people.earner())
        await lender.until(date(2026, 2, 4))
        lender.outside.plan_fault("bank", fault, operation="debits")
        drawn = await until_a_debit_is(lender, loan, status, date(2026, 2, 5))
        with refused("debit_under_way"):
            await lender.prepay(loan, 100_000)
        assert lender.payments(loan, PaymentKind.PREPAYMENT) == []

        if status is PaymentStatus.PENDING:
            lender.outside.answer("POST", "/control/settlements", {"end_to_end_id": drawn.key})
        await lender.minutes(10)
        assert debits(lender, loan) == [PaymentStatus.SETTLED]
        await lender.prepay(loan, 100_000)
        assert debits(lender, loan, PaymentKind.PREPAYMENT) == [PaymentStatus.SETTLED]


async def test_a_prepayment_while_the_bank_is_down_is_asked_about_the_next_day_and_drawn_once(
    office: OpenOffice,
) -> None:
    async with office() as lender:
        loan = await lender.running("micro", people.earner())
        await lender.until(date(2026, 1, 20))
        lender.outside.plan_fault("bank", "lost_answer", operation="debits")
        lender.outside.plan_fault("bank", "error_503", operation="orders", times=FOREVER)
        before = lender.outside.balance(LENDER)
        asked = asyncio.create_task(lender.prepay(loan, 100_000))
        await lender.eventually(
            lambda: debits(lender, loan, PaymentKind.PREPAYMENT) == [PaymentStatus.SENT], lambda: "nothing is sent"
        )
        await lender.minutes(2)
        with refused("outcome_unknown"):
            await asked
        state = await lender.state(loan)
        assert state.next_day is not None
        assert (state.next_day.date, state.next_day.collect) == (date(2026, 1, 21), True)
        assert lender.loan(loan).outstanding_fen == 600_000

        lender.outside.call("DELETE", "/control/faults")
        await lender.until(date(2026, 1, 21))
        [prepaid] = lender.payments(loan, PaymentKind.PREPAYMENT)
        assert (prepaid.status, prepaid.value_date) == (PaymentStatus.SETTLED, date(2026, 1, 20))
        events = lender.read(lambda work: work.loans.events(loan))
        assert [(event.type, event.date) for event in events] == [
            ("disbursement", date(2026, 1, 5)),
            ("prepayment", date(2026, 1, 20)),
        ]
        assert lender.outside.balance(LENDER) == before + 100_000
        assert debits(lender, loan) == []


async def test_a_prepayment_sent_again_to_a_later_run_draws_nothing_more(office: OpenOffice) -> None:
    async with office() as lender:
        loan = await lender.running("micro", people.earner(), amount="12000", term="24")
        await lender.until(date(2026, 1, 20))
        first = await lender.prepay(loan, 100_000, command_id="the-one-prepayment")
        run = (await lender.state(loan)).runs
        await lender.until(date(2027, 3, 10))
        assert (await lender.state(loan)).runs == run + 1

        balance, owed_fen = lender.outside.balance(LENDER), lender.loan(loan).outstanding_fen
        again = await lender.prepay(loan, 100_000, command_id="the-one-prepayment")
        assert again.payment_key == first.payment_key
        assert debits(lender, loan, PaymentKind.PREPAYMENT) == [PaymentStatus.SETTLED]
        assert (lender.outside.balance(LENDER), lender.loan(loan).outstanding_fen) == (balance, owed_fen)


# -- notices ----------------------------------------------------------------------------------------------------------


async def test_money_that_reaches_a_loan_in_its_last_moment_goes_to_finance(office: OpenOffice) -> None:
    async with office() as lender:
        loan = await lender.running("micro", people.earner(), amount="1000", term="1")
        await lender.until(date(2026, 2, 4))
        lender.outside.plan_fault("bank", "pending", operation="debits")
        drawn = await until_a_debit_is(lender, loan, PaymentStatus.PENDING, date(2026, 2, 5))
        # While the debit has no outcome, a deposit pays everything; the books close the loan and the answer is lost.
        await lender.deposit(drawn.amount_fen, f"all of {loan}", date(2026, 2, 5))
        key = effect_key(loan, "advance", (await lender.state(loan)).seq)
        order = AdvanceOrder(loan=loan, key="", n=0, day=date(2026, 2, 5))
        await do_on_books_only(lender, loan, key, repayments.advance, order)
        assert lender.loan(loan).stage is Stage.SETTLED
        reference = settle_at_bank(lender, drawn)

        await lender.minutes(10)
        await lender.eventually_closed(loan)
        assert lender.read(lambda work: work.ledger.balance(chart.SUSPENSE)) == -drawn.amount_fen
        [task] = lender.read(lambda work: work.tasks.page(FINANCE))
        assert (task.kind, task.role) == (TaskKind.UNMATCHED_MONEY, Role.FINANCE)
        assert task.about == f"bank reference {reference}: loan {loan} was closed when the money came"
        await lender.deliver()
        assert lender.read(lambda work: work.tasks.open_count()) == {TaskKind.UNMATCHED_MONEY: 1}


async def test_a_notice_of_a_debit_that_is_booked_by_then_does_not_wake_the_loan(office: OpenOffice) -> None:
    async with office() as lender:
        loan = await lender.running("micro", people.earner())
        await lender.until(date(2026, 2, 4))
        lender.outside.plan_fault("bank", "pending", operation="debits")
        drawn = await until_a_debit_is(lender, loan, PaymentStatus.PENDING, date(2026, 2, 5))
        reference = settle_at_bank(lender, drawn)
        assert lender.read(lambda work: work.outbox.has(f"money:{reference}"))
        await lender.minutes(10)
        assert lender.loan(loan).booked_to == date(2026, 2, 5)
        effects = (await lender.state(loan)).seq

        await lender.deliver()
        assert lender.read(lambda work: work.outbox.waiting()) == 0
        assert ((await lender.state(loan)).seq, await signals(lender, loan)) == (effects, 0)


async def test_a_notice_of_a_debit_that_nobody_recorded_wakes_the_loan(office: OpenOffice) -> None:
    async with office() as lender:
        loan = await lender.running("micro", people.earner())
        lender.outside.plan_fault("bank", "pending", operation="debits")
        # A business day passes without an outcome, and the next asking is days away.
        await lender.until(date(2026, 2, 7))
        [drawn] = lender.payments(loan, PaymentKind.INSTALLMENT)
        assert (drawn.status, lender.loan(loan).dpd) == (PaymentStatus.PENDING, 1)
        reference = settle_at_bank(lender, drawn)
        await lender.deliver()
        await lender.eventually(lambda: lender.loan(loan).dpd == 0, lambda: f"{reference} is not booked")
        assert await signals(lender, loan) == 1
        assert lender.loan(loan).booked_to == date(2026, 2, 7)
        assert await lender.today() == date(2026, 2, 7)
