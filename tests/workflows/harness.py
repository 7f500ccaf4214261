"""A lender at work whose days pass when the test says so: real books, worker, activities and outside world."""

import asyncio
import itertools
import shutil
import time
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager, suppress
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Protocol, TypeVar

import pytest
from google.protobuf.duration_pb2 import Duration
from sqlalchemy import update
from sqlmodel import col
from temporalio.api.enums.v1 import EventType
from temporalio.api.testservice.v1 import SleepRequest, UnlockTimeSkippingRequest
from temporalio.client import Client, WorkflowHistory
from temporalio.service import RPCError
from temporalio.testing import WorkflowEnvironment

import worker
from books.schema import migrate
from books.session import Books, UnitOfWork
from console.audits import audit_books
from console.seed import load_products, seed
from engine.codec import opened_history
from engine.commands import LoanCommands
from engine.dispatcher import Dispatcher
from engine.errors import CommandRefused
from lending.account import LoanAccount
from lending.calendar import REAL_DAY_SECONDS, BusinessClock
from models import ledger as chart
from models.keys import workflow_id
from models.loans import Loan, Stage
from models.messages import CommandOrder, CommandResult, DecisionOrder, LoanState, PrepaymentOrder, Sender
from models.outbox import NumberSeries, OutboxRow, Topic
from models.payments import Payment, PaymentKind
from models.staff import Actor, Role
from models.tasks import Outcome, Task, TaskKind
from services.applications import Receipt, read_submission, submit
from services.bank import BankMovement, record_movement
from services.loans import account_of
from services.reports import funds
from settings import Settings
from simulators.records import Person
from tests.services.signatures import make_and_sign, templates
from tests.simulators.running import LENDER, Outside
from tests.workflows.people import application

START = date(2026, 1, 5)
OPENING_HOUR = timedelta(hours=9)
PATIENCE_SECONDS = 30
LONGEST_SKIP = timedelta(days=200)
MODULES = ("modules.auto", "modules.micro", "modules.student", "tests.workflows.long_loans")

INTEGRATOR = Actor("integrator-demo", Role.INTEGRATOR)
AGENT = Actor("agent-lin", Role.AGENT)
MANAGER = Actor("manager-zhao", Role.MANAGER)
RISK = Actor("risk-qian", Role.RISK)
FINANCE = Actor("finance-sun", Role.FINANCE)
ADMIN = Actor("admin-gu", Role.ADMIN)

TASK_EVENTS = (
    EventType.EVENT_TYPE_WORKFLOW_TASK_SCHEDULED,
    EventType.EVENT_TYPE_WORKFLOW_TASK_STARTED,
    EventType.EVENT_TYPE_WORKFLOW_TASK_COMPLETED,
    EventType.EVENT_TYPE_WORKFLOW_TASK_FAILED,
)
CLOSING_EVENTS = (
    EventType.EVENT_TYPE_WORKFLOW_EXECUTION_COMPLETED,
    EventType.EVENT_TYPE_WORKFLOW_EXECUTION_FAILED,
    EventType.EVENT_TYPE_WORKFLOW_EXECUTION_TERMINATED,
)

# One bank serves all lenders of a test process, and an order's number must be new to it.
_lenders = itertools.count(1)
_commands = itertools.count(1)
Found = TypeVar("Found")


class Engine(Protocol):
    """A Temporal server and its time."""

    client: Client

    async def now(self) -> datetime:
        """The server's time."""

    async def wait_until(self, instant: datetime) -> None:
        """Returns when the server's time has come to `instant`."""

    async def tidy(self) -> None:
        """Makes the server ready for the next test, after all workflows have ended."""


