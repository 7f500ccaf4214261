"""The end of a month: what every running loan earned, what is set aside for it, posted page by page."""

from temporalio import workflow

from models.recurring import DailyOrder, DueMonth
from workflows.monthly import month_after_month


@workflow.defn(name="MonthEnd")
class MonthEndWorkflow:
    """Started every business day; works when a month is over, and makes up for months that were missed."""

    @workflow.run
    async def run(self, order: DailyOrder) -> DueMonth:
        """Posts month after month; answers with the month that some loan is not ready for yet, or with none."""
        return await month_after_month(order, "month_to_end", "end_month_page")
