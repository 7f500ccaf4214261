"""Loans whose behaviour in a month cannot be scored: the month goes on without them, a person hears of each once."""

from datetime import date

from sqlalchemy import text

from models.audit import AuditEntry
from models.recurring import MonthPageOrder
from models.staff import Role
from models.tasks import TaskKind
from services import tasks
from services.behaviour import LoansScored, look_at_page, write_page
from tests.services.damage import damage_all_about
from tests.services.procedure import RISK, Procedure
from tests.services.test_behaviour import MARCH, pays, score_months, scores
from tests.services.unguarded import unguarded


def spoil(procedure: Procedure, loan: str) -> None:
    """The loan is paid out a second time, which its mathematics refuses, and a guard before it."""
    with procedure.at() as work, unguarded(work, "loan_event"):
        work.session.connection().execute(
            text(
                "INSERT INTO loan_event (key, loan, position, type, date, body, recorded_at) "
                f"SELECT 'x-{loan}', loan, 99, type, date, body, recorded_at FROM loan_event WHERE loan = '{loan}'"
            )
        )


def left_out(procedure: Procedure, loan: str) -> list[AuditEntry]:
    return [entry for entry in procedure.entries(loan) if entry.act == "behaviour_not_scored"]


def test_a_month_goes_on_without_a_loan_that_cannot_be_computed_and_risk_gets_a_task(procedure: Procedure) -> None:
    good, bad = procedure.running(), procedure.running()
    spoil(procedure, bad)
    assert score_months(procedure, date(2026, 2, 1)) == ["2026-01"]
    assert len(scores(procedure, good)) == 1
    assert scores(procedure, bad) == []
    (entry,) = left_out(procedure, bad)
    assert (entry.subject, entry.refused, left_out(procedure, good)) == ("2026-01", True, [])
    assert f"the account of {bad} cannot be computed" in (entry.reason or "")
    task = procedure.task(bad, TaskKind.TROUBLE)
    assert (task.role, task.due_on) == (Role.RISK, date(2026, 2, 2))
    assert task.about.startswith(f"the behaviour in 2026-01 cannot be scored: the account of {bad}")

    pays(procedure, good)
    assert score_months(procedure, MARCH) == ["2026-02"]
    assert [row.month for row in scores(procedure, good)] == ["2026-01", "2026-02"]
    assert [entry.subject for entry in left_out(procedure, bad)] == ["2026-01", "2026-02"]
    assert procedure.open_tasks(bad) == [TaskKind.TROUBLE]


def test_a_loan_that_is_left_out_is_told_of_once_however_often_the_month_is_tried(procedure: Procedure) -> None:
    waits, bad = procedure.running(), procedure.running()
    spoil(procedure, bad)
    with procedure.at() as work:
        row = work.loans.get(waits)
        row.next_date = date(2026, 1, 31)
        work.session.add(row)
    assert score_months(procedure, date(2026, 2, 1)) == []
    told = procedure.task(bad, TaskKind.TROUBLE).id
    with procedure.at(date(2026, 2, 1)) as work:
        tasks.finish(work, RISK, work.tasks.get(told), "reported to the operator")
    assert score_months(procedure, date(2026, 2, 2)) == []
    assert procedure.open_tasks(bad) == []
    assert score_months(procedure, date(2026, 2, 4)) == ["2026-01"]
    assert procedure.open_tasks(bad) == []
    assert len(left_out(procedure, bad)) == 1


def test_two_runs_at_once_leave_a_loan_out_once(procedure: Procedure) -> None:
    bad = procedure.running()
    spoil(procedure, bad)
    order = MonthPageOrder(month="2026-01", day=date(2026, 2, 1))
    with procedure.books.read() as work:
        found = look_at_page(work, order)
    for _ in range(2):
        with procedure.at(order.day) as work:
            assert write_page(work, order, found).after == bad
    assert len(left_out(procedure, bad)) == 1
    assert procedure.open_tasks(bad) == [TaskKind.TROUBLE]


def test_a_loan_that_was_left_out_is_scored_if_it_can_be_before_the_month_is_complete(procedure: Procedure) -> None:
    loan = procedure.running()
    order = MonthPageOrder(month="2026-01", day=date(2026, 2, 1))
    with procedure.at(order.day) as work:
        write_page(work, order, LoansScored(refused=((loan, "its events were wrong"),), last=loan))
    assert score_months(procedure, date(2026, 2, 2)) == ["2026-01"]
    assert len(scores(procedure, loan)) == 1


def test_what_a_customer_owes_on_a_loan_that_cannot_be_computed_is_not_left_out_of_his_score(
    procedure: Procedure,
) -> None:
    first = procedure.running()
    with procedure.books.read() as work:
        person = work.loans.application(first).form["id_number"]
    bad = procedure.running("auto", id_number=person)
    spoil(procedure, bad)
    assert score_months(procedure, date(2026, 2, 1)) == ["2026-01"]
    assert scores(procedure, first) == []
    assert f"the account of {bad} cannot be computed" in procedure.task(first, TaskKind.TROUBLE).about


def test_an_answer_that_cannot_be_opened_leaves_out_its_customer_alone(procedure: Procedure) -> None:
    good, bad = procedure.running(), procedure.running()
    damage_all_about(procedure.books, procedure.loan(bad).customer_id)
    assert score_months(procedure, date(2026, 2, 1)) == ["2026-01"]
    assert len(scores(procedure, good)) == 1
    (entry,) = left_out(procedure, bad)
    assert "is damaged or was tampered with" in (entry.reason or "")
