"""How fast the rules decide: single decisions by the whole chain, and back-tests of a hundred thousand of them."""

import json
import multiprocessing
import random
import resource
import tempfile
import time
from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import text

from bench.figures import Findings
from books.schema import migrate
from books.session import Books, UnitOfWork
from console.seed import load_products
from models.keys import new_id
from models.policies import Policy, PolicyPart, PolicyStep, PolicyStepKind
from models.staff import Actor, Role
from services import backtests
from services.decisions import Chain, shipped_chain
from services.policies import in_force, version
from services.policy_kinds import CHAIN
from services.policy_publishing import draft, publish, publish_shipped_policies
from services.products import catalogue
from settings import Settings

NAME = "policies"
CASES = 100_000
LEAST_A_SECOND = 20_000
MOST_SECONDS = 20
MOST_MEBIBYTES = 1024
MOST_SECONDS_TO_LIVE = 60
DECISIONS = 10_000
FIRST_DAY = date(2025, 1, 1)
DAYS = 365
AT_ONCE = 5_000
SEED = 1
"""The cases are drawn by chance, and are the same in every run."""


def measure() -> Findings:
    """Decisions by the shipped chain of the microloan, and back-tests of a stricter grading and of other prices."""
    load_products(Settings())
    findings = Findings(NAME)
    chance = random.Random(SEED)
    facts = [_facts(chance) for _ in range(2_000)]
    chain = shipped_chain(catalogue().product("micro"))
    for one in facts:
        chain.decide(one)
    asked, began = 0, time.process_time()
    for number in range(DECISIONS):
        asked += len(chain.decide(facts[number % len(facts)]).answers)
    took = time.process_time() - began
    note = f"{DECISIONS / took:,.0f} decisions/s of up to three tables each"
    findings.add("evaluations on one core", asked / took, "/s", at_least=LEAST_A_SECOND, note=note)
    with tempfile.TemporaryDirectory() as folder:
        path = f"sqlite:///{Path(folder) / 'books.db'}"
        _fill(path)
        for label, name, since in (
            (f"back-test of {CASES:,} applications", "grading-micro", {}),
            (
                "the same where other tables came into force since",
                "pricing-micro",
                {"knockout-micro": KNOCKED_OUT, "grading-micro": STRICTER},
            ),
        ):
            for other, rows in since.items():
                _replace(path, other, rows)
            # A process of its own: its memory is that of a back-test alone.
            with multiprocessing.get_context("spawn").Pool(1) as pool:
                seconds, processor, stored, mebibytes, changed = pool.apply(_backtest, (path, name))
            note = f"{changed:,} change; {processor:.1f} s of one core"
            findings.add(label, seconds, "s", at_most=MOST_SECONDS, note=note)
            findings.add("to store it and its list", stored, "s")
            findings.add("memory of its process", mebibytes, "MiB", at_most=MOST_MEBIBYTES)
        note = "drafted, checked, back-tested on all of them, published; asked by a process that ran before"
        findings.add("from a draft to live decisions", _to_live(path), "s", at_most=MOST_SECONDS_TO_LIVE, note=note)
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
        "age_years": 35,
        "age_at_end_years": 35 + chance.randrange(4),
        "exposure_fen": chance.choice((0, 0, 0, 2_000_000, 12_000_000)),
        "worst_own_dpd": chance.choices((0, 20, 40, 100), (94, 3, 2, 1))[0],
        "screening_hit": chance.random() < 0.002,
        "screening_known": chance.random() < 0.99,
        "documents_complete": True,
        "documents_unread": False,
        "documents_doubtful": chance.random() < 0.05,
        "unanswered": False,
    }


def _fill(url: str) -> None:
    """Books with past applications, all of them decided by the shipped chain, and two drafts."""
    migrate(url)
    books = Books(url)
    with books.begin() as work:
        publish_shipped_policies(work)
        work.session.flush()
        chain = Chain({kind: version(work, work.policies.version(f"{kind}-micro", 1).id) for kind in CHAIN})
        for name, changed in (("grading-micro", STRICTER), ("pricing-micro", DEARER)):
            _add(work, name, 2, changed)
    now = datetime.now(UTC).isoformat(" ")
    chance = random.Random(SEED)
    for rows in _batches(chance, chain, now):
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
    " graded_at, by_challenger, steps)"
    " VALUES (:id, :loan, 1, :policy, :outcome, :grade, :limit_fen, :rate, :reasons, :facts, :now, 0, :steps)"
)


STRICTER = {10: {"debt_ratio_bp": "<= 3000"}, 12: {"overdue_count_24m": "<= 2"}}
"""A debt ratio of 30 % for an A instead of 35, and two arrears for a C instead of three."""
KNOCKED_OUT = {10: {"overdue_count_24m": "> 5"}}
DEARER = {14: {"annual_rate_percent": '"7.8"'}}