class SkippingEngine:
    """The server whose time stands nearly still until a test lets it pass; then all that is due on the way happens."""

    def __init__(self, environment: WorkflowEnvironment) -> None:
        self.environment = environment
        self.client = environment.client

    async def now(self) -> datetime:
        """The server's time, ahead of the wall."""
        return await self.environment.get_current_time()

    async def wait_until(self, instant: datetime) -> None:
        """Skips to the instant; the server stops on the way for every activity and workflow task.

        In slices, because one call may take half a minute at most.
        """
        while (left := instant - await self.now()) > timedelta(0):
            await self.environment.sleep(min(left, LONGEST_SKIP))

    async def tidy(self) -> None:
        """A workflow that was terminated in the middle of a task still holds the server's time: takes the hold off."""
        hour = SleepRequest(duration=Duration(seconds=3600))
        while True:
            try:
                await self.client.test_service.unlock_time_skipping_with_sleep(hour, timeout=timedelta(seconds=2))
            except RPCError:
                await self.client.test_service.unlock_time_skipping(UnlockTimeSkippingRequest())
            else:
                return


class RealEngine:
    """A server in real time, for business days of a fraction of a second."""

    def __init__(self, client: Client) -> None:
        self.client = client

    async def now(self) -> datetime:
        """The time on the wall."""
        return datetime.now(UTC)

    async def wait_until(self, instant: datetime) -> None:
        """Waits on the wall's clock."""
        await asyncio.sleep(max((instant - datetime.now(UTC)).total_seconds(), 0))

    async def tidy(self) -> None:
        """Nothing is left behind."""


def make_template(path: Path) -> Path:
    """Books with tables, rules, staff and opening balance, to be copied for each test."""
    settings = Settings(database_url=f"sqlite:///{path}", modules=MODULES)
    migrate(settings.database_url)
    books = Books(settings.database_url)
    seed(books, settings)
    books.close()
    return path


