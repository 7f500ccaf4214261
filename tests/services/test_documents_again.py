"""What changes about a document after it was read: registers answer later, and a doubt comes up after the offer."""

from datetime import timedelta
from typing import Any

import pytest

from models.documents import Reading
from models.loans import Stage
from models.messages import BooksOrder, VerificationOrder
from models.tasks import Outcome, TaskKind, TaskStatus
from models.verification import AuthorisationKind, Verdict
from services import acceptance, disbursement, grading, verification
from services.authorisations import take_back
from services.collateral import ConditionsNotMet, missing_before_payout
from services.documents import hand_in
from services.status import status_of
from tests.modules.applications import ANSWERS
from tests.services.document_files import taken
from tests.services.procedure import AGENT, FINANCE, INTEGRATOR, MANAGER, RISK, Procedure
from tests.services.test_collateral import acceptances
from tests.services.test_documents_comparing import read
from tests.services.test_documents_reading import FILE, NOTHING, concluded, give, good, reading_of, word

EARNS_LESS = {"bureau": {"monthly_income_fen": 300_000}}


def answered_again(procedure: Procedure, loan: str, bureau: dict[str, Any]) -> None:
    """A second round, in which the bureau answers otherwise."""
    body = {**ANSWERS["micro"]["bureau"], **bureau}
    with procedure.at() as work:
        verification.store_answer(work, loan, "bureau", 2, Verdict.PASSED, "ref-2", body)
    procedure.act(grading.grade, VerificationOrder(**procedure.order(loan, round=2)))


# -- registers that answer after the reading ---------------------------------------------------------------------------


def test_a_proof_that_was_read_first_is_compared_with_what_the_bureau_answers_later(procedure: Procedure) -> None:
    loan = procedure.apply()
    document = give(procedure, loan)
    assert not concluded(procedure, document, good(procedure, loan)).doubtful
    procedure.verify(loan, **EARNS_LESS)
    procedure.grade(loan)
    row = reading_of(procedure, document)
    assert (row.verdict, row.doubtful) == ("differs", True)
    assert row.found is not None
    against = [(one["field"], one["source"]) for one in row.found["checks"] if one["state"] == "differs"]
    assert against == [("income", "bureau")]
    assert row.found["picture_size"] == [778, 1100]
    assert TaskKind.DOCUMENT in procedure.open_tasks(loan)
    with procedure.books.read() as work:
        graded = work.policies.grading(loan)
    assert graded is not None
    # Known in time for the grade itself.
    assert graded.facts["documents_doubtful"]
    assert "document_compared_again" in procedure.acts(loan)


def test_a_letter_that_was_read_first_is_compared_with_the_register_of_students(procedure: Procedure) -> None:
    loan = procedure.apply("student")
    with procedure.books.read() as work:
        name = work.loans.application(loan).form["name"]
    document = give(procedure, loan, kind="admission_letter")
    page = read("录取通知书", f"{name} 同学：", "你已被 云川大学 录取")
    assert not concluded(procedure, document, page).doubtful
    procedure.verify(loan, enrolment={"school": "远山大学"})
    procedure.grade(loan)
    assert (reading_of(procedure, document).verdict, procedure.acts(loan).count("document_compared_again")) == (
        "differs",
        1,
    )


def test_what_agrees_with_the_answers_too_is_compared_without_a_word(procedure: Procedure) -> None:
    loan = procedure.apply()
    document = give(procedure, loan)
    concluded(procedure, document, good(procedure, loan))
    procedure.verify(loan)
    procedure.grade(loan)
    row = reading_of(procedure, document)
    assert row.found is not None
    assert (row.verdict, row.doubtful, row.found["checks"][-1]["source"]) == ("agrees", False, "bureau")
    answered_again(procedure, loan, {})
    # The second time there was nothing new.
    assert procedure.acts(loan).count("document_compared_again") == 1
    assert TaskKind.DOCUMENT not in procedure.open_tasks(loan)


