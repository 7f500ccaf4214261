"""A document that a person did not take: the borrower is told, his agent has a task, and nobody calls it handed in."""

from datetime import timedelta

import pytest

from models.customers import PartyRole
from models.loans import Stage
from models.staff import Role
from models.tasks import Outcome, TaskKind, TaskStatus
from services import tasks
from services.collateral import ConditionsNotMet
from services.document_lists import DocumentStanding, asked_again
from services.status import status_of
from tests.modules.test_student import PARENT
from tests.services.procedure import AGENT, INTEGRATOR, RISK, Procedure
from tests.services.test_document_lists import documents_facts, needed
from tests.services.test_document_people import give as give_of
from tests.services.test_document_people import nobodys
from tests.services.test_documents_again import awaited, card, doubted, offered_with_proof, salary
from tests.services.test_documents_reading import FILE, NOTHING, concluded, give, good, word


def refused_after_the_offer(procedure: Procedure) -> str:
    """A signed offer whose proof of income turned out to be another customer's, and was not taken."""
    loan, document = offered_with_proof(procedure)
    doubted(procedure, loan, document)
    procedure.sign(loan)
    word(procedure, loan, document, Outcome.REFUSE, reason="another customer's letter with a new name on it")
    procedure.day += timedelta(days=1)
    return loan


def told(procedure: Procedure, loan: str) -> list[str]:
    """What the borrower was told about documents that were not taken, oldest first."""
    with procedure.books.read() as work:
        found = work.customers.contacts(loan)
    return [one.text for one in reversed(found) if one.template == "document_refused"]


def standing(procedure: Procedure, loan: str, kind: str) -> DocumentStanding:
    return needed(procedure, loan).standing(kind)


def wanted(procedure: Procedure, loan: str) -> list[str]:
    with procedure.books.read() as work:
        return [one.kind for one in asked_again(work, work.loans.get(loan))]


def test_what_is_refused_after_the_offer_is_asked_for_in_both_languages_and_handed_to_the_agent(
    procedure: Procedure,
) -> None:
    loan = refused_after_the_offer(procedure)
    (text,) = told(procedure, loan)
    assert text == (
        f"【借款服务】您的收入证明（{loan}）未被采用，请在借款页面重新提交。"
        f"Your proof of income for {loan} was not taken: please hand it in again on the page of your loan."
    )
    task = procedure.task(loan, TaskKind.DOCUMENT_AGAIN)
    assert (task.role, task.about) == (Role.AGENT, "hand in again: income_proof of the borrower")
    assert task.due_on == procedure.day - timedelta(days=1) + timedelta(days=3)
    assert procedure.open_tasks(loan) == [TaskKind.DOCUMENT_AGAIN]
    assert standing(procedure, loan, "income_proof") is DocumentStanding.REFUSED
    with procedure.books.read() as work:
        waits = status_of(work, RISK, loan).waits_for
    assert waits is not None
    assert (waits.who, waits.task_kind, waits.task_id) == ("agent", TaskKind.DOCUMENT_AGAIN, task.id)
    with pytest.raises(ConditionsNotMet) as refused:
        procedure.accept(loan)
    assert refused.value.fields == {"documents_refused": "a document that was not taken has to be handed in again"}


def test_once_a_sound_one_is_there_the_task_is_done_and_nothing_is_asked_for(procedure: Procedure) -> None:
    loan = refused_after_the_offer(procedure)
    task = procedure.task(loan, TaskKind.DOCUMENT_AGAIN).id
    anew = give(procedure, loan, FILE + b" anew")
    assert standing(procedure, loan, "income_proof") is DocumentStanding.UNREAD
    # It waits to be read: nobody has to hand in anything, and no money goes out.
    assert (wanted(procedure, loan), awaited(procedure, loan)) == ([], ("documents",))
    concluded(procedure, anew, salary(procedure, loan))
    with procedure.books.read() as work:
        assert work.tasks.get(task).status is TaskStatus.DONE
    assert standing(procedure, loan, "income_proof") is DocumentStanding.HANDED_IN
    assert awaited(procedure, loan) == ()
    assert len(told(procedure, loan)) == 1
    assert procedure.accept(loan).stage is Stage.DISBURSEMENT


def test_a_second_one_that_is_not_taken_either_is_asked_for_again(procedure: Procedure) -> None:
    loan = refused_after_the_offer(procedure)
    bad = give(procedure, loan, FILE + b" misread")
    concluded(procedure, bad, NOTHING)
    assert procedure.open_tasks(loan) == [TaskKind.DOCUMENT]
    assert standing(procedure, loan, "income_proof") is DocumentStanding.IN_DOUBT
    assert awaited(procedure, loan) == ("documents",)
    word(procedure, loan, bad, Outcome.REFUSE, reason="nothing can be read")
    assert procedure.open_tasks(loan) == [TaskKind.DOCUMENT_AGAIN]
    assert (len(told(procedure, loan)), awaited(procedure, loan)) == (2, ("documents_refused",))


