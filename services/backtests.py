"""What a version of the rules would have said of past applications, beside what the version in force says of them."""

import csv
import io
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date
from itertools import groupby
from typing import Any

from sqlalchemy import Row

from books.rows import write_many
from books.session import UnitOfWork
from lending.errors import LendingError
from lending.money import yuan
from models.policies import BACKTEST_COLUMNS, Backtest, BacktestPage, Policy
from models.staff import Actor
from services import audit
from services.permissions import check_may_change_policies, check_may_see_policies
from services.policies import FactsIncomplete, GradeOutcome, NoAnswer, Version, version
from services.policy_checks import GRADES
from services.policy_publishing import PolicyNotReady, note_backtest, product_of

READ_AT_ONCE = 1000
"""Applications read by one query: the memory that a back-test needs does not grow with their number."""
CASES_A_PAGE = 1000
REFUSED = "refused"
CLASSES = (*GRADES, REFUSED)
"""Rows and columns of the migration matrix."""
FEWEST_LOANS = 30
"""With fewer loans of a grade in the books, the rate that the policy states says more than theirs."""
WHOLE_BASIS_POINTS = 10_000
COMPARED = {"outcome": "outcome", "grade": "grade", "limit_fen": "limit", "annual_rate_percent": "rate"}
"""What of two outcomes is compared, and how the report calls it."""

Progress = Callable[[int, int], None]
"""Told how many cases are done, and of how many."""


class BacktestRunning(LendingError):
    """A back-test keeps a core busy; a process runs one at a time."""

    code = "backtest_running"
    http_status = 409

    def __init__(self) -> None:
        super().__init__("another back-test is running; try again when it is done")


class InvalidPeriod(LendingError):
    """A back-test of a period that ends before it begins, or in which nobody applied."""

    code = "invalid_backtest_period"
    http_status = 422


