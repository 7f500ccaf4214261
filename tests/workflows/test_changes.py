"""Changes under four eyes on running workflows: applied, refused, stale, withdrawn, expired, sent twice, and after."""

import asyncio
from datetime import date, timedelta
from typing import Any

import pytest

from books.changes import Change
from models import ledger as chart
from models.changes import ChangeKind, ChangeStatus
from models.loans import Stage
from models.messages import ChangeOrder, ChangeWithdrawal, CommandResult
from models.payments import PaymentKind
from models.staff import Actor, Role
from models.tasks import Outcome, TaskKind
from services.errors import ChangeStale
from services.loans import order_from_books
from tests.workflows import people
from tests.workflows.conftest import OpenOffice
from tests.workflows.harness import FINANCE, MANAGER, RISK, Office, refused, sender_of

OTHER_FINANCE = Actor("finance-zhou", Role.FINANCE)
DEFERRAL: dict[str, Any] = {"periods": 2, "component": "principal"}
FIRST_DUE = date(2026, 2, 5)


async def propose(
    lender: Office, loan: str, kind: ChangeKind, asked: dict[str, Any] | None = None, *, command_id: str | None = None
) -> CommandResult:
    """A manager's proposal, or a correction by finance."""
    by = FINANCE if kind is ChangeKind.CORRECTION else MANAGER
    order = ChangeOrder(
        sender=sender_of(by),
        command_id=command_id or f"change-{loan}-{len(changes(lender, loan))}",
        kind=kind,
        asked=asked or {},
        reason="agreed with the borrower",
    )
    return await lender.commands.propose_change(loan, order)


async def decide(lender: Office, loan: str, outcome: Outcome = Outcome.APPROVE) -> CommandResult:
    """Somebody else's decision on it."""
    [task] = lender.tasks(loan, TaskKind.CHANGE)
    by = OTHER_FINANCE if task.role is Role.FINANCE else RISK
    return await lender.decide(loan, outcome, by=by, task=task.id)


async def change(lender: Office, loan: str, kind: ChangeKind, asked: dict[str, Any] | None = None) -> None:
    """A change proposed and approved."""
    await propose(lender, loan, kind, asked)
    await decide(lender, loan)
    assert changes(lender, loan)[0].status is ChangeStatus.APPLIED
    lender.check_the_books()


def changes(lender: Office, loan: str) -> list[Change]:
    """The loan's proposals, newest first."""
    return lender.read(lambda work: work.changes.of_loan(loan))


def event_keys(lender: Office, loan: str) -> list[str]:
    """The loan's events in their order."""
    return lender.read(lambda work: [event.key for event in work.loans.events(loan)])


def recovered(lender: Office) -> int:
    """What came in after write-offs, in fen."""
    return -lender.read(lambda work: work.ledger.balance(chart.RECOVERY_INCOME))


async def test_a_deferral_moves_what_is_drawn_and_the_last_day(office: OpenOffice) -> None:
    async with office() as lender:
        loan = await lender.running("micro", people.earner())
        await lender.until(date(2026, 1, 20))
        before = lender.account(loan)
        result = await propose(lender, loan, ChangeKind.DEFERRAL, DEFERRAL)
        assert (result.stage, result.proposal) == (Stage.REPAYMENT, changes(lender, loan)[0].proposal.id)
        [waiting] = (await lender.state(loan)).changes
        assert waiting.expires_on == date(2026, 1, 27)
        await decide(lender, loan)
        after = lender.account(loan)
        assert len(after.rows) == len(before.rows) + 2
        assert (await lender.state(loan)).changes == ()

        await lender.until(FIRST_DUE)
        [drawn] = lender.payments(loan, PaymentKind.INSTALLMENT)
        assert drawn.settled_fen == after.rows[0].interest < before.rows[0].total
        await lender.until(after.rows[-1].due)
        assert (await lender.at(loan, Stage.SETTLED)).closed_on == after.rows[-1].due


async def test_every_kind_of_change_is_applied_and_the_loan_lives_on(office: OpenOffice) -> None:
    async with office() as lender:
        loan = await lender.running("micro", people.earner())
        await lender.until(date(2026, 1, 20))
        await change(lender, loan, ChangeKind.RATE_CHANGE, {"annual_rate_percent": "6.00"})
        await change(lender, loan, ChangeKind.FEE, {"amount": "20.00", "due": "2026-02-05"})
        await change(lender, loan, ChangeKind.RESTRUCTURING, {"extra_periods": 2})
        await change(lender, loan, ChangeKind.WAIVER, {"amount": "50.00", "component": "principal"})
        await lender.until(FIRST_DUE)
        [drawn] = lender.payments(loan, PaymentKind.INSTALLMENT)
        row = lender.account(loan).rows[0]
        assert (row.fee, row.outstanding) == (2_000, 0)
        assert drawn.settled_fen == row.paid == row.total - 5_000
        terms = lender.read(lambda work: work.loans.terms(loan))
        assert terms is not None
        assert terms.version == 3
        last = lender.account(loan).rows[-1].due
        await lender.until(last)
        await lender.at(loan, Stage.SETTLED)
        await lender.eventually_closed(loan)


