"""A lender's whole house as real processes: the test is its edge, and kills what it likes."""

import asyncio
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any, TypeVar

import httpx
from sqlmodel import select
from temporalio.client import Client
from temporalio.service import RPCError

from books.schema import migrate
from books.session import Books
from console.seed import seed
from engine.client import connect
from engine.commands import LoanCommands
from engine.errors import CommandRefused
from lending.calendar import BusinessClock
from models.loans import CLOSED, Loan, Stage
from models.messages import CommandOrder, CommandResult, DecisionOrder, PrepaymentOrder, Sender
from models.payments import Payment
from models.staff import Actor, Role
from models.tasks import Outcome, TaskKind
from services.applications import Receipt, read_submission, submit
from settings import Settings
from simulators.people import DEFAULT_SEED, population
from simulators.records import PayingHabit, Person
from tests.crash.mortal import Mortal, lasting_port, listens, python
from tests.services.signatures import all_sign, await_contract
from tools.servers import temporal_binary

FIRST_DAY = date(2026, 1, 5)
PEOPLE = population(DEFAULT_SEED, 400)
APPLICANTS = [person for person in PEOPLE.people if person.enrolment is None]
SOUND = [
    person
    for person in APPLICANTS
    if person.bureau.history_months >= 36
    and person.bureau.overdue_count_24m == 0
    and not person.bureau.blacklisted
    and person.bureau.monthly_payment_fen * 5 <= person.monthly_income_fen
    and person.monthly_income_fen > 700_000
    and person.paying_habit is PayingHabit.REGULAR
    and not person.account_closed
]
"""People who get a loan and whose bank pays."""
INTEGRATOR = Sender(actor_id="integrator-demo", role=Role.INTEGRATOR)
RISK = Sender(actor_id="risk-qian", role=Role.RISK)
PATIENCE = 60.0
"""What was killed is back at work within a minute; nothing here takes longer."""

Found = TypeVar("Found")


