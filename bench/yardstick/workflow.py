"""The commands of one origination."""

import asyncio
from collections.abc import Callable
from datetime import date, timedelta
from typing import Any, TypeVar

from temporalio import workflow
from temporalio.common import RetryPolicy
from temporalio.exceptions import ApplicationError

from models.loans import Stage
from models.messages import (
    BooksOrder,
    CheckOrder,
    CheckOutcome,
    CommandOnBooks,
    CommandOrder,
    CommandResult,
    DecideOnBooks,
    DecisionOrder,
    LoanOrder,
    Message,
    MoneyNotice,
    PaymentOrder,
    PaymentResult,
    Progress,
    VerificationOrder,
)

RETRY = RetryPolicy(initial_interval=timedelta(seconds=1))
DAY = date(2026, 1, 5)
NEXT_DAY = timedelta(days=25)

Result = TypeVar("Result", bound=Message)


@workflow.defn(name="Yardstick")
class Yardstick:
    """Waits, calls and answers as a loan does, and decides nothing."""

    @workflow.init
    def __init__(self, order: LoanOrder) -> None:
        self.order = order
        self.seq = order.seq
        self.stage = order.stage
        self.one_at_a_time = asyncio.Lock()

    @workflow.run
    async def run(self, order: LoanOrder) -> Progress:
        """Takes an application to disbursement, goes on as a new run, and sleeps like a loan in repayment."""
        if order.stage is not Stage.REPAYMENT:
            await self._originate(order)
        await self._within(NEXT_DAY, lambda: self.stage is not Stage.REPAYMENT)
        return Progress(stage=self.stage)

    async def _originate(self, order: LoanOrder) -> None:
        self.stage = Stage.VERIFICATION
        await asyncio.gather(*(self._ask(check) for check in order.checks))
        async with self.one_at_a_time:
            await self._commit("grade", VerificationOrder(**self._step("grade")), Stage.APPROVAL)
        await self._within(timedelta(days=order.approval_days), lambda: self.stage is not Stage.APPROVAL)
        await self._within(timedelta(days=order.acceptance_days), lambda: self.stage is not Stage.ACCEPTANCE)
        key = f"{order.loan}:disbursement:1"
        await self._outside("pay", PaymentOrder(loan=order.loan, key=key, day=DAY), "bank", PaymentResult)
        async with self.one_at_a_time:
            await self._commit("book", BooksOrder(**self._step("book")), Stage.REPAYMENT)
        await workflow.wait_condition(workflow.all_handlers_finished)
        workflow.continue_as_new(order.model_copy(update={"stage": Stage.REPAYMENT, "seq": self.seq, "runs": 2}))

    @workflow.update
    async def decide(self, decision: DecisionOrder) -> CommandResult:
        """One more commit, and on."""
        async with self.one_at_a_time:
            order = DecideOnBooks(**self._step("decision"), decision=decision)
            await self._commit("decide", order, Stage.ACCEPTANCE)
            return CommandResult(stage=self.stage, sentence="decided")

    @decide.validator
    def check_decision(self, decision: DecisionOrder) -> None:  # noqa: ARG002 a validator has its update's signature
        """Refuses what comes at another time."""
        self._require(Stage.APPROVAL)

    @workflow.update
    async def accept(self, command: CommandOrder) -> CommandResult:
        """One more commit, and on."""
        async with self.one_at_a_time:
            await self._commit(
                "accept", CommandOnBooks(**self._step("acceptance"), command=command), Stage.DISBURSEMENT
            )
            return CommandResult(stage=self.stage, sentence="accepted")

    @accept.validator
    def check_acceptance(self, command: CommandOrder) -> None:  # noqa: ARG002 a validator has its update's signature
        """Refuses what comes at another time."""
        self._require(Stage.ACCEPTANCE)

    @workflow.signal
    def money_moved(self, notice: MoneyNotice) -> None:
        """Changes nothing."""

    async def _ask(self, check: str) -> CheckOutcome:
        order = CheckOrder(loan=self.order.loan, check=check, day=DAY)
        return await self._outside("ask", order, "registers", CheckOutcome)

    async def _outside(self, activity: str, order: Message, queue: str, result_type: type[Result]) -> Result:
        result: Result = await workflow.execute_activity(
            activity,
            order,
            task_queue=f"{workflow.info().task_queue}-{queue}",
            start_to_close_timeout=timedelta(seconds=20),
            schedule_to_close_timeout=timedelta(minutes=10),
            retry_policy=RETRY,
            result_type=result_type,
        )
        return result

    async def _commit(self, activity: str, order: BooksOrder, stage: Stage) -> None:
        await workflow.execute_local_activity(
            activity,
            order,
            start_to_close_timeout=timedelta(seconds=10),
            retry_policy=RETRY,
            result_type=Progress,
        )
        self.stage = stage

    def _step(self, operation: str) -> dict[str, Any]:
        n = self.seq
        self.seq += 1
        return {"loan": self.order.loan, "key": f"{self.order.loan}:{operation}:{n}", "n": n, "day": DAY}

    async def _within(self, longest: timedelta, happened: Callable[[], bool]) -> None:
        await workflow.wait_condition(happened, timeout=longest)

    def _require(self, stage: Stage) -> None:
        if self.stage is not stage:
            raise ApplicationError(f"{self.order.loan} is at {self.stage}", type="wrong_stage")
