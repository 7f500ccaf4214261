"""What the database refuses about terms and their events, whoever asks: tried with plain SQL on both databases."""

import json
from collections.abc import Callable
from datetime import date, timedelta

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from books.session import Books
from models.changes import ChangeKind
from models.messages import StepKind
from models.tasks import Outcome, TaskKind
from tests.services.procedure import Procedure
from tests.services.proposals import change, decide, latest, propose

DEFERRAL = {"periods": 2, "component": "principal"}
Say = Callable[..., None]


@pytest.fixture
def say(books: Books) -> Say:
    """Commits one plain statement."""

    def run(statement: str, **values: object) -> None:
        with books.engine.begin() as connection:
            connection.execute(text(statement), values)

    return run


@pytest.fixture
def loan(procedure: Procedure) -> str:
    """A loan that is paid out and has paid its first installment."""
    number = procedure.running()
    procedure.day = date(2026, 2, 5)
    procedure.collect(number)
    procedure.advance(number, StepKind.DUE)
    procedure.day += timedelta(days=1)
    return number


def add_event(say: Say, loan: str, kind: str, key: str, **body: object) -> None:
    """Writes an event past every rule of the program."""
    say(
        "INSERT INTO loan_event (key, loan, position, type, date, body, recorded_at)"
        " VALUES (:key, :loan, 99, :kind, '2026-02-06', :body, '2026-02-06 00:00:00')",
        key=key,
        loan=loan,
        kind=kind,
        body=json.dumps({"id": key, "type": kind, "date": "2026-02-06", **body}),
    )


def add_terms(say: Say, loan: str, decision: str) -> None:
    """Writes a version of the terms past every rule of the program."""
    say(
        "INSERT INTO terms (id, loan, version, decision_id, effective_from, body, created_at)"
        " VALUES ('t', :loan, 9, :decision, '2026-02-06', '{}', '2026-02-06 00:00:00')",
        loan=loan,
        decision=decision,
    )


def add_decision(say: Say, loan: str, task: str, *, by: str, role: str, outcome: str = "approve") -> None:
    """Writes a decision past every rule of the program."""
    say(
        "INSERT INTO decision (id, loan, task_id, outcome, reason, decided_by, decided_as, decided_on, decided_at)"
        " VALUES (:id, :loan, :task, :outcome, '', :by, :role, '2026-02-06', '2026-02-06 00:00:00')",
        id=f"d-{by}-{outcome}",
        loan=loan,
        task=task,
        outcome=outcome,
        by=by,
        role=role,
    )


def event_of(procedure: Procedure, loan: str, place: int = -1) -> str:
    with procedure.books.read() as work:
        return work.loans.events(loan)[place].key


def test_no_event_that_changes_a_loan_is_written_without_a_decided_proposal(
    procedure: Procedure, loan: str, say: Say
) -> None:
    money = event_of(procedure, loan)
    for kind in ("fee", "waiver", "deferral", "reschedule", "rate_change", "reversal", "write_off"):
        for key in ("anything", f"{loan}:change:0"):
            with pytest.raises(DBAPIError, match="decided proposal"):
                add_event(say, loan, kind, key, of=money)
    add_event(say, loan, "repayment", "money", amount="1.00")


def test_a_proposal_alone_and_a_refused_one_change_nothing(procedure: Procedure, loan: str, say: Say) -> None:
    propose(procedure, loan, ChangeKind.DEFERRAL, DEFERRAL)
    key = latest(procedure, loan).proposal.event_key
    with pytest.raises(DBAPIError, match="decided proposal"):
        add_event(say, loan, "deferral", key)
    decide(procedure, loan, Outcome.REFUSE)
    with pytest.raises(DBAPIError, match="decided proposal"):
        add_event(say, loan, "deferral", key)


@pytest.mark.parametrize(
    ("by", "role", "outcome", "is_enough"),
    [
        ("risk-qian", "risk", "approve", True),
        ("risk-qian", "risk", "refuse", False),
        ("manager-zhao", "manager", "approve", False),
        ("finance-sun", "finance", "approve", False),
    ],
    ids=["risk", "refused", "the proposer", "finance"],
)
def test_a_change_needs_another_person_who_is_not_finance(
    procedure: Procedure, loan: str, say: Say, by: str, role: str, outcome: str, is_enough: bool
) -> None:
    propose(procedure, loan, ChangeKind.DEFERRAL, DEFERRAL)
    key = latest(procedure, loan).proposal.event_key
    add_decision(say, loan, procedure.task(loan, TaskKind.CHANGE).id, by=by, role=role, outcome=outcome)
    if is_enough:
        add_event(say, loan, "deferral", key)
        return
    with pytest.raises(DBAPIError, match="decided proposal"):
        add_event(say, loan, "deferral", key)


