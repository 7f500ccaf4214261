"""How fast a day of 5,000 bookings is reconciled, on both databases."""

import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, date, datetime, timedelta
from hashlib import sha256
from pathlib import Path

from bench.errors import BenchFailed
from bench.figures import Findings, median
from books.rows import write_many
from books.schema import migrate
from books.session import Books
from lending.calendar import REAL_DAY_SECONDS, BusinessClock
from models.payments import BankEntry, Payment, PaymentKind, PaymentStatus, ToldBy
from models.statements import CURRENCY, Direction, Statement, StatementEntry
from services import reconciliation
from tests.servers.postgres import start_postgres
from tests.servers.shared import SharedServers

NAME = "reconciliation"
LIMIT_SECONDS = 5
LINES = 5_000
UNTOLD_ORDERS = 150
"""Lines of orders that settled by the bank's answer, whose notice was lost."""
UNKNOWN = 50
"""Lines that nobody knows: they go to suspense."""
ACCOUNT = "6200000000000000001"
DAY = date(2026, 1, 5)
RUNS = 3


def measure() -> Findings:
    """The seconds from a parsed statement to its differences, the median of a few runs, each in fresh books."""
    findings = Findings(NAME)
    for database in ("sqlite", "postgresql"):
        with _databases(database) as urls:
            seconds = [_run(url) for url in urls]
        name = f"statement of {LINES} lines against the books, {database}"
        findings.add(name, median(seconds), "s", at_most=LIMIT_SECONDS)
        findings.details[name] = {"seconds": seconds}
    return findings


@contextmanager
def _databases(database: str) -> Iterator[list[str]]:
    """Addresses of empty databases, one for each run."""
    if database == "sqlite":
        with tempfile.TemporaryDirectory(prefix="loanwright-bench-") as folder:
            yield [f"sqlite:///{Path(folder) / str(n)}.db" for n in range(RUNS)]
        return
    servers = SharedServers.create()
    try:
        cluster = start_postgres(servers)
        with ExitStack() as made:
            yield [made.enter_context(cluster.database()) for _ in range(RUNS)]
    finally:
        servers.stop()


def _run(url: str) -> float:
    migrate(url)
    books = Books(url)
    books.set_clock(BusinessClock(REAL_DAY_SECONDS, datetime.now(UTC) - timedelta(days=1), DAY))
    statement = _day()
    _fill(books, statement)
    began = time.perf_counter()
    reconciliation.check_statement(statement, ACCOUNT, DAY)
    with books.begin() as work:
        kept = reconciliation.take_in(work, statement).id
    with books.begin() as work:
        unknown = reconciliation.book_known(work, kept)
    for n in unknown:
        with books.begin() as work:
            reconciliation.book_line(work, kept, n)
    with books.begin() as work:
        done = reconciliation.compare(work, kept)
        outcome = (done.matched, done.booked, done.differences)
    seconds = time.perf_counter() - began
    books.close()
    if outcome != (LINES - UNTOLD_ORDERS - UNKNOWN, UNTOLD_ORDERS + UNKNOWN, UNKNOWN):
        raise BenchFailed(f"the day came out otherwise: {outcome}")
    return seconds


def _day() -> Statement:
    """Every second line is one of our debits, the others are deposits; the last ones nobody told of."""
    lines = tuple(_line(n) for n in range(LINES))
    moved = sum(line.signed_fen for line in lines)
    digest = sha256(b"bench").hexdigest()
    return Statement("ST-BENCH", ACCOUNT, CURRENCY, DAY, 0, moved, lines, digest)


def _line(n: int) -> StatementEntry:
    unknown = n >= LINES - UNKNOWN
    return StatementEntry(
        reference=f"B{n:08d}",
        amount_fen=10_000 + n,
        direction=Direction.IN,
        booked_on=DAY,
        value_date=DAY,
        end_to_end_id=f"L{n:08d}:collect:1" if not unknown and _is_ours(n) else None,
        counterparty_name="付款人",
        counterparty_account=f"62300000000{n:08d}",
        remittance="还款",
    )


def _is_ours(n: int) -> bool:
    return n % 2 == 0 or n >= LINES - UNKNOWN - UNTOLD_ORDERS


def _fill(books: Books, statement: Statement) -> None:
    """What the books know of the day: orders and deposits, and the notices that came."""
    known = statement.entries[: LINES - UNKNOWN]
    told = known[: LINES - UNKNOWN - UNTOLD_ORDERS]
    with books.begin() as work:
        write_many(work.session, Payment, [_payment(line).model_dump() for line in known])
        write_many(work.session, BankEntry, [_entry(line, work.now).model_dump() for line in told])


def _payment(line: StatementEntry) -> Payment:
    return Payment(
        key=line.end_to_end_id or f"deposit:{line.reference}",
        kind=PaymentKind.INSTALLMENT if line.end_to_end_id else PaymentKind.DEPOSIT,
        amount_fen=line.amount_fen,
        settled_fen=line.amount_fen,
        status=PaymentStatus.SETTLED,
        booked=True,
        bank_reference=line.reference,
        value_date=DAY,
        moved_on=DAY if line.end_to_end_id else None,
        ordered_at=datetime(2026, 1, 5, tzinfo=UTC),
    )


def _entry(line: StatementEntry, at: datetime) -> BankEntry:
    return BankEntry(
        reference=line.reference,
        direction=line.direction,
        amount_fen=line.amount_fen,
        booked_on=line.booked_on,
        end_to_end_id=line.end_to_end_id,
        matched=True,
        told_by=ToldBy.NOTICE,
        received_at=at,
    )
