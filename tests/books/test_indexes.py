"""Every query of the books finds its rows by an index: no list grows slow with the portfolio."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Connection, ForeignKey, Table, UniqueConstraint, event, text

from books.audit import EntryFilter
from books.behaviour import WarningFilter
from books.seals import SEALABLE
from books.session import Books, UnitOfWork
from models.loans import Stage
from models.months import Month
from models.payments import PaymentKind
from models.staff import Actor, Role
from models.tables import METADATA
from models.tasks import TaskKind
from services.sign_in_tries import Door, take
from services.status import schedule_of, status_of
from tests.services.procedure import ADMIN, AGENT, AUDITOR, FINANCE, INTEGRATOR, MANAGER, RISK, Procedure

BORROWER = Actor("c", Role.BORROWER, customer_id="c")
ACTORS = (AGENT, MANAGER, RISK, FINANCE, AUDITOR, ADMIN, INTEGRATOR, BORROWER)
FEW = {
    "account_version",
    "behaviour_month",
    "business_day",
    "closed_period",
    "dealer_standing",
    "ledger_account",
    "limit_decision",
    "limit_proposal",
    "month_end",
    "non_accrual_rule",
    "number_series",
    "policy",
    "provision_rate",
    "register_state",
    "staff",
}
LARGE = sorted(set(METADATA.tables) - FEW)
"""Tables that grow with the portfolio."""

DAY = date(2026, 1, 5)
NOW = datetime(2026, 1, 5, tzinfo=UTC)


def look_at_loans(work: UnitOfWork, loan: str) -> None:
    for actor in ACTORS:
        work.loans.page(actor)
        work.loans.page(actor, stage=Stage.REPAYMENT, after=loan)
        work.loans.page(actor, product="micro", overdue=True, after=loan)
        work.loans.page(actor, contract_ready=True, after=loan)
        status_of(work, RISK, loan)
        schedule_of(work, RISK, loan)
    work.loans.application_by_key(["a", "b"])
    work.loans.running_with_content(["a", "b"])
    work.loans.next_position(loan)
    work.loans.overdue_count()
    work.loans.running(after=loan)
    work.loans.all_numbers(after=loan)
    work.loans.of_customer("c")


def look_at_people(work: UnitOfWork, loan: str) -> None:
    work.customers.by_id_number(["1", "2"])
    work.customers.by_mobile("1")
    work.customers.parties(loan)
    work.customers.borrower(loan)
    work.customers.payees(loan)
    work.customers.collateral(loan)
    work.customers.contacts(loan)
    work.documents.of_loan(loan)
    work.documents.same(loan, "id_card", "0")
    work.documents.reading("d")
    work.documents.to_compare_again(loan)
    work.documents.readings(loan)
    work.documents.is_reading_due(NOW)
    work.documents.of_others("0", "c", "p")
    work.documents.alike("0", "1", "c", "p")
    work.documents.states(loan)
    work.loans.of_person("0", loan, DAY)
    work.screening.listed(["0"], ["1", "2"], DAY)
    work.screening.about(["0"], ["1"])
    work.screening.page(before="x")
    work.screening.removals(["e", "f"])
    work.screening.get("e")
    work.authorisations.word(loan, "borrower", "bureau")
    work.authorisations.of_loan(loan)
    work.authorisations.answers_to("0")
    work.authorisations.request("0")
    work.authorisations.unsent(["r"])
    work.authorisations.links_since("p", NOW)
    work.accounts.questions(["p"])
    work.documents.answer(loan, "bureau", 1)
    work.documents.answers(loan)
    work.policies.grading(loan)
    work.staff.by_key("k")


def look_at_tasks(work: UnitOfWork, loan: str) -> None:
    for actor in ACTORS:
        work.tasks.page(actor)
        work.tasks.page(actor, mine=True, after=(DAY, "x"))
        work.tasks.page(actor, loan=loan, open_only=False)
        work.tasks.page(actor, kind=TaskKind.OVERDUE)
    work.tasks.open_of(loan, TaskKind.APPROVAL)
    work.tasks.decision("t")
    work.tasks.decisions(loan)
    work.tasks.open_count()
    work.tasks.hands(loan)
    work.tasks.second_look(loan)
    work.tasks.due_until(DAY, "x", 200)
    work.absences.deputies(DAY)
    work.absences.from_day(DAY)
    list(work.absences.all_as_stored())
    work.tasks.held_by("risk-qian")
    work.customers.held_of_owner("agent-lin", 500)


def look_at_money(work: UnitOfWork, loan: str) -> None:
    work.payments.of_loan(loan)
    work.payments.to_book(loan)
    work.payments.under_way(loan, PaymentKind.INSTALLMENT)
    work.payments.entries(loan)
    work.payments.entries_on(DAY)
    work.ledger.posted("e")
    work.ledger.of_loan(loan)
    work.ledger.moved(loan)
    work.ledger.balance("1001", loan=loan)
    work.ledger.balance("1001", on=DAY)
    work.ledger.by_month("1001", "2001")
    work.ledger.page("1001", DAY, DAY, after=loan, limit=50)
    work.ledger.booked_by_month("2201", DAY)


def look_at_months(work: UnitOfWork, loan: str) -> None:
    periods = work.periods
    periods.last_closed()
    periods.last_month_end()
    periods.closed("2026-01")
    periods.ended("2026-01")
    periods.figures("2026-01")
    periods.first_payout()
    for ready_only in (True, False):
        periods.loans_to_end(Month.of(DAY), after=loan, limit=200, ready_only=ready_only)
    periods.terms([loan])
    periods.versions(loan)
    periods.events([loan])
    periods.month_ends("2026-01", [loan])
    periods.month_ends_of(loan)
    work.ledger.moved_of([loan], DAY)
    work.ledger.standing(loan, DAY)


def look_at_messages(work: UnitOfWork, loan: str) -> None:
    work.outbox.has("k")
    work.outbox.is_due(NOW)
    work.outbox.claim(NOW, 50, timedelta(seconds=30))
    work.outbox.claim_unread(NOW, 50, timedelta(seconds=30))
    work.outbox.waiting()
    work.outbox.last_effect(loan)
    work.outbox.left_open(["a", "b"])
    work.customers.messages(["a", "b"])
    work.audit.of_loan(loan)
    work.audit.of_loan(loan, before="x", acts=["a", "b"])
    work.audit.others_seen("a", "b", ["file"], "d", NOW)
    work.audit.page(after="x")
    work.audit.of_act_about("a", "s", "x")


def look_at_changes(work: UnitOfWork, loan: str) -> None:
    changes = work.changes
    changes.proposal("p")
    changes.of_task("t")
    changes.open_of(loan)
    changes.approved_by("p")
    changes.of_loan(loan)


def look_at_statements(work: UnitOfWork, loan: str) -> None:  # noqa: ARG001 all looks have one signature
    statements = work.reconciliation
    for one in (statements.versions, statements.told, statements.neighbours, statements.flow_of_entries):
        one(DAY)
    for another in (statements.lines, statements.unbooked, statements.done, statements.flow):
        another("s")
    statements.shown_elsewhere(["a", "b"], DAY)
    statements.entries_not_on("s", DAY)
    statements.orders_not_on("s", DAY)
    for period in (statements.days_done, statements.days_with_open_entries, statements.between, statements.differences):
        period(DAY, DAY + timedelta(days=30))
    statements.first_day_done()
    statements.postings(["a", "b"])


def look_at_papers(work: UnitOfWork, loan: str) -> None:
    papers, signatures = work.papers, work.signatures
    papers.by_key("k")
    papers.of_loan(loan)
    papers.count(loan, "system")
    papers.is_due(NOW)
    papers.contract_version(loan)
    papers.terms(loan, 1)
    papers.events(loan, 1)
    papers.contract(loan, 1)
    papers.contract_order(loan)
    signatures.newest_code("p")
    signatures.good_codes("d", NOW)
    signatures.codes_since("p", NOW)
    signatures.unsent(["c", "d"])
    signatures.forget("c", NOW)
    signatures.of_document("d")
    signatures.of_loan(loan)


def look_at_accounts(work: UnitOfWork, loan: str) -> None:
    accounts = work.accounts
    accounts.questions(["p", "q"])
    accounts.newest_check(loan, "i")
    accounts.asked_since(loan, NOW)
    accounts.mandate("m")
    accounts.active_mandate(loan, "i")
    accounts.change_of_task("t")
    accounts.changes(loan)


def look_at_policies(work: UnitOfWork, loan: str) -> None:
    policies = work.policies
    policies.in_force("grading-micro", DAY)
    policies.in_force_of(["grading-micro", "pricing-micro"], DAY)
    policies.read_ahead(["grading-micro", "pricing-micro"])
    policies.versions("grading-micro")
    policies.versions_of(["grading-micro", "pricing-micro"])
    policies.labels(["p", "q"])
    policies.proposed(DAY, DAY, "", 10)
    policies.count_proposed(DAY, DAY)
    policies.steps(["p", "q"])
    policies.gradings(loan)
    policies.shadows(loan)
    policies.compared("p")
    policies.graded_cases(["micro"], DAY, DAY, loan, 50)
    policies.count_cases(["micro"], DAY, DAY)
    work.performance.month_ends([loan])
    work.performance.closed_on([loan])
    policies.backtests("p")
    policies.backtest_page("b", 0)


def look_at_collateral(work: UnitOfWork, loan: str) -> None:
    collateral = work.collateral
    collateral.thing(loan)
    collateral.conditions(loan)
    collateral.to_look_at(DAY, 50)
    collateral.evidence(loan)
    collateral.invoices(loan)
    collateral.elsewhere(loan, "v", ["i", "j"])
    collateral.is_blocked("d")


def look_at_behaviour(work: UnitOfWork, loan: str) -> None:
    behaviour = work.behaviour
    behaviour.last_month()
    for ready_only in (True, False):
        behaviour.loans_to_score(Month.of(DAY), after=loan, limit=200, ready_only=ready_only)
    behaviour.is_any_left(Month.of(DAY))
    behaviour.is_refused(loan, "2026-01")
    behaviour.loans_of(["c", "d"])
    behaviour.declined_debits([loan], DAY)
    behaviour.contacts_since(["c", "d"], NOW)
    behaviour.account_changes([loan])
    behaviour.changes_of([loan])
    behaviour.applications_of([loan])
    behaviour.bureau_answers([loan], NOW)
    behaviour.standings("2026-01", [loan])
    behaviour.newest_score(loan)
    behaviour.warning(loan, "2026-01")
    for actor in (AGENT, MANAGER, RISK, AUDITOR):
        behaviour.warnings(actor, WarningFilter("2026-01"), None, 50)
        behaviour.warnings(actor, WarningFilter("2026-01", "micro", 1, "D"), (1, 500, loan), 50)
    behaviour.warned_since("2026-01")
    behaviour.late_since("2026-01", 30)
    behaviour.months_scored([loan], "2026-01")
    work.customers.was_told("k")


def look_at_audit(work: UnitOfWork, loan: str) -> None:
    for wanted in (
        EntryFilter(),
        EntryFilter(since=NOW, until=NOW),
        EntryFilter(actor_id="a"),
        EntryFilter(act="b"),
        EntryFilter(loan=loan, since=NOW),
        EntryFilter(refused=True),
    ):
        work.audit.newest(wanted, None, 50)
        work.audit.newest(wanted, "x", 50)
    seals = work.seals
    seals.last()
    seals.newest(9, 50)
    for of in SEALABLE:
        seals.newest_sealed("f", of)
        seals.open_rows("a", 50, None, of)
        seals.open_ids("a", 50, "b", of)
        seals.row_after("a", 50, of)
        seals.places(["a", "b"], of)
        seals.leaves(7, of)
        seals.rows_as_stored(7, 8, of)
        seals.beyond(7, of)
        seals.sealed_below_first(of)
        seals.reached_before(7, NOW, of)
    seals.as_stored(7, 50)
    seals.last_before(NOW)
    seals.first_from(7, NOW, NOW)
    seals.first_from(0, None, NOW)
    seals.numbers_below_first()
    seals.deposits(7)
    seals.last_deposit("d")
    work.proving.last()
    work.proving.newest("a", 50)
    work.proving.of_run("r")
    work.proving.get("a")


def look_at_archive(work: UnitOfWork, loan: str) -> None:
    work.histories.of_loan(loan)
    work.histories.page_as_stored("a", 50)
    work.histories.archivings(["a", "b"])
    work.histories.archivings_after("a", 50)


def look_at_origins(work: UnitOfWork, loan: str) -> None:
    work.portfolio.known([("s", "1"), ("s", "2")])
    work.portfolio.origin(loan)


def look_at_sign_ins(work: UnitOfWork, loan: str) -> None:  # noqa: ARG001 all looks have one signature
    sign_in = work.sign_in
    work.staff.account("s")
    sign_in.credential("s")
    sign_in.password_of("s")
    sign_in.use_recovery_code("s", "h", NOW)
    sign_in.recovery_codes_left("s")
    sign_in.session_with("d", NOW)
    sign_in.seen("i", NOW)
    sign_in.sessions_of("s", None, NOW)
    sign_in.sessions_of(None, "c", NOW)
    sign_in.end_sessions(NOW, staff_id="s", only="i", but="j")
    sign_in.end_sessions(NOW, customer_id="c")
    sign_in.newest_code("v")
    sign_in.customers_with("m")
    sign_in.unsent_codes(["c", "d"])
    sign_in.forget_code("c", NOW)
    sign_in.secrets_of("s", NOW)
    sign_in.holder_of_token("t", NOW)
    sign_in.end_access("s", NOW)
    sign_in.known_by(["s", "t"])
    work.staff.standing("s")
    work.staff.team_of("s")
    work.staff.as_stored("s")
    work.staff.next_version("s")
    list(work.staff.all_as_stored())
    list(work.staff.standings())
    list(work.audit.of_act_as_stored("staff_added"))
    work.audit.as_stored("e")
    sign_in.forget_old(NOW)
    take(work, Door.STAFF, "s", "10.0.0.1")


LOOKS = (
    look_at_sign_ins,
    look_at_loans,
    look_at_people,
    look_at_tasks,
    look_at_money,
    look_at_months,
    look_at_messages,
    look_at_changes,
    look_at_statements,
    look_at_papers,
    look_at_accounts,
    look_at_policies,
    look_at_collateral,
    look_at_behaviour,
    look_at_audit,
    look_at_archive,
    look_at_origins,
)


@contextmanager
def listening(books: Books) -> Iterator[list[tuple[str, Any]]]:
    """The statements that the database is asked meanwhile, with their parameters."""
    asked: list[tuple[str, Any]] = []

    def note(_c: Connection, _cursor: object, statement: str, parameters: Any, _context: object, _many: bool) -> None:
        if statement.startswith(("SELECT", "UPDATE")):
            asked.append((statement, parameters))

    event.listen(books.engine, "before_cursor_execute", note)
    try:
        yield asked
    finally:
        event.remove(books.engine, "before_cursor_execute", note)


def scanned(books: Books, statement: str, parameters: Any) -> list[str]:
    """The large tables that a statement reads from end to end because no index serves it."""
    with books.engine.connect() as connection:
        if books.is_sqlite:
            plan = [row[3] for row in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", parameters)]
            return [line for line in plan if any(line == f"SCAN {table}" for table in LARGE)]
        # In a small table PostgreSQL prefers to read everything; forbidden to, it does so only without an index.
        connection.execute(text("SET LOCAL enable_seqscan = off"))
        plan = [row[0] for row in connection.exec_driver_sql(f"EXPLAIN {statement}", parameters)]
        return [line for line in plan if any(f"Seq Scan on {table} " in line for table in LARGE)]


@pytest.mark.parametrize("look", LOOKS, ids=lambda look: look.__name__)
def test_no_query_reads_a_large_table_from_end_to_end(procedure: Procedure, look: Any) -> None:
    loan = procedure.running()
    with procedure.books.read() as work, listening(procedure.books) as asked:
        look(work, loan)
    assert asked
    found = {
        statement: scans
        for statement, parameters in asked
        if (scans := scanned(procedure.books, statement, parameters))
    }
    assert found == {}


def test_a_query_without_an_index_would_be_noticed(procedure: Procedure) -> None:
    statement = "SELECT number FROM loan WHERE grade = 'A'"
    assert scanned(procedure.books, statement, ())


def leading_columns(table: Table) -> set[str]:
    """The columns by which rows of a table are found at once."""
    keys = [list(index.columns) for index in table.indexes]
    keys += [list(key.columns) for key in table.constraints if isinstance(key, UniqueConstraint)]
    keys.append(list(table.primary_key.columns))
    return {columns[0].name for columns in keys} | {column.name for column in table.columns if column.unique}


def test_every_foreign_key_has_an_index() -> None:
    keys: list[tuple[Table, ForeignKey]] = [
        (table, key) for table in METADATA.sorted_tables for key in table.foreign_keys
    ]
    assert len(keys) > 20
    without = {
        f"{table.name}.{key.parent.name}" for table, key in keys if key.parent.name not in leading_columns(table)
    }
    assert without == set()
