"""The student loan: its form, checks, facts, terms, payees and joint borrower.

Levels of hardship, yearly limits, lists of documents, grades and rates are the policies beside this file.
"""

from collections.abc import Mapping
from datetime import date
from typing import Any

from lending.hardship import Claim, award, income_per_head
from lending.terms import Terms
from models.customers import PartyRole
from models.products import FieldKind, FormField, LoanCase, Payee, Product
from models.refusal_reasons import REFUSAL_REASONS, RefusalReason
from models.verification import RegisterRule, WhenDown
from modules.applicants import age_problem
from modules.case_facts import CO_SIGNER_FACTS, IDENTITY_FACTS, co_signer_facts, day_number, identity_facts
from modules.co_signers import ADULT, CoSigner
from modules.installments import installment_terms, months_until
from modules.shipped import shipped_grading, shipped_policies
from services.forms import Sentence, age_on, birth_date
from services.policy_tables import BOOLEAN, INTEGER, STRING
from services.products import PayeeUnknown

YOUNGEST = 16
LONGEST_MONTHS = 22 * 12
LONGEST_MONTHS_AFTER_GRADUATION = 15 * 12
LONGEST_GRACE_MONTHS = 5 * 12
SHORTEST_REPAYMENT_MONTHS = 12
PARENT = CoSigner(PartyRole.JOINT_BORROWER, "Joint borrower", "共同借款人")
SCHOOL_YEAR_BEGINS = (9, 1)
CIRCUMSTANCES = (
    "low_income_certificate",
    "orphan",
    "disability",
    "natural_disaster",
    "single_parent",
    "serious_illness",
)
"""What a household may state besides its income; each is a fact of the hardship table."""
BURDENS = frozenset(CIRCUMSTANCES) - {"low_income_certificate", "orphan"}
"""Those of which several weigh more than one; the other two speak for themselves."""
FACTS: Mapping[str, str] = {
    "day": INTEGER,
    "amount_fen": INTEGER,
    "term": INTEGER,
    **IDENTITY_FACTS,
    "enrolment_known": BOOLEAN,
    "full_time_student": BOOLEAN,
    "school_matches": BOOLEAN,
    "degree_matches": BOOLEAN,
    "graduation_matches": BOOLEAN,
    "degree": STRING,
    "household_income_fen": INTEGER,
    "household_size_known": BOOLEAN,
    "household_size": INTEGER,
    "income_per_head_fen": INTEGER,
    **dict.fromkeys(CIRCUMSTANCES, BOOLEAN),
    "burdens": INTEGER,
    "fees_fen": INTEGER,
    "living_costs_known": BOOLEAN,
    "living_costs_fen": INTEGER,
    **CO_SIGNER_FACTS,
}
"""What `facts` gives, but for the mark by which `further_facts` tells older cases."""


def form_problems(form: Mapping[str, Any], day: date) -> dict[str, str]:
    """Refuses who is under 16, a joint borrower who is missing or unfit, and a term that does not fit.

    The term ends 15 years after graduation at the latest, and leaves at least a year of repayment after the grace. A
    parent borrows with a minor, and with everybody whose loan is granted at home and not at the school (rules of 2007
    on loans at the place of origin).
    """
    minor = "id_number" in form and age_on(birth_date(form["id_number"]), day) < ADULT
    joint = PARENT.problems(form, day, is_needed=minor or form.get("granted") == "at_home")
    return age_problem(form, day, YOUNGEST) | joint | _term_problems(form, day)


