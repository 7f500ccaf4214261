"""Asking the outside registers about the people of a loan."""

import asyncio
from dataclasses import dataclass
from typing import Any

from sqlalchemy.exc import IntegrityError
from temporalio import activity

from activities.acts import refusals
from activities.circuits import CircuitNotes
from books.authorisations import KnownAnswer
from books.session import Books, was_written_before
from gateways.bureau import CreditBureau
from gateways.connection import Service
from gateways.enrolment import EnrolmentRegister
from gateways.errors import AnswerMalformed, OutsideUnavailable
from gateways.identity import IdentityRegister, IdentityResult
from gateways.screening import ScreeningProvider
from gateways.vehicles import VehicleRegister
from models.messages import CheckOrder, CheckOutcome
from models.verification import CheckName, Verdict, Verification, apart
from services import verification
from services.errors import NotAuthorised
from services.verification import Question


@dataclass(frozen=True)
class Registers:
    """The registers that can be asked."""

    identity: IdentityRegister
    bureau: CreditBureau
    enrolment: EnrolmentRegister
    vehicles: VehicleRegister
    screening: ScreeningProvider

    def of(self, register: str) -> Service:
        """The client of a register by the name that checks use."""
        found: Service = getattr(self, {"vehicle": "vehicles"}.get(register, register))
        return found


class RegisterActs:
    """One register question each; the answer stays in the books, only the verdict travels."""

    def __init__(self, books: Books, registers: Registers) -> None:
        self.books = books
        self.registers = registers
        self.circuits = CircuitNotes(books)

    @activity.defn
    async def ask_register(self, order: CheckOrder) -> CheckOutcome:
        """Asks one register about one person of a loan, unless a good answer to the question is there already.

        Without his authorisation it is not asked, and what is no answer is the register's fault: both are kept, and the
        outcome is that the check has no answer; where the product waits for the register, OutsideUnavailable instead.
        Checks that go together are asked side by side; if one of them is to be tried again, what the other came to is
        kept.
        """
        checks = apart(order.check)
        with refusals():
            if len(checks) == 1:
                return await self._one(order)
            each = (self._one(order.model_copy(update={"check": check})) for check in checks)
            came_to = await asyncio.gather(*each, return_exceptions=True)
            parts = []
            for one in came_to:
                if isinstance(one, BaseException):
                    raise one
                parts.append(one)
            return parts[0].model_copy(update={"check": order.check, "parts": tuple(parts)})

    async def _one(self, order: CheckOrder) -> CheckOutcome:
        try:
            known, question = await asyncio.to_thread(self._look_up, order)
            if known is not None:
                return _outcome(known)
            verdict, reference, answer = await self._ask(order, question)
        except NotAuthorised:
            return await asyncio.to_thread(self._miss, order, Verdict.NOT_AUTHORISED)
        except AnswerMalformed as nonsense:
            if order.waits:
                # Whoever waits for a register that is down waits for its senses too.
                raise OutsideUnavailable(nonsense.service, nonsense.operation, "the answer was none") from nonsense
            return await asyncio.to_thread(self._miss, order, Verdict.MALFORMED)
        return await asyncio.to_thread(self._store, order, question, verdict, reference, answer)

    def _look_up(self, order: CheckOrder) -> tuple[KnownAnswer | None, Question]:
        with self.books.begin() as work:
            return verification.look_up(work, order.loan, order.check, order.round, order.day)

    def _store(
        self, order: CheckOrder, question: Question, verdict: Verdict, reference: str, answer: dict[str, Any]
    ) -> CheckOutcome:
        try:
            with self.books.begin() as work:
                verification.store_answer(
                    work, order.loan, order.check, order.round, verdict, reference, answer, question.index, order.day
                )
        except IntegrityError as error:
            # The same question was asked twice at once; the first answer counts.
            if not was_written_before(error):
                raise
            with self.books.read() as work:
                known = work.documents.answer(order.loan, order.check, order.round)
            if known is None:
                raise
            return _outcome(known)
        return CheckOutcome(check=order.check, verdict=verdict, reference=reference)

    def _miss(self, order: CheckOrder, verdict: Verdict) -> CheckOutcome:
        with self.books.begin() as work:
            verification.store_miss(work, order.loan, order.check, order.round, verdict)
        return CheckOutcome(check=order.check, verdict=verdict)

    async def _ask(self, order: CheckOrder, question: Question) -> tuple[Verdict, str, dict[str, Any]]:
        register = CheckName.parse(order.check).register
        try:
            return await self._answer(register, order, question)
        finally:
            await self.circuits.note(self.registers.of(register).breaker)

    async def _answer(
        self, register: str, order: CheckOrder, question: Question
    ) -> tuple[Verdict, str, dict[str, Any]]:
        registers = self.registers
        match register:
            case "identity":
                identity = await registers.identity.check(question.name, question.id_number, question.mobile)
                matches = identity.result is IdentityResult.MATCH
                return _verdict(matches), identity.reference, identity.model_dump(mode="json")
            case "bureau":
                report = await registers.bureau.report(question.name, question.id_number)
                return _verdict(report.found), report.reference, report.model_dump(mode="json")
            case "enrolment":
                studies = await registers.enrolment.check(question.name, question.id_number, order.day)
                return Verdict.PASSED, studies.reference, studies.model_dump(mode="json")
            case "vehicle":
                vehicle = await registers.vehicles.check(question.vin or "", order.day, question.dealer)
                return _verdict(vehicle.found), vehicle.reference, vehicle.model_dump(mode="json")
            case "screening":
                screened = await registers.screening.check(question.name, question.id_number)
                clean = not any(one.certain for one in screened.findings)
                return _verdict(clean), screened.reference, screened.model_dump(mode="json")
        raise LookupError(f"there is no register for the check {order.check}")


def _outcome(known: KnownAnswer | Verification) -> CheckOutcome:
    return CheckOutcome(check=known.check_name, verdict=known.verdict, reference=known.reference)


def _verdict(passed: bool) -> Verdict:
    return Verdict.PASSED if passed else Verdict.FAILED
