"""The database: one engine a process, one unit of work an act."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from datetime import UTC, date, datetime
from functools import cached_property
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, event, select
from sqlalchemy.exc import IntegrityError
from sqlmodel import Session, SQLModel, create_engine

from books.absences import AbsenceBook
from books.accounts import AccountBook
from books.audit import AuditBook
from books.authorisations import AuthorisationBook
from books.behaviour import BehaviourBook
from books.changes import ChangeBook
from books.collateral import CollateralBook
from books.customers import CustomerBook
from books.data_keys import DataKeyBook
from books.documents import DocumentBook
from books.histories import HistoryBook
from books.ledger import LedgerBook
from books.limits import LimitBook
from books.loans import LoanBook
from books.outbox import OutboxBook
from books.papers import PaperBook
from books.payments import PaymentBook
from books.performance import PerformanceBook
from books.periods import PeriodBook
from books.policies import PolicyBook
from books.portfolio import PortfolioBook
from books.prepayments import PrepaymentBook
from books.proving import ProvingBook
from books.reconciliation import ReconciliationBook
from books.rows import write
from books.screening import ScreeningBook
from books.sealing import Shown, seal_rows, showing
from books.seals import SealBook
from books.search import SearchBook
from books.sign_in import SignInBook
from books.signatures import SignatureBook
from books.staff import StaffBook
from books.tasks import TaskBook
from books.webhooks import WebhookBook
from lending.calendar import BusinessClock
from lending.errors import LendingError
from models.outbox import BusinessDay

POSTGRES = {
    "connect_timeout": 10,
    # Below the ten seconds that an act on the books may take: a hung statement must not hold a thread for ever.
    "options": "-c statement_timeout=8000 -c lock_timeout=6000 -c idle_in_transaction_session_timeout=30000",
    "keepalives_idle": 30,
    "keepalives_interval": 10,
    "keepalives_count": 3,
}


class UnitOfWork:
    """All that one act needs of the books; committed as a whole by whoever opened it, or not at all."""

    def __init__(self, session: Session, now: datetime, clock: BusinessClock, *, writes: bool = False) -> None:
        self.session = session
        self.now = now
        self.clock = clock
        self.writes = writes
        self._shown = Shown()

    @contextmanager
    def showing(self) -> Iterator[None]:
        """While the block lasts, what is read is shown to somebody and used for nothing else: a value that cannot be
        opened stands as such in its place, and `unopened` says why. Where something has to be computed with such a
        value the block ends with its refusal: SealBroken or KeyMissing.
        """
        with showing(self.session) as self._shown:
            try:
                yield
            except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as fault:
                for refusal in self.unopened:
                    raise refusal from fault
                raise

    @property
    def unopened(self) -> list[LendingError]:
        """Why values that were to be shown could not be opened, each reason once."""
        return list(self._shown.refusals.values())

    @property
    def today(self) -> date:
        """The business date of `now`."""
        return self.clock.business_date(self.now)

    def write(self, row: SQLModel) -> None:
        """Inserts a row at once that this unit of work does not change again."""
        write(self.session, row)

    @cached_property
    def loans(self) -> LoanBook:
        """Loans, applications, terms, events."""
        return LoanBook(self.session, holds=self.writes)

    @cached_property
    def customers(self) -> CustomerBook:
        """Customers, parties, collateral, contacts."""
        return CustomerBook(self.session, holds=self.writes)

    @cached_property
    def tasks(self) -> TaskBook:
        """Tasks and decisions."""
        return TaskBook(self.session)

    @cached_property
    def payments(self) -> PaymentBook:
        """Orders to the bank and its entries."""
        return PaymentBook(self.session)

    @cached_property
    def prepayments(self) -> PrepaymentBook:
        """Quotes for prepayments."""
        return PrepaymentBook(self.session)

    @cached_property
    def accounts(self) -> AccountBook:
        """Checks, mandates and changes of accounts outside."""
        return AccountBook(self.session)

    @cached_property
    def reconciliation(self) -> ReconciliationBook:
        """The bank's statements and where they differ."""
        return ReconciliationBook(self.session)

    @cached_property
    def papers(self) -> PaperBook:
        """Papers asked for, waiting and made."""
        return PaperBook(self.session)

    @cached_property
    def signatures(self) -> SignatureBook:
        """Signing codes and signatures."""
        return SignatureBook(self.session)

    @cached_property
    def periods(self) -> PeriodBook:
        """Months that end and are closed, and the rules dated by them."""
        return PeriodBook(self.session)

    @cached_property
    def behaviour(self) -> BehaviourBook:
        """Behaviour scores by month and early warnings."""
        return BehaviourBook(self.session)

    @cached_property
    def portfolio(self) -> PortfolioBook:
        """Where loans that were taken over came from."""
        return PortfolioBook(self.session)

    @cached_property
    def changes(self) -> ChangeBook:
        """Proposals to change a loan, and what became of them."""
        return ChangeBook(self.session)

    @cached_property
    def collateral(self) -> CollateralBook:
        """What secures loans: conditions, proofs, invoices, dealers."""
        return CollateralBook(self.session)

    @cached_property
    def ledger(self) -> LedgerBook:
        """Accounts and postings."""
        return LedgerBook(self.session)

    @cached_property
    def data_keys(self) -> DataKeyBook:
        """The keys in the books, and what hangs on the ring itself."""
        return DataKeyBook(self.session)

    @cached_property
    def documents(self) -> DocumentBook:
        """Documents and register answers."""
        return DocumentBook(self.session)

    @cached_property
    def authorisations(self) -> AuthorisationBook:
        """Who agreed to be looked up, and the questions to registers."""
        return AuthorisationBook(self.session)

    @cached_property
    def policies(self) -> PolicyBook:
        """Decision tables and gradings."""
        return PolicyBook(self.session)

    @cached_property
    def performance(self) -> PerformanceBook:
        """Past cases and what became of them."""
        return PerformanceBook(self.session)

    @cached_property
    def limits(self) -> LimitBook:
        """Cost caps, own-card limits and published rates."""
        return LimitBook(self.session)

    @cached_property
    def screening(self) -> ScreeningBook:
        """The lender's own list."""
        return ScreeningBook(self.session)

    @cached_property
    def outbox(self) -> OutboxBook:
        """Messages to deliver, effects already done, number series."""
        return OutboxBook(self.session)

    @cached_property
    def audit(self) -> AuditBook:
        """The audit log."""
        return AuditBook(self.session)

    @cached_property
    def histories(self) -> HistoryBook:
        """The archive of the engine's histories, and what became of replaying them."""
        return HistoryBook(self.session)

    @cached_property
    def seals(self) -> SealBook:
        """The seals over the audit log."""
        return SealBook(self.session)

    @cached_property
    def proving(self) -> ProvingBook:
        """What proofs of the sealed books came to."""
        return ProvingBook(self.session)

    @cached_property
    def absences(self) -> AbsenceBook:
        """Who is away, and who stands in for him."""
        return AbsenceBook(self.session)

    @cached_property
    def sign_in(self) -> SignInBook:
        """Credentials, sessions, codes and tokens."""
        return SignInBook(self.session)

    @cached_property
    def search(self) -> SearchBook:
        """By which digests customers are found."""
        return SearchBook(self.session)

    @cached_property
    def webhooks(self) -> WebhookBook:
        """Who is told of loans, and what was sent."""
        return WebhookBook(self.session)

    @cached_property
    def staff(self) -> StaffBook:
        """People and machines that may act."""
        return StaffBook(self.session)


