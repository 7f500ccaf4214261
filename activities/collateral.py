"""The daily look at collateral on our own books."""

import structlog
from temporalio import activity

from activities.acts import refusals
from books.session import Books
from models.recurring import CollateralLookedAt, CollateralOrder
from services.collateral_watch import watch

log = structlog.get_logger()


class CollateralActs:
    """A page of conditions in one unit of work; a repeat finds those that are left."""

    def __init__(self, books: Books) -> None:
        self.books = books

    @activity.defn
    def watch_collateral(self, order: CollateralOrder) -> CollateralLookedAt:
        """Reminds of deadlines and covers whose day has come."""
        with refusals(), self.books.begin() as work:
            page = watch(work, order)
        log.info("collateral_watched", day=str(order.day), looked_at=page.looked_at)
        return page
