"""What stands on each paper: figures and names from the books, in the spelling that is printed."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from books.session import UnitOfWork
from lending.account import Allocation, LoanAccount
from lending.cost import cost_of_terms
from lending.events import Event, EventType
from lending.floating_clause import FloatingClause
from lending.schedules import build_schedule
from lending.servicing import service
from lending.terms import FeeTerm, Late, PrepaymentFee, Terms
from models.collateral import ConditionKind
from models.customers import Party, PartyRole
from models.loans import Loan, LoanEvent
from models.papers import PaperKind, PaperOrder
from services.paper_words import (
    day_in_words,
    masked_account,
    masked_id_number,
    masked_mobile,
    plain_number,
    sum_in_digits,
    sum_in_words,
)
from services.products import catalogue

SIGNING_ROLES = (PartyRole.BORROWER, PartyRole.JOINT_BORROWER, PartyRole.GUARANTOR)
"""Who signs the contract."""
MONEY_FROM_BORROWER = frozenset({EventType.REPAYMENT, EventType.PREPAYMENT})


@dataclass(frozen=True)
class Lender:
    """Whose papers they are."""

    name_zh: str = "远川消费金融有限公司（演示）"
    name_en: str = "Yuanchuan Consumer Finance Co., Ltd. (demonstration)"


@dataclass(frozen=True)
class Person:
    """A party with what identifies him; `mobile` is where his signing code goes."""

    party: Party
    id_number: str
    mobile: str


def signers(work: UnitOfWork, loan: Loan) -> list[Person]:
    """All who sign the loan's contract, the borrower first, with numbers in full: mask them before they are shown."""
    parties = sorted(work.customers.parties(loan.number), key=lambda one: (one.position, one.role))
    signing = [party for party in parties if party.role in SIGNING_ROLES]
    stated = {}
    if any(party.customer_id is None for party in signing):
        form = work.loans.application(loan.number).form
        stated = {(one.role, one.name): one for one in catalogue().product(loan.product).parties(form)}
    people = []
    for party in signing:
        customer = work.customers.get(party.customer_id) if party.customer_id else None
        known = customer or stated[party.role, party.name]
        people.append(Person(party, known.id_number, known.mobile))
    return people


def contents(work: UnitOfWork, order: PaperOrder, lender: Lender) -> dict[str, Any]:
    """All that a paper says, as text: the same for the same order, whenever it is asked for."""
    loan = work.loans.get(order.loan)
    terms = work.papers.terms(order.loan, order.terms_version)
    if terms is None:
        raise LookupError(f"loan {order.loan} has no terms {order.terms_version}")
    product = catalogue().product(loan.product)
    chinese = order.language == "zh"
    borrower = next(one for one in signers(work, loan) if one.party.role is PartyRole.BORROWER)
    head = {
        "kind": order.kind.value,
        "language": order.language.value,
        "number": order.number,
        "issued_on": order.issued_on.isoformat(),
        "issued_on_words": day_in_words(order.issued_on, order.language),
        "lender": lender.name_zh if chinese else lender.name_en,
        "loan": loan.number,
        "product": product.name_zh if chinese else product.name_en,
        "terms_version": str(order.terms_version),
        "borrower": _person(borrower),
    }
    return head | _CONTENTS[order.kind](work, loan, order, Terms.parse(terms.body))


def _person(person: Person) -> dict[str, str]:
    return {
        "role": person.party.role.value,
        "name": person.party.name,
        "id_number": masked_id_number(person.id_number),
        "mobile": masked_mobile(person.mobile),
        "account": masked_account(person.party.account) if person.party.account else "",
    }


def _sum(fen: int) -> dict[str, str]:
    return {"digits": sum_in_digits(fen), "words": sum_in_words(fen)}


# -- the contract ------------------------------------------------------------------------------------------------------


