"""What a change would make of a loan, computed before anybody decides: the event it comes to, before and after."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

from books.session import UnitOfWork
from lending.account import LoanAccount
from lending.caps import CostCap, require_cost_below
from lending.cost import cost_of_account
from lending.events import Event, EventType
from lending.servicing import service
from lending.terms import Terms
from models.changes import CHANGES_TERMS, ChangeKind
from models.customers import PartyRole
from models.loans import Loan, LoanEvent
from models.status import ScheduleRow
from services.errors import InvalidChange, MoreThanThereIs
from services.limits import limits_of
from services.products import catalogue

MONEY = frozenset({EventType.REPAYMENT, EventType.PREPAYMENT})
"""Events that finance may reverse: money of the borrower."""
EVENTS = {
    ChangeKind.DEFERRAL: EventType.DEFERRAL,
    ChangeKind.RESTRUCTURING: EventType.RESCHEDULE,
    ChangeKind.RATE_CHANGE: EventType.RATE_CHANGE,
    ChangeKind.WAIVER: EventType.WAIVER,
    ChangeKind.FEE: EventType.FEE,
    ChangeKind.WRITE_OFF: EventType.WRITE_OFF,
}
"""The event of the account that a change comes to; a correction is a reversal or a repayment."""
RESCHEDULES = ("due", "extra_periods", "annual_rate_percent", "reage")
CHANNELS = ("cash", "other_account", "set_off", "court")
"""How money can reach the lender other than by the bank account that we watch."""
AGREED = "guarantors_agreed_on"
"""Asked beside the changes that can make a debt heavier or longer; it is kept with the proposal and is no event."""
BURDENING = CHANGES_TERMS | {ChangeKind.FEE}
CAPPED = frozenset({ChangeKind.FEE, ChangeKind.RATE_CHANGE, ChangeKind.RESTRUCTURING})
"""Changes that can make a loan dearer."""


@dataclass(frozen=True)
class Preview:
    """A change as it would be: its event in the form that the mathematics reads, and the loan before and after it.

    `amount_fen` is what the authority of the deciders is measured by: the sum waived, charged, written off or
    corrected, or the principal whose terms change. `cost_before` and `cost_after` are what the loan costs a year
    (`cost_of_account`), `cap` is what it may cost at most by the rule of that day, where the change can make it dearer.
    `lacks_consent` says that guarantors would answer for more or for longer and nobody recorded that they agreed.
    """

    body: dict[str, Any]
    before: LoanAccount
    after: LoanAccount
    amount_fen: int
    cost_before: Decimal | None
    cost_after: Decimal | None
    cap: CostCap | None
    lacks_consent: bool

    @property
    def warnings(self) -> tuple[str, ...]:
        """What a decider should know and nothing forbids: `not_past_due`, when a debt that is not late is let go."""
        gone = self.after.written_off_on is not None and self.before.written_off_on is None
        return ("not_past_due",) if gone and self.before.dpd == 0 else ()

    @property
    def figures(self) -> dict[str, dict[str, Any]]:
        """What a decider compares, before and after; sums in fen."""
        return {
            "before": figures_of(self.before, self.cost_before),
            "after": figures_of(self.after, self.cost_after),
        }

    def require_cost_allowed(self) -> None:
        """Refuses with `CostAboveCap` a change that makes the loan dearer than is allowed now.

        One that does not make it dearer is no new burden: a contract from before the cap may still be eased.
        """
        dearer = self.cost_after is not None and (self.cost_before is None or self.cost_after > self.cost_before)
        if self.cap is not None and self.cost_after is not None and dearer:
            require_cost_below(self.cost_after, self.cap)


def figures_of(account: LoanAccount, cost_percent: Decimal | None) -> dict[str, Any]:
    """The figures of a loan that a change may move; sums in fen, dates and the yearly cost as text."""
    ahead = [row for row in account.rows if row.outstanding > 0]
    to_come = [row for row in ahead if row.due > account.as_of]
    return {
        "principal_outstanding_fen": account.principal_outstanding_fen,
        "to_pay_fen": sum(row.outstanding for row in ahead),
        "overdue_fen": account.overdue_fen,
        "settlement_fen": account.settlement_fen,
        "credit_fen": account.credit_fen,
        "written_off_fen": account.written_off.borrower_total,
        "dpd": account.dpd,
        "installments_left": len(ahead),
        "next_due": to_come[0].due.isoformat() if to_come else None,
        "next_due_fen": to_come[0].outstanding if to_come else 0,
        "last_due": ahead[-1].due.isoformat() if ahead else None,
        "cost_percent": None if cost_percent is None else str(cost_percent),
    }


def rows_of(account: LoanAccount) -> list[ScheduleRow]:
    """The schedule of an account, as pages show it."""
    return [
        ScheduleRow(
            n=row.n,
            due=row.due,
            principal_fen=row.principal,
            interest_fen=row.interest,
            fee_fen=row.fee,
            penalty_fen=row.penalty,
            subsidy_fen=row.subsidy,
            total_fen=row.total,
            balance_fen=row.balance,
            paid_fen=row.paid,
            outstanding_fen=row.outstanding,
            paid_on=None if row.written_off else row.paid_on,
            dpd=row.dpd,
            written_off_fen=row.written_off,
        )
        for row in account.rows
    ]


def preview(
    work: UnitOfWork, loan: Loan, kind: ChangeKind, asked: Mapping[str, Any], day: date, key: str = "preview"
) -> Preview:
    """What a change on `day` would make of a loan; nothing is written.

    Raises InvalidChange, or InvalidEvent of the mathematics, naming the field that cannot be.
    """
    terms = work.loans.terms(loan.number)
    events = work.loans.events(loan.number)
    if terms is None or loan.disbursed_on is None:
        raise LookupError(f"loan {loan.number} has no account")
    body = _body(kind, asked, key, day)
    event = Event.parse(body)
    contract, known = Terms.parse(terms.body), [Event.parse(one.body) for one in events]
    before = service(contract, known, day)
    _check_possible(kind, loan, event, events, before)
    _check_dates(loan, event, day)
    after = service(contract, [*known, event], day)
    agreed_on = _agreed_on(asked, day)
    return Preview(
        body=body,
        before=before,
        after=after,
        amount_fen=_amount(kind, event, events, before, after),
        cost_before=cost_of_account(contract, known, before),
        cost_after=cost_of_account(contract, [*known, event], after),
        cap=limits_of(work).cost_cap(catalogue().product(loan.product), day) if kind in CAPPED else None,
        lacks_consent=agreed_on is None and _burdens_guarantors(work, loan, before, after),
    )


def _agreed_on(asked: Mapping[str, Any], day: date) -> date | None:
    """The day on which the guarantors agreed in writing, as the proposer states it."""
    text = asked.get(AGREED)
    if text is None:
        return None
    try:
        agreed = date.fromisoformat(str(text))
    except ValueError:
        agreed = date.max
    if agreed > day:
        raise InvalidChange("guarantors agree before the change", fields={AGREED: f"a date up to {day}"})
    return agreed


def has_guarantors(work: UnitOfWork, loan: Loan) -> bool:
    """Whether somebody guarantees the loan."""
    return any(party.role is PartyRole.GUARANTOR for party in work.customers.parties(loan.number))


def _burdens_guarantors(work: UnitOfWork, loan: Loan, before: LoanAccount, after: LoanAccount) -> bool:
    """Whether a guarantor would answer for more, or for longer (Civil Code article 695)."""
    if not has_guarantors(work, loan):
        return False
    owed, owes = (sum(row.outstanding for row in account.rows) for account in (before, after))
    ends = [max((row.due for row in account.rows if row.outstanding), default=date.min) for account in (before, after)]
    return after.written_off_on is None and (owes > owed or ends[1] > ends[0])


def _body(kind: ChangeKind, asked: Mapping[str, Any], key: str, day: date) -> dict[str, Any]:
    fields = {name: value for name, value in asked.items() if value is not None and name != AGREED}
    on = day.isoformat()
    if kind is ChangeKind.CORRECTION:
        return _correction(fields, key, on)
    if kind is ChangeKind.RESTRUCTURING:
        if not any(fields.get(name) for name in RESCHEDULES):
            raise InvalidChange("nothing would change", fields={"due": f"give one of {', '.join(RESCHEDULES)}"})
        fields.setdefault("from", on)
    return {"id": key, "type": EVENTS[kind].value, "date": on} | fields


def _correction(fields: dict[str, Any], key: str, on: str) -> dict[str, Any]:
    if "of" in fields:
        return {"id": key, "type": EventType.REVERSAL.value, "date": on} | fields
    if fields.pop("channel", None) not in CHANNELS:
        raise InvalidChange("how did the money come?", fields={"channel": f"one of: {', '.join(CHANNELS)}"})
    fields.pop("reference", None)
    received_on = fields.pop("received_on", on)
    return {"id": key, "type": EventType.REPAYMENT.value, "date": received_on} | fields


def _check_possible(
    kind: ChangeKind, loan: Loan, event: Event, events: Sequence[LoanEvent], before: LoanAccount
) -> None:
    if before.written_off_on is not None and kind is not ChangeKind.CORRECTION:
        raise InvalidChange(f"loan {loan.number} is written off; only its money can still be corrected")
    if before.settled_on is not None and event.type is not EventType.REVERSAL:
        raise InvalidChange(f"loan {loan.number} owes nothing any more")
    if event.type is EventType.REVERSAL:
        target = next((one for one in events if one.key == event.of), None)
        if target is None or target.type not in MONEY:
            fields = {"of": "name a repayment or prepayment of the loan"}
            raise InvalidChange("no such money of this loan", fields=fields)
        if any(one.type == EventType.REVERSAL and one.body["of"] == event.of for one in events):
            raise InvalidChange("it is reversed already", fields={"of": "is reversed already"})


def _check_dates(loan: Loan, event: Event, day: date) -> None:
    if event.type is EventType.REPAYMENT and not (loan.disbursed_on or day) <= event.date <= day:
        wanted = f"from {loan.disbursed_on} to {day}"
        raise InvalidChange("money counts from a day of the loan", fields={"received_on": f"must lie {wanted}"})
    if event.type is EventType.FEE and event.due is not None and event.due < day:
        raise InvalidChange("a fee falls due from today on", fields={"due": f"must not lie before {day}"})


def _amount(
    kind: ChangeKind, event: Event, events: Sequence[LoanEvent], before: LoanAccount, after: LoanAccount
) -> int:
    if kind is ChangeKind.WAIVER:
        # The mathematics waives at most what there is.
        component = str(event.component)
        most = getattr(after.waived, component) - getattr(before.waived, component)
        if most != event.amount_fen:
            raise MoreThanThereIs(most, component)
    if kind is ChangeKind.WRITE_OFF:
        amount = after.written_off.borrower_total - before.written_off.borrower_total
        if amount <= 0:
            raise InvalidChange("nothing is left to write off")
        return amount
    if event.type is EventType.REVERSAL:
        target = next(one for one in events if one.key == event.of)
        return Event.parse(target.body).amount_fen or 0
    return before.principal_outstanding_fen if event.amount_fen is None else event.amount_fen
