"""Orders, postings and figures of a loan as a bundle tells them: against one another, against the audit entries, and
against what terms and events come to.
"""

from collections.abc import Iterable, Iterator, Mapping
from datetime import date
from typing import Any

from lending.account import LoanAccount
from lending.errors import LendingError
from lending.events import Event
from lending.money import yuan
from lending.servicing import service
from lending.terms import Terms
from models.payments import MONEY_MOVED, PaymentKind
from services.account_figures import figures

Told = Mapping[str, Any]
"""What the files of a bundle say, by their names."""
Found = tuple[str, str]
"""A file, and a sentence on what is wrong in it."""
MONEY = ":money"
"""How the key of the posting ends by which an order's money moved."""
ADVANCED = "account_advanced"
TAKEN_UP = {"loan_reopened": "repayment", "loan_taken_over": "repayment"}
"""Acts beside the account that move a loan whose money is out."""


def balances(postings: Iterable[tuple[str, str, int]]) -> dict[str, int]:
    """Debits less credits of each account, in fen, of (debit, credit, fen); accounts that come to nothing too."""
    left: dict[str, int] = {}
    for debit, credit, fen in postings:
        left[debit] = left.get(debit, 0) + fen
        left[credit] = left.get(credit, 0) - fen
    return dict(sorted(left.items()))


def about_payments(told: Told) -> Iterator[Found]:
    """Orders against the postings that move their money and the entries of the bank."""
    moved = {one["entry"]: one["amount_fen"] for one in told["postings.json"] if one["key"] == f"{one['entry']}{MONEY}"}
    reported = {one["reference"]: one["amount_fen"] for one in told["bank.json"]}
    for one in told["payments.json"]:
        key, fen, reference = one["key"], one["settled_fen"], one["bank_reference"]
        posted_fen = moved.pop(key, None)
        if one["status"] not in MONEY_MOVED:
            continue
        if one["booked"] and posted_fen != fen:
            yield "payments.json", f"order {key} is booked, and no posting moves its amount"
        # It moved between our own accounts: no bank knows of it.
        if one["kind"] != PaymentKind.REALLOCATION and reference in reported and reported[reference] != fen:
            yield "payments.json", f"order {key} moved another amount than the bank reported as {reference}"
    for key in moved:
        yield "payments.json", f"order {key} is gone, whose money a posting moves"


def about_figures(told: Told) -> Iterator[Found]:
    """What the postings come to, and the figures and stage of the loan, against its account: computed from terms and
    events.
    """
    loan = told["loan.json"]
    try:
        account = _account(told)
    except LendingError as refusal:
        yield "terms.json", f"terms and events give no account: {refusal}"
        return
    moved: dict[tuple[str, str], int] = {}
    for one in told["postings.json"]:
        way = (str(one["debit"]), str(one["credit"]))
        moved[way] = moved.get(way, 0) + one["amount_fen"]
    for figure, posted_fen, computed_fen in figures(moved, account):
        if posted_fen != computed_fen:
            sentence = f"{figure}: they come to {yuan(posted_fen)}, terms and events give {yuan(computed_fen)}"
            yield "postings.json", sentence
    if account is not None:
        computed = {
            "outstanding_fen": account.outstanding.borrower_total,
            "overdue_fen": account.overdue_fen,
            "dpd": account.dpd,
            "written_off_on": account.written_off_on.isoformat() if account.written_off_on else None,
        }
        for name, value in computed.items():
            if loan[name] != value:
                yield "loan.json", f"{name} is {loan[name]}, terms and events give {value}"
    yield from _as_recorded(loan, [one["entry"] for one in told["audit.json"]])


def _account(told: Told) -> LoanAccount | None:
    if not told["terms.json"] or not told["events.json"]:
        return None
    loan, terms = told["loan.json"], max(told["terms.json"], key=lambda one: one["version"])
    day = date.fromisoformat(loan["booked_to"] or loan["applied_on"])
    return service(Terms.parse(terms["body"]), [Event.parse(one["body"]) for one in told["events.json"]], day)


def _as_recorded(loan: Mapping[str, Any], entries: Iterable[Mapping[str, Any]]) -> Iterator[Found]:
    """What the audit entries say of a loan itself, each the newest word of it."""
    said: dict[str, set[Any]] = {}
    for entry in entries:
        act, after = entry["act"], entry["after"] or {}
        if entry["refused"]:
            continue
        if act == "application_submitted":
            said["product"] = {after.get("product")}
        elif act == "case_graded":
            said["grade"] = {after.get("grade")}
        elif act == "approval_decided" and after.get("outcome") == "approve":
            # Of two people the first may have approved another amount, which was not offered.
            said.setdefault("approved_fen", {None}).add(after.get("amount_fen"))
        elif act == ADVANCED:
            said["stage"] = {after.get("stage")}
            said["booked_to"] = {after.get("day")}
        elif act in TAKEN_UP:
            said["stage"] = {TAKEN_UP[act]}
    for name, values in said.items():
        if loan[name] not in values:
            newest = ", ".join(sorted(str(one) for one in values if one is not None))
            yield "loan.json", f"{name} is {loan[name]}, the audit log says {newest}"
