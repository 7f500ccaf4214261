"""How fast rules are asked: single evaluations, and a back-test of a hundred thousand past applications."""

import json
import multiprocessing
import random
import resource
import tempfile
import time
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import text

from bench.figures import Findings
from books.schema import migrate
from books.session import Books
from console.seed import load_products
from models.keys import new_id
from models.policies import Policy, PolicyStep, PolicyStepKind
from models.staff import Actor, Role
from services import backtests
from services.policies import prepared
from services.policy_publishing import publish_shipped_policies
from services.products import catalogue
from settings import Settings

NAME = "policies"
CASES = 100_000
LEAST_A_SECOND = 20_000
MOST_SECONDS = 20
MOST_MEBIBYTES = 1024
EVALUATIONS = 20_000
FIRST_DAY = date(2025, 1, 1)
DAYS = 365
AT_ONCE = 5_000
SEED = 1
"""The cases are drawn by chance, and are the same in every run."""


def measure() -> Findings:
    """Evaluations of the shipped rules of the microloan, and a back-test of a stricter draft."""
    load_products(Settings())
    findings = Findings(NAME)
    chance = random.Random(SEED)
    facts = [_facts(chance) for _ in range(2_000)]
    rules = prepared("grading-micro", catalogue().product("micro").grading)
    for one in facts:
        rules.evaluate(one)
    began = time.process_time()
    for number in range(EVALUATIONS):
        rules.evaluate(facts[number % len(facts)])
    findings.add("evaluations on one core", EVALUATIONS / (time.process_time() - began), "/s", at_least=LEAST_A_SECOND)
    with tempfile.TemporaryDirectory() as folder:
        path = f"sqlite:///{Path(folder) / 'books.db'}"
        _fill(path)
        # A process of its own: its memory is that of a back-test alone.
        with multiprocessing.get_context("spawn").Pool(1) as pool:
            seconds, processor, stored, mebibytes, changed = pool.apply(_backtest, (path,))
    note = f"{changed:,} change; {processor:.1f} s of one core"
    findings.add(f"back-test of {CASES:,} applications", seconds, "s", at_most=MOST_SECONDS, note=note)
    findings.add("to store it and its list", stored, "s")
    findings.add("memory of its process", mebibytes, "MiB", at_most=MOST_MEBIBYTES)
    return findings


def _facts(chance: random.Random) -> dict[str, Any]:
    """What the registers might say of somebody who asks for a small loan."""
    overdue = chance.choices((0, 1, 2, 3, 5, 8), (60, 15, 10, 8, 5, 2))[0]
    return {
        "day": 20250601,
        "amount_fen": chance.randrange(100_000, 20_000_000),
        "term": chance.randrange(1, 37),
        "identity_known": chance.random() < 0.99,
        "identity_matches": chance.random() < 0.99,
        "enrolment_known": chance.random() < 0.99,
        "full_time_student": chance.random() < 0.02,
        "bureau_known": chance.random() < 0.99,
        "bureau_found": chance.random() < 0.95,
        "blacklisted": chance.random() < 0.01,
        "worst_dpd": 0 if overdue == 0 else chance.choice((5, 20, 31, 61, 95)),
        "overdue_count_24m": overdue,
        "history_months": chance.randrange(0, 120),
        "income_known": True,
        "debt_ratio_bp": chance.randrange(500, 8_000),
        "stated_to_known_income_bp": chance.randrange(8_000, 17_000),
    }


