"""The student loan: enrolment, hardship, grace, subsidy and joint borrower."""

from dataclasses import replace
from datetime import date
from typing import Any

import pytest

from lending.events import Event
from lending.schedules import build_schedule
from lending.servicing import service
from models.customers import PartyRole
from models.products import JointParty
from services.forms import InvalidForm, read_form
from services.policies import GradeOutcome
from services.products import PayeeUnknown
from tests.modules.applications import DAY, application, case, id_number, product
from tests.modules.decided import decided

STUDENT = product("student")
PARENT: dict[str, Any] = {
    "joint_borrower_name": "欧阳家长",
    "joint_borrower_id_number": id_number(date(1978, 8, 8)),
    "joint_borrower_mobile": "19900000002",
}
MINOR = id_number(date(2008, 6, 1))


def grade(*, day: date = DAY, **changes: Any) -> GradeOutcome:
    """The outcome of a student case with these changes of form or answers."""
    return decided("student", case("student", day=day, **changes))


def problems(**changes: Any) -> dict[str, str]:
    """The sentences by field that an application with these changes is refused with."""
    try:
        read_form(STUDENT, application("student", **changes), DAY)
    except InvalidForm as refusal:
        return refusal.fields
    return {}


@pytest.mark.parametrize(
    ("answers", "outcome", "reason"),
    [
        ({"enrolment": {"full_time": False}}, "refuse", "not_full_time_student"),
        ({"enrolment": {"school": "临江理工大学"}}, "refer", "school_differs"),
        ({"enrolment": {"degree": "master"}}, "refer", "degree_differs"),
        ({"enrolment": {"graduates_on": "2028-06-30"}}, "refer", "graduation_differs"),
        ({"identity": {"result": "not_found"}}, "refer", "identity_mismatch"),
        ({"identity": None}, "refer", "identity_unavailable"),
        ({"enrolment": None}, "refer", "enrolment_unavailable"),
    ],
)
def test_each_finding_refuses_or_refers_with_its_reason(answers: dict[str, Any], outcome: str, reason: str) -> None:
    answer = grade(**answers)
    assert (answer.outcome, answer.reasons) == (outcome, (reason,))


def test_who_is_not_enrolled_is_refused() -> None:
    known = case("student")
    unknown = replace(known, answers={**known.answers, "enrolment": {"enrolled": False}})
    assert decided("student", unknown).reasons == ("not_full_time_student",)


