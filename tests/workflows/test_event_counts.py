"""How long histories grow, on the server that counts as a real one does."""

from datetime import date

from models.loans import Stage
from tests.workflows import people
from tests.workflows.conftest import OpenOffice, OpenOfficeWithDays
from tests.workflows.harness import histories

MOST_OF_ORIGINATION = 50
MOST_OF_AN_INSTALLMENT = 20
MOST_OF_THIRTY_SIX_MONTHS = 800
MOST_OF_A_RUN = 4_000
ENDS_OF_A_RUN = 5
"""Started, the last task's three events, continued as new."""


async def test_origination_takes_at_most_fifty_events_even_if_every_register_answers_alone(
    office_in_real_time: OpenOfficeWithDays,
) -> None:
    async with office_in_real_time(60) as lender:
        lender.outside.plan_fault("bureau", "slow", delay_ms=400)
        lender.outside.plan_fault("enrolment", "slow", delay_ms=800)
        loan = await lender.running("micro", people.earner())
        origination, _ = await histories(lender, loan)
        assert len(origination.events) <= MOST_OF_ORIGINATION


async def test_an_installment_paid_on_time_takes_at_most_twenty_events(office_in_real_time: OpenOfficeWithDays) -> None:
    async with office_in_real_time(0.1) as lender:
        loan = await lender.running("micro", people.earner(), amount="3000", term="3")
        await lender.at(loan, Stage.SETTLED)
        await lender.eventually_closed(loan)
        _, repayment = await histories(lender, loan)
        assert len(repayment.events) - 2 <= 3 * MOST_OF_AN_INSTALLMENT
        # What the longest microloan comes to on this server: origination, thirty-six installments, three more runs.
        assert (
            MOST_OF_ORIGINATION + 36 * (len(repayment.events) - 2) / 3 + 3 * ENDS_OF_A_RUN < MOST_OF_THIRTY_SIX_MONTHS
        )


async def test_thirty_six_months_take_less_than_eight_hundred_events_in_runs_of_a_year(office: OpenOffice) -> None:
    async with office() as lender:
        loan = await lender.running("micro", people.earner(), amount="12000", term="36")
        await lender.until(date(2029, 1, 5))
        await lender.at(loan, Stage.SETTLED)
        runs = [len(run.events) for run in await histories(lender, loan)]
        assert len(runs) == 4
        assert sum(runs) < MOST_OF_THIRTY_SIX_MONTHS
        assert max(runs) < MOST_OF_A_RUN
