"""The worker is killed in the middle of a call to the outside world."""

import asyncio
import time
from pathlib import Path

from sqlmodel import select

from models import ledger as chart
from models.loans import Stage
from models.outbox import OutboxRow, Topic
from models.payments import PaymentKind, PaymentStatus
from tests.crash.house import SOUND, House, standing
from tests.crash.proofs import assert_nothing_lost_or_doubled

LONGER_THAN_THE_KILL_MS = 4_000


async def test_a_worker_killed_while_it_asks_a_register_and_sends_an_sms_does_both_once(busy_house: House) -> None:
    house = busy_house
    await house.connect()
    house.plan_fault("identity", "checks", "slow", LONGER_THAN_THE_KILL_MS)
    house.plan_fault("sms", "messages", "slow", LONGER_THAN_THE_KILL_MS)
    loan = house.apply(SOUND[0])
    await house.call_under_way("identity/checks")
    await house.call_under_way("sms/messages")
    house.worker.kill()
    # The batch that started the loan was not settled: it will be delivered again, the start included.
    assert not _start_is_settled(house, loan)
    house.worker.start()
    await house.lead_to_the_end(loan)
    await assert_nothing_lost_or_doubled(house, loan)
    assert house.ask("/control/calls")["identity/checks"] == 2
    assert _start_is_settled(house, loan)


async def test_a_worker_killed_while_it_pays_out_pays_once(busy_house: House) -> None:
    house = busy_house
    await house.connect()
    loan = house.apply(SOUND[0])
    await house.bring_to(loan, Stage.ACCEPTANCE)
    house.plan_fault("bank", "transfers", "slow", LONGER_THAN_THE_KILL_MS)
    await house.accept(loan)
    await house.call_under_way("bank/transfers")
    house.worker.kill()
    (payout,) = house.payments(loan)
    assert payout.status is PaymentStatus.SENT
    house.worker.start()
    await house.lead_to_the_end(loan)
    await assert_nothing_lost_or_doubled(house, loan)


async def test_a_worker_killed_while_it_draws_an_installment_draws_it_once_and_charges_nobody_for_the_delay(
    tmp_path: Path,
) -> None:
    with standing(tmp_path, day_seconds=0.4) as house:
        house.temporal.start()
        house.outside.start()
        house.worker.start()
        await house.connect()
        loan = house.apply(SOUND[0], amount=2_000, term=1)
        await house.bring_to(loan, Stage.REPAYMENT)
        house.plan_fault("bank", "debits", "slow", LONGER_THAN_THE_KILL_MS)
        await house.call_under_way("bank/debits")
        house.worker.kill()
        killed_at = time.monotonic()
        house.worker.start()
        await house.until(loan, Stage.SETTLED)
        assert time.monotonic() - killed_at < 60
        (drawn,) = (one for one in house.payments(loan) if one.kind is PaymentKind.INSTALLMENT)
        assert drawn.value_date == house.loan(loan).closed_on
        life = {"application_received": 1, "offer": 1, "signing_code": 1, "paid_out": 1, "reminder": 1, "settled": 1}
        await assert_nothing_lost_or_doubled(house, loan, sms=life)
        with house.books.read() as work:
            charged = {posting.debit for posting in work.ledger.of_loan(loan)}
        # A month that ends meanwhile may see an accrual, reversed on its next day; the borrower owes none of it.
        assert chart.PENALTY_RECEIVABLE not in charged


async def test_a_worker_killed_in_the_middle_of_twenty_loans_leaves_none_behind(busy_house: House) -> None:
    house = busy_house
    await house.connect()
    loans = [house.apply(person) for person in SOUND[:20]]
    await house.until(loans[-1], Stage.APPROVAL)
    decided = [asyncio.create_task(house.bring_to(loan, Stage.SETTLED)) for loan in loans]
    await house.call_under_way("bank/transfers", times=len(loans) // 2)
    house.worker.kill()
    house.worker.start()
    async with asyncio.timeout(60):
        await asyncio.gather(*decided)
    await assert_nothing_lost_or_doubled(house, *loans)


def _start_is_settled(house: House, loan: str) -> bool:
    with house.books.read() as work:
        query = select(OutboxRow).where(OutboxRow.loan == loan, OutboxRow.topic == Topic.START_LOAN)
        return work.session.exec(query).one().done_at is not None