def _contract(work: UnitOfWork, loan: Loan, order: PaperOrder, terms: Terms) -> dict[str, Any]:
    return {
        **terms_contents(terms, order.language),
        "parties": [_person(one) for one in signers(work, loan)],
        "payees": [
            {
                "name": payee.name,
                "account": masked_account(payee.account or ""),
                "amount": sum_in_digits(payee.amount_fen or 0),
            }
            for payee in work.customers.payees(loan.number)
        ],
        "collateral": [
            {"model": one.model, "identifier": one.identifier, "value": sum_in_digits(one.value_fen)}
            for one in work.customers.collateral(loan.number)
        ],
    }


def terms_contents(terms: Terms, language: str) -> dict[str, Any]:
    """What a contract says of its terms: figures, clauses and every row of the schedule."""
    schedule = build_schedule(terms)
    return {
        "principal": _sum(terms.principal_fen),
        "cost_percent": f"{cost_of_terms(terms):.2f}",
        "annual_rate_percent": plain_number(terms.annual_rate_percent) if terms.annual_rate_percent is not None else "",
        "daily_rate_percent": plain_number(terms.daily_rate_percent) if terms.daily_rate_percent is not None else "",
        "floating": _floating(terms.floating),
        "method": terms.method.value,
        "installments": str(len(schedule.rows)),
        "period": {"unit": terms.period.unit.value, "every": str(terms.period.every)},
        "disbursed_on": day_in_words(terms.disbursement_date, language),
        "first_due": day_in_words(schedule.rows[0].due, language),
        "last_due": day_in_words(schedule.rows[-1].due, language),
        "day_count": terms.day_count.value,
        "business_days": terms.business_days.value if terms.business_days else "",
        "principal_grace_periods": str(terms.principal_grace_periods),
        "interest_free_periods": str(terms.interest_free_periods),
        "interest_deferral_periods": str(terms.interest_deferral_periods),
        "subsidised_until": day_in_words(terms.subsidised_until, language) if terms.subsidised_until else "",
        "fees": [_fee(fee, language) for fee in terms.fees],
        "allocation_order": [component.value for component in terms.allocation_order],
        "allocation_by": terms.allocation_by.value,
        "late": _late(terms, terms.late),
        "prepayment_fee": _prepayment_fee(terms.prepayment_fee, language),
        "rows": [
            {
                "n": str(row.n),
                "due": row.due.isoformat(),
                "principal": sum_in_digits(row.principal),
                "interest": sum_in_digits(row.interest),
                "fee": sum_in_digits(row.fee),
                "subsidy": sum_in_digits(row.subsidy),
                "total": sum_in_digits(row.total),
                "balance": sum_in_digits(row.balance),
            }
            for row in schedule.rows
        ],
        "totals": {
            "principal": sum_in_digits(schedule.totals.principal),
            "interest": sum_in_digits(schedule.totals.interest),
            "fee": sum_in_digits(schedule.totals.fee),
            "subsidy": sum_in_digits(schedule.totals.subsidy),
            "total": sum_in_digits(schedule.totals.total),
        },
        "has_fees": bool(schedule.totals.fee),
        "has_subsidy": bool(schedule.totals.subsidy),
    }


def _floating(clause: FloatingClause | None) -> dict[str, Any] | None:
    """What a floating rate follows, how far above or below it lies, and when it is set anew."""
    if clause is None:
        return None
    return {
        "tenor": clause.tenor.value,
        "margin": plain_number(abs(clause.margin_percent)),
        "is_below": clause.margin_percent < 0,
        "reset": clause.reset.value,
    }


def _fee(fee: FeeTerm, language: str) -> dict[str, str]:
    return {
        "name": fee.name or "",
        "amount": sum_in_digits(fee.amount_fen),
        "due": day_in_words(fee.due, language) if fee.due else "",
        "n": str(fee.n) if fee.n else "",
    }


def _prepayment_fee(fee: PrepaymentFee | None, language: str) -> dict[str, str] | None:
    """The clause on what prepayment costs; none where it costs nothing."""
    if fee is None or not fee.percent:
        return None
    return {"percent": plain_number(fee.percent), "until": day_in_words(fee.until, language) if fee.until else ""}


