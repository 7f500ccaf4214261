"""Taking over running loans: how a loan is opened in the books."""

from collections.abc import Callable
from datetime import date, timedelta
from typing import Any

import pytest
from sqlalchemy import event, text
from sqlalchemy.exc import DBAPIError
from sqlmodel import select

from books.session import Books
from console.audits import audit_books
from console.seed import load_products
from lending.errors import LendingError
from models import ledger as chart
from models.customers import Customer
from models.loans import Stage
from models.messages import AdvanceOrder, LoanOrder, StepKind
from models.months import Month
from models.outbox import OutboxRow, Topic
from models.portfolio import OPENING_DIFFERENCES, TAKEOVER, TakenOverLoan
from models.staff import Actor
from models.tasks import Outcome, TaskKind, TaskStatus
from services import repayments
from services.errors import NotAllowed
from services.loans import account_of, order_from_books
from services.portfolio import Mandate, Taken, check_mandate, take_over
from services.reports import funds
from services.takeover_lines import InvalidTakeover
from settings import Settings
from tests.modules.applications import DAY
from tests.services.portfolios import (
    ADOPT,
    PAID_OUT,
    account,
    answers_to,
    check,
    customer,
    running_loan,
    taken,
)
from tests.services.procedure import ADMIN, AGENT, FINANCE, INTEGRATOR, MANAGER, RISK, Procedure


@pytest.fixture(autouse=True)
def products() -> None:
    load_products(Settings())


def balances(books: Books, loan: str) -> dict[str, int]:
    with books.read() as work:
        accounts = (
            chart.LOAN_PRINCIPAL,
            chart.INTEREST_RECEIVABLE,
            chart.FEE_RECEIVABLE,
            chart.PENALTY_RECEIVABLE,
            chart.SUBSIDY_RECEIVABLE,
            chart.UNALLOCATED,
            chart.STATE_UNALLOCATED,
            chart.INTEREST_INCOME,
            chart.FEE_INCOME,
            chart.PENALTY_INCOME,
            chart.SUBSIDY_INCOME,
            chart.VAT_PAYABLE,
            chart.WAIVERS,
            chart.BANK,
            TAKEOVER,
            OPENING_DIFFERENCES,
        )
        found = {code: work.ledger.balance(code, loan=loan) for code in accounts}
    return {code: fen for code, fen in found.items() if fen}


def test_a_loan_is_opened_in_repayment_with_its_past_under_a_decision_of_two(books: Books) -> None:
    body = running_loan()
    (number,) = taken(books, body)
    with books.read() as work:
        loan, terms = work.loans.get(number), work.loans.terms(number)
        events = work.loans.events(number)
        (decision,) = work.tasks.decisions(number)
        task = work.tasks.get(decision.task_id)
        origin = work.portfolio.origin(number)
        (entry,) = work.audit.of_loan(number)
        borrower = work.customers.borrower(number)
    assert (loan.stage, loan.disbursed_on, loan.booked_to) == (Stage.REPAYMENT, PAID_OUT, DAY)
    assert (loan.outstanding_fen, loan.dpd, loan.next_due) == (617_902, 0, date(2026, 2, 5))
    assert loan.next_due_fen == 106_619
    assert terms is not None
    assert (terms.version, terms.decision_id, terms.body["annual_rate_percent"]) == (1, decision.id, "12")
    assert [one.type for one in events] == ["disbursement", *["repayment"] * 6]
    assert {one.key for one in events} == {one.body["id"] for one in events}
    assert (decision.decided_by, decision.outcome) == (RISK.id, Outcome.APPROVE)
    assert (task.kind, task.status) == (TaskKind.TAKEOVER, TaskStatus.DONE)
    assert origin is not None
    assert (origin.source_loan, origin.taken_over_by, origin.approved_by) == ("OB-00001", INTEGRATOR.id, RISK.id)
    assert (entry.act, entry.actor_id) == ("loan_taken_over", INTEGRATOR.id)
    assert borrower.account == body["customer"]["bank_card"]


@pytest.mark.parametrize("without", [(), (6,), (4, 5, 6)])
def test_the_row_shows_the_figures_that_servicing_would_write(procedure: Procedure, without: tuple[int, ...]) -> None:
    (number,) = taken(procedure.books, running_loan(without=without))
    shown = {"outstanding_fen", "overdue_fen", "dpd", "high_risk", "next_due", "next_due_fen", "booked_to", "stage"}
    before = procedure.loan(number).model_dump(include=shown)
    assert before["high_risk"] is (len(without) == 3)
    assert procedure.advance(number, StepKind.DUE).stage is Stage.REPAYMENT
    assert procedure.loan(number).model_dump(include=shown) == before


