"""What a product is: data and a few pure hooks. The products themselves are plug-ins in `modules/`."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum
from typing import Any

from lending.debits import DebitPlan
from lending.delinquency import Milestones
from lending.floating import LoanPrimeRates
from lending.terms import Terms
from models.customers import PartyRole
from models.staff import Role


class FieldKind(StrEnum):
    """How a form field is read and checked."""

    TEXT = "text"
    INTEGER = "integer"
    MONEY = "money"
    DATE = "date"
    CHOICE = "choice"
    NAME = "name"
    ID_NUMBER = "id_number"
    MOBILE = "mobile"
    BANK_CARD = "bank_card"
    VIN = "vin"


@dataclass(frozen=True)
class FormField:
    """One field of an application form. Bounds are inclusive; money bounds are fen."""

    name: str
    kind: FieldKind
    label_en: str
    label_zh: str
    required: bool = True
    minimum: int | None = None
    maximum: int | None = None
    choices: tuple[str, ...] = ()


CUSTOMER_FIELDS = (
    FormField("name", FieldKind.NAME, "Name", "姓名"),
    FormField("id_number", FieldKind.ID_NUMBER, "ID number", "身份证号"),
    FormField("mobile", FieldKind.MOBILE, "Mobile", "手机号"),
    FormField("bank_card", FieldKind.BANK_CARD, "Bank card", "银行卡号"),
    FormField("occupation", FieldKind.TEXT, "Occupation", "职业", required=False, maximum=60),
    FormField("hobbies", FieldKind.TEXT, "Hobbies", "爱好", required=False, maximum=200),
)
"""Asked of every customer, whatever the product. `amount` and `term` follow with the product's own bounds."""


@dataclass(frozen=True)
class Payee:
    """Who receives a part of the payout."""

    name: str
    account: str
    amount_fen: int
    role: PartyRole = PartyRole.PAYEE


@dataclass(frozen=True)
class JointParty:
    """Somebody who signs beside the borrower."""

    role: PartyRole
    name: str
    id_number: str
    mobile: str


@dataclass(frozen=True)
class Security:
    """What secures the loan, as the form states it."""

    kind: str
    identifier: str
    model: str
    value_fen: int


@dataclass(frozen=True)
class LoanCase:
    """All that a product's hooks may look at: clean form, registers' answers by check, approved figures.

    `rates` are the published loan prime rates, given where terms are asked for.
    """

    form: Mapping[str, Any]
    answers: Mapping[str, Mapping[str, Any]]
    day: date
    amount_fen: int
    term: int
    annual_rate_percent: str = "0"
    rates: LoanPrimeRates = field(default_factory=dict)


def _nobody(_form: Mapping[str, Any]) -> list[JointParty]:
    return []


def _nothing(_form: Mapping[str, Any]) -> Security | None:
    return None


def _no_problems(_form: Mapping[str, Any], _day: date) -> dict[str, str]:
    return {}


@dataclass(frozen=True)
class Product:
    """A product: its form, checks, documents, rules, terms, payees, deadlines and after-care.

    `grading` is the shipped decision table; `facts` gives its inputs, `terms` the terms of an approved case, `payees`
    who receives the money. `form_problems` gets the fields that read well, so any of them may be missing. All hooks are
    pure. `licence` is what the lender lends under: caps and other limits of the law go by it.
    """

    code: str
    name_en: str
    name_zh: str
    fields: tuple[FormField, ...]
    documents: tuple[str, ...]
    checks: tuple[str, ...]
    grading: Mapping[str, Any]
    facts: Callable[[LoanCase], dict[str, Any]]
    terms: Callable[[LoanCase], Terms]
    payees: Callable[[LoanCase], list[Payee]]
    parties: Callable[[Mapping[str, Any]], list[JointParty]] = _nobody
    security: Callable[[Mapping[str, Any]], Security | None] = _nothing
    form_problems: Callable[[Mapping[str, Any], date], dict[str, str]] = _no_problems
    approval_days: int = 2
    approver_role: Role = Role.MANAGER
    escalate_to: tuple[Role, ...] = (Role.RISK,)
    completion_days: int = 14
    acceptance_days: int = 14
    licence: str | None = None
    debit_plan: DebitPlan = field(default_factory=DebitPlan)
    milestones: Milestones = field(
        default_factory=lambda: Milestones(reminder_days_before=(3,), overdue_days=(1, 4, 8, 15, *range(31, 3651, 30)))
    )

    @property
    def form_fields(self) -> tuple[FormField, ...]:
        """Every field of the form, the customer's first."""
        return CUSTOMER_FIELDS + self.fields
