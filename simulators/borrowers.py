"""Borrowers of the past with what became of them: a stated model from income, debts, history and luck to default.

Nothing of it is measured on anybody. It exists so that a demonstration has a history to learn from, and so that what is
learnt can be held against a known truth. The model, of each borrower and in this order:

- **Character**, which nobody sees: thrift and steadiness, each normally distributed.
- **Income** is lognormal with a median of 7,000 yuan a month, rises by age up to 45 and with steadiness. Women have 8 %
  less, as wage statistics have it; sex bears on nothing else, and age on nothing but income and length of history.
- **Debts**: the less thrift, the more loans are open and the more of the income is due each month.
- **Credit record**: one in twelve has none. Its length follows age. Arrears of the last 24 months are Poisson; their
  rate falls with thrift and steadiness and rises with debts. The worst of them follows their number.
- **Statement**: the stated income exceeds the known one by luck, and by more the less thrift there is.
- **The loan**: an amount of one to fifteen months' income, more without thrift, over 3 to 36 months.
- **Default within 12 months** of the payout (more than 90 days past due) has log-odds that add up from: arrears
  (logarithmic), the worst of them, the share of income that goes to debts (flat at first, steep above a half), a
  short or missing record, an overstated income, the amount by income, both characters, and three crossings: debts
  weigh more on top of arrears, an overstated income more on a short record, a large amount more on heavy debts.
- **Drift**: the log-odds rise and fall by 0.25 with the trade's year and rise by 0.01 a month; thrift of applicants
  falls by 0.004 a month, so that later months differ from earlier ones.
- **Luck** is what the log-odds leave open.

Who defaults stops to pay in one of the first nine months. Three in five of them are written off within the 12 months.

`python -m simulators.borrowers COUNT UNTIL` writes them as JSON, one a line.
"""

import argparse
import json
import math
import sys
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import date, timedelta
from random import Random
from typing import Any

from lending.errors import LendingError
from simulators.numbers import account_number, past_id_number

DEFAULT_SEED = 2026
DEFAULT_MONTHS = 30
MOST_BORROWERS = 140_000
"""As many as there are ID numbers for them."""
WINDOW_MONTHS = 12

_YUAN = 100
_FIRST_ACCOUNT = 820_000_000
_WITHOUT_RECORD = 1 / 12


class TooManyBorrowers(LendingError):
    """The history asked for has no borrowers or months, or more than there are made-up numbers."""

    code = "too_many_borrowers"
    http_status = 422


@dataclass(frozen=True, slots=True)
class PastBorrower:
    """Somebody who applied in the past. Amounts are fen, dates business dates.

    `form` and `answers` are what an application and the registers have of him. `fortune` is uniform from 0 to 1: what a
    decider made of his case. `worst_dpd`, `defaulted_on` and `written_off_on` are what became of the loan within 12
    months, had it been paid out; `chance` is the model's own, which nobody in the trade would know.
    """

    index: int
    id_number: str
    applied_on: date
    form: dict[str, Any]
    answers: dict[str, dict[str, Any]]
    fortune: float
    chance: float
    worst_dpd: int
    defaulted_on: date | None
    written_off_on: date | None