def test_the_workflow_is_started_as_the_books_would_start_it_again(books: Books) -> None:
    (number,) = taken(books, running_loan())
    with books.read() as work:
        query = select(OutboxRow).where(OutboxRow.loan == number)
        (row,) = work.session.exec(query)
        assert row.topic is Topic.START_LOAN
        assert LoanOrder.model_validate(row.payload) == order_from_books(work, work.loans.get(number))


def test_the_ledger_opens_against_the_takeover_account_and_nothing_is_our_income(books: Books) -> None:
    (number,) = taken(books, running_loan(without=(6,)))
    found = account(running_loan(without=(6,)))
    owed = {
        chart.LOAN_PRINCIPAL: found.principal_outstanding_fen,
        chart.INTEREST_RECEIVABLE: found.interest_outstanding_fen,
    }
    assert balances(books, number) == owed | {TAKEOVER: -sum(owed.values())}
    assert list(audit_books(books)) == []


PASTS: dict[str, Callable[[], dict[str, Any]]] = {
    "arrears with penalty": lambda: running_loan(without=(4, 5, 6)),
    "paid in excess": lambda: running_loan(
        events=[{"type": "repayment", "date": "2025-12-30", "amount": "8000.00"}],
    ),
    "prepaid, deferred, charged and waived": lambda: running_loan(
        events=[
            {"type": "repayment", "date": "2025-08-05", "amount": "1066.19"},
            {"type": "prepayment", "date": "2025-08-20", "amount": "2000.00", "effect": "reduce_term"},
            {"type": "fee", "date": "2025-09-01", "amount": "50.00"},
            {"type": "deferral", "date": "2025-09-02", "periods": 1},
            {"type": "waiver", "date": "2025-12-20", "amount": "10.00", "component": "penalty"},
        ],
    ),
    "a payment taken back": lambda: running_loan(
        events=[
            {"id": "a", "type": "repayment", "date": "2025-08-05", "amount": "1066.19"},
            {"id": "b", "type": "reversal", "date": "2025-08-08", "of": "a"},
        ],
    ),
    "interest borne by the state": lambda: running_loan(
        terms={"subsidised_until": "2025-11-30", "principal_grace_periods": 5, "n_periods": 18},
        events=[{"type": "subsidy", "date": "2025-10-05", "amount": "300.00"}],
    ),
    "paid out in two": lambda: running_loan(
        events=[{"type": "disbursement", "date": "2025-07-20", "amount": "2000.00"}],
        first_tranche="10000.00",
    ),
}


@pytest.mark.parametrize("past", PASTS)
def test_whatever_the_past_the_ledger_agrees_with_the_computation(books: Books, past: str) -> None:
    (number,) = taken(books, PASTS[past]())
    assert list(audit_books(books)) == []
    found_balances = balances(books, number)
    ours = {chart.INTEREST_INCOME, chart.FEE_INCOME, chart.PENALTY_INCOME, chart.SUBSIDY_INCOME, chart.VAT_PAYABLE}
    assert not found_balances.keys() & {*ours, chart.WAIVERS, chart.BANK, OPENING_DIFFERENCES}
    assert sum(found_balances.values()) == 0


def test_what_was_adopted_stands_in_an_account_of_its_own(books: Books) -> None:
    own = account(running_loan(without=(5, 6)))
    claimed = {"principal": "7000.00", "interest": "100.00", "penalty": "0.00", "fee": "30.00"}
    (number,) = taken(books, running_loan(without=(5, 6), claimed=claimed, schedule=None), policy=ADOPT)
    found = balances(books, number)
    assert (found[chart.LOAN_PRINCIPAL], found[chart.INTEREST_RECEIVABLE]) == (700_000, 10_000)
    assert found[chart.FEE_RECEIVABLE] == 3_000
    assert chart.PENALTY_RECEIVABLE not in found
    assert -found[TAKEOVER] == own.outstanding.borrower_total
    assert found[OPENING_DIFFERENCES] == own.outstanding.borrower_total - 713_000
    assert found.keys() & {chart.FEE_INCOME, chart.VAT_PAYABLE, chart.WAIVERS} == set()
    assert list(audit_books(books)) == []
    with books.read() as work:
        origin = work.portfolio.origin(number)
        assert origin is not None
        assert {one["field"] for one in origin.differences} >= {"principal", "fee"}
        found_account = account_of(work, number, DAY)
    assert found_account is not None
    assert found_account.outstanding.borrower_total == 713_000


