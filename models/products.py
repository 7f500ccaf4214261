"""What a product is: data and a few pure hooks. The products themselves are plug-ins in `modules/`."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum
from typing import Any

from lending.debits import DebitPlan
from lending.floating import LoanPrimeRates
from lending.terms import Terms
from models.collateral import Requirement, SecurityFacts
from models.customers import PartyRole
from models.policies import PolicyKind
from models.refusal_reasons import REFUSAL_REASONS, RefusalReason
from models.staff import Role
from models.verification import CheckName, RegisterRule


class FieldKind(StrEnum):
    """How a form field is read and checked."""

    TEXT = "text"
    INTEGER = "integer"
    MONEY = "money"
    DATE = "date"
    CHOICE = "choice"
    CHOICES = "choices"
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

    `rates` are the published loan prime rates, given where terms are asked for; `security` is what the lender's own
    books say of the collateral of a secured loan.
    """

    form: Mapping[str, Any]
    answers: Mapping[str, Mapping[str, Any]]
    day: date
    amount_fen: int
    term: int
    annual_rate_percent: str = "0"
    rates: LoanPrimeRates = field(default_factory=dict)
    security: SecurityFacts = field(default_factory=SecurityFacts)


REGISTER_RULES: Mapping[str, RegisterRule] = {
    "identity": RegisterRule(valid_days=365),
    "bureau": RegisterRule(valid_days=30),
    "enrolment": RegisterRule(valid_days=30),
    "vehicle": RegisterRule(valid_days=7),
    "screening": RegisterRule(valid_days=1),
}
"""How a product deals with a register unless it says otherwise: who a person is changes seldom, what he owes soon."""
OTHER_REGISTER = RegisterRule(valid_days=0)
"""A register of a module's own, where its product states no rule: asked every time."""


def party_names(roles: Iterable[PartyRole]) -> list[str]:
    """How checks spell these people, in their order: `guarantor`, and `guarantor-2` for a second one."""
    seen: Counter[PartyRole] = Counter()
    names = []
    for role in roles:
        seen[role] += 1
        names.append(role.value if seen[role] == 1 else f"{role.value}-{seen[role]}")
    return names


def _nobody(_form: Mapping[str, Any]) -> list[JointParty]:
    return []


def _nothing(_form: Mapping[str, Any]) -> Security | None:
    return None


def _no_facts(_facts: Mapping[str, Any]) -> dict[str, Any]:
    return {}


def _nothing_required(_form: Mapping[str, Any]) -> tuple[Requirement, ...]:
    return ()


def _no_problems(_form: Mapping[str, Any], _day: date) -> dict[str, str]:
    return {}


def _restated(form: Mapping[str, Any], amount_fen: int, term: int) -> dict[str, Any]:
    return {**form, "amount": amount_fen, "term": term}


@dataclass(frozen=True)
class Product:
    """A product: its form, checks, documents, rules, terms, payees, deadlines and after-care.

    `grading` is the shipped table that grades, and `policies` are the other shipped policies by kind. `facts` gives
    their inputs, `fact_types` says of which type each is that a rule may ask for (`integer`, `boolean`, `string`), and
    `further_facts` gives what follows from them once hardship and yearly limit are known. `terms` gives the terms of
    an approved case, `payees` who receives the money. `form_problems` gets the fields that read well, so any of them
    may be missing. `restated` is the form as the same person would fill it in for another amount and term, with what
    hangs on them. All hooks are pure. `licence` is what the lender lends under: caps and other limits of the law go by
    it. `year_begins` is the month and day on which the year of a yearly limit begins. For so many `second_look_days` a
    person's look at an automatic refusal may be asked for; `refused_by_law` are the reasons that nobody may overrule,
    `refusal_reasons` those from which people choose who refuse a case.
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
    requirements: Callable[[Mapping[str, Any]], tuple[Requirement, ...]] = _nothing_required
    later_documents: tuple[str, ...] = ()
    release_days: int = 15
    insurance_notice_days: int = 30
    form_problems: Callable[[Mapping[str, Any], date], dict[str, str]] = _no_problems
    restated: Callable[[Mapping[str, Any], int, int], dict[str, Any]] = _restated
    policies: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    fact_types: Mapping[str, str] = field(default_factory=dict)
    further_facts: Callable[[Mapping[str, Any]], dict[str, Any]] = _no_facts
    year_begins: tuple[int, int] = (1, 1)
    co_signer_checks: Mapping[PartyRole, tuple[str, ...]] = field(default_factory=dict)
    register_rules: Mapping[str, RegisterRule] = field(default_factory=dict)
    approval_days: int = 2
    approver_role: Role = Role.MANAGER
    escalate_to: tuple[Role, ...] = (Role.RISK,)
    completion_days: int = 14
    acceptance_days: int = 14
    second_look_days: int = 30
    refused_by_law: frozenset[str] = frozenset()
    refusal_reasons: tuple[RefusalReason, ...] = REFUSAL_REASONS
    licence: str | None = None
    debit_plan: DebitPlan = field(default_factory=DebitPlan)

    @property
    def shipped(self) -> dict[str, Mapping[str, Any]]:
        """Every policy that it ships, by kind."""
        return {PolicyKind.GRADING: self.grading, **self.policies}

    def year_begun(self, day: date) -> date:
        """The first day of the year in which a yearly limit counts: the month and day of `year_begins`."""
        this_year = date(day.year, *self.year_begins)
        return this_year if this_year <= day else date(day.year - 1, *self.year_begins)

    @property
    def is_secured(self) -> bool:
        """Whether a thing secures its loans."""
        return self.security is not _nothing

    def checks_for(self, co_signers: Iterable[PartyRole]) -> tuple[str, ...]:
        """Every check of a case: the borrower's, then those that the product states for each of these co-signers."""
        roles = list(co_signers)
        about_others = (
            str(CheckName(register, name))
            for role, name in zip(roles, party_names(roles), strict=True)
            for register in self.co_signer_checks.get(role, ())
        )
        return (*self.checks, *about_others)

    def rule_for(self, check: str) -> RegisterRule:
        """The rule of a check: its own, else that of its register, else the common one."""
        register = CheckName.parse(check).register
        found = self.register_rules.get(check) or self.register_rules.get(register)
        return found or REGISTER_RULES.get(register, OTHER_REGISTER)

    @property
    def form_fields(self) -> tuple[FormField, ...]:
        """Every field of the form, the customer's first."""
        return CUSTOMER_FIELDS + self.fields
