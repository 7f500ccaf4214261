"""What the database itself refuses, whoever asks: tried with plain SQL, past every rule of the program."""

from collections.abc import Callable
from datetime import date

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from books.session import Books
from models.loans import LoanEvent
from models.tasks import TaskKind
from services.periods import close_period
from tests.services.month_ends import end_months
from tests.services.procedure import FINANCE, Procedure

A_COLUMN = {
    "posting": "amount_fen = 1",
    "audit_entry": "act = 'nothing'",
    "terms": "version = 9",
    "decision": "outcome = 'refuse'",
    "loan_event": "position = 9",
    "application": "entered_by = 'nobody'",
    "authorisation": "granted = true",
    "verification": "verdict = 'passed'",
    "account_check": "result = 'closed'",
    "ledger_account": "code = '9999'",
    "account_version": "vat_basis_points = 1",
    "limit_decision": "outcome = 'refuse'",
    "limit_proposal": "reason = 'none'",
    "non_accrual_rule": "above_dpd = 1",
    "provision_rate": "basis_points = 1",
    "loan_month_end": "provision_fen = 1",
    "month_end": "month = '2020-01'",
    "closed_period": "closed_by = 'nobody'",
}
"""A column of each table that takes new rows and nothing else."""

ALSO_INSERT_ONLY = {
    "account_change",
    "account_verdict",
    "audit_deposit",
    "audit_seal",
    "audit_sealed",
    "audit_verdict",
    "bank_difference",
    "bank_statement",
    "behaviour_month",
    "behaviour_score",
    "change_end",
    "change_proposal",
    "change_task",
    "collateral_evidence",
    "dealer_standing",
    "early_warning",
    "evidence_review",
    "loan_performance",
    "posting_sealed",
    "prepayment_quote",
    "reconciliation",
    "replay_verdict",
    "run_history",
    "second_look",
    "signature",
    "staff_standing",
    "statement_line",
    "suspense_proposal",
    "suspense_verdict",
    "taken_over_loan",
    "vehicle_invoice",
}
"""Those that need a longer story for their first row."""


@pytest.fixture
def say(books: Books) -> Callable[[str], None]:
    """Commits one plain statement."""

    def run(statement: str) -> None:
        with books.engine.begin() as connection:
            connection.execute(text(statement))

    return run


def count(books: Books, table: str) -> int:
    with books.read() as work:
        return int(work.session.execute(text(f"SELECT count(*) FROM {table}")).scalar_one())


def test_what_was_written_down_can_be_neither_changed_nor_removed(
    books: Books, procedure: Procedure, say: Callable[[str], None]
) -> None:
    procedure.running()
    end_months(procedure, date(2026, 2, 1))
    with procedure.at(date(2026, 2, 1)) as work:
        close_period(work, FINANCE, "2026-01")
    for table in A_COLUMN:
        rows = count(books, table)
        assert rows > 0
        statements = [f"UPDATE {table} SET {A_COLUMN[table]}", f"DELETE FROM {table}"]
        if not books.is_sqlite:
            statements.append(f"TRUNCATE {table} CASCADE")
        for statement in statements:
            with pytest.raises(DBAPIError, match="insert-only"):
                say(statement)
        assert count(books, table) == rows


def test_no_table_that_takes_new_rows_only_is_without_its_guards(books: Books, say: Callable[[str], None]) -> None:
    tables = sorted(A_COLUMN.keys() | ALSO_INSERT_ONLY)
    if books.is_sqlite:
        with books.read() as work:
            found = set(work.session.scalars(text("SELECT name FROM sqlite_master WHERE type = 'trigger'")))
        assert not {f"{table}_no_{verb}" for table in tables for verb in ("update", "delete")} - found
        return
    for table in tables:
        with books.read() as work:
            column = work.session.scalars(
                text(f"SELECT attname FROM pg_attribute WHERE attrelid = '{table}'::regclass AND attnum = 1")
            ).one()
        # Guards of whole statements: they refuse where there is no row yet.
        for statement in (
            f"UPDATE {table} SET {column} = {column}",
            f"DELETE FROM {table}",
            f"TRUNCATE {table} CASCADE",
            f"MERGE INTO {table} USING (SELECT 1) one ON true WHEN MATCHED THEN DELETE",
        ):
            with pytest.raises(DBAPIError, match="insert-only"):
                say(statement)
    with pytest.raises(DBAPIError, match="insert-only"):
        say("TRUNCATE loan CASCADE")


