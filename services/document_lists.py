"""Which documents a case needs by the policy of its product, and how they stand."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import date
from enum import StrEnum
from typing import Any

from books.documents import DocumentState
from books.session import UnitOfWork
from models.customers import PartyRole
from models.loans import Loan
from models.policies import PolicyKind
from models.products import Product
from models.tasks import Outcome
from services.policies import deciding
from services.policy_kinds import name_of


class DocumentStanding(StrEnum):
    """How a kind of document stands for a loan."""

    HANDED_IN = "handed_in"
    MISSING = "missing"
    UNREAD = "unread"
    IN_DOUBT = "in_doubt"


NAMES_ZH = {
    "id_card": "身份证",
    "income_proof": "收入证明",
    "bank_statement": "银行流水",
    "admission_letter": "录取通知书",
    "hardship_proof": "家庭困难证明",
    "driving_licence": "驾驶证",
    "vehicle_invoice": "购车发票",
}
"""Names for messages to the borrower; a kind that a module brings stands for itself."""
OF_THE_HOUSEHOLD = frozenset({"hardship_proof"})
"""Kinds that are about a household, and count for the borrower in the name of whoever borrows with him."""


@dataclass(frozen=True)
class DocumentList:
    """The kinds a case needs of its borrower and why, and how each stands.

    `handed_in` has the kinds of which a document of his is there that nobody refused; `unread` those of which one waits
    to be read; `in_doubt` those of which one is in doubt or was refused. `are_unread` and `are_doubtful` say so of
    anything that was handed in, whoever's it is.
    """

    required: tuple[str, ...]
    handed_in: frozenset[str]
    unread: frozenset[str]
    in_doubt: frozenset[str]
    are_unread: bool
    are_doubtful: bool
    reasons: tuple[str, ...] = ()
    policy_id: str | None = None

    @property
    def missing(self) -> tuple[str, ...]:
        """Kinds that are needed and not there."""
        return tuple(kind for kind in self.required if kind not in self.handed_in)

    @property
    def are_complete(self) -> bool:
        """Whether a document of each kind that is needed is there, and none waits to be read."""
        return not self.missing and not self.are_unread

    def standing(self, kind: str) -> DocumentStanding:
        """How a kind stands; what is in doubt or not read is shown as such even where another of its kind is sound."""
        if kind in self.in_doubt:
            return DocumentStanding.IN_DOUBT
        if kind in self.unread:
            return DocumentStanding.UNREAD
        return DocumentStanding.HANDED_IN if kind in self.handed_in else DocumentStanding.MISSING


def documents_of(work: UnitOfWork, loan: Loan, product: Product, day: date, facts: Mapping[str, Any]) -> DocumentList:
    """The list of a case by the policy `documents-<product>` in force on a day, and how it stands.

    A product without such a policy needs one of each kind that it takes.
    """
    found = work.policies.in_force(name_of(PolicyKind.DOCUMENTS, product.code), day)
    states = work.documents.states(loan.number)
    unread = [one for one in states if not one.is_read]
    doubtful = [one for one in states if one.doubtful and one.outcome is not Outcome.APPROVE]
    standing = DocumentList(
        required=product.documents,
        handed_in=_kinds(one for one in states if one.outcome is not Outcome.REFUSE),
        unread=_kinds(unread),
        in_doubt=_kinds(doubtful),
        are_unread=bool(unread),
        are_doubtful=bool(doubtful),
    )
    if found.champion is None:
        return standing
    answer = deciding(work, found).ask(facts)
    required = _known(answer.values["required"], product)
    return replace(standing, required=required, reasons=tuple(answer.values["reasons"]), policy_id=answer.policy_id)


def _kinds(states: Iterable[DocumentState]) -> frozenset[str]:
    """The kinds among these that count for the borrower: his own, and what is of the household.

    So does an older one of which nobody has said whose it is: while the case is undecided it is in doubt.
    """
    return frozenset(
        one.kind for one in states if one.role in (None, PartyRole.BORROWER) or one.kind in OF_THE_HOUSEHOLD
    )


def holds_payout(work: UnitOfWork, loan: Loan) -> bool:
    """Whether a document keeps the money of an approved loan back.

    One that is in doubt does, until somebody decides on it. So does one that was not taken after the loan was approved,
    until a sound one of its kind of the same person is handed in: whoever approved before that knew nothing of it.
    """
    states = work.documents.states(loan.number)
    if any(one.is_undecided for one in states):
        return True
    terms = work.loans.terms(loan.number) if any(one.outcome is Outcome.REFUSE for one in states) else None
    return terms is not None and any(
        one.outcome is Outcome.REFUSE
        and one.decided_at is not None
        and one.decided_at > terms.created_at
        and not _is_replaced(one, states)
        for one in states
    )


def _is_replaced(refused: DocumentState, states: Iterable[DocumentState]) -> bool:
    return any(
        one.is_sound
        and (one.kind, one.party_id) == (refused.kind, refused.party_id)
        and refused.decided_at is not None
        and one.uploaded_at >= refused.decided_at
        for one in states
    )


def _known(kinds: Iterable[str], product: Product) -> tuple[str, ...]:
    """Without kinds that the product does not take: nobody could ever hand them in."""
    return tuple(kind for kind in dict.fromkeys(kinds) if kind in product.documents)
