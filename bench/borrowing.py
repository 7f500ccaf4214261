"""The scripted people: they apply, decide, sign and accept through the API, and see the money go out."""

import asyncio
import time
from collections.abc import Coroutine, Iterator, Sequence
from typing import Any, TypeVar

import aiohttp

from bench.applicants import Body
from bench.errors import BenchFailed
from console.phones import Phones
from services.staff import demo_key

POLL_SECONDS = 0.5
"""How often somebody asks for all loans together. Each signer looks at his phone half as often."""
CONTRACT = "contract_ready"
PATIENCE_SECONDS = 180.0
LEAST_PAGE = 20
"""Several scripts may wait at the same lender: a page of one's own loans alone could miss them behind the others'."""
INTEGRATOR = {"Authorization": f"Bearer {demo_key('integrator-demo')}"}
APPROVER = {"Authorization": f"Bearer {demo_key('risk-qian')}"}

Result = TypeVar("Result")


def open_session() -> aiohttp.ClientSession:
    """A session that lets idle connections go before the server does: a request must not meet a closing one."""
    return aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=200, keepalive_timeout=2))


class Script:
    """An integrator and an approver in front of one API, and the phones that its provider sends messages to."""

    def __init__(
        self,
        session: aiohttp.ClientSession,
        api: str,
        outside: str,
        keys: Iterator[str],
        poll_seconds: float = POLL_SECONDS,
    ) -> None:
        self._session = session
        self._api = api
        self._phones = Phones(session, outside, "demo-sms")
        self._keys = keys
        self._poll_seconds = poll_seconds
        self._approvals: dict[str, asyncio.Future[str]] = {}
        self._arrivals: dict[tuple[str, str], asyncio.Future[None]] = {}
        self._in_flight = 0

    async def originate(self, bodies: Sequence[Body], in_flight: int) -> float:
        """Takes all applications to disbursement, so many at a time; returns the seconds from the first to the last.

        Raises BenchFailed if one is not disbursed in time.
        """
        return await self._watched(self._originate_all(bodies, in_flight))

    async def live_through(self, body: Body) -> str:
        """Takes one application to disbursement and waits until the loan is settled; returns its number."""
        return await self._watched(self._until_settled(body))

    async def _watched(self, work: Coroutine[Any, Any, Result]) -> Result:
        async with asyncio.TaskGroup() as both:
            watching = both.create_task(self._watch())
            result = await work
            watching.cancel()
        return result

    async def _originate_all(self, bodies: Sequence[Body], in_flight: int) -> float:
        waiting = list(reversed(bodies))
        self._in_flight = in_flight

        async def one_after_the_other() -> None:
            while waiting:
                await self._originate(waiting.pop())

        began = time.perf_counter()
        async with asyncio.TaskGroup() as seats:
            for _ in range(in_flight):
                seats.create_task(one_after_the_other())
        return time.perf_counter() - began

    async def _until_settled(self, body: Body) -> str:
        self._in_flight = 1
        loan = await self._originate(body)
        await self._arrival(loan, "settled", patience_seconds=10 * PATIENCE_SECONDS)
        return loan

    async def _originate(self, body: Body) -> str:
        receipt = await self._post("/applications", INTEGRATOR, body, 202)
        loan: str = receipt["loan"]
        task = await self._in_time(loan, "approval", self._approvals.setdefault(loan, _future()))
        await self._post(f"/tasks/{task}/decision", APPROVER, {"outcome": "approve", "reason": "clean record"}, 200)
        await self._sign(loan)
        await self._post(f"/loans/{loan}/acceptance", INTEGRATOR, {}, 200)
        await self._arrival(loan, "repayment")
        return loan

    async def _sign(self, loan: str) -> None:
        """Each signer asks for a code once the contract is made, looks at his phone and signs."""
        await self._arrival(loan, CONTRACT)
        give_up_at = time.perf_counter() + PATIENCE_SECONDS
        shown = await self._get(f"/loans/{loan}/signatures", INTEGRATOR)
        for signer in shown["signers"]:
            who = {"party": signer["party"]}
            await self._post(f"/loans/{loan}/signing-codes", INTEGRATOR, who, 202)
            while (code := await self._phones.signing_code(loan, signer["mobile"])) is None:
                if time.perf_counter() > give_up_at:
                    raise BenchFailed(f"no code came for loan {loan} within {PATIENCE_SECONDS:g} s")
                await asyncio.sleep(2 * self._poll_seconds)
            signed = {**who, "code": code, "document_sha256": shown["contract"]["sha256"]}
            await self._post(f"/loans/{loan}/signatures", INTEGRATOR, signed, 201)

    async def _arrival(self, loan: str, stage: str, patience_seconds: float = PATIENCE_SECONDS) -> None:
        arrival = self._arrivals.setdefault((stage, loan), _future())
        await self._in_time(loan, stage, arrival, patience_seconds)
        del self._arrivals[(stage, loan)]

    async def _in_time(
        self, loan: str, stage: str, future: "asyncio.Future[Any]", patience_seconds: float = PATIENCE_SECONDS
    ) -> Any:
        try:
            return await asyncio.wait_for(future, patience_seconds)
        except TimeoutError:
            raise BenchFailed(f"loan {loan} did not come to {stage} within {patience_seconds:g} s") from None

    async def _watch(self) -> None:
        """Asks for open approvals, contracts to sign and loans at the stages waited for, as a client without
        call-backs.
        """
        while True:
            tasks = await self._get("/tasks", APPROVER, open="true", kind="approval", limit="200")
            for task in tasks["items"]:
                _arrived(self._approvals.setdefault(task["loan"], _future()), task["id"])
            for stage in {stage for stage, _ in self._arrivals}:
                wanted = {CONTRACT: "true"} if stage == CONTRACT else {"stage": stage}
                loans = await self._get(
                    "/loans", INTEGRATOR, **wanted, limit=str(min(200, max(LEAST_PAGE, 2 * self._in_flight)))
                )
                for loan in loans["items"]:
                    arrival = self._arrivals.get((stage, loan["loan"]))
                    if arrival is not None:
                        _arrived(arrival, None)
            await asyncio.sleep(self._poll_seconds)

    async def _post(self, path: str, who: dict[str, str], body: Body, wanted: int) -> Body:
        headers = who | {"Idempotency-Key": next(self._keys)}
        async with self._session.post(self._api + path, json=body, headers=headers) as answer:
            if answer.status != wanted:
                raise BenchFailed(f"POST {path} was answered {answer.status}: {(await answer.text())[:300]}")
            read: Body = await answer.json()
            return read

    async def _get(self, path: str, who: dict[str, str], **parameters: str) -> Body:
        async with self._session.get(self._api + path, params=parameters, headers=who) as answer:
            if answer.status != 200:
                raise BenchFailed(f"GET {path} was answered {answer.status}: {(await answer.text())[:300]}")
            read: Body = await answer.json()
            return read


def _future() -> "asyncio.Future[Any]":
    return asyncio.get_running_loop().create_future()


def _arrived(future: "asyncio.Future[Any]", value: object) -> None:
    if not future.done():
        future.set_result(value)
