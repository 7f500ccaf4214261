"""The registers of identity, credit, enrolment and vehicles, and a screening provider.

The same question always gets the same answer.
"""

import hashlib
from datetime import date
from typing import Annotated, Any, Literal

from fastapi import APIRouter
from pydantic import BaseModel, Field

from simulators.records import Person, Population

Text = Annotated[str, Field(min_length=1, max_length=100)]


class IdentityQuestion(BaseModel):
    """Do name, ID number and, where given, mobile belong together?"""

    name: Text
    id_number: Text
    mobile: Text | None = None


class PersonQuestion(BaseModel):
    """What is known of the person of this name and ID number?"""

    name: Text
    id_number: Text


class EnrolmentQuestion(PersonQuestion):
    """Is the person enrolled on that day? Without a day, on the base date of the population."""

    on: date | None = None


class VehicleQuestion(BaseModel):
    """What is known of the vehicle; does this dealer sell it, does this person own it?"""

    vin: Text
    dealer: Text | None = None
    owner_id_number: Text | None = None


def registers(population: Population) -> APIRouter:
    """Routes of the four registers and the screening provider over one population."""
    router = APIRouter()

    def reference(prefix: str, question: BaseModel) -> str:
        content = f"{population.seed}|{prefix}|{question.model_dump_json()}"
        return f"{prefix}-{hashlib.blake2s(content.encode(), digest_size=8).hexdigest()}"

    @router.post("/identity/checks")
    async def check_identity(question: IdentityQuestion) -> dict[str, str]:
        person = population.person_by_id.get(question.id_number)
        result: Literal["match", "mismatch", "not_found"]
        if person is None:
            result = "not_found"
        elif person.name == question.name and question.mobile in (None, person.mobile):
            result = "match"
        else:
            result = "mismatch"
        return {"result": result, "reference": reference("ID", question)}

    @router.post("/bureau/reports")
    async def report_credit(question: PersonQuestion) -> dict[str, Any]:
        person = population.person(question.name, question.id_number)
        if person is None:
            return {"found": False, "reference": reference("CR", question)}
        record = person.bureau
        return {
            "found": True,
            "overdue_count_24m": record.overdue_count_24m,
            "worst_dpd": record.worst_dpd,
            "open_loans": record.open_loans,
            "debt_fen": record.debt_fen,
            "monthly_payment_fen": record.monthly_payment_fen,
            "history_months": record.history_months,
            "blacklisted": record.blacklisted,
            "monthly_income_fen": person.monthly_income_fen,
            "reference": reference("CR", question),
        }

    @router.post("/enrolment/checks")
    async def check_enrolment(question: EnrolmentQuestion) -> dict[str, Any]:
        person = population.person(question.name, question.id_number)
        enrolment = person.enrolment if person is not None else None
        on = question.on or population.base_date
        if enrolment is None or not enrolment.started <= on <= enrolment.graduates_on:
            return {"enrolled": False, "reference": reference("EN", question)}
        return {
            "enrolled": True,
            "school": enrolment.school,
            "school_account": population.school_by_name[enrolment.school].account,
            "full_time": enrolment.full_time,
            "degree": enrolment.degree,
            "started": enrolment.started,
            "graduates_on": enrolment.graduates_on,
            "reference": reference("EN", question),
        }

    @router.post("/vehicles/checks")
    async def check_vehicle(question: VehicleQuestion) -> dict[str, Any]:
        vehicle = population.vehicle_by_vin.get(question.vin)
        name = question.dealer or (vehicle.dealer if vehicle else None)
        dealer = population.dealer_by_name.get(name) if name else None
        answer: dict[str, Any] = {
            "found": vehicle is not None,
            "dealer": {"name": dealer.name, "licensed": dealer.licensed, "account": dealer.account} if dealer else None,
            "reference": reference("VE", question),
        }
        if vehicle is not None:
            owner_matches = vehicle.owner_id_number == question.owner_id_number if question.owner_id_number else None
            answer |= {
                "model": vehicle.model,
                "new_energy": vehicle.new_energy,
                "price_fen": vehicle.price_fen,
                "new": vehicle.new,
                "first_registered": vehicle.first_registered,
                "mortgaged": vehicle.mortgaged,
                "dealer_matches": question.dealer in (None, vehicle.dealer),
                "owner_matches": owner_matches,
                "mileage_km": vehicle.mileage_km,
                "valuation_fen": vehicle.valuation_fen,
            }
        return answer

    @router.post("/screening/checks")
    async def screen(question: PersonQuestion) -> dict[str, Any]:
        return {"findings": _findings(population, question), "reference": reference("SC", question)}

    return router


def exposed(population: Population) -> tuple[Person, ...]:
    """Who stands on the screening provider's list as politically exposed: the last two of the people."""
    return population.people[-2:]


def namesakes(population: Population) -> tuple[Person, ...]:
    """Who shares the name of somebody sanctioned: the two before them."""
    return population.people[-4:-2]


def _findings(population: Population, question: PersonQuestion) -> list[dict[str, Any]]:
    if any((one.name, one.id_number) == (question.name, question.id_number) for one in exposed(population)):
        return [{"list": "politically exposed persons", "reason": "head of a bureau, made up", "certain": True}]
    if any((one.name, one.id_number) == (question.name, question.id_number) for one in namesakes(population)):
        return [{"list": "sanctions, made up", "reason": "the same name, born elsewhere", "certain": False}]
    return []
