"""Customers as they come in, with an application or from another lender, and when what is said of them is believed."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from books.customers import blind_index
from books.session import UnitOfWork
from lending.errors import LendingError
from models.customers import Customer
from models.keys import new_id
from models.loans import Loan
from models.products import CUSTOMER_FIELDS
from models.verification import Verdict
from services.search_words import tokens_of

OPTIONAL = tuple(field.name for field in CUSTOMER_FIELDS if not field.required)
"""What customers may tell of themselves; it is kept with the customer, beside his name and numbers."""
IDENTITY = "identity"
"""The check that says whether name, ID number and mobile belong to one person."""


class NotConfirmed(LendingError):
    """Nobody has confirmed that name, ID number and mobile belong together, so that a code might reach another."""

    code = "identity_not_confirmed"
    http_status = 409

    def __init__(self, loan: str) -> None:
        super().__init__(
            f"the identity register has not confirmed that name, ID number and mobile of the borrower of loan {loan} "
            "belong together; no code is sent to this mobile"
        )


def new_customer(
    form: Mapping[str, Any], at: datetime, owner_id: str | None = None, stated_by: str | None = None
) -> dict[str, Any]:
    """The row of a customer from a form that was read, ready to be inserted; `owner_id` is his agent.

    With `stated_by` he is what that person or system says of him, until the identity register confirms it.
    """
    is_known = stated_by is None
    return {
        "id": new_id(),
        "name": form["name"],
        "id_number": form["id_number"],
        "mobile": form["mobile"],
        "id_number_index": blind_index(form["id_number"]) if is_known else statement_index(form, stated_by or ""),
        "mobile_index": blind_index(form["mobile"]),
        "details": _told(form),
        "tags": [],
        "owner_id": owner_id,
        "created_at": at,
        "confirmed_at": at if is_known else None,
        "known_as": None,
    }


def statement_index(form: Mapping[str, Any], stated_by: str) -> str:
    """The digest under which somebody's statement about a customer is found again: his next application of the same."""
    return blind_index("|".join(("stated", form["id_number"], form["name"], form["mobile"], stated_by)))


def is_same(customer: Customer, form: Mapping[str, Any]) -> bool:
    """Whether a form says of its borrower what is known of a customer."""
    return all(getattr(customer, part) == form[part] for part in ("id_number", "name", "mobile"))


def note_answer(
    work: UnitOfWork, number: str, check: str, verdict: Verdict, answer: Mapping[str, Any]
) -> dict[str, Any] | None:
    """Takes note of a register's answer about a loan: the identity register's match makes its borrower known.

    Returns what the audit log keeps of that, None where nothing changed.
    """
    return confirm(work, number) if check == IDENTITY and is_match(verdict, answer) else None


def confirm(work: UnitOfWork, number: str) -> dict[str, Any] | None:
    """Believes what the application of a loan says of its borrower, for the identity register has confirmed it.

    Who is not known yet is known from here on, with the agent who entered this application. Of somebody known, name and
    mobile are replaced, and the loan becomes his; his agent stays. Of what was confirmed before nothing changes.

    Returns what the audit log keeps of it, without a name or number; None where nothing changed.
    """
    stated = work.customers.of_loan(number)
    if stated.confirmed_at is not None:
        return None
    form = work.loans.application(number).form
    known = work.customers.by_id_number([form["id_number"]]).get(blind_index(form["id_number"]), stated)
    is_new = known.confirmed_at is None
    changed = [part for part in ("name", "mobile") if getattr(known, part) != form[part]]
    if is_new:
        known.owner_id = stated.owner_id
        known.confirmed_at, known.id_number_index = work.now, blind_index(form["id_number"])
    known.name, known.mobile, known.mobile_index = form["name"], form["mobile"], blind_index(form["mobile"])
    known.details = {**known.details, **_told(form)}
    work.session.add(known)
    work.session.flush()
    if changed:
        work.search.forget(known.id)
        work.search.put(known.id, tokens_of(known.name, known.mobile, known.id_number))
    if known.id != stated.id:
        _move(work, number, stated, known)
    return {"confirmed_customer": known.id, "stated_as": stated.id, "new": is_new, "changed": changed}


def require_confirmed(work: UnitOfWork, loan: Loan) -> dict[str, Any] | None:
    """Refuses (NotConfirmed) what goes to the mobile of a loan's borrower, unless it is known to be his.

    Of loans from before this was asked for, the answer of the register may be there and not noted yet: it is now, and
    returned is what the audit log keeps of that.
    """
    if work.customers.of_loan(loan.number).confirmed_at is not None:
        return None
    rows = [one for one in work.documents.answers(loan.number) if one.check_name == IDENTITY]
    if not rows or not is_match(rows[-1].verdict, rows[-1].answer):
        raise NotConfirmed(loan.number)
    return confirm(work, loan.number)


def is_match(verdict: Verdict, answer: Mapping[str, Any]) -> bool:
    """Whether this answer of the identity register confirms that name, ID number and mobile belong together."""
    return verdict is Verdict.PASSED and answer.get("result") == "match"


def _told(form: Mapping[str, Any]) -> dict[str, Any]:
    return {name: form[name] for name in OPTIONAL if form.get(name) is not None}


def _move(work: UnitOfWork, number: str, stated: Customer, known: Customer) -> None:
    """Gives somebody known a loan of his that was entered under a statement, which loses all that it had of its own."""
    work.loans.give_to(number, known.id)
    borrower = work.customers.borrower(number)
    borrower.customer_id = known.id
    work.session.add(borrower)
    work.session.flush()
    if not work.loans.of_customer(stated.id):
        # Its digest is free for the next who says the same.
        stated.known_as, stated.id_number_index = known.id, blind_index(f"known as|{stated.id}")
        work.session.add(stated)
        work.search.forget(stated.id)
        work.sign_in.end_sessions(work.now, customer_id=stated.id)