def test_a_doubt_that_a_newer_answer_clears_up_is_asked_about_no_more(procedure: Procedure) -> None:
    loan = procedure.apply()
    procedure.verify(loan, **EARNS_LESS)
    document = give(procedure, loan)
    assert concluded(procedure, document, good(procedure, loan)).doubtful
    task = procedure.task(loan, TaskKind.DOCUMENT).id
    answered_again(procedure, loan, {"monthly_income_fen": 1_000_000})
    assert not reading_of(procedure, document).doubtful
    with procedure.books.read() as work:
        assert work.tasks.get(task).status is TaskStatus.DONE


def test_the_dates_of_a_document_are_those_of_the_day_on_which_it_was_read(procedure: Procedure) -> None:
    loan = procedure.apply()
    with procedure.books.read() as work:
        form = work.loans.application(loan).form
    statement = read(
        "交易明细对账单",
        f"户名：{form['name']}",
        f"账号：{form['bank_card']}",
        "2025年10月6日",
        f"{procedure.day.year}年{procedure.day.month}月{procedure.day.day}日",
    )
    document = give(procedure, loan, kind="income_proof")
    with procedure.at() as work:
        kept = work.documents.get(document)
        assert kept is not None
        kept.kind = "bank_statement"
        work.session.add(kept)
    assert not concluded(procedure, document, statement).doubtful
    procedure.day += timedelta(days=120)
    procedure.verify(loan)
    procedure.grade(loan)
    assert not reading_of(procedure, document).doubtful


def test_what_a_person_decided_and_who_agrees_no_more_are_left_alone(procedure: Procedure) -> None:
    decided, withdrawn = procedure.apply(), procedure.apply()
    first, second = give(procedure, decided), give(procedure, withdrawn)
    concluded(procedure, first, NOTHING)
    word(procedure, decided, first)
    procedure.verify(withdrawn)
    concluded(procedure, second, good(procedure, withdrawn))
    with procedure.at() as work:
        mine = work.customers.borrower(withdrawn).id
        take_back(work, INTEGRATOR, work.loans.get(withdrawn), mine, AuthorisationKind.SENSITIVE)
    procedure.verify(decided, **EARNS_LESS)
    procedure.grade(decided)
    answered_again(procedure, withdrawn, EARNS_LESS["bureau"])
    for loan in (decided, withdrawn):
        assert "document_compared_again" not in procedure.acts(loan)
    assert reading_of(procedure, first).outcome is Outcome.APPROVE


# -- doubts that come up after the offer -------------------------------------------------------------------------------


def offered_with_proof(procedure: Procedure) -> tuple[str, str]:
    """An offer whose proof of income was sound when it was made."""
    loan = procedure.graded()
    document = give(procedure, loan)
    concluded(procedure, document, good(procedure, loan))
    procedure.complete(loan)
    procedure.decide(loan, actor=MANAGER)
    procedure.day += timedelta(days=1)
    return loan, document


def doubted(procedure: Procedure, loan: str, document: str) -> None:
    """The same file comes in from another customer."""
    other = procedure.apply()
    concluded(procedure, give(procedure, other), good(procedure, other))
    assert reading_of(procedure, document).doubtful
    assert procedure.open_tasks(loan) == [TaskKind.DOCUMENT]


def awaited(procedure: Procedure, loan: str) -> tuple[str, ...]:
    with procedure.books.read() as work:
        return missing_before_payout(work, work.loans.get(loan), procedure.day)


def test_a_duplicate_found_after_the_offer_holds_the_payout_until_somebody_decides(procedure: Procedure) -> None:
    loan, document = offered_with_proof(procedure)
    doubted(procedure, loan, document)
    with pytest.raises(ConditionsNotMet) as refused:
        procedure.accept(loan)
    assert refused.value.fields == {"documents": "a document that was handed in still has to be looked at"}
    with procedure.at() as work, pytest.raises(ConditionsNotMet):
        acceptance.check(work, INTEGRATOR, work.loans.get(loan))
    assert (procedure.payments(loan), acceptances(procedure)) == ([], [])
    with procedure.books.read() as work:
        waits = status_of(work, RISK, loan).waits_for
    assert waits is not None
    assert waits.task_kind is TaskKind.DOCUMENT

    word(procedure, loan, document, reason="colleagues of one employer")

    # All have signed, so that the borrower is not asked again.
    (command,) = acceptances(procedure)
    assert command.sender.actor_id == INTEGRATOR.id
    assert procedure.accept(loan).stage is Stage.DISBURSEMENT


