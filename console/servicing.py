"""What scripted people change about running loans: proposed by one, decided by another; and money gone astray."""

from collections.abc import Coroutine, Iterator
from datetime import timedelta
from typing import Any

from console.callers import ApiRefused, Callers
from console.parts import Part
from lending.money import yuan
from models.changes import ChangeKind, ChangeStatus
from models.loans import Loan, Stage
from models.payments import PaymentKind
from services.loans import account_of

AFTER_DAYS = 40
"""Who asks for time, and who sends money to the wrong loan, does so when his loan has run so long."""
NEW_SCHEDULE_AT_DPD = 2
CASH_AT_DPD = 3
WRITTEN_OFF_AT_DPD = 100
RECOVERED_AFTER_DAYS = 30
ASTRAY_FEN = 30_000
MANAGER, INTEGRATOR = "manager-zhao", "integrator-demo"
RISK = ("risk-qian", "risk-shen")
FINANCE, OTHER_FINANCE = "finance-sun", "finance-zhou"
TILL = ("6990999999999994", "柜台（演示）")
"""Account and name under which cash is handed in at the bank."""
Act = Coroutine[Any, Any, object]


class LoanOfficers(Callers):
    """Managers, risk and finance at work on the running loans that have a part."""

    async def _service(self) -> None:
        playing = self._playing()
        await self._side_by_side(act for loan, part in playing for act in self._acts_on(loan, part, playing))

    async def _decide_changes(self) -> None:
        tasks = [task for task in await self._tasks(RISK[0], "change") if task["role"] == "risk"]
        tasks += [task for task in await self._tasks(OTHER_FINANCE, "change") if task["role"] == "finance"]
        await self._side_by_side(self._decide_change(task) for task in tasks)

    def _playing(self) -> list[tuple[Loan, Part]]:
        """Running loans that have a part."""
        return [
            (loan, part) for loan in self._loans(Stage.REPAYMENT) if (part := self._part_of(loan.number)) is not None
        ]

    def _acts_on(self, loan: Loan, part: Part, playing: list[tuple[Loan, Part]]) -> Iterator[Act]:
        """What is to be done about a loan now. What was proposed and stands is not proposed again."""
        match part:
            case Part.ASKS_FOR_TIME if self._has_run(loan):
                asked = {"periods": 2, "component": "principal", "reason": "out of work until spring"}
                yield self._propose(INTEGRATOR, loan, ChangeKind.DEFERRAL, asked)
            case Part.GETS_A_NEW_SCHEDULE if loan.dpd >= NEW_SCHEDULE_AT_DPD:
                asked = {"extra_periods": 6, "reage": True, "reason": "earns less than before; smaller installments"}
                yield self._propose(MANAGER, loan, ChangeKind.RESTRUCTURING, asked)
            case Part.IS_CHARGED_A_FEE if self._has_run(loan):
                asked = {"amount": "20.00", "reason": "a reminder by registered letter"}
                yield self._propose(MANAGER, loan, ChangeKind.FEE, asked)
            case Part.IS_LET_OFF_PENALTY if loan.dpd > 0 and (penalty := self._penalty_fen(loan)):
                asked = {"amount": yuan(penalty), "component": "penalty", "reason": "paid late for the first time"}
                yield self._propose(MANAGER, loan, ChangeKind.WAIVER, asked)
            case Part.PAYS_IN_CASH if (received := self._cash_received(loan)) is not None:
                yield self._once(f"cash {loan.number}", self._hand_in(received))
            case Part.PAYS_IN_CASH if loan.dpd >= CASH_AT_DPD:
                asked = {"amount": yuan(loan.overdue_fen), "channel": "cash", "reason": "paid at the counter"}
                yield self._propose(FINANCE, loan, ChangeKind.CORRECTION, asked)
            case Part.GETS_ANOTHERS_MONEY if key := self._key_of_deposit(loan):
                asked = {"of": key, "reason": "the payer named the wrong loan"}
                yield self._propose(FINANCE, loan, ChangeKind.CORRECTION, asked)
            case Part.SENDS_TO_THE_WRONG_LOAN if self._has_run(loan):
                wrong = next((one for one, other in playing if other is Part.GETS_ANOTHERS_MONEY), None)
                if wrong is not None:
                    yield self._once(f"astray {loan.number}", self._transfer(loan, ASTRAY_FEN, f"loan {wrong.number}"))
            case Part.STOPS_PAYING if loan.written_off_on is not None:
                if self._today() >= loan.written_off_on + timedelta(days=RECOVERED_AFTER_DAYS):
                    third = self._written_off_fen(loan) // 3
                    yield self._once(
                        f"recovery {loan.number}", self._transfer(loan, third, f"loan {loan.number}, all I have")
                    )
            case Part.STOPS_PAYING if loan.dpd >= WRITTEN_OFF_AT_DPD:
                yield self._propose(MANAGER, loan, ChangeKind.WRITE_OFF, {"reason": "no income, nothing to seize"})

    def _has_run(self, loan: Loan) -> bool:
        return loan.disbursed_on is not None and self._today() >= loan.disbursed_on + timedelta(days=AFTER_DAYS)

    def _stands(self, loan: Loan, kind: ChangeKind) -> bool:
        """Whether such a change is proposed or made."""
        with self.books.read() as work:
            changes = work.changes.of_loan(loan.number)
        return any(
            one.proposal.kind is kind and one.status in (ChangeStatus.OPEN, ChangeStatus.APPLIED) for one in changes
        )

    def _penalty_fen(self, loan: Loan) -> int:
        with self.books.read() as work:
            account = account_of(work, loan.number, self._today())
        return account.penalty_outstanding_fen if account else 0

    def _written_off_fen(self, loan: Loan) -> int:
        with self.books.read() as work:
            account = account_of(work, loan.number, self._today())
        return account.written_off.borrower_total if account else 0

    def _cash_received(self, loan: Loan) -> int | None:
        """What was posted to the loan as received at the counter."""
        with self.books.read() as work:
            posted = [one for one in work.changes.of_loan(loan.number) if one.status is ChangeStatus.APPLIED]
        return next((one.proposal.amount_fen for one in posted if "channel" in one.proposal.asked), None)

    async def _hand_in(self, amount_fen: int) -> None:
        await self._deposit(*TILL, amount_fen, "takings of the counter")

    def _key_of_deposit(self, loan: Loan) -> str | None:
        """The key of a transfer that was booked to the loan."""
        with self.books.read() as work:
            keys = [payment.key for payment in work.payments.of_loan(loan.number, PaymentKind.DEPOSIT)]
            return next((key for key in keys if work.loans.event(key) is not None), None)

    async def _once(self, name: str, act: Act) -> None:
        if name in self.done:
            act.close()
            return
        self.done.add(name)
        await act

    async def _propose(self, person: str, loan: Loan, kind: ChangeKind, asked: dict[str, Any]) -> None:
        """Proposes a change, unless it stands already. What was true a moment ago and is not now is looked at again."""
        if self._stands(loan, kind):
            return
        try:
            await self._post(person, f"/loans/{loan.number}/{kind.value.replace('_', '-')}", asked)
        except ApiRefused as refusal:
            if refusal.code not in ("invalid_change", "invalid_event"):
                raise

    async def _decide_change(self, task: dict[str, Any]) -> None:
        """Agrees; above an amount a second person does so after the first. What is stale is proposed anew."""
        with self.books.read() as work:
            proposal = work.changes.of_task(task["id"])
            agreed = work.changes.approved_by(proposal.id) if proposal else []
        free = [person for person in (*RISK, OTHER_FINANCE) if person not in agreed]
        person = OTHER_FINANCE if task["role"] == "finance" else free[0]
        decision = {"outcome": "approve", "reason": "looked at before and after: so be it"}
        try:
            await self._post(person, f"/tasks/{task['id']}/decision", decision)
        except ApiRefused as refusal:
            if refusal.code != "change_stale":
                raise
            decision = {"outcome": "refuse", "reason": "the loan has moved on; please propose it anew"}
            await self._post(person, f"/tasks/{task['id']}/decision", decision)

    async def _sort_unmatched(self, task: dict[str, Any]) -> None:
        """Money from the account of a borrower goes to his loan, if a second person agrees; the rest is asked about."""
        money = (await self._get(FINANCE, f"/tasks/{task['id']}"))["money"]
        own = [match for match in money["matches"] if "partys_account" in match["reasons"]] if money else []
        path = f"/tasks/{task['id']}/decision"
        if not own:
            await self._post(FINANCE, path, {"outcome": "done", "reason": "asked the sender; to be returned"})
        elif money["proposal"] is None:
            booking = {"outcome": "book", "loan": own[0]["loan"], "reason": "it came from this borrower's account"}
            await self._post(FINANCE, path, booking)
        else:
            await self._post(OTHER_FINANCE, path, {"outcome": "approve", "reason": "the account is his"})
