"""What a borrower said, entered by who heard it: a contact that came in, by which he is no longer unreachable."""

from datetime import date, timedelta

import pytest
from sqlmodel import select

from models.messages import StepKind
from models.notices import Contact, ReplyChannel
from models.staff import Actor
from services.contacts import InvalidContact, contacts_of, enter_reply, read_contacts
from services.errors import NotAllowed
from tests.services.procedure import ADMIN, AGENT, AUDITOR, FINANCE, INTEGRATOR, MANAGER, RISK, Procedure
from tests.services.test_behaviour import FIRST_DUE, misses, score_months, scores, warnings

SAID = "工资十号才到账，当天还款"


def heard(
    procedure: Procedure,
    loan: str,
    on: date | None = None,
    *,
    actor: Actor = AGENT,
    channel: ReplyChannel = ReplyChannel.CALL,
    text: str = SAID,
    command: str = "1",
) -> Contact:
    with procedure.at() as work:
        return enter_reply(work, actor, work.loans.get(loan), channel, on or procedure.day, text, command)


def replies(procedure: Procedure, loan: str) -> list[Contact]:
    """What came in, newest first."""
    with procedure.books.read() as work:
        return [one for one in work.customers.contacts(loan) if one.direction == "in"]


def dunned(procedure: Procedure) -> str:
    """A loan whose borrower was asked for money three times or more in February and paid nothing."""
    loan = procedure.running()
    misses(procedure, loan, 0, 1, 4)
    procedure.day = FIRST_DUE + timedelta(days=15)
    procedure.advance(loan, StepKind.OVERDUE)
    return loan


def test_a_reply_is_a_contact_that_came_in_with_one_entry_of_the_audit_log(procedure: Procedure) -> None:
    loan = procedure.running()
    with procedure.books.read() as work:
        sent = len(list(work.session.exec(select(Contact).where(Contact.direction == "out"))))
    contact = heard(procedure, loan, channel=ReplyChannel.VISIT, text=f"  {SAID} ")
    (row,) = replies(procedure, loan)
    assert (row.id, row.channel, row.direction, row.template, row.text) == (contact.id, "visit", "in", None, SAID)
    assert row.customer_id == procedure.loan(loan).customer_id
    with procedure.books.read() as work:
        assert work.clock.business_date(row.at) == procedure.day
        # Nothing goes out for what came in.
        assert len(list(work.session.exec(select(Contact).where(Contact.direction == "out")))) == sent
    entry = procedure.entries(loan)[-1]
    assert (entry.act, entry.actor_id, entry.subject) == ("reply_entered", AGENT.id, contact.id)
    assert entry.after == {"channel": "visit", "on": procedure.day.isoformat()}
    assert (entry.reason, SAID in str(entry.model_dump())) == (None, False)


def test_what_was_said_days_ago_is_dated_on_its_day(procedure: Procedure) -> None:
    loan = procedure.running()
    heard(procedure, loan, procedure.day - timedelta(days=30))
    (row,) = replies(procedure, loan)
    with procedure.books.read() as work:
        assert work.clock.business_date(row.at) == procedure.day - timedelta(days=30)


def test_the_same_form_again_is_the_same_contact(procedure: Procedure) -> None:
    loan = procedure.running()
    first, again = heard(procedure, loan), heard(procedure, loan, text="something else")
    assert (again.id, again.text) == (first.id, SAID)
    heard(procedure, loan, command="2")
    assert len(replies(procedure, loan)) == 2
    assert procedure.acts(loan).count("reply_entered") == 2


@pytest.mark.parametrize(
    ("days", "text", "field"),
    [(1, SAID, "on"), (-31, SAID, "on"), (0, "  ", "text"), (0, "x" * 501, "text"), (0, "a\x00b", "text")],
    ids=["tomorrow", "long ago", "nothing", "a story", "a control character"],
)
def test_what_cannot_be_is_refused_at_its_field_and_changes_nothing(
    procedure: Procedure, days: int, text: str, field: str
) -> None:
    loan = procedure.running()
    with pytest.raises(InvalidContact) as refused:
        heard(procedure, loan, procedure.day + timedelta(days=days), text=text)
    assert refused.value.fields.keys() == {field}
    assert replies(procedure, loan) == []
    assert "reply_entered" not in procedure.acts(loan)


