"""The end of a month: what every running loan earned, what is set aside for it, posted page by page."""

from datetime import date, timedelta
from typing import TypeVar

from temporalio import workflow
from temporalio.common import RetryPolicy

from models.messages import Message
from models.recurring import DailyOrder, MonthEndOrder, MonthEndPage, MonthEndPageOrder, MonthToEnd

RETRY = RetryPolicy(initial_interval=timedelta(seconds=1), maximum_interval=timedelta(minutes=1))

Result = TypeVar("Result", bound=Message)


@workflow.defn(name="MonthEnd")
class MonthEndWorkflow:
    """Started every business day; works when a month is over, and makes up for months that were missed."""

    @workflow.run
    async def run(self, order: DailyOrder) -> MonthToEnd:
        """Posts month after month; answers with the month that some loan is not ready for yet, or with none."""
        day = order.clock.business_date(workflow.now())
        while True:
            due = await self._on_books("month_to_end", MonthEndOrder(day=day), MonthToEnd)
            if due.month is None or not await self._end(due.month, order, day=day):
                return due

    async def _end(self, month: str, order: DailyOrder, *, day: date) -> bool:
        """Whether the month is complete: a loan that still lives through a day of it waits for tomorrow."""
        page = MonthEndPage(after="")
        while page.after is not None:
            page = await self._on_books(
                "end_month_page", MonthEndPageOrder(month=month, day=day, after=page.after), MonthEndPage
            )
            if workflow.info().is_continue_as_new_suggested():
                # The books know which loans are done.
                workflow.continue_as_new(order)
        return page.complete

    async def _on_books(self, activity: str, order: Message, result_type: type[Result]) -> Result:
        result: Result = await workflow.execute_activity(
            activity,
            order,
            start_to_close_timeout=timedelta(minutes=2),
            retry_policy=RETRY,
            result_type=result_type,
        )
        return result
