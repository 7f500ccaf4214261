"""Representative lives of loans: lived on the development server to record, on the time-skipping one to compare."""

from collections.abc import Awaitable, Callable
from datetime import date, timedelta

from models.loans import Stage
from models.tasks import Outcome
from tests.workflows import people
from tests.workflows.harness import FINANCE, Office


async def repaid_over_a_year(lender: Office) -> str:
    """Thirteen installments on time: origination, a year of repayment, and the rest."""
    loan = await lender.running("micro", people.earner(), term="13")
    await lender.until(date(2027, 2, 5))
    await lender.at(loan, Stage.SETTLED)
    return loan


async def recalled_and_prepaid(lender: Office) -> str:
    """A payee declines, the other's money comes back, both are paid; two subsidies, two prepayments."""
    lender.outside.plan_fault("bank", "slow", operation="transfers", delay_ms=0)
    lender.outside.plan_fault("bank", "decline", operation="transfers")
    loan = await lender.offered("student", people.student(), tuition="1000")
    await lender.accept(loan)
    await lender.at(loan, Stage.PAYOUT_FAILED)
    await lender.decide(loan, Outcome.APPROVE, by=FINANCE)
    running = await lender.at(loan, Stage.REPAYMENT)
    assert running.disbursed_on is not None
    await lender.until(running.disbursed_on + timedelta(days=66))
    await lender.prepay(loan, 300_000, "reduce_term")
    await lender.until(running.disbursed_on + timedelta(days=76))
    await lender.prepay(loan)
    # What the state owes for the days since its last payment is claimed a week later.
    await lender.until(running.disbursed_on + timedelta(days=85))
    await lender.at(loan, Stage.SETTLED)
    return loan


async def late_and_paid_by_deposit(lender: Office) -> str:
    """Two debits are declined, a deposit clears the arrears, the last installment is drawn."""
    lender.outside.plan_fault("bank", "decline", operation="debits", times=4)
    loan = await lender.running("micro", people.earner(), term="3")
    due = lender.loan(loan).next_due
    assert due is not None
    paid_on = due + timedelta(days=11)
    await lender.until(paid_on)
    await lender.deposit(lender.account(loan, paid_on).due_fen, f"for {loan}", paid_on)
    await lender.until(due + timedelta(days=70))
    await lender.at(loan, Stage.SETTLED)
    return loan


async def returned_and_withdrawn(lender: Office) -> str:
    """Sent back, completed, verified again, approved for less, withdrawn."""
    loan = await lender.apply("micro", people.earner())
    await lender.at(loan, Stage.APPROVAL)
    await lender.decide(loan, Outcome.RETURN)
    await lender.complete(loan)
    await lender.at(loan, Stage.APPROVAL)
    await lender.decide(loan, Outcome.APPROVE, amount_fen=500_000)
    await lender.withdraw(loan)
    await lender.at(loan, Stage.WITHDRAWN)
    return loan


async def escalated_and_expired(lender: Office) -> str:
    """A register refuses, the approval is late and goes up, a decision comes by Signal, nobody accepts the offer."""
    lender.outside.plan_fault("enrolment", "decline")
    loan = await lender.apply("micro", people.earner())
    await lender.at(loan, Stage.APPROVAL)
    await lender.days(8)
    await lender.signal_decision(lender.decision(loan, Outcome.APPROVE), loan)
    await lender.at(loan, Stage.ACCEPTANCE)
    await lender.days(16)
    await lender.at(loan, Stage.EXPIRED)
    return loan


async def knocked_out(lender: Office) -> str:
    """Refused by a rule, without a person."""
    loan = await lender.apply("micro", people.blacklisted())
    await lender.at(loan, Stage.REFUSED)
    return loan


LIVES: dict[str, Callable[[Office], Awaitable[str]]] = {
    life.__name__: life
    for life in (
        repaid_over_a_year,
        recalled_and_prepaid,
        late_and_paid_by_deposit,
        returned_and_withdrawn,
        escalated_and_expired,
        knocked_out,
    )
}