def _fill(url: str) -> None:
    """Books with past applications, all of them graded by the shipped rules, and a stricter draft."""
    migrate(url)
    books = Books(url)
    with books.begin() as work:
        publish_shipped_policies(work)
        work.session.flush()
        shipped = work.policies.version("grading-micro", 1)
        work.write(_draft(shipped, work.now))
        draft = work.policies.version("grading-micro", 2)
        work.write(
            PolicyStep(
                policy_id=draft.id, name=draft.name, kind=PolicyStepKind.CHECKED, done_by="system", done_at=work.now
            )
        )
    now = datetime.now(UTC).isoformat(" ")
    chance = random.Random(SEED)
    rules = prepared("grading-micro", shipped.content)
    for rows in _batches(chance, rules.evaluate, shipped.id, now):
        with books.engine.begin() as connection:
            connection.execute(text(_CUSTOMER), {"now": now})
            connection.execute(text(_LOAN), rows)
            connection.execute(text(_GRADING), rows)
    books.close()


_CUSTOMER = (
    "INSERT INTO customer (id, name, id_number, mobile, id_number_index, mobile_index, details, tags, created_at)"
    " VALUES ('c', '', '', '', '', '', '{}', '[]', :now) ON CONFLICT DO NOTHING"
)
_LOAN = (
    "INSERT INTO loan (number, product, customer_id, stage, applied_fen, grade, applied_on, next_due_fen,"
    " outstanding_fen, overdue_fen, dpd, high_risk, updated_at)"
    " VALUES (:loan, 'micro', 'c', 'refused', :applied_fen, :grade, :applied_on, 0, 0, 0, 0, 0, :now)"
)
_GRADING = (
    "INSERT INTO grading (id, loan, round, policy_id, outcome, grade, limit_fen, annual_rate_percent, reasons, facts,"
    " graded_at, by_challenger)"
    " VALUES (:id, :loan, 1, :policy, :outcome, :grade, :limit_fen, :rate, :reasons, :facts, :now, 0)"
)


def _draft(shipped: Policy, now: datetime) -> Policy:
    """A debt ratio of 30 % for an A instead of 35, and two arrears for a C instead of three."""
    content = json.loads(json.dumps(shipped.content))
    (table,) = (node["content"] for node in content["nodes"] if node["type"] == "decisionTableNode")
    table["rules"][11]["debt_ratio_bp"] = "<= 3000"
    table["rules"][13]["overdue_count_24m"] = "<= 2"
    return Policy(name=shipped.name, version=2, content=content, drafted_by="risk-shen", drafted_at=now)


def _batches(chance: random.Random, evaluate: Any, policy_id: str, now: str) -> Iterator[list[dict[str, Any]]]:
    for start in range(0, CASES, AT_ONCE):
        rows = []
        for number in range(start, start + AT_ONCE):
            facts = _facts(chance)
            outcome = evaluate(facts)
            rows.append(
                {
                    "id": new_id(),
                    "loan": f"L{number:09d}",
                    "applied_fen": facts["amount_fen"],
                    "applied_on": (FIRST_DAY + timedelta(days=number * DAYS // CASES)).isoformat(),
                    "policy": policy_id,
                    "outcome": outcome.outcome,
                    "grade": outcome.grade,
                    "limit_fen": outcome.limit_fen,
                    "rate": outcome.annual_rate_percent,
                    "reasons": json.dumps(outcome.reasons),
                    "facts": json.dumps(facts),
                    "now": now,
                }
            )
        yield rows


def _backtest(url: str) -> tuple[float, float, float, float, int]:
    """Seconds to run, of the processor, and to store; the process's memory at its most, in MiB; how many change."""
    load_products(Settings())
    books = Books(url)
    risk = Actor("risk-shen", Role.RISK)
    began, worked = time.perf_counter(), time.process_time()
    with books.read() as work:
        draft = work.policies.version("grading-micro", 2)
        found = backtests.run(work, risk, draft, FIRST_DAY, FIRST_DAY + timedelta(days=DAYS))
    ran, worked = time.perf_counter(), time.process_time() - worked
    with books.begin() as work:
        backtests.store(work, risk, found)
    stored = time.perf_counter()
    if found.cases != CASES:
        raise RuntimeError(f"{found.cases} cases were found, and {found.ungraded} not graded")
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return ran - began, worked, stored - ran, peak, len(found.changed)
