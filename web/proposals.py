"""The forms by which changes are proposed: their fields, what was entered, and what is wrong with it."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any, Self

from lending.errors import LendingError
from lending.events import DeferralComponent
from lending.money import yuan
from models.changes import ChangeKind
from models.keys import command_id, new_id
from models.messages import ChangeOrder, Sender
from models.words import storable
from services.errors import InvalidChange, InvalidDecision
from services.previews import AGREED, BURDENING, CHANNELS
from web import labels
from web.decision import read_amount
from web.language import Language, marked


class Entry(StrEnum):
    """How a field is entered."""

    MONEY = "money"
    WHOLE = "whole"
    PERCENT = "percent"
    DAY = "day"
    CHOICE = "choice"
    FLAG = "flag"
    TEXT = "text"


@dataclass(frozen=True)
class ChangeField:
    """One field of a form. A choice names the group of labels that its spellings belong to."""

    name: str
    entry: Entry
    label: str
    hint: str = ""
    optional: bool = False
    choices: tuple[str, ...] = ()
    group: str = ""


_AMOUNT = ChangeField("amount", Entry.MONEY, marked("Amount"))
_RATE = ChangeField("annual_rate_percent", Entry.PERCENT, marked("New rate in per cent a year"))

FIELDS: Mapping[str, tuple[ChangeField, ...]] = {
    ChangeKind.DEFERRAL: (
        ChangeField("periods", Entry.WHOLE, marked("How many installments are put off?")),
        ChangeField(
            "component",
            Entry.CHOICE,
            marked("What is put off?"),
            choices=tuple(DeferralComponent),
            group="deferred",
        ),
    ),
    ChangeKind.RESTRUCTURING: (
        ChangeField("extra_periods", Entry.WHOLE, marked("Installments added at the end"), optional=True),
        ChangeField(
            "due",
            Entry.DAY,
            marked("New due date"),
            marked("Of the next installment; the others follow."),
            optional=True,
        ),
        replace(_RATE, optional=True),
        ChangeField("reage", Entry.FLAG, marked("What is overdue now is spread over what follows"), optional=True),
    ),
    ChangeKind.RATE_CHANGE: (_RATE,),
    ChangeKind.WAIVER: (
        _AMOUNT,
        ChangeField(
            "component",
            Entry.CHOICE,
            marked("What is let off?"),
            choices=("penalty", "fee", "interest", "principal"),
            group="component",
        ),
    ),
    ChangeKind.FEE: (
        _AMOUNT,
        ChangeField(
            "due", Entry.DAY, marked("Due on"), marked("Without a date, on the day of approval."), optional=True
        ),
    ),
    ChangeKind.WRITE_OFF: (),
    ChangeKind.CORRECTION: (
        _AMOUNT,
        ChangeField(
            "channel", Entry.CHOICE, marked("How did the money come?"), choices=CHANNELS, group="channel_of_money"
        ),
        ChangeField("received_on", Entry.DAY, marked("Received on"), marked("From when it counts."), optional=True),
        ChangeField(
            "reference", Entry.TEXT, marked("Number of the receipt"), marked("Letters and digits."), optional=True
        ),
    ),
}
"""What each kind of change asks for. The reversal of a payment is asked for beside that payment."""

AGREED_ON = ChangeField(
    AGREED,
    Entry.DAY,
    marked("The guarantors agreed in writing on"),
    marked("Without it, a change that makes the debt heavier or longer is not approved."),
    optional=True,
)
"""Asked besides where somebody guarantees the loan."""

REVERSAL = (ChangeField("of", Entry.CHOICE, marked("Which payment is reversed?"), group="money"),)

PROBLEMS = {
    "amount": marked("An amount above zero, and not more than there is."),
    "periods": marked("A whole number of installments, 1 or more."),
    "extra_periods": marked("A whole number of installments."),
    "annual_rate_percent": marked("A rate in per cent, such as 6.5."),
    "due": marked("A date from today on that comes after the installment before."),
    "from": marked("No installment is left to change."),
    "date": marked("No installment is left to change."),
    AGREED: marked("A day up to today."),
    "received_on": marked("A day between the payout and today."),
    "component": marked("Choose one of these."),
    "channel": marked("Choose one of these."),
    "of": marked("Choose a payment that is not reversed yet."),
    "reference": marked("At most 64 letters and digits, without spaces."),
    "reason": marked("Write a sentence of at most 500 characters."),
}
"""What a person reads at a field that was refused."""


@dataclass(frozen=True)
class ProposalForm:
    """What a person entered. `problems` has a sentence for each wrong field, `refused` one for the whole."""

    kind: ChangeKind
    fields: tuple[ChangeField, ...]
    values: Mapping[str, str] = field(default_factory=dict)
    given_id: str = field(default_factory=new_id)
    problems: Mapping[str, str] = field(default_factory=dict)
    refused: str | None = None

    def value(self, name: str) -> str:
        """What stands in a field."""
        return self.values.get(name, "")

    def problem(self, name: str) -> str | None:
        """What is wrong with a field."""
        return self.problems.get(name)

    @property
    def reason(self) -> str:
        """Why it is proposed."""
        return self.value("reason").replace("\r\n", "\n").strip()

    def filled(self, values: Mapping[str, str]) -> Self:
        """The form as it came in. Its command's name is kept: sent twice, it is one proposal."""
        return replace(self, values=values, given_id=values.get("command_id") or new_id())

    def with_problems(self, error: LendingError, language: Language) -> Self:
        """The form with what was wrong about it, at the fields where possible."""
        names = {one.name for one in self.fields} | {"reason"}
        problems = {name: language.say(PROBLEMS[name]) for name in error.fields if name in names}
        if problems:
            return replace(self, problems=problems, refused=None)
        # A field that the form does not have, such as the day of the change itself.
        elsewhere = next((PROBLEMS[name] for name in error.fields if name in PROBLEMS), None)
        refused = language.say(elsewhere) if elsewhere else labels.refusal(error.code, str(error), language)
        return replace(self, problems={}, refused=refused)

    def read(self, sender: Sender, loan: str) -> ChangeOrder:
        """The order that the form asks for; InvalidChange names every field that cannot be read."""
        asked, wrong = {}, []
        for one in self.fields:
            text = self.value(one.name).strip()
            try:
                value = _read(one, text)
            except (InvalidDecision, ValueError):
                wrong.append(one.name)
                continue
            if value is not None:
                asked[one.name] = value
            elif not one.optional:
                wrong.append(one.name)
        if not self.reason or not storable(self.reason):
            wrong.append("reason")
        if wrong:
            raise InvalidChange("the form is not complete", fields=dict.fromkeys(wrong, ""))
        given = command_id(sender.actor_id, f"{loan}:{self.kind}", self.given_id)
        return ChangeOrder(sender=sender, command_id=given, kind=self.kind, asked=asked, reason=self.reason)


def _read(one: ChangeField, text: str) -> Any:
    """The value of a field, None where it is empty; whether it can be is the mathematics' to say."""
    if not text:
        return None
    match one.entry:
        case Entry.MONEY:
            amount = read_amount(text)
            return None if amount is None else yuan(amount)
        case Entry.WHOLE:
            return int(text)
        case Entry.PERCENT:
            return text.removesuffix("%").strip()
        case Entry.FLAG:
            return True
        case Entry.TEXT if len(text) > 64 or not text.isascii() or not text.isprintable() or " " in text:
            raise ValueError(text)
        case _:
            return text


def form_for(
    kind: ChangeKind, *, reverses: bool, payments: tuple[str, ...] = (), guaranteed: bool = False
) -> ProposalForm:
    """The empty form of a kind of change; a correction that reverses lets choose among the payments.

    Where the loan is `guaranteed`, a change that can burden the guarantors asks when they agreed.
    """
    if kind is ChangeKind.CORRECTION and reverses:
        return ProposalForm(kind, tuple(replace(one, choices=payments) for one in REVERSAL))
    return ProposalForm(kind, (*FIELDS[kind], AGREED_ON) if guaranteed and kind in BURDENING else FIELDS[kind])
