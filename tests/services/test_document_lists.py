"""Which documents a case needs: by the policy of its product, how they stand, and what a borrower is asked for."""

from typing import Any

import pytest

from models.loans import Stage
from models.staff import Role
from models.tasks import Outcome, TaskKind
from services.document_lists import NAMES_ZH, DocumentList, DocumentStanding
from services.facts import document_list, facts_of
from services.loans import case_of
from services.policies import sentences_of
from services.products import catalogue
from tests.services.procedure import RISK, Procedure
from tests.services.test_documents_reading import FILE, NOTHING, concluded, give, good, word


def needed(procedure: Procedure, loan: str) -> DocumentList:
    with procedure.books.read() as work:
        found = document_list(work, work.loans.get(loan), procedure.day)
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("code", "changes", "required"),
    [
        ("micro", {}, ("id_card", "income_proof")),
        ("micro", {"amount": "5000"}, ("id_card",)),
        ("micro", {"amount": "5000.01"}, ("id_card", "income_proof")),
        ("auto", {}, ("id_card", "driving_licence", "vehicle_invoice")),
        ("auto", {"condition": "used"}, ("id_card", "driving_licence", "vehicle_invoice")),
        (
            "auto",
            {"amount": "200000.01", "vehicle_price": "300000", "down_payment": "99999.99"},
            ("id_card", "driving_licence", "vehicle_invoice", "income_proof"),
        ),
        ("student", {}, ("id_card", "admission_letter")),
        ("student", {"circumstances": "orphan"}, ("id_card", "admission_letter", "hardship_proof")),
        ("student", {"circumstances": ["low_income_certificate"]}, ("id_card", "admission_letter", "hardship_proof")),
        ("student", {"circumstances": ["disability"]}, ("id_card", "admission_letter", "hardship_proof")),
    ],
)
def test_every_row_of_the_shipped_lists(
    procedure: Procedure, code: str, changes: dict[str, Any], required: tuple[str, ...]
) -> None:
    loan = procedure.apply(code, **changes)
    procedure.verify(loan)
    found = needed(procedure, loan)
    assert (found.required, found.missing) == (required, required)
    assert found.reasons
    assert set(required) <= set(catalogue().product(code).documents) <= set(NAMES_ZH)


def documents_facts(procedure: Procedure, loan: str) -> tuple[bool, bool, bool]:
    """Whether the documents are complete, whether one waits to be read, and whether one is in doubt."""
    with procedure.books.read() as work:
        found = work.loans.get(loan)
        facts = facts_of(work, found, case_of(work, found, procedure.day), procedure.day)
    return facts["documents_complete"], facts["documents_unread"], facts["documents_doubtful"]


def test_a_list_is_complete_once_each_is_read_and_sure_once_none_is_in_doubt(procedure: Procedure) -> None:
    loan = procedure.apply(amount="5000")
    procedure.verify(loan)
    assert documents_facts(procedure, loan) == (False, False, False)
    card = give(procedure, loan, kind="id_card")
    # Not read yet: it is there, and nobody knows what it says.
    assert documents_facts(procedure, loan) == (False, True, False)
    assert needed(procedure, loan).standing("id_card") is DocumentStanding.UNREAD
    assert needed(procedure, loan).missing == ()
    concluded(procedure, card, NOTHING)
    assert documents_facts(procedure, loan) == (True, False, True)
    assert needed(procedure, loan).standing("id_card") is DocumentStanding.IN_DOUBT
    word(procedure, loan, card)
    assert documents_facts(procedure, loan) == (True, False, False)
    assert needed(procedure, loan).standing("id_card") is DocumentStanding.HANDED_IN


def test_what_a_person_did_not_take_is_missing_again_and_stays_in_doubt(procedure: Procedure) -> None:
    loan = procedure.apply(amount="5000")
    procedure.verify(loan)
    card = give(procedure, loan, kind="id_card")
    concluded(procedure, card, NOTHING)
    word(procedure, loan, card, Outcome.REFUSE)
    assert documents_facts(procedure, loan) == (False, False, True)
    assert needed(procedure, loan).missing == ("id_card",)
    assert needed(procedure, loan).standing("id_card") is DocumentStanding.REFUSED


def test_who_is_graded_before_his_document_is_read_is_told_that_and_of_no_doubt(procedure: Procedure) -> None:
    loan = procedure.apply(amount="5000")
    procedure.verify(loan)
    give(procedure, loan, kind="id_card")
    procedure.grade(loan)
    with procedure.books.read() as work:
        grading = work.policies.grading(loan)
        assert grading is not None
        told = sentences_of(work, grading)
    assert (grading.reasons[0], grading.grade) == ("documents_unread", "A")
    assert "documents_doubtful" not in grading.reasons
    assert told["documents_unread"]["en"] == "A document that was handed in is not read yet."
    # Not a doubt that risk would have to look into.
    assert procedure.task(loan, TaskKind.APPROVAL).role is Role.MANAGER


def test_a_good_document_of_a_kind_is_handed_in_and_another_kind_missing(procedure: Procedure) -> None:
    loan = procedure.graded()
    concluded(procedure, give(procedure, loan, FILE), good(procedure, loan))
    found = needed(procedure, loan)
    assert [found.standing(kind) for kind in found.required] == [
        DocumentStanding.MISSING,
        DocumentStanding.HANDED_IN,
    ]
    assert found.missing == ("id_card",)


def test_who_is_asked_for_more_reads_what_is_missing(procedure: Procedure) -> None:
    loan = procedure.graded()
    concluded(procedure, give(procedure, loan, FILE), good(procedure, loan))
    procedure.decide(loan, Outcome.RETURN, actor=RISK)
    assert procedure.loan(loan).stage is Stage.RETURNED
    with procedure.books.read() as work:
        (text,) = [one.text for one in work.customers.contacts(loan) if one.template == "returned"]
    assert "需要补充材料：身份证，请在14天内提交" in text


def test_a_task_about_documents_has_a_role_and_a_day(procedure: Procedure) -> None:
    loan = procedure.apply()
    concluded(procedure, give(procedure, loan), NOTHING)
    task = procedure.task(loan, TaskKind.DOCUMENT)
    assert (
        task.role in catalogue().product("micro").escalate_to or task.role is catalogue().product("micro").approver_role
    )
    assert task.due_on > procedure.day


def test_once_the_money_is_out_nothing_is_asked_for(procedure: Procedure) -> None:
    loan = procedure.running()
    with procedure.books.read() as work:
        assert document_list(work, work.loans.get(loan), procedure.day) is None
