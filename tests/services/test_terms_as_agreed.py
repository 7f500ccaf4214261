"""A loan has the terms that were signed and those of decided changes: no plain INSERT gives it any other version."""

import copy
import json
from collections.abc import Callable, Iterator
from datetime import date, timedelta
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from books.session import Books
from lending.anchoring import otherwise
from models.changes import ChangeKind
from models.keys import new_id
from models.loans import LoanTerms, Stage
from models.tasks import TaskKind
from services.disbursement import OtherTerms
from services.limits import limits_of
from services.loans import case_of
from services.products import catalogue
from services.story_differences import differences
from services.story_kinds import DifferenceKind
from services.timeline import tell
from tests.services.audit_log import tamper
from tests.services.procedure import Procedure
from tests.services.proposals import change, latest, propose

DECIDED = "those that were decided"
CODES: dict[str, dict[str, Any]] = {
    "micro": {"period": "quarter"},
    "auto": {"rate_type": "floating", "tracking": "yes"},
    "student": {"principal_grace": "6"},
}
ALSO: dict[str, Any] = {
    "due_dates": ["2026-02-05", "2026-03-05"],
    "business_days": "following",
    "fees": [{"amount": "1.00"}],
    "prepayment_fee": {"percent": "1"},
    "subsidised_until": "2026-12-31",
    "floating": {"tenor": "one_year", "margin_percent": "0", "reset": "new_year"},
    "daily_rate_percent": "0.01",
    "due_dates[0]": None,
    "unknown": 1,
}
"""Fields that a contract may have and those at hand have not, or one that none has."""


@pytest.fixture
def say(books: Books) -> Callable[..., None]:
    """Commits one plain statement."""

    def run(statement: str, **values: object) -> None:
        with books.engine.begin() as connection:
            connection.execute(text(statement), values)

    return run


def terms_of(books: Books, loan: str) -> LoanTerms:
    with books.read() as work:
        terms = work.loans.terms(loan)
        assert terms is not None
        return terms


def other(value: Any) -> Any:
    """A value of the same kind that is another one."""
    match value:
        case bool():
            return not value
        case int():
            return value + 1
        case [first, *rest]:
            return [*rest, first] if rest else [other(first)]
        case dict():
            return {name: other(one) for name, one in value.items()}
        case _:
            try:
                return (date.fromisoformat(value) + timedelta(days=1)).isoformat()
            except ValueError:
                return f"1{value}"


