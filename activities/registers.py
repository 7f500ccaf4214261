"""Asking the outside registers about a borrower."""

import asyncio
from dataclasses import dataclass
from typing import Any

from sqlalchemy.exc import IntegrityError
from temporalio import activity

from activities.acts import refusals
from books.session import Books, was_written_before
from gateways.bureau import CreditBureau
from gateways.enrolment import EnrolmentRegister
from gateways.identity import IdentityRegister, IdentityResult
from gateways.vehicles import VehicleRegister
from models.messages import CheckOrder, CheckOutcome
from models.verification import Verdict
from services import verification
from services.verification import Question


@dataclass(frozen=True)
class Registers:
    """The registers that can be asked."""

    identity: IdentityRegister
    bureau: CreditBureau
    enrolment: EnrolmentRegister
    vehicles: VehicleRegister


class RegisterActs:
    """One register question each; the answer stays in the books, only the verdict travels."""

    def __init__(self, books: Books, registers: Registers) -> None:
        self.books = books
        self.registers = registers

    @activity.defn
    async def ask_register(self, order: CheckOrder) -> CheckOutcome:
        """Asks one register about the loan's borrower, unless its answer of this round is there already."""
        with refusals():
            known, question = await asyncio.to_thread(self._look_up, order)
            if known is not None:
                return known
            verdict, reference, answer = await self._ask(order, question)
            return await asyncio.to_thread(self._store, order, verdict, reference, answer)

    def _look_up(self, order: CheckOrder) -> tuple[CheckOutcome | None, Question]:
        with self.books.read() as work:
            question = verification.question(work, order.loan)
            row = work.documents.answer(order.loan, order.check, order.round)
            if row is None:
                return None, question
            return CheckOutcome(check=order.check, verdict=row.verdict, reference=row.reference), question

    def _store(self, order: CheckOrder, verdict: Verdict, reference: str, answer: dict[str, Any]) -> CheckOutcome:
        try:
            with self.books.begin() as work:
                verification.store_answer(work, order.loan, order.check, order.round, verdict, reference, answer)
        except IntegrityError as error:
            # The same question was asked twice at once; the first answer counts.
            if not was_written_before(error):
                raise
            known, _ = self._look_up(order)
            if known is None:
                raise
            return known
        return CheckOutcome(check=order.check, verdict=verdict, reference=reference)

    async def _ask(self, order: CheckOrder, question: Question) -> tuple[Verdict, str, dict[str, Any]]:
        check = order.check
        if check == "identity":
            identity = await self.registers.identity.check(question.name, question.id_number, question.mobile)
            matches = identity.result is IdentityResult.MATCH
            return _verdict(matches), identity.reference, identity.model_dump(mode="json")
        if check == "bureau":
            report = await self.registers.bureau.report(question.name, question.id_number)
            return _verdict(report.found), report.reference, report.model_dump(mode="json")
        if check == "enrolment":
            studies = await self.registers.enrolment.check(question.name, question.id_number, order.day)
            return Verdict.PASSED, studies.reference, studies.model_dump(mode="json")
        if check == "vehicle":
            vehicle = await self.registers.vehicles.check(question.vin or "", question.dealer)
            return _verdict(vehicle.found), vehicle.reference, vehicle.model_dump(mode="json")
        raise LookupError(f"there is no register for the check {check}")


def _verdict(passed: bool) -> Verdict:
    return Verdict.PASSED if passed else Verdict.FAILED
