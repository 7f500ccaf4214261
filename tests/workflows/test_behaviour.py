"""The behaviour scores as their schedule lives them: every business day, once a month, with months that were missed."""

import uuid
from datetime import date

from models.behaviour import BehaviourScore
from models.keys import LOANS_QUEUE
from models.recurring import DailyOrder, DueMonth
from models.tasks import TaskKind
from tests.services.month_ends import scores_of, warnings_of
from tests.workflows import people
from tests.workflows.conftest import OpenOffice
from tests.workflows.harness import Office

FOREVER = 1000


async def score(lender: Office) -> DueMonth:
    """What the schedule starts."""
    answer: DueMonth = await lender.engine.client.execute_workflow(
        "BehaviourScores",
        DailyOrder(clock=lender.books.clock),
        id=f"behaviour/{uuid.uuid4().hex}",
        task_queue=LOANS_QUEUE,
        result_type=DueMonth,
    )
    return answer


def scores(lender: Office, loan: str) -> list[BehaviourScore]:
    return lender.read(lambda work: scores_of(work, loan))


async def test_months_are_scored_once_when_they_are_over_and_who_gets_worse_is_warned_of(office: OpenOffice) -> None:
    async with office() as lender:
        loan = await lender.running("micro", people.earner())
        lender.outside.plan_fault("bank", "decline", operation="debits", times=FOREVER)
        await lender.until(date(2026, 1, 31))
        assert (await score(lender)).month is None
        assert scores(lender, loan) == []

        await lender.until(date(2026, 2, 1))
        for _ in range(2):
            assert (await score(lender)).month is None
            assert [row.month for row in scores(lender, loan)] == ["2026-01"]

        await lender.until(date(2026, 3, 1))
        await score(lender)
        assert [row.month for row in scores(lender, loan)] == ["2026-01", "2026-02"]
        (warning,) = lender.read(lambda work: warnings_of(work, loan))
        (call,) = lender.tasks(loan)
        assert (warning.month, warning.causes[0], warning.task_id) == ("2026-02", "two_failed_debits", call.id)
        assert call.kind is TaskKind.OVERDUE
