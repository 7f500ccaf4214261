"""Terms of loans that are repaid month by month, as all three products of the core are."""

from datetime import date
from typing import Any

from lending.duedates import Period, shift
from lending.money import yuan
from lending.terms import Terms
from models.products import LoanCase


def months_until(day: date, end: date) -> int:
    """How many due dates, monthly after `day`, fall on or before `end`; 0 if none does."""
    months = (end.year - day.year) * 12 + end.month - day.month
    return max(0, months if _month_later(day, months) <= end else months - 1)


def monthly_terms(case: LoanCase, *, method: str, grace_days: int, **further: Any) -> Terms:
    """Terms from the day of the case at its approved amount, term and rate, first due one month later.

    Interest is a twelfth of the yearly rate each month. A payment clears costs, then interest and penalty interest,
    then principal (Civil Code art. 561); overdue principal bears 1.5 times the contract's rate, the most that the
    central bank's rules of 2003 allow. `further` adds fields of the terms.
    """
    return Terms.parse(
        {
            "principal": yuan(case.amount_fen),
            "annual_rate_percent": case.annual_rate_percent,
            "method": method,
            "n_periods": case.term,
            "period": {"unit": "month", "every": 1},
            "disbursement_date": case.day.isoformat(),
            "first_due_date": _month_later(case.day, 1).isoformat(),
            "day_count": "period",
            "rounding": {"mode": "half_up", "to": "0.01"},
            "allocation_order": ["fee", "penalty", "interest", "principal"],
            "late": {"penalty_multiple": "1.5", "grace_days": grace_days},
            **further,
        }
    )


def _month_later(day: date, months: int) -> date:
    return shift(day, Period(), months, day.day)
