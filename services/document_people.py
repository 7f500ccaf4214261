"""Whose a document is: one person of the loan, with what the form and the registers say about him."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from books.session import UnitOfWork
from models.customers import Party
from models.documents import Document, Reading
from models.loans import Loan
from models.products import LoanCase, party_names
from models.verification import BORROWER, CheckName
from services.authorisations import ID_DOCUMENT, may_use, signing_parties
from services.documents_comparing import Comparison, compare
from services.products import catalogue

OF_THE_LOAN = ("vin", "dealer", "vehicle_price", "invoice_number")
"""Fields of a form that are about the thing that is bought, and so are on a document of any of its people."""


@dataclass(frozen=True)
class Person:
    """Somebody of a loan, with the spelling that checks use of him, and his part of the form."""

    party: Party
    spelling: str
    form: Mapping[str, Any]

    def answers(self, case: LoanCase) -> dict[str, Mapping[str, Any]]:
        """What registers answered about him by register, and those about the thing."""
        answers = {"vehicle": case.answers["vehicle"]} if "vehicle" in case.answers else {}
        for check, answer in case.answers.items():
            name = CheckName.parse(check)
            if name.party == self.spelling:
                answers[name.register] = answer
        return answers


def people_of(work: UnitOfWork, loan: Loan) -> list[Person]:
    """The borrower and who signs beside him, in the order of the form."""
    form = work.loans.application(loan.number).form
    joint = catalogue().product(loan.product).parties(form)
    others = dict(zip(party_names(one.role for one in joint), joint, strict=True))
    about_the_loan = {name: form[name] for name in OF_THE_LOAN if form.get(name) is not None}
    return [
        Person(party, spelling, form)
        if spelling == BORROWER
        else Person(
            party, spelling, {**about_the_loan, "name": others[spelling].name, "id_number": others[spelling].id_number}
        )
        for party, spelling in signing_parties(work, loan.number)
    ]


def person_of(work: UnitOfWork, document: Document) -> Party | None:
    """Whose a document is, None where nobody has said so."""
    return next((one for one in work.customers.parties(document.loan) if one.id == document.party_id), None)


def may_read(work: UnitOfWork, document: Document) -> bool:
    """Whether a machine may read it: by the word of whoever's it is, or of all of them where that is not known."""
    concerned = [
        spelling for party, spelling in signing_parties(work, document.loan) if document.party_id in (None, party.id)
    ]
    return all(may_use(work, document.loan, ID_DOCUMENT, one) for one in concerned)


def compared(work: UnitOfWork, loan: Loan, document: Document, reading: Reading, case: LoanCase) -> Comparison:
    """The comparison with what is known of the person whose document it is, on the day of the case.

    One of which nobody has said whose it is, is compared with each, and shown beside whom it fits best.
    """
    people = people_of(work, loan)
    own = [one for one in people if one.party.id == document.party_id]
    return _best([compare(document.kind, reading, one.form, one.answers(case), case.day) for one in own or people])


def _best(found: Sequence[Comparison]) -> Comparison:
    return max(found, key=lambda one: one.agreeing)
