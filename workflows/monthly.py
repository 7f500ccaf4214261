"""What the jobs that are done month by month have in common."""

from datetime import date

from temporalio import workflow

from models.recurring import DailyOrder, DueMonth, DueMonthOrder, MonthPage, MonthPageOrder
from workflows.daily import on_books


async def month_after_month(order: DailyOrder, due_month: str, page: str) -> DueMonth:
    """Does month after month by two activities: one names the month that is due, one does a page of its loans.

    Answers with the month that some loan is not ready for yet, or with none.
    """
    day = order.clock.business_date(workflow.now())
    while True:
        due = await on_books(due_month, DueMonthOrder(day=day), DueMonth)
        if due.month is None or not await _complete(due.month, order, page, day=day):
            return due


async def _complete(month: str, order: DailyOrder, activity: str, *, day: date) -> bool:
    """Whether the month is complete: a loan that still lives through a day of it waits for tomorrow."""
    page = MonthPage(after="")
    while page.after is not None:
        page = await on_books(activity, MonthPageOrder(month=month, day=day, after=page.after), MonthPage)
        if workflow.info().is_continue_as_new_suggested():
            # The books know which loans are done.
            workflow.continue_as_new(order)
    return page.complete