class House:
    """Books in a file (or where `database_url` says), Temporal on its own file, the outside world, worker and API.

    Nothing runs until it is started. `client` belongs to the event loop of one test.
    """

    def __init__(self, folder: Path, *, day_seconds: float = 3600, database_url: str | None = None) -> None:
        self.folder = folder
        self.temporal_file = folder / "temporal.db"
        self.temporal_port, self.outside_port, self.api_port = lasting_port(), lasting_port(), lasting_port()
        self.settings = Settings(
            database_url=database_url or f"sqlite:///{folder / 'books.db'}",
            temporal_address=f"127.0.0.1:{self.temporal_port}",
            outside_url=f"http://127.0.0.1:{self.outside_port}",
            day_seconds=day_seconds,
        )
        self.environment = {
            "LOANWRIGHT_DATABASE_URL": self.settings.database_url,
            "TEMPORAL_ADDRESS": self.settings.temporal_address,
            "LOANWRIGHT_OUTSIDE_URL": self.settings.outside_url,
            "LOANWRIGHT_DAY_SECONDS": str(day_seconds),
            # Bytecode on disk halves the start of a process.
            "PYTHONDONTWRITEBYTECODE": "",
        }
        migrate(self.settings.database_url)
        self.books = Books(self.settings.database_url)
        self.clock = self.books.set_clock(BusinessClock(day_seconds, datetime.now(UTC), FIRST_DAY))
        seed(self.books, self.settings)
        self.death_flag = folder / "die-after"
        self.reason = "sound"
        self.temporal = self._process("temporal", self._temporal_command(), lambda: listens(self.temporal_port))
        self.outside = self._process("outside", self._outside_command(), self._outside_answers)
        self.worker = self._process("worker", python("cli.py", "worker"), lambda: True)
        dying = python("-m", "tests.crash.dying_worker", str(self.death_flag))
        self.dying_worker = self._process("dying-worker", dying, lambda: True)
        self.inner_port = lasting_port()
        serve = python("cli.py", "serve", "--port", str(self.api_port), "--inner-port", str(self.inner_port))
        self.api = self._process("api", serve, lambda: listens(self.api_port))
        self.director = httpx.Client(
            base_url=self.settings.outside_url,
            # A connection kept alive would break with the server that a test kills.
            limits=httpx.Limits(max_keepalive_connections=0),
        )

    def clear_away(self) -> None:
        """Ends every process and closes what the test holds open."""
        for process in (self.api, self.worker, self.dying_worker, self.outside, self.temporal):
            process.clear_away()
        self.director.close()
        self.books.close()

    async def connect(self) -> LoanCommands:
        """The commands to the loans, once Temporal serves its namespace."""

        async def connected() -> Client | None:
            try:
                client = await connect(self.settings.temporal_address, self.settings.temporal_namespace)
                await client.count_workflows()
            except (RPCError, RuntimeError):
                return None
            return client

        self.client = await eventually(connected, "Temporal serves")
        self.commands = LoanCommands(self.client)
        return self.commands

    # -- what people do -----------------------------------------------------------------------------------------------

    def apply(self, person: Person, *, amount: int = 12_000, term: int = 6) -> str:
        """Enters an application of a person and gives the loan's number."""
        body = micro_application(person, amount=amount, term=term)
        actor = Actor(INTEGRATOR.actor_id, INTEGRATOR.role)
        submission = read_submission(body, f"crash-{person.index}", actor, FIRST_DAY)
        with self.books.begin() as work:
            (receipt,) = submit(work, [submission])
        assert isinstance(receipt, Receipt), receipt
        return receipt.loan

    async def approve(self, loan: str) -> CommandResult:
        """Risk approves the loan."""
        with self.books.read() as work:
            tasks = work.tasks.open_of(loan, TaskKind.APPROVAL)
        if not tasks:
            # A decision that was on its way arrived since the stage was looked at.
            raise CommandRefused("task_closed", f"loan {loan} is decided")
        (task,) = tasks
        order = DecisionOrder(
            task_id=task.id, outcome=Outcome.APPROVE, reason=self.reason, sender=RISK, command_id=f"approve-{task.id}"
        )
        return await self.commands.decide(loan, order)

    async def accept(self, loan: str) -> CommandResult:
        """Every party signs the contract, once a worker has made it, and the borrower accepts."""
        if self.stage(loan) is Stage.ACCEPTANCE:
            await asyncio.to_thread(await_contract, self.books, loan)
            await asyncio.to_thread(all_sign, self.books, loan, Actor(INTEGRATOR.actor_id, INTEGRATOR.role))
        return await self.commands.accept(loan, CommandOrder(sender=INTEGRATOR, command_id=f"accept-{loan}"))

    async def repay_all(self, loan: str) -> CommandResult:
        """The borrower prepays what clears the loan."""
        return await self.commands.prepay(loan, PrepaymentOrder(sender=INTEGRATOR, command_id=f"clear-{loan}"))

    async def bring_to(self, loan: str, stage: Stage) -> None:
        """Leads a loan on from where it stands until it has come to a stage; fails if it ends elsewhere or is stuck."""
        async with asyncio.timeout(PATIENCE):
            await self._lead(loan, stage)

    async def _lead(self, loan: str, stage: Stage) -> None:
        while (now := self.stage(loan)) is not stage:
            assert now not in CLOSED, f"loan {loan} ended as {now}"
            command = {
                Stage.APPROVAL: self.approve,
                Stage.ACCEPTANCE: self.accept,
                Stage.REPAYMENT: self.repay_all,
            }.get(now)
            try:
                await (command(loan) if command else asyncio.sleep(0.05))
            except CommandRefused as refusal:
                # The books are a moment ahead of the engine, after a crash for some seconds; the check of the account
                # and the mandate go by the outbox, after a crash when its lease is over.
                if refusal.code not in ("task_closed", "wrong_stage", "account_not_verified", "no_mandate"):
                    raise
                await asyncio.sleep(0.1)

    async def lead_to_the_end(self, *loans: str) -> None:
        """Leads loans to their settlement; fails if that takes longer than a killed process may hold them up."""
        await asyncio.gather(*(self.bring_to(loan, Stage.SETTLED) for loan in loans))

    # -- what the test looks at ---------------------------------------------------------------------------------------

    def loan(self, number: str) -> Loan:
        """The loan as the books have it."""
        with self.books.read() as work:
            return work.loans.get(number)

    def stage(self, loan: str) -> Stage:
        """Where the books have the loan."""
        return self.loan(loan).stage

    def payments(self, loan: str) -> list[Payment]:
        """All orders of a loan to the bank."""
        with self.books.read() as work:
            return list(work.session.exec(select(Payment).where(Payment.loan == loan)))

    async def until(self, loan: str, stage: Stage, seconds: float = PATIENCE) -> None:
        """Waits until the books have the loan at a stage."""

        async def there() -> bool:
            return self.stage(loan) is stage

        await eventually(there, f"loan {loan} is at {stage}", seconds)

    # -- the outside world --------------------------------------------------------------------------------------------

    def plan_fault(self, service: str, operation: str, fault: str, delay_ms: int) -> None:
        """Makes the next call of an operation go wrong."""
        plan = {"service": service, "operation": operation, "fault": fault, "delay_ms": delay_ms}
        self.director.post("/control/faults", json=plan, headers=_credential("control")).raise_for_status()

    def ask(self, path: str, **parameters: str) -> Any:
        """What the outside world answers at a path."""
        answer = self.director.get(path, params=parameters, headers=_credential(path.split("/")[1]))
        answer.raise_for_status()
        return answer.json()

    async def call_under_way(self, call: str, times: int = 1) -> None:
        """Waits until the outside world has been called so often, by `service/operation`."""

        async def called() -> bool:
            return bool(self.ask("/control/calls").get(call, 0) >= times)

        await eventually(called, f"{call} is called")

    async def carried_out(self, order: str) -> None:
        """Waits until the bank has carried out an order, whether or not it has said so."""

        async def settled() -> bool:
            answer = self.director.get(f"/bank/orders/{order}", headers=_credential("bank"))
            return answer.is_success and answer.json()["status"] == "settled"

        await eventually(settled, f"the bank carried out {order}")

    def bank_lines(self) -> list[tuple[str, str, int]]:
        """Kind, order and signed amount of every movement on the lender's account since the first day."""
        lines: list[tuple[str, str, int]] = []
        last = self.clock.business_date(datetime.now(UTC))
        for ordinal in range(FIRST_DAY.toordinal(), last.toordinal() + 1):
            day = date.fromordinal(ordinal).isoformat()
            statement = self.ask(f"/bank/statements/{self.settings.bank_account}", date=day)
            for line in statement["lines"]:
                sign = 1 if line["direction"] == "in" else -1
                lines.append((line["kind"], line["end_to_end_id"], sign * line["amount_fen"]))
        return lines

    def messages(self) -> list[tuple[str, str]]:
        """Key and template of every SMS that the provider took since it was started."""
        return [(message["key"], message["template"]) for message in self.ask("/sms/messages")]

    async def executions(self, loan: str) -> Counter[str]:
        """How the runs of the loan's workflow ended, counted."""
        found: Counter[str] = Counter()
        async for execution in self.client.list_workflows(f"WorkflowId = 'loan/{loan}'"):
            found[execution.status.name if execution.status else ""] += 1
        return found

    # -- how the processes are started --------------------------------------------------------------------------------

    def _process(self, name: str, command: list[str], ready: Callable[[], bool]) -> Mortal:
        return Mortal(name, command, self.folder / f"{name}.log", ready, self.environment)

    def _temporal_command(self) -> list[str]:
        command = [str(temporal_binary()), "server", "start-dev", "--headless", "--ip", "127.0.0.1"]
        command += ["--port", str(self.temporal_port), "--db-filename", str(self.temporal_file), "--log-level", "error"]
        return [*command, "--sqlite-pragma", "journal_mode=WAL", "--sqlite-pragma", "synchronous=NORMAL"]

    def _outside_command(self) -> list[str]:
        command = python("-m", "simulators", "--port", str(self.outside_port), "--people", str(len(PEOPLE.people)))
        return [*command, "--data-dir", str(self.folder / "outside")]

    def _outside_answers(self) -> bool:
        try:
            return self.director.get("/healthz").is_success
        except httpx.HTTPError:
            return False