def _term_problems(form: Mapping[str, Any], day: date) -> dict[str, str]:
    if "graduation_date" not in form:
        return {}
    graduation = date.fromisoformat(form["graduation_date"])
    if graduation <= day:
        return {"graduation_date": Sentence("The graduation date must lie ahead.", "毕业日期应在今天之后。")}
    if "term" not in form:
        return {}
    studying = months_until(day, graduation)
    least = studying + form.get("principal_grace", 0) + SHORTEST_REPAYMENT_MONTHS
    most = min(LONGEST_MONTHS, studying + LONGEST_MONTHS_AFTER_GRADUATION)
    if least <= form["term"] <= most:
        return {}
    return {
        "term": Sentence(
            f"With this graduation date and grace the term must be from {least} to {most} months.",
            f"按所填毕业日期和宽限期，借款期限应为{least}至{most}个月。",
        )
    }


def facts(case: LoanCase) -> dict[str, Any]:
    """The inputs of the tables: the form beside the enrolment register. What was not stated is 0, and said to be so."""
    answer = case.answers.get("enrolment")
    entry: Mapping[str, Any] = answer if answer is not None and answer["enrolled"] else {}
    return {
        "day": day_number(case.day),
        "amount_fen": case.amount_fen,
        "term": case.term,
        **identity_facts(case),
        "enrolment_known": answer is not None,
        "full_time_student": bool(entry.get("full_time")),
        "school_matches": entry.get("school") == case.form["school"],
        "degree_matches": entry.get("degree") == case.form["degree"],
        "graduation_matches": str(entry.get("graduates_on")) == case.form["graduation_date"],
        "degree": case.form["degree"],
        **_household(case.form),
        **co_signer_facts(case, PARENT.party(case.form)),
    }


def _household(form: Mapping[str, Any]) -> dict[str, Any]:
    income_fen, size = form["household_income"], form.get("household_size")
    stated = frozenset(form.get("circumstances", ()))
    return {
        "household_income_fen": income_fen,
        "household_size_known": size is not None,
        "household_size": size or 0,
        "income_per_head_fen": income_per_head(income_fen, size),
        **{one: one in stated for one in CIRCUMSTANCES},
        "burdens": len(stated & BURDENS),
        "fees_fen": form["tuition"],
        "living_costs_known": "living_costs" in form,
        "living_costs_fen": form.get("living_costs", 0),
        "fees_are_unstated_need": True,
    }


def further_facts(known: Mapping[str, Any]) -> dict[str, Any]:
    """The most that may be lent by hardship, need and yearly limit, and the steps to it; see `lending.hardship`.

    `hardship_steps` is no fact of a table: it tells people how the sum was found. Nor is `fees_are_unstated_need`: a
    case that was graded before there was such a mark is reckoned as it was then.
    """
    claim = Claim(
        asked_fen=known["amount_fen"],
        fees_fen=known["fees_fen"],
        living_fen=known["living_costs_fen"] if known["living_costs_known"] else None,
        household_income_fen=known["household_income_fen"],
        household_size=known["household_size"] if known["household_size_known"] else None,
        lent_fen=known["lent_this_year_fen"],
    )
    found = award(
        claim,
        known["hardship_level"],
        known["share_bp"],
        known["yearly_limit_fen"],
        limit_for_unstated_need=not known.get("fees_are_unstated_need", False),
    )
    total_fen = known["amount_fen"] + known["lent_this_year_fen"]
    return {
        "above_yearly_limit": total_fen > known["yearly_limit_fen"],
        "hardship_fen": found.amount_fen,
        "hardship_steps": [step.as_json() for step in found.steps],
    }


def _graduation(case: LoanCase) -> date:
    """The register's date where it gave one."""
    entry = case.answers.get("enrolment") or {}
    return date.fromisoformat(str(entry.get("graduates_on") or case.form["graduation_date"]))


def terms(case: LoanCase) -> Terms:
    """Until graduation the state pays the interest and no principal is due; then any grace, then level payments.

    While studying nothing is due from the borrower, so nothing can be late and no penalty arises.
    """
    graduation = _graduation(case)
    return installment_terms(
        case,
        method="level_payment",
        grace_days=3,
        principal_grace_periods=months_until(case.day, graduation) + case.form.get("principal_grace", 0),
        subsidised_until=graduation.isoformat(),
    )


