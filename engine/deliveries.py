"""How each message of the outbox that is Temporal's reaches its loan."""

import asyncio
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any, Protocol

import structlog

from books.session import Books, UnitOfWork
from engine.commands import LoanCommands
from engine.errors import CommandRefused, LoanNotRunning, StillVerified
from lending.errors import LendingError
from models.loans import CLOSED, Stage
from models.messages import CommandOrder, DecisionOrder, LoanOrder, MoneyNotice, Progress
from models.outbox import OutboxRow
from services import settled_loans
from services.accounts import AccountNotVerified
from services.audit import actor_of, record
from services.bank import awaits_booking, unclaimed
from services.loans import order_from_books, position
from services.verification import LateWord, verify_again

log = structlog.get_logger()


class Delivery(Protocol):
    """What is done with the messages of one topic."""

    def look_up(self, work: UnitOfWork, rows: Sequence[OutboxRow], /) -> Mapping[str, Any]:
        """What the books say about each message, by its id: read for all that were claimed together.

        Plain queries only. What can go wrong with a single message belongs in `deliver`, where it holds up no other.
        """

    async def deliver(self, row: OutboxRow, found: Any, /) -> None:
        """Delivers a message; `found` is what was looked up for it, None if nothing."""


class _ToLoan:
    """Delivers to a loan's workflow. Nothing is looked up for several at once, unless a delivery says otherwise: how
    things stand is asked for when the turn of each comes.
    """

    def __init__(self, books: Books, commands: LoanCommands) -> None:
        self.books = books
        self.commands = commands

    def look_up(self, _work: UnitOfWork, _rows: Sequence[OutboxRow]) -> Mapping[str, Any]:
        """Nothing."""
        return {}


class StartLoan(_ToLoan):
    """Starts a loan's workflow."""

    async def deliver(self, row: OutboxRow, _found: Any) -> None:
        """Starts it; one that runs already is left alone."""
        await self.commands.start(LoanOrder.model_validate(row.payload))


class ReopenLoan(_ToLoan):
    """Starts the workflow of a settled loan that is taken up again."""

    async def deliver(self, row: OutboxRow, _found: Any) -> None:
        """Starts it as the books have it now. While the run that settled it is still ending, it has to wait."""
        order = await asyncio.to_thread(self._order, row.loan or "")
        if order is None or await self.commands.start(order, again=True):
            return
        if (await self.commands.state(order.loan)).stage in CLOSED:
            raise LoanNotRunning(order.loan)

    def _order(self, number: str) -> LoanOrder | None:
        with self.books.read() as work:
            loan = work.loans.get(number)
            return None if loan.stage in CLOSED else order_from_books(work, loan)


class SignalLoan(_ToLoan):
    """Tells a loan of money, or of a decision whose sender does not wait."""

    def look_up(self, work: UnitOfWork, rows: Sequence[OutboxRow]) -> Mapping[str, Any]:
        """Whether the loan still has to hear of its money."""
        return {
            row.id: awaits_booking(work, row.loan or "", row.payload["reference"])
            for row in rows
            if "reference" in row.payload
        }

    async def deliver(self, row: OutboxRow, found: Any) -> None:
        """Sends the Signal; what no running loan can take any more is handed to a person or recorded."""
        loan = row.loan or ""
        if "decision" in row.payload:
            await self._decision(loan, DecisionOrder.model_validate(row.payload["decision"]))
        elif found:
            await self._money(loan, MoneyNotice.model_validate(row.payload))

    async def _money(self, loan: str, notice: MoneyNotice) -> None:
        try:
            await self.commands.signal_money(loan, notice)
        except LoanNotRunning:
            await asyncio.to_thread(self._nobody_home, loan, notice.reference)

    async def _decision(self, loan: str, decision: DecisionOrder) -> None:
        try:
            await self.commands.signal_decision(loan, decision)
        except LoanNotRunning:
            await asyncio.to_thread(self._without_workflow, loan, decision)

    def _without_workflow(self, loan: str, decision: DecisionOrder) -> None:
        """A decision on the correction of a settled loan; of any other one its sender finds in the audit log that it
        came too late.
        """
        why = "the loan was closed when the decision came"
        try:
            with self.books.begin() as work:
                # Held: money that comes back may be opening it again.
                stage = work.loans.get(loan).stage
                if stage not in CLOSED:
                    raise LoanNotRunning(loan)
                if stage is Stage.SETTLED and work.changes.of_task(decision.task_id) is not None:
                    settled_loans.decide(work, loan, decision)
                    return
        except LoanNotRunning:
            raise
        except LendingError as refusal:
            why = str(refusal)
        with self.books.begin() as work:
            record(
                work,
                actor_of(decision.sender),
                "decision_refused",
                loan=loan,
                subject=decision.task_id,
                reason=why,
                refused=True,
            )

    def _nobody_home(self, loan: str, reference: str) -> None:
        """The loan closed while the money was on its way: finance sees to it."""
        with self.books.begin() as work:
            unclaimed(work, loan, reference)


