"""The scripted people of the demonstration: approvers and borrowers who act through the API, and a bank's customers."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Iterable
from contextlib import suppress
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import uuid4

import aiohttp

from books.session import Books
from console.up import Addresses
from lending.money import to_fen
from models.loans import Loan, Stage
from models.staff import Actor, Role
from services.staff import demo_key
from settings import Settings

EVERYBODY = Actor("demo", Role.ADMIN)
PAUSE_SECONDS = 0.3
KEPT_FOR_A_VISITOR = 2
"""So many approvals the scripted approvers leave alone at first, for whoever tries the demonstration by hand."""
VISITOR_SECONDS = 90
PREPAY_AFTER_DAYS = {"auto": 170, "micro": 130, "student": 45}
"""When those who prepay do so: days after the payout, for students after their graduation."""
LATE_PAYER_PAYS_AT_DPD = 6


class ApiRefused(RuntimeError):
    """The API refused what a scripted person asked."""

    def __init__(self, path: str, status: int, code: str) -> None:
        self.status = status
        self.code = code
        super().__init__(f"{path} answered {status} {code}")

    @property
    def is_part_of_life(self) -> bool:
        """Whether somebody was faster, the loan moved on or the API is busy; anything else is a slip in the script."""
        return self.status in (409, 429) or self.status >= 500


class ScriptedPeople:
    """One loop over everybody who has something to do."""

    def __init__(self, session: aiohttp.ClientSession, books: Books, addresses: Addresses, settings: Settings) -> None:
        self.session = session
        self.books = books
        self.api = f"{addresses.web}/api/v1"
        self.bank = f"{addresses.outside}/bank"
        self.bank_headers = {"Authorization": f"Bearer {settings.bank_credential.get_secret_value()}"}
        self.began = datetime.now(UTC)
        self.done: set[str] = set()
        self.reserved: set[str] = set()
        self.hands = asyncio.Semaphore(6)

    async def act(self) -> None:
        """Everybody minds his own duty until cancelled."""
        duties = (self._approvers, self._finance, self._agents, self._borrowers)
        await asyncio.gather(*(self._mind(duty) for duty in duties))

    async def _mind(self, duty: Callable[[], Awaitable[None]]) -> None:
        while True:
            await self._unless_refused(duty())
            await asyncio.sleep(PAUSE_SECONDS)

    async def _unless_refused(self, act: Awaitable[object]) -> None:
        """What is part of life passes, and the next round sees how things stand; any other refusal ends the script."""
        try:
            with suppress(aiohttp.ClientError, TimeoutError):
                await act
        except ApiRefused as refusal:
            if not refusal.is_part_of_life:
                raise

    async def _side_by_side(self, acts: Iterable[Coroutine[Any, Any, object]]) -> None:
        async def one(act: Coroutine[Any, Any, object]) -> None:
            async with self.hands:
                await self._unless_refused(act)

        await asyncio.gather(*(one(act) for act in acts))

    async def _approvers(self) -> None:
        for person, role in (("manager-zhao", "manager"), ("risk-qian", "risk")):
            tasks = [task for task in await self._tasks(person, "approval") if task["role"] == role]
            await self._side_by_side(self._decide(person, task) for task in tasks if not self._is_kept(task["id"]))

    def _is_kept(self, task_id: str) -> bool:
        if (datetime.now(UTC) - self.began).total_seconds() > VISITOR_SECONDS:
            return False
        if len(self.reserved) < KEPT_FOR_A_VISITOR and task_id not in self.done:
            self.reserved.add(task_id)
        return task_id in self.reserved

    async def _decide(self, person: str, task: dict[str, Any]) -> None:
        with self.books.read() as work:
            loan = work.loans.get(task["loan"])
            grading = work.policies.grading(loan.number)
            returned_before = any(one.outcome == "return" for one in work.tasks.decisions(loan.number))
        decision: dict[str, Any] = {"outcome": "approve", "reason": "income and record carry the installments"}
        if grading is None or grading.grade == "E":
            decision = {"outcome": "refuse", "reason": "too little is known to lend responsibly"}
        elif grading.grade == "D" and not returned_before:
            decision = {"outcome": "return", "reason": "please add the latest bank statement"}
        elif grading.limit_fen < loan.applied_fen:
            decision["amount"] = f"{grading.limit_fen // 100}.{grading.limit_fen % 100:02d}"
            decision["reason"] = "approved up to the limit of the grade"
        self.done.add(task["id"])
        try:
            await self._post(person, f"/tasks/{task['id']}/decision", decision)
        except ApiRefused as refusal:
            # On a slow machine a task moves to the role above between the list and the decision, perhaps out of sight.
            if refusal.code not in ("not_allowed", "unknown_task"):
                raise

    async def _finance(self) -> None:
        for task in await self._tasks("finance-sun", "payout_problem"):
            refusal = {"outcome": "refuse", "reason": "the payee's account is closed; nothing is out"}
            await self._post("finance-sun", f"/tasks/{task['id']}/decision", refusal)
        for task in await self._tasks("finance-sun", "unmatched_money"):
            await self._finish("finance-sun", task, "asked the sender; to be returned")

    async def _agents(self) -> None:
        for person in ("agent-lin", "manager-zhao"):
            for task in await self._tasks(person, "overdue"):
                await self._finish(person, task, "called; promises to pay within the week")
        for loan in self._loans(Stage.RETURNED):
            await self._post("integrator-demo", f"/loans/{loan.number}/completion", {"reason": "statement added"})

    async def _finish(self, person: str, task: dict[str, Any], note: str) -> None:
        await self._post(person, f"/tasks/{task['id']}/decision", {"outcome": "done", "reason": note})

    async def _borrowers(self) -> None:
        await self._side_by_side(self._answer_offer(loan) for loan in self._loans(Stage.ACCEPTANCE))
        for loan in self._loans(Stage.REPAYMENT):
            if loan.dpd >= LATE_PAYER_PAYS_AT_DPD:
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
        else:
            await self._post("integrator-demo", f"/loans/{loan.number}/acceptance", {})

    def _wants_to_prepay(self, loan: Loan) -> bool:
        if f"prepaid {loan.number}" in self.done or loan.disbursed_on is None or loan.dpd > 0:
            return False
        since = loan.disbursed_on
        if loan.product == "student":
            with self.books.read() as work:
                since = date.fromisoformat(work.loans.application(loan.number).form["graduation_date"])
        elif int(loan.number[-1]) % 2:
            return False
        return self._today() >= since + timedelta(days=PREPAY_AFTER_DAYS.get(loan.product, 10_000))

    def _prepayment(self, loan: Loan) -> dict[str, Any]:
        """Every fourth pays a third of it and keeps the term, the others pay it all."""
        if int(loan.number[-2:]) % 4 == 0:
            third = loan.outstanding_fen // 300 * 100
            return {"amount": f"{third // 100}.00", "effect": "reduce_installment"}
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
        with self.books.read() as work:
            borrower = work.customers.borrower(loan.number)
        order = {
            "end_to_end_id": uuid4().hex,
            "from_account": borrower.account,
            "from_name": borrower.name,
            "amount_fen": overdue,
            "value_date": self._today().isoformat(),
            "text": f"loan {loan.number}",
        }
        async with self.session.post(f"{self.bank}/deposits", json=order, headers=self.bank_headers) as answer:
            await _read("/deposits", answer)

    def _today(self) -> date:
        return self.books.clock.business_date(datetime.now(UTC))

    def _loans(self, stage: Stage) -> list[Loan]:
        with self.books.read() as work:
            return work.loans.page(EVERYBODY, stage=stage, limit=200)

    async def _tasks(self, person: str, kind: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = (await self._get(person, f"/tasks?open=true&kind={kind}&limit=100"))["items"]
        return found

    async def _get(self, person: str, path: str) -> dict[str, Any]:
        async with self.session.get(self.api + path, headers=self._as(person)) as answer:
            return await _read(path, answer)

    async def _post(self, person: str, path: str, body: dict[str, Any]) -> dict[str, Any]:
        headers = {**self._as(person), "Idempotency-Key": uuid4().hex}
        async with self.session.post(self.api + path, json=body, headers=headers) as answer:
            return await _read(path, answer)

    def _as(self, person: str) -> dict[str, str]:
        return {"Authorization": f"Bearer {demo_key(person)}"}


async def _read(path: str, answer: aiohttp.ClientResponse) -> dict[str, Any]:
    body: dict[str, Any] = await answer.json(content_type=None)
    if answer.status >= 400:
        raise ApiRefused(path, answer.status, str(body.get("code")))
    return body
