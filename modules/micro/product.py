"""The microloan: its form, checks, facts and terms. Limits and prices are in grading.json."""

from collections.abc import Mapping
from datetime import date
from typing import Any

from lending.terms import Terms
from models.customers import PartyRole
from models.products import FieldKind, FormField, LoanCase, Payee, Product
from models.verification import RegisterRule, WhenDown
from modules.applicants import age_problem
from modules.case_facts import BUREAU_FACTS, IDENTITY_FACTS, basis_points, bureau_facts, day_number, identity_facts
from modules.installments import MONTHS_A_QUARTER, PERIODS, installment_terms
from modules.shipped import shipped_grading, shipped_policies
from services.forms import Sentence
from services.policy_tables import BOOLEAN, INTEGER

METHODS = ("level_payment", "equal_principal", "interest_only", "bullet")
LONGEST_WEEKLY_MONTHS = 12
FACTS: Mapping[str, str] = {
    "day": INTEGER,
    "amount_fen": INTEGER,
    "term": INTEGER,
    **IDENTITY_FACTS,
    "enrolment_known": BOOLEAN,
    "full_time_student": BOOLEAN,
    **BUREAU_FACTS,
    "stated_to_known_income_bp": INTEGER,
}
"""What `facts` gives."""


def form_problems(form: Mapping[str, Any], day: date) -> dict[str, str]:
    """Minors are refused, and a term that does not go with the period: weeks for a year at most, whole quarters."""
    return age_problem(form, day, 18) | _term_problem(form)


def _term_problem(form: Mapping[str, Any]) -> dict[str, str]:
    period, term = form.get("period"), form.get("term", 0)
    if period == "week" and term > LONGEST_WEEKLY_MONTHS:
        return {
            "term": Sentence(
                f"By the week a loan runs for {LONGEST_WEEKLY_MONTHS} months at most.",
                f"按周还款的，期限最长{LONGEST_WEEKLY_MONTHS}个月。",
            )
        }
    if period == "quarter" and term % MONTHS_A_QUARTER:
        return {
            "term": Sentence("By the quarter the term is a multiple of 3 months.", "按季还款的，期限应为3个月的倍数。")
        }
    return {}


def facts(case: LoanCase) -> dict[str, Any]:
    """The inputs of the grading table.

    A full-time student counts as such from the register alone: microloan companies may not lend to them online
    (five-ministry notice of 2021).
    """
    enrolment = case.answers.get("enrolment")
    bureau = case.answers.get("bureau") or {}
    known_income_fen = bureau.get("monthly_income_fen") or 0
    stated_income_fen = case.form["monthly_income"]
    return {
        "day": day_number(case.day),
        "amount_fen": case.amount_fen,
        "term": case.term,
        **identity_facts(case),
        "enrolment_known": enrolment is not None,
        "full_time_student": enrolment is not None and enrolment["enrolled"] and bool(enrolment["full_time"]),
        **bureau_facts(case, stated_income_fen),
        "stated_to_known_income_bp": basis_points(stated_income_fen, known_income_fen) if known_income_fen else 0,
    }


def terms(case: LoanCase) -> Terms:
    """Terms by the method and period the borrower chose, level payments by the month if he chose none.

    What falls due but once a quarter falls due on a working day.
    """
    period = case.form.get("period", "month")
    worked = {"business_days": "following"} if period == "quarter" else {}
    method = case.form.get("method", "level_payment")
    return installment_terms(case, method=method, grace_days=0, period=period, **worked)


def payees(case: LoanCase) -> list[Payee]:
    """All goes to the borrower's own card."""
    return [Payee(case.form["name"], case.form["bank_card"], case.amount_fen, PartyRole.BORROWER)]


MICRO = Product(
    code="micro",
    licence="microloan",
    name_en="Microloan",
    name_zh="小额贷款",
    fields=(
        FormField("amount", FieldKind.MONEY, "Amount", "借款金额", minimum=100_000, maximum=20_000_000),
        FormField("term", FieldKind.INTEGER, "Term in months", "借款期限（月）", minimum=1, maximum=36),
        FormField("purpose", FieldKind.CHOICE, "Purpose", "借款用途", choices=("consumption", "business")),
        FormField("monthly_income", FieldKind.MONEY, "Monthly income", "月收入", minimum=100, maximum=100_000_000),
        FormField("method", FieldKind.CHOICE, "Repayment method", "还款方式", required=False, choices=METHODS),
        FormField("period", FieldKind.CHOICE, "Installments fall due", "还款频率", required=False, choices=PERIODS),
    ),
    documents=("id_card", "income_proof", "bank_statement"),
    checks=("identity", "bureau", "enrolment", "screening"),
    # The register alone says who may not be lent to at all, so it is waited for.
    register_rules={"enrolment": RegisterRule(valid_days=30, when_down=WhenDown.WAIT, wait_days=1)},
    grading=shipped_grading(__file__),
    policies=shipped_policies(__file__),
    # The five-ministry notice of 2021, the most that one person may owe online, and minors.
    refused_by_law=frozenset({"full_time_student", "exposure_at_limit", "amount_above_cap", "too_young"}),
    facts=facts,
    fact_types=FACTS,
    terms=terms,
    payees=payees,
    form_problems=form_problems,
)