@contextmanager
def standing(folder: Path, *, day_seconds: float = 3600, database_url: str | None = None) -> Iterator[House]:
    """A house that is cleared away with the block."""
    house = House(folder, day_seconds=day_seconds, database_url=database_url)
    try:
        yield house
    finally:
        house.clear_away()


def micro_application(person: Person, *, amount: int = 12_000, term: int = 6) -> dict[str, Any]:
    """A person's application for a microloan as it comes in."""
    form = {
        "name": person.name,
        "id_number": person.id_number,
        "mobile": person.mobile,
        "bank_card": person.account,
        "amount": str(amount),
        "term": str(term),
        "purpose": "consumption",
        "monthly_income": str(person.monthly_income_fen // 100),
    }
    return {"product": "micro", "consent": "2026-01", "form": form}


async def eventually(look: Callable[[], Awaitable[Found | None]], what: str, seconds: float = PATIENCE) -> Found:
    """What `look` finds, as soon as it finds anything; fails when it takes too long."""
    deadline = time.monotonic() + seconds
    while True:
        found = await look()
        if found:
            return found
        assert time.monotonic() < deadline, f"not in {seconds:g} s: {what}"
        await asyncio.sleep(0.05)


def _credential(service: str) -> dict[str, str]:
    return {"Authorization": f"Bearer demo-{service}"}
