"""Whose may money be that names no loan: likely loans with a score and the reasons, for a person to choose from."""

import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from rapidfuzz import fuzz

from books.payments import Payer
from books.session import UnitOfWork
from models.payments import BankEntry
from services.bank import loan_numbers
from services.loans import account_of


class Reason(StrEnum):
    """Why money may belong to a loan."""

    LOAN_NUMBER = "loan_number"
    MOBILE = "mobile"
    PARTYS_ACCOUNT = "partys_account"
    ACCOUNT_SEEN = "account_seen"
    SAME_NAME = "same_name"
    SIMILAR_NAME = "similar_name"
    SETTLES = "settles"
    NEXT_DUE = "next_due"
    OVERDUE = "overdue"


WEIGHTS = {
    Reason.LOAN_NUMBER: 80,
    Reason.MOBILE: 75,
    Reason.PARTYS_ACCOUNT: 75,
    Reason.ACCOUNT_SEEN: 60,
    Reason.SAME_NAME: 50,
    Reason.SIMILAR_NAME: 30,
    Reason.SETTLES: 50,
    Reason.NEXT_DUE: 40,
    Reason.OVERDUE: 40,
}
"""How much of the doubt that is left each reason takes away, in per cent."""

MOST_MATCHES = 10
MOST_COMPUTED = 20
"""For how many loans at most the figure that clears them is computed: the nearest ones."""
SIMILAR_FROM = 75
"""Likeness of names from which they count as similar; 100 is the same, and one character of four other is 75."""
MOBILE = re.compile(r"(?<![0-9])1[3-9][0-9]{9}(?![0-9])")
TITLES = re.compile(r"(先生|女士|小姐|MR|MRS|MS)\.?$")
MASKED = "*"


@dataclass(frozen=True)
class Match:
    """A loan that money may belong to; `score` runs to 100 and only orders them: it is no probability."""

    loan: str
    score: int
    reasons: tuple[Reason, ...]


def likely_matches(work: UnitOfWork, entry: BankEntry) -> tuple[Match, ...]:
    """Loans in repayment that money in suspense may belong to, the best first, at most MOST_MATCHES.

    Looked for when somebody asks, so that they are always those of now: one pass over the parties of running loans,
    and a few computed accounts.
    """
    payers = work.payments.payers()
    reasons: dict[str, set[Reason]] = {}

    def found(loans: Iterable[str], reason: Reason) -> None:
        for loan in loans:
            reasons.setdefault(loan, set()).add(reason)

    found(loan_numbers(entry.remittance), Reason.LOAN_NUMBER)
    found(_loans_of_mobiles(work, entry.remittance), Reason.MOBILE)
    if entry.account_index is not None:
        found(work.payments.loans_paid_from(entry.account_index), Reason.ACCOUNT_SEEN)
    written = [name for name in (entry.counterparty, entry.remittance) if name]
    alike = {name: _likeness(name, written) for name in {payer.name for payer in payers}}
    same = {simple_name(name) for name, reason in alike.items() if reason is Reason.SAME_NAME}
    for payer in payers:
        if payer.account is not None and payer.account == entry.counterparty_account:
            found([payer.loan], Reason.PARTYS_ACCOUNT)
        reason = alike[payer.name]
        if reason is Reason.SAME_NAME and _is_part_of_another(payer.name, same):
            reason = Reason.SIMILAR_NAME
        if reason is not None:
            found([payer.loan], reason)
        if payer.next_due_fen == entry.amount_fen:
            found([payer.loan], Reason.NEXT_DUE)
        if payer.overdue_fen == entry.amount_fen:
            found([payer.loan], Reason.OVERDUE)
    found(_settled_by(work, entry, payers, reasons), Reason.SETTLES)
    running = {payer.loan for payer in payers}
    matches = [Match(loan, _score(why), _in_order(why)) for loan, why in reasons.items() if loan in running]
    return tuple(sorted(matches, key=lambda match: (-match.score, match.loan))[:MOST_MATCHES])


def simple_name(name: str) -> str:
    """A name without width, case, spaces, points and title, so that two ways of writing it are one."""
    text = re.sub(r"[\s·•.,，、\-]", "", unicodedata.normalize("NFKC", name).upper())
    return TITLES.sub("", text)


def name_likeness(one: str, other: str) -> int:
    """How alike two names are, 0 to 100, whichever of family name and given name stands first.

    A name that the bank masks (*小明, 王*) is as alike as the characters that it shows.
    """
    one, other = simple_name(one), simple_name(other)
    if not one or not other:
        return 0
    if MASKED in one or MASKED in other:
        return _masked_likeness(one, other)
    is_turned = len(one) == len(other) and one in other + other
    return 100 if is_turned else int(fuzz.ratio(one, other))


def _masked_likeness(one: str, other: str) -> int:
    """Above SIMILAR_FROM if all that is shown agrees, but never the same: what is masked may differ."""
    if len(one) != len(other):
        return 0
    shown = [(a, b) for a, b in zip(one, other, strict=True) if MASKED not in (a, b)]
    return 90 if shown and all(a == b for a, b in shown) else 0


def _likeness(name: str, written: list[str]) -> Reason | None:
    """Whether a party's name is that of the payer, or stands in what he wrote."""
    simple = simple_name(name)
    best = 0
    for text in written:
        if len(simple) > 1 and simple in simple_name(text):
            return Reason.SAME_NAME
        best = max(best, name_likeness(text, name))
    if best == 100:
        return Reason.SAME_NAME
    return Reason.SIMILAR_NAME if best >= SIMILAR_FROM else None


def _is_part_of_another(name: str, same: set[str]) -> bool:
    """Whether a name stands in the text as a part of somebody else's only: 李明 in 李明明."""
    simple = simple_name(name)
    return any(simple in other and simple != other for other in same)


def _loans_of_mobiles(work: UnitOfWork, text: str | None) -> list[str]:
    mobiles = set(MOBILE.findall(unicodedata.normalize("NFKC", text or "")))
    customers = [customer for mobile in sorted(mobiles) for customer in work.customers.by_mobile(mobile)]
    return [loan.number for customer in customers for loan in work.loans.of_customer(customer.id)]


def _settled_by(work: UnitOfWork, entry: BankEntry, payers: list[Payer], reasons: dict[str, set[Reason]]) -> list[str]:
    """The loans that the sum clears on the day it came in: of those that anything speaks for, or of its size."""
    near = {
        payer.loan: abs(payer.outstanding_fen - entry.amount_fen)
        for payer in payers
        if payer.loan in reasons or payer.outstanding_fen <= entry.amount_fen <= payer.outstanding_fen * 21 // 20
    }
    day = work.clock.business_date(entry.received_at)
    cleared = []
    for loan in sorted(near, key=lambda number: (near[number], number))[:MOST_COMPUTED]:
        account = account_of(work, loan, day)
        if account is not None and account.settlement_fen == entry.amount_fen:
            cleared.append(loan)
    return cleared


def _score(reasons: set[Reason]) -> int:
    doubt = 100.0
    for reason in reasons:
        doubt *= 1 - WEIGHTS[reason] / 100
    return round(100 - doubt)


def _in_order(reasons: set[Reason]) -> tuple[Reason, ...]:
    return tuple(reason for reason in Reason if reason in reasons)