def test_replacing_a_row_is_no_way_around(books: Books, say: Callable[[str], None]) -> None:
    with pytest.raises(DBAPIError, match="insert-only"):
        say(
            "INSERT INTO posting SELECT * FROM posting WHERE entry = 'opening'"
            " ON CONFLICT (id) DO UPDATE SET amount_fen = 1"
        )
    if not books.is_sqlite:
        return
    with pytest.raises(DBAPIError, match="insert-only"):
        say("UPDATE OR REPLACE posting SET amount_fen = 1")
    with pytest.raises(DBAPIError, match="insert-only"):
        say(
            "INSERT OR REPLACE INTO posting"
            " SELECT id, key, entry, loan, debit, credit, 1, about, value_date, booked_at, booking_date FROM posting"
        )


def terms_for(loan: str, decision: str) -> str:
    return (
        "INSERT INTO terms (id, loan, version, decision_id, effective_from, body, created_at) "
        f"VALUES ('t-{loan}', '{loan}', 7, '{decision}', '2026-01-05', '{{}}', '2026-01-05 00:00:00')"
    )


def decision_on(loan: str, task: str, *, outcome: str = "approve", role: str = "risk") -> str:
    return (
        "INSERT INTO decision (id, loan, task_id, outcome, reason, decided_by, decided_as, decided_on, decided_at) "
        f"VALUES ('d-{loan}', '{loan}', '{task}', '{outcome}', '', 'x', '{role}', '2026-01-05', '2026-01-05 00:00:00')"
    )


def test_terms_need_a_decision_on_this_very_loan(procedure: Procedure, say: Callable[[str], None]) -> None:
    approved, other = procedure.offered(), procedure.graded()
    with procedure.books.read() as work:
        (decision,) = work.tasks.decisions(approved)
    with pytest.raises(DBAPIError, match="approving decision"):
        say(terms_for(other, decision.id))
    with pytest.raises(DBAPIError, match="approving decision"):
        say(terms_for(other, "nobody-decided"))
    with pytest.raises(DBAPIError, match="those that were decided"):
        say(terms_for(approved, decision.id))
    # What was decided is there already: not even the same again is another version.
    for version in (0, 2, 7):
        with pytest.raises(DBAPIError, match="those that were decided"):
            say(
                "INSERT INTO terms (id, loan, version, decision_id, effective_from, body, created_at) "
                f"SELECT 't', loan, {version}, decision_id, effective_from, body, created_at FROM terms "
                f"WHERE loan = '{approved}'"
            )


@pytest.mark.parametrize(
    ("outcome", "role"), [("refuse", "risk"), ("return", "risk"), ("approve", "finance")], ids=lambda value: str(value)
)
def test_terms_need_an_approval_and_never_one_by_finance(
    procedure: Procedure, say: Callable[[str], None], outcome: str, role: str
) -> None:
    loan = procedure.graded()
    say(decision_on(loan, procedure.task(loan, TaskKind.APPROVAL).id, outcome=outcome, role=role))
    with pytest.raises(DBAPIError, match="approving decision"):
        say(terms_for(loan, f"d-{loan}"))


def test_a_task_is_decided_once(procedure: Procedure, say: Callable[[str], None]) -> None:
    loan = procedure.graded()
    task = procedure.task(loan, TaskKind.APPROVAL).id
    say(decision_on(loan, task))
    with pytest.raises(DBAPIError):
        say(decision_on(loan, task).replace(f"'d-{loan}'", "'again'"))


def posting(
    amount: object = 100, debit: str = "1001", credit: str = "2001", key: str = "k", day: str = "2026-01-05"
) -> str:
    return (
        "INSERT INTO posting (id, key, entry, debit, credit, amount_fen, about, value_date, booking_date, booked_at) "
        f"VALUES ('{key}', '{key}', 'e', '{debit}', '{credit}', {amount}, 'x', '{day}', '{day}', '2026-01-05 00:00:00')"
    )


