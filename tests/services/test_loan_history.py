"""What a loan's audit log tells whom: auditors all of it, staff the story, others what is news outside."""

import pytest

from models.messages import StepKind
from models.staff import Actor, Role
from models.status import TimelineEntry
from models.tasks import Outcome
from services import audit
from services.loan_history import FIGURES, STORY, history_of
from services.loan_news import EVENT_OF, SUMS, TOLD
from services.reveals import Revealed, reveal
from services.status import status_of
from services.timeline_acts import ACTS
from tests.services.procedure import (
    ADMIN,
    AGENT,
    AUDITOR,
    FINANCE,
    INTEGRATOR,
    MANAGER,
    RISK,
    Procedure,
)
from tests.services.test_screening import PERSON, listed
from web.story import COLOURS, PLAIN

REASON = "on the list of 2024, cleared by the branch"


def told(procedure: Procedure, actor: Actor, loan: str) -> list[TimelineEntry]:
    with procedure.books.read() as work:
        return list(history_of(work, actor, loan).entries)


def approved_by_risk(procedure: Procedure) -> str:
    loan = procedure.graded(actor=AGENT)
    procedure.decide(loan, reason=REASON)
    return loan


def test_an_auditor_reads_every_entry_as_it_is(procedure: Procedure) -> None:
    loan = approved_by_risk(procedure)
    with procedure.at() as work:
        reveal(work, MANAGER, work.loans.get(loan), Revealed.MOBILE, "calls the borrower")
        audit.record(work, FINANCE, "decide_task", loan=loan, reason="not_allowed", refused=True)
    kept, read = procedure.entries(loan), told(procedure, AUDITOR, loan)
    assert [(one.act, one.actor_id, one.reason, one.before or {}, one.after or {}, one.refused) for one in kept] == [
        (one.act, one.actor_id, one.reason, one.before, one.details, one.refused) for one in read
    ]
    assert {"personal_value_shown", "decide_task", "approval_decided"} <= {one.act for one in read}


def without_ids(entries: list[TimelineEntry], loan: str) -> list[str]:
    """What can be read of a case, but for when, and for the names of tasks."""
    return [str(one.model_dump(exclude={"at"})).replace(loan, "#") for one in entries]


@pytest.mark.parametrize("actor", [AGENT, MANAGER, FINANCE, ADMIN, INTEGRATOR], ids=lambda actor: actor.role)
def test_a_case_with_somebody_on_a_list_reads_as_one_without(procedure: Procedure, actor: Actor) -> None:
    plain, found = procedure.graded(actor=AGENT), procedure.graded(actor=AGENT, id_number=PERSON)
    # What the grade itself makes of a list is told as a closer look; this one came after it.
    listed(procedure, id_number=PERSON)
    for loan in (plain, found):
        procedure.decide(loan, reason=REASON)
    with procedure.books.read() as work:
        rows = [(one.after or {}).get("row") for loan in (plain, found) for one in work.audit.of_loan(loan)]
    assert len({row for row in rows if row is not None}) == 2, "both went by the same row"
    assert without_ids(told(procedure, actor, plain), plain) == without_ids(told(procedure, actor, found), found)
    assert REASON not in str(told(procedure, actor, found))


def test_risk_reads_why_it_let_a_case_pass_and_everybody_why_one_was_sent_back(procedure: Procedure) -> None:
    loan, returned = approved_by_risk(procedure), procedure.graded(actor=AGENT)
    procedure.decide(returned, Outcome.RETURN, reason="the payslips of June are missing")
    assert told(procedure, RISK, loan)[-1].reason == REASON
    assert told(procedure, RISK, loan)[-1].details["authority_reasons"] == ["documents_missing"]
    for actor in (AGENT, MANAGER, FINANCE, ADMIN):
        assert told(procedure, actor, returned)[-1].reason == "the payslips of June are missing"


