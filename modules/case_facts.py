"""Facts for the grading tables that products share. Every fact is given, whether its register answered or not."""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

from models.products import JointParty, LoanCase, party_names
from services.policy_tables import BOOLEAN, INTEGER

WITHOUT_BOUND = 1_000_000
"""A ratio to nothing, in basis points: above every limit."""
IDENTITY_FACTS: Mapping[str, str] = {"identity_known": BOOLEAN, "identity_matches": BOOLEAN}
CO_SIGNER_FACTS: Mapping[str, str] = {
    "co_signer_known": BOOLEAN,
    "co_signer_matches": BOOLEAN,
    "co_signer_blacklisted": BOOLEAN,
}
BUREAU_FACTS: Mapping[str, str] = {
    "bureau_known": BOOLEAN,
    "bureau_found": BOOLEAN,
    "blacklisted": BOOLEAN,
    "worst_dpd": INTEGER,
    "overdue_count_24m": INTEGER,
    "history_months": INTEGER,
    "income_known": BOOLEAN,
    "debt_ratio_bp": INTEGER,
}


def basis_points(part: int, whole: int) -> int:
    """A share in hundredths of a percent, rounded up; WITHOUT_BOUND at most, which a share of nothing is too."""
    return min(WITHOUT_BOUND, -(-part * 10_000 // whole)) if whole > 0 else WITHOUT_BOUND


def day_number(day: date) -> int:
    """A date as the number YYYYMMDD, so that rows of a table can be valid from or until a day."""
    return day.year * 10_000 + day.month * 100 + day.day


def identity_facts(case: LoanCase) -> dict[str, Any]:
    """Whether the identity register answered, and whether name and ID number belong together."""
    answer = case.answers.get("identity")
    return {
        "identity_known": answer is not None,
        "identity_matches": answer is not None and answer["result"] == "match",
    }


def co_signer_facts(case: LoanCase, people: Sequence[JointParty]) -> dict[str, Any]:
    """Whether the registers know the co-signers; of a case without any everything is in order.

    One who has not authorised yet is not known: his registers were not asked.
    """
    names = party_names(one.role for one in people)
    identities = [case.answers.get(f"identity@{name}") for name in names]
    reports = [case.answers.get(f"bureau@{name}") or {} for name in names]
    return {
        "co_signer_known": all(one is not None for one in identities),
        "co_signer_matches": all(one is not None and one["result"] == "match" for one in identities),
        "co_signer_blacklisted": any(one.get("blacklisted", False) for one in reports),
    }


def bureau_facts(case: LoanCase, stated_income_fen: int | None = None) -> dict[str, Any]:
    """What the credit bureau holds, and the share of income that goes to debt once this loan is added.

    The new loan counts with its principal a month. Income is the lower of what the bureau knows and what was stated.
    """
    answer = case.answers.get("bureau")
    record: Mapping[str, Any] = answer if answer is not None and answer["found"] else {}
    known_income_fen = record.get("monthly_income_fen", 0)
    incomes = [income for income in (known_income_fen, stated_income_fen) if income]
    payments_fen = record.get("monthly_payment_fen", 0) + -(-case.amount_fen // case.term)
    return {
        "bureau_known": answer is not None,
        "bureau_found": bool(record),
        "blacklisted": record.get("blacklisted", False),
        "worst_dpd": record.get("worst_dpd", 0),
        "overdue_count_24m": record.get("overdue_count_24m", 0),
        "history_months": record.get("history_months", 0),
        "income_known": bool(incomes),
        "debt_ratio_bp": basis_points(payments_fen, min(incomes, default=0)),
    }
