"""The daily look at deadlines: reminders the day before, late tasks to the role above."""

from temporalio import workflow

from models.recurring import DailyOrder, DeadlinesOrder, DeadlinesPage
from workflows.daily import on_books


@workflow.defn(name="Deadlines")
class DeadlinesWorkflow:
    """Started every business day; a day that was missed needs no making up, what was late then is late still."""

    @workflow.run
    async def run(self, order: DailyOrder) -> DeadlinesPage:
        """Looks at all tasks that are due, page by page; answers with how many were reminded of and escalated."""
        day = order.clock.business_date(workflow.now())
        after, reminded, escalated = "", 0, 0
        while True:
            page = await on_books("look_at_deadlines", DeadlinesOrder(day=day, after=after), DeadlinesPage)
            reminded, escalated = reminded + page.reminded, escalated + page.escalated
            if page.after is None:
                return DeadlinesPage(reminded=reminded, escalated=escalated)
            after = page.after