@pytest.mark.parametrize("actor", [AGENT, MANAGER, RISK, FINANCE, ADMIN], ids=lambda actor: actor.role)
def test_staff_read_the_story_and_nothing_of_who_looked_or_was_refused(procedure: Procedure, actor: Actor) -> None:
    loan = procedure.graded(actor=AGENT)
    with procedure.at() as work:
        reveal(work, MANAGER, work.loans.get(loan), Revealed.MOBILE, "calls the borrower")
        audit.record(work, MANAGER, "decision_refused", loan=loan, reason="above_authority: 5", refused=True)
        audit.record(work, MANAGER, "replies_read", loan=loan, after={"replies": 1})
        audit.record(work, audit.SYSTEM, "register_answered", loan=loan, subject="screening@guarantor")
        audit.record(work, audit.SYSTEM, "account_check_failed", loan=loan, reason="no answer", refused=True)
        audit.record(work, audit.SYSTEM, "task_escalated", loan=loan, after={"role": "risk", "row": 6, "new_key": 1})
    read = told(procedure, actor, loan)
    assert {one.act for one in read} <= ACTS.keys() - {"decision_refused", "document_viewed", "replies_read"}
    assert {name for one in read for name in (*one.before, *one.details)} <= FIGURES
    assert "calls the borrower" not in str(read)
    # What the system could not do is part of the story, what a colleague was not let do is not.
    assert [one.act for one in read if one.refused] == ["account_check_failed"]
    assert read[-1].details == {"role": "risk"}
    answers = [one.act for one in read if one.act == "register_answered"]
    asked = [one.subject or "" for one in procedure.entries(loan) if one.act == "register_answered"]
    screenings = [one for one in asked if one.startswith("screening")]
    assert len(screenings) > 1
    assert len(asked) - len(answers) == (0 if actor.role is Role.RISK else len(screenings))


def test_staff_are_told_every_act_that_the_page_of_a_loan_has_words_for() -> None:
    assert PLAIN.keys() | COLOURS.keys() <= STORY


def overdue(procedure: Procedure) -> str:
    """A loan with money in and out, a chargeback's reason and a late day, and of which people were refused things."""
    loan = procedure.running()
    procedure.collection(loan)
    procedure.collect(loan)
    procedure.deposit(loan, 12_345)
    procedure.advance(loan, StepKind.OVERDUE)
    with procedure.at() as work:
        reveal(work, MANAGER, work.loans.get(loan), Revealed.MOBILE, "calls the borrower")
        audit.record(work, INTEGRATOR, "propose_deferral", loan=loan, reason="not_allowed", refused=True)
    return loan


def test_outside_is_told_acts_dates_and_sums_and_of_the_lender_no_person(procedure: Procedure) -> None:
    loan = overdue(procedure)
    for actor in (INTEGRATOR, procedure.borrower_of(loan)):
        read = told(procedure, actor, loan)
        assert {one.act for one in read} <= EVENT_OF.keys()
        assert {"application_submitted", "approval_decided", "loan_paid_out", "deposit_matched"} <= {
            one.act for one in read
        }
        assert {name for one in read for name in one.details} <= {*TOLD, *SUMS}
        assert all(one.reason is None and not one.before and not one.refused for one in read)
        assert {(one.role, one.actor_id) for one in read} <= {
            (Role.SYSTEM, "system"),
            (actor.role, actor.id),
            (Role.BORROWER, procedure.loan(loan).customer_id),
        }
        # The view of the loan tells no more than the history.
        with procedure.books.read() as work:
            assert status_of(work, actor, loan).timeline == read


def test_another_machine_is_one_of_the_lenders_for_who_follows_a_loan(procedure: Procedure) -> None:
    loan = procedure.graded()
    applied = told(procedure, INTEGRATOR, loan)[0]
    assert (applied.role, applied.actor_id) == (Role.INTEGRATOR, INTEGRATOR.id)
    borrower = procedure.borrower_of(loan)
    assert {one.actor_id for one in told(procedure, borrower, loan)} == {"system"}


def test_of_a_long_loan_the_newest_is_never_lost_and_the_oldest_comes_by_pages(procedure: Procedure) -> None:
    loan = procedure.graded()
    first = procedure.entries(loan)[0]
    with procedure.at() as work:
        for n in range(600):
            audit.record(work, audit.SYSTEM, "account_advanced", loan=loan, after={"dpd": 0, "outstanding_fen": n})
    for actor in (AUDITOR, RISK, INTEGRATOR):
        with procedure.books.read() as work:
            newest = history_of(work, actor, loan)
            assert newest.entries[-1].details["outstanding_fen"] == 599
            assert len(newest.entries) == 500
            older = history_of(work, actor, loan, before=newest.older)
        assert older.older is None
        sums = [one.details.get("outstanding_fen") for one in (*older.entries, *newest.entries)]
        assert sums[-600:] == list(range(600))
        assert older.entries[0].at == first.at


def test_looks_and_refusals_push_nothing_out_of_the_story(procedure: Procedure) -> None:
    loan = approved_by_risk(procedure)
    with procedure.at() as work:
        for _ in range(600):
            audit.record(work, MANAGER, "document_viewed", loan=loan, subject="d", after={"part": "file"})
            audit.record(work, MANAGER, "show_loan", loan=loan, reason="unknown_loan", refused=True)
    assert told(procedure, AGENT, loan)[0].act == "application_submitted"
    assert told(procedure, INTEGRATOR, loan)[-1].act == "approval_decided"
