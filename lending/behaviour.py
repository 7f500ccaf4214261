"""How a borrower behaves: facts of a running loan as of a day, the signs among them, and when to warn.

The facts come from the loan's own account and from what the books know around it. None of them tells who somebody is.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from lending.account import InstallmentState, LoanAccount
from lending.debits import NO_MORE_TRIES
from lending.delinquency import days_past_due
from lending.duedates import Period, periods_between, shift
from lending.errors import LendingError

_WHOLE, _YES_OR_NO = "integer", "boolean"

FACTS: Mapping[str, str] = {
    "months_on_book": _WHOLE,
    "dpd": _WHOLE,
    "times_late_3m": _WHOLE,
    "times_late_6m": _WHOLE,
    "times_late_12m": _WHOLE,
    "worst_dpd_1m": _WHOLE,
    "worst_dpd_3m": _WHOLE,
    "worst_dpd_6m": _WHOLE,
    "worst_dpd_12m": _WHOLE,
    "unpaid_installments": _WHOLE,
    "unpaid_trend_3m": _WHOLE,
    "paid_early_bp": _WHOLE,
    "paid_in_parts_bp": _WHOLE,
    "repaid_bp": _WHOLE,
    "failed_debits_1m": _WHOLE,
    "failed_debits_3m": _WHOLE,
    "failed_debits_12m": _WHOLE,
    "debits_stopped": _YES_OR_NO,
    "unanswered_3m": _WHOLE,
    "account_changed_6m": _YES_OR_NO,
    "contact_changed_12m": _YES_OR_NO,
    "deferral_asked_12m": _YES_OR_NO,
    "restructured_12m": _YES_OR_NO,
    "other_loans": _WHOLE,
    "other_outstanding_fen": _WHOLE,
    "other_dpd": _WHOLE,
    "bureau_known": _YES_OR_NO,
    "bureau_months": _WHOLE,
    "bureau_debt_bp": _WHOLE,
    "bureau_blacklisted": _YES_OR_NO,
}
"""The facts of a behaviour score with their types. Counts of `_3m` are of the three months up to the day; `_bp` are
hundredths of a percent, sums are fen."""

WITHOUT_BOUND_BP = 1_000_000
"""A ratio to nothing: above every limit."""
ANSWER_WITHIN_DAYS = 7
"""So long a message that asks for money may stay without an answer or a payment."""
LATE_FROM_DPD = 30
"""From so many days past due on a loan is in collection: it is what a warning comes before."""
MONTHS_AHEAD = 3
"""For how many months a warning looks ahead."""

TWO_FAILED_DEBITS = "two_failed_debits"
DEBITS_STOPPED = "debits_stopped"
BLACKLISTED = "blacklisted"
OTHER_LOAN_LATE = "other_loan_late"
HARDSHIP_REPORTED = "hardship_reported"
UNREACHABLE = "unreachable"
BAND_FELL = "band_fell"
POINTS_DROPPED = "points_dropped"

HARD_SIGNS = (TWO_FAILED_DEBITS, DEBITS_STOPPED, BLACKLISTED, OTHER_LOAN_LATE, HARDSHIP_REPORTED, UNREACHABLE)
"""What warns whatever the points say."""
CAUSES = (*HARD_SIGNS, BAND_FELL, POINTS_DROPPED)
"""Why a loan is on the list of early warnings."""


class InvalidWarningRule(LendingError):
    """What a behaviour card says of bands and warnings is no rule."""

    code = "invalid_warning_rule"
    http_status = 422


@dataclass(frozen=True, slots=True)
class BureauAnswer:
    """The last answer of the credit bureau: when, what goes to debts and comes in a month, whether he is listed."""

    on: date
    payment_fen: int
    income_fen: int
    blacklisted: bool


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What the books know around a loan's account: days on which something happened, and the person's other loans.

    `declined` are debits that brought nothing, each with the bank's reason; `messages` asked for money; `replies` are
    what the customer said by any channel; `contact_changes` gave another mobile.
    """

    declined: Sequence[tuple[date, str]] = ()
    messages: Sequence[date] = ()
    replies: Sequence[date] = ()
    account_changes: Sequence[date] = ()
    contact_changes: Sequence[date] = ()
    deferrals_asked: Sequence[date] = ()
    restructurings: Sequence[date] = ()
    other_loans: int = 0
    other_outstanding_fen: int = 0
    other_dpd: int = 0
    bureau: BureauAnswer | None = None


