"""How the scripted people of the demonstration reach the API and a bank, and what they make of a refusal."""

import asyncio
from collections.abc import Awaitable, Coroutine, Iterable
from contextlib import suppress
from datetime import UTC, date, datetime
from typing import Any
from uuid import uuid4

import aiohttp

from books.session import Books
from console.parts import Part, part_of
from console.up import Addresses
from models.loans import Loan, Stage
from models.staff import Actor, Role
from services.staff import demo_key
from settings import Settings

EVERYBODY = Actor("demo", Role.ADMIN)


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


class Callers:
    """What every scripted person needs: the API under a name, the other banks, the day, and six hands."""

    def __init__(self, session: aiohttp.ClientSession, books: Books, addresses: Addresses, settings: Settings) -> None:
        self.session = session
        self.books = books
        self.api = f"{addresses.web}/api/v1"
        self.outside = addresses.outside
        self.bank = f"{addresses.outside}/bank"
        self.bank_headers = {"Authorization": f"Bearer {settings.bank_credential.get_secret_value()}"}
        self.done: set[str] = set()
        self.parts: dict[str, Part | None] = {}
        self.hands = asyncio.Semaphore(6)

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

    def _today(self) -> date:
        return self.books.clock.business_date(datetime.now(UTC))

    def _loans(self, stage: Stage) -> list[Loan]:
        """The loans at a stage, those with a part first."""
        with self.books.read() as work:
            loans = work.loans.page(EVERYBODY, stage=stage, limit=200)
        return sorted(loans, key=lambda loan: self._part_of(loan.number) is None)

    def _part_of(self, loan: str) -> Part | None:
        if loan not in self.parts:
            with self.books.read() as work:
                self.parts[loan] = part_of(work.loans.application(loan).idempotency_key)
        return self.parts[loan]

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

    async def _slow_down(self, register: str, calls: int, milliseconds: int) -> None:
        """Has the simulated outside answer the next questions to a register late."""
        fault = {"service": register, "fault": "slow", "delay_ms": milliseconds, "times": calls}
        headers = {"Authorization": "Bearer demo-control"}
        async with self.session.post(f"{self.outside}/control/faults", json=fault, headers=headers) as answer:
            await _read("/control/faults", answer)

    async def _upload(self, person: str, loan: str, kind: str, picture: bytes) -> str:
        """Hands the picture of a document in; returns the document's id."""
        path, body = f"/loans/{loan}/documents", aiohttp.FormData({"kind": kind})
        body.add_field("file", picture, filename=f"{kind}.png", content_type="image/png")
        async with self.session.post(self.api + path, data=body, headers=self._as(person)) as answer:
            return str((await _read(path, answer))["id"])

    async def _in_doubt(self, person: str, loan: str) -> list[dict[str, Any]]:
        """The documents of a loan in doubt that this person may decide on: not those that he handed in himself."""
        listed = (await self._get(person, f"/loans/{loan}/documents"))["items"]
        return [
            one
            for one in listed
            if one["uploaded_by"] != person
            and (reading := one["reading"]) is not None
            and reading["doubtful"]
            and reading["outcome"] is None
        ]

    async def _decide_document(self, person: str, loan: str, document: str, decision: dict[str, str]) -> None:
        await self._post(person, f"/loans/{loan}/documents/{document}/decision", decision)

    def _as(self, person: str) -> dict[str, str]:
        return {"Authorization": f"Bearer {demo_key(person)}"}

    async def _transfer(self, payer: Loan, amount_fen: int, text: str) -> None:
        """A transfer to the lender from the account of a loan's borrower."""
        with self.books.read() as work:
            borrower = work.customers.borrower(payer.number)
        await self._deposit(str(borrower.account), borrower.name, amount_fen, text)

    async def _deposit(self, account: str, name: str, amount_fen: int, text: str) -> None:
        """Money that somebody sends or hands in."""
        order = {
            "end_to_end_id": uuid4().hex,
            "from_account": account,
            "from_name": name,
            "amount_fen": amount_fen,
            "value_date": self._today().isoformat(),
            "text": text,
        }
        async with self.session.post(f"{self.bank}/deposits", json=order, headers=self.bank_headers) as answer:
            await _read("/deposits", answer)


async def _read(path: str, answer: aiohttp.ClientResponse) -> dict[str, Any]:
    body: dict[str, Any] = await answer.json(content_type=None)
    if answer.status >= 400:
        raise ApiRefused(path, answer.status, str(body.get("code")))
    return body
