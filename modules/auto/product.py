"""The auto loan: its form, checks, facts, terms, payee and security.

Caps, limits and prices are policies; what has to be there before and after the payout is in conditions.json.
"""

import json
from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

from lending.financing import lending_value
from lending.floating import FloatingRate, rate_on
from lending.floating_clause import FloatingClause, Reset, Tenor
from lending.money import yuan
from lending.terms import Terms
from models.collateral import ConditionKind, Requirement
from models.customers import PartyRole
from models.products import FieldKind, FormField, LoanCase, Payee, Product, Security
from models.refusal_reasons import REFUSAL_REASONS, RefusalReason
from models.verification import RegisterRule, WhenDown
from modules.applicants import age_problem
from modules.case_facts import (
    BUREAU_FACTS,
    CO_SIGNER_FACTS,
    IDENTITY_FACTS,
    basis_points,
    bureau_facts,
    co_signer_facts,
    day_number,
    identity_facts,
)
from modules.co_signers import ADULT, CoSigner
from modules.installments import flat_rate_percent, installment_terms
from modules.shipped import shipped_grading, shipped_policies
from services.forms import Sentence
from services.policy_tables import BOOLEAN, INTEGER, STRING
from services.products import PayeeUnknown

GRACE_DAYS = 3
METHODS = ("level_payment", "equal_principal", "flat")
GUARANTOR = CoSigner(PartyRole.GUARANTOR, "Guarantor", "保证人")
GUARANTEED_ABOVE_PERCENT = 80
"""Of the price: whoever pays down less, as the rules allow for new energy, brings somebody who answers for him."""
TRACKING_FEE_FEN = 1_000
"""A month, for as long as the loan runs."""
CONDITIONS: Mapping[str, Any] = json.loads(Path(__file__).with_name("conditions.json").read_text(encoding="utf-8"))
"""By the condition of the vehicle. A new one is registered to its owner with the invoice of the paid price, so the
mortgage follows the payout; a used one has an owner already, and is paid for once it is mortgaged."""
PRICED_AT_LPR = Decimal("3.00")
"""The one-year loan prime rate on which the rates of grading.json are built; what they are above it is the margin."""

FACTS: Mapping[str, str] = {
    "day": INTEGER,
    "amount_fen": INTEGER,
    "term": INTEGER,
    **IDENTITY_FACTS,
    "vehicle_known": BOOLEAN,
    "vehicle_found": BOOLEAN,
    "mortgaged": BOOLEAN,
    "dealer_licensed": BOOLEAN,
    "dealer_matches": BOOLEAN,
    "dealer_blocked": BOOLEAN,
    "vehicle_elsewhere": BOOLEAN,
    "condition": STRING,
    "condition_matches": BOOLEAN,
    "valued": BOOLEAN,
    "vehicle_age_months": INTEGER,
    "vehicle_age_at_end_months": INTEGER,
    "mileage_km": INTEGER,
    "value_fen": INTEGER,
    "ltv_bp": INTEGER,
    **BUREAU_FACTS,
    **CO_SIGNER_FACTS,
}
"""What `facts` gives."""


def form_problems(form: Mapping[str, Any], day: date) -> dict[str, str]:
    """Minors are refused, an amount that does not make up the price together with the down payment, and flat interest
    at a floating rate: what is spread evenly to the end cannot follow a rate that changes on the way.

    Anybody may bring a guarantor; who borrows more than 80 % of the price needs one.
    """
    is_priced = {"amount", "vehicle_price"} <= form.keys()
    lends_much = is_priced and form["amount"] * 100 > form["vehicle_price"] * GUARANTEED_ABOVE_PERCENT
    problems = age_problem(form, day, ADULT) | GUARANTOR.problems(form, day, is_needed=lends_much)
    if form.get("method") == "flat" and form.get("rate_type") == "floating":
        problems["rate_type"] = Sentence("Flat interest has a fixed rate.", "等本等息只能采用固定利率。")
    if {"amount", "down_payment", "vehicle_price"} <= form.keys():
        missing_fen = form["vehicle_price"] - form["amount"]
        if form["down_payment"] != missing_fen:
            expected = yuan(max(0, missing_fen))
            problems["down_payment"] = Sentence(
                f"Amount and down payment must add up to the vehicle's price: {expected} is left to pay down.",
                f"借款金额与首付款之和应等于车价，首付款应为{expected}元。",
            )
    return problems