def _late(terms: Terms, late: Late | None) -> dict[str, Any] | None:
    """The clause on lateness; none where lateness costs nothing."""
    if late is None or (late.penalty_multiple is None and late.penalty_annual_rate_percent is None):
        return None
    numbers = ("penalty_multiple", "penalty_annual_rate_percent", "max_annual_rate_percent", "max_percent_of_overdue")
    spelled = {name: getattr(late, name) for name in numbers}
    yearly = ""
    if late.penalty_multiple is not None and terms.annual_rate_percent is not None:
        yearly = plain_number(terms.annual_rate_percent * late.penalty_multiple)
    return {name: plain_number(value) if value is not None else "" for name, value in spelled.items()} | {
        "yearly_percent": yearly,
        "grace_days": str(late.grace_days),
        "compound": late.compound,
    }


# -- what happened to the loan -----------------------------------------------------------------------------------------


def known_events(work: UnitOfWork, loan: str, count: int) -> list[LoanEvent]:
    """The events that a paper knows of."""
    return work.papers.events(loan, count)


def account_on(terms: Terms, events: Sequence[LoanEvent], day: date) -> LoanAccount:
    """The account at the end of a day as these events make it."""
    return service(terms, [Event.parse(one.body) for one in events], day)


def _statement(work: UnitOfWork, loan: Loan, order: PaperOrder, terms: Terms) -> dict[str, Any]:
    first, last = order.first_day, order.last_day
    if first is None or last is None:
        raise LookupError(f"statement {order.key} has no period")
    events = known_events(work, loan.number, order.events)
    account = account_on(terms, events, last)
    before = account_on(terms, events, first - timedelta(days=1))
    ahead = [row for row in account.rows if row.outstanding and row.due > last]
    return {
        "first_day": day_in_words(first, order.language),
        "last_day": day_in_words(last, order.language),
        "opening_principal": sum_in_digits(before.principal_outstanding_fen),
        "closing_principal": sum_in_digits(account.principal_outstanding_fen),
        "movements": _movements(events, account.allocations, first, last),
        "charged": {
            part: sum_in_digits(getattr(account.charged, part) - getattr(before.charged, part))
            for part in ("interest", "fee", "penalty")
        },
        "paid": _paid(account.allocations, first, last),
        "overdue": sum_in_digits(account.overdue_fen),
        "dpd": str(account.dpd),
        "credit": sum_in_digits(account.credit_fen),
        "settlement": sum_in_digits(account.settlement_fen),
        "next_due": day_in_words(ahead[0].due, order.language) if ahead else "",
        "next_amount": sum_in_digits(ahead[0].outstanding) if ahead else "",
        "rows": [
            {
                "n": str(row.n),
                "due": row.due.isoformat(),
                "total": sum_in_digits(row.total),
                "paid": sum_in_digits(row.paid),
                "outstanding": sum_in_digits(row.outstanding),
                "dpd": str(row.dpd) if row.dpd else "",
            }
            for row in account.rows
            if first <= row.due <= last or (row.dpd and row.due <= last)
        ],
    }


def _paid(allocations: Sequence[Allocation], first: date, last: date) -> dict[str, str]:
    within = [one for one in allocations if first <= one.date <= last]
    return {
        part: sum_in_digits(sum(getattr(one, part) for one in within))
        for part in ("principal", "interest", "fee", "penalty")
    }


