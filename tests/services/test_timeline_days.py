"""How a loan stood on any day, as the books had it at its end."""

from collections.abc import Callable
from datetime import date, timedelta

import pytest

from books.session import Books, UnitOfWork
from models.loans import Stage
from models.messages import Message
from models.tasks import TaskKind
from services.timeline import Story, tell
from services.timeline_days import DayState, DayToCome, state_on
from tests.modules.applications import DAY
from tests.services.procedure import Order, Procedure, Result

LATER = date(2027, 1, 1)


class Recording(Procedure):
    """Leaves with each act its effect, as the worker does."""

    def act(self, act: Callable[[UnitOfWork, Order], Result], order: Order) -> Result:
        with self.at(order.day) as work:
            result = act(work, order)
            assert isinstance(result, Message)
            done = result.model_dump(mode="json")
            work.outbox.add_effect(
                key=order.key, loan=order.loan, n=order.n, act=act.__name__, request=None, result=done, at=work.now
            )
            return result


@pytest.fixture
def procedure(books: Books) -> Recording:
    return Recording(books)


def story_of(procedure: Procedure, loan: str) -> Story:
    """What the books alone tell."""
    with procedure.books.read() as work:
        return tell(work, loan, [])


def on(procedure: Procedure, story: Story, day: date) -> DayState:
    return state_on(story, procedure.books.clock, day, LATER)


def test_a_loan_stands_on_each_day_as_the_books_had_it_then(procedure: Procedure) -> None:
    loan = procedure.graded()
    procedure.day = DAY + timedelta(days=3)
    procedure.decide(loan)
    procedure.day = DAY + timedelta(days=5)
    procedure.accept(loan)
    story = story_of(procedure, loan)
    before = on(procedure, story, DAY - timedelta(days=1))
    assert (before.stage, before.terms, before.account, before.ledger, before.open_tasks) == (None, None, None, {}, ())
    graded = on(procedure, story, DAY + timedelta(days=2))
    assert (graded.stage, graded.terms) == (Stage.APPROVAL, None)
    assert [task.kind for task in graded.open_tasks] == [TaskKind.APPROVAL]
    offered = on(procedure, story, DAY + timedelta(days=4))
    assert offered.stage is Stage.ACCEPTANCE
    assert offered.terms is not None
    assert TaskKind.APPROVAL not in {task.kind for task in offered.open_tasks}
    assert on(procedure, story, DAY + timedelta(days=5)).stage is Stage.DISBURSEMENT


def test_figures_of_a_day_are_those_that_were_known_at_its_end(procedure: Procedure) -> None:
    loan = procedure.running()
    paid_out = procedure.loan(loan)
    due = paid_out.next_due
    assert due is not None
    procedure.day = due + timedelta(days=4)
    procedure.advance(loan)
    story = story_of(procedure, loan)
    first = on(procedure, story, paid_out.disbursed_on or DAY)
    assert first.account is not None
    assert first.account.principal_outstanding_fen == paid_out.approved_fen
    assert first.account.dpd == 0
    late = on(procedure, story, due + timedelta(days=4))
    assert late.account is not None
    assert late.account.dpd == 4
    assert late.ledger["1101"] == paid_out.approved_fen
    assert late.ledger["1102"] > 0
    assert "1102" not in first.ledger


def test_nobody_knows_how_a_loan_will_stand(procedure: Procedure) -> None:
    story = story_of(procedure, procedure.apply())
    with pytest.raises(DayToCome):
        state_on(story, procedure.books.clock, DAY + timedelta(days=1), DAY)
