"""The daily reconciliation with the bank: every day that is over, and every day that was missed."""

from datetime import date, timedelta

from temporalio import workflow
from temporalio.common import RetryPolicy
from temporalio.exceptions import ActivityError

from models.keys import BANK_QUEUE
from models.reconciliation import (
    CompareOrder,
    DayOrder,
    DayReconciled,
    DaysDue,
    DaysOrder,
    DaysReconciled,
    StatementKept,
)
from models.recurring import DailyOrder
from workflows.daily import on_books

BANK_RETRY = RetryPolicy(initial_interval=timedelta(seconds=2), maximum_interval=timedelta(minutes=1))

CLOSING = timedelta(minutes=1)
"""What a bank needs at least to close a day, however short the days of a demonstration are."""
BANK_PATIENCE = timedelta(minutes=10)
"""How long a statement is asked for before finance hears that it is missing."""
LITTLE_PATIENCE = timedelta(minutes=1)
"""The same right after a day that had none: a bank that is away would keep every day of a month for that long."""


@workflow.defn(name="Reconciliation")
class ReconciliationWorkflow:
    """Started every business day; one day after the other, so that balances are compared with the day before."""

    @workflow.run
    async def run(self, order: DailyOrder) -> DaysReconciled:
        """Reconciles the days that are due. One without a statement is told to finance and asked for again tomorrow."""
        over = workflow.now() - max(order.clock.length_of(1), CLOSING)
        last = order.clock.business_date(over)
        due = await on_books("days_to_reconcile", DaysOrder(last=last), DaysDue)
        reconciled = 0
        patience = BANK_PATIENCE
        for day in due.days:
            is_done = await self._reconcile(day, patience)
            reconciled += is_done
            patience = BANK_PATIENCE if is_done else LITTLE_PATIENCE
        return DaysReconciled(reconciled=reconciled, without_statement=len(due.days) - reconciled)

    async def _reconcile(self, day: date, patience: timedelta) -> bool:
        try:
            kept = await workflow.execute_activity(
                "fetch_statement",
                DayOrder(day=day, at=workflow.now()),
                task_queue=BANK_QUEUE,
                start_to_close_timeout=timedelta(seconds=60),
                schedule_to_close_timeout=patience,
                retry_policy=BANK_RETRY,
                result_type=StatementKept,
            )
        except ActivityError:
            await on_books("note_missing_statement", DayOrder(day=day, at=workflow.now()), DayOrder)
            return False
        if kept.statement_id is None:
            return False
        order = CompareOrder(statement_id=kept.statement_id, at=workflow.now())
        await on_books("reconcile_statement", order, DayReconciled)
        return True
