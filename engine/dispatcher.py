"""Empties the outbox after commits: starts workflows, signals them and hands messages to whoever sends them."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime, timedelta

import structlog

from books.session import Books
from engine.commands import LoanCommands
from engine.errors import LoanNotRunning
from models.loans import CLOSED
from models.messages import DecisionOrder, LoanOrder, MoneyNotice, Progress
from models.outbox import OutboxRow, Topic
from services.audit import actor_of, record
from services.bank import awaits_booking, unclaimed
from services.loans import position

log = structlog.get_logger()

LEASE = timedelta(seconds=30)
POLL_SECONDS = 0.2
BATCH = 50
LONGEST_WAIT = timedelta(minutes=5)

Deliver = Callable[[OutboxRow], Awaitable[None]]


class Dispatcher:
    """Delivers outbox rows at least once; a row that fails comes back later, with growing pauses.

    Workflows are started at a stated rate, since each start makes work for the engine; all else goes as it comes.
    Any number of dispatchers may run: a row is claimed under a lease. `senders` brings the topics that are not
    Temporal's, such as SMS.
    """

    def __init__(self, books: Books, commands: LoanCommands, senders: Mapping[Topic, Deliver], per_second: int) -> None:
        self.books = books
        self.commands = commands
        self.per_second = per_second
        self.deliver: dict[Topic, Deliver] = {
            Topic.START_LOAN: self._start,
            Topic.SIGNAL_LOAN: self._signal,
            Topic.CONFIRM_COMMAND: self._confirm,
            **senders,
        }

    async def run(self) -> None:
        """Works until cancelled; what was written meanwhile goes out together."""
        while True:
            try:
                delivered = await self.drain_once()
            except Exception as error:  # noqa: BLE001 the books may be away for a while; the rows wait in them
                log.error("dispatcher_paused", error=type(error).__name__)
                delivered = 0
            if delivered < BATCH:
                await asyncio.sleep(POLL_SECONDS)

    async def drain(self) -> int:
        """Delivers until nothing is due; returns how many rows were tried."""
        total = 0
        while tried := await self.drain_once():
            total += tried
        return total

    async def drain_once(self) -> int:
        """Claims one batch and delivers it; returns how many rows were tried."""
        began = asyncio.get_running_loop().time()
        rows = await asyncio.to_thread(self._claim)
        if not rows:
            return 0
        outcomes = await asyncio.gather(*(self._try(row) for row in rows))
        await asyncio.to_thread(self._settle, list(zip(rows, outcomes, strict=True)))
        spent = asyncio.get_running_loop().time() - began
        starts = sum(row.topic is Topic.START_LOAN for row in rows)
        await asyncio.sleep(max(0.0, starts / self.per_second - spent))
        return len(rows)

    def _claim(self) -> list[OutboxRow]:
        now = datetime.now(UTC)
        with self.books.read() as work:
            if not work.outbox.is_due(now):
                return []
        with self.books.begin() as work:
            return work.outbox.claim(now, BATCH, LEASE)

    def _settle(self, outcomes: list[tuple[OutboxRow, str | None]]) -> None:
        now = datetime.now(UTC)
        with self.books.begin() as work:
            work.outbox.done([row.id for row, error in outcomes if error is None], now)
            for row, error in outcomes:
                if error is not None:
                    pause = min(timedelta(seconds=2 ** min(row.attempts, 16)), LONGEST_WAIT)
                    work.outbox.later(row.id, now + pause, error)

    async def _try(self, row: OutboxRow) -> str | None:
        try:
            await self.deliver[row.topic](row)
        except Exception as error:  # noqa: BLE001 whatever went wrong, the row must come back
            code = getattr(error, "code", type(error).__name__)
            log.warning("delivery_failed", topic=row.topic, loan=row.loan, attempts=row.attempts, error=code)
            return str(code)
        return None

    async def _start(self, row: OutboxRow) -> None:
        await self.commands.start(LoanOrder.model_validate(row.payload))

    async def _signal(self, row: OutboxRow) -> None:
        loan = row.loan or ""
        if "decision" in row.payload:
            await self._signal_decision(loan, DecisionOrder.model_validate(row.payload["decision"]))
            return
        notice = MoneyNotice.model_validate(row.payload)
        if not await asyncio.to_thread(self._awaits_booking, loan, notice.reference):
            return
        try:
            await self.commands.signal_money(loan, notice)
        except LoanNotRunning:
            await asyncio.to_thread(self._nobody_home, loan, notice.reference)

    async def _signal_decision(self, loan: str, decision: DecisionOrder) -> None:
        try:
            await self.commands.signal_decision(loan, decision)
        except LoanNotRunning:
            await asyncio.to_thread(self._came_too_late, loan, decision)

    async def _confirm(self, row: OutboxRow) -> None:
        """A command is in the books; if the engine lost it on the way back, the loan is told to look at them."""
        loan = row.loan or ""
        known = await asyncio.to_thread(self._left_open, loan, str(row.payload["effect"]))
        if known is None:
            return
        try:
            state = await self.commands.state(loan)
        except LoanNotRunning:
            if known.stage in CLOSED:
                return
            raise
        if (state.stage, state.task_id) != (known.stage, known.task_id) or (known.next_day and known.next_day.collect):
            log.warning("command_taken_up_again", loan=loan, stage=known.stage)
            await self.commands.look_again(loan)

    def _left_open(self, loan: str, key: str) -> Progress | None:
        """Where the books have a loan that has done nothing since a command, None if it has gone on."""
        with self.books.read() as work:
            effect = work.outbox.effect(key)
            if effect is None or work.outbox.went_on(effect):
                return None
            return position(work, work.loans.get(loan))

    def _awaits_booking(self, loan: str, reference: str) -> bool:
        with self.books.read() as work:
            return awaits_booking(work, loan, reference)

    def _came_too_late(self, loan: str, decision: DecisionOrder) -> None:
        """A decision that nobody can follow any more: its sender finds that in the audit log."""
        with self.books.begin() as work:
            if work.loans.get(loan).stage not in CLOSED:
                raise LoanNotRunning(loan)
            record(
                work,
                actor_of(decision.sender),
                "decision_refused",
                loan=loan,
                subject=decision.task_id,
                reason="the loan was closed when the decision came",
                refused=True,
            )

    def _nobody_home(self, loan: str, reference: str) -> None:
        """The loan closed while the money was on its way: finance sees to it."""
        with self.books.begin() as work:
            unclaimed(work, loan, reference)
