"""A loan whose workflow is lost is taken up from the books at its stage, and no effect happens twice."""

from datetime import timedelta

from console.rebuild import compare_stages, rebuild
from models.keys import workflow_id
from models.loans import Stage
from models.payments import PaymentKind, PaymentStatus
from models.tasks import Outcome
from tests.workflows import people
from tests.workflows.conftest import OpenOfficeWithDays
from tests.workflows.harness import FINANCE, Office


async def lose(lender: Office, loan: str) -> None:
    """The engine loses the loan, and the books bring it back."""
    before = lender.read(lambda work: work.outbox.last_effect(loan))
    await lender.engine.client.get_workflow_handle(workflow_id(loan)).terminate("lost, for a test")
    [difference] = await compare_stages(lender.books, lender.commands)
    assert (difference.loan, difference.engine) == (loan, None)

    assert await rebuild(lender.books, lender.commands) == [loan]

    assert await rebuild(lender.books, lender.commands) == []
    assert (await lender.state(loan)).seq > before


async def test_a_loan_lost_before_approval_and_at_each_stage_until_the_payout_goes_on(
    office_in_real_time: OpenOfficeWithDays,
) -> None:
    async with office_in_real_time(0.3) as lender:
        loan = await lender.apply("micro", people.earner(), changes={"amount": "1000", "term": "1"})
        await lender.at(loan, Stage.APPROVAL)
        await lose(lender, loan)
        await lender.decide(loan, Outcome.RETURN)
        await lender.at(loan, Stage.RETURNED)
        await lose(lender, loan)
        await lender.complete(loan)
        await lender.at(loan, Stage.APPROVAL)
        rounds = {row.round for row in lender.read(lambda work: work.documents.answers(loan))}
        assert rounds == {1, 2}
        await lose(lender, loan)
        await lender.decide(loan, Outcome.APPROVE)
        await lender.at(loan, Stage.ACCEPTANCE)
        await lose(lender, loan)
        lender.outside.plan_fault("bank", "decline", operation="transfers")
        await lender.accept(loan)
        await lender.at(loan, Stage.PAYOUT_FAILED)
        await lose(lender, loan)
        await lender.decide(loan, Outcome.APPROVE, by=FINANCE)
        await lender.at(loan, Stage.REPAYMENT)
        await lose(lender, loan)
        await lender.at(loan, Stage.SETTLED)

        assert len(lender.payments(loan, PaymentKind.INSTALLMENT)) == 1
        assert await compare_stages(lender.books, lender.commands) == []


async def test_a_loan_lost_while_the_registers_are_asked_asks_those_that_have_not_answered(
    office_in_real_time: OpenOfficeWithDays,
) -> None:
    async with office_in_real_time(60) as lender:
        lender.outside.plan_fault("bureau", "error_503", times=2)
        loan = await lender.apply("micro", people.earner())
        await lender.eventually(
            lambda: len(lender.read(lambda work: work.documents.answers(loan))) == 3, lambda: "no register has answered"
        )
        calls = lender.outside.answer("GET", "/control/calls")
        await lose(lender, loan)
        await lender.at(loan, Stage.APPROVAL)
        after = lender.outside.answer("GET", "/control/calls")
        assert after["identity/checks"] == calls["identity/checks"]
        assert after["bureau/reports"] > calls["bureau/reports"]


async def test_a_loan_lost_during_the_payout_is_paid_once(office_in_real_time: OpenOfficeWithDays) -> None:
    async with office_in_real_time(60) as lender:
        student = people.student()
        before = lender.outside.balance(student.account)
        lender.outside.plan_fault("bank", "slow", operation="transfers", delay_ms=0)
        lender.outside.plan_fault("bank", "pending", operation="transfers")
        loan = await lender.offered("student", student)
        await lender.accept(loan)
        await lender.eventually(
            lambda: [one.status for one in lender.payments(loan)] == [PaymentStatus.SETTLED, PaymentStatus.PENDING],
            lambda: str([one.status for one in lender.payments(loan)]),
        )
        await lose(lender, loan)
        lender.outside.answer("POST", "/control/settlements", {"end_to_end_id": f"{loan}:disbursement:2"})
        await lender.at(loan, Stage.REPAYMENT)
        assert [one.status for one in lender.payments(loan)] == [PaymentStatus.SETTLED] * 2
        assert lender.outside.balance(student.account) == before + 400_000


async def test_a_loan_lost_between_debit_and_booking_books_the_debit_and_draws_nothing_again(
    office_in_real_time: OpenOfficeWithDays,
) -> None:
    async with office_in_real_time(0.1) as lender:
        loan = await lender.offered("micro", people.earner(), amount="1000", term="1")
        lender.outside.plan_fault("bank", "pending", operation="debits")
        await lender.accept(loan)
        await lender.eventually(
            lambda: [one.status for one in lender.payments(loan, PaymentKind.INSTALLMENT)] == [PaymentStatus.PENDING],
            lambda: str(lender.payments(loan)),
        )
        await lose(lender, loan)
        [drawn] = lender.payments(loan, PaymentKind.INSTALLMENT)
        lender.outside.answer("POST", "/control/settlements", {"end_to_end_id": drawn.key})
        settled = await lender.at(loan, Stage.SETTLED)
        [only] = lender.payments(loan, PaymentKind.INSTALLMENT)
        assert (only.key, only.settled_fen, only.value_date) == (drawn.key, drawn.amount_fen, settled.closed_on)


async def test_a_loan_lost_for_weeks_lives_through_the_days_it_missed_under_their_dates(
    office_in_real_time: OpenOfficeWithDays,
) -> None:
    async with office_in_real_time(0.1) as lender:
        loan = await lender.running("micro", people.earner(), term="3")
        first_due = lender.loan(loan).next_due
        assert first_due is not None
        await lender.engine.client.get_workflow_handle(workflow_id(loan)).terminate("lost, for a test")
        await lender.until(first_due + timedelta(days=45))
        assert await rebuild(lender.books, lender.commands) == [loan]
        await lender.at(loan, Stage.SETTLED)
        drawn = lender.payments(loan, PaymentKind.INSTALLMENT)
        planned = [row.due for row in lender.account(loan).rows]
        assert [one.value_date for one in drawn] == planned
        assert lender.account(loan).charged.penalty == 0
        assert "overdue" not in lender.messages(loan)
