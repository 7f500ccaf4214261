"""The bank is killed between moving the money and saying so."""

import asyncio

from models.loans import Stage
from models.payments import PaymentKind
from tests.crash.house import SOUND, House, eventually
from tests.crash.proofs import assert_nothing_lost_or_doubled

LONGER_THAN_THE_KILL_MS = 30_000


async def test_a_bank_killed_before_it_answers_is_asked_again_and_moves_the_money_once(busy_house: House) -> None:
    house = busy_house
    await house.connect()
    loan = house.apply(SOUND[0])
    await house.bring_to(loan, Stage.ACCEPTANCE)
    house.plan_fault("bank", "transfers", "lost_answer", LONGER_THAN_THE_KILL_MS)
    await house.accept(loan)
    await house.carried_out(f"{loan}:disbursement:1")
    house.outside.kill()
    house.outside.start()
    await house.until(loan, Stage.REPAYMENT)
    # A new process counts anew: the bank was asked what became of the order and got no second one.
    assert "bank/transfers" not in house.ask("/control/calls")

    house.plan_fault("bank", "debits", "lost_answer", LONGER_THAN_THE_KILL_MS)
    waiting = asyncio.create_task(house.repay_all(loan))

    async def ordered() -> str | None:
        orders = [one.key for one in house.payments(loan) if one.kind is PaymentKind.PREPAYMENT]
        return orders[0] if orders else None

    await house.carried_out(await eventually(ordered, "the prepayment is ordered"))
    house.outside.kill()
    house.outside.start()
    answer = await waiting
    assert answer.stage is Stage.SETTLED
    await assert_nothing_lost_or_doubled(house, loan, provider_forgot=True)
