"""A contract dated anew: what moves with the day of the payout, and what stays as it was signed.

Both contracts are in the JSON form of `lending.terms`. What moves are the days of the payout, of installments and fees
and until which a prepayment costs something, and the rate of a contract that floats. The day until which the state pays
stays, so months without principal that last until then become fewer or more.
"""

from collections.abc import Mapping
from datetime import date
from typing import Any

from lending.duedates import Period, periods_between

Contract = Mapping[str, Any]

DAYS = ("disbursement_date", "first_due_date", "due_dates")
GRACE = "principal_grace_periods"
BY_THE_MONTH = {"unit": "month", "every": 1}


def anchored(agreed: Contract, anew: Contract) -> dict[str, Any]:
    """The agreed contract at the days of another one of the same product: all but what moves is as it was agreed."""
    dated = dict(agreed)
    for name in DAYS:
        if name in agreed and name in anew:
            dated[name] = anew[name]
    if agreed.get("fees"):
        dated["fees"] = _fees(agreed["fees"], anew.get("fees") or [])
    if "prepayment_fee" in agreed:
        dated["prepayment_fee"] = _with(agreed["prepayment_fee"], anew.get("prepayment_fee") or {}, "until")
    if "floating" in agreed and anew.get("floating") == agreed["floating"] and "annual_rate_percent" in anew:
        dated["annual_rate_percent"] = anew["annual_rate_percent"]
    if "subsidised_until" in agreed and agreed.get("period") == BY_THE_MONTH:
        dated[GRACE] = agreed[GRACE] + _months_of_subsidy(dated) - _months_of_subsidy(agreed)
    return dated


def otherwise(agreed: Contract, dated: Contract) -> list[str]:
    """The fields in which a contract is not the agreed one dated anew."""
    expected = anchored(agreed, dated)
    return sorted(
        name
        for name in expected.keys() | dated.keys()
        if (name in expected, expected.get(name)) != (name in dated, dated.get(name))
    )


def _fees(agreed: list[Contract], anew: list[Contract]) -> list[dict[str, Any]]:
    if len(agreed) != len(anew):
        return [dict(fee) for fee in agreed]
    return [_with(fee, other, "due") for fee, other in zip(agreed, anew, strict=True)]


def _with(agreed: Contract, anew: Contract, day: str) -> dict[str, Any]:
    return {**agreed, day: anew[day]} if day in agreed and day in anew else dict(agreed)


def _months_of_subsidy(contract: Contract) -> int:
    """How many due dates lie in the time in which the state pays."""
    paid_out, until = (date.fromisoformat(contract[name]) for name in ("disbursement_date", "subsidised_until"))
    return periods_between(paid_out, until, Period(), paid_out.day) if until >= paid_out else 0
