"""The operations that outside systems call with JSON: schedules with events, and annual rates."""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import ClassVar

from lending.account import InstallmentState, LoanAccount
from lending.apr import apr
from lending.effort import Effort
from lending.errors import LendingError
from lending.events import Event, EventType, InvalidEvent
from lending.explain import explain_rows
from lending.fields import as_mapping
from lending.money import yuan
from lending.schedules import Row, build_schedule
from lending.servicing import service
from lending.terms import MAX_PERIODS, Terms
from lending.workdays import provisional

MAX_EVENTS = 5000

STEPS_A_CASE = 200
STEPS_A_READ_EVENT = 20
STEPS_A_PLAIN_ROW = 12
STEPS_A_SERVICED_ROW = 20
"""What reading a case and writing its rows costs at most, as `Effort` counts."""

Json = dict[str, object]


class InvalidCase(LendingError):
    """The case as a whole is not of a form that any operation reads; `field` names what is wrong."""

    code: ClassVar[str] = "invalid_case"
    http_status: ClassVar[int] = 422

    def __init__(self, field: str, sentence: str) -> None:
        self.field = field
        super().__init__(f"{field}: {sentence}", fields={field: sentence})


def run_case(case: Mapping[str, object], effort: Effort | None = None) -> Json:
    """The result of one case: `{"operation": "schedule", "terms", "events"?}` or `{"operation": "apr", "input"}`.

    A schedule's `explain` is the number of an installment whose amounts are to be explained, or a list of numbers.
    Gives rows and totals, or `apr_percent`; a case that is refused gives `{"error": {"code", "field", "detail"}}`.
    Cases that share an `effort` are refused once it is used up; without one they may cost what they do.
    """
    try:
        return _run(case, effort or Effort())
    except LendingError as error:
        field = next(iter(error.fields), "body")
        return {"error": {"code": error.code, "field": field, "detail": error.fields.get(field, str(error))}}


def run_cases(cases: Sequence[object]) -> list[Json]:
    """The result of each case, in their order; a refused one has its error in its place."""
    return [run_case(as_mapping(case) or {}) for case in cases]