def test_where_two_people_have_to_agree_one_is_not_enough(procedure: Procedure, say: Say) -> None:
    loan = procedure.running("auto")
    propose(procedure, loan, ChangeKind.WRITE_OFF)
    decide(procedure, loan)
    with pytest.raises(DBAPIError, match="decided proposal"):
        add_event(say, loan, "write_off", latest(procedure, loan).proposal.event_key)


def test_no_proposal_is_content_with_nobody(procedure: Procedure, loan: str, say: Say) -> None:
    propose(procedure, loan, ChangeKind.DEFERRAL, DEFERRAL)
    columns = (
        "loan, kind, asked, reason, amount_fen, figures, position, terms_version, fallen_due, proposed_by, "
        "proposed_as, proposed_on, proposed_at, expires_on"
    )
    with pytest.raises(DBAPIError, match="people"):
        say(f"INSERT INTO change_proposal (id, people, {columns}) SELECT 'x', 0, {columns} FROM change_proposal")


def test_the_decision_on_another_loan_is_none_on_this_one(procedure: Procedure, loan: str, say: Say) -> None:
    other = procedure.running()
    propose(procedure, other, ChangeKind.DEFERRAL, DEFERRAL)
    key = latest(procedure, other).proposal.event_key
    add_decision(say, loan, procedure.task(other, TaskKind.CHANGE).id, by="risk-qian", role="risk")
    for number in (loan, other):
        with pytest.raises(DBAPIError, match="decided proposal"):
            add_event(say, number, "deferral", key)


def test_finance_reverses_money_and_nothing_else(procedure: Procedure, loan: str, say: Say) -> None:
    money = event_of(procedure, loan)
    change(procedure, loan, ChangeKind.FEE, {"amount": "1.00"})
    fee = event_of(procedure, loan)
    propose(procedure, loan, ChangeKind.CORRECTION, {"of": money})
    key = latest(procedure, loan).proposal.event_key
    add_decision(say, loan, procedure.task(loan, TaskKind.CHANGE).id, by="finance-zhou", role="finance")
    for kind in ("deferral", "waiver", "fee", "write_off", "rate_change", "reschedule"):
        with pytest.raises(DBAPIError, match="decided proposal"):
            add_event(say, loan, kind, key)
    with pytest.raises(DBAPIError, match="decided proposal"):
        add_event(say, loan, "reversal", key, of=fee)
    with pytest.raises(DBAPIError, match="decided proposal"):
        add_event(say, loan, "reversal", key)
    add_event(say, loan, "reversal", key, of=money)


def test_terms_of_a_loan_that_is_paid_out_need_a_decision_of_their_own(
    procedure: Procedure, loan: str, say: Say
) -> None:
    with procedure.books.read() as work:
        (first,) = work.tasks.decisions(loan)
    with pytest.raises(DBAPIError, match="decision of their own"):
        add_terms(say, loan, first.id)
    change(procedure, loan, ChangeKind.DEFERRAL, DEFERRAL)
    with procedure.books.read() as work:
        second = work.tasks.decisions(loan)[-1]
    with pytest.raises(DBAPIError, match="decision of their own"):
        add_terms(say, loan, second.id)


def test_a_decision_of_finance_makes_no_terms(procedure: Procedure, loan: str, say: Say) -> None:
    change(procedure, loan, ChangeKind.CORRECTION, {"amount": "1.00", "channel": "cash"})
    with procedure.books.read() as work:
        confirmed = work.tasks.decisions(loan)[-1]
    assert confirmed.decided_as == "finance"
    with pytest.raises(DBAPIError, match="approving decision"):
        add_terms(say, loan, confirmed.id)


def test_terms_and_proposals_are_neither_changed_nor_removed(
    procedure: Procedure, loan: str, books: Books, say: Say
) -> None:
    change(procedure, loan, ChangeKind.DEFERRAL, DEFERRAL)
    for table, assignment in (
        ("terms", "amendments = NULL"),
        ("terms", "body = '{}'"),
        ("change_proposal", "people = 0"),
        ("change_proposal", "proposed_by = 'somebody'"),
        ("change_task", "task_id = task_id"),
        ("change_end", "outcome = 'refused'"),
    ):
        statements = [f"UPDATE {table} SET {assignment}", f"DELETE FROM {table}"]
        if not books.is_sqlite:
            statements.append(f"TRUNCATE {table} CASCADE")
        for statement in statements:
            with pytest.raises(DBAPIError, match="insert-only"):
                say(statement)