def restated(form: Mapping[str, Any], amount_fen: int, term: int) -> dict[str, Any]:
    """Who borrows less pays down more: the price of the vehicle stays."""
    return {**form, "amount": amount_fen, "term": term, "down_payment": form["vehicle_price"] - amount_fen}


def facts(case: LoanCase) -> dict[str, Any]:
    """The inputs of the tables. The loan is measured against the lowest of stated price, invoice, register and,
    for a used vehicle, valuation; ages are in full months.
    """
    vehicle = case.answers.get("vehicle")
    car = vehicle if vehicle is not None and vehicle["found"] else None
    dealer = vehicle["dealer"] if vehicle is not None else None
    is_used, valuation_fen = case.form["condition"] == "used", car.get("valuation_fen") if car else None
    # What the register has of a used vehicle is what its dealer asks; a valuation looks at age and mileage.
    assessed = [car["price_fen"] if car else None, valuation_fen if is_used else None]
    assessed_fen = min((fen for fen in assessed if fen is not None), default=None)
    value_fen = lending_value(
        case.form["vehicle_price"], invoice_fen=case.security.invoice_fen, assessed_fen=assessed_fen
    )
    age_months = _age_months(car, case.day)
    return {
        "day": day_number(case.day),
        "amount_fen": case.amount_fen,
        "term": case.term,
        **identity_facts(case),
        "vehicle_known": vehicle is not None,
        "vehicle_found": car is not None,
        "mortgaged": car is not None and car["mortgaged"],
        "dealer_licensed": dealer is not None and dealer["licensed"],
        "dealer_matches": car is not None and car["dealer_matches"],
        "dealer_blocked": case.security.dealer_blocked,
        "vehicle_elsewhere": case.security.is_elsewhere,
        "condition": case.form["condition"],
        "condition_matches": car is not None and car["new"] == (case.form["condition"] != "used"),
        "valued": not is_used or valuation_fen is not None,
        "vehicle_age_months": age_months,
        "vehicle_age_at_end_months": age_months + case.term,
        "mileage_km": (car.get("mileage_km") if car else None) or 0,
        "value_fen": value_fen,
        "ltv_bp": basis_points(case.amount_fen, value_fen),
        **bureau_facts(case),
        **co_signer_facts(case, GUARANTOR.party(case.form)),
    }


def _age_months(car: Mapping[str, Any] | None, day: date) -> int:
    """Full months since the first registration; none for a vehicle that was never registered, or that nobody knows."""
    registered = date.fromisoformat(str(car["first_registered"])) if car and car["first_registered"] else day
    return max((day.year - registered.year) * 12 + day.month - registered.month - (day.day < registered.day), 0)


def requirements(form: Mapping[str, Any]) -> tuple[Requirement, ...]:
    """What is asked for before and after the payout, by the condition of the vehicle."""
    return tuple(
        Requirement(ConditionKind(one["kind"]), before_payout=one["before_payout"], days=one["days"])
        for one in CONDITIONS[form["condition"]]
    )


def terms(case: LoanCase) -> Terms:
    """Monthly terms by the method the borrower chose, level payments at a fixed rate if he chose nothing.

    Flat interest is quoted so that it costs no more than level payments at the rate of the grade. A floating rate is
    the loan prime rate plus the margin of the grade and follows it each 1 January. Who has the vehicle tracked pays for
    it with each installment; nothing is ever taken out of the payout.
    """
    method, chosen = case.form.get("method", "level_payment"), dict[str, Any]()
    if case.form.get("tracking") == "yes":
        chosen["fees"] = [{"name": "车辆定位 vehicle tracking", "amount": yuan(TRACKING_FEE_FEN)}]
    if case.form.get("rate_type") == "floating":
        chosen |= _floating(case)
    if method == "flat":
        level = installment_terms(case, method="level_payment", grace_days=GRACE_DAYS)
        chosen["annual_rate_percent"] = flat_rate_percent(level)
    return installment_terms(case, method=method, grace_days=GRACE_DAYS, **chosen)


