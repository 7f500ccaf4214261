"""What a task is about, in the visitor's language. The books keep it as a note in English."""

import re
from collections.abc import Callable
from datetime import date

from lending.money import to_fen
from web import check_words, formats, labels
from web.language import Language, marked

MATTERS = (
    (r"past due since (?P<since>[\d-]+)", marked("Past due since %(since)s")),
    (r"early warning: (?P<causes>.+)", marked("Getting worse: %(causes)s")),
    (r"the loan is not past due", marked("Nobody is late with this loan")),
    (
        r"the settled loan has (?P<amount>[\d.]+) too much: refund it",
        marked("The settled loan has %(amount)s too much: refund it"),
    ),
    (
        r"debit of (?P<amount>[\d.]+) taken back by the bank(, \w+)?",
        marked("The bank took a debit of %(amount)s back"),
    ),
    (r"(?P<change>[a-z_]+) of (?P<amount>[\d.]+) proposed", marked("%(change)s, %(amount)s")),
    (
        r"the (?P<paper>\w+) cannot be printed",
        marked("%(paper)s: a name has a sign that the font lacks. Make the paper by hand, or enter the case anew."),
    ),
    (r"guarantors have not agreed", marked("The guarantors have not agreed")),
    (r"the account was checked: (?P<result>\w+)", marked("The borrower's account was checked: %(result)s")),
    (r"the account could not be checked", marked("The borrower's account could not be checked")),
    (r"there is no mandate to debit the account", marked("There is no mandate to debit the borrower's account")),
    (r"the bank refused the mandate: (?P<reasons>.+)", marked("The bank refused the mandate: %(reasons)s")),
    (r"the bank has not taken the mandate yet", marked("The bank has not taken the mandate yet")),
    (
        r"the mandate for the new account waits for the borrower's signature",
        marked("The mandate for the new account waits for the borrower's signature"),
    ),
    (r"debits stopped: (?P<reasons>.+)", marked("Nothing is drawn any more: %(reasons)s")),
    (r"another account of the (?P<party>\w+)", marked("Another account for: %(party)s")),
    (r"have the mortgage on the vehicle registered", marked("Have the mortgage on the vehicle registered")),
    (
        r"get the vehicle's insurance, with the lender named first",
        marked("Get the vehicle's insurance, with the lender named first"),
    ),
    (r"the vehicle's insurance ends on (?P<day>\S+)", marked("The vehicle's insurance ends on %(day)s")),
    (r"confirm what was entered about the vehicle", marked("Compare what was entered with its document")),
    (
        r"release the mortgage and hand the vehicle's certificate back",
        marked("Release the mortgage and hand the vehicle's certificate back"),
    ),
    (
        r"the loan runs again, and its mortgage is released",
        marked("The loan runs again, and its mortgage is released"),
    ),
    (r"documents to look at", marked("Documents that the system could not match with the application")),
    (
        r"hand in again: (?P<paper>\w+) of the (?P<party>\w+)",
        marked("To be handed in again: %(paper)s (%(party)s)"),
    ),
    (r"payout failed: (?P<reasons>.+)", marked("The payout failed: %(reasons)s")),
    (r"bank reference (?P<reference>\S+): (?P<why>.+)", marked("Bank reference %(reference)s: %(why)s")),
    (
        r"statement of (?P<day>\S+): (?P<difference>\w+), (?P<subject>.+)",
        marked("Statement of %(day)s: %(difference)s (%(subject)s)"),
    ),
    (r"no answer of a register: (?P<check>\S+)", marked("A register gives no answer: %(check)s. Try later, or go on.")),
    (
        r"webhook (?P<webhook>\w+) of (?P<owner>\S+) is disabled: the receiver says that it is gone",
        marked(
            "Events for %(owner)s are not sent any more: the receiver says that its address is gone. Ask who runs it; "
            "then enable the webhook %(webhook)s at the API, or remove it."
        ),
    ),
    (
        r"webhook (?P<webhook>\w+) of (?P<owner>\S+) is disabled: it took nothing for five days",
        marked(
            "Events for %(owner)s are not sent any more: its address took nothing for five days. Ask who runs it; then "
            "enable the webhook %(webhook)s at the API, or remove it."
        ),
    ),
    (
        r"proof (?P<proof>\w+) of the audit log found (?P<differences>\d+) differences",
        marked(
            "Audit log or ledger are not as they were sealed (differences: %(differences)s, proof %(proof)s). Find out "
            "with the auditors who wrote to the database around the system, and restore what was changed."
        ),
    ),
    (r"\w+_without_outcome", marked("The loan went on without an answer from outside. Look into it.")),
    (r"\w+_refused", marked("A step of the loan was refused. Look into it.")),
)
"""How the notes of the procedure read, with their values, and what a person reads instead."""


def matter(about: str, language: Language) -> str:
    """The note in this language; one that we do not know stands for itself."""
    return " ".join(_said(part, language) for part in about.split("; "))


def _said(note: str, language: Language) -> str:
    values: dict[str, Callable[[str], str]] = {
        "amount": lambda text: formats.money(to_fen(text), language),
        "since": lambda text: formats.day(date.fromisoformat(text), language),
        "difference": lambda text: labels.label(text, "difference", language),
        "change": lambda text: labels.label(text, "change", language),
        "result": lambda text: labels.label(text, "card_result", language),
        "causes": lambda text: ", ".join(labels.label(one, "warning_cause", language) for one in text.split(", ")),
        "paper": lambda text: labels.label(text, "document", language),
        "party": lambda text: labels.label(text, "party", language),
        "check": lambda text: check_words.check(text, language),
        "reasons": lambda text: ", ".join(labels.label(code, "bank_reason", language) for code in text.split(", ")),
    }
    for pattern, sentence in MATTERS:
        found = re.fullmatch(pattern, note)
        if found is not None:
            said = {name: values.get(name, str)(text) for name, text in found.groupdict().items()}
            return language.say(sentence, **said)
    return note
