"""One loan of a portfolio as its former system tells of it: read field by field, with a sentence for each wrong one."""

import hashlib
import json
import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from decimal import Decimal
from functools import partial
from typing import Any, ClassVar, TypeVar

from lending.caps import CapRule
from lending.dated import Scope, rule_in_force
from lending.errors import LendingError
from lending.events import Event, EventType
from lending.fields import Fields
from lending.money import InvalidAmount, to_fen
from lending.operations import MAX_EVENTS
from lending.terms import MAX_PERIODS, Terms
from models.portfolio import Origin
from models.products import Product
from services.forms import NotJson, read_form, shown_name
from services.products import catalogue

LONGEST_GAP = timedelta(days=31)
"""How old the other system's figures may be: the books live through every day since then, and draw what fell due."""
HIGHEST_RATES = (CapRule(Scope(date(1900, 1, 1)), percent=Decimal(36)),)
"""What no contract can bear: above 36 % a year interest was void (法释〔2015〕18号, article 26), and later ceilings are
lower. What a lender may charge for a new loan is for `lending.caps` to say."""

_SOURCE = re.compile(r"[a-z0-9][a-z0-9_-]{0,31}")
_SOURCE_LOAN = re.compile(r"[A-Za-z0-9][A-Za-z0-9._/-]{0,63}")
_MANDATE = re.compile(r"[A-Za-z0-9][A-Za-z0-9+?/:().,'-]{0,34}")
"""What ISO 20022 takes as the number of a mandate."""
_NOT_TAKEN = {EventType.SETTLEMENT, EventType.WRITE_OFF, EventType.AS_OF}
_CUSTOMER = ("name", "id_number", "mobile", "bank_card")
_SHORTEST_PERSONAL = 11
_LARGEST_DPD = 20_000
DISBURSEMENT_ID = "disbursement"

Read = TypeVar("Read")


class InvalidTakeover(LendingError):
    """A loan that cannot be taken over as it was told; `fields` has a sentence for each field. None is personal."""

    code: ClassVar[str] = "invalid_takeover"
    http_status: ClassVar[int] = 422

    def __init__(self, fields: Mapping[str, str]) -> None:
        super().__init__("the loan cannot be taken over as it is; see each field", fields=dict(fields))


@dataclass(frozen=True, slots=True)
class ClaimedRow:
    """An installment of the other system's schedule; amounts in full and in fen, the fee None if it was not given."""

    n: int
    due: date
    principal_fen: int
    interest_fen: int
    fee_fen: int | None


@dataclass(frozen=True, slots=True)
class Claimed:
    """What the other system says is owed at the end of the cut-off date, in fen.

    Interest, fee and penalty are what fell due or was charged and is unpaid; principal is all that is left.
    `next_due` is the next due date after the cut-off, None if it was not given.
    """

    principal_fen: int
    interest_fen: int
    fee_fen: int
    penalty_fen: int
    credit_fen: int
    dpd: int
    next_due: date | None


@dataclass(frozen=True, slots=True)
class ToldMandate:
    """The mandate that the former lender debited under: its number at the bank, and when it was signed."""

    bank_id: str
    signed_on: date


@dataclass(frozen=True, slots=True)
class Takeover:
    """One running loan of another system, well-formed. Events are in the order given, the disbursement first."""

    origin: Origin
    product: Product
    customer: Mapping[str, Any]
    terms: Terms
    events: tuple[Event, ...]
    cut_off: date
    claimed: Claimed
    schedule: tuple[ClaimedRow, ...]
    mandate: ToldMandate | None = None


def read_line(text: str) -> Any:
    """The value of a line of JSON. Refuses with NotJson what is none, and with InvalidTakeover a name that stands twice
    in one object. A history makes a line longer than any request, so the limit of `forms.read_json` is not for it.
    """
    try:
        value = json.loads(text, object_pairs_hook=_object, parse_constant=_no_number)
        # Half of a surrogate pair is no text: no database stores it.
        json.dumps(value, ensure_ascii=False).encode()
    except (ValueError, RecursionError):
        raise NotJson("is not JSON") from None
    return value


