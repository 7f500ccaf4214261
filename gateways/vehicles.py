"""The register of vehicles and dealers."""

from datetime import date, timedelta
from typing import Annotated, Literal

from pydantic import Field, TypeAdapter

from gateways.connection import Answer, Service
from gateways.errors import AnswerMalformed
from gateways.texts import Reference

Price = Annotated[int, Field(gt=0, le=10**13)]
"""In fen; above a hundred billion yuan it is no price of a vehicle, and the answer is none."""
OLDEST = timedelta(days=60 * 366)
"""A vehicle that was first registered longer ago is no vehicle that anybody lends on."""


class DealerRecord(Answer):
    """A dealer whom the register knows."""

    name: str
    licensed: bool
    account: str


class VehicleFound(Answer):
    """A vehicle and its dealer.

    `dealer` is the one asked about, else the one who sells the vehicle; None if the register does not know him.
    `dealer_matches` is false where another dealer sells it. `owner_matches` is None where no owner was asked about.
    `valuation_fen` is what a used vehicle is worth by its age and mileage, None of a new one or one nobody valued.
    """

    found: Literal[True]
    reference: Reference
    model: str
    new_energy: bool
    price_fen: Price
    new: bool
    first_registered: date | None
    mortgaged: bool
    dealer: DealerRecord | None
    dealer_matches: bool
    owner_matches: bool | None
    mileage_km: Annotated[int, Field(ge=0, le=10_000_000)] | None = None
    valuation_fen: Price | None = None


class VehicleNotFound(Answer):
    """The register knows no such vehicle; `dealer` is the one asked about, if it knows him."""

    found: Literal[False]
    reference: Reference
    dealer: DealerRecord | None


_CHECK: TypeAdapter[VehicleFound | VehicleNotFound] = TypeAdapter(VehicleFound | VehicleNotFound)


class VehicleRegister(Service):
    """Asks the register of vehicles and dealers."""

    name = "vehicles"
    guarded = True

    async def check(
        self, vin: str, on: date, dealer: str | None = None, owner_id_number: str | None = None
    ) -> VehicleFound | VehicleNotFound:
        """What the register holds on a vehicle, asked on a business date, and whether dealer and owner are right.

        Raises OutsideError.
        """
        question = {"vin": vin, "dealer": dealer, "owner_id_number": owner_id_number}
        answer = await self._connection.post("checks", question, _CHECK)
        registered = answer.first_registered if isinstance(answer, VehicleFound) else None
        if registered is not None and not on - OLDEST <= registered <= on:
            raise AnswerMalformed(self.name, "checks", f"asked on {on}, it was first registered on {registered}")
        return answer