@pytest.mark.parametrize(
    ("degree", "limit_fen"), [("bachelor", 2_000_000), ("associate", 2_000_000), ("master", 2_500_000)]
)
def test_the_degree_decides_the_yearly_limit(degree: str, limit_fen: int) -> None:
    within = grade(degree=degree, amount=limit_fen // 100, household_size=5, enrolment={"degree": degree})
    assert (within.grade, within.limit_fen, within.annual_rate_percent) == ("A", limit_fen, "2.80")


def test_above_the_yearly_limit_a_person_may_offer_the_limit() -> None:
    above = grade(amount="20000.01", household_size=5)
    assert (above.outcome, above.limit_fen, above.reasons) == ("refer", 2_000_000, ("above_yearly_limit",))
    assert problems(amount="25000.01").keys() == {"amount"}


@pytest.mark.parametrize(
    ("income", "expected"), [("60000", "A"), ("60000.03", "B"), ("150000", "B"), ("150000.03", "C")]
)
def test_the_income_a_head_decides_the_hardship_and_that_the_grade(income: str, expected: str) -> None:
    assert grade(household_income=income, household_size=3).grade == expected


def test_what_may_be_lent_is_the_share_of_the_need_within_what_is_left_of_the_year() -> None:
    unstated = grade(amount="18000")
    assert (unstated.grade, unstated.limit_fen, unstated.reasons) == (
        "C",
        1_800_000,
        ("within_yearly_limit", "household_size_unknown"),
    )
    again = decided("student", case("student", household_size=5), lent_this_year_fen=1_200_000)
    assert (again.grade, again.limit_fen, again.reasons) == ("D", 800_000, ("above_yearly_limit",))
    used = decided("student", case("student", household_size=5), lent_this_year_fen=2_000_000)
    assert (used.outcome, used.reasons) == ("refuse", ("year_is_used",))


def test_on_a_day_without_a_rule_a_person_decides() -> None:
    answer = grade(day=date(2025, 5, 19))
    assert (answer.outcome, answer.grade, answer.reasons) == ("refer", "E", ("no_rule_applies",))


def test_until_graduation_the_state_pays_and_no_principal_is_due() -> None:
    rows = build_schedule(STUDENT.terms(case("student", rate="2.80"))).rows
    studying, repaying = rows[:17], rows[17:]
    assert studying[-1].due == date(2027, 6, 5)
    assert {row.total for row in studying} == {0}
    # 15,000 at 2.80 % for a month.
    assert {row.subsidy for row in studying} == {3500}
    # He graduates on the 30th: 25 of the 30 days to 5 July are still the state's.
    assert [row.subsidy for row in repaying] == [2917] + [0] * 42
    assert sum(row.principal for row in repaying) == 1_500_000
    assert (len(repaying), rows[-1].balance) == (43, 0)
    assert len({row.total + row.subsidy for row in repaying[:-1]}) == 1


def test_while_studying_nothing_can_be_late() -> None:
    terms = STUDENT.terms(case("student", rate="2.80"))
    paid_out = Event.parse({"id": "1", "type": "disbursement", "date": "2026-01-05", "amount": "15000.00"})
    account = service(terms, [paid_out], date(2027, 6, 30))
    assert (account.dpd, account.penalty_outstanding_fen, account.overdue_fen) == (0, 0, 0)
    assert service(terms, [paid_out], date(2027, 7, 6)).dpd == 1


def test_a_grace_after_graduation_leaves_the_interest_to_the_borrower() -> None:
    rows = build_schedule(STUDENT.terms(case("student", rate="2.80", principal_grace=12))).rows
    assert [(row.principal, row.interest, row.subsidy) for row in rows[17:29]] == [(0, 583, 2917)] + [(0, 3500, 0)] * 11
    assert sum(row.principal for row in rows[29:]) == 1_500_000


def test_the_registers_graduation_date_counts() -> None:
    terms = STUDENT.terms(case("student", enrolment={"graduates_on": "2026-06-30"}))
    assert (terms.subsidised_until, terms.principal_grace_periods) == (date(2026, 6, 30), 5)


def test_a_due_date_on_the_day_of_graduation_is_still_in_the_studies() -> None:
    terms = STUDENT.terms(
        case("student", day=date(2026, 1, 31), graduation_date="2026-02-28", enrolment={"graduates_on": "2026-02-28"})
    )
    assert terms.principal_grace_periods == 1


def test_the_term_must_fit_the_studies_and_the_grace() -> None:
    assert problems(term=29) == {}
    assert "from 29 to 197" in problems(term=28)["term"]
    assert "from 41 to 197" in problems(term=40, principal_grace=12)["term"]
    assert problems(term=197) == {}
    assert problems(term=198).keys() == {"term"}
    assert "to 264 months" in problems(term=100, graduation_date="2033-12-31")["term"]
    assert "from 77 to 245" in problems(term=246, graduation_date="2031-06-30")["term"]


def test_a_graduation_in_the_past_is_refused() -> None:
    assert problems(graduation_date="2026-01-05").keys() == {"graduation_date"}


def test_who_is_under_16_is_refused() -> None:
    assert problems(id_number=id_number(date(2010, 1, 6)), **PARENT).keys() == {"id_number"}


def test_a_minor_needs_a_joint_borrower() -> None:
    assert problems(id_number=MINOR).keys() == PARENT.keys()
    assert problems(id_number=MINOR, **PARENT) == {}


def test_a_parent_borrows_too_where_the_loan_is_granted_at_home() -> None:
    assert problems(granted="at_school") == {}
    assert problems(granted="at_home").keys() == PARENT.keys()
    assert problems(granted="at_home", **PARENT) == {}


def test_a_joint_borrower_is_named_in_full() -> None:
    assert problems(joint_borrower_name="欧阳家长").keys() == {"joint_borrower_id_number", "joint_borrower_mobile"}


def test_a_joint_borrower_is_another_person_of_age() -> None:
    own = application("student")["id_number"]
    assert "another person" in problems(**(PARENT | {"joint_borrower_id_number": own}))["joint_borrower_id_number"]
    assert "at least 18" in problems(**(PARENT | {"joint_borrower_id_number": MINOR}))["joint_borrower_id_number"]


def test_the_joint_borrower_becomes_a_party() -> None:
    assert STUDENT.parties(case("student").form) == []
    assert STUDENT.parties(case("student", **PARENT).form) == [JointParty(PartyRole.JOINT_BORROWER, *PARENT.values())]


def test_the_school_gets_the_tuition_and_the_student_the_rest() -> None:
    school, own = STUDENT.payees(case("student"))
    assert (school.name, school.account, school.amount_fen) == ("云川大学", "6990000000000002", 600_000)
    assert (own.role, own.account, own.amount_fen) == (PartyRole.BORROWER, "6990000000000001", 900_000)


@pytest.mark.parametrize(("tuition", "amounts"), [("30000", [1_500_000]), ("15000", [1_500_000]), ("0", [1_500_000])])
def test_no_payee_gets_nothing(tuition: str, amounts: list[int]) -> None:
    assert [payee.amount_fen for payee in STUDENT.payees(case("student", tuition=tuition))] == amounts


def test_without_a_registered_account_of_the_school_nobody_is_paid() -> None:
    with pytest.raises(PayeeUnknown):
        STUDENT.payees(case("student", enrolment=None))
