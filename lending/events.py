"""What happens to a loan after its terms are set: one event, one fact, one business date."""

import datetime
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from enum import StrEnum
from typing import ClassVar

from lending.components import Component
from lending.errors import LendingError
from lending.fields import Fields
from lending.money import yuan
from lending.terms import MAX_ANNUAL_RATE_PERCENT, MAX_PERIODS


class InvalidEvent(LendingError):
    """A field of an event is missing, malformed or impossible for this loan; `field` names it."""

    code: ClassVar[str] = "invalid_event"
    http_status: ClassVar[int] = 422

    def __init__(self, field: str, sentence: str, event_id: str | None = None) -> None:
        self.field = field
        self.event_id = event_id
        super().__init__(f"{field}: {sentence}", fields={field: sentence})


class EventType(StrEnum):
    """The kinds of events. `subsidy` is money received from the state."""

    DISBURSEMENT = "disbursement"
    RATE_CHANGE = "rate_change"
    FEE = "fee"
    WAIVER = "waiver"
    REPAYMENT = "repayment"
    PREPAYMENT = "prepayment"
    SUBSIDY = "subsidy"
    DEFERRAL = "deferral"
    RESCHEDULE = "reschedule"
    REVERSAL = "reversal"
    SETTLEMENT = "settlement"
    WRITE_OFF = "write_off"
    AS_OF = "as_of"

    # Events are ranked and handled by type, and Enum's own hash is a Python call.
    __hash__ = str.__hash__


class PrepaymentEffect(StrEnum):
    """What a prepayment changes: the installments' size, their number, or the day the next ones fall due."""

    REDUCE_INSTALLMENT = "reduce_installment"
    REDUCE_TERM = "reduce_term"
    ADVANCE_DUE = "advance_due"


class DeferralComponent(StrEnum):
    """What a deferral puts off."""

    PRINCIPAL = "principal"
    ALL = "all"


_RANK = {
    EventType.REVERSAL: 0,
    EventType.DISBURSEMENT: 1,
    EventType.RATE_CHANGE: 2,
    EventType.FEE: 3,
    EventType.WAIVER: 4,
    EventType.REPAYMENT: 5,
    EventType.PREPAYMENT: 5,
    EventType.SUBSIDY: 5,
    EventType.DEFERRAL: 6,
    EventType.RESCHEDULE: 6,
    EventType.SETTLEMENT: 7,
    EventType.WRITE_OFF: 8,
    EventType.AS_OF: 9,
}
"""The order of one day's events, whatever order they came in; equals keep the order given."""

_WITH_AMOUNT = {
    EventType.DISBURSEMENT,
    EventType.REPAYMENT,
    EventType.PREPAYMENT,
    EventType.SUBSIDY,
    EventType.FEE,
    EventType.WAIVER,
}


@dataclass(frozen=True, slots=True)
class Event:
    """One event of a loan. Only the fields of its type are set; `from_date` is the contract's field `from`."""

    id: str
    type: EventType
    date: datetime.date
    amount_fen: int | None = None
    effect: PrepaymentEffect | None = None
    fee_fen: int | None = None
    annual_rate_percent: Decimal | None = None
    due: datetime.date | None = None
    component: Component | DeferralComponent | None = None
    periods: int | None = None
    from_date: datetime.date | None = None
    extra_periods: int | None = None
    reage: bool = False
    of: str | None = None

    @classmethod
    def parse(cls, mapping: Mapping[str, object], path: str = "") -> "Event":
        """An event from the contract's JSON form; a field that its type does not have is refused by name."""
        fields = Fields(mapping, InvalidEvent, path)
        kind = fields.choice("type", EventType)
        identity = fields.text("id")
        day = fields.day("date")
        amount = fields.fen("amount") if kind in _WITH_AMOUNT else None
        event = cls(identity, kind, day, amount)
        if kind in _READERS:
            event = _READERS[kind](event, fields)
        fields.finish()
        return event

    def to_json(self) -> dict[str, object]:
        """The form that `parse` reads."""
        body: dict[str, object] = {"id": self.id, "type": self.type.value, "date": self.date.isoformat()}
        if self.amount_fen is not None:
            body["amount"] = yuan(self.amount_fen)
        if self.fee_fen is not None:
            body["fee"] = yuan(self.fee_fen)
        if self.annual_rate_percent is not None:
            body["annual_rate_percent"] = format(self.annual_rate_percent, "f")
        for field, choice in (("effect", self.effect), ("component", self.component)):
            if choice is not None:
                body[field] = choice.value
        for field, day in (("due", self.due), ("from", self.from_date)):
            if day is not None:
                body[field] = day.isoformat()
        for field, plain in (("periods", self.periods), ("extra_periods", self.extra_periods), ("of", self.of)):
            if plain is not None:
                body[field] = plain
        if self.reage:
            body["reage"] = True
        return body