def changed(content: Mapping[str, Any], rows: Mapping[int, Mapping[str, str]]) -> dict[str, Any]:
    """A table with cells of some rows changed; rows count from 1."""
    told: dict[str, Any] = json.loads(json.dumps(content))
    (table,) = (node["content"] for node in told["nodes"] if node["type"] == "decisionTableNode")
    for row, cells in rows.items():
        table["rules"][row - 1].update(cells)
    return told


def _add(work: UnitOfWork, name: str, number: int, rows: Mapping[int, Mapping[str, str]]) -> Policy:
    """A version of a shipped table with cells of some rows changed, counted as checked; rows count from 1."""
    content = changed(work.policies.version(name, 1).content, rows)
    policy = Policy(name=name, version=number, content=content, drafted_by="risk-shen", drafted_at=work.now)
    work.write(policy)
    checked = PolicyStepKind.CHECKED
    work.write(PolicyStep(policy_id=policy.id, name=name, kind=checked, done_by="system", done_at=work.now))
    return policy


def _replace(url: str, name: str, rows: Mapping[int, Mapping[str, str]]) -> None:
    """Puts another version in force today."""
    books = Books(url)
    with books.begin() as work:
        policy = _add(work, name, work.policies.newest_number(name) + 1, rows)
        work.write(
            PolicyStep(
                policy_id=policy.id,
                name=name,
                kind=PolicyStepKind.PUBLISHED,
                part=PolicyPart.CHAMPION,
                starts_on=work.today,
                done_by="risk-qian",
                done_at=work.now,
            )
        )
    books.close()


def _batches(chance: random.Random, chain: Chain, now: str) -> Iterator[list[dict[str, Any]]]:
    for start in range(0, CASES, AT_ONCE):
        rows = []
        for number in range(start, start + AT_ONCE):
            facts = _facts(chance)
            decision = chain.decide(facts)
            outcome = decision.outcome
            steps = [
                {
                    "kind": kind,
                    "policy": answer.policy_id,
                    "row": answer.fired_row,
                    "challenger": False,
                    "values": dict(answer.values),
                }
                for kind, answer in decision.answers.items()
            ]
            rows.append(
                {
                    "id": new_id(),
                    "loan": f"L{number:09d}",
                    "applied_fen": facts["amount_fen"],
                    "applied_on": (FIRST_DAY + timedelta(days=number * DAYS // CASES)).isoformat(),
                    "policy": decision.deciding.policy_id,
                    "outcome": outcome.outcome,
                    "grade": outcome.grade,
                    "limit_fen": outcome.limit_fen,
                    "rate": outcome.annual_rate_percent,
                    "reasons": json.dumps(outcome.reasons),
                    "facts": json.dumps(facts),
                    "steps": json.dumps(steps),
                    "now": now,
                }
            )
        yield rows


def _to_live(url: str) -> float:
    """Seconds from a draft of a stricter grading until books that were open all the time decide by it."""
    running, books = Books(url), Books(url)
    drafts, publishes = Actor("risk-shen", Role.RISK), Actor("risk-qian", Role.RISK)
    with running.read() as work:
        before = in_force(work, "grading-micro", work.today)
        content = changed(work.policies.get(before.key).content, {13: {"history_months": ">= 9"}})
    began = time.perf_counter()
    with books.begin() as work:
        drafted = draft(work, drafts, "grading-micro", content, "longer histories only").id
    with books.read() as work:
        policy = work.policies.get(drafted)
        found = backtests.run(work, drafts, policy, FIRST_DAY, FIRST_DAY + timedelta(days=DAYS))
    with books.begin() as work:
        backtests.store(work, drafts, found)
    with books.begin() as work:
        publish(work, publishes, work.policies.get(drafted), work.today, "agreed")
    with running.read() as work:
        decides = in_force(work, "grading-micro", work.today).key
    took = time.perf_counter() - began
    running.close()
    books.close()
    if decides != drafted:
        raise RuntimeError("the version that was published does not decide")
    return took


def _backtest(url: str, name: str) -> tuple[float, float, float, float, int]:
    """Seconds to run, of the processor, and to store; the process's memory at its most, in MiB; how many change."""
    load_products(Settings())
    books = Books(url)
    risk = Actor("risk-shen", Role.RISK)
    began, worked = time.perf_counter(), time.process_time()
    with books.read() as work:
        draft = work.policies.version(name, 2)
        found = backtests.run(work, risk, draft, FIRST_DAY, FIRST_DAY + timedelta(days=DAYS))
    ran, worked = time.perf_counter(), time.process_time() - worked
    with books.begin() as work:
        backtests.store(work, risk, found)
    stored = time.perf_counter()
    if found.cases != CASES:
        raise RuntimeError(f"{found.cases} cases were found, and {found.ungraded} not graded")
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return ran - began, worked, stored - ran, peak, len(found.changed)
