"""What the shipped policies say of a case about which books and lists know nothing bad."""

from typing import Any

from models.products import LoanCase
from services.decisions import Decision, decide_shipped
from services.facts import CORE_FACTS
from services.policies import GradeOutcome
from services.policy_tables import BOOLEAN
from tests.modules.applications import product

QUIET: dict[str, Any] = {fact: False if kind == BOOLEAN else 0 for fact, kind in CORE_FACTS.items()} | {
    "age_years": 35,
    "age_at_end_years": 38,
    "screening_known": True,
    "documents_complete": True,
}
"""The core's facts of somebody of middle age without other loans, on no list, whose documents agree."""


def decision(code: str, case: LoanCase, **facts: Any) -> Decision:
    """The decision on a case of a product, with these facts of the core."""
    return decide_shipped(product(code), {**QUIET, **product(code).facts(case), **facts})


def decided(code: str, case: LoanCase, **facts: Any) -> GradeOutcome:
    """The outcome of the same."""
    return decision(code, case, **facts).outcome
