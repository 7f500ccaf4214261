"""Finance changes neither the amount nor the terms of a loan: by no service, and by no statement on the tables."""

import sqlite3
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from books.session import Books
from models.changes import ChangeKind
from models.limits import LimitKind
from models.messages import StepKind
from models.tasks import Outcome, TaskKind
from services import approval
from services.account_changes import propose as propose_account
from services.errors import NotAllowed
from services.limit_changes import propose_limit
from services.permissions import MAY_PROPOSE, TABLE, Action
from services.policy_publishing import draft
from tests.services.procedure import FINANCE, Procedure
from tests.services.proposals import change, propose

WHAT_COUNTS = (
    "SELECT id, loan, version, decision_id, effective_from, body, amendments FROM terms ORDER BY id",
    "SELECT id, loan, task_id, outcome, amount_fen, decided_by, decided_as FROM decision ORDER BY id",
    "SELECT loan, entered_by, idempotency_key, body_hash FROM application ORDER BY loan",
    "SELECT number, product, customer_id, applied_fen, approved_fen, applied_on FROM loan ORDER BY number",
    "SELECT key, loan, kind, party_id, amount_fen FROM payment ORDER BY key",
    "SELECT key, loan, type, date, body FROM loan_event ORDER BY key",
    "SELECT id, loan, role, account FROM party ORDER BY id",
)
"""What a loan is about, table by table."""
GUARDS = "insert-only|stay as they were written|only by a confirmed change|what is approved is what was decided"
"""How the database says that it is its guards that refuse, and not a statement that makes no sense."""


@dataclass
class House:
    """A loan that runs and one that is only offered, with all that counts of both."""

    books: Books
    procedure: Procedure
    running: str
    offered: str

    def facts(self) -> list[Any]:
        """All that counts, as it stands in the tables."""
        with self.books.read() as work:
            return [work.session.execute(text(query)).all() for query in WHAT_COUNTS]

    def refused(self, statement: str) -> None:
        """Says a plain statement, which has to be refused and to change nothing."""
        before = self.facts()
        with pytest.raises(DBAPIError, match=GUARDS), self.books.engine.begin() as connection:
            connection.execute(text(statement.format(running=self.running, offered=self.offered)))
        assert self.facts() == before, statement


@pytest.fixture
def house(books: Books, procedure: Procedure) -> House:
    """The two loans on the books of this test."""
    return House(books, procedure, procedure.running(), procedure.offered())


COPY_OF_TERMS = (
    "INSERT INTO terms (id, loan, version, decision_id, effective_from, body, created_at) "
    "SELECT 'forged', loan, version + 1, decision_id, effective_from, {body}, created_at FROM terms "
    "WHERE loan = '{offered}'"
)
PAYMENT = (
    "INSERT INTO payment (key, loan, kind, party_id, amount_fen, settled_fen, fee_fen, status, booked, value_date, "
    "ordered_at) SELECT 'forged', loan, kind, party_id, 1, 0, 0, 'ordered', {no}, value_date, ordered_at FROM payment "
    "WHERE loan = '{running}' AND kind = 'disbursement'"
)
EVENT = (
    "INSERT INTO loan_event (key, loan, position, type, date, body, recorded_at) "
    "SELECT 'forged', loan, 99, type, date, body, recorded_at FROM loan_event "
    "WHERE loan = '{running}' AND type = 'disbursement'"
)
DECISION = (
    "INSERT INTO decision (id, loan, task_id, outcome, amount_fen, reason, decided_by, decided_as, decided_on, "
    "decided_at, people) SELECT 'forged', loan, id, 'approve', 1, '', 'finance-sun', 'risk', due_on, opened_at, 1 "
    "FROM task WHERE loan = '{graded}' AND kind = 'approval'"
)


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE terms SET body = '{{}}'",
        "UPDATE terms SET amendments = '[]'",
        "UPDATE decision SET amount_fen = 1",
        "UPDATE application SET body_hash = ''",
        "UPDATE loan_event SET date = '2026-01-01'",
        "UPDATE loan SET applied_fen = applied_fen + 1",
        "UPDATE loan SET approved_fen = approved_fen + 1",
        "UPDATE loan SET applied_fen = applied_fen * 2, approved_fen = approved_fen * 2",
        "UPDATE loan SET product = 'auto'",
        "UPDATE loan SET customer_id = (SELECT max(id) FROM customer) WHERE number = '{running}'",
        "UPDATE payment SET amount_fen = amount_fen + 1",
        "UPDATE payment SET kind = 'refund'",
        "UPDATE payment SET party_id = NULL",
        "UPDATE party SET account = '6990000000000099' WHERE role = 'payee'",
        "DELETE FROM terms",
        "DELETE FROM decision",
        "DELETE FROM application",
        "DELETE FROM loan_event",
        "DELETE FROM payment",
        "DELETE FROM loan",
    ],
)
def test_what_was_decided_is_neither_changed_nor_removed_by_a_statement(house: House, statement: str) -> None:
    house.refused(statement)