@dataclass
class Side:
    """What one of the two versions comes to over a set of cases. Sums are fen."""

    passed: int = 0
    lendable_fen: int = 0
    by_grade: Counter[str] = field(default_factory=Counter)
    lendable_by_grade: Counter[str] = field(default_factory=Counter)

    def add(self, outcome: GradeOutcome, applied_fen: int) -> None:
        """Counts a case: what could be lent on it is what was applied for, up to the limit."""
        self.by_grade[class_of(outcome)] += 1
        if outcome.outcome != "refuse":
            lendable_fen = min(applied_fen, outcome.limit_fen)
            self.passed += 1
            self.lendable_fen += lendable_fen
            self.lendable_by_grade[outcome.grade] += lendable_fen

    def expected_loss_fen(self, rates: Mapping[str, "DefaultRate"]) -> int | None:
        """What would be lost if all that could be lent were; None while a grade has no rate."""
        if any(fen and grade not in rates for grade, fen in self.lendable_by_grade.items()):
            return None
        lost = (fen * rates[grade].basis_points for grade, fen in self.lendable_by_grade.items() if fen)
        return sum(one // WHOLE_BASIS_POINTS for one in lost)


@dataclass(frozen=True)
class DefaultRate:
    """How many of a grade's loans default, in hundredths of a percent, and whether the books or the policy say so."""

    basis_points: int
    observed_loans: int

    @property
    def is_observed(self) -> bool:
        """Whether the books hold enough loans of the grade."""
        return self.observed_loans >= FEWEST_LOANS


@dataclass
class Findings:
    """What a back-test found so far; `changed` are rows of BACKTEST_COLUMNS."""

    policy: Policy
    against: Policy
    applied_from: date
    applied_to: date
    rates: dict[str, DefaultRate]
    cases: int = 0
    ungraded: int = 0
    unanswered: Counter[str] = field(default_factory=Counter)
    differing: Counter[str] = field(default_factory=Counter)
    matrix: Counter[tuple[str, str]] = field(default_factory=Counter)
    before: Side = field(default_factory=Side)
    after: Side = field(default_factory=Side)
    months: dict[str, tuple[Side, Side, Counter[str]]] = field(default_factory=dict)
    changed: list[list[Any]] = field(default_factory=list)

    def add(self, case: Row[Any], before: GradeOutcome, after: GradeOutcome) -> None:
        """Counts one case under both versions."""
        self.cases += 1
        month = f"{case.applied_on:%Y-%m}"
        if month not in self.months:
            self.months[month] = (Side(), Side(), Counter())
        of_month = self.months[month]
        for side, outcome in ((self.before, before), (self.after, after), (of_month[0], before), (of_month[1], after)):
            side.add(outcome, case.applied_fen)
        of_month[2]["cases"] += 1
        self.matrix[class_of(before), class_of(after)] += 1
        differing = [told for name, told in COMPARED.items() if getattr(before, name) != getattr(after, name)]
        if differing:
            of_month[2]["changed"] += 1
            self.differing.update(differing)
            self.changed.append(_changed_row(case, before, after))

    def report(self) -> dict[str, Any]:
        """All figures as JSON; sums are fen, shares basis points."""
        return {
            "cases": self.cases,
            "ungraded": self.ungraded,
            "unanswered": dict(self.unanswered),
            "changed": len(self.changed),
            "differing": dict(self.differing),
            "matrix": {old: {new: self.matrix[old, new] for new in CLASSES} for old in CLASSES},
            "before": self._side(self.before, self.cases),
            "after": self._side(self.after, self.cases),
            "default_rates": {
                grade: {"basis_points": rate.basis_points, "loans": rate.observed_loans, "observed": rate.is_observed}
                for grade, rate in self.rates.items()
            },
            "months": [
                {
                    "month": month,
                    "cases": counts["cases"],
                    "changed": counts["changed"],
                    "before": self._side(before, counts["cases"]),
                    "after": self._side(after, counts["cases"]),
                }
                for month, (before, after, counts) in sorted(self.months.items())
            ],
        }

    def _side(self, side: Side, cases: int) -> dict[str, Any]:
        return {
            "passed": side.passed,
            "passed_basis_points": side.passed * WHOLE_BASIS_POINTS // cases if cases else 0,
            "lendable_fen": side.lendable_fen,
            "expected_loss_fen": side.expected_loss_fen(self.rates),
            "by_grade": {one: side.by_grade[one] for one in CLASSES},
        }


def class_of(outcome: GradeOutcome) -> str:
    """The row or column of the migration matrix that a case is counted in."""
    return REFUSED if outcome.outcome == "refuse" else outcome.grade


def _changed_row(case: Row[Any], before: GradeOutcome, after: GradeOutcome) -> list[Any]:
    """In the order of BACKTEST_COLUMNS."""
    return [
        *(case.number, case.applied_on.isoformat(), case.applied_fen),
        *(before.outcome, before.grade, before.limit_fen, before.annual_rate_percent),
        *(after.outcome, after.grade, after.limit_fen, after.annual_rate_percent, after.fired_row),
    ]


def run(
    work: UnitOfWork, actor: Actor, policy: Policy, since: date, until: date, progress: Progress | None = None
) -> Findings:
    """Asks a version about every application between two days, with the facts of its latest grading. Stores nothing.

    The other side is what the version in force today says of the same facts; what it has decided itself is not asked
    again. Refused: anybody but risk, a version with problems, a period without applications. Cases that were never
    graded, or that lack a fact which the version asks for, are counted and left out.
    """
    check_may_change_policies(actor)
    if since > until:
        raise InvalidPeriod("the period ends before it begins", fields={"to": f"on {since} or later"})
    champion = work.policies.in_force(policy.name, work.today).champion
    if champion is None:
        raise PolicyNotReady(f"nothing of the name {policy.name} is in force; there is nothing to compare with")
    tested, present = version(work, policy.id), version(work, champion.policy_id)
    product = product_of(policy.name).code
    against = work.policies.get(champion.policy_id)
    findings = Findings(policy, against, since, until, default_rates(work, product, policy.content))
    total = work.policies.count_cases(product, since, until)
    if total == 0 and work.policies.count_cases(product, date.min, work.today) > 0:
        # Otherwise an empty period would do for what publication asks for.
        raise InvalidPeriod("nobody applied in this period", fields={"to": "choose days with applications"})
    done = 0
    for case in _cases(work, product, since, until):
        done += 1
        if progress is not None and done % READ_AT_ONCE == 0:
            progress(done, total)
        _add(findings, case, tested, present)
    if progress is not None:
        progress(done, total)
    return findings


def _add(findings: Findings, case: Row[Any], tested: Version, present: Version) -> None:
    if case.facts is None:
        findings.ungraded += 1
        return
    try:
        after = tested.evaluate(case.facts)
        if case.policy_id == present.key:
            rate = case.annual_rate_percent
            before = GradeOutcome(case.outcome, case.grade, case.limit_fen, rate, ())
        else:
            before = present.evaluate(case.facts)
    except FactsIncomplete as refusal:
        findings.unanswered.update(refusal.fields.keys())
        findings.ungraded += 1
        return
    except NoAnswer:
        findings.unanswered["answer"] += 1
        findings.ungraded += 1
        return
    findings.add(case, before, after)


def _cases(work: UnitOfWork, product: str, since: date, until: date) -> Iterator[Row[Any]]:
    """Each application with its latest grading, a page at a time."""
    last = ""
    while rows := work.policies.graded_cases(product, since, until, last, READ_AT_ONCE):
        for _, rounds in groupby(rows, key=lambda row: row.number):
            yield next(rounds)
        last = rows[-1].number


def default_rates(work: UnitOfWork, product: str, content: Mapping[str, Any]) -> dict[str, DefaultRate]:
    """The share of each grade's loans that defaulted: as the books have it, else as the policy states it.

    A loan has defaulted when it is more than 90 days past due or written off (the common definition: Basel Committee,
    International Convergence of Capital Measurement, paragraph 452).
    """
    stated: Mapping[str, int] = content.get("default_basis_points", {})
    rates = {grade: DefaultRate(basis_points, 0) for grade, basis_points in stated.items()}
    for row in work.policies.defaults(product):
        if row.loans >= FEWEST_LOANS:
            rates[row.grade] = DefaultRate(row.defaulted * WHOLE_BASIS_POINTS // row.loans, row.loans)
        elif row.grade in rates:
            rates[row.grade] = DefaultRate(rates[row.grade].basis_points, row.loans)
    return dict(sorted(rates.items()))


def store(work: UnitOfWork, actor: Actor, findings: Findings) -> Backtest:
    """Keeps a back-test with the list of what changes; the version counts as back-tested."""
    backtest = Backtest(
        policy_id=findings.policy.id,
        against_id=findings.against.id,
        applied_from=findings.applied_from,
        applied_to=findings.applied_to,
        cases=findings.cases,
        changed=len(findings.changed),
        report=findings.report(),
        run_by=actor.id,
        run_at=work.now,
    )
    work.write(backtest)
    pages = range(0, len(findings.changed), CASES_A_PAGE)
    write_many(
        work.session,
        BacktestPage,
        [
            {"backtest_id": backtest.id, "page": page, "cases": findings.changed[start : start + CASES_A_PAGE]}
            for page, start in enumerate(pages)
        ],
    )
    note_backtest(work, actor, findings.policy, backtest)
    audit.record(
        work,
        actor,
        "policy_backtested",
        subject=f"{findings.policy.name}/{findings.policy.version}",
        after={"backtest": backtest.id, "cases": findings.cases, "changed": len(findings.changed)},
    )
    return backtest


def changed_cases(work: UnitOfWork, actor: Actor, backtest_id: str) -> Iterator[dict[str, Any]]:
    """The cases that a stored back-test decides otherwise, by loan number, a page at a time."""
    check_may_see_policies(actor)
    work.policies.backtest(backtest_id)
    page = 0
    while (cases := work.policies.backtest_page(backtest_id, page)) is not None:
        for case in cases:
            yield dict(zip(BACKTEST_COLUMNS, case, strict=True))
        page += 1


def csv_lines(work: UnitOfWork, actor: Actor, backtest_id: str) -> Iterator[str]:
    """The same as CSV with a header, some hundred lines at a time; sums in yuan."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerow([column.removesuffix("_fen") for column in BACKTEST_COLUMNS])
    for number, case in enumerate(changed_cases(work, actor, backtest_id), 1):
        writer.writerow([yuan(value) if column.endswith("_fen") else value for column, value in case.items()])
        if number % 500 == 0:
            yield text.getvalue()
            text.seek(0)
            text.truncate()
    yield text.getvalue()


_running = threading.Lock()


@contextmanager
def one_at_a_time() -> Iterator[None]:
    """Refuses (BacktestRunning) while a server's process runs another back-test."""
    if not _running.acquire(blocking=False):
        raise BacktestRunning
    try:
        yield
    finally:
        _running.release()
