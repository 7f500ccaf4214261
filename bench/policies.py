"""How fast the rules decide: single decisions by the whole chain, and back-tests of a hundred thousand of them."""

import json
import multiprocessing
import random
import resource
import tempfile
import time
from collections.abc import Mapping
from datetime import date, timedelta
from pathlib import Path
from typing import Any, NamedTuple

from sqlmodel import SQLModel

from bench.figures import Findings
from books.rows import write_many
from books.schema import migrate
from books.session import Books, UnitOfWork
from console.seed import load_products
from models.customers import Customer
from models.grading import Grading, KeptStep
from models.keys import new_id
from models.loans import Loan, Stage
from models.performance import LoanPerformance
from models.policies import Policy, PolicyPart, PolicyStep, PolicyStepKind
from models.staff import Actor, Role
from services import backtests
from services.decisions import Chain, shipped_chain
from services.policies import in_force, version
from services.policy_kinds import CHAIN, REFUSE
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
LENT = 0.8
DEFAULTED: Mapping[str, float] = {"A": 0.01, "B": 0.02, "C": 0.05, "D": 0.10, "E": 0.20}
Table = type[SQLModel]


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
    findings.add("single evaluations by the engine on one core", asked / took, "/s", note=note)
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
                found = pool.apply(_backtest, (path, name))
            note = f"{found.changed:,} change; {found.processor:.1f} s of one core"
            findings.add(label, found.seconds, "s", at_most=MOST_SECONDS, note=note)
            note = (
                f"{found.evaluations:,} answers of a table about a case; the engine gave {found.engine_asked:,} of them"
            )
            rate = found.evaluations / found.processor
            findings.add("evaluations in it, all of its work counted", rate, "/s", at_least=LEAST_A_SECOND, note=note)
            stored, mebibytes = found.stored, found.mebibytes
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
        "exposure_fen": chance.choice((0, 0, 0, chance.randrange(25_000_000))),
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
    chance = random.Random(SEED)
    for start in range(0, CASES, AT_ONCE):
        with books.begin() as work:
            for table, rows in _rows(chance, chain, start, work).items():
                write_many(work.session, table, rows)
    books.close()


STRICTER = {10: {"debt_ratio_bp": "<= 3000"}, 12: {"overdue_count_24m": "<= 2"}}
"""A debt ratio of 30 % for an A instead of 35, and two arrears for a C instead of three."""
KNOCKED_OUT = {13: {"overdue_count_24m": "> 5"}}
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


def _rows(chance: random.Random, chain: Chain, start: int, work: UnitOfWork) -> dict[Table, list[dict[str, Any]]]:
    """Some thousand past applications, each of somebody else, with facts, decision and outcome as the books keep them.

    Of those that are not refused, most were paid out, and of these more defaulted the worse they were graded.
    """
    rows: dict[Table, list[dict[str, Any]]] = {one: [] for one in (Customer, Loan, Grading, LoanPerformance)}
    for number in range(start, start + AT_ONCE):
        facts = _facts(chance)
        decision = chain.decide(facts)
        outcome, loan, customer = decision.outcome, f"L{number:09d}", new_id()
        applied_on = FIRST_DAY + timedelta(days=number * DAYS // CASES)
        is_lent = outcome.outcome != REFUSE and chance.random() < LENT
        rows[Customer].append(
            {
                **{"id": customer, "name": f"张{number}", "id_number": "110000199001010011", "mobile": ""},
                **{"id_number_index": str(number), "mobile_index": "", "details": {}, "tags": [], "owner_id": None},
                **{"created_at": work.now},
            }
        )
        rows[Loan].append(
            {
                **{"number": loan, "product": "micro", "customer_id": customer, "applied_fen": facts["amount_fen"]},
                **{"stage": Stage.SETTLED if is_lent else Stage.REFUSED, "grade": outcome.grade},
                **{"applied_on": applied_on, "disbursed_on": applied_on if is_lent else None},
                **{"next_due_fen": 0, "outstanding_fen": 0, "overdue_fen": 0, "dpd": 0, "high_risk": False},
                **{"updated_at": work.now},
            }
        )
        rows[Grading].append(
            {
                **{"id": new_id(), "loan": loan, "round": 1, "policy_id": decision.deciding.policy_id},
                **{"outcome": outcome.outcome, "grade": outcome.grade, "limit_fen": outcome.limit_fen},
                **{"annual_rate_percent": outcome.annual_rate_percent, "reasons": list(outcome.reasons)},
                **{"facts": facts, "graded_at": work.now, "graded_on": applied_on},
                **{"fired_row": decision.deciding.fired_row, "by_challenger": False},
                "steps": [
                    KeptStep(kind, answer.policy_id, answer.fired_row, False, answer.values).as_json()
                    for kind, answer in decision.answers.items()
                ],
            }
        )
        if is_lent:
            has_defaulted = chance.random() < DEFAULTED[outcome.grade]
            rows[LoanPerformance].append(
                {
                    **{"loan": loan, "worst_dpd": 120 if has_defaulted else 0, "written_off_on": None},
                    "defaulted_on": applied_on + timedelta(days=200) if has_defaulted else None,
                    **{"observed_to": applied_on + timedelta(days=400), "simulated": True},
                }
            )
    return rows


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


class Measured(NamedTuple):
    """Seconds to run a back-test, of the processor, and to store it; the process's memory at its most; what it did."""

    seconds: float
    processor: float
    stored: float
    mebibytes: float
    changed: int
    evaluations: int
    engine_asked: int


def _backtest(url: str, name: str) -> Measured:
    """A back-test of version 2 of a policy on all cases."""
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
    stored = time.perf_counter() - ran
    if found.cases != CASES:
        raise RuntimeError(f"{found.cases} cases were found, and {found.ungraded} not graded")
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    asked = found.engine_asked.total()
    return Measured(ran - began, worked, stored, peak, len(found.changed), found.evaluations, asked)
