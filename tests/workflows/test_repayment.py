"""Money in: late, in part, too much, from the state, for a loan that is closed."""

from datetime import date

from models import ledger as chart
from models.loans import Stage
from models.payments import PaymentKind, PaymentStatus
from models.staff import Role
from models.tasks import TaskKind
from services.reports import funds
from tests.workflows import people
from tests.workflows.conftest import OpenOffice
from tests.workflows.harness import Office

FOREVER = 1000


def overdue_messages(lender: Office, loan: str) -> int:
    """How often the borrower was told that he is late."""
    return lender.messages(loan).count("overdue")


async def test_arrears_grow_by_milestones_until_a_deposit_with_penalty_clears_them(office: OpenOffice) -> None:
    async with office() as lender:
        loan = await lender.running("micro", people.earner())
        lender.outside.plan_fault("bank", "decline", operation="debits", times=FOREVER)

        await lender.until(date(2026, 2, 5))
        row = lender.loan(loan)
        assert (row.dpd, row.overdue_fen, overdue_messages(lender, loan)) == (0, 0, 0)

        await lender.until(date(2026, 2, 6))
        row = lender.loan(loan)
        assert (row.dpd, row.high_risk, overdue_messages(lender, loan)) == (1, False, 1)
        assert row.overdue_fen > 100_000
        assert lender.tasks(loan) == []

        await lender.until(date(2026, 2, 9))
        [call] = lender.tasks(loan)
        assert (call.kind, call.role, lender.loan(loan).dpd) == (TaskKind.OVERDUE, Role.AGENT, 4)

        await lender.until(date(2026, 2, 20))
        assert (lender.loan(loan).dpd, overdue_messages(lender, loan)) == (15, 4)
        assert [task.id for task in lender.tasks(loan)] == [call.id]

        await lender.until(date(2026, 3, 8))
        row = lender.loan(loan)
        # Days past due are those of the oldest installment, though a second one fell due in between.
        assert (row.dpd, row.high_risk) == (31, True)

        await lender.until(date(2026, 3, 10))
        due_fen = lender.account(loan, date(2026, 3, 10)).due_fen
        await lender.deposit(due_fen, f"late, sorry, {loan}", date(2026, 3, 10))
        await lender.eventually(lambda: lender.loan(loan).dpd == 0, lambda: str(lender.loan(loan)))
        row = lender.loan(loan)
        assert (row.overdue_fen, row.high_risk) == (0, False)
        assert lender.tasks(loan) == []
        penalty_fen = lender.account(loan).allocated.penalty
        assert penalty_fen > 0
        assert lender.read(funds).penalties == penalty_fen

        lender.outside.call("DELETE", "/control/faults")
        await lender.until(date(2026, 7, 5))
        await lender.at(loan, Stage.SETTLED)
        assert overdue_messages(lender, loan) == 5


async def test_an_account_that_holds_too_little_pays_in_part_and_the_rest_when_it_can(office: OpenOffice) -> None:
    async with office() as lender:
        loan = await lender.running("auto", people.short_of_money())
        # On the due date there are 1,730 yuan: what he had and the salary of January 15.
        await lender.until(date(2026, 2, 5))
        [first] = lender.payments(loan, PaymentKind.INSTALLMENT)
        assert 0 < first.settled_fen < first.amount_fen
        missing_fen = first.amount_fen - first.settled_fen

        await lender.until(date(2026, 2, 6))
        row = lender.loan(loan)
        second = lender.payments(loan, PaymentKind.INSTALLMENT)[-1]
        assert (row.dpd, row.overdue_fen) == (1, missing_fen)
        assert (second.status, second.reason_code) == (PaymentStatus.DECLINED, "insufficient_funds")
        assert second.amount_fen == missing_fen

        # The salary of February 15 is there when the milestone of 15 days asks again.
        await lender.until(date(2026, 2, 20))
        row = lender.loan(loan)
        assert (row.dpd, row.overdue_fen) == (0, 0)
        # What is left is about the new car alone: to be registered and insured.
        assert {task.kind for task in lender.tasks(loan)} == {TaskKind.REGISTRATION, TaskKind.INSURANCE}


async def test_a_late_engine_makes_nobody_late(office: OpenOffice) -> None:
    async with office() as lender:
        loan = await lender.running("micro", people.earner())
        lender.outside.plan_fault("bank", "error_503", operation="debits", times=20)
        await lender.until(date(2026, 2, 6))
        [drawn] = lender.payments(loan, PaymentKind.INSTALLMENT)
        assert (drawn.status, drawn.value_date) == (PaymentStatus.SETTLED, date(2026, 2, 5))
        assert (lender.loan(loan).dpd, overdue_messages(lender, loan)) == (0, 0)


