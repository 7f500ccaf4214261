"""The scripted people of the demonstration: approvers and borrowers who act through the API, and a bank's customers."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import aiohttp

from books.session import Books
from console.callers import ApiRefused
from console.offer_pace import OfferPace
from console.parts import Part
from console.phones import Phones
from console.risk_leads import RiskLeads
from console.servicing import FINANCE, INTEGRATOR, RISK, LoanOfficers
from console.up import Addresses
from console.vehicle_clerks import VehicleClerks
from lending.money import to_fen
from models.changes import ChangeKind
from models.loans import Loan, Stage
from models.staff import Role
from models.verification import Verdict
from services.authority import authority_over
from services.co_signers import unconfirmed
from services.verification import newest_answers
from settings import Settings

PAUSE_SECONDS = 0.3
KEPT_FOR_A_VISITOR = 2
"""So many approvals the scripted approvers leave alone at first, for whoever tries the demonstration by hand."""
VISITOR_SECONDS = 90
PREPAY_AFTER_DAYS = {"auto": 170, "micro": 130, "student": 45}
"""When those who prepay do so: days after the payout, for students after their graduation."""
LATE_PAYER_PAYS_AT_DPD = 6
APPROVERS = (
    *(("manager-zhao", "manager", False), ("manager-feng", "manager", True)),
    *(("risk-qian", "risk", False), ("risk-shen", "risk", True)),
)
"""Who decides the tasks of which role, and whether those that wait for a second person."""
ROLES = {person: Role(role) for person, role, _ in APPROVERS}
MADE_UP_RATES_ON = date(2026, 11, 20)
MADE_UP_RATES = {"one_year": "2.80", "over_five_years": "3.30"}
"""What nobody published: so that the year shows how floating rates follow."""


class ScriptedPeople(LoanOfficers, RiskLeads, VehicleClerks):
    """One loop over everybody who has something to do."""

    def __init__(
        self,
        session: aiohttp.ClientSession,
        books: Books,
        addresses: Addresses,
        settings: Settings,
        *,
        changes_rules: bool = False,
    ) -> None:
        """Rules are changed with the applications of the whole year only: they need past cases to be tried on."""
        super().__init__(session, books, addresses, settings)
        self.changes_rules = changes_rules
        self.began = datetime.now(UTC)
        self.reserved: set[str] = set()
        self.offer_pace = OfferPace()
        self.phones = Phones(session, addresses.outside, settings.sms_credential.get_secret_value())

    async def act(self) -> None:
        """Everybody minds his own duty until cancelled."""
        duties = (
            *(self._approvers, self._finance, self._agents, self._borrowers),
            *(self._service, self._decide_changes, self._publish_rates, self._look_at_documents),
            self._see_to_vehicles,
            *((self._change_rules,) if self.changes_rules else ()),
        )
        await asyncio.gather(*(self._mind(duty) for duty in duties))

    async def _mind(self, duty: Callable[[], Awaitable[None]]) -> None:
        while True:
            await self._unless_refused(duty())
            await asyncio.sleep(PAUSE_SECONDS)

    async def _approvers(self) -> None:
        """Cases with a part first, and never more offers at once than can be signed before they expire.

        What one of risk approved alone and two have to, the other looks at again.
        """
        for person, role, confirms in APPROVERS:
            found = await self._tasks(person, "approval")
            tasks = [task for task in found if task["role"] == role and (task["confirms"] is not None) == confirms]
            waiting = [task for task in tasks if not self._is_kept(task) and not self._is_not_ready(task["loan"])]
            waiting.sort(key=lambda task: self._part_of(task["loan"]) is None)
            room = self.offer_pace.room(self._loans(Stage.ACCEPTANCE), self._today())
            await self._side_by_side(self._decide(person, task) for task in waiting[:room])

    def _is_kept(self, task: dict[str, Any]) -> bool:
        """Left for the visitor; never a case with a part, whose story has to begin in time."""
        task_id = task["id"]
        if (datetime.now(UTC) - self.began).total_seconds() > VISITOR_SECONDS:
            return False
        plays = self._part_of(task["loan"]) is not None
        if len(self.reserved) < KEPT_FOR_A_VISITOR and task_id not in self.done and not plays:
            self.reserved.add(task_id)
        return task_id in self.reserved

    def _is_not_ready(self, loan: str) -> bool:
        """Whether a document is still being read, or a co-signer has not authorised his registers yet."""
        with self.books.read() as work:
            if any(reading.done_at is None for reading in work.documents.readings(loan)):
                return True
            newest = newest_answers(work, loan)
        return any(answer.verdict is Verdict.NOT_AUTHORISED for answer in newest.values())

    async def _decide(self, person: str, task: dict[str, Any]) -> None:
        """A manager leaves to risk what he may not approve, which is what has no documents yet."""
        with self.books.read() as work:
            loan = work.loans.get(task["loan"])
            grading = work.policies.grading(loan.number)
            returned_before = any(one.outcome == "return" for one in work.tasks.decisions(loan.number))
            is_unconfirmed = bool(unconfirmed(work, loan.number))
            with_documents = any(
                band.holds_for(ROLES[person]) for band in authority_over(work, work.tasks.get(task["id"]))
            )
        decision: dict[str, Any] = {"outcome": "approve", "reason": "income and record carry the installments"}
        if grading is None or grading.grade == "E":
            decision = {"outcome": "refuse", "reason": "too little is known to lend responsibly"}
            decision["reason_codes"] = ["case_as_a_whole"]
        elif is_unconfirmed:
            decision = {"outcome": "return", "reason": "who signs beside the borrower is not confirmed; ask again"}
        elif grading.grade == "D" and not returned_before:
            decision = {"outcome": "return", "reason": "please add the latest bank statement"}
        elif grading.limit_fen < loan.applied_fen:
            decision["amount"] = f"{grading.limit_fen // 100}.{grading.limit_fen % 100:02d}"
            decision["reason"] = "approved up to the limit of the grade"
        if decision["outcome"] == "approve" and not with_documents:
            person, decision["reason"] = (
                RISK[0],
                f"{decision['reason']}; the branch has seen the papers and sends them on",
            )
        self.done.add(task["id"])
        try:
            await self._post(person, f"/tasks/{task['id']}/decision", decision)
        except ApiRefused as refusal:
            # On a slow machine a task moves to the role above between the list and the decision, perhaps out of sight.
            if refusal.code not in ("not_allowed", "unknown_task"):
                raise

    async def _finance(self) -> None:
        for task in await self._tasks(FINANCE, "payout_problem"):
            refusal = {"outcome": "refuse", "reason": "the payee's account is closed; nothing is out"}
            await self._post(FINANCE, f"/tasks/{task['id']}/decision", refusal)
        await self._side_by_side(self._sort_unmatched(task) for task in await self._tasks(FINANCE, "unmatched_money"))

    async def _agents(self) -> None:
        """They call whoever is late or may soon be, complete what was sent back, and attest what co-signers say."""
        for loan in self._loans(Stage.APPROVAL):
            await self._attest_co_signers(loan.number)
        for person in ("agent-lin", "manager-zhao"):
            for task in await self._tasks(person, "overdue"):
                await self._finish(person, task, "called; promises to pay within the week")
            for task in await self._tasks(person, "early_warning"):
                await self._finish(person, task, "called; will move the due date to his pay day if it gets worse")
        for loan in self._loans(Stage.RETURNED):
            await self._post("integrator-demo", f"/loans/{loan.number}/completion", {"reason": "statement added"})

    async def _attest_co_signers(self, loan: str) -> None:
        """Who signs beside the borrower agrees at the counter to be looked up; the case is then looked at again."""
        if f"attested {loan}" in self.done:
            return
        self.done.add(f"attested {loan}")
        listed = await self._get(INTEGRATOR, f"/loans/{loan}/authorisations")
        for one in listed["people"]:
            if one["registers"] is None:
                await self._post(
                    INTEGRATOR, f"/loans/{loan}/authorisations", {"party": one["party"], "sensitive": True}
                )

    async def _publish_rates(self) -> None:
        """One of risk enters the made-up publication on its day, the other puts it in force."""
        if self._today() < MADE_UP_RATES_ON or "rates" in self.done:
            return
        rows = [
            {"tenor": tenor, "on": MADE_UP_RATES_ON.isoformat(), "percent": percent}
            for tenor, percent in MADE_UP_RATES.items()
        ]
        entered = (await self._get(RISK[0], "/limits?kind=prime_rate"))["items"]
        for row in rows:
            if row not in [one["row"] for one in entered]:
                reason = "made up for the demonstration; nobody published it"
                await self._post(RISK[0], "/limits", {"kind": "prime_rate", "row": row, "reason": reason})
        waiting = (await self._get(RISK[1], "/limits?kind=prime_rate&status=open"))["items"]
        for one in waiting:
            agreed = {"outcome": "approve", "reason": "as the demonstration has it"}
            await self._post(RISK[1], f"/limits/{one['id']}/decision", agreed)
        self.done.add("rates")

    async def _finish(self, person: str, task: dict[str, Any], note: str) -> None:
        await self._post(person, f"/tasks/{task['id']}/decision", {"outcome": "done", "reason": note})

    async def _borrowers(self) -> None:
        await self._side_by_side(self._answer_offer(loan) for loan in self._loans(Stage.ACCEPTANCE))
        for loan in self._loans(Stage.REPAYMENT):
            if loan.dpd >= LATE_PAYER_PAYS_AT_DPD and self._will_pay(loan):
                await self._pay_late(loan)
            elif self._wants_to_prepay(loan):
                await self._unless_refused(self._prepay(loan))

    async def _prepay(self, loan: Loan) -> None:
        """Once; but whoever is told that a debit is under way asks again.

        A debit may also have just left nothing to prepay.
        """
        self.done.add(f"prepaid {loan.number}")
        try:
            await self._post("integrator-demo", f"/loans/{loan.number}/prepayment", self._prepayment(loan))
        except ApiRefused as refusal:
            if refusal.code == "debit_under_way":
                self.done.discard(f"prepaid {loan.number}")
            elif refusal.code != "invalid_prepayment":
                raise

    async def _answer_offer(self, loan: Loan) -> None:
        if loan.number.endswith("7") and loan.product == "micro":
            # A few think better of it.
            await self._post("integrator-demo", f"/loans/{loan.number}/withdrawal", {"reason": "no longer needed"})
        elif await self._all_have_signed(loan.number):
            await self._post("integrator-demo", f"/loans/{loan.number}/acceptance", {})
            self.offer_pace.signed()

    async def _all_have_signed(self, loan: str) -> bool:
        """Whether the contract is signed; each round brings every signer a step on, whose phone may be slow."""
        path = f"/loans/{loan}/signatures"
        signing = await self._get("integrator-demo", path)
        if signing["contract"] is None:
            return False
        for signer in signing["signers"]:
            if signer["signed_at"] is not None:
                continue
            asked = f"code for {signer['party']}"
            if asked not in self.done:
                self.done.add(asked)
                await self._post("integrator-demo", f"/loans/{loan}/signing-codes", {"party": signer["party"]})
            code = await self.phones.signing_code(loan, signer["mobile"])
            if code is None:
                return False
            entered = {"party": signer["party"], "code": code, "document_sha256": signing["contract"]["sha256"]}
            signing["complete"] = (await self._post("integrator-demo", path, entered))["complete"]
        return bool(signing["complete"])

    def _will_pay(self, loan: Loan) -> bool:
        """Not who has stopped paying for good, nor who waits for a new schedule or pays at the counter this time."""
        match self._part_of(loan.number):
            case Part.STOPS_PAYING:
                return False
            case Part.GETS_A_NEW_SCHEDULE:
                return self._stands(loan, ChangeKind.RESTRUCTURING)
            case Part.PAYS_IN_CASH:
                return self._stands(loan, ChangeKind.CORRECTION)
            case _:
                return True

    def _wants_to_prepay(self, loan: Loan) -> bool:
        if f"prepaid {loan.number}" in self.done or loan.disbursed_on is None or loan.dpd > 0:
            return False
        if self._part_of(loan.number) is not None:
            return False
        since = loan.disbursed_on
        if loan.product == "student":
            with self.books.read() as work:
                since = date.fromisoformat(work.loans.application(loan.number).form["graduation_date"])
        elif int(loan.number[-1]) % 2:
            return False
        return self._today() >= since + timedelta(days=PREPAY_AFTER_DAYS.get(loan.product, 10_000))

    def _prepayment(self, loan: Loan) -> dict[str, Any]:
        """Every fourth pays a third of it and keeps the term or, for a car, the installment; the others pay it all."""
        serial = int(loan.number[-2:])
        if serial % 4 == 0:
            third = loan.outstanding_fen // 300 * 100
            shorter = loan.product == "auto" and serial % 8 == 0
            return {"amount": f"{third // 100}.00", "effect": "reduce_term" if shorter else "reduce_installment"}
        return {}

    async def _pay_late(self, loan: Loan) -> None:
        """Transfers what is overdue, with the loan's number in the text, once per due date that was missed."""
        key = f"late {loan.number} {loan.next_due} {self._today() - timedelta(days=loan.dpd)}"
        if key in self.done:
            return
        status = await self._get("integrator-demo", f"/loans/{loan.number}")
        overdue = to_fen(Decimal(str(status["overdue"])))
        if overdue <= 0:
            return
        self.done.add(key)
        await self._transfer(loan, overdue, f"loan {loan.number}")