def test_no_statement_writes_terms_that_nobody_decided(house: House) -> None:
    replaced = {
        '"principal": "12000.00"': '"principal": "13000.00"',
        '"n_periods": 12': '"n_periods": 24',
        '"method": "level_payment"': '"method": "bullet"',
        '"annual_rate_percent": "': '"annual_rate_percent": "1',
    }
    with house.books.read() as work:
        body = str(work.session.scalar(text(f"SELECT CAST(body AS TEXT) FROM terms WHERE loan = '{house.offered}'")))
    as_text = "CAST(replace(CAST(body AS TEXT), '{old}', '{new}') AS JSON)"
    for old, new in replaced.items():
        assert old in body
        forged = as_text.format(old=old, new=new) if not house.books.is_sqlite else f"replace(body, '{old}', '{new}')"
        statement = COPY_OF_TERMS.replace("{body}", forged.replace("{", "{{").replace("}", "}}"))
        with pytest.raises(DBAPIError, match="those that were decided"), house.books.engine.begin() as connection:
            connection.exec_driver_sql(statement.format(offered=house.offered))


def test_no_statement_pays_out_more_pays_out_twice_or_decides_in_another_role(house: House) -> None:
    case = house.procedure.graded()
    for statement, words in (
        (PAYMENT.replace("{no}", "false"), "no more is paid out"),
        (EVENT, "what the bank was ordered to pay"),
        (DECISION, "finance decides as finance"),
    ):
        with pytest.raises(DBAPIError, match=words), house.books.engine.begin() as connection:
            connection.execute(text(statement.format(running=house.running, graded=case)))


def test_replacing_a_row_from_outside_the_program_is_no_way_around(house: House) -> None:
    if not house.books.is_sqlite:
        # PostgreSQL has no such statement; MERGE and ON CONFLICT go by the guards of UPDATE and DELETE.
        house.refused("MERGE INTO loan USING (SELECT 1) one ON true WHEN MATCHED THEN UPDATE SET applied_fen = 1")
        return
    before = house.facts()
    with closing(sqlite3.connect(house.books.url.removeprefix("sqlite:///"))) as connection:
        for table in ("terms", "decision", "application", "loan_event", "posting", "loan", "payment"):
            with pytest.raises(sqlite3.IntegrityError, match=f"UNIQUE constraint failed: {table} is insert-only"):
                connection.execute(f"INSERT OR REPLACE INTO {table} SELECT * FROM {table}")
        connection.rollback()
    assert house.facts() == before


def test_finance_proposes_no_change_but_a_correction(house: House) -> None:
    asked: dict[ChangeKind, dict[str, Any]] = {
        ChangeKind.DEFERRAL: {"periods": 2, "component": "principal"},
        ChangeKind.WAIVER: {"amount": "1.00", "component": "interest"},
    }
    before = house.facts()
    for kind, body in asked.items():
        with pytest.raises(NotAllowed):
            propose(house.procedure, house.running, kind, body, by=FINANCE)
    assert {kind for kind, roles in MAY_PROPOSE.items() if FINANCE.role in roles} == {ChangeKind.CORRECTION}
    assert house.facts() == before


def test_a_correction_by_finance_leaves_terms_and_amounts_as_they_are(house: House) -> None:
    def terms_and_amounts() -> list[Any]:
        terms, _, application, loan, *_ = house.facts()
        return [terms, application, loan]

    house.procedure.collect(house.running)
    house.procedure.advance(house.running, StepKind.DUE)
    before = terms_and_amounts()
    change(house.procedure, house.running, ChangeKind.CORRECTION, {"amount": "1.00", "channel": "cash"})
    assert terms_and_amounts() == before


def test_finance_decides_no_case_and_sets_no_amount(house: House) -> None:
    case = house.procedure.graded()
    before = house.facts()
    order = house.procedure.decision(case, Outcome.APPROVE, actor=FINANCE, amount_fen=1_000_000)
    with house.procedure.at() as work, pytest.raises(NotAllowed):
        approval.check(work, FINANCE, house.procedure.task(case, TaskKind.APPROVAL), order.decision)
    assert house.facts() == before


def test_finance_says_neither_where_money_goes_nor_by_which_rules(house: House) -> None:
    def in_books(act: Callable[[Any], object]) -> None:
        with house.procedure.at() as work, pytest.raises(NotAllowed):
            act(work)

    before = house.facts()
    loan = house.procedure.loan(house.offered)
    in_books(lambda work: propose_account(work, FINANCE, loan, "x" * 32, "6990000000000099", "moved"))
    in_books(lambda work: propose_limit(work, FINANCE, LimitKind.COST_CAP, {}, "more"))
    in_books(lambda work: draft(work, FINANCE, "pricing-micro", {}, "cheaper"))
    assert house.facts() == before


def test_the_table_gives_finance_nothing_that_sets_an_amount_or_terms() -> None:
    of_finance = {action for action, roles in TABLE.items() if FINANCE.role in roles}
    deciding = {one for one in of_finance if not one.startswith(("see_", "read_", "use_"))}
    assert deciding - {Action.CALCULATE} == {
        Action.ORDER_PAPERS,
        Action.PROPOSE_CORRECTIONS,
        Action.PROPOSE_CHANGES,
        Action.DECIDE_FOR_FINANCE,
        Action.DECIDE_TASKS,
        Action.HAND_OUT_TASKS,
        Action.ENTER_ABSENCES,
        Action.CLOSE_MONTHS,
        Action.KEEP_CHART,
        # Looking, with a record of it.
        Action.SEARCH_CUSTOMERS,
        Action.REVEAL_ACCOUNTS,
    }