class Office:
    """The people of one lender, its loans and its calendar."""

    def __init__(
        self, settings: Settings, books: Books, engine: Engine, outside: Outside, dispatcher: Dispatcher
    ) -> None:
        self.settings = settings
        self.books = books
        self.engine = engine
        self.outside = outside
        self.dispatcher = dispatcher
        self.commands = LoanCommands(engine.client)
        self.loans: list[str] = []
        self.bank_before = outside.balance(LENDER)

    # -- what people do -------------------------------------------------------------------------------------------

    async def apply(
        self,
        product: str,
        person: Person,
        *,
        by: Actor = INTEGRATOR,
        changes: Mapping[str, str] | None = None,
        consent: object = "2026-01",
    ) -> str:
        """Enters an application and starts its loan; returns the loan's number."""
        body = {"product": product, "consent": consent, "form": application(product, person, **(changes or {}))}
        now = await self.engine.now()
        submission = read_submission(body, f"application-{next(_commands)}", by, self.books.clock.business_date(now))
        with self.books.begin(now) as work:
            [receipt] = submit(work, [submission])
        assert isinstance(receipt, Receipt)
        self.loans.append(receipt.loan)
        await self.deliver()
        return receipt.loan

    async def decide(
        self, loan: str, outcome: Outcome, *, by: Actor = RISK, amount_fen: int | None = None, task: str | None = None
    ) -> CommandResult:
        """Decides the task that the loan waits for, as the inbox does: by Update."""
        return await self.commands.decide(loan, self.decision(loan, outcome, by=by, amount_fen=amount_fen, task=task))

    def decision(
        self, loan: str, outcome: Outcome, *, by: Actor = RISK, amount_fen: int | None = None, task: str | None = None
    ) -> DecisionOrder:
        """What the inbox sends."""
        return DecisionOrder(
            task_id=task or self.open_task(loan).id,
            outcome=outcome,
            reason="looked at everything",
            sender=sender_of(by),
            command_id=_command_id(),
            amount_fen=amount_fen,
        )

    async def signal_decision(self, decision: DecisionOrder, loan: str) -> None:
        """A decision whose sender does not wait: the row goes out by the dispatcher."""
        with self.books.begin() as work:
            payload = {"decision": decision.model_dump(mode="json")}
            work.outbox.put(Topic.SIGNAL_LOAN, f"decision:{decision.command_id}", payload, work.now, loan)
        await self.dispatcher.drain()

    async def accept(self, loan: str) -> CommandResult:
        """The borrower accepts what all have signed, by the engine's clock; the bank hears of the mandate."""
        await asyncio.to_thread(make_and_sign, self.books, loan, INTEGRATOR, await self.engine.now())
        accepted = await self.commands.accept(loan, command())
        await self.dispatcher.drain()
        return accepted

    async def complete(self, loan: str) -> CommandResult:
        """What was missing is there."""
        return await self.commands.complete(loan, command())

    async def withdraw(self, loan: str, by: Actor = INTEGRATOR) -> CommandResult:
        """The borrower walks away."""
        return await self.commands.withdraw(loan, command(by))

    async def prepay(
        self,
        loan: str,
        amount_fen: int | None = None,
        effect: str = "reduce_installment",
        *,
        command_id: str | None = None,
    ) -> CommandResult:
        """The borrower prepays a sum, or all; with the `command_id` of before he only asks again."""
        order = PrepaymentOrder(
            sender=sender_of(INTEGRATOR), command_id=command_id or _command_id(), amount_fen=amount_fen, effect=effect
        )
        return await self.commands.prepay(loan, order)

    async def deposit(self, amount_fen: int, text: str, on: date, *, drain: bool = True) -> str:
        """Somebody pays into the lender's account, and the bank's notice comes in; returns the bank's reference.

        Without `drain` the Signal to the loan stays in the outbox.
        """
        order = {
            "end_to_end_id": f"deposit-{next(_commands)}",
            "from_account": "6230000000000000077",
            "from_name": "付款人",
            "amount_fen": amount_fen,
            "value_date": on.isoformat(),
            "text": text,
        }
        receipt = await asyncio.to_thread(self.outside.answer, "POST", "/bank/deposits", order)
        reference = str(receipt["bank_reference"])
        movement = BankMovement(reference, "in", amount_fen, on, receipt["end_to_end_id"], "付款人", text)
        # Reported on its own day: what is dated after the day on which it comes in does not count from there.
        with self.books.begin(self.books.clock.opens_at(on)) as work:
            record_movement(work, movement)
            # The outbox goes by the wall's time, and the server's runs ahead of it.
            signal = update(OutboxRow).where(col(OutboxRow.key) == f"money:{reference}")
            work.session.connection().execute(signal.values(not_before=datetime.now(UTC)))
        if drain:
            await self.dispatcher.drain()
        return reference

    async def deliver(self) -> None:
        """Delivers all that the outbox holds, even what is to wait: the outbox goes by the wall's time, and
        the server's runs ahead of it.
        """
        with self.books.begin() as work:
            work.session.connection().execute(update(OutboxRow).values(not_before=datetime.now(UTC)))
        await self.dispatcher.drain()

    # -- shorter ways to a stage ------------------------------------------------------------------------------------

    async def offered(self, product: str, person: Person, **changes: str) -> str:
        """A loan that was applied for and approved."""
        loan = await self.apply(product, person, changes=changes)
        await self.at(loan, Stage.APPROVAL)
        await self.decide(loan, Outcome.APPROVE)
        return loan

    async def running(self, product: str, person: Person, **changes: str) -> str:
        """A loan that was paid out."""
        loan = await self.offered(product, person, **changes)
        await self.accept(loan)
        await self.at(loan, Stage.REPAYMENT)
        return loan

    async def accept_after_approval(self, loan: str) -> None:
        """Approves what waits for it, accepts, and waits until the payout is done or has failed."""
        await self.decide(loan, Outcome.APPROVE)
        await self.accept(loan)
        await self.eventually(
            lambda: self.loan(loan).stage in (Stage.REPAYMENT, Stage.PAYOUT_FAILED), lambda: self.loan(loan).stage
        )

    # -- the calendar -----------------------------------------------------------------------------------------------

    async def today(self) -> date:
        """The business date by the engine's clock."""
        return self.books.clock.business_date(await self.engine.now())

    async def until(self, day: date) -> None:
        """Lets time pass until noon of a business date; all that is due until then is done."""
        clock = self.books.clock
        await self._pass_to(clock.opens_at(day) + clock.length_of(0.5))
        await self.dispatcher.drain()

    async def minutes(self, count: int) -> None:
        """Lets so many minutes pass: retries wait that long, business days do not."""
        await self._pass_to(await self.engine.now() + timedelta(minutes=count))

    async def _pass_to(self, instant: datetime) -> None:
        for loan in self.loans:
            await self.at_rest(loan)
        await self.engine.wait_until(instant)

    async def days(self, count: int) -> None:
        """Lets so many business days pass."""
        await self.until(await self.today() + timedelta(days=count))

    # -- what the books and the engine say ---------------------------------------------------------------------------

    def read(self, look: Callable[[UnitOfWork], Found]) -> Found:
        """Looks into the books."""
        with self.books.read() as work:
            return look(work)

    def loan(self, number: str) -> Loan:
        """The loan's row."""
        return self.read(lambda work: work.loans.get(number))

    def account(self, number: str, day: date | None = None) -> LoanAccount:
        """The account as of a day, or as of the day that the books stand at."""
        account = self.read(lambda work: account_of(work, number, day or work.loans.get(number).booked_to or START))
        assert account is not None
        return account

    def tasks(self, number: str, kind: TaskKind | None = None) -> list[Task]:
        """The open tasks of a loan."""
        return self.read(lambda work: work.tasks.open_of(number, kind))

    def open_task(self, number: str) -> Task:
        """The one open task of a loan."""
        [task] = self.tasks(number)
        return task

    def payments(self, number: str, kind: PaymentKind | None = None) -> list[Payment]:
        """The loan's orders to the bank."""
        return self.read(lambda work: work.payments.of_loan(number, kind))

    def messages(self, number: str) -> list[str]:
        """The templates of all messages to the borrower, in their order; codes to sign with are not among them."""
        return templates(self.read(lambda work: work.customers.contacts(number)))

    async def state(self, number: str) -> LoanState:
        """What the workflow's Query answers, once the engine has nothing left to do at once."""
        await self.at_rest(number)
        handle = self.engine.client.get_workflow_handle(workflow_id(number))
        state: LoanState = await handle.query("state", result_type=LoanState)
        return state

    async def at_rest(self, number: str) -> None:
        """Returns once no workflow task of the loan is under way.

        The time-skipping server stands still for good after a Query, a termination or a skip in the middle of a task.
        """
        give_up_at = time.monotonic() + PATIENCE_SECONDS
        while not await self._is_at_rest(number):
            assert time.monotonic() < give_up_at, f"the workflow of {number} does not come to rest"
            await asyncio.sleep(0.01)

    async def _is_at_rest(self, number: str) -> bool:
        history = await self.engine.client.get_workflow_handle(workflow_id(number)).fetch_history()
        kinds = [event.event_type for event in history.events]
        if kinds[-1] == EventType.EVENT_TYPE_WORKFLOW_EXECUTION_CONTINUED_AS_NEW:
            return False
        last_task = next((kind for kind in reversed(kinds) if kind in TASK_EVENTS), None)
        return kinds[-1] in CLOSING_EVENTS or last_task == EventType.EVENT_TYPE_WORKFLOW_TASK_COMPLETED

    async def at(self, number: str, stage: Stage) -> Loan:
        """The loan, once books and engine have it at a stage."""
        await self.eventually(
            lambda: self.loan(number).stage is stage, lambda: f"{number} is at {self.loan(number).stage}"
        )
        assert (await self.state(number)).stage is stage
        return self.loan(number)

    async def is_running(self, number: str) -> bool:
        """Whether the engine has a running workflow of the loan."""
        description = await self.engine.client.get_workflow_handle(workflow_id(number)).describe()
        return description.close_time is None

    async def eventually_closed(self, number: str) -> None:
        """Returns once the engine has no running workflow of the loan."""
        give_up_at = time.monotonic() + PATIENCE_SECONDS
        while await self.is_running(number):
            assert time.monotonic() < give_up_at, f"the workflow of {number} still runs"
            await asyncio.sleep(0.02)

    async def eventually(self, is_so: Callable[[], bool], otherwise: Callable[[], str]) -> None:
        """Returns once it is so; fails with what is the case instead."""
        give_up_at = time.monotonic() + PATIENCE_SECONDS
        while not is_so():
            assert time.monotonic() < give_up_at, otherwise()
            await asyncio.sleep(0.02)

    def check_the_books(self) -> None:
        """Ledger against mathematics, both equations of the flow of funds, and our bank account against the bank's."""
        assert list(audit_books(self.books)) == []
        summary = self.read(funds)
        assert summary.balances, summary
        moved_at_bank = self.outside.balance(LENDER) - self.bank_before
        assert self.read(lambda work: work.ledger.balance(chart.BANK)) - summary.opening == moved_at_bank


