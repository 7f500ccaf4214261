"""Proving audit log and ledger against their seals, every day and when an auditor asks for it."""

from datetime import timedelta

from temporalio import workflow
from temporalio.common import RetryPolicy

from models.recurring import ProofOrder, Proved, ProvingOrder

LONGEST = timedelta(hours=12)
"""Some hundred million rows, at the pace of a proof that leaves others room."""
SILENCE = timedelta(minutes=5)
"""After so long without a sign of life it is begun anew elsewhere."""
RETRY = RetryPolicy(initial_interval=timedelta(minutes=1), maximum_attempts=3)
"""What failed three times is for whoever watches the age of the newest proof; the next day begins anew."""


@workflow.defn(name="ProveAudit")
class ProveAuditWorkflow:
    """Started by the wall's clock, or by a person; a start that was missed needs no making up."""

    @workflow.run
    async def run(self, order: ProvingOrder) -> Proved:
        """Proves all of it; answers with the verdict's id."""
        proved: Proved = await workflow.execute_activity(
            "prove_audit",
            ProofOrder(day=order.clock.business_date(workflow.now()), asked_by=order.asked_by),
            start_to_close_timeout=LONGEST,
            heartbeat_timeout=SILENCE,
            retry_policy=RETRY,
            result_type=Proved,
        )
        return proved
