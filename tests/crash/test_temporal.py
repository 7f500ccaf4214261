"""The engine is killed, with its file kept and with its file lost."""

import asyncio

from sqlmodel import select

from console.rebuild import rebuild
from engine.errors import LoanNotRunning
from models.loans import Stage
from models.outbox import OutboxRow
from tests.crash.house import SOUND, House, eventually
from tests.crash.proofs import assert_nothing_lost_or_doubled

LONGER_THAN_THE_KILL_MS = 3_000


async def test_a_temporal_killed_midway_goes_on_from_its_file_and_takes_what_came_meanwhile(busy_house: House) -> None:
    house = busy_house
    await house.connect()
    undecided, paying, running = loans = [house.apply(person) for person in SOUND[:3]]
    await house.bring_to(running, Stage.REPAYMENT)
    await house.bring_to(paying, Stage.ACCEPTANCE)
    await house.until(undecided, Stage.APPROVAL)
    house.plan_fault("bank", "transfers", "slow", LONGER_THAN_THE_KILL_MS)
    await house.accept(paying)
    await house.call_under_way("bank/transfers", times=2)
    house.temporal.kill()
    late = house.apply(SOUND[3])
    await _delivery_failed(house, late)
    house.temporal.start()
    await house.connect()
    await house.lead_to_the_end(*loans, late)
    await assert_nothing_lost_or_doubled(house, *loans, late)


async def test_a_temporal_that_lost_its_file_is_filled_again_from_the_books(busy_house: House) -> None:
    house = busy_house
    await house.connect()
    cleared, undecided, offered, paying, running, asking = loans = [house.apply(person) for person in SOUND[:6]]
    await house.bring_to(cleared, Stage.SETTLED)
    await asyncio.gather(
        house.bring_to(running, Stage.REPAYMENT),
        house.bring_to(offered, Stage.ACCEPTANCE),
        house.bring_to(paying, Stage.ACCEPTANCE),
        house.until(undecided, Stage.APPROVAL),
        house.until(asking, Stage.APPROVAL),
    )
    house.plan_fault("bank", "transfers", "slow", LONGER_THAN_THE_KILL_MS)
    await house.accept(paying)
    await house.call_under_way("bank/transfers", times=3)
    house.temporal.kill()
    for file in house.folder.glob("temporal.db*"):
        file.unlink()
    late = house.apply(SOUND[6])
    await _delivery_failed(house, late)
    house.temporal.start()
    commands = await house.connect()
    assert await _is_unknown(house, running)
    started = await rebuild(house.books, commands)
    assert set(loans) - set(started) == {cleared}
    assert await rebuild(house.books, commands) == []
    await house.lead_to_the_end(*started, late)
    # The engine has forgotten the loan that was over, and nobody starts it again.
    assert await house.executions(cleared) == {}
    await assert_nothing_lost_or_doubled(house, *started)


async def _delivery_failed(house: House, loan: str) -> None:
    async def failed() -> bool:
        with house.books.read() as work:
            rows = work.session.exec(select(OutboxRow).where(OutboxRow.loan == loan)).all()
        return any(row.last_error is not None for row in rows)

    await eventually(failed, f"the start of {loan} could not be delivered")


async def _is_unknown(house: House, loan: str) -> bool:
    try:
        await house.commands.state(loan)
    except LoanNotRunning:
        return True
    return False
