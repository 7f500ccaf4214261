"""The end of a month on our own books, a page of loans at a time."""

import structlog
from temporalio import activity

from activities.acts import refusals
from activities.monthly import look_and_write
from books.session import Books
from models.recurring import DueMonth, DueMonthOrder, MonthPage, MonthPageOrder
from services.accruals import look_at_page, month_to_end, write_page

log = structlog.get_logger()


class MonthEndActs:
    """The month that is due, and a page of its loans."""

    def __init__(self, books: Books) -> None:
        self.books = books

    @activity.defn
    def month_to_end(self, order: DueMonthOrder) -> DueMonth:
        """The oldest month whose end is not posted yet."""
        with refusals(), self.books.read() as work:
            return month_to_end(work, order)

    @activity.defn
    def end_month_page(self, order: MonthPageOrder) -> MonthPage:
        """The end of a month for the next loans; a repeat finds those that are done and goes on after them."""
        found, page = look_and_write(self.books, order, look_at_page, write_page)
        log.info(
            "month_end_posted",
            month=order.month,
            loans=len(found.loans),
            refused=[number for number, _ in found.refused],
            complete=page.complete,
        )
        return page
