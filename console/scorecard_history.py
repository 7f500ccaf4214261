"""A made-up history for a demonstration: past applications with their facts, decisions and outcomes, put in in bulk."""

import json
import subprocess
import sys
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, fields
from datetime import date, timedelta
from itertools import islice
from typing import Any

from sqlmodel import SQLModel

from books.customers import blind_index
from books.rows import write_many
from books.session import Books, UnitOfWork
from lending.duedates import Period, shift
from lending.errors import LendingError
from models.customers import Customer, Party, PartyRole
from models.grading import Grading
from models.keys import new_id
from models.loans import Application, Loan, Stage
from models.performance import LoanPerformance
from models.policies import PolicyKind
from models.products import LoanCase, Product
from services import audit
from services.decisions import Chain, Decision
from services.facts import CORE_FACTS
from services.forms import age_on, birth_date
from services.performance import WINDOW_MONTHS
from services.policies import version
from services.policy_kinds import CHAIN, REFUSE, name_of
from services.policy_tables import BOOLEAN
from services.products import catalogue

AT_ONCE = 2_000
DAYS_TO_PAYOUT = 2
APPROVED_SHARE: Mapping[str, float] = {"A": 0.97, "B": 0.93, "C": 0.85, "D": 0.70, "E": 0.50}
"""How many of each grade people approved in the made-up past. What they saw besides the facts is not simulated."""


class RealCases(LendingError):
    """A made-up history was to be put into books that hold real people."""

    code = "books_hold_real_cases"
    http_status = 409

    def __init__(self) -> None:
        super().__init__(
            "these books hold customers who are not made up; a made-up history goes into a demonstration only"
        )


class HistoryThere(LendingError):
    """The books have a made-up history already."""

    code = "history_is_there"
    http_status = 409

    def __init__(self, count: int) -> None:
        super().__init__(f"these books have a made-up history of {count:,} loans already")


class SimulatorFailed(LendingError):
    """The simulator of borrowers refused or broke off; the sentence is its own."""

    code = "simulator_failed"
    http_status = 422


@dataclass(frozen=True)
class Past:
    """Somebody who applied in the past: form and registers' answers, and what became of the loan within 12 months.

    `fortune` is uniform from 0 to 1: what people made of the case. Days are business dates.
    """

    index: int
    id_number: str
    applied_on: date
    form: dict[str, Any]
    answers: dict[str, dict[str, Any]]
    fortune: float
    worst_dpd: int
    defaulted_on: date | None
    written_off_on: date | None

    @classmethod
    def read(cls, line: str) -> "Past":
        """A line of the simulator; what it says besides is its own affair."""
        told: dict[str, Any] = json.loads(line)
        days: dict[str, Any] = {name: told[name] and date.fromisoformat(told[name]) for name in _DAYS}
        return cls(**({one.name: told[one.name] for one in fields(cls)} | days))


_DAYS = ("applied_on", "defaulted_on", "written_off_on")


def simulated(count: int, until: date, *, seed: int = 2026, months: int = 30) -> Iterator[Past]:
    """Made-up people who applied in the months before `until`, a year of which is left to see what became of them.

    They come from the simulator of borrowers, a process of its own. SimulatorFailed where it refuses.
    """
    given = [str(count), until.isoformat(), "--seed", str(seed), "--months", str(months)]
    command = [sys.executable, "-m", "simulators.borrowers", *given]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, encoding="utf-8") as told:
        if told.stdout is None or told.stderr is None:
            raise RuntimeError("the pipes of a process were asked for and are not there")
        try:
            yield from map(Past.read, told.stdout)
            said = told.stderr.read().strip()
            told.wait()
        finally:
            told.kill()
    if told.returncode != 0:
        raise SimulatorFailed(said.splitlines()[-1] if said else "the simulator of borrowers broke off")


@dataclass
class Filled:
    """What was put into the books."""

    applications: int = 0
    paid_out: int = 0
    defaulted: int = 0


def is_made_up(id_number: str) -> bool:
    """Whether nobody can hold an ID number: it has the code of a whole province where GB 11643 puts a county's."""
    return id_number[2:6] == "0000"


def put_history(books: Books, past: Iterable[Past], product_code: str = "micro") -> Filled:
    """Puts past applications into the books of a demonstration, each with facts, decision and outcome.

    The rules in force decide each of them, and of those that are not refused a stated share is paid out. All loans are
    closed: those that defaulted end as written off. RealCases where any customer is not made up, HistoryThere where
    the books have such a history already.
    """
    product = catalogue().product(product_code)
    with books.read() as work:
        if count := work.performance.simulated_count():
            raise HistoryThere(count)
        if not all(is_made_up(number) for number in work.performance.id_numbers()):
            raise RealCases
    filled = Filled()
    coming = iter(past)
    while batch := list(islice(coming, AT_ONCE)):
        with books.begin() as work:
            _put(work, product, batch, filled)
    with books.begin() as work:
        counts = {"applications": filled.applications, "paid_out": filled.paid_out, "defaulted": filled.defaulted}
        audit.record(work, audit.SYSTEM, "history_simulated", subject=product.code, after=counts)
    return filled


