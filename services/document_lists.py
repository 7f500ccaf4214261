"""Which documents a case needs by the policy of its product, and how they stand."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from enum import StrEnum
from typing import Any

from books.documents import DocumentState
from books.session import UnitOfWork
from models.customers import PartyRole
from models.loans import CLOSED, Loan
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
    REFUSED = "refused"


NAMES_ZH = {
    "id_card": "身份证",
    "income_proof": "收入证明",
    "bank_statement": "银行流水",
    "admission_letter": "录取通知书",
    "hardship_proof": "家庭困难证明",
    "driving_licence": "驾驶证",
    "vehicle_invoice": "购车发票",
    "vehicle_registration": "抵押登记证明",
    "insurance_policy": "保险单",
}
"""Names for messages to the borrower; a kind that a module brings stands for itself."""
NAMES_EN = {
    "id_card": "ID card",
    "income_proof": "proof of income",
    "bank_statement": "bank statement",
    "admission_letter": "admission letter",
    "hardship_proof": "proof of hardship",
    "driving_licence": "driving licence",
    "vehicle_invoice": "vehicle invoice",
    "vehicle_registration": "registration of the mortgage",
    "insurance_policy": "insurance policy",
}
OF_THE_HOUSEHOLD = frozenset({"hardship_proof"})
"""Kinds that are about a household, and count for the borrower in the name of whoever borrows with him."""


@dataclass(frozen=True)
class DocumentList:
    """The kinds a case needs of its borrower and why, and how each stands.

    `handed_in` has the kinds of which a document of his is there that nobody refused, and more than the back of a card;
    `unread` those of which one waits to be read; `in_doubt` those of which one is in doubt and undecided; `refused`
    those of which one was not taken and is to be handed in again. `are_unread` and `are_doubtful` are about anything
    that was handed in, whoever's it is; what was refused is doubtful.
    """

    required: tuple[str, ...]
    handed_in: frozenset[str]
    unread: frozenset[str]
    in_doubt: frozenset[str]
    refused: frozenset[str]
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
        if kind in self.refused:
            return DocumentStanding.REFUSED
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
    handed_in = _kinds(one for one in states if one.counts)
    standing = DocumentList(
        required=product.documents,
        handed_in=handed_in,
        unread=_kinds(unread),
        in_doubt=_kinds(one for one in states if one.is_undecided),
        refused=_kinds(_asked_again(work, loan, states)) | (_kinds(_refused(states)) - handed_in),
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


def what_holds(work: UnitOfWork, loan: Loan) -> tuple[str, ...]:
    """Which documents keep the money of an approved loan back: `documents` to be looked at, `documents_refused`.

    One that is in doubt does, until somebody decides on it. So does one that was not taken after the loan was approved,
    until a sound one of its kind of the same person is handed in: whoever approved before that knew nothing of it.
    """
    states = work.documents.states(loan.number)
    found = ["documents"] if any(one.is_undecided for one in states) else []
    terms = work.loans.terms(loan.number) if _refused(states) else None
    for refused in _refused_after(terms.created_at, states) if terms is not None else ():
        if not _is_handed_in_again(refused, states, soundly=True):
            # What came in its place may still wait to be read.
            found.append("documents" if _is_handed_in_again(refused, states) else "documents_refused")
    return tuple(dict.fromkeys(found))


def asked_again(work: UnitOfWork, loan: Loan) -> tuple[DocumentState, ...]:
    """The documents of an open loan that were not taken and that its people have to hand in again, oldest first.

    Before the approval those without any other of their kind of the same person that counts. Of an approved loan those
    that were refused afterwards, until another one is handed in: whoever approved knew of the earlier ones.
    """
    return () if loan.stage in CLOSED else _asked_again(work, loan, work.documents.states(loan.number))


def _asked_again(work: UnitOfWork, loan: Loan, states: Sequence[DocumentState]) -> tuple[DocumentState, ...]:
    refused = _refused(states)
    if not refused:
        return ()
    terms = work.loans.terms(loan.number)
    if terms is None:
        return tuple(one for one in refused if not any(_is_instead(other, one) for other in states))
    return tuple(one for one in _refused_after(terms.created_at, states) if not _is_handed_in_again(one, states))


def _refused(states: Iterable[DocumentState]) -> list[DocumentState]:
    found = (one for one in states if one.outcome is Outcome.REFUSE)
    return sorted(found, key=lambda one: (one.uploaded_at, one.kind))


def _refused_after(approved_at: datetime, states: Iterable[DocumentState]) -> list[DocumentState]:
    return [one for one in _refused(states) if one.decided_at is not None and one.decided_at > approved_at]


def _is_handed_in_again(refused: DocumentState, states: Iterable[DocumentState], *, soundly: bool = False) -> bool:
    """Whether another one was handed in after the refusal; `soundly`: and nothing is wrong with it."""
    return any(
        _is_instead(one, refused)
        and (one.is_sound or not soundly)
        and refused.decided_at is not None
        and one.uploaded_at >= refused.decided_at
        for one in states
    )


def _is_instead(one: DocumentState, refused: DocumentState) -> bool:
    """Whether one counts as the document that was refused: the same kind of the same person.

    One of which nobody has said whose it is was asked of the borrower.
    """
    is_his = one.party_id == refused.party_id or (refused.party_id is None and one.role is PartyRole.BORROWER)
    return one.counts and one.kind == refused.kind and is_his


def _known(kinds: Iterable[str], product: Product) -> tuple[str, ...]:
    """Without kinds that the product does not take: nobody could ever hand them in."""
    return tuple(kind for kind in dict.fromkeys(kinds) if kind in product.documents)
