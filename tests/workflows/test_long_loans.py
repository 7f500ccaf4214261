"""Loans that run for years: many installments, many runs, and short histories."""

from datetime import date

from models.loans import Stage
from models.payments import PaymentKind, PaymentStatus
from tests.workflows import people
from tests.workflows.conftest import OpenOffice
from tests.workflows.long_loans import CODE


async def test_a_loan_of_thirty_six_months_begins_a_new_run_at_the_payout_and_each_year(office: OpenOffice) -> None:
    async with office() as lender:
        loan = await lender.running("micro", people.earner(), amount="12000", term="36")
        await lender.until(date(2029, 1, 5))
        await lender.at(loan, Stage.SETTLED)
        drawn = lender.payments(loan, PaymentKind.INSTALLMENT)
        assert len(drawn) == 36
        assert {payment.status for payment in drawn} == {PaymentStatus.SETTLED}
        state = await lender.state(loan)
        # Origination, three years, and no more.
        assert state.runs == 4
        assert len({payment.key for payment in drawn}) == 36


async def test_a_loan_of_two_hundred_and_forty_installments_is_repaid_in_seconds(office: OpenOffice) -> None:
    async with office() as lender:
        student = people.student()
        loan = await lender.running(CODE, student, amount="20000", tuition="8000", term="240")
        await lender.until(date(2046, 1, 5))
        settled = await lender.at(loan, Stage.SETTLED)
        assert settled.closed_on == date(2046, 1, 5)
        claims = lender.payments(loan, PaymentKind.SUBSIDY)
        drawn = lender.payments(loan, PaymentKind.INSTALLMENT)
        # Five due dates before graduation; of the period in which it falls the state bears its share of the days.
        assert (len(claims), len(drawn)) == (6, 235)
        received_fen = sum(payment.settled_fen for payment in (*claims, *drawn))
        charged = lender.account(loan).charged
        assert received_fen == 2_000_000 + charged.interest + charged.subsidy
        assert charged.penalty == 0
        state = await lender.state(loan)
        # The first run ends at the payout, each further one with the first step after 370 days.
        assert state.runs == 20
        # Effects are counted through all runs: each got a number of its own.
        assert lender.read(lambda work: work.outbox.last_effect(loan)) == state.seq - 1