def _run(case: Mapping[str, object], effort: Effort) -> Json:
    effort.spend(STEPS_A_CASE)
    operation = case.get("operation")
    if operation == "apr":
        return {"apr_percent": str(apr(_object(case, "input"), effort))}
    if operation != "schedule":
        raise InvalidCase("operation", "must be schedule or apr")
    terms = Terms.parse(_object(case, "terms"))
    effort.spend(len(terms.dues) * (STEPS_A_PLAIN_ROW + len(terms.fees) // 8))
    events = case.get("events")
    if not events:
        return _planned(terms) | _explanation(case, terms, [], terms.disbursement_date, effort)
    if not isinstance(events, list | tuple) or len(events) > MAX_EVENTS:
        raise InvalidCase("events", f"must be a list of at most {MAX_EVENTS} events")
    effort.spend(STEPS_A_READ_EVENT * len(events) + STEPS_A_SERVICED_ROW * len(terms.dues))
    parsed = [Event.parse(_entry(event, place), f"events[{place}].") for place, event in enumerate(events)]
    try:
        account = service(terms, parsed, _as_of(parsed), effort)
        _require_prepayments_used(parsed, account)
    except InvalidEvent as error:
        # Of two events with one id, the later one is at fault.
        place = max((place for place, event in enumerate(parsed) if event.id == error.event_id), default=None)
        field = error.field if place is None else f"events[{place}].{error.field}"
        raise InvalidEvent(field, str(error).removeprefix(f"{error.field}: ")) from error
    return _serviced(terms, account) | _explanation(case, terms, parsed, _as_of(parsed), effort)


def _explanation(
    case: Mapping[str, object], terms: Terms, events: Sequence[Event], as_of: date, effort: Effort
) -> Json:
    """How the amounts of the installments came to be that the case asks about, if it does."""
    asked = case.get("explain")
    if asked is None:
        return {}
    listed = asked if isinstance(asked, list | tuple) else [asked]
    numbers = [n for n in listed if isinstance(n, int) and not isinstance(n, bool)]
    if len(numbers) < len(listed) or len(numbers) > MAX_PERIODS:
        raise InvalidCase("explain", "must be the number of an installment, or a list of such")
    effort.spend(STEPS_A_SERVICED_ROW * len(terms.dues))
    explained = [one.to_json() for one in explain_rows(terms, events, as_of, numbers, effort)]
    return {"explanations": explained} if listed is asked else {"explanation": explained[0]}


def _require_prepayments_used(events: Sequence[Event], account: LoanAccount) -> None:
    """Refuses a prepayment above what would end the loan.

    Money that came in all the same is a fact: the books keep it as credit. Here somebody asks what a payment would do.
    """
    prepayments = {event.id for event in events if event.type is EventType.PREPAYMENT}
    for part in account.allocations:
        if part.credit > 0 and part.event_id in prepayments:
            sentence = f"{part.event_id} is {yuan(part.credit)} more than what would end the loan that day"
            raise InvalidEvent("amount", sentence, part.event_id)


def _object(case: Mapping[str, object], field: str) -> Mapping[str, object]:
    value = as_mapping(case.get(field))
    if value is None:
        raise InvalidCase(field, "must be an object with named fields")
    return value


def _entry(event: object, place: int) -> Mapping[str, object]:
    value = as_mapping(event)
    if value is None:
        raise InvalidCase(f"events[{place}]", "must be an object with named fields")
    return value


def _as_of(events: Sequence[Event]) -> date:
    """The day to look at: the last `as_of`, else the last event."""
    asked = [event.date for event in events if event.type is EventType.AS_OF]
    return max(asked or [event.date for event in events])


def _planned(terms: Terms) -> Json:
    schedule = build_schedule(terms)
    totals = schedule.totals
    sums: Json = {
        "principal": yuan(totals.principal),
        "interest": yuan(totals.interest),
        "fee": yuan(totals.fee),
        "penalty": yuan(totals.penalty),
        "total": yuan(totals.total),
    }
    if terms.subsidised_until is not None:
        sums["subsidy"] = yuan(totals.subsidy)
    return {"rows": [_row(terms, row) for row in schedule.rows], "totals": sums} | _provisional(terms)


def _row(terms: Terms, row: Row | InstallmentState) -> Json:
    body: Json = {
        "n": row.n,
        "due": row.due.isoformat(),
        "principal": yuan(row.principal),
        "interest": yuan(row.interest),
        "fee": yuan(row.fee),
        "penalty": yuan(row.penalty),
        "total": yuan(row.total),
        "balance": yuan(row.balance),
    }
    if terms.subsidised_until is not None:
        body["subsidy"] = yuan(row.subsidy)
    return body


def _serviced(terms: Terms, account: LoanAccount) -> Json:
    rows = []
    for row in account.rows:
        rows.append(
            _row(terms, row)
            | {
                "paid": yuan(row.paid),
                "outstanding": yuan(row.outstanding),
                "paid_on": row.paid_on.isoformat() if row.paid_on else None,
                "dpd": row.dpd,
            }
        )
    sums: Json = {
        field: yuan(sum(getattr(row, field) for row in account.rows))
        for field in ("principal", "interest", "fee", "penalty", "total", "paid", "outstanding")
    }
    if terms.subsidised_until is not None:
        sums["subsidy"] = yuan(sum(row.subsidy for row in account.rows))
    return {"rows": rows, "totals": sums, "state": _state(account)} | _provisional(terms)


def _provisional(terms: Terms) -> Json:
    """The installments whose due dates may yet move, where due dates keep to working days."""
    return {"provisional": provisional(terms.dues)} if terms.business_days is not None else {}


def _state(account: LoanAccount) -> Json:
    return {
        "as_of": account.as_of.isoformat(),
        "principal_outstanding": yuan(account.principal_outstanding_fen),
        "interest_outstanding": yuan(account.interest_outstanding_fen),
        "fee_outstanding": yuan(account.fee_outstanding_fen),
        "penalty_outstanding": yuan(account.penalty_outstanding_fen),
        "accrued_interest": yuan(account.accrued_interest_fen),
        "due": yuan(account.due_fen),
        "overdue": yuan(account.overdue_fen),
        "credit": yuan(account.credit_fen),
        "settlement": yuan(account.settlement_fen),
        "dpd": account.dpd,
        "bucket": account.bucket,
        "classification": account.classification.value,
        "settled_on": account.settled_on.isoformat() if account.settled_on else None,
        "written_off_on": account.written_off_on.isoformat() if account.written_off_on else None,
        "recovered": yuan(account.recovered_fen),
    }