def _prepayment(event: Event, fields: Fields) -> Event:
    effect = fields.choice("effect", PrepaymentEffect, PrepaymentEffect.REDUCE_INSTALLMENT)
    return replace(event, effect=effect, fee_fen=fields.fen("fee") if fields.has("fee") else None)


def _rate_change(event: Event, fields: Fields) -> Event:
    return replace(event, annual_rate_percent=fields.number("annual_rate_percent", MAX_ANNUAL_RATE_PERCENT))


def _fee(event: Event, fields: Fields) -> Event:
    return replace(event, due=fields.optional_day("due"))


def _waiver(event: Event, fields: Fields) -> Event:
    component = fields.choice("component", Component)
    if component is Component.SUBSIDY:
        fields.refuse("component", "must be penalty, fee, interest or principal")
    return replace(event, component=component)


def _deferral(event: Event, fields: Fields) -> Event:
    component = fields.choice("component", DeferralComponent, DeferralComponent.PRINCIPAL)
    return replace(event, periods=fields.whole("periods", 1, MAX_PERIODS), component=component)


def _reschedule(event: Event, fields: Fields) -> Event:
    changed = replace(
        event,
        from_date=fields.day("from"),
        due=fields.optional_day("due"),
        extra_periods=fields.whole("extra_periods", 0, MAX_PERIODS) if fields.has("extra_periods") else None,
        reage=fields.flag("reage"),
    )
    if fields.has("annual_rate_percent"):
        return _rate_change(changed, fields)
    return changed


def _reversal(event: Event, fields: Fields) -> Event:
    return replace(event, of=fields.text("of"))


_READERS: dict[EventType, Callable[[Event, Fields], Event]] = {
    EventType.PREPAYMENT: _prepayment,
    EventType.RATE_CHANGE: _rate_change,
    EventType.FEE: _fee,
    EventType.WAIVER: _waiver,
    EventType.DEFERRAL: _deferral,
    EventType.RESCHEDULE: _reschedule,
    EventType.REVERSAL: _reversal,
}


def in_force(events: Sequence[Event], as_of: datetime.date) -> list[Event]:
    """The events up to the end of `as_of` in the order they apply, without reversals and what these undo.

    Refused: an id used twice, a reversal of an event that is not there, and one of a reversal: what was undone by
    mistake is booked anew, so that everybody sees at once whether an event stands.
    """
    by_id: dict[str, Event] = {}
    for event in events:
        if event.id in by_id:
            raise InvalidEvent("id", f"{event.id} names two events", event.id)
        by_id[event.id] = event
    reversals = [event for event in events if event.type is EventType.REVERSAL]
    for event in reversals:
        target = by_id.get(event.of or "")
        if target is None:
            raise InvalidEvent("of", f"there is no event {event.of} for {event.id} to reverse", event.id)
        if target.type is EventType.REVERSAL:
            raise InvalidEvent("of", f"{event.of} is a reversal, which {event.id} cannot reverse", event.id)
    undone = {event.of for event in reversals if event.date <= as_of}
    standing = [e for e in events if e.date <= as_of and e.type is not EventType.REVERSAL and e.id not in undone]
    return sorted(standing, key=lambda event: (event.date, _RANK[event.type]))