def _floating(case: LoanCase) -> dict[str, Any]:
    """Five years at most, so the rate of one year is followed and not that of longer loans."""
    margin = Decimal(case.annual_rate_percent) - PRICED_AT_LPR
    clause = FloatingClause(Tenor.ONE_YEAR, margin, Reset.NEW_YEAR)
    rate = rate_on(FloatingRate(clause.tenor, margin, clause.reset, case.day), case.rates, case.day)
    return {"annual_rate_percent": format(rate, "f"), "floating": clause.to_json()}


def payees(case: LoanCase) -> list[Payee]:
    """All goes to the dealer, to the account that the vehicle register names; refuses while it names none."""
    dealer = (case.answers.get("vehicle") or {}).get("dealer")
    if not dealer:
        raise PayeeUnknown("the vehicle register names no account of the dealer; ask it again before paying out")
    return [Payee(dealer["name"], dealer["account"], case.amount_fen)]


def security(form: Mapping[str, Any]) -> Security:
    """The vehicle."""
    return Security("vehicle", form["vin"], form["vehicle_model"], form["vehicle_price"])


AUTO = Product(
    code="auto",
    licence="auto_finance",
    name_en="Auto loan",
    name_zh="汽车贷款",
    fields=(
        FormField("amount", FieldKind.MONEY, "Amount", "借款金额", minimum=500_000, maximum=200_000_000),
        FormField("term", FieldKind.INTEGER, "Term in months", "借款期限（月）", minimum=3, maximum=60),
        FormField("vin", FieldKind.VIN, "VIN", "车辆识别代号"),
        FormField("vehicle_model", FieldKind.TEXT, "Vehicle model", "车型", maximum=64),
        FormField("condition", FieldKind.CHOICE, "Condition", "车辆类别", choices=("new", "new_energy", "used")),
        FormField("vehicle_price", FieldKind.MONEY, "Vehicle price", "车价", minimum=500_000, maximum=500_000_000),
        FormField("down_payment", FieldKind.MONEY, "Down payment", "首付款", minimum=0, maximum=500_000_000),
        FormField("dealer", FieldKind.TEXT, "Dealer", "经销商", maximum=100),
        FormField("invoice_number", FieldKind.TEXT, "Number of the invoice", "发票号码", required=False, maximum=20),
        FormField("method", FieldKind.CHOICE, "Repayment method", "还款方式", required=False, choices=METHODS),
        FormField("rate_type", FieldKind.CHOICE, "Rate", "利率类型", required=False, choices=("fixed", "floating")),
        FormField(
            "tracking",
            FieldKind.CHOICE,
            "Vehicle tracking for 10 yuan a month",
            "车辆定位服务（每月10元）",
            required=False,
            choices=("yes", "no"),
        ),
        *GUARANTOR.fields,
    ),
    documents=("id_card", "driving_licence", "vehicle_invoice", "income_proof", "bank_statement"),
    later_documents=("vehicle_registration", "insurance_policy"),
    checks=("identity", "bureau", "vehicle", "screening"),
    co_signer_checks={PartyRole.GUARANTOR: ("identity", "bureau", "screening")},
    # It names the account that the price is paid to, so nothing goes on without it but by a person's word.
    register_rules={"vehicle": RegisterRule(valid_days=7, when_down=WhenDown.PERSON)},
    grading=shipped_grading(__file__),
    policies=shipped_policies(__file__),
    # The most that may be lent on a vehicle, by the rules of 2018.
    refused_by_law=frozenset({"ltv_above_cap", "term_above_law", "too_young"}),
    refusal_reasons=(
        *REFUSAL_REASONS,
        RefusalReason(
            "vehicle_not_suitable",
            "The vehicle, its price or its papers do not support the loan.",
            "车辆状况、价格或手续不足以支持本笔贷款。",
            "Choose another vehicle, or pay down more.",
            "请选择其他车辆，或提高首付比例。",
        ),
    ),
    facts=facts,
    fact_types=FACTS,
    terms=terms,
    payees=payees,
    parties=GUARANTOR.party,
    security=security,
    requirements=requirements,
    form_problems=form_problems,
    restated=restated,
)
