"""The director's desk: faults, counts, pending orders, and the people a demonstration can play with."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Annotated, Any, Literal

from fastapi import APIRouter
from pydantic import BaseModel, Field

from simulators.bank.notices import NoticeSender
from simulators.bank.orders import OrderDesk, Receipt
from simulators.bank.requests import EndToEndId, ValueDate
from simulators.bank.store import LENDER_NAME, TREASURY_ACCOUNT, TREASURY_NAME, BankStore
from simulators.faults import FaultDesk, PlannedFault, planned
from simulators.records import PayingHabit, Population


class FaultRequest(BaseModel):
    """The next `times` calls of this service, or of this operation of it, go wrong in this way."""

    service: Literal["identity", "bureau", "enrolment", "vehicles", "screening", "cards", "bank", "sms"]
    operation: str | None = None
    fault: str
    times: Annotated[int, Field(ge=1, le=1_000_000)] = 1
    delay_ms: Annotated[int, Field(ge=0, le=600_000)] | None = None


class SettlementRequest(BaseModel):
    """End one pending order of the bank, or all."""

    end_to_end_id: EndToEndId | None = None
    outcome: Literal["settled", "declined"] = "settled"
    value_date: ValueDate | None = None


class ReturnRequest(BaseModel):
    """The bank of a debit's payer takes it back, on a day, for a reason; whole, or only a part."""

    end_to_end_id: EndToEndId
    reason_code: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,34}$")] = "disputed"
    value_date: ValueDate
    amount_fen: Annotated[int, Field(gt=0)] | None = None


class NoticeAddress(BaseModel):
    """Where the bank sends its notices from now on; null holds them back."""

    url: Annotated[str, Field(pattern=r"^https?://")] | None


def control(
    population: Population, faults: FaultDesk, store: BankStore, desk: OrderDesk, sender: NoticeSender
) -> APIRouter:
    """Routes of the director's desk."""
    router = APIRouter(prefix="/control")

    @router.post("/faults")
    async def plan_fault(request: FaultRequest) -> PlannedFault:
        plan = planned(request.service, request.operation, request.fault, request.times, request.delay_ms)
        faults.plan(plan)
        return plan

    @router.get("/faults")
    async def waiting_faults() -> list[PlannedFault]:
        return faults.waiting

    @router.delete("/faults", status_code=204)
    async def forget_faults() -> None:
        faults.waiting.clear()

    @router.get("/calls")
    async def calls() -> Mapping[str, int]:
        return faults.calls

    @router.post("/settlements")
    async def settle_pending(request: SettlementRequest) -> list[Receipt]:
        receipts = desk.settle_pending(
            request.end_to_end_id, decline=request.outcome == "declined", value_date=request.value_date
        )
        sender.wake()
        return receipts

    @router.post("/returns")
    async def return_debit(request: ReturnRequest) -> dict[str, str]:
        reference = desk.return_debit(
            request.end_to_end_id, request.reason_code, request.value_date, request.amount_fen
        )
        sender.wake()
        return {"reference": reference}

    @router.put("/notices")
    async def readdress_notices(address: NoticeAddress) -> None:
        sender.readdress(address.url)

    @router.get("/notices")
    async def waiting_notices() -> dict[str, Any]:
        return {
            "url": sender.route.url,
            "waiting": [{"reference": n.reference, "attempts": n.attempts} for n in sender.waiting()],
        }

    @router.get("/people")
    async def people(
        offset: Annotated[int, Field(ge=0)] = 0,
        limit: Annotated[int, Field(ge=1, le=10_000)] = 100,
        student: bool | None = None,
        paying_habit: PayingHabit | None = None,
    ) -> list[dict[str, Any]]:
        chosen = (
            person
            for person in population.people[offset:]
            if student in (None, person.enrolment is not None and person.enrolment.full_time)
            and paying_habit in (None, person.paying_habit)
        )
        return [asdict(person) for person, _ in zip(chosen, range(limit), strict=False)]

    @router.get("/vehicles")
    async def vehicles(
        offset: Annotated[int, Field(ge=0)] = 0, limit: Annotated[int, Field(ge=1, le=10_000)] = 100
    ) -> list[dict[str, Any]]:
        return [asdict(vehicle) | {"new": vehicle.new} for vehicle in population.vehicles[offset : offset + limit]]

    @router.get("/payees")
    async def payees() -> dict[str, Any]:
        return {
            "lender": {"account": store.lender_account, "name": LENDER_NAME},
            "treasury": {"account": TREASURY_ACCOUNT, "name": TREASURY_NAME},
            "dealers": [asdict(dealer) for dealer in population.dealers],
            "schools": [asdict(school) for school in population.schools],
        }

    return router