async def test_a_debit_without_an_outcome_is_asked_about_and_not_drawn_twice(office: OpenOffice) -> None:
    async with office() as lender:
        person = people.earner()
        loan = await lender.running("micro", person)
        lender.outside.plan_fault("bank", "pending", operation="debits")
        # A business day without an outcome, then the account goes on as unpaid.
        await lender.until(date(2026, 2, 7))
        [drawn] = lender.payments(loan, PaymentKind.INSTALLMENT)
        assert (drawn.status, lender.loan(loan).dpd) == (PaymentStatus.PENDING, 1)

        lender.outside.answer("POST", "/control/settlements", {"end_to_end_id": drawn.key})
        await lender.until(date(2026, 2, 10))
        assert [payment.status for payment in lender.payments(loan, PaymentKind.INSTALLMENT)] == [PaymentStatus.SETTLED]
        row = lender.loan(loan)
        # The money was there on the due date, so nothing was late and no penalty remains.
        assert (row.dpd, lender.account(loan).charged.penalty) == (0, 0)
        await lender.until(date(2026, 7, 5))
        await lender.at(loan, Stage.SETTLED)


async def test_the_states_late_subsidy_makes_no_student_overdue(office: OpenOffice) -> None:
    async with office() as lender:
        loan = await lender.running("student", people.student())
        lender.outside.plan_fault("bank", "decline", operation="debits", times=2)
        await lender.until(date(2026, 3, 20))
        row = lender.loan(loan)
        assert (row.dpd, row.overdue_fen, overdue_messages(lender, loan)) == (0, 0, 0)
        assert lender.account(loan).subsidy_outstanding_fen > 0
        [told] = lender.tasks(loan)
        assert (told.about, told.role) == ("the state declined a subsidy claim", Role.FINANCE)

        await lender.until(date(2026, 4, 5))
        assert lender.account(loan).subsidy_outstanding_fen == 0
        claims = lender.payments(loan, PaymentKind.SUBSIDY)
        assert [claim.status for claim in claims] == [PaymentStatus.DECLINED] * 2 + [PaymentStatus.SETTLED]
        assert claims[-1].settled_fen == lender.read(funds).received_from_state


async def test_money_ahead_of_time_is_kept_and_used_on_the_due_date(office: OpenOffice) -> None:
    async with office() as lender:
        loan = await lender.running("micro", people.earner())
        first_fen = lender.loan(loan).next_due_fen
        await lender.until(date(2026, 1, 20))
        await lender.deposit(first_fen - 10_000, f"for {loan}", date(2026, 1, 20))
        await lender.eventually(
            lambda: lender.loan(loan).booked_to == date(2026, 1, 20), lambda: str(lender.loan(loan).booked_to)
        )
        assert lender.account(loan).credit_fen == first_fen - 10_000
        assert lender.loan(loan).outstanding_fen == 600_000

        await lender.until(date(2026, 2, 5))
        [drawn] = lender.payments(loan, PaymentKind.INSTALLMENT)
        assert drawn.settled_fen == 10_000
        assert lender.account(loan).credit_fen == 0


async def test_what_a_settled_loan_has_too_much_is_given_to_finance_to_refund(office: OpenOffice) -> None:
    async with office() as lender:
        loan = await lender.running("micro", people.earner(), amount="1000", term="1")
        await lender.until(date(2026, 2, 1))
        await lender.deposit(lender.loan(loan).next_due_fen + 12_345, f"all of {loan}", date(2026, 2, 1))
        await lender.until(date(2026, 2, 5))
        await lender.at(loan, Stage.SETTLED)
        [refund] = lender.tasks(loan)
        assert (refund.kind, refund.role) == (TaskKind.UNMATCHED_MONEY, Role.FINANCE)
        assert "123.45" in refund.about
        assert lender.payments(loan, PaymentKind.INSTALLMENT) == []
        assert lender.read(funds).unallocated == 12_345


async def test_money_for_a_closed_loan_or_for_none_goes_to_suspense_with_a_task(office: OpenOffice) -> None:
    async with office() as lender:
        loan = await lender.running("micro", people.earner(), amount="1000", term="1")
        await lender.until(date(2026, 2, 5))
        await lender.at(loan, Stage.SETTLED)
        await lender.deposit(5_000, f"once more {loan}", date(2026, 2, 6))
        await lender.deposit(7_000, "for whom it concerns", date(2026, 2, 6))
        assert lender.read(lambda work: work.ledger.balance(chart.SUSPENSE)) == -12_000
        open_tasks = lender.read(lambda work: work.tasks.open_count())
        assert open_tasks == {TaskKind.UNMATCHED_MONEY: 2}


async def test_money_whose_signal_comes_after_the_settlement_is_booked_once(office: OpenOffice) -> None:
    async with office() as lender:
        loan = await lender.running("micro", people.earner(), amount="1000", term="1")
        await lender.until(date(2026, 2, 4))
        await lender.deposit(5_000, f"something for {loan}", date(2026, 2, 4), drain=False)
        await lender.engine.wait_until(lender.books.clock.opens_at(date(2026, 2, 6)))
        await lender.at(loan, Stage.SETTLED)
        await lender.deliver()
        assert lender.read(lambda work: work.outbox.waiting()) == 0
        [drawn] = lender.payments(loan, PaymentKind.INSTALLMENT)
        assert drawn.settled_fen + 5_000 == 100_000 + lender.account(loan).charged.interest
        assert lender.read(lambda work: work.ledger.balance(chart.SUSPENSE)) == 0
        assert lender.tasks(loan) == []
