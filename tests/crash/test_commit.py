"""The worker dies after the commit of an act on the books and before its workflow task ends."""

import asyncio

import pytest
from sqlmodel import col, select
from temporalio.api.enums.v1 import EventType

from models.keys import workflow_id
from models.loans import Stage
from models.outbox import Effect
from tests.crash.dying_worker import CODE, committed_key
from tests.crash.house import SOUND, House, eventually
from tests.crash.proofs import assert_nothing_lost_or_doubled

BEFORE = {
    "grade": Stage.APPLICATION,
    "decide": Stage.APPROVAL,
    "accept": Stage.ACCEPTANCE,
    "book_payout": Stage.ACCEPTANCE,
    "advance": Stage.REPAYMENT,
}
"""Where a loan stands when the next act will be the one that the worker dies after."""


@pytest.mark.parametrize("act", BEFORE)
async def test_an_act_whose_worker_died_right_after_its_commit_is_not_done_again(house: House, act: str) -> None:
    house.temporal.start()
    house.outside.start()
    await house.connect()
    house.dying_worker.start()
    loan = house.apply(SOUND[0])
    if BEFORE[act] is not Stage.APPLICATION:
        await house.bring_to(loan, BEFORE[act])
    house.death_flag.write_text(act)
    leading = asyncio.create_task(house.bring_to(loan, Stage.SETTLED))

    async def died() -> bool:
        return house.dying_worker.has_died()

    await eventually(died, f"the worker died after {act}")
    assert house.dying_worker.process is not None
    assert house.dying_worker.process.returncode == CODE
    committed = _effects(house, loan)
    assert committed[-1].key == committed_key(house.death_flag).read_text()
    assert await _markers(house, loan) == len(committed) - 1
    house.worker.start()
    async with asyncio.timeout(60):
        await leading
    assert _effects(house, loan)[: len(committed)] == committed
    await assert_nothing_lost_or_doubled(house, loan)
    assert await _markers(house, loan) == len(_effects(house, loan))


def _effects(house: House, loan: str) -> list[Effect]:
    """The acts on the books that were done for a loan, in their order."""
    with house.books.read() as work:
        return list(work.session.exec(select(Effect).where(Effect.loan == loan).order_by(col(Effect.n))))


async def _markers(house: House, loan: str) -> int:
    """How many acts on the books the engine has in its histories of the loan, over all its runs."""
    found = 0
    async for run in house.client.list_workflows(f"WorkflowId = '{workflow_id(loan)}'"):
        history = await house.client.get_workflow_handle(run.id, run_id=run.run_id).fetch_history()
        found += sum(event.event_type == EventType.EVENT_TYPE_MARKER_RECORDED for event in history.events)
    return found