@contextmanager
def refused(code: str) -> Iterator[pytest.ExceptionInfo[CommandRefused]]:
    """The block is a command that the loan refuses with this code."""
    with pytest.raises(CommandRefused) as refusal:
        yield refusal
    assert refusal.value.code == code, refusal.value


@asynccontextmanager
async def open_office(
    engine: Engine,
    template: Path,
    outside: Outside,
    *,
    day_seconds: float = REAL_DAY_SECONDS,
    through: str | None = None,
) -> AsyncIterator[Office]:
    """A lender that opens on START; when the block ends its books are checked and its workflows ended.

    `through` is the address by which the lender reaches the outside, if not its own.
    """
    n = next(_lenders)
    database = template.with_name(f"lender-{n}.db")
    shutil.copy(template, database)
    settings = Settings(
        database_url=f"sqlite:///{database}",
        outside_url=through or outside.url,
        outside_timeout_seconds=2,
        # Registers rest by the wall's clock, and these lenders live through days in seconds.
        breaker_rest_seconds=0.01,
        modules=MODULES,
        dispatch_per_second=1000,
    )
    load_products(settings)
    books = Books(settings.database_url)
    anchor = await engine.now()
    if day_seconds == REAL_DAY_SECONDS:
        anchor -= OPENING_HOUR
    books.set_clock(BusinessClock(day_seconds, anchor, START))
    with books.begin() as work:
        work.session.add(NumberSeries(name="loan", next=n * 100 + 1))
    try:
        async with worker.running(settings, engine.client, books, sandbox=True) as dispatcher:
            office = Office(settings, books, engine, outside, dispatcher)
            try:
                yield office
                office.check_the_books()
            finally:
                for loan in office.loans:
                    with suppress(RPCError):
                        await office.at_rest(loan)
                        await engine.client.get_workflow_handle(workflow_id(loan)).terminate()
    finally:
        books.close()
        await engine.tidy()


def sender_of(actor: Actor) -> Sender:
    """Who commands, in the form of messages."""
    return Sender(actor_id=actor.id, role=actor.role)


def command(by: Actor = INTEGRATOR) -> CommandOrder:
    """A command without figures, under an id of its own."""
    return CommandOrder(sender=sender_of(by), command_id=_command_id())


def _command_id() -> str:
    return f"command-{next(_commands)}"


async def histories(lender: Office, loan: str) -> list[WorkflowHistory]:
    """The history of each run of a loan, from the first run to the last, with its payloads in clear."""
    client = lender.engine.client
    found: list[WorkflowHistory] = []
    description = await client.get_workflow_handle(workflow_id(loan)).describe()
    run = description.raw_description.workflow_execution_info.first_run_id
    while run:
        history = await client.get_workflow_handle(workflow_id(loan), run_id=run).fetch_history()
        found.append(opened_history(history))
        run = history.events[-1].workflow_execution_continued_as_new_event_attributes.new_execution_run_id
    return found