def payees(case: LoanCase) -> list[Payee]:
    """The school first, for the tuition; what is left goes to the student's own card.

    Refuses while the enrolment register names no account of the school.
    """
    entry = case.answers.get("enrolment") or {}
    if not entry.get("school_account"):
        raise PayeeUnknown("the enrolment register names no account of the school; ask it again before paying out")
    tuition_fen = min(case.form["tuition"], case.amount_fen)
    parts = [
        Payee(entry["school"], entry["school_account"], tuition_fen),
        Payee(case.form["name"], case.form["bank_card"], case.amount_fen - tuition_fen, PartyRole.BORROWER),
    ]
    return [part for part in parts if part.amount_fen > 0]


STUDENT = Product(
    code="student",
    licence="bank",
    name_en="Student loan",
    name_zh="助学贷款",
    fields=(
        FormField("amount", FieldKind.MONEY, "Amount", "借款金额", minimum=100_000, maximum=2_500_000),
        FormField("term", FieldKind.INTEGER, "Term in months", "借款期限（月）", minimum=13, maximum=LONGEST_MONTHS),
        FormField("school", FieldKind.TEXT, "School", "学校", maximum=100),
        FormField(
            "degree", FieldKind.CHOICE, "Degree", "学历层次", choices=("associate", "bachelor", "master", "doctor")
        ),
        FormField("tuition", FieldKind.MONEY, "Tuition", "学费", minimum=0, maximum=100_000_000),
        FormField("graduation_date", FieldKind.DATE, "Graduation date", "毕业日期"),
        FormField(
            "household_income", FieldKind.MONEY, "Household income a year", "家庭年收入", minimum=0, maximum=10**10
        ),
        FormField(
            "household_size",
            FieldKind.INTEGER,
            "People in the household",
            "家庭人口数",
            required=False,
            minimum=1,
            maximum=20,
        ),
        FormField(
            "circumstances",
            FieldKind.CHOICES,
            "Special circumstances",
            "家庭特殊情况",
            required=False,
            choices=CIRCUMSTANCES,
        ),
        FormField(
            "living_costs",
            FieldKind.MONEY,
            "Living costs a year",
            "每年生活费",
            required=False,
            minimum=0,
            maximum=10_000_000,
        ),
        FormField(
            "principal_grace",
            FieldKind.INTEGER,
            "Months without principal after graduation",
            "毕业后还本宽限期（月）",
            required=False,
            minimum=0,
            maximum=LONGEST_GRACE_MONTHS,
        ),
        FormField("granted", FieldKind.CHOICE, "Granted", "贷款类型", required=False, choices=("at_school", "at_home")),
        *PARENT.fields,
    ),
    documents=("id_card", "admission_letter", "hardship_proof"),
    checks=("identity", "enrolment", "screening"),
    co_signer_checks={PartyRole.JOINT_BORROWER: ("identity", "screening")},
    # Without it there is no student loan, and it is away for days when schools begin.
    register_rules={"enrolment": RegisterRule(valid_days=30, when_down=WhenDown.WAIT, wait_days=2)},
    grading=shipped_grading(__file__),
    policies=shipped_policies(__file__),
    # State student loans are for full-time students, up to a sum a year.
    refused_by_law=frozenset({"not_full_time_student", "year_is_used", "term_above_law"}),
    refusal_reasons=(
        *REFUSAL_REASONS,
        RefusalReason(
            "need_not_shown",
            "The family's need is not shown.",
            "家庭经济困难情况未能证明。",
            "Apply anew with proof of your family's circumstances, from your school or the local authority.",
            "请向学校或当地有关部门取得家庭经济困难证明后重新申请。",
        ),
    ),
    facts=facts,
    fact_types=FACTS,
    further_facts=further_facts,
    year_begins=SCHOOL_YEAR_BEGINS,
    terms=terms,
    payees=payees,
    parties=PARENT.party,
    form_problems=form_problems,
)
