"""The end of a month on our own books, a page of loans at a time."""

import structlog
from temporalio import activity

from activities.acts import refusals
from books.session import Books
from models.recurring import MonthEndOrder, MonthEndPage, MonthEndPageOrder, MonthToEnd
from services.accruals import look_at_page, month_to_end, write_page

log = structlog.get_logger()


class MonthEndActs:
    """Each looks first and writes then, so that the writers of other acts wait for the writing only."""

    def __init__(self, books: Books) -> None:
        self.books = books

    @activity.defn
    def month_to_end(self, order: MonthEndOrder) -> MonthToEnd:
        """The oldest month whose end is not posted yet."""
        with refusals(), self.books.read() as work:
            return month_to_end(work, order)

    @activity.defn
    def end_month_page(self, order: MonthEndPageOrder) -> MonthEndPage:
        """The end of a month for the next loans; a repeat finds those that are done and goes on after them."""
        with refusals():
            with self.books.read() as work:
                found = look_at_page(work, order)
            with self.books.begin() as work:
                page = write_page(work, order, found)
        log.info(
            "month_end_posted",
            month=order.month,
            loans=len(found.loans),
            refused=[number for number, _ in found.refused],
            complete=page.complete,
        )
        return page
