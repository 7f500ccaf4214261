"""Sealing the audit log, every minute, and depositing its roots."""

from temporalio import workflow

from models.recurring import DailyOrder, Deposited, Sealed, SealingOrder
from workflows.daily import on_books

ROUNDS = 50
"""More is for the run that starts a minute later: a history should stay short."""


@workflow.defn(name="SealAudit")
class SealAuditWorkflow:
    """Started by the wall's clock; a start that was missed needs no making up, the next one seals all that waits."""

    @workflow.run
    async def run(self, order: DailyOrder) -> Sealed:  # noqa: ARG002 what every Schedule hands over
        """Seals what waits; then deposits the roots of days that are over. Answers with how many entries it sealed."""
        done = Sealed(complete=False)
        for _ in range(ROUNDS):
            page = await on_books("seal_audit", SealingOrder(), Sealed)
            done = page.model_copy(update={"sealed": done.sealed + page.sealed})
            if done.complete:
                break
        if done.root_waits:
            await on_books("deposit_roots", SealingOrder(), Deposited)
        return done
