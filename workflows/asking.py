"""How a loan's workflow asks the books, the registers and the bank, and what time it is for it."""

from collections.abc import Callable, Sequence
from datetime import date, timedelta
from typing import Any, TypeVar

from temporalio import workflow
from temporalio.common import RetryPolicy
from temporalio.exceptions import ActivityError, ApplicationError

from models.keys import BANK_QUEUE, REGISTERS_QUEUE, command_key, effect_key
from models.messages import (
    BooksOrder,
    CheckOrder,
    CheckOutcome,
    LoanOrder,
    Message,
    PaymentOrder,
    PaymentResult,
    Progress,
    TroubleOrder,
)
from models.staff import Role
from models.verification import REGISTER_DOWN, Verdict, WhenDown, apart

BOOKS_RETRY = RetryPolicy(initial_interval=timedelta(milliseconds=200), maximum_interval=timedelta(seconds=30))
REGISTER_RETRY = RetryPolicy(
    initial_interval=timedelta(seconds=1), maximum_interval=timedelta(minutes=2), maximum_attempts=6
)
REGISTER_PATIENCE = timedelta(minutes=10)
WAITING_RETRY = RetryPolicy(initial_interval=timedelta(seconds=1), maximum_interval=timedelta(minutes=15))
"""For registers that a case waits for: as long as its product says, instead of a number of tries."""
BANK_RETRY = RetryPolicy(initial_interval=timedelta(seconds=1), maximum_interval=timedelta(minutes=5))

Result = TypeVar("Result", bound=Message)


class Asking:
    """What the procedure stands on: the loan's order, the number of its next effect, and the way to everything else."""

    order: LoanOrder
    seq: int
    round: int
    task_id: str | None

    async def _ask_register(self, check: str) -> CheckOutcome:
        """The outcome of a check. A register that cannot be asked leaves its mark, late where the product waits."""
        patience, retry = REGISTER_PATIENCE, REGISTER_RETRY
        # Checks that are asked together have one rule.
        rule = self.order.down.get(apart(check)[0])
        waiting = rule if rule is not None and rule.when_down is WhenDown.WAIT else None
        if waiting is not None:
            patience = max(self.order.clock.length_of(waiting.wait_days), timedelta(minutes=1))
            retry = WAITING_RETRY
        waits = waiting is not None
        order = CheckOrder(loan=self.order.loan, check=check, day=self._today(), round=self.round, waits=waits)
        try:
            outcome: CheckOutcome = await workflow.execute_activity(
                "ask_register",
                order,
                task_queue=REGISTERS_QUEUE,
                start_to_close_timeout=timedelta(seconds=15),
                schedule_to_close_timeout=patience,
                retry_policy=retry,
                cancellation_type=workflow.ActivityCancellationType.WAIT_CANCELLATION_COMPLETED,
                result_type=CheckOutcome,
            )
            return outcome
        except ActivityError:
            missing = tuple(CheckOutcome(check=one, verdict=Verdict.UNAVAILABLE) for one in apart(check))
            return missing[0].model_copy(update={"check": check, "parts": missing})

    async def _asks_person(self, outcomes: Sequence[CheckOutcome]) -> bool:
        """Whether a register is down for which the product asks a person, who then has a task."""
        about = [
            one.check
            for one in outcomes
            if one.verdict in (Verdict.UNAVAILABLE, Verdict.MALFORMED)
            and one.check in self.order.down
            and self.order.down[one.check].when_down is WhenDown.PERSON
        ]
        for check in about:
            await self._report(f"{REGISTER_DOWN}{check}", Role.RISK)
        return bool(about)

    async def _bank(self, activity: str, key: str, day: date, patience: timedelta | None) -> PaymentResult:
        result: PaymentResult = await workflow.execute_activity(
            activity,
            PaymentOrder(loan=self.order.loan, key=key, day=day),
            task_queue=BANK_QUEUE,
            start_to_close_timeout=timedelta(seconds=20),
            schedule_to_close_timeout=patience,
            retry_policy=BANK_RETRY,
            result_type=PaymentResult,
        )
        return result

    async def _on_books(self, activity: str, order: BooksOrder, result_type: type[Result]) -> Result:
        """A short transaction on our own books; if they are down it becomes a timer, never a stuck task."""
        result: Result = await workflow.execute_local_activity(
            activity,
            order,
            start_to_close_timeout=timedelta(seconds=10),
            local_retry_threshold=timedelta(seconds=5),
            retry_policy=BOOKS_RETRY,
            result_type=result_type,
        )
        return result

    async def _command_on_books(self, activity: str, order: BooksOrder, result_type: type[Result]) -> Result:
        """An act that somebody waits for: a refusal of the books becomes the answer to him."""
        try:
            return await self._on_books(activity, order, result_type)
        except ActivityError as error:
            if isinstance(error.cause, ApplicationError):
                raise error.cause from error
            raise ApplicationError("the books did not answer", type="books_unavailable") from error

    async def _report(self, about: str, role: Role) -> None:
        order = TroubleOrder(**self._books_order("trouble"), about=about, role=role)
        await self._on_books("report_trouble", order, Progress)

    def _books_order(self, operation: str = "", *, command: str = "") -> dict[str, Any]:
        """What every order to the books holds. A command brings its own key, an act of the procedure is numbered."""
        n = self.seq
        key = self._key(operation)
        return {
            "loan": self.order.loan,
            "key": command_key(self.order.loan, command) if command else key,
            "n": n,
            "day": self._today(),
            "round": self.round,
            "task_id": self.task_id,
        }

    def _key(self, operation: str) -> str:
        key = effect_key(self.order.loan, operation, self.seq)
        self.seq += 1
        return key

    def _today(self) -> date:
        return self.order.clock.business_date(workflow.now())

    async def _within(self, days: int, happened: Callable[[], bool]) -> bool:
        """Waits for something to happen, a number of business days at most; says whether it did."""
        return await self._sleep(self.order.clock.length_of(days), happened)

    async def _within_full(self, days: int, happened: Callable[[], bool]) -> bool:
        """The same for a deadline that people are told as a date: until that last business day is over."""
        over = self.order.clock.opens_at(self._today() + timedelta(days=days + 1))
        return await self._sleep(over - workflow.now(), happened)

    async def _sleep(self, longest: timedelta, woken: Callable[[], bool]) -> bool:
        try:
            await workflow.wait_condition(woken, timeout=longest)
        except TimeoutError:
            return False
        return True
