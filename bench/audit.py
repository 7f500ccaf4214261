"""Whether sealing keeps up with writers, and how fast log and ledger are proved, on both databases."""

import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from activities.sealing import SealingActs
from bench.errors import BenchFailed
from bench.figures import Findings, median, percentile
from books.schema import migrate
from books.session import Books, UnitOfWork
from console import logs
from models import ledger as chart
from models.keys import new_id
from models.recurring import SealingOrder
from models.staff import Actor, Role
from services import audit
from services.audit_chain import seal, waiting
from services.audit_proof import verify
from tests.servers.postgres import start_postgres
from tests.servers.shared import SharedServers

NAME = "audit"
PER_SECOND = 500
ACTS_PER_SECOND = 50
"""Ten entries in a unit of work: intake commits up to a hundred together."""
SECONDS = 30
ENTRIES = POSTINGS = 100_000
MOST_SECONDS = 5
MOST_LAG_SECONDS = 5
RUNS = 3
SOMEBODY = Actor("manager-zhao", Role.MANAGER, address="192.0.2.7", request_id="0" * 32)


def measure() -> Findings:
    """Writes for half a minute with a sealer beside; then proves a hundred thousand entries, and as many postings."""
    logs.set_up("error")
    findings = Findings(NAME)
    for database in ("sqlite", "postgresql"):
        with _database(database) as url:
            migrate(url)
            books = Books(url)
            try:
                _keep_up(findings, database, books)
                _prove(findings, database, books)
                _prove_ledger(findings, database, books)
            finally:
                books.close()
    return findings


@contextmanager
def _database(database: str) -> Iterator[str]:
    if database == "sqlite":
        with tempfile.TemporaryDirectory(prefix="loanwright-bench-") as folder:
            yield f"sqlite:///{Path(folder) / 'audit.db'}"
        return
    servers = SharedServers.create()
    try:
        with start_postgres(servers).database() as url:
            yield url
    finally:
        servers.stop()


def _keep_up(findings: Findings, database: str, books: Books) -> None:
    done = threading.Event()
    waits: list[float] = []
    lags: list[int] = []

    def write_all() -> None:
        began = time.perf_counter()
        for n in range(SECONDS * ACTS_PER_SECOND):
            time.sleep(max(0.0, began + n / ACTS_PER_SECOND - time.perf_counter()))
            at = time.perf_counter()
            _write(books, PER_SECOND // ACTS_PER_SECOND)
            waits.append(time.perf_counter() - at)
        done.set()

    writer = threading.Thread(target=write_all)
    acts = SealingActs(books)
    began = time.perf_counter()
    writer.start()
    while not done.is_set():
        acts.seal_audit(SealingOrder())
        with books.read() as work:
            lags.append(waiting(work).age_at(work.now))
        done.wait(1)
    took = time.perf_counter() - began
    writer.join()
    acts.seal_audit(SealingOrder())
    with books.read() as work:
        left = waiting(work).count
    if left:
        raise BenchFailed(f"{left} entries were not sealed")
    findings.add(f"entries written, {database}", len(waits) * 10 / took, "/s", at_least=PER_SECOND * 0.98)
    findings.add(f"oldest entry not sealed, sealer every second, {database}", max(lags), "s", at_most=MOST_LAG_SECONDS)
    findings.add(f"writing ten entries beside it, p99, {database}", percentile(waits, 99) * 1000, "ms")


def _prove(findings: Findings, database: str, books: Books) -> None:
    with books.read() as work:
        there = verify(work).entries
    for _ in range(there, ENTRIES, 500):
        _write(books, 500)
    began = time.perf_counter()
    with books.begin() as work:
        sealed = seal(work)
    findings.add(f"entries sealed without writers, {database}", sealed / (time.perf_counter() - began), "/s")
    seconds = []
    for _ in range(RUNS):
        began = time.perf_counter()
        with books.read() as work:
            verdict = verify(work)
        seconds.append((time.perf_counter() - began) * ENTRIES / verdict.entries)
        if verdict.findings or verdict.unsealed:
            raise BenchFailed("the log is not whole")
    findings.add(f"verify of {ENTRIES:,} entries, {database}", median(seconds), "s", at_most=MOST_SECONDS)
    findings.details[f"verify, {database}"] = {"seconds": seconds}


def _prove_ledger(findings: Findings, database: str, books: Books) -> None:
    """Seals a ledger of before, as the first sealing after an upgrade does, and proves it together with the log."""
    for first in range(0, POSTINGS, 500):
        with books.begin() as work:
            work.ledger.add([_posting(work, n) for n in range(first, first + 500)])
    began = time.perf_counter()
    acts = SealingActs(books)
    while not acts.seal_audit(SealingOrder()).complete:
        pass
    findings.add(f"postings sealed without writers, {database}", POSTINGS / (time.perf_counter() - began), "/s")
    began = time.perf_counter()
    with books.read() as work:
        verdict = verify(work)
    seconds = time.perf_counter() - began
    if verdict.findings or verdict.unsealed_postings or verdict.postings < POSTINGS:
        raise BenchFailed("the ledger is not whole")
    both = f"verify of {verdict.entries:,} entries and {verdict.postings:,} postings, {database}"
    findings.add(both, seconds, "s", at_most=MOST_SECONDS * (verdict.entries + verdict.postings) / ENTRIES)


def _posting(work: UnitOfWork, n: int) -> dict[str, Any]:
    return {
        "id": new_id(),
        "key": f"bench:{n}:money",
        "entry": f"bench:{n}",
        "loan": None,
        "debit": chart.BANK,
        "credit": chart.SUSPENSE,
        "amount_fen": n + 1,
        "about": "deposit",
        "value_date": work.today,
        "booked_at": work.now,
    }


def _write(books: Books, count: int) -> None:
    with books.begin() as work:
        for n in range(count):
            audit.record(
                work,
                SOMEBODY,
                "approval_decided",
                loan=f"L26{n:06d}",
                subject="task",
                before={"stage": "approval"},
                after={"outcome": "approve", "amount_fen": 1_200_000, "stage": "acceptance"},
                reason="income and record are in order",
            )
