"""Terms of loans that are repaid in installments, as all products of the core are: by the week, month or quarter."""

from datetime import date
from decimal import ROUND_DOWN, Decimal
from typing import Any

from lending.duedates import Period, PeriodUnit, shift
from lending.money import yuan
from lending.schedules import build_schedule
from lending.terms import Terms
from models.products import LoanCase

PERIODS = ("month", "week", "quarter")
"""How far apart due dates may lie; a form that offers a choice names some of them."""
MONTHS_A_YEAR = 12
WEEKS_A_YEAR = 52
MONTHS_A_QUARTER = 3


def months_until(day: date, end: date) -> int:
    """How many due dates, monthly after `day`, fall on or before `end`; 0 if none does."""
    months = (end.year - day.year) * 12 + end.month - day.month
    return max(0, months if shift(day, Period(), months, day.day) <= end else months - 1)


def installments_in(months: int, period: str) -> int:
    """How many whole periods a term of so many months has; a year has 52 weeks."""
    match PeriodUnit(period):
        case PeriodUnit.WEEK:
            return months * WEEKS_A_YEAR // MONTHS_A_YEAR
        case PeriodUnit.QUARTER:
            return months // MONTHS_A_QUARTER
        case _:
            return months


def installment_terms(case: LoanCase, *, method: str, grace_days: int, period: str = "month", **further: Any) -> Terms:
    """Terms from the day of the case at its approved amount, term and rate, first due one period later.

    Each period bears its share of the yearly rate: a month a twelfth, a week 1/52. A payment clears costs, then
    interest and penalty interest, then principal (Civil Code art. 561); overdue principal bears 1.5 times the
    contract's rate, the most that the central bank's rules of 2003 allow. `further` adds fields of the terms.
    """
    return Terms.parse(
        {
            "principal": yuan(case.amount_fen),
            "annual_rate_percent": case.annual_rate_percent,
            "method": method,
            "n_periods": installments_in(case.term, period),
            "period": {"unit": period, "every": 1},
            "disbursement_date": case.day.isoformat(),
            "day_count": "period",
            "rounding": {"mode": "half_up", "to": "0.01"},
            "allocation_order": ["fee", "penalty", "interest", "principal"],
            "late": {"penalty_multiple": "1.5", "grace_days": grace_days},
            **further,
        }
    )


def flat_rate_percent(level: Terms) -> str:
    """The yearly rate on the first principal at which flat interest costs no more than these level payments do.

    Flat interest is reckoned on the whole principal to the end, though half of it is back after half the term: a flat
    rate of 6 % costs about 11 %. So the rate is found from the cost: the same interest in all, rounded down to two
    places, and so at most the same installments.
    """
    interest = build_schedule(level).totals.interest
    years, units = level.period.year_ratio()
    yearly = Decimal(interest * units * 100) / (level.principal_fen * level.n_periods * years)
    return str(yearly.quantize(Decimal("0.01"), ROUND_DOWN))
