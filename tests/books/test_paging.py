"""Keyset paging: everything once, whatever is written between two pages."""

from datetime import date, timedelta

from books.session import Books
from models.loans import Stage
from models.staff import Role
from models.tasks import Task, TaskKind
from services.audit import SYSTEM, record
from services.tasks import open_task
from tests.services.procedure import ADMIN, AGENT, FINANCE, OTHER_AGENT, Procedure


def test_pages_of_loans_are_complete_and_without_doubles_while_others_come_in(procedure: Procedure) -> None:
    before = [procedure.apply(actor=AGENT) for _ in range(7)]
    seen: list[str] = []
    while True:
        with procedure.books.read() as work:
            page = work.loans.page(AGENT, stage=Stage.APPLICATION, after=seen[-1] if seen else None, limit=3)
        if not page:
            break
        seen += [loan.number for loan in page]
        procedure.apply(actor=AGENT)
        procedure.apply(actor=OTHER_AGENT)
    assert seen == sorted(before, reverse=True)


def test_filters_narrow_a_page(procedure: Procedure) -> None:
    micro, auto = procedure.graded(), procedure.apply("auto")
    with procedure.at() as work:
        loan = work.loans.get(auto)
        loan.dpd = 3
        work.session.add(loan)
    with procedure.books.read() as work:
        assert [loan.number for loan in work.loans.page(ADMIN, product="auto")] == [auto]
        assert [loan.number for loan in work.loans.page(ADMIN, stage=Stage.APPROVAL)] == [micro]
        assert [loan.number for loan in work.loans.page(ADMIN, overdue=True)] == [auto]
        assert work.loans.page(ADMIN, stage=Stage.APPROVAL, product="auto") == []
        assert work.loans.overdue_count() == 1
        assert work.loans.by_stage(ADMIN) == {Stage.APPLICATION: 1, Stage.APPROVAL: 1}


def test_no_page_is_longer_than_two_hundred(procedure: Procedure) -> None:
    with procedure.at() as work:
        for _ in range(201):
            open_task(work, None, TaskKind.UNMATCHED_MONEY, Role.FINANCE, procedure.day, "one of many")
    with procedure.books.read() as work:
        assert len(work.tasks.page(FINANCE, limit=10_000)) == 200
        assert work.tasks.open_count() == {TaskKind.UNMATCHED_MONEY: 201}


def test_pages_of_tasks_come_by_urgency_and_are_complete_while_others_come_in(procedure: Procedure) -> None:
    def add(day: date) -> str:
        with procedure.at() as work:
            return open_task(work, None, TaskKind.UNMATCHED_MONEY, Role.FINANCE, day, "money").id

    # Several of a day, so that the due date alone does not tell where a page ended.
    ids = [add(procedure.day + timedelta(days=n % 3)) for n in range(8)]
    seen: list[Task] = []
    while True:
        last = (seen[-1].due_on, seen[-1].id) if seen else None
        with procedure.books.read() as work:
            page = work.tasks.page(FINANCE, after=last, limit=3)
        if not page:
            break
        seen += page
        add(procedure.day - timedelta(days=1))
    assert sorted(task.id for task in seen) == sorted(ids)
    assert [task.due_on for task in seen] == sorted(task.due_on for task in seen)


def test_pages_of_the_audit_log_follow_its_order(books: Books) -> None:
    for n in range(5):
        with books.begin() as work:
            record(work, SYSTEM, f"act {n}")
    with books.read() as work:
        (first, *_) = [entry for entry in work.audit.page(limit=200) if entry.act == "act 0"]
    seen, last = ["act 0"], first.id
    while True:
        with books.read() as work:
            page = work.audit.page(after=last, limit=2)
        if not page:
            break
        seen += [entry.act for entry in page]
        last = page[-1].id
    assert seen == [f"act {n}" for n in range(5)]


def test_all_loans_are_walked_through_by_number(procedure: Procedure) -> None:
    numbers = [procedure.apply() for _ in range(5)]
    closed = procedure.graded("micro", monthly_income="1000")
    with procedure.at() as work:
        loan = work.loans.get(closed)
        loan.stage = Stage.REFUSED
        work.session.add(loan)
    with procedure.books.read() as work:
        first = work.loans.all_numbers(limit=4)
        assert first + work.loans.all_numbers(after=first[-1], limit=4) == [*numbers, closed]
        running = [loan.number for loan in work.loans.running(limit=3)]
        running += [loan.number for loan in work.loans.running(after=running[-1], limit=3)]
    assert running == numbers