def borrowers(
    count: int, until: date, *, seed: int = DEFAULT_SEED, months: int = DEFAULT_MONTHS
) -> Iterator[PastBorrower]:
    """Borrowers who applied in the months before `until`, the earliest first: always the same for the same arguments.

    Twelve months after the last of them applied lie before `until`, so that of each is known what became of him.
    TooManyBorrowers for a count below 1 or above 140,000, or fewer than one month.
    """
    if not 1 <= count <= MOST_BORROWERS or months < 1:
        raise TooManyBorrowers(f"a history has 1 to {MOST_BORROWERS} borrowers over a month or more")
    last = until - timedelta(days=370)
    days = months * 365 // 12
    for index in range(count):
        applied_on = last - timedelta(days=days - 1 - index * days // count)
        month = (applied_on - last).days * 12 / 365 + months
        yield _borrower(Random(f"{seed}:borrower:{index}"), index, applied_on, month)


def _borrower(rng: Random, index: int, applied_on: date, month: float) -> PastBorrower:
    male = rng.random() < 0.55
    thrift = rng.gauss(-0.004 * month, 1)
    steadiness = rng.gauss(0, 1)
    age = min(60, max(22, round(22 + rng.expovariate(1 / 12))))
    income = 7_000 * math.exp(rng.gauss(0, 0.45) + 0.012 * (min(age, 45) - 33) + 0.12 * steadiness)
    income = round(max(1_800.0, income * (1 if male else 0.92)), -1)
    record = _record(rng, thrift, steadiness, age, income)
    overstated = max(0.0, rng.gauss(0.05 - 0.05 * thrift, 0.12))
    stated = round(income * (1 + overstated), -1)
    term = rng.choice((3, 6, 6, 9, 12, 12, 12, 18, 24, 24, 36))
    months_of_income = min(15.0, math.exp(rng.gauss(0.9 - 0.18 * thrift, 0.55)))
    amount_fen = min(20_000_000, max(100_000, int(income * months_of_income) // 100 * 100 * _YUAN))
    debts = (record["monthly_payment_fen"] + amount_fen / term) / (min(income, stated) * _YUAN)
    odds = _log_odds(record, debts, overstated, months_of_income)
    odds += -0.42 * thrift - 0.35 * steadiness
    odds += 0.25 * math.sin(month * math.pi / 6) + 0.01 * month
    chance = 1 / (1 + math.exp(-odds))
    worst_dpd, defaulted_on, written_off_on = _fate(rng, chance, applied_on)
    born = date(applied_on.year - age, rng.randint(1, 12), 1 + index // 5_000)
    return PastBorrower(
        index=index,
        id_number=past_id_number(index, born, male=male),
        applied_on=applied_on,
        form={
            "name": f"模拟借款人{index:06d}",
            "bank_card": account_number(_FIRST_ACCOUNT + index),
            "amount": amount_fen,
            "term": term,
            "purpose": rng.choice(("consumption", "consumption", "business")),
            "monthly_income": int(stated) * _YUAN,
        },
        answers={
            "identity": {"result": "match"},
            "bureau": record,
            "enrolment": {"enrolled": False, "full_time": None},
        },
        fortune=rng.random(),
        chance=chance,
        worst_dpd=worst_dpd,
        defaulted_on=defaulted_on,
        written_off_on=written_off_on,
    )


def _record(rng: Random, thrift: float, steadiness: float, age: int, income: float) -> dict[str, Any]:
    """The credit bureau's answer."""
    if rng.random() < _WITHOUT_RECORD:
        return {"found": False, "monthly_payment_fen": 0}
    history = max(1, round(min(12 * (age - 20), rng.gammavariate(2.2, 24))))
    open_loans = min(12, _poisson(rng, math.exp(0.25 - 0.3 * thrift)))
    share = sum(rng.uniform(0.03, 0.12) for _ in range(open_loans))
    arrears = min(history, 24, _poisson(rng, math.exp(-1.0 - 0.55 * thrift - 0.35 * steadiness + 1.1 * share)))
    worst = 0
    if arrears:
        worst = min(180, round(rng.expovariate(1 / (9 + 7 * arrears))) + 1)
    return {
        "found": True,
        "blacklisted": rng.random() < 0.002 * (1 + arrears),
        "worst_dpd": worst,
        "overdue_count_24m": arrears,
        "history_months": history,
        "open_loans": open_loans,
        "monthly_income_fen": int(income) * _YUAN,
        "monthly_payment_fen": int(income * share) * _YUAN,
    }


def _log_odds(record: dict[str, Any], debts: float, overstated: float, months_of_income: float) -> float:
    arrears = math.log1p(record.get("overdue_count_24m", 0))
    worst = min(record.get("worst_dpd", 0), 90) / 90
    history: int = record.get("history_months", 0)
    short = math.exp(-history / 18) if record["found"] else 0.8
    heavy = max(0.0, min(debts, 1.5) - 0.5)
    odds: float = -4.0 + 0.75 * arrears + 0.9 * worst + 0.5 * min(debts, 0.5) + 2.2 * heavy
    odds += 1.3 * short + 3.0 * min(overstated, 0.5) + 0.07 * months_of_income
    return odds + 0.5 * arrears * heavy + 2.0 * overstated * short + 0.06 * heavy * months_of_income


def _fate(rng: Random, chance: float, applied_on: date) -> tuple[int, date | None, date | None]:
    """The worst days past due within 12 months, the day of default and that of the write-off."""
    if rng.random() < chance:
        stopped = rng.randrange(1, 10)
        defaulted_on = applied_on + timedelta(days=stopped * 30 + 91)
        late = WINDOW_MONTHS * 30 - stopped * 30
        written_off_on = defaulted_on + timedelta(days=30) if rng.random() < 0.6 and late > 130 else None
        return max(91, late), min(defaulted_on, applied_on + timedelta(days=365)), written_off_on
    return (rng.choice((3, 8, 15, 28, 45, 70)) if rng.random() < chance + 0.1 else 0), None, None


def _poisson(rng: Random, mean: float) -> int:
    """Knuth's method; for small means."""
    limit, drawn, product = math.exp(-mean), 0, rng.random()
    while product > limit:
        drawn += 1
        product *= rng.random()
    return drawn


def main(arguments: list[str]) -> int:
    """Writes borrowers as JSON Lines, days as YYYY-MM-DD."""
    parser = argparse.ArgumentParser(prog="python -m simulators.borrowers", description="Borrowers of the past.")
    parser.add_argument("count", type=int)
    parser.add_argument("until", type=date.fromisoformat, help="what became of everybody is known on this day")
    parser.add_argument("--seed", type=int, default=DEFAULT_SEED)
    parser.add_argument("--months", type=int, default=DEFAULT_MONTHS)
    given = parser.parse_args(arguments)
    try:
        for one in borrowers(given.count, given.until, seed=given.seed, months=given.months):
            sys.stdout.write(json.dumps(asdict(one), ensure_ascii=False, default=date.isoformat) + "\n")
    except TooManyBorrowers as refusal:
        sys.stderr.write(f"{refusal}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
