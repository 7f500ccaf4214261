"""The bare workflow: the yardstick's commands with activities that do nothing, started and told by a client alone."""

import asyncio
import time
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack, asynccontextmanager
from itertools import count

from temporalio import activity
from temporalio.client import Client

from bench.yardstick.worker import CHECKS, workers
from lending.calendar import BusinessClock
from models.keys import new_id
from models.loans import Stage
from models.messages import (
    BooksOrder,
    CheckOrder,
    CheckOutcome,
    CommandOnBooks,
    CommandOrder,
    DecideOnBooks,
    DecisionOrder,
    LoanOrder,
    PaymentOrder,
    PaymentResult,
    Progress,
    Sender,
    VerificationOrder,
)
from models.payments import PaymentStatus
from models.staff import Role
from models.tasks import Outcome
from models.verification import Verdict
from worker import BOOKS_THREADS

QUEUE = "bare"
PATIENCE_SECONDS = 120
SENDER = Sender(actor_id="bare", role=Role.RISK)


class EmptyActs:
    """Activities that answer at once; `reached` tells the driver of the two steps that it waits for."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._reached: dict[tuple[str, Stage], asyncio.Future[None]] = {}

    def reached(self, loan: str, stage: Stage) -> "asyncio.Future[None]":
        """Done when the loan has come to the stage."""
        return self._reached.setdefault((loan, stage), self._loop.create_future())

    @activity.defn
    async def ask(self, order: CheckOrder) -> CheckOutcome:
        """Nothing."""
        return CheckOutcome(check=order.check, verdict=Verdict.PASSED, reference="none")

    @activity.defn
    def grade(self, order: VerificationOrder) -> Progress:
        """Nothing."""
        return self._tell(order, Stage.APPROVAL)

    @activity.defn
    def decide(self, order: DecideOnBooks) -> Progress:
        """Nothing."""
        return self._tell(order, Stage.ACCEPTANCE)

    @activity.defn
    def accept(self, order: CommandOnBooks) -> Progress:
        """Nothing."""
        return self._tell(order, Stage.DISBURSEMENT)

    @activity.defn
    async def pay(self, order: PaymentOrder) -> PaymentResult:
        """Nothing."""
        return PaymentResult(key=order.key, status=PaymentStatus.SETTLED)

    @activity.defn
    def book(self, order: BooksOrder) -> Progress:
        """Nothing."""
        return self._tell(order, Stage.REPAYMENT)

    def _tell(self, order: BooksOrder, stage: Stage) -> Progress:
        self._loop.call_soon_threadsafe(self._mark, order.loan, stage)
        return Progress(stage=stage)

    def _mark(self, loan: str, stage: Stage) -> None:
        future = self.reached(loan, stage)
        if not future.done():
            future.set_result(None)


class Bare:
    """Originates bare workflows."""

    def __init__(self, client: Client, acts: EmptyActs) -> None:
        self._client = client
        self._acts = acts
        self._numbers = count(1)

    async def originate(self, loans: int, in_flight: int) -> float:
        """Takes so many workflows to the end of origination; returns the seconds it took."""
        waiting = [f"B{next(self._numbers):08d}" for _ in range(loans)]

        async def one_after_the_other() -> None:
            while waiting:
                await self._originate(waiting.pop())

        began = time.perf_counter()
        async with asyncio.timeout(PATIENCE_SECONDS), asyncio.TaskGroup() as seats:
            for _ in range(in_flight):
                seats.create_task(one_after_the_other())
        return time.perf_counter() - began

    async def _originate(self, loan: str) -> None:
        order = LoanOrder(loan=loan, clock=BusinessClock(), checks=CHECKS)
        await self._client.start_workflow("Yardstick", order, id=f"bare/{loan}", task_queue=QUEUE)
        handle = self._client.get_workflow_handle(f"bare/{loan}")
        await self._acts.reached(loan, Stage.APPROVAL)
        decision = DecisionOrder(
            task_id=loan, outcome=Outcome.APPROVE, reason="clean record", sender=SENDER, command_id=new_id()
        )
        await handle.execute_update("decide", decision, id=decision.command_id)
        command = CommandOrder(sender=SENDER, command_id=new_id())
        await handle.execute_update("accept", command, id=command.command_id)
        await self._acts.reached(loan, Stage.REPAYMENT)


@asynccontextmanager
async def bare_workers(client: Client) -> AsyncIterator[Bare]:
    """Workers of this process while the block lasts."""
    acts = EmptyActs()
    async with AsyncExitStack() as stack:
        threads = stack.enter_context(ThreadPoolExecutor(BOOKS_THREADS))
        for worker in workers(client, acts, threads, QUEUE):
            await stack.enter_async_context(worker)
        yield Bare(client, acts)
