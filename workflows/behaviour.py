"""The behaviour of every running loan, scored when a month is over, page by page."""

from datetime import date

from temporalio import workflow

from models.recurring import BehaviourOrder, BehaviourPage, BehaviourPageOrder, DailyOrder, MonthToScore
from workflows.daily import on_books


@workflow.defn(name="BehaviourScores")
class BehaviourScoresWorkflow:
    """Started every business day; works when a month is over, and makes up for months that were missed."""

    @workflow.run
    async def run(self, order: DailyOrder) -> MonthToScore:
        """Scores month after month; answers with the month that some loan is not ready for yet, or with none."""
        day = order.clock.business_date(workflow.now())
        while True:
            due = await on_books("month_to_score", BehaviourOrder(day=day), MonthToScore)
            if due.month is None or not await self._score(due.month, order, day=day):
                return due

    async def _score(self, month: str, order: DailyOrder, *, day: date) -> bool:
        """Whether the month is complete: a loan that still lives through a day of it waits for tomorrow."""
        page = BehaviourPage(after="")
        while page.after is not None:
            page = await on_books(
                "score_page", BehaviourPageOrder(month=month, day=day, after=page.after), BehaviourPage
            )
            if workflow.info().is_continue_as_new_suggested():
                # The books know which loans are done.
                workflow.continue_as_new(order)
        return page.complete