def _object(pairs: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        times = Counter(name for name, _ in pairs)
        raise InvalidTakeover({shown_name(name): "stands there more than once" for name in times if times[name] > 1})
    return found


def _no_number(constant: str) -> float:
    raise ValueError(f"{constant} is not JSON")


def read_origin(body: Mapping[str, Any]) -> Origin:
    """Which loan a line is about, and a digest of its content; raises InvalidTakeover if it does not say."""
    problems: dict[str, str] = {}
    for name, pattern in (("source", _SOURCE), ("source_loan", _SOURCE_LOAN)):
        value = body.get(name)
        if not isinstance(value, str) or not pattern.fullmatch(value):
            signs = "lower-case letters, digits, - and _" if name == "source" else "letters, digits, and . _ / -"
            problems[name] = f"must be a text of at most {32 if name == 'source' else 64} {signs}"
    customer = body.get("customer")
    if not problems and isinstance(customer, Mapping):
        personal = [customer[name] for name in _CUSTOMER[1:] if isinstance(customer.get(name), str)]
        if any(len(number) >= _SHORTEST_PERSONAL and number in body["source_loan"] for number in personal):
            # It goes into lists and reports.
            problems["source_loan"] = "holds a number of the customer; give a number that says nothing of a person"
    if problems:
        raise InvalidTakeover(problems)
    digest = hashlib.sha256(json.dumps(body, sort_keys=True, ensure_ascii=False).encode()).hexdigest()
    return Origin(body["source"], body["source_loan"], digest)


def read_takeover(body: Mapping[str, Any], origin: Origin, today: date) -> Takeover:
    """The loan that a line tells of. Raises InvalidTakeover with all that is wrong; no sentence repeats personal data.

    Refused are, besides what no terms or events may be: another currency than CNY, negative balances, an event before
    the disbursement or after the cut-off, a rate above HIGHEST_RATES, and a cut-off in the future or too long ago.
    """
    problems: dict[str, str] = {}
    fields = Fields(body, _refusal)
    for name in ("source", "source_loan"):
        fields.take(name)
    _try(problems, "", lambda: _check_currency(fields))
    product = _try(problems, "", lambda: catalogue().product(fields.text("product")))
    customer = _try(problems, "customer.", lambda: _customer(fields, today))
    cut_off = _try(problems, "", lambda: _cut_off(fields, today))
    paid_out = _try(problems, "", lambda: _disbursement(fields))
    terms = _try(problems, "terms.", lambda: _terms(fields, paid_out))
    events = _events(problems, fields.take("events"), paid_out, cut_off)
    claimed = _try(problems, "", lambda: _claimed(fields))
    schedule = _try(problems, "", lambda: _schedule(fields)) or ()
    mandate = _try(problems, "", lambda: _mandate(fields, today))
    _try(problems, "", fields.finish)
    if paid_out is not None and cut_off is not None and paid_out.date > cut_off:
        problems["disbursement.date"] = f"lies after the cut-off date {cut_off}"
    if problems or not (product and customer and cut_off and paid_out and terms and claimed):
        raise InvalidTakeover(problems)
    return Takeover(origin, product, customer, terms, (paid_out, *events), cut_off, claimed, schedule, mandate)


def _try(problems: dict[str, str], prefix: str, read: Callable[[], Read]) -> Read | None:
    """What was read, or None with the reasons noted under the names that the line has for the fields."""
    try:
        return read()
    except InvalidTakeover as refusal:
        problems.update(refusal.fields)
    except LendingError as refusal:
        problems.update({f"{prefix}{name}": why for name, why in refusal.fields.items()} or {prefix: str(refusal)})
    return None


def _refusal(field: str, sentence: str) -> InvalidTakeover:
    return InvalidTakeover({field if "." in field or "[" in field else shown_name(field): sentence})


def _check_currency(fields: Fields) -> None:
    if fields.has("currency") and fields.take("currency") != "CNY":
        fields.refuse("currency", "must be CNY; loans in other currencies are not kept here")


def _customer(fields: Fields, today: date) -> dict[str, Any]:
    """The customer's own fields, read as on any application form."""
    raw = fields.required("customer")
    if not isinstance(raw, Mapping):
        fields.refuse("customer", "must be an object with named fields")
    form = replace(catalogue().products[0], fields=(), form_problems=lambda _form, _day: {})
    return read_form(form, raw, today)


def _cut_off(fields: Fields, today: date) -> date:
    day = fields.day("cut_off")
    if day > today:
        fields.refuse("cut_off", f"lies in the future; today is {today}")
    if day < today - LONGEST_GAP:
        fields.refuse("cut_off", f"lies more than {LONGEST_GAP.days} days back; ask for newer figures")
    return day


def _disbursement(fields: Fields) -> Event:
    inner = Fields(fields.required("disbursement"), _refusal, "disbursement.")
    event = Event(DISBURSEMENT_ID, EventType.DISBURSEMENT, inner.day("date"), inner.fen("amount"))
    inner.finish()
    return event


def _terms(fields: Fields, paid_out: Event | None) -> Terms:
    raw = fields.required("terms")
    if not isinstance(raw, Mapping):
        fields.refuse("terms", "must be an object with named fields")
    dated = {"disbursement_date": paid_out.date.isoformat()} if paid_out else {}
    terms = Terms.parse({**dated, **raw})
    highest = _highest_rate(terms.disbursement_date)
    if terms.annual_rate_percent is not None and terms.annual_rate_percent > highest:
        fields.refuse("terms.annual_rate_percent", f"must be at most {highest}")
    if terms.daily_rate_percent is not None and terms.daily_rate_percent * 365 > highest:
        fields.refuse("terms.daily_rate_percent", f"must be at most {highest} in 365 days")
    return terms


def _highest_rate(day: date) -> Decimal:
    return rule_in_force(HIGHEST_RATES, day).percent or Decimal(0)


def _events(problems: dict[str, str], raw: object, paid_out: Event | None, cut_off: date | None) -> list[Event]:
    if raw is None:
        return []
    if not isinstance(raw, list) or len(raw) > MAX_EVENTS:
        problems["events"] = f"must be a list of at most {MAX_EVENTS} events"
        return []
    events: list[Event] = []
    ids = {DISBURSEMENT_ID}
    for place, entry in enumerate(raw):
        path = f"events[{place}]."
        event = _try(problems, "", partial(_event, entry, path))
        if event is None:
            continue
        events.append(event)
        if event.id in ids:
            problems[f"{path}id"] = "is that of another event, or of the payout"
        ids.add(event.id)
        if event.of == DISBURSEMENT_ID:
            problems[f"{path}of"] = "is the payout; a loan whose money came back is not taken over"
        if event.type in _NOT_TAKEN:
            problems[f"{path}type"] = f"{event.type} is not taken over; only running loans are"
        elif paid_out is not None and event.date < paid_out.date:
            problems[f"{path}date"] = f"lies before the disbursement on {paid_out.date}"
        elif cut_off is not None and event.date > cut_off:
            problems[f"{path}date"] = f"lies after the cut-off date {cut_off}"
        elif event.annual_rate_percent is not None and event.annual_rate_percent > (most := _highest_rate(event.date)):
            problems[f"{path}annual_rate_percent"] = f"must be at most {most}"
    return events


def _event(entry: object, path: str) -> Event:
    if not isinstance(entry, Mapping):
        raise InvalidTakeover({path.rstrip("."): "must be an object with named fields"})
    # Only what another event refers to needs an id.
    return Event.parse({"id": path, **entry}, path)


def _balance(fields: Fields, path: str, name: str, *, default: str | None = None) -> int:
    value = default if default is not None and not fields.has(name) else fields.required(name)
    try:
        fen = to_fen(value if isinstance(value, str | int) else "")
    except InvalidAmount:
        raise InvalidTakeover({f"{path}{name}": "must be an amount with at most two places, such as 1234.50"}) from None
    if fen < 0:
        raise InvalidTakeover({f"{path}{name}": "must not be negative"})
    return fen


def _claimed(fields: Fields) -> Claimed:
    inner = Fields(fields.required("claimed"), _refusal, "claimed.")
    claimed = Claimed(
        principal_fen=_balance(inner, "claimed.", "principal"),
        interest_fen=_balance(inner, "claimed.", "interest"),
        fee_fen=_balance(inner, "claimed.", "fee"),
        penalty_fen=_balance(inner, "claimed.", "penalty"),
        credit_fen=_balance(inner, "claimed.", "credit", default="0"),
        dpd=inner.whole("dpd", 0, _LARGEST_DPD),
        next_due=inner.optional_day("next_due"),
    )
    inner.finish()
    return claimed


def _mandate(fields: Fields, today: date) -> ToldMandate | None:
    if not fields.has("mandate"):
        return None
    inner = Fields(fields.required("mandate"), _refusal, "mandate.")
    mandate = ToldMandate(inner.text("id"), inner.day("signed_on"))
    if not _MANDATE.fullmatch(mandate.bank_id):
        inner.refuse("id", "must be the mandate's number at the bank, at most 35 characters")
    if mandate.signed_on > today:
        inner.refuse("signed_on", f"lies in the future; today is {today}")
    inner.finish()
    return mandate


def _schedule(fields: Fields) -> tuple[ClaimedRow, ...]:
    if not fields.has("schedule"):
        return ()
    raw = fields.sequence("schedule")
    if len(raw) > 2 * MAX_PERIODS:
        fields.refuse("schedule", f"must be a list of at most {2 * MAX_PERIODS} installments")
    return tuple(_row(entry, f"schedule[{place}].") for place, entry in enumerate(raw))


def _row(entry: object, path: str) -> ClaimedRow:
    inner = Fields(entry, _refusal, path)
    row = ClaimedRow(
        n=inner.whole("n", 1, 2 * MAX_PERIODS),
        due=inner.day("due"),
        principal_fen=_balance(inner, path, "principal"),
        interest_fen=_balance(inner, path, "interest"),
        fee_fen=_balance(inner, path, "fee") if inner.has("fee") else None,
    )
    inner.finish()
    return row