def test_a_document_that_is_not_taken_after_the_offer_holds_it_until_a_sound_one_is_there(procedure: Procedure) -> None:
    loan, document = offered_with_proof(procedure)
    doubted(procedure, loan, document)
    procedure.sign(loan)
    word(procedure, loan, document, Outcome.REFUSE, reason="another customer's letter with a new name on it")
    assert (awaited(procedure, loan), acceptances(procedure)) == (("documents_refused",), [])
    procedure.day += timedelta(days=1)
    bad = give(procedure, loan, FILE + b" misread")
    concluded(procedure, bad, NOTHING)
    assert awaited(procedure, loan) == ("documents",)
    another_kind = give(procedure, loan, kind="id_card", content=FILE + b" card")
    concluded(procedure, another_kind, card(procedure, loan))
    word(procedure, loan, bad, Outcome.REFUSE, reason="nothing can be read")
    assert (awaited(procedure, loan), acceptances(procedure)) == (("documents_refused",), [])
    procedure.day += timedelta(days=1)

    concluded(procedure, give(procedure, loan, FILE + b" anew"), salary(procedure, loan))

    assert awaited(procedure, loan) == ()
    assert len(acceptances(procedure)) == 1
    assert procedure.accept(loan).stage is Stage.DISBURSEMENT


def card(procedure: Procedure, loan: str) -> Reading:
    with procedure.books.read() as work:
        form = work.loans.application(loan).form
    return read(f"姓名 {form['name']}", f"公民身份号码 {form['id_number']}")


def salary(procedure: Procedure, loan: str) -> Reading:
    """A proof with other words than the first."""
    with procedure.books.read() as work:
        form = work.loans.application(loan).form
    return read(
        "在职证明", f"兹证明 {form['name']}，身份证号码 {form['id_number']}，任职于本公司", "月收入 10,000.00 元"
    )


def test_what_was_refused_before_the_approval_was_known_to_who_approved(procedure: Procedure) -> None:
    loan = procedure.graded()
    document = give(procedure, loan)
    concluded(procedure, document, NOTHING)
    word(procedure, loan, document, Outcome.REFUSE)
    procedure.day += timedelta(days=1)
    procedure.decide(loan, actor=RISK)
    assert procedure.accept(loan).stage is Stage.DISBURSEMENT


def test_a_payout_that_is_tried_again_asks_about_documents_again(procedure: Procedure) -> None:
    loan, document = offered_with_proof(procedure)
    (key,) = procedure.accept(loan).payouts
    procedure.decline(key)
    procedure.act(disbursement.record_payout_failure, BooksOrder(**procedure.order(loan)))
    other = procedure.apply()
    concluded(procedure, give(procedure, other), good(procedure, other))
    assert reading_of(procedure, document).doubtful
    with pytest.raises(ConditionsNotMet, match="has to be looked at"):
        procedure.decide(loan, actor=FINANCE, kind=TaskKind.PAYOUT_PROBLEM)
    word(procedure, loan, document)
    assert procedure.decide(loan, actor=FINANCE, kind=TaskKind.PAYOUT_PROBLEM).stage is Stage.DISBURSEMENT


def test_a_further_document_without_a_doubt_accepts_nothing(procedure: Procedure) -> None:
    loan, _ = offered_with_proof(procedure)
    procedure.sign(loan)
    with procedure.at() as work:
        further = hand_in(work, AGENT, work.loans.get(loan), "id_card", "x.png", taken(FILE, "image/png")).id
    assert not concluded(procedure, further, card(procedure, loan)).doubtful
    assert acceptances(procedure) == []