async def test_a_refused_proposal_is_gone_and_the_day_comes_as_planned(office: OpenOffice) -> None:
    async with office() as lender:
        loan = await lender.running("micro", people.earner())
        before = (await lender.state(loan)).next_day
        await propose(lender, loan, ChangeKind.DEFERRAL, DEFERRAL)
        await decide(lender, loan, Outcome.REFUSE)
        await lender.eventually(
            lambda: lender.loan(loan).booked_to is not None, lambda: "the account was not looked at"
        )
        state = await lender.state(loan)
        assert (state.next_day, state.changes) == (before, ())
        await lender.until(FIRST_DUE)
        assert len(lender.payments(loan, PaymentKind.INSTALLMENT)) == 1


async def test_a_proposal_that_is_not_true_any_more_is_refused_and_can_be_withdrawn(office: OpenOffice) -> None:
    async with office() as lender:
        loan = await lender.running("micro", people.earner())
        await lender.until(date(2026, 2, 3))
        proposal = (await propose(lender, loan, ChangeKind.DEFERRAL, DEFERRAL)).proposal or ""
        await lender.until(FIRST_DUE)
        with refused(ChangeStale.code):
            await decide(lender, loan)
        for by, code in ((RISK, "not_allowed"), (MANAGER, None)):
            withdrawal = ChangeWithdrawal(sender=sender_of(by), command_id=f"back-{by.id}", proposal=proposal)
            if code:
                with refused(code):
                    await lender.commands.take_back_change(loan, withdrawal)
            else:
                await lender.commands.take_back_change(loan, withdrawal)
        assert changes(lender, loan)[0].status is ChangeStatus.WITHDRAWN
        assert (await lender.state(loan)).changes == ()
        assert lender.tasks(loan) == []


async def test_a_proposal_that_nobody_decides_expires_by_itself(office: OpenOffice) -> None:
    async with office() as lender:
        loan = await lender.running("micro", people.earner())
        await propose(lender, loan, ChangeKind.DEFERRAL, DEFERRAL)
        [task] = lender.tasks(loan, TaskKind.CHANGE)
        await lender.until(date(2026, 1, 12))
        assert changes(lender, loan)[0].status is ChangeStatus.OPEN
        await lender.until(date(2026, 1, 13))
        assert changes(lender, loan)[0].status is ChangeStatus.EXPIRED
        with refused("task_closed"):
            await lender.decide(loan, Outcome.APPROVE, task=task.id)
        await lender.until(FIRST_DUE)
        assert len(lender.payments(loan, PaymentKind.INSTALLMENT)) == 1


async def test_the_same_command_twice_is_one_proposal_and_one_change(office: OpenOffice) -> None:
    async with office() as lender:
        loan = await lender.running("micro", people.earner())
        first, again = await asyncio.gather(
            propose(lender, loan, ChangeKind.DEFERRAL, DEFERRAL, command_id="same"),
            propose(lender, loan, ChangeKind.DEFERRAL, DEFERRAL, command_id="same"),
        )
        assert first.proposal == again.proposal
        [task] = lender.tasks(loan, TaskKind.CHANGE)
        decision = lender.decision(loan, Outcome.APPROVE, task=task.id)
        once = await lender.commands.decide(loan, decision)
        assert await lender.commands.decide(loan, decision) == once
        with refused("task_closed"):
            await lender.decide(loan, Outcome.APPROVE, task=task.id)
        assert len(event_keys(lender, loan)) == 2
        with refused("idempotency_conflict"):
            await propose(lender, loan, ChangeKind.WRITE_OFF, command_id="same")


async def test_a_decision_whose_sender_does_not_wait_is_applied_as_well(office: OpenOffice) -> None:
    async with office() as lender:
        loan = await lender.running("micro", people.earner())
        await propose(lender, loan, ChangeKind.DEFERRAL, DEFERRAL)
        [task] = lender.tasks(loan, TaskKind.CHANGE)
        decision = lender.decision(loan, Outcome.APPROVE, task=task.id).model_copy(update={"waits": False})
        await lender.signal_decision(decision, loan)
        await lender.eventually(
            lambda: changes(lender, loan)[0].status is ChangeStatus.APPLIED, lambda: "it is not applied"
        )