def test_who_follows_a_loan_up_enters_it_and_nobody_else(procedure: Procedure) -> None:
    loan = procedure.running()
    for n, actor in enumerate((AGENT, MANAGER, RISK)):
        heard(procedure, loan, actor=actor, command=str(n))
    for actor in (FINANCE, AUDITOR, INTEGRATOR, procedure.borrower_of(loan)):
        with pytest.raises(NotAllowed):
            heard(procedure, loan, actor=actor)
    assert len(replies(procedure, loan)) == 3


def test_who_follows_a_loan_up_reads_it_and_each_look_is_recorded_once(procedure: Procedure) -> None:
    loan = procedure.running()
    for command in ("1", "2"):
        heard(procedure, loan, command=command)
    for actor in (AGENT, MANAGER, RISK):
        with procedure.at() as work:
            told = read_contacts(work, actor, work.loans.get(loan))
        assert [one.text for one in told if one.direction == "in"] == [SAID, SAID]
        looks = [one for one in procedure.entries(loan) if one.act == "replies_read"]
        assert (looks[-1].actor_id, looks[-1].after, looks[-1].reason) == (actor.id, {"replies": 2}, None)
    assert len(looks) == 3
    with procedure.at() as work:
        told = read_contacts(work, procedure.borrower_of(loan), work.loans.get(loan))
        assert [one.text for one in told if one.direction == "in"] == [SAID, SAID]
    assert procedure.acts(loan).count("replies_read") == 3


@pytest.mark.parametrize("actor", [FINANCE, AUDITOR, ADMIN, INTEGRATOR], ids=lambda actor: actor.role)
def test_everybody_else_is_told_that_he_said_something_and_not_what(procedure: Procedure, actor: Actor) -> None:
    loan = procedure.running()
    heard(procedure, loan)
    with procedure.at() as work:
        found = work.loans.get(loan)
        told = read_contacts(work, actor, found)
        assert told == contacts_of(work, found)
    assert [
        (one.direction, one.channel, one.text is None) for one in told if one.text is None or one.direction == "in"
    ] == [("in", "call", True)]
    assert any(one.text for one in told), "messages of the lender are told as they are"
    assert "replies_read" not in procedure.acts(loan)


def test_who_reads_a_loan_on_which_he_said_nothing_is_not_recorded(procedure: Procedure) -> None:
    loan = procedure.running()
    with procedure.at() as work:
        read_contacts(work, AGENT, work.loans.get(loan))
    assert "replies_read" not in procedure.acts(loan)


def test_who_answers_is_not_unreachable(procedure: Procedure) -> None:
    silent = dunned(procedure)
    procedure.day = date(2026, 1, 5)
    answering = dunned(procedure)
    asked = sorted({one.at for one in outgoing(procedure, answering)})
    for n, at in enumerate(asked):
        with procedure.books.read() as work:
            on = work.clock.business_date(at)
        heard(procedure, answering, on, command=str(n))
    score_months(procedure, date(2026, 3, 4))
    found = scores(procedure, silent)[-1]
    assert found.facts["unanswered_3m"] >= 3
    assert "unreachable" in found.signs
    assert "unreachable" in warnings(procedure, silent)[-1].causes
    found = scores(procedure, answering)[-1]
    assert (found.facts["unanswered_3m"], "unreachable" in found.signs) == (0, False)


def outgoing(procedure: Procedure, loan: str) -> list[Contact]:
    """Messages that asked for money."""
    with procedure.books.read() as work:
        return [one for one in work.customers.contacts(loan) if one.template in ("overdue", "debit_failed")]
