"""What a version of a policy would have said of the past, beside what the version in force says of it."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date
from typing import Any

from books.rows import write_many
from books.session import UnitOfWork
from lending.errors import LendingError
from lending.money import yuan
from models.policies import BACKTEST_COLUMNS, Backtest, BacktestPage, Policy
from models.staff import Actor
from services import audit
from services.backtest_cases import READ_AT_ONCE, answers, decisions, products_of, proposals
from services.backtest_findings import Findings
from services.csv_files import csv_pieces
from services.permissions import Action, require
from services.policy_kinds import Past, past_of
from services.policy_publishing import PolicyNotReady, note_backtest, to_compare_with

CASES_A_PAGE = 1000
FIRST_COLUMNS = BACKTEST_COLUMNS[:-1]
"""What was kept before a report said what."""

Progress = Callable[[int, int], None]
"""Told how many cases are done, and of how many."""


class BacktestRunning(LendingError):
    """A back-test keeps a core busy; a process runs one at a time."""

    code = "backtest_running"
    http_status = 409

    def __init__(self) -> None:
        super().__init__("another back-test is running; try again when it is done")


class InvalidBacktestPeriod(LendingError):
    """A back-test of a period that ends before it begins, or in which there is nothing to ask about."""

    code = "invalid_backtest_period"
    http_status = 422


class NoPast(LendingError):
    """A kind of policy that nothing past can be asked about."""

    code = "policy_without_past"
    http_status = 409

    def __init__(self, name: str) -> None:
        super().__init__(f"{name} has no past cases; it is published without a back-test")


def run(
    work: UnitOfWork, actor: Actor, policy: Policy, since: date, until: date, progress: Progress | None = None
) -> Findings:
    """Asks a version about the past between two days: applications, or proposals to change a loan. Stores nothing.

    A table of the chain is tried in its place of the chain in force, with the facts of each application's latest
    decision; any other table answers for itself. The other side is what is in force today, asked with the same facts.
    Refused: anybody but risk, a version with problems, a kind without a past, a period without cases. Cases that were
    never graded, or that lack a fact which is asked for, are counted and left out.
    """
    require(actor, Action.CHANGE_POLICIES)
    if since > until:
        raise InvalidBacktestPeriod("the period ends before it begins", fields={"to": f"on {since} or later"})
    past = past_of(policy.name)
    if past is Past.NOTHING:
        raise NoPast(policy.name)
    champion_id = to_compare_with(work, policy, work.today)
    if champion_id is None:
        raise PolicyNotReady(f"nothing of the name {policy.name} is in force; there is nothing to compare with")
    total = _count(work, policy, since, until)
    if total == 0 and _count(work, policy, date.min, work.today) > 0:
        # Otherwise an empty period would do for what publication asks for.
        raise InvalidBacktestPeriod("the period has no cases", fields={"to": "choose days with applications"})
    tries = {Past.DECISIONS: decisions, Past.ANSWERS: answers, Past.PROPOSALS: proposals}[past]
    findings, steps = tries(work, policy, work.policies.get(champion_id), since, until)
    done = 0
    for done, _ in enumerate(steps, 1):
        if progress is not None and done % READ_AT_ONCE == 0:
            progress(done, total)
    if progress is not None:
        progress(done, total)
    return findings


def _count(work: UnitOfWork, policy: Policy, since: date, until: date) -> int:
    if past_of(policy.name) is Past.PROPOSALS:
        return work.policies.count_proposed(since, until)
    return work.policies.count_cases(products_of(policy), since, until)


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
    require(actor, Action.SEE_POLICIES)
    columns = columns_of(work.policies.backtest(backtest_id))
    page = 0
    while (cases := work.policies.backtest_page(backtest_id, page)) is not None:
        for case in cases:
            yield dict(zip(columns, case, strict=True))
        page += 1


def columns_of(backtest: Backtest) -> tuple[str, ...]:
    """What was kept of each case that changes."""
    return tuple(backtest.report.get("columns", FIRST_COLUMNS))


def begin_export(work: UnitOfWork, actor: Actor, backtest_id: str) -> None:
    """Writes down that the cases of a back-test are taken out of the house."""
    require(actor, Action.SEE_POLICIES)
    work.policies.backtest(backtest_id)
    audit.record(work, actor, "backtest_exported", subject=backtest_id)


def csv_lines(work: UnitOfWork, actor: Actor, backtest_id: str) -> Iterator[str]:
    """The same as CSV with a header, some hundred lines at a time; sums in yuan."""
    header = [column.removesuffix("_fen") for column in columns_of(work.policies.backtest(backtest_id))]
    return csv_pieces(
        header,
        (
            [yuan(value) if column.endswith("_fen") else value for column, value in case.items()]
            for case in changed_cases(work, actor, backtest_id)
        ),
    )


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