@dataclass(frozen=True, slots=True)
class _Spell:
    """An installment of the borrower's that fell due: when, when it was paid, and the day on which one looks."""

    due: date
    paid_on: date | None
    seen_on: date

    @property
    def until(self) -> date:
        return self.paid_on or self.seen_on

    @property
    def days(self) -> int:
        return days_past_due(self.due, self.until)

    def is_unpaid_on(self, day: date) -> bool:
        return self.due < day and (self.paid_on is None or self.paid_on > day)


def facts_of(account: LoanAccount, disbursed_on: date, around: Surroundings) -> dict[str, int | bool]:
    """The facts of a loan at the end of its account's day; what lies after that day does not count."""
    day = account.as_of
    fallen = [row for row in account.rows if row.due <= day and row.total > 0]
    spells = [spell for row in fallen if (spell := _spell(row, day)) is not None]
    this_year = [row for row in fallen if row.due > months_before(day, 12)]
    parts = _days_paid(account)
    ahead = {one.n for one in account.allocations if one.credit < 0}
    lent = account.disbursed_fen
    known = around.bureau
    return {
        "months_on_book": _months_between(disbursed_on, day),
        "dpd": account.dpd,
        **{f"times_late_{n}m": _times_late(spells, months_before(day, n)) for n in (3, 6, 12)},
        **{f"worst_dpd_{n}m": _worst(spells, months_before(day, n)) for n in (1, 3, 6, 12)},
        "unpaid_installments": _unpaid(spells, day),
        "unpaid_trend_3m": _unpaid(spells, day) - _unpaid(spells, months_before(day, 3)),
        "paid_early_bp": _share_bp(sum(_is_early(row, ahead) for row in this_year), len(this_year)),
        "paid_in_parts_bp": _share_bp(sum(len(parts.get(row.n, ())) > 1 for row in this_year), len(this_year)),
        "repaid_bp": _share_bp(lent - account.principal_outstanding_fen, lent),
        **{
            f"failed_debits_{n}m": len(_within([on for on, _ in around.declined], months_before(day, n), day))
            for n in (1, 3, 12)
        },
        "debits_stopped": any(
            reason in NO_MORE_TRIES for on, reason in around.declined if months_before(day, 1) < on <= day
        ),
        "unanswered_3m": _unanswered(account, around, months_before(day, 3), day),
        "account_changed_6m": bool(_within(around.account_changes, months_before(day, 6), day)),
        "contact_changed_12m": bool(_within(around.contact_changes, months_before(day, 12), day)),
        "deferral_asked_12m": bool(_within(around.deferrals_asked, months_before(day, 12), day)),
        "restructured_12m": bool(_within(around.restructurings, months_before(day, 12), day)),
        "other_loans": around.other_loans,
        "other_outstanding_fen": around.other_outstanding_fen,
        "other_dpd": around.other_dpd,
        "bureau_known": known is not None,
        "bureau_months": _months_between(known.on, day) if known else 0,
        "bureau_debt_bp": _ratio_bp(known.payment_fen, known.income_fen) if known else 0,
        "bureau_blacklisted": known is not None and known.blacklisted,
    }


def months_before(day: date, months: int) -> date:
    """The same day some months before; of a month's last day, the last day of that month."""
    anchor = 31 if (day + timedelta(days=1)).day == 1 else day.day
    return shift(day, Period(), -months, anchor)


def _months_between(start: date, end: date) -> int:
    """Whole months; none where the start lies ahead."""
    return periods_between(min(start, end), end, Period(), start.day)


def _spell(row: InstallmentState, day: date) -> _Spell | None:
    """None for what was waived or written off: nobody can say when it would have been paid."""
    return _Spell(row.due, row.paid_on, day) if row.outstanding or row.paid_on is not None else None


