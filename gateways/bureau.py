"""The credit bureau."""

from typing import Annotated, Literal

from pydantic import Field, TypeAdapter

from gateways.connection import Answer, Service
from gateways.texts import Reference

Count = Annotated[int, Field(ge=0, le=10_000)]
Days = Annotated[int, Field(ge=0, le=36_525)]
Fen = Annotated[int, Field(ge=0, le=10**14)]
"""Above such bounds it is no answer: nobody has a thousand billion yuan, or a debt older than a century."""


class CreditReport(Answer):
    """What the bureau holds about a person; amounts in fen, the monthly income as declared to the tax register."""

    found: Literal[True]
    reference: Reference
    overdue_count_24m: Count
    worst_dpd: Days
    open_loans: Count
    debt_fen: Fen
    monthly_payment_fen: Fen
    history_months: Count
    blacklisted: bool
    monthly_income_fen: Fen


class NoCreditReport(Answer):
    """The bureau knows no person of this name and ID number."""

    found: Literal[False]
    reference: Reference


_REPORT: TypeAdapter[CreditReport | NoCreditReport] = TypeAdapter(CreditReport | NoCreditReport)


class CreditBureau(Service):
    """Asks the credit bureau."""

    name = "bureau"
    guarded = True

    async def report(self, name: str, id_number: str) -> CreditReport | NoCreditReport:
        """The person's credit report, or the bureau's word that it knows no such person. Raises OutsideError."""
        return await self._connection.post("reports", {"name": name, "id_number": id_number}, _REPORT)