class Books:
    """The database of one lender. `begin` opens a unit of work that writes, `read` one that only looks.

    SQLite writers of one process queue at a lock of ours, which is fair; its own busy handler is not, and only
    keeps processes apart.
    """

    def __init__(self, url: str) -> None:
        self.url = url
        self.is_sqlite = url.startswith("sqlite")
        self.engine = _sqlite_engine(url) if self.is_sqlite else _postgres_engine(url)
        seal_rows(self.engine)
        self._writer = threading.Lock() if self.is_sqlite else None
        self._clock: BusinessClock | None = None
        self.when_closed: list[Callable[[], object]] = []

    @property
    def clock(self) -> BusinessClock:
        """How these books map instants to business dates."""
        if self._clock is None:
            with Session(self.engine) as session:
                self._clock = _clock_of(session)
        return self._clock

    def set_clock(self, clock: BusinessClock) -> BusinessClock:
        """Keeps the business day in the books, once: books that have one keep it and it is returned."""
        with self.begin() as work:
            if work.session.get(BusinessDay, 1) is None:
                work.session.add(
                    BusinessDay(
                        day_seconds=clock.day_seconds,
                        anchor_instant=clock.anchor_instant,
                        anchor_date=clock.anchor_date,
                    )
                )
        self._clock = None
        return self.clock

    @contextmanager
    def begin(self, now: datetime | None = None) -> Iterator[UnitOfWork]:
        """A unit of work: committed when the block ends, rolled back when it raises."""
        clock = self.clock
        with self._writer or nullcontext(), Session(self.engine, expire_on_commit=False) as session:
            yield UnitOfWork(session, now or datetime.now(UTC), clock, writes=True)
            session.commit()

    @contextmanager
    def read(self, *, of_one_moment: bool = False) -> Iterator[UnitOfWork]:
        """A unit of work that is never committed. One `of_one_moment` sees the books as they stood at its first look,
        however long it goes on looking.
        """
        options: dict[str, Any] = {"read_only": True}
        if of_one_moment and not self.is_sqlite:
            # On SQLite every transaction is so.
            options["isolation_level"] = "REPEATABLE READ"
        with Session(self.engine.execution_options(**options), expire_on_commit=False) as session:
            yield UnitOfWork(session, datetime.now(UTC), self.clock)

    def close(self) -> None:
        """Closes all connections, and whatever else was held for the books."""
        self.engine.dispose()
        while self.when_closed:
            self.when_closed.pop()()