def _times_late(spells: Sequence[_Spell], since: date) -> int:
    return sum(spell.days > 0 for spell in spells if spell.due > since)


def _worst(spells: Sequence[_Spell], since: date) -> int:
    return max((spell.days for spell in spells if spell.until > since), default=0)


def _unpaid(spells: Sequence[_Spell], day: date) -> int:
    return sum(spell.is_unpaid_on(day) for spell in spells)


def _is_early(row: InstallmentState, ahead: Collection[int | None]) -> bool:
    """Paid before it fell due, or on its day from money that had been kept for it."""
    return row.paid_on is not None and (row.paid_on < row.due or (row.paid_on == row.due and row.n in ahead))


def _days_paid(account: LoanAccount) -> dict[int, set[date]]:
    """On which days money went to each installment."""
    found: dict[int, set[date]] = {}
    for one in account.allocations:
        if one.n is not None and one.principal + one.interest + one.fee + one.penalty > 0:
            found.setdefault(one.n, set()).add(one.date)
    return found


def _unanswered(account: LoanAccount, around: Surroundings, since: date, day: date) -> int:
    """Messages that asked for money and were followed by no answer and no payment in time.

    A message whose time is not over yet does not count.
    """
    heard = {*around.replies, *(one.date for one in account.allocations if one.total > 0)}
    over = day - timedelta(days=ANSWER_WITHIN_DAYS)
    return sum(
        not any(sent <= on <= sent + timedelta(days=ANSWER_WITHIN_DAYS) for on in heard)
        for sent in _within(around.messages, since, over)
    )


def _within(days: Sequence[date], since: date, until: date) -> list[date]:
    return [on for on in days if since < on <= until]


def _share_bp(part: int, whole: int) -> int:
    return part * 10_000 // whole if whole > 0 else 0


