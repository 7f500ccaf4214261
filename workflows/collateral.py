"""The daily look at collateral: deadlines that come near or have passed, and covers that end."""

from temporalio import workflow

from models.recurring import CollateralLookedAt, CollateralOrder, DailyOrder
from workflows.daily import on_books


@workflow.defn(name="CollateralWatch")
class CollateralWatchWorkflow:
    """Started every business day; each condition has the day on which it is looked at next, so none is missed."""

    @workflow.run
    async def run(self, order: DailyOrder) -> CollateralLookedAt:
        """Looks at what is due, page by page; answers with how many conditions that were."""
        day = order.clock.business_date(workflow.now())
        page = CollateralLookedAt(complete=False)
        looked_at = 0
        while not page.complete:
            page = await on_books("watch_collateral", CollateralOrder(day=day), CollateralLookedAt)
            looked_at += page.looked_at
            if workflow.info().is_continue_as_new_suggested():
                # The books know what was looked at.
                workflow.continue_as_new(order)
        return CollateralLookedAt(looked_at=looked_at)
