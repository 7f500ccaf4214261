"""Good applications and good answers of the registers, for each product; a test names what differs."""

from datetime import date
from typing import Any

from stdnum.cn.ric import calc_check_digit

from models.products import LoanCase, Product
from models.verification import CheckName
from services.forms import read_form
from services.limits import Limits, shipped_rows
from services.products import load

DAY = date(2026, 1, 5)
CATALOGUE = load(("modules.auto", "modules.micro", "modules.student"))
RATES = Limits.of(shipped_rows()).rates

CUSTOMER = {
    "name": "欧阳测试",
    "mobile": "19900000001",
    "bank_card": "6990000000000001",
}
FORMS: dict[str, dict[str, object]] = {
    "micro": {"amount": "12000.00", "term": "12", "purpose": "consumption", "monthly_income": "10000"},
    "auto": {
        "amount": "80000",
        "term": 36,
        "vin": "1M8GDM9AXKP042788",
        "vehicle_model": "晨曦 1.5L",
        "condition": "new",
        "vehicle_price": "100000",
        "down_payment": "20000",
        "dealer": "远帆汽车销售服务有限公司",
    },
    "student": {
        "amount": "15000",
        "term": 60,
        "school": "云川大学",
        "degree": "bachelor",
        "tuition": "6000",
        "living_costs": "20000",
        "graduation_date": "2027-06-30",
        "household_income": "50000",
    },
}
BUREAU = {
    "found": True,
    "overdue_count_24m": 0,
    "worst_dpd": 0,
    "open_loans": 1,
    "debt_fen": 1_000_000,
    "monthly_payment_fen": 50_000,
    "history_months": 60,
    "blacklisted": False,
    "monthly_income_fen": 1_000_000,
}
ENROLMENT = {
    "enrolled": True,
    "school": "云川大学",
    "school_account": "6990000000000002",
    "full_time": True,
    "degree": "bachelor",
    "started": "2023-09-01",
    "graduates_on": "2027-06-30",
}
VEHICLE = {
    "found": True,
    "model": "晨曦 1.5L",
    "new_energy": False,
    "price_fen": 10_000_000,
    "new": True,
    "first_registered": None,
    "mortgaged": False,
    "dealer": {"name": "远帆汽车销售服务有限公司", "licensed": True, "account": "6990000000000003"},
    "dealer_matches": True,
    "owner_matches": None,
}
ON_NO_LIST: dict[str, Any] = {"findings": []}
ANSWERS: dict[str, dict[str, dict[str, Any]]] = {
    "micro": {
        "identity": {"result": "match"},
        "bureau": BUREAU,
        "enrolment": {"enrolled": False},
        "screening": ON_NO_LIST,
    },
    "auto": {
        "identity": {"result": "match"},
        "bureau": {**BUREAU, "monthly_income_fen": 2_000_000},
        "vehicle": VEHICLE,
        "screening": ON_NO_LIST,
    },
    "student": {"identity": {"result": "match"}, "enrolment": ENROLMENT, "screening": ON_NO_LIST},
}


def id_number(born: date = date(1990, 5, 17), sequence: int = 12) -> str:
    """A resident ID number of this birth date; the region is a whole province, which nobody's number carries."""
    body = f"110000{born:%Y%m%d}{sequence:03d}"
    return body + calc_check_digit(f"{body}0")


def application(code: str, **changes: object) -> dict[str, object]:
    """A good application as it comes in, with these fields changed; None leaves one out."""
    born = date(2004, 3, 2) if code == "student" else date(1990, 5, 17)
    raw = {**CUSTOMER, "id_number": id_number(born), **FORMS[code], **changes}
    return {name: value for name, value in raw.items() if value is not None}


def case(code: str, *, rate: str = "12", day: date = DAY, **changes: object) -> LoanCase:
    """A case of this product with all good answers; changes of the form, or of an answer by its check's name.

    None as an answer stands for a register that could not be asked. About a co-signer a check is `identity@guarantor`.
    """
    registers = product(code).checks
    stated = {name: value for name, value in changes.items() if name not in registers and "@" not in name}
    form = read_form(product(code), application(code, **stated), day)
    answers = {}
    for check in product(code).checks_for(one.role for one in product(code).parties(form)):
        change = changes.get(check, {})
        if isinstance(change, dict):
            answers[check] = {**ANSWERS[code][CheckName.parse(check).register], **change}
    return LoanCase(form, answers, day, form["amount"], form["term"], rate, RATES)


def product(code: str) -> Product:
    """The product as its module offers it."""
    return CATALOGUE.product(code)