def _put(work: UnitOfWork, product: Product, batch: list[Past], filled: Filled) -> None:
    chain = _chain(work, product)
    rows: dict[type[SQLModel], list[dict[str, Any]]] = {
        table: [] for table in (Customer, Loan, Application, Party, Grading, LoanPerformance)
    }
    for one in batch:
        facts = facts_of(product, one)
        decision = chain.decide(facts)
        lent_fen = _lent_fen(one, decision)
        number = f"L{one.applied_on:%y}9{one.index:07d}"
        _add_person(rows, work, one, number)
        _add_loan(rows, work, one, product, number, decision, lent_fen)
        rows[Grading].append(_grading(work, one, number, facts, decision))
        filled.applications += 1
        if lent_fen:
            filled.paid_out += 1
            filled.defaulted += one.defaulted_on is not None
            rows[LoanPerformance].append(
                {
                    "loan": number,
                    "worst_dpd": one.worst_dpd,
                    "defaulted_on": one.defaulted_on,
                    "written_off_on": one.written_off_on,
                    "observed_to": shift(_paid_out_on(one), Period(), WINDOW_MONTHS, _paid_out_on(one).day),
                    "simulated": True,
                }
            )
    for table, values in rows.items():
        write_many(work.session, table, values)


def facts_of(product: Product, one: Past) -> dict[str, Any]:
    """The facts of a past case as the product gives them, and the core's of somebody who is new to the lender."""
    day, form = one.applied_on, one.form | {"id_number": one.id_number}
    case = LoanCase(form=form, answers=one.answers, day=day, amount_fen=form["amount"], term=form["term"])
    born = birth_date(one.id_number)
    of_a_stranger: dict[str, Any] = {fact: False if kind == BOOLEAN else 0 for fact, kind in CORE_FACTS.items()}
    facts = of_a_stranger | product.facts(case)
    facts |= {
        "age_years": age_on(born, day),
        "age_at_end_years": age_on(born, shift(day, Period(), case.term, day.day)),
        "screening_known": True,
        "documents_complete": True,
    }
    return facts | product.further_facts(facts)


def _chain(work: UnitOfWork, product: Product) -> Chain:
    """The versions that decide today."""
    champions = {kind: work.policies.in_force(name_of(kind, product.code), work.today).champion for kind in CHAIN}
    return Chain({kind: version(work, one.policy_id) for kind, one in champions.items() if one is not None})


def _lent_fen(one: Past, decision: Decision) -> int:
    """What was paid out, in fen; 0 where the rules or people refused."""
    outcome = decision.outcome
    if outcome.outcome == REFUSE or one.fortune > APPROVED_SHARE[outcome.grade]:
        return 0
    return min(int(one.form["amount"]), outcome.limit_fen)


def _paid_out_on(one: Past) -> date:
    return one.applied_on + timedelta(days=DAYS_TO_PAYOUT)


def _add_person(rows: dict[type[SQLModel], list[dict[str, Any]]], work: UnitOfWork, one: Past, number: str) -> None:
    index, customer_id = blind_index(one.id_number), new_id()
    rows[Customer].append(
        {
            "id": customer_id,
            "name": one.form["name"],
            "id_number": one.id_number,
            "mobile": "",
            "id_number_index": index,
            "mobile_index": "",
            "details": {},
            "tags": [],
            "created_at": work.now,
        }
    )
    rows[Party].append(
        {
            "id": new_id(),
            "loan": number,
            "role": PartyRole.BORROWER,
            "position": 1,
            "customer_id": customer_id,
            "id_number_index": index,
            "name": one.form["name"],
            "account": one.form["bank_card"],
        }
    )


def _add_loan(
    rows: dict[type[SQLModel], list[dict[str, Any]]],
    work: UnitOfWork,
    one: Past,
    product: Product,
    number: str,
    decision: Decision,
    lent_fen: int,
) -> None:
    day = one.applied_on
    ended = shift(day, Period(), one.form["term"], day.day)
    if one.defaulted_on is not None:
        ended = one.written_off_on or one.defaulted_on + timedelta(days=180)
    rows[Loan].append(
        {
            "number": number,
            "product": product.code,
            "customer_id": rows[Customer][-1]["id"],
            "stage": Stage.SETTLED if lent_fen else Stage.REFUSED,
            "applied_fen": one.form["amount"],
            "approved_fen": lent_fen or None,
            "grade": decision.outcome.grade,
            "applied_on": day,
            "disbursed_on": _paid_out_on(one) if lent_fen else None,
            "closed_on": ended if lent_fen else day,
            "written_off_on": ended if lent_fen and one.defaulted_on is not None else None,
            "next_due_fen": 0,
            "outstanding_fen": 0,
            "overdue_fen": 0,
            "dpd": 0,
            "high_risk": False,
            "updated_at": work.now,
        }
    )
    rows[Application].append(
        {
            "loan": number,
            "form": one.form | {"id_number": one.id_number},
            "entered_by": audit.SYSTEM.id,
            "idempotency_key": f"history:{number}",
            "body_hash": "",
            "content_index": "",
            "submitted_at": work.now,
        }
    )


def _grading(work: UnitOfWork, one: Past, number: str, facts: dict[str, Any], decision: Decision) -> dict[str, Any]:
    outcome, rules = decision.outcome, decision.deciding
    return {
        "id": new_id(),
        "loan": number,
        "round": 1,
        "policy_id": rules.policy_id,
        "outcome": outcome.outcome,
        "grade": outcome.grade,
        "limit_fen": outcome.limit_fen,
        "annual_rate_percent": outcome.annual_rate_percent,
        "reasons": list(outcome.reasons),
        "facts": facts,
        "graded_at": work.now,
        "graded_on": one.applied_on,
        "fired_row": rules.fired_row,
        "by_challenger": False,
        "steps": list(_steps(decision)),
    }


def _steps(decision: Decision) -> Iterator[dict[str, Any]]:
    for kind, answer in decision.answers.items():
        yield {
            "kind": PolicyKind(kind),
            "policy": answer.policy_id,
            "row": answer.fired_row,
            "challenger": False,
            "values": dict(answer.values),
        }