def was_written_before(error: IntegrityError) -> bool:
    """Whether a refused write means that the same row is there already (a unique key), on either database."""
    sqlstate = getattr(error.orig, "sqlstate", None)
    return sqlstate == "23505" or "UNIQUE constraint failed" in str(error.orig)


def _clock_of(session: Session) -> BusinessClock:
    row = session.scalars(select(BusinessDay)).first()
    if row is None:
        return BusinessClock()
    return BusinessClock(row.day_seconds, row.anchor_instant, row.anchor_date)


def _postgres_engine(url: str) -> Engine:
    return create_engine(
        url, pool_size=20, max_overflow=20, pool_pre_ping=True, hide_parameters=True, connect_args=POSTGRES
    )


def _sqlite_engine(url: str) -> Engine:
    path = url.removeprefix("sqlite:///")
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    engine = create_engine(
        url,
        pool_size=20,
        max_overflow=40,
        hide_parameters=True,
        connect_args={"timeout": 30, "check_same_thread": False},
    )

    @event.listens_for(engine, "connect")
    def set_up(connection: Any, _record: object) -> None:
        # The driver's own transaction handling would begin too late; ours begins explicitly below.
        connection.isolation_level = None
        cursor = connection.cursor()
        # FULL: an answer of 202 must survive a power cut. Recursive triggers: without them INSERT OR REPLACE removes
        # rows behind the back of the guards.
        for pragma in (
            "journal_mode=WAL",
            "synchronous=FULL",
            "foreign_keys=ON",
            "recursive_triggers=ON",
            "busy_timeout=30000",
        ):
            cursor.execute(f"PRAGMA {pragma}")
        cursor.close()

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        read_only = connection.get_execution_options().get("read_only")
        # Taking the write lock at once avoids the deadlock of two readers that both want to write.
        connection.connection.cursor().execute("BEGIN" if read_only else "BEGIN IMMEDIATE")

    return engine
