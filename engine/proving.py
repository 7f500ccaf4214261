"""Asking for a proof of the sealed books: one at a time, whoever asks."""

import asyncio

from temporalio.client import Client
from temporalio.common import WorkflowIDConflictPolicy, WorkflowIDReusePolicy
from temporalio.service import RPCError

from books.session import Books
from engine.commands import QUICK
from engine.errors import EngineSilent
from models.keys import LOANS_QUEUE
from models.recurring import ProvingOrder
from models.staff import Actor
from services.audit import sender_of
from services.proving import check_may_ask

WORKFLOW = "ProveAudit"
ASKED = "prove-audit/asked"


async def ask_for_proof(books: Books, client: Client, actor: Actor) -> str:
    """Has the books proved, or joins the proof that is under way; the id of the run that will come to a verdict.

    Refused: whoever may not (NotAllowed), and who asks too soon after the last one (ProvedJustNow). EngineSilent where
    nobody can be asked.
    """
    await asyncio.to_thread(_check, books, actor)
    order = ProvingOrder(clock=books.clock, asked_by=sender_of(actor))
    try:
        under_way = await _under_way(client)
        if under_way is not None:
            return under_way
        handle = await client.start_workflow(
            WORKFLOW,
            order,
            id=ASKED,
            task_queue=LOANS_QUEUE,
            id_reuse_policy=WorkflowIDReusePolicy.ALLOW_DUPLICATE,
            id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
            rpc_timeout=QUICK,
        )
    except (RPCError, RuntimeError) as error:
        # A client that connects lazily, and cannot, raises a plain RuntimeError.
        raise EngineSilent from error
    return handle.result_run_id or ""


async def _under_way(client: Client) -> str | None:
    """The run of a proof that the Schedule or somebody has started, as the engine lists them."""
    query = f"WorkflowType = '{WORKFLOW}' AND ExecutionStatus = 'Running'"
    async for found in client.list_workflows(query, limit=1, rpc_timeout=QUICK):
        return found.run_id
    return None


def _check(books: Books, actor: Actor) -> None:
    with books.read() as work:
        check_may_ask(work, actor)
