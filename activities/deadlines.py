"""The daily look at deadlines on our own books."""

import structlog
from temporalio import activity

from activities.acts import refusals
from books.session import Books
from models.recurring import DeadlinesOrder, DeadlinesPage
from services.deadlines import look_at_page

log = structlog.get_logger()


class DeadlineActs:
    """A page of tasks in one unit of work; a repeat finds nothing left to do on it."""

    def __init__(self, books: Books) -> None:
        self.books = books

    @activity.defn
    def look_at_deadlines(self, order: DeadlinesOrder) -> DeadlinesPage:
        """Reminds of what is due and escalates what is late."""
        with refusals(), self.books.begin() as work:
            page = look_at_page(work, order)
        log.info("deadlines_looked_at", day=str(order.day), reminded=page.reminded, escalated=page.escalated)
        return page
