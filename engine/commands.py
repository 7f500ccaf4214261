"""Commands to a loan: start, Updates that somebody waits for, Signals that nobody waits for, and its state."""

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

from temporalio.client import (
    Client,
    RPCTimeoutOrCancelledError,
    WorkflowQueryFailedError,
    WorkflowQueryRejectedError,
    WorkflowUpdateFailedError,
    WorkflowUpdateRPCTimeoutOrCancelledError,
)
from temporalio.common import QueryRejectCondition, WorkflowIDConflictPolicy, WorkflowIDReusePolicy
from temporalio.exceptions import ApplicationError, WorkflowAlreadyStartedError
from temporalio.service import RPCError, RPCStatusCode

from engine.errors import CommandRefused, EngineBusy, EngineUnavailable, LoanNotRunning
from lending.errors import LendingError
from models.keys import LOANS_QUEUE, loan_of, workflow_id
from models.messages import (
    ChangeOrder,
    ChangeWithdrawal,
    Command,
    CommandOrder,
    CommandResult,
    DecisionOrder,
    LoanOrder,
    LoanState,
    Message,
    MoneyNotice,
    PrepaymentOrder,
)

PATIENCE = timedelta(seconds=60)
"""How long somebody waits for the answer to a command."""
QUICK = timedelta(seconds=10)
"""How long a start, a Signal or a Query may take."""


class LoanCommands:
    """Everything that the edge can tell or ask a loan's workflow."""

    def __init__(self, client: Client) -> None:
        self.client = client

    async def start(self, order: LoanOrder, *, again: bool = False) -> bool:
        """Starts a loan's workflow; False if it runs already. `again` allows it after an earlier one ended."""
        reuse = WorkflowIDReusePolicy.ALLOW_DUPLICATE if again else WorkflowIDReusePolicy.REJECT_DUPLICATE
        try:
            await self.client.start_workflow(
                "Loan",
                order,
                id=workflow_id(order.loan),
                task_queue=LOANS_QUEUE,
                id_reuse_policy=reuse,
                id_conflict_policy=WorkflowIDConflictPolicy.FAIL,
                rpc_timeout=QUICK,
            )
        except WorkflowAlreadyStartedError:
            return False
        return True

    async def decide(self, loan: str, decision: DecisionOrder) -> CommandResult:
        """A decision whose sender waits."""
        return await self._update(loan, "decide", decision)

    async def accept(self, loan: str, command: CommandOrder) -> CommandResult:
        """The borrower's acceptance."""
        return await self._update(loan, "accept", command)

    async def complete(self, loan: str, command: CommandOrder) -> CommandResult:
        """A returned case is complete."""
        return await self._update(loan, "complete", command)

    async def withdraw(self, loan: str, command: CommandOrder) -> CommandResult:
        """The borrower walks away."""
        return await self._update(loan, "withdraw", command)

    async def prepay(self, loan: str, prepayment: PrepaymentOrder) -> CommandResult:
        """A prepayment drawn today."""
        return await self._update(loan, "prepay", prepayment)

    async def propose_change(self, loan: str, change: ChangeOrder) -> CommandResult:
        """A change that somebody else decides; the result names the proposal."""
        return await self._update(loan, "propose_change", change)

    async def take_back_change(self, loan: str, withdrawal: ChangeWithdrawal) -> CommandResult:
        """A proposal is taken back."""
        return await self._update(loan, "take_back_change", withdrawal)

    async def signal_money(self, loan: str, notice: MoneyNotice) -> None:
        """Tells the loan that money moved. Raises LoanNotRunning if nobody is there to hear it."""
        await self._signal(loan, "money_moved", notice)

    async def signal_decision(self, loan: str, decision: DecisionOrder) -> None:
        """A decision whose sender does not wait."""
        await self._signal(loan, "decision_made", decision)

    async def look_again(self, loan: str) -> None:
        """Tells the loan to take up what the books say. Raises LoanNotRunning if nobody is there to hear it."""
        await self._signal(loan, "look_again")

    async def running(self) -> AsyncIterator[str]:
        """The numbers of all loans whose workflow runs, as the engine lists them."""
        async for found in self.client.list_workflows("WorkflowType = 'Loan' AND ExecutionStatus = 'Running'"):
            yield loan_of(found.id)

    async def state(self, loan: str) -> LoanState:
        """Where the engine has a running loan. Raises LoanNotRunning for one whose workflow ended, however it ended."""
        handle = self.client.get_workflow_handle(workflow_id(loan))
        try:
            state: LoanState = await handle.query(
                "state",
                result_type=LoanState,
                reject_condition=QueryRejectCondition.NOT_OPEN,
                rpc_timeout=QUICK,
            )
        except WorkflowQueryRejectedError as error:
            raise LoanNotRunning(loan) from error
        except (RPCError, RuntimeError, WorkflowQueryFailedError) as error:
            raise _explained(error, loan) from error
        return state

    async def _signal(self, loan: str, name: str, *messages: Message) -> None:
        try:
            await self.client.get_workflow_handle(workflow_id(loan)).signal(name, args=messages, rpc_timeout=QUICK)
        except (RPCError, RuntimeError) as error:
            raise _explained(error, loan) from error

    async def _update(self, loan: str, name: str, command: Command) -> CommandResult:
        handle = self.client.get_workflow_handle(workflow_id(loan))
        # The engine gives one id one answer, whatever is asked: something else must not pass for the same.
        update_id = f"{command.command_id}:{command.digest}"
        try:
            result: CommandResult = await handle.execute_update(
                name, command, id=update_id, result_type=CommandResult, rpc_timeout=PATIENCE
            )
        except WorkflowUpdateFailedError as error:
            raise _refusal(error.cause) from error
        except (
            RPCError,
            RuntimeError,
            RPCTimeoutOrCancelledError,
            WorkflowUpdateRPCTimeoutOrCancelledError,
        ) as error:
            raise _explained(error, loan) from error
        return result


def _refusal(cause: BaseException | None) -> LendingError:
    if isinstance(cause, ApplicationError) and cause.type:
        details: Any = cause.details[0] if cause.details else None
        return CommandRefused(cause.type, cause.message, details if isinstance(details, dict) else None)
    return CommandRefused("command_refused", "the loan refused the command")


def _explained(error: Exception, loan: str) -> LendingError:
    """The refusal behind an error of the client; one that connects lazily and cannot raises a plain RuntimeError."""
    if isinstance(error, RPCError):
        if error.status is RPCStatusCode.NOT_FOUND:
            return LoanNotRunning(loan)
        if error.status is RPCStatusCode.RESOURCE_EXHAUSTED:
            return EngineBusy(loan)
    return EngineUnavailable(loan)
