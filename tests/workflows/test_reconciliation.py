"""The daily reconciliation against a bank whose notices never arrive, and money that is sent back through it."""

import uuid
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from datetime import date
from pathlib import Path

import pytest
from temporalio.testing import WorkflowEnvironment

from models import ledger as chart
from models.keys import LOANS_QUEUE
from models.payments import PaymentKind, PaymentStatus, ProposalKind, ToldBy
from models.reconciliation import DaysReconciled, DifferenceKind
from models.recurring import DailyOrder
from models.staff import Actor, Role
from models.tasks import TaskKind
from services import unmatched
from services.bank import BankMovement, record_movement
from tests.simulators.running import Outside, running_outside
from tests.workflows import people
from tests.workflows.harness import FINANCE, Office, SkippingEngine, open_office

COLLEAGUE = Actor("finance-zhou", Role.FINANCE)
DAY = date(2026, 1, 5)


@pytest.fixture
def own_bank(tmp_path: Path) -> Iterator[Outside]:
    """A bank that no other lender has an account at."""
    with running_outside(tmp_path / "bank") as outside:
        yield outside


@asynccontextmanager
async def lending(server: WorkflowEnvironment, template: Path, bank: Outside) -> AsyncIterator[Office]:
    async with open_office(SkippingEngine(server), template, bank) as lender:
        yield lender


async def reconcile(lender: Office, *, minutes: int = 0) -> DaysReconciled:
    """What the scheduled workflow comes to, for which so many minutes pass."""
    client = lender.engine.client
    run_id = f"reconciliation/{uuid.uuid4().hex}"
    order = DailyOrder(clock=lender.books.clock)
    await client.start_workflow("Reconciliation", order, id=run_id, task_queue=LOANS_QUEUE)
    if minutes:
        await lender.minutes(minutes)
    # To wait for the result by the handle that the start gives would let time pass.
    done: DaysReconciled = await client.get_workflow_handle(run_id, result_type=DaysReconciled).result()
    return done


def pays(lender: Office, payer: tuple[str, str], fen: int, text: str, on: date = DAY) -> str:
    """A transfer that the bank tells nobody of; returns its reference."""
    order = {
        "end_to_end_id": f"unheard-{uuid.uuid4().hex[:8]}",
        "from_account": payer[0],
        "from_name": payer[1],
        "amount_fen": fen,
        "value_date": on.isoformat(),
        "text": text,
    }
    return str(lender.outside.answer("POST", "/bank/deposits", order)["bank_reference"])


def told(lender: Office) -> list[tuple[DifferenceKind, str]]:
    found = lender.read(lambda work: work.reconciliation.differences(date.min, date.max))
    return [(one.kind, one.subject) for one in found]


async def test_a_day_whose_notices_were_lost_is_booked_from_its_statement(
    time_skipping_server: WorkflowEnvironment, books_template: Path, own_bank: Outside
) -> None:
    async with lending(time_skipping_server, books_template, own_bank) as lender:
        payer = people.earner()
        loan = await lender.running("micro", payer)
        reference = pays(lender, (payer.account, payer.name), 12_345, f"还款 {loan}")
        await lender.until(date(2026, 1, 6))

        done = await reconcile(lender)

        assert (done.reconciled, done.without_statement) == (1, 0)
        assert told(lender) == [(DifferenceKind.MISSING_IN_BOOKS, reference)]
        [payout] = lender.payments(loan, PaymentKind.DISBURSEMENT)
        entry = lender.read(lambda work: work.payments.entry(payout.bank_reference or ""))
        assert entry is not None
        assert (entry.told_by, entry.matched, entry.loan) == (ToldBy.STATEMENT, True, loan)
        await lender.deliver()
        await lender.eventually(lambda: lender.account(loan).credit_fen == 12_345, lambda: str(lender.loan(loan)))

        again = await reconcile(lender)
        assert (again.reconciled, told(lender)) == (0, [(DifferenceKind.MISSING_IN_BOOKS, reference)])


async def test_days_without_a_statement_are_told_and_caught_up(
    time_skipping_server: WorkflowEnvironment, books_template: Path, own_bank: Outside
) -> None:
    async with lending(time_skipping_server, books_template, own_bank) as lender:
        await lender.running("micro", people.earner())
        await lender.until(date(2026, 1, 6))
        own_bank.plan_fault("bank", "error_503", operation="statements", times=1000)

        missed = await reconcile(lender, minutes=30)

        assert (missed.reconciled, missed.without_statement) == (0, 1)
        assert told(lender) == [(DifferenceKind.STATEMENT_GAP, "2026-01-05")]
        own_bank.call("DELETE", "/control/faults")
        await lender.until(date(2026, 1, 9))
        caught_up = await reconcile(lender)
        assert (caught_up.reconciled, caught_up.without_statement) == (4, 0)
        assert told(lender) == [(DifferenceKind.STATEMENT_GAP, "2026-01-05")]


async def test_unmatched_money_goes_back_to_its_payer_through_the_bank_once(
    time_skipping_server: WorkflowEnvironment, books_template: Path, own_bank: Outside
) -> None:
    async with lending(time_skipping_server, books_template, own_bank) as lender:
        payer = people.earner()
        before = own_bank.balance(payer.account)
        reference = pays(lender, (payer.account, payer.name), 5_000, "thank you")
        movement = BankMovement(reference, "in", 5_000, DAY, None, payer.name, None, counterparty_account=payer.account)
        with lender.books.begin(lender.books.clock.opens_at(DAY)) as work:
            task = work.tasks.get(record_movement(work, movement).task_id or "")
            proposal = unmatched.propose(work, FINANCE, task, ProposalKind.REFUND, None, "nobody knows it")
            unmatched.give_verdict(work, COLLEAGUE, task, confirmed=True, reason="sent back")
        own_bank.plan_fault("bank", "lost_answer", operation="transfers")

        await lender.deliver()
        await lender.deliver()

        refund = lender.read(lambda work: work.payments.get(f"R:{proposal.id}"))
        assert refund is not None
        assert (refund.status, refund.booked) == (PaymentStatus.SETTLED, True)
        assert own_bank.balance(payer.account) == before + 5_000
        assert lender.read(lambda work: work.ledger.balance(chart.SUSPENSE)) == 0
        assert lender.read(lambda work: work.tasks.open_count()).get(TaskKind.UNMATCHED_MONEY) is None
