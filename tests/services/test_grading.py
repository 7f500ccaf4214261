"""The grade of a verified case, what it was made of, and where the case goes next."""

from datetime import timedelta

import pytest
from sqlalchemy.exc import IntegrityError

from books.session import Books
from models.loans import Stage
from models.messages import VerificationOrder
from models.tasks import TaskKind
from models.verification import AuthorisationKind, Verdict
from services import grading, verification
from services.authorisations import take_back
from services.errors import NotAuthorised
from services.policies import FactsIncomplete
from services.policy_publishing import publish_shipped_policies
from tests.modules.applications import CATALOGUE
from tests.services.policies import MICRO_RULES, micro_rules, put_in_force
from tests.services.procedure import AGENT, MANAGER, Procedure


def test_a_good_case_goes_to_the_approvers_with_its_grade_and_a_deadline(procedure: Procedure) -> None:
    loan = procedure.apply()
    procedure.verify(loan)
    progress = procedure.grade(loan)
    task = procedure.task(loan, TaskKind.APPROVAL)
    assert (progress.stage, progress.task_id) == (Stage.APPROVAL, task.id)
    assert (task.role, task.due_on, task.about) == (MANAGER.role, procedure.day + timedelta(days=2), "micro A")
    with procedure.books.read() as work:
        kept = work.policies.grading(loan)
        policy = work.policies.version(MICRO_RULES, 1)
        assert kept is not None
        assert (kept.grade, kept.limit_fen, kept.annual_rate_percent, kept.policy_id) == (
            "A",
            20_000_000,
            "7.2",
            policy.id,
        )
        assert kept.facts["history_months"] == 60
    assert procedure.loan(loan).grade == "A"
    assert procedure.entries(loan)[-1].after == {
        "policies": ["knockout-micro/1 row 18", "grading-micro/1 row 9", "pricing-micro/1 row 12"],
        "outcome": "refer",
        "grade": "A",
        "reasons": ["no_arrears", "history_36_months", "debt_ratio_at_most_35"],
        "unanswered": [],
    }


def test_a_knock_out_rule_refuses_without_a_person(procedure: Procedure) -> None:
    loan = procedure.apply()
    procedure.verify(loan, enrolment={"enrolled": True, "full_time": True})
    assert procedure.grade(loan).stage is Stage.REFUSED
    found = procedure.loan(loan)
    assert (found.stage, found.closed_on, found.grade) == (Stage.REFUSED, procedure.day, "E")
    assert procedure.open_tasks(loan) == []
    assert procedure.messages(loan)[-1] == "refused"


def test_a_register_that_could_not_be_asked_leaves_the_case_to_a_person_and_says_so(procedure: Procedure) -> None:
    loan = procedure.apply()
    procedure.verify(loan, bureau=None)
    procedure.grade(loan, unanswered=("bureau",))
    assert procedure.task(loan, TaskKind.APPROVAL).about == "micro E, not answered: bureau"
    with procedure.books.read() as work:
        kept = work.policies.grading(loan)
        assert kept is not None
        assert kept.reasons == ["bureau_unavailable"]


def test_the_version_of_the_business_day_decides(procedure: Procedure) -> None:
    with procedure.at() as work:
        today = put_in_force(work, MICRO_RULES, 2, micro_rules())
        put_in_force(work, MICRO_RULES, 3, micro_rules(), starts_on=procedure.day + timedelta(days=1))
    loan = procedure.graded()
    with procedure.books.read() as work:
        kept = work.policies.grading(loan)
        assert kept is not None
        assert (kept.policy_id, kept.graded_on, kept.fired_row) == (today.id, procedure.day, 9)


def test_shipped_rules_never_replace_what_is_in_force(books: Books) -> None:
    with books.begin() as work:
        publish_shipped_policies(work)
    with books.read() as work:
        numbers = {code: work.policies.newest_number(f"grading-{code}") for code in CATALOGUE.codes()}
    assert set(numbers.values()) == {1}


def test_a_case_whose_facts_do_not_fit_the_rules_is_not_graded(procedure: Procedure) -> None:
    loan = procedure.apply()
    procedure.verify(loan, bureau={"history_months": "sixty"})
    with pytest.raises(FactsIncomplete):
        procedure.grade(loan)
    with procedure.books.read() as work:
        assert work.policies.grading(loan) is None


def test_a_second_round_uses_the_latest_answers_and_is_kept_beside_the_first(procedure: Procedure) -> None:
    loan = procedure.graded()
    with procedure.at() as work:
        first = work.documents.answer(loan, "bureau", 1)
        assert first is not None
        answer = first.answer | {"overdue_count_24m": 5}
        verification.store_answer(work, loan, "bureau", 2, Verdict.PASSED, "later", answer)
    procedure.act(grading.grade, VerificationOrder(**procedure.order(loan, round=2)))
    with procedure.books.read() as work:
        latest = work.policies.grading(loan)
        assert latest is not None
        assert (latest.round, latest.grade) == (2, "D")


def test_no_register_is_asked_without_the_persons_consent(procedure: Procedure) -> None:
    loan = procedure.apply("auto")
    with procedure.books.read() as work:
        asked = verification.question(work, loan, "vehicle")
        borrower, form = work.customers.borrower(loan).id, work.loans.application(loan).form
        assert (asked.id_number, asked.vin) == (form["id_number"], form["vin"])
    with procedure.at() as work:
        take_back(work, AGENT, work.loans.get(loan), borrower, AuthorisationKind.REGISTERS)
    with procedure.books.read() as work, pytest.raises(NotAuthorised):
        verification.question(work, loan, "vehicle")


def test_the_first_answer_of_a_round_stays(procedure: Procedure) -> None:
    loan = procedure.apply()
    with procedure.at() as work:
        verification.store_answer(work, loan, "bureau", 1, Verdict.PASSED, "first", {"found": True})
    with pytest.raises(IntegrityError), procedure.at() as work:
        verification.store_answer(work, loan, "bureau", 1, Verdict.FAILED, "second", {"found": False})
    with procedure.books.read() as work:
        kept = work.documents.answer(loan, "bureau", 1)
    assert kept is not None
    assert (kept.verdict, kept.reference, kept.answer) == (Verdict.PASSED, "first", {"found": True})
    assert procedure.loan(loan).stage is Stage.VERIFICATION


def test_an_answer_moves_on_no_loan_that_has_left_its_application(procedure: Procedure) -> None:
    loan = procedure.graded()
    with procedure.at() as work:
        verification.store_answer(work, loan, "bureau", 2, Verdict.PASSED, "late", {"found": True})
    assert procedure.loan(loan).stage is Stage.APPROVAL