@pytest.mark.parametrize(
    "statement",
    [
        posting(0),
        posting(-5),
        posting("NULL"),
        posting(debit="1001", credit="1001"),
        posting(debit="9999"),
        posting(credit="9999"),
    ],
    ids=["zero", "negative", "no amount", "to itself", "unknown debit", "unknown credit"],
)
def test_a_posting_that_makes_no_sense_is_refused(books: Books, say: Callable[[str], None], statement: str) -> None:
    with pytest.raises(DBAPIError):
        say(statement)
    assert count(books, "posting") == 1


def test_an_entry_that_does_not_balance_cannot_be_written_down(books: Books, say: Callable[[str], None]) -> None:
    """Both sides of a posting share one amount, so any set of postings adds up to the same on both sides."""
    say(posting(100, key="a"))
    say(posting(7, "2001", "1101", key="b"))
    with books.read() as work:
        balances = [work.ledger.balance(account.code) for account in work.ledger.accounts(date(2026, 1, 5))]
    assert any(balances)
    assert sum(balances) == 0


def test_a_closed_month_takes_no_posting(books: Books, procedure: Procedure, say: Callable[[str], None]) -> None:
    with procedure.at(date(2026, 2, 1)) as work:
        close_period(work, FINANCE, "2026-01")
    for day in ("2026-01-31", "2025-12-31"):
        with pytest.raises(DBAPIError, match="closed"):
            say(posting(day=day))
    say(posting(day="2026-02-01"))
    assert count(books, "posting") == 2


def test_the_same_posting_is_written_once(say: Callable[[str], None]) -> None:
    say(posting())
    with pytest.raises(DBAPIError):
        say(posting().replace("VALUES ('k'", "VALUES ('other'"))


def test_a_loan_has_one_open_task_of_a_kind_and_one_trouble_of_a_role(
    procedure: Procedure, say: Callable[[str], None]
) -> None:
    loan = procedure.graded()

    def task(row_id: str, kind: str, status: str, loan_or_null: str, role: str = "risk") -> str:
        return (
            "INSERT INTO task (id, loan, kind, role, status, escalations, due_on, opened_at, about) VALUES "
            f"('{row_id}', {loan_or_null}, '{kind}', '{role}', '{status}', 0, '2026-01-05', '2026-01-05 00:00:00', '')"
        )

    with pytest.raises(DBAPIError):
        say(task("1", "approval", "open", f"'{loan}'"))
    say(task("2", "approval", "done", f"'{loan}'"))
    say(task("3", "overdue", "open", f"'{loan}'"))
    say(task("4", "unmatched_money", "open", "NULL"))
    say(task("5", "unmatched_money", "open", "NULL"))
    say(task("6", "trouble", "open", f"'{loan}'"))
    say(task("7", "trouble", "open", f"'{loan}'", "finance"))
    with pytest.raises(DBAPIError):
        say(task("8", "trouble", "open", f"'{loan}'", "finance"))


def test_two_events_of_a_loan_never_share_a_place(books: Books, procedure: Procedure) -> None:
    loan = procedure.running()
    with books.read() as work:
        (paid_out,) = work.loans.events(loan)
    with pytest.raises(DBAPIError), books.begin() as work:
        work.loans.add_event(LoanEvent(**paid_out.model_dump() | {"key": "another"}))


@pytest.mark.parametrize("amount", [0, -1])
def test_an_order_to_the_bank_is_above_zero(procedure: Procedure, say: Callable[[str], None], amount: int) -> None:
    loan = procedure.offered()
    with pytest.raises(DBAPIError):
        say(
            "INSERT INTO payment (key, loan, kind, amount_fen, settled_fen, status, booked, value_date, ordered_at)"
            f" VALUES ('k', '{loan}', 'deposit', {amount}, 0, 'ordered', false, '2026-01-05', '2026-01-05 00:00:00')"
        )


def test_nothing_points_at_a_loan_that_is_not_there(say: Callable[[str], None]) -> None:
    with pytest.raises(DBAPIError):
        say(
            posting()
            .replace("(id, key, entry,", "(id, loan, key, entry,")
            .replace("VALUES ('k',", "VALUES ('k', 'L99000001',")
        )