def _movements(
    events: Sequence[LoanEvent], allocations: Sequence[Allocation], first: date, last: date
) -> list[dict[str, str]]:
    """Money of the period in the order of its days; money kept earlier and used now has a line of its own."""
    lines: list[tuple[date, dict[str, str]]] = []
    taken_back = {one.body.get("of") for one in events if one.type == EventType.REVERSAL}
    for event in events:
        if not first <= event.date <= last:
            continue
        amount = Event.parse(event.body).amount_fen
        shares = [one for one in allocations if one.event_id == event.body["id"] and one.date == event.date]
        kind = "reversed" if event.body["id"] in taken_back else str(event.type)
        lines.append((event.date, _line(event.date, kind, amount, shares)))
    in_period = {str(event.body["id"]): event.date for event in events}
    for used in {(one.event_id, one.date) for one in allocations if first <= one.date <= last}:
        if in_period.get(used[0]) != used[1]:
            shares = [one for one in allocations if (one.event_id, one.date) == used]
            lines.append((used[1], _line(used[1], "credit_used", None, shares)))
    return [line for _, line in sorted(lines, key=lambda one: one[0])]


def _line(day: date, kind: str, amount: int | None, shares: Sequence[Allocation]) -> dict[str, str]:
    parts = {part: sum(getattr(one, part) for one in shares) for part in ("principal", "interest", "fee", "penalty")}
    parts["credit"] = sum(one.credit for one in shares)
    return {
        "day": day.isoformat(),
        "kind": kind,
        "amount": "" if amount is None else sum_in_digits(amount),
        **{part: sum_in_digits(value) if value else "" for part, value in parts.items()},
    }


def _receipt(work: UnitOfWork, loan: Loan, order: PaperOrder, terms: Terms) -> dict[str, Any]:
    events = known_events(work, loan.number, order.events)
    paid = next(one for one in events if one.key == order.event_key)
    account = account_on(terms, events, paid.date)
    shares = [one for one in account.allocations if one.event_id == paid.body["id"] and one.date == paid.date]
    return {
        "paid_on": day_in_words(paid.date, order.language),
        "amount": _sum(Event.parse(paid.body).amount_fen or 0),
        "how": "prepayment" if paid.type == EventType.PREPAYMENT else "repayment",
        "reference": paid.key,
        "shares": [
            {
                "n": str(one.n) if one.n else "",
                **{
                    part: sum_in_digits(getattr(one, part))
                    for part in ("principal", "interest", "fee", "penalty", "credit", "total")
                },
            }
            for one in shares
        ],
        "principal_left": sum_in_digits(account.principal_outstanding_fen),
    }


def _certificate(work: UnitOfWork, loan: Loan, order: PaperOrder, terms: Terms) -> dict[str, Any]:
    events = known_events(work, loan.number, order.events)
    account = account_on(terms, events, order.issued_on)
    settled_on = account.settled_on
    if settled_on is None:
        raise LookupError(f"loan {loan.number} is not settled by the events that its certificate knows of")
    paid = sum(Event.parse(one.body).amount_fen or 0 for one in events if one.type in MONEY_FROM_BORROWER)
    return {
        "amount": _sum(account.disbursed_fen),
        "disbursed_on": day_in_words(loan.disbursed_on or terms.disbursement_date, order.language),
        "settled_on": day_in_words(settled_on, order.language),
        "paid": sum_in_digits(paid - account.credit_fen),
        "parties": [_person(one) for one in signers(work, loan)],
        "released_by": _released_by(work, loan, order.language),
    }


def _released_by(work: UnitOfWork, loan: Loan, language: str) -> str:
    """The day by which the lender releases the mortgage of a settled loan; empty where none is registered."""
    if not catalogue().product(loan.product).is_secured:
        return ""
    asked = [one for one in work.collateral.conditions(loan.number) if one.kind is ConditionKind.RELEASE]
    due = [one.due_on for one in asked if one.ended_on is None and one.due_on is not None]
    return day_in_words(due[-1], language) if due else ""


_CONTENTS: dict[PaperKind, Callable[[UnitOfWork, Loan, PaperOrder, Terms], dict[str, Any]]] = {
    PaperKind.CONTRACT: _contract,
    PaperKind.STATEMENT: _statement,
    PaperKind.RECEIPT: _receipt,
    PaperKind.CERTIFICATE: _certificate,
}