class AcceptOffer(_ToLoan):
    """Accepts an offer that all have signed, once the last condition before its payout is met."""

    async def deliver(self, row: OutboxRow, _found: Any) -> None:
        """Sends the acceptance. One that is refused is recorded, and can be given again by hand; while the borrower's
        account is being checked it is tried again.
        """
        loan, command = row.loan or "", CommandOrder.model_validate(row.payload["command"])
        stage = await asyncio.to_thread(self._stage, loan)
        if stage is Stage.EXPIRED:
            await asyncio.to_thread(self._note, loan, command, "the offer had expired")
        if stage is not Stage.ACCEPTANCE:
            return
        try:
            await self.commands.accept(loan, command)
        except CommandRefused as refusal:
            if refusal.code == AccountNotVerified.code:
                raise
            await asyncio.to_thread(self._note, loan, command, str(refusal))

    def _stage(self, loan: str) -> Stage:
        with self.books.read() as work:
            return work.loans.get(loan).stage

    def _note(self, loan: str, command: CommandOrder, why: str) -> None:
        with self.books.begin() as work:
            record(work, actor_of(command.sender), "acceptance_refused", loan=loan, reason=why, refused=True)


class VerifyAgain(_ToLoan):
    """Somebody authorised after his registers were left out, or answers are past their days: a case that waits for
    approval asks them now. Or a person looked after a register that is down: the case that stands still for it goes on.
    """

    async def deliver(self, row: OutboxRow, _found: Any) -> None:
        """Sends the case back and tells its workflow; comes back until its registers were asked."""
        loan = row.loan or ""
        if "helped" in row.payload:
            with suppress(LoanNotRunning):
                await self.commands.look_again(loan)
            return
        looked = await asyncio.to_thread(self._send_back, loan)
        if looked.look_again:
            await self.commands.look_again(loan)
        if not looked.is_done:
            raise StillVerified(loan)

    def _send_back(self, loan: str) -> LateWord:
        with self.books.begin() as work:
            return verify_again(work, loan)


class ConfirmCommand(_ToLoan):
    """A command is in the books; if the engine lost it on the way back, the loan is told to look at them."""

    def look_up(self, work: UnitOfWork, rows: Sequence[OutboxRow]) -> Mapping[str, Any]:
        """Whether the loan has done nothing since the command."""
        left_open = work.outbox.left_open([row.payload["effect"] for row in rows])
        return {row.id: row.payload["effect"] in left_open for row in rows}

    async def deliver(self, row: OutboxRow, found: Any) -> None:
        """Compares books and engine, for a loan that has not gone on."""
        if not found:
            return
        loan = row.loan or ""
        known = await asyncio.to_thread(self._position, loan)
        try:
            state = await self.commands.state(loan)
        except LoanNotRunning:
            if known.stage in CLOSED:
                return
            raise
        stands = (state.stage, state.task_id, state.changes) == (known.stage, known.task_id, known.changes or ())
        if not stands or (known.next_day and known.next_day.collect):
            log.warning("command_taken_up_again", loan=loan, stage=known.stage)
            await self.commands.look_again(loan)

    def _position(self, loan: str) -> Progress:
        with self.books.read() as work:
            return position(work, work.loans.get(loan))
