"""A vehicle's conditions in the life of its loan: before the payout of a used one, after that of a new one."""

import asyncio
import uuid
from datetime import timedelta
from typing import Any

import pytest

from books.session import UnitOfWork
from engine.errors import CommandRefused
from models.collateral import ConditionKind
from models.keys import LOANS_QUEUE
from models.loans import Stage
from models.recurring import CollateralLookedAt, DailyOrder
from models.tasks import Outcome, TaskKind
from services.collateral import DOCUMENT_OF
from services.collateral_evidence import Proof, enter, review
from services.dealers import set_standing
from services.documents import hand_in
from simulators.records import Vehicle
from tests.services.document_files import taken
from tests.services.signatures import make_and_sign
from tests.simulators.running import PEOPLE
from tests.workflows import people
from tests.workflows.conftest import OpenOffice
from tests.workflows.harness import AGENT, INTEGRATOR, MANAGER, RISK, START, Office, command


def used_vehicle() -> Vehicle:
    """One whose dealer may sell it, and that nobody has a mortgage on."""
    return next(
        one
        for one in PEOPLE.vehicles
        if not one.new and not one.mortgaged and PEOPLE.dealer_by_name[one.dealer].licensed
    )


def used_form(vehicle: Vehicle) -> dict[str, str]:
    """What the form of a used vehicle says."""
    price = vehicle.price_fen // 100
    return {
        "vin": vehicle.vin,
        "vehicle_model": vehicle.model,
        "vehicle_price": str(price),
        "down_payment": str(price - 20_000),
        "dealer": vehicle.dealer,
        "condition": "used",
    }


async def prove(lender: Office, loan: str, kind: ConditionKind) -> None:
    """An agent enters a proof with its document, and a manager confirms it."""
    now = await lender.engine.now()
    today = lender.books.clock.business_date(now)

    def act(work: UnitOfWork) -> str:
        found = work.loans.get(loan)
        document = hand_in(work, AGENT, found, DOCUMENT_OF[kind], "x.pdf", taken(f"%PDF {loan} {kind}".encode()))
        cover: dict[str, Any] = {"until": today + timedelta(days=364), "insured_fen": 50_000_000, "lender_first": True}
        more = cover if kind is ConditionKind.INSURANCE else {}
        proof = Proof(kind, "110000123456", today, "云川市车管所", document_id=document.id, **more)
        return enter(work, AGENT, found, proof).id

    def both() -> None:
        with lender.books.begin(now) as work:
            evidence = act(work)
        with lender.books.begin(now) as work:
            review(work, MANAGER, work.loans.get(loan), evidence, Outcome.APPROVE, "compared with the document")

    await asyncio.to_thread(both)


async def test_a_used_vehicle_is_paid_for_once_its_last_condition_is_met(office: OpenOffice) -> None:
    async with office() as lender:
        loan = await lender.offered("auto", people.earner(), **used_form(used_vehicle()))
        await asyncio.to_thread(make_and_sign, lender.books, loan, INTEGRATOR, await lender.engine.now())
        with pytest.raises(CommandRefused) as refused:
            await lender.commands.accept(loan, command())
        assert refused.value.code == "conditions_not_met"
        # Nobody lets the offer of somebody who has signed expire while the lender's own people are at work.
        await lender.days(15)
        await lender.at(loan, Stage.ACCEPTANCE)
        await prove(lender, loan, ConditionKind.REGISTRATION)
        await lender.deliver()
        await lender.at(loan, Stage.ACCEPTANCE)
        await prove(lender, loan, ConditionKind.INSURANCE)
        await lender.deliver()
        await lender.at(loan, Stage.REPAYMENT)
        assert lender.tasks(loan) == []
        lender.check_the_books()


async def watch(lender: Office) -> int:
    """What the schedule starts."""
    answer: CollateralLookedAt = await lender.engine.client.execute_workflow(
        "CollateralWatch",
        DailyOrder(clock=lender.books.clock),
        id=f"collateral/{uuid.uuid4().hex}",
        task_queue=LOANS_QUEUE,
        result_type=CollateralLookedAt,
    )
    return answer.looked_at


async def test_a_new_vehicle_is_registered_after_its_payout_and_released_at_the_end(office: OpenOffice) -> None:
    async with office() as lender:
        loan = await lender.running("auto", people.earner())
        assert sorted(task.kind for task in lender.tasks(loan)) == [TaskKind.INSURANCE, TaskKind.REGISTRATION]
        await prove(lender, loan, ConditionKind.REGISTRATION)
        await lender.until(START + timedelta(days=23))
        assert await watch(lender) == 1
        assert lender.messages(loan).count("insurance_due") == 1
        await lender.prepay(loan)
        settled_on = (await lender.at(loan, Stage.SETTLED)).closed_on
        assert settled_on is not None
        task = lender.open_task(loan)
        assert (task.kind, task.due_on) == (TaskKind.RELEASE, settled_on + timedelta(days=15))


async def test_an_acceptance_that_is_refused_on_its_way_is_recorded(office: OpenOffice) -> None:
    async with office() as lender:
        vehicle = used_vehicle()
        loan = await lender.offered("auto", people.earner(), **used_form(vehicle))
        await asyncio.to_thread(make_and_sign, lender.books, loan, INTEGRATOR, await lender.engine.now())
        for kind in (ConditionKind.REGISTRATION, ConditionKind.INSURANCE):
            await prove(lender, loan, kind)
        with lender.books.begin() as work:
            set_standing(work, RISK, vehicle.dealer, blocked=True, reason="cars that do not exist")
        await lender.deliver()
        await lender.at(loan, Stage.ACCEPTANCE)
        (entry,) = (
            one for one in lender.read(lambda work: work.audit.of_loan(loan)) if one.act == "acceptance_refused"
        )
        assert (entry.refused, entry.actor_id) == (True, INTEGRATOR.id)
        assert "this dealer" in (entry.reason or "")