def test_a_loan_taken_over_lives_on_and_only_what_comes_after_is_our_income(procedure: Procedure) -> None:
    books = procedure.books
    (number,) = taken(books, running_loan(mandate={"id": "MD0000000001", "signed_on": "2025-07-01"}))
    procedure.day = date(2026, 2, 5)
    assert procedure.collect(number) == 106_619
    procedure.act(repayments.advance, AdvanceOrder(**procedure.order(number), why=StepKind.DUE))
    found = balances(books, number)
    assert found[chart.BANK] == 106_619
    interest = 6_179
    assert -(found[chart.INTEREST_INCOME] + found[chart.VAT_PAYABLE]) == interest
    assert found[chart.LOAN_PRINCIPAL] == 617_902 - (106_619 - interest)
    assert list(audit_books(books)) == []
    for month in (3, 4, 5, 6, 7):
        procedure.day = date(2026, month, 5)
        procedure.collect(number)
        procedure.advance(number, StepKind.DUE)
    assert procedure.loan(number).stage is Stage.SETTLED
    assert list(audit_books(books)) == []


def test_a_month_that_ended_before_the_cut_off_has_nothing_of_a_loan_that_came_later(books: Books) -> None:
    (number,) = taken(books, running_loan())
    with books.read() as work:
        periods = work.periods

        def of_month(day: date) -> list[str]:
            found = periods.loans_to_end(Month.of(day), after="", limit=10, ready_only=False)
            return [loan.number for loan in found]

        assert of_month(DAY - timedelta(days=31)) == []
        assert of_month(DAY) == [number]
        summary = funds(work)
    assert (summary.balances, summary.taken_over) == (True, 1_200_000)


def test_a_second_time_changes_nothing_and_other_content_is_refused(books: Books) -> None:
    (number,) = taken(books, running_loan())
    assert answers_to(books, running_loan()) == [Taken(number, repeated=True)]
    (answer,) = answers_to(books, running_loan(customer=customer(1, mobile="19911111111")))
    assert isinstance(answer, LendingError)
    assert (answer.code, list(answer.fields)) == ("taken_over_otherwise", ["source_loan"])
    with books.read() as work:
        assert work.loans.all_numbers() == [number]
    assert list(audit_books(books)) == []


def test_two_loans_of_one_person_are_of_one_customer_also_if_he_was_known_before(books: Books) -> None:
    first, second = taken(books, running_loan(), running_loan(2, customer=customer(1)))
    (third,) = taken(books, running_loan(3, customer=customer(1)))
    with books.read() as work:
        assert len({work.loans.get(one).customer_id for one in (first, second, third)}) == 1
        assert len(work.session.exec(select(Customer)).all()) == 1


def test_an_id_number_that_the_books_know_under_another_name_is_refused(books: Books) -> None:
    taken(books, running_loan())
    (answer,) = answers_to(books, running_loan(2, customer=customer(1, name="另一个人")))
    assert isinstance(answer, InvalidTakeover)
    assert list(answer.fields) == ["customer.name"]
    with books.read() as work:
        assert len(work.loans.all_numbers()) == 1


@pytest.mark.parametrize(
    ("actor", "approver"),
    [(FINANCE, RISK), (AGENT, RISK), (ADMIN, RISK), (INTEGRATOR, FINANCE), (INTEGRATOR, MANAGER), (RISK, RISK)],
)
def test_a_takeover_needs_two_people_who_may(books: Books, actor: Actor, approver: Actor) -> None:
    mandate = Mandate(actor, approver, "f" * 64)
    with pytest.raises(NotAllowed):
        check_mandate(mandate)
    with pytest.raises(NotAllowed), books.begin() as work:
        take_over(work, mandate, [check(running_loan())])


def test_what_a_batch_asks_the_books_does_not_grow_with_its_loans(books: Books) -> None:
    def statements(*bodies: dict[str, Any]) -> int:
        asked: list[str] = []

        def note(_c: object, _cursor: object, statement: str, *_: object) -> None:
            asked.append(statement)

        event.listen(books.engine, "before_cursor_execute", note)
        taken(books, *bodies)
        event.remove(books.engine, "before_cursor_execute", note)
        return len([one for one in asked if one.startswith("SELECT")])

    taken(books, running_loan(1))
    assert statements(*(running_loan(n) for n in range(3, 23))) == statements(running_loan(2)) > 0


def test_the_origin_of_a_loan_cannot_be_changed_or_removed(books: Books) -> None:
    taken(books, running_loan())
    for attack in ("UPDATE taken_over_loan SET source_loan = 'x'", "DELETE FROM taken_over_loan"):
        with pytest.raises(DBAPIError, match="insert-only"), books.begin() as work:
            work.session.connection().execute(text(attack))


def test_the_same_number_of_the_same_system_cannot_be_written_twice(books: Books) -> None:
    first, second = taken(books, running_loan(1), running_loan(2))
    with books.read() as work:
        rows = {row.loan: row.model_dump() for row in work.session.exec(select(TakenOverLoan))}
    again = rows[first] | {"source_loan": rows[second]["source_loan"]}
    with pytest.raises(DBAPIError, match=r"(?i)unique"), books.begin() as work:
        work.write(TakenOverLoan(**again))
