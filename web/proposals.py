"""The forms by which changes are proposed: their fields, and the orders that they ask for."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import ClassVar, Self

from lending.errors import LendingError
from lending.events import DeferralComponent
from models.changes import ChangeKind
from models.keys import command_id
from models.messages import ChangeOrder, Sender
from models.words import storable
from services.errors import InvalidChange, MoreThanThereIs
from services.previews import AGREED, BURDENING, CHANNELS
from web import formats
from web.forms import EnteredForm, Entry, FormField
from web.language import Language, marked

_AMOUNT = FormField("amount", Entry.MONEY, marked("Amount"))
_RATE = FormField("annual_rate_percent", Entry.PERCENT, marked("New rate in per cent a year"))

FIELDS: Mapping[str, tuple[FormField, ...]] = {
    ChangeKind.DEFERRAL: (
        FormField("periods", Entry.WHOLE, marked("How many installments are put off?")),
        FormField(
            "component",
            Entry.CHOICE,
            marked("What is put off?"),
            choices=tuple(DeferralComponent),
            group="deferred",
        ),
    ),
    ChangeKind.RESTRUCTURING: (
        FormField("extra_periods", Entry.WHOLE, marked("Installments added at the end"), optional=True),
        FormField(
            "due",
            Entry.DAY,
            marked("New due date"),
            marked("Of the next installment; the others follow."),
            optional=True,
        ),
        replace(_RATE, optional=True),
        FormField("reage", Entry.FLAG, marked("What is overdue now is spread over what follows"), optional=True),
    ),
    ChangeKind.RATE_CHANGE: (_RATE,),
    ChangeKind.WAIVER: (
        _AMOUNT,
        FormField(
            "component",
            Entry.CHOICE,
            marked("What is let off?"),
            choices=("penalty", "fee", "interest", "principal"),
            group="component",
        ),
    ),
    ChangeKind.FEE: (
        _AMOUNT,
        FormField("due", Entry.DAY, marked("Due on"), marked("Without a date, on the day of approval."), optional=True),
    ),
    ChangeKind.WRITE_OFF: (),
    ChangeKind.CORRECTION: (
        _AMOUNT,
        FormField(
            "channel", Entry.CHOICE, marked("How did the money come?"), choices=CHANNELS, group="channel_of_money"
        ),
        FormField("received_on", Entry.DAY, marked("Received on"), marked("From when it counts."), optional=True),
        FormField(
            "reference", Entry.TEXT, marked("Number of the receipt"), marked("Letters and digits."), optional=True
        ),
    ),
}
"""What each kind of change asks for. The reversal of a payment is asked for beside that payment."""

AGREED_ON = FormField(
    AGREED,
    Entry.DAY,
    marked("The guarantors agreed in writing on"),
    marked("Without it, a change that makes the debt heavier or longer is not approved."),
    optional=True,
)
"""Asked besides where somebody guarantees the loan."""

REVERSAL = (FormField("of", Entry.CHOICE, marked("Which payment is reversed?"), group="money"),)

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
class ProposalForm(EnteredForm):
    """A proposal as it was entered; the reason stands beside the fields of its kind."""

    sentences: ClassVar[Mapping[str, str]] = PROBLEMS

    kind: ChangeKind = field(kw_only=True)

    @property
    def names(self) -> set[str]:
        """The fields that have a place on the page."""
        return super().names | {"reason"}

    @property
    def reason(self) -> str:
        """Why it is proposed."""
        return self.value("reason").replace("\r\n", "\n").strip()

    def with_problems(self, error: LendingError, language: Language) -> Self:
        """The form with what was wrong about it; of a waiver, how much there is."""
        form = super().with_problems(error, language)
        if not isinstance(error, MoreThanThereIs):
            return form
        most = formats.money(error.most_fen, language)
        return replace(form, problems={"amount": language.say("At most %(amount)s can be let off.", amount=most)})

    def read(self, sender: Sender, loan: str) -> ChangeOrder:
        """The order that the form asks for; InvalidChange names every field that cannot be read."""
        asked, wrong = self.entered()
        if not self.reason or not storable(self.reason):
            wrong.append("reason")
        if wrong:
            raise InvalidChange("the form is not complete", fields=dict.fromkeys(wrong, ""))
        given = command_id(sender.actor_id, f"{loan}:{self.kind}", self.given_id)
        return ChangeOrder(sender=sender, command_id=given, kind=self.kind, asked=asked, reason=self.reason)


def form_for(
    kind: ChangeKind, *, reverses: bool, payments: tuple[str, ...] = (), guaranteed: bool = False
) -> ProposalForm:
    """The empty form of a kind of change; a correction that reverses lets choose among the payments.

    Where the loan is `guaranteed`, a change that can burden the guarantors asks when they agreed.
    """
    if kind is ChangeKind.CORRECTION and reverses:
        return ProposalForm(tuple(replace(one, choices=payments) for one in REVERSAL), kind=kind)
    fields = (*FIELDS[kind], AGREED_ON) if guaranteed and kind in BURDENING else FIELDS[kind]
    return ProposalForm(fields, kind=kind)
