"""The end of a month: what every running loan earned, what is set aside for it, posted page by page."""

from datetime import date

from temporalio import workflow

from models.recurring import DailyOrder, MonthEndOrder, MonthEndPage, MonthEndPageOrder, MonthToEnd
from workflows.daily import on_books


@workflow.defn(name="MonthEnd")
class MonthEndWorkflow:
    """Started every business day; works when a month is over, and makes up for months that were missed."""

    @workflow.run
    async def run(self, order: DailyOrder) -> MonthToEnd:
        """Posts month after month; answers with the month that some loan is not ready for yet, or with none."""
        day = order.clock.business_date(workflow.now())
        while True:
            due = await on_books("month_to_end", MonthEndOrder(day=day), MonthToEnd)
            if due.month is None or not await self._end(due.month, order, day=day):
                return due

    async def _end(self, month: str, order: DailyOrder, *, day: date) -> bool:
        """Whether the month is complete: a loan that still lives through a day of it waits for tomorrow."""
        page = MonthEndPage(after="")
        while page.after is not None:
            page = await on_books(
                "end_month_page", MonthEndPageOrder(month=month, day=day, after=page.after), MonthEndPage
            )
            if workflow.info().is_continue_as_new_suggested():
                # The books know which loans are done.
                workflow.continue_as_new(order)
        return page.complete