async def test_the_proposer_decides_nothing(office: OpenOffice) -> None:
    async with office() as lender:
        loan = await lender.running("micro", people.earner())
        await propose(lender, loan, ChangeKind.CORRECTION, {"amount": "10.00", "channel": "cash"})
        [task] = lender.tasks(loan, TaskKind.CHANGE)
        with refused("own_change"):
            await lender.decide(loan, Outcome.APPROVE, by=FINANCE, task=task.id)
        with refused("not_allowed"):
            await lender.decide(loan, Outcome.APPROVE, by=RISK, task=task.id)
        await lender.decide(loan, Outcome.APPROVE, by=OTHER_FINANCE, task=task.id)


async def test_a_written_off_loan_waits_for_money_and_books_it_as_recovery(office: OpenOffice) -> None:
    async with office() as lender:
        person = people.earner()
        loan = await lender.running("micro", person)
        lender.outside.plan_fault("bank", "decline", operation="debits", times=100)
        await lender.until(date(2026, 5, 20))
        await change(lender, loan, ChangeKind.WRITE_OFF)
        drawn = len(lender.payments(loan, PaymentKind.INSTALLMENT))
        owed = lender.account(loan).written_off.borrower_total
        await lender.until(date(2026, 9, 1))
        assert await lender.is_running(loan)
        assert len(lender.payments(loan, PaymentKind.INSTALLMENT)) == drawn
        with refused("invalid_prepayment"):
            await lender.prepay(loan)

        await lender.deposit(100_000, f"还款 {loan}", date(2026, 9, 1))
        await lender.eventually(lambda: recovered(lender) == 100_000, lambda: f"{recovered(lender)} are recovered")
        assert lender.loan(loan).stage is Stage.REPAYMENT
        lender.check_the_books()

        await lender.until(date(2027, 3, 1))
        await lender.deposit(owed - 100_000, f"还款 {loan}", date(2027, 3, 1))
        await lender.at(loan, Stage.SETTLED)
        await lender.eventually_closed(loan)


async def test_all_after_a_reversal_is_computed_anew_and_drawn_again(office: OpenOffice) -> None:
    async with office() as lender:
        loan = await lender.running("micro", people.earner())
        await lender.until(FIRST_DUE)
        await lender.until(FIRST_DUE + timedelta(days=10))
        await change(lender, loan, ChangeKind.CORRECTION, {"of": event_keys(lender, loan)[1]})
        found = lender.loan(loan)
        assert (found.dpd, found.next_due) == (10, date(2026, 3, 5))
        assert lender.account(loan).penalty_outstanding_fen > 0
        await lender.until(date(2026, 3, 6))
        assert lender.loan(loan).dpd == 0
        assert lender.account(loan).rows[0].penalty > 0


async def test_a_back_dated_repayment_takes_the_penalty_away_again(office: OpenOffice) -> None:
    async with office() as lender:
        loan = await lender.running("micro", people.earner())
        lender.outside.plan_fault("bank", "decline", operation="debits", times=100)
        await lender.until(FIRST_DUE + timedelta(days=10))
        late = lender.account(loan)
        assert late.penalty_outstanding_fen > 0
        amount = f"{late.rows[0].total / 100 - late.rows[0].penalty / 100:.2f}"
        asked = {"amount": amount, "received_on": FIRST_DUE.isoformat(), "channel": "cash"}
        await change(lender, loan, ChangeKind.CORRECTION, asked)
        found = lender.account(loan)
        assert (found.penalty_outstanding_fen, found.dpd, found.rows[0].paid_on) == (0, 0, FIRST_DUE)
        assert lender.tasks(loan, TaskKind.OVERDUE) == []


async def test_a_proposal_is_still_known_after_the_engine_was_rebuilt(office: OpenOffice) -> None:
    async with office() as lender:
        loan = await lender.running("micro", people.earner())
        await propose(lender, loan, ChangeKind.DEFERRAL, DEFERRAL)
        known = (await lender.state(loan)).changes
        assert known
        await lender.commands.look_again(loan)
        assert (await lender.state(loan)).changes == known
        order = lender.read(lambda work: order_from_books(work, work.loans.get(loan)))
        assert order.changes == known


async def test_a_loan_that_is_not_running_takes_no_proposal(office: OpenOffice) -> None:
    async with office() as lender:
        loan = await lender.offered("micro", people.earner())
        with refused("wrong_stage"):
            await propose(lender, loan, ChangeKind.DEFERRAL, DEFERRAL)
        assert changes(lender, loan) == []


@pytest.mark.parametrize("kind", [ChangeKind.WAIVER, ChangeKind.RESTRUCTURING])
async def test_what_cannot_be_is_refused_and_leaves_nothing(office: OpenOffice, kind: ChangeKind) -> None:
    async with office() as lender:
        loan = await lender.running("micro", people.earner())
        with refused("invalid_event" if kind is ChangeKind.WAIVER else "invalid_change"):
            await propose(lender, loan, kind, {})
        assert changes(lender, loan) == []
        assert (await lender.state(loan)).changes == ()
