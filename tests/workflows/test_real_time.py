"""What the time-skipping server cannot show: it stands still once a loan ends while an activity is under way."""

from models.loans import Stage
from tests.workflows import people
from tests.workflows.conftest import OpenOfficeWithDays


async def test_the_borrower_may_walk_away_while_the_registers_are_asked(
    office_in_real_time: OpenOfficeWithDays,
) -> None:
    async with office_in_real_time(60) as lender:
        lender.outside.plan_fault("bureau", "slow", delay_ms=1500)
        loan = await lender.apply("micro", people.earner())
        await lender.withdraw(loan)
        await lender.at(loan, Stage.WITHDRAWN)
        await lender.eventually_closed(loan)
        assert lender.read(lambda work: work.policies.grading(loan)) is None