def test_before_the_approval_it_is_asked_for_too_without_the_case_being_sent_back(procedure: Procedure) -> None:
    loan = procedure.graded()
    document = give(procedure, loan)
    concluded(procedure, document, NOTHING)
    word(procedure, loan, document, Outcome.REFUSE)
    assert (len(told(procedure, loan)), procedure.loan(loan).stage) == (1, Stage.APPROVAL)
    assert standing(procedure, loan, "income_proof") is DocumentStanding.REFUSED
    assert needed(procedure, loan).missing == ("id_card", "income_proof")
    assert procedure.task(loan, TaskKind.DOCUMENT_AGAIN).role is Role.AGENT
    concluded(procedure, give(procedure, loan, FILE + b" anew"), good(procedure, loan))
    assert standing(procedure, loan, "income_proof") is DocumentStanding.HANDED_IN
    assert TaskKind.DOCUMENT_AGAIN not in procedure.open_tasks(loan)
    # The one that was refused stays a doubt of the case: who decides it has to know.
    assert documents_facts(procedure, loan) == (False, False, True)


def test_where_another_of_its_kind_counts_nobody_is_bothered(procedure: Procedure) -> None:
    loan = procedure.graded()
    concluded(procedure, give(procedure, loan), good(procedure, loan))
    second = give(procedure, loan, FILE + b" again")
    concluded(procedure, second, NOTHING)
    word(procedure, loan, second, Outcome.REFUSE)
    assert (told(procedure, loan), wanted(procedure, loan)) == ([], [])
    assert TaskKind.DOCUMENT_AGAIN not in procedure.open_tasks(loan)
    assert standing(procedure, loan, "income_proof") is DocumentStanding.HANDED_IN


def test_another_persons_document_stands_for_nothing_and_the_message_says_whose_it_is(procedure: Procedure) -> None:
    loan = procedure.graded("student", **PARENT)
    theirs = give_of(procedure, loan, "id_card", PartyRole.JOINT_BORROWER)
    concluded(procedure, theirs, NOTHING)
    word(procedure, loan, theirs, Outcome.REFUSE)
    (text,) = told(procedure, loan)
    assert text.startswith(f"【借款服务】共同借款人的身份证（{loan}）未被采用")
    assert f"The joint borrower's ID card for {loan} was not taken" in text
    assert procedure.task(loan, TaskKind.DOCUMENT_AGAIN).about == "hand in again: id_card of the joint_borrower"
    # Of the borrower's own card nothing is known.
    assert standing(procedure, loan, "id_card") is DocumentStanding.MISSING
    concluded(procedure, give(procedure, loan, kind="id_card"), card(procedure, loan))
    assert wanted(procedure, loan) == ["id_card"]
    own = give(procedure, loan, FILE + b" letter", "admission_letter")
    concluded(procedure, own, NOTHING)
    word(procedure, loan, own, Outcome.REFUSE)
    assert procedure.task(loan, TaskKind.DOCUMENT_AGAIN).about == (
        "hand in again: admission_letter of the borrower; hand in again: id_card of the joint_borrower"
    )


def test_one_of_which_nobody_said_whose_it_is_is_asked_of_the_borrower(procedure: Procedure) -> None:
    loan = procedure.graded()
    document = give(procedure, loan)
    nobodys(procedure, document)
    concluded(procedure, document, NOTHING)
    word(procedure, loan, document, Outcome.REFUSE)
    assert wanted(procedure, loan) == ["income_proof"]
    concluded(procedure, give(procedure, loan, FILE + b" anew"), good(procedure, loan))
    assert wanted(procedure, loan) == []


def test_with_the_approval_nobody_asks_for_what_was_refused_before_it(procedure: Procedure) -> None:
    loan = procedure.graded()
    document = give(procedure, loan)
    concluded(procedure, document, NOTHING)
    word(procedure, loan, document, Outcome.REFUSE)
    procedure.day += timedelta(days=1)
    procedure.decide(loan, actor=RISK)
    assert TaskKind.DOCUMENT_AGAIN not in procedure.open_tasks(loan)
    assert (wanted(procedure, loan), awaited(procedure, loan)) == ([], ())


def test_with_a_refused_case_its_task_falls_away(procedure: Procedure) -> None:
    loan = procedure.graded()
    document = give(procedure, loan)
    concluded(procedure, document, NOTHING)
    word(procedure, loan, document, Outcome.REFUSE)
    task = procedure.task(loan, TaskKind.DOCUMENT_AGAIN).id
    procedure.decide(loan, Outcome.REFUSE, actor=RISK)
    with procedure.books.read() as work:
        assert work.tasks.get(task).status is TaskStatus.CANCELLED
    assert wanted(procedure, loan) == []


def test_the_agent_may_finish_it_with_a_note_and_the_document_stays_asked_for(procedure: Procedure) -> None:
    loan = refused_after_the_offer(procedure)
    procedure.own(loan, AGENT.id)
    with procedure.at() as work:
        (task,) = work.tasks.open_of(loan, TaskKind.DOCUMENT_AGAIN)
        tasks.finish(work, AGENT, task, "he will withdraw")
    assert procedure.open_tasks(loan) == []
    assert "document_again_finished" in procedure.acts(loan)
    assert standing(procedure, loan, "income_proof") is DocumentStanding.REFUSED
    with procedure.books.read() as work:
        waits = status_of(work, INTEGRATOR, loan).waits_for
    assert waits is not None
    assert waits.task_id is None