def forgeries(body: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """The contract with each of its fields changed, each taken out, and one more."""
    for name, value in body.items():
        yield f"{name} changed", body | {name: other(value)}
        yield f"{name} taken out", {one: kept for one, kept in body.items() if one != name}
    for name, value in ALSO.items():
        if name not in body:
            yield f"{name} added", body | {name: value}
    if body.get("fees"):
        dearer = copy.deepcopy(body)
        dearer["fees"][0]["amount"] = "99.00"
        yield "a fee changed", dearer


def insert(books: Books, terms: LoanTerms, body: dict[str, Any], **columns: Any) -> None:
    """One plain INSERT, with all guards standing."""
    amendments = columns.pop("amendments", terms.amendments)
    row = {
        "id": new_id(),
        "loan": terms.loan,
        "version": terms.version + 1,
        "decision": terms.decision_id,
        "day": terms.effective_from.isoformat(),
        "body": json.dumps(body),
        "amendments": None if amendments is None else json.dumps(amendments),
    }
    json_of = "{}" if books.is_sqlite else "CAST({} AS JSON)"
    day = ":day" if books.is_sqlite else "CAST(:day AS DATE)"
    with books.engine.begin() as connection:
        connection.execute(
            text(
                "INSERT INTO terms (id, loan, version, decision_id, effective_from, body, amendments, created_at) "
                f"VALUES (:id, :loan, :version, :decision, {day}, {json_of.format(':body')}, "
                f"{json_of.format(':amendments')}, '2026-01-05 00:00:00')"
            ),
            row | columns,
        )


def assert_refused(books: Books, loan: str, **columns: Any) -> None:
    """No forged contract passes, and not the contract itself as another version."""
    terms = terms_of(books, loan)
    for what, body in [("the same again", terms.body), *forgeries(terms.body)]:
        assert is_refused(books, terms, body, **columns), what
    assert terms_of(books, loan) == terms


def is_refused(books: Books, terms: LoanTerms, body: dict[str, Any], **columns: Any) -> bool:
    """Whether the guards refuse this version of the terms."""
    try:
        insert(books, terms, body, **columns)
    except DBAPIError as refusal:
        return DECIDED in str(refusal)
    return False


def paid_by_bank(procedure: Procedure, loan: str) -> None:
    """The borrower accepts ten days after the offer and the bank pays; nothing is booked yet."""
    procedure.day += timedelta(days=10)
    for key in procedure.accept(loan).payouts:
        procedure.settle(key)


def dated_anew(procedure: Procedure, loan: str) -> dict[str, Any]:
    """What the product makes of the case on this day, as the payout dates the contract anew."""
    with procedure.books.read() as work:
        row = work.loans.get(loan)
        case = case_of(work, row, procedure.day, rates=limits_of(work).rates)
        return catalogue().product(row.product).terms(case).to_json()


@pytest.mark.parametrize("code", CODES)
def test_no_version_is_planted_before_the_payout(procedure: Procedure, code: str) -> None:
    loan, books = procedure.offered(code, **CODES[code]), procedure.books
    assert_refused(books, loan)
    procedure.day += timedelta(days=10)
    keys = procedure.accept(loan).payouts
    assert_refused(books, loan)
    # Dated anew it is not either, as long as the bank has paid nothing.
    body, terms, day = dated_anew(procedure, loan), terms_of(books, loan), procedure.day.isoformat()
    assert is_refused(books, terms, body, day=day)
    for key in keys:
        procedure.settle(key)
    assert_refused(books, loan)
    assert_refused(books, loan, day=day)
    assert is_refused(books, terms, body, amendments=[], day=day)
    moves = {"first_due_date", "due_dates"} | ({"annual_rate_percent"} if "floating" in body else set())
    for what, forged in forgeries(body):
        # Days alone can still be others: those are refused when the payout is booked.
        if what not in {f"{name} changed" for name in moves}:
            assert is_refused(books, terms, forged, day=day), what
    procedure.book_payout(loan)
    assert terms_of(books, loan).body == body


@pytest.mark.parametrize("days", [10, 30])
@pytest.mark.parametrize("code", CODES)
def test_a_payout_on_a_later_day_dates_what_was_signed_anew(procedure: Procedure, code: str, days: int) -> None:
    """The offer is taken in time, and the bank takes its own."""
    loan = procedure.offered(code, **CODES[code])
    agreed = terms_of(procedure.books, loan)
    keys = procedure.accept(loan).payouts
    procedure.day += timedelta(days=days)
    with procedure.at() as work:
        for payment in work.payments.of_loan(loan):
            payment.value_date = procedure.day
            work.session.add(payment)
    for key in keys:
        procedure.settle(key)
    expected = dated_anew(procedure, loan)
    procedure.book_payout(loan)
    terms = terms_of(procedure.books, loan)
    assert (terms.version, terms.decision_id, terms.body) == (2, agreed.decision_id, expected)
    assert otherwise(agreed.body, terms.body) == []


def test_a_version_with_other_days_is_not_what_the_loan_runs_under(procedure: Procedure) -> None:
    loan, books = procedure.offered(), procedure.books
    paid_by_bank(procedure, loan)
    body = dated_anew(procedure, loan) | {"first_due_date": "2026-04-05"}
    insert(books, terms_of(books, loan), body, day=procedure.day.isoformat())
    with pytest.raises(OtherTerms, match=r"signed on version 1 of its terms and there is a version 2"):
        procedure.book_payout(loan)
    assert procedure.loan(loan).stage is Stage.DISBURSEMENT
    with books.read() as work:
        work.now += timedelta(minutes=5)
        found = [(one.kind, one.subject) for one in differences(work, tell(work, loan, []))]
    assert (DifferenceKind.TERMS_DIFFER, f"{loan}/2") in found


def test_nobody_is_paid_under_terms_that_nobody_signed(procedure: Procedure) -> None:
    """As with the guards gone."""
    loan, books = procedure.offered(), procedure.books
    procedure.sign(loan)
    tamper(
        books,
        "INSERT INTO terms (id, loan, version, decision_id, effective_from, body, created_at) "
        f"SELECT 'forged', loan, 2, decision_id, effective_from, body, created_at FROM terms WHERE loan = '{loan}'",
    )
    with pytest.raises(OtherTerms):
        procedure.accept(loan)
    assert procedure.payments(loan) == []


def test_a_running_loan_takes_no_version_of_a_decision_that_changes_no_terms(procedure: Procedure) -> None:
    loan, books = procedure.running("auto", **CODES["auto"]), procedure.books
    procedure.day = date(2026, 2, 10)
    procedure.advance(loan)
    change(procedure, loan, ChangeKind.WAIVER, {"amount": "1.00", "component": "interest"})
    with books.read() as work:
        waiver = work.tasks.decisions(loan)[-1]
        event = work.loans.events(loan)[-1].body
    for amendments in (None, [event]):
        assert_refused(books, loan, decision=waiver.id, amendments=amendments)


def test_of_a_decided_change_the_terms_take_its_event_alone_and_once(
    procedure: Procedure, say: Callable[..., None]
) -> None:
    loan, books = procedure.running(), procedure.books
    propose(procedure, loan, ChangeKind.DEFERRAL, {"periods": 2, "component": "principal"})
    proposal, terms = latest(procedure, loan).proposal, terms_of(books, loan)
    event = {"id": proposal.event_key, "type": "deferral", "date": "2026-01-05", "periods": 2, "component": "principal"}

    def decide(task: str) -> str:
        say(
            "INSERT INTO decision (id, loan, task_id, outcome, reason, decided_by, decided_as, decided_on, decided_at) "
            "VALUES (:id, :loan, :task, 'approve', '', 'risk-qian', 'risk', '2026-01-05', '2026-01-05 00:00:00')",
            **{"id": f"d{task}"[:32], "loan": loan, "task": task},
        )
        return f"d{task}"[:32]

    decision = decide(procedure.task(loan, TaskKind.CHANGE).id)
    assert is_refused(books, terms, terms.body, decision=decision, amendments=[event])
    say(
        "INSERT INTO loan_event (key, loan, position, type, date, body, recorded_at) VALUES "
        "(:key, :loan, 9, 'deferral', '2026-01-05', :body, '2026-01-05 00:00:00')",
        **{"key": proposal.event_key, "loan": loan, "body": json.dumps(event)},
    )
    for amendments in (None, [], [event | {"periods": 3}], [event, event], [{"id": "x"}, event]):
        assert is_refused(books, terms, terms.body, decision=decision, amendments=amendments), amendments
    for what, body in forgeries(terms.body):
        assert is_refused(books, terms, body, decision=decision, amendments=[event]), what
    insert(books, terms, terms.body, decision=decision, amendments=[event])
    amended = terms_of(books, loan)
    assert (amended.version, amended.amendments) == (terms.version + 1, [event])
    # Another person's word on the same proposal brings no version of its own.
    say(
        "INSERT INTO task (id, loan, kind, role, status, escalations, due_on, opened_at, about, people) "
        "SELECT 'again', loan, kind, role, 'done', escalations, due_on, opened_at, about, people FROM task "
        "WHERE loan = :loan AND kind = 'change'",
        loan=loan,
    )
    say("INSERT INTO change_task (task_id, proposal_id) VALUES ('again', :id)", id=proposal.id)
    second = decide("again")
    for amendments in ([event], [event, event]):
        assert is_refused(books, amended, terms.body, decision=second, amendments=amendments)
