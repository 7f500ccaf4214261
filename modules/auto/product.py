"""The auto loan: its form, checks, facts, terms, payee and security. Caps, limits and prices are in grading.json."""

import json
from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Any

from lending.money import yuan
from lending.terms import Terms
from models.products import FieldKind, FormField, LoanCase, Payee, Product, Security
from modules.applicants import age_problem
from modules.case_facts import basis_points, bureau_facts, day_number, identity_facts
from modules.monthly import monthly_terms
from services.forms import Sentence
from services.products import PayeeUnknown


def form_problems(form: Mapping[str, Any], day: date) -> dict[str, str]:
    """Minors are refused, and an amount that does not make up the price together with the down payment."""
    problems = age_problem(form, day, 18)
    if {"amount", "down_payment", "vehicle_price"} <= form.keys():
        missing_fen = form["vehicle_price"] - form["amount"]
        if form["down_payment"] != missing_fen:
            expected = yuan(max(0, missing_fen))
            problems["down_payment"] = Sentence(
                f"Amount and down payment must add up to the vehicle's price: {expected} is left to pay down.",
                f"借款金额与首付款之和应等于车价，首付款应为{expected}元。",
            )
    return problems


def facts(case: LoanCase) -> dict[str, Any]:
    """The inputs of the grading table. The loan is measured against the lower of stated and registered price."""
    vehicle = case.answers.get("vehicle")
    car = vehicle if vehicle is not None and vehicle["found"] else None
    dealer = vehicle["dealer"] if vehicle is not None else None
    price_fen = case.form["vehicle_price"] if car is None else min(case.form["vehicle_price"], car["price_fen"])
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
        "condition": case.form["condition"],
        "condition_matches": car is not None and car["new"] == (case.form["condition"] != "used"),
        "ltv_bp": basis_points(case.amount_fen, price_fen),
        **bureau_facts(case),
    }


def terms(case: LoanCase) -> Terms:
    """Level payments by the month."""
    return monthly_terms(case, method="level_payment", grace_days=3)


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
    ),
    documents=("id_card", "driving_licence", "vehicle_invoice"),
    checks=("identity", "bureau", "vehicle"),
    grading=json.loads(Path(__file__).with_name("grading.json").read_text(encoding="utf-8")),
    facts=facts,
    terms=terms,
    payees=payees,
    security=security,
    form_problems=form_problems,
)