def _ratio_bp(part: int, whole: int) -> int:
    """A share of an income, rounded up."""
    return min(-(-part * 10_000 // whole), WITHOUT_BOUND_BP) if whole > 0 else WITHOUT_BOUND_BP


def signs_of(facts: Mapping[str, Any]) -> tuple[str, ...]:
    """The hard signs among the facts, in the order of `HARD_SIGNS`."""
    hit = {
        TWO_FAILED_DEBITS: facts["failed_debits_1m"] >= 2,
        DEBITS_STOPPED: facts["debits_stopped"],
        BLACKLISTED: facts["bureau_blacklisted"],
        OTHER_LOAN_LATE: facts["other_dpd"] >= LATE_FROM_DPD,
        HARDSHIP_REPORTED: facts["deferral_asked_12m"],
        UNREACHABLE: facts["unanswered_3m"] >= 3,
    }
    return tuple(sign for sign in HARD_SIGNS if hit[sign])


@dataclass(frozen=True, slots=True)
class WarningRule:
    """When points warn: the lowest points of each band, the best band first; the bands that warn; a fall that does."""

    bands: tuple[tuple[str, int], ...]
    warned_bands: frozenset[str]
    drop_points: int

    @classmethod
    def of(cls, content: Mapping[str, Any]) -> "WarningRule":
        """The part `warnings` of a behaviour card; InvalidWarningRule if it is missing or no rule.

        Bands have names and fall in points, the last one has no lowest points.
        """
        try:
            told = content["warnings"]
            *above, (last, bottom) = [(one["band"], one["from"]) for one in told["bands"]]
            names = [name for name, _ in above] + [last]
            starts = [start for _, start in above]
            warned, drop = frozenset(told["warned_bands"]), told["drop_points"]
            is_rule = (
                bottom is None
                and all(isinstance(name, str) and 0 < len(name) <= 2 for name in names)
                and len(set(names)) == len(names)
                and all(type(start) is int for start in starts)
                and starts == sorted(set(starts), reverse=True)
                and warned <= set(names)
                and type(drop) is int
                and drop > 0
            )
        except (KeyError, TypeError, ValueError):
            is_rule = False
        if not is_rule:
            raise InvalidWarningRule(
                "the part `warnings` needs `bands` that fall in points (the last one from null), `warned_bands` of "
                "their names and `drop_points` above zero"
            )
        return cls((*above, (last, -(10**9))), warned, drop)

    def band_of(self, points: int) -> str:
        """The band of some points."""
        return next(name for name, start in self.bands if points >= start)

    @property
    def worst(self) -> str:
        """The lowest band."""
        return self.bands[-1][0]


@dataclass(frozen=True, slots=True)
class Standing:
    """How a loan stood at a month's end: band and signs, and points if they can be compared with the next month's."""

    points: int
    band: str
    signs: Collection[str]
    policy_id: str


@dataclass(frozen=True, slots=True)
class Alarm:
    """Why to warn now: the causes in their order, and whether somebody is to act."""

    causes: tuple[str, ...]
    is_serious: bool


def alarm(now: Standing, before: Standing | None, rule: WarningRule) -> Alarm | None:
    """Whether a loan warns this month: a hard sign that is new, a fall into a band that warns, a fall in points.

    Points of two versions of the card are not compared. Serious is a new sign, or the fall into the lowest band.
    """
    old_signs: Collection[str] = before.signs if before else ()
    causes = [sign for sign in HARD_SIGNS if sign in now.signs and sign not in old_signs]
    is_serious = bool(causes)
    if now.band in rule.warned_bands and (before is None or _is_lower(rule, now.band, before.band)):
        causes.append(BAND_FELL)
        is_serious = is_serious or now.band == rule.worst
    if before is not None and before.policy_id == now.policy_id and before.points - now.points >= rule.drop_points:
        causes.append(POINTS_DROPPED)
    return Alarm(tuple(causes), is_serious) if causes else None


def _is_lower(rule: WarningRule, band: str, other: str) -> bool:
    names = [name for name, _ in rule.bands]
    return other not in names or names.index(band) > names.index(other)


@dataclass(frozen=True, slots=True)
class Foresight:
    """How good past warnings were: of `warned`, how many became late; of those who `became` late, how many were warned.

    The shares are None where there are too few cases to say.
    """

    warned: int
    warned_became: int
    became: int
    became_warned: int

    @property
    def precision_bp(self) -> int | None:
        """The share of warnings that came true."""
        return _share_bp(self.warned_became, self.warned) if self.warned >= FEWEST_CASES else None

    @property
    def recall_bp(self) -> int | None:
        """The share of loans that became late and had been warned of."""
        return _share_bp(self.became_warned, self.became) if self.became >= FEWEST_CASES else None


FEWEST_CASES = 20
"""With fewer cases a share would say nothing."""


def month_number(month: str) -> int:
    """A month, YYYY-MM, as a number: those of months that follow each other do so too."""
    year, of_year = month.split("-")
    return int(year) * 12 + int(of_year)


def foresight(
    scored: Collection[tuple[int, str]],
    warned: Collection[tuple[int, str]],
    late: Collection[tuple[int, str]],
    last: int,
) -> Foresight:
    """How good the warnings were that are old enough to tell, from months (by `month_number`) and loans.

    `scored` are the months in which a loan was looked at, `warned` those in which it was warned of, `late` those in
    which it was `LATE_FROM_DPD` days past due or more; `last` is the newest month that is known of every loan. A
    warning comes true when its loan is late within the `MONTHS_AHEAD` months after it. A loan became late in a month in
    which it was and the month before it was not, and counts if it was looked at in the months before.
    """
    seen, told, bad = set(scored), set(warned), set(late)
    ahead, behind = range(1, MONTHS_AHEAD + 1), range(-MONTHS_AHEAD, 0)
    ripe = [(month, loan) for month, loan in told if month + MONTHS_AHEAD <= last]
    became = [
        (month, loan)
        for month, loan in bad
        if month <= last and (month - 1, loan) not in bad and any((month + n, loan) in seen for n in behind)
    ]
    return Foresight(
        warned=len(ripe),
        warned_became=sum(any((month + n, loan) in bad for n in ahead) for month, loan in ripe),
        became=len(became),
        became_warned=sum(any((month + n, loan) in told for n in behind) for month, loan in became),
    )
