"""Mandates: who has signed that his account may be debited, what the bank knows of it, and what a debit needs.

The contract holds the mandate, so whoever signs it signs both. An account that took the place of another after that
needs a paper of its own, and a loan that was taken over brings the mandate of its former lender.
"""

from dataclasses import dataclass, field
from datetime import date

from books.customers import blind_index
from books.session import UnitOfWork
from lending.errors import LendingError
from models.accounts import DebitMandate, MandateSource, MandateStatus
from models.customers import Party
from models.documents import Document
from models.keys import effect_key
from models.loans import Loan
from models.outbox import Topic
from models.payments import Payment, PaymentKind
from models.signatures import Signature
from services import audit
from services.accounts import ask_person, conclude
from services.products import catalogue

DEBITED = frozenset({PaymentKind.INSTALLMENT, PaymentKind.PREPAYMENT})
"""Money that is drawn from the borrower. The state pays under an agreement of its own with the bank."""
NO_MANDATE = "there is no mandate to debit the account"
"""What the task about it says."""
STANDING = frozenset({MandateStatus.ORDERED, MandateStatus.ACTIVE})


class NoMandate(LendingError):
    """The borrower's account may not be debited today."""

    code = "no_mandate"
    http_status = 409

    def __init__(self, loan: str) -> None:
        super().__init__(
            f"no mandate to debit the borrower's account is in force for loan {loan}; transfer the money and name the "
            "loan, or sign a mandate"
        )


@dataclass(frozen=True, slots=True)
class Registration:
    """What the bank is told of a mandate."""

    key: str
    account: str = field(repr=False)
    name: str = field(repr=False)
    signed_on: date
    document_sha256: str


@dataclass(frozen=True, slots=True)
class Debit:
    """What a debit needs besides its sum: whose account, under which mandate, and whether a part will do."""

    account: str = field(repr=False)
    name: str = field(repr=False)
    bank_id: str
    signed_on: date
    partial: bool


# -- from signature to the bank ---------------------------------------------------------------------------------------


def order_by_contract(work: UnitOfWork, loan: Loan) -> None:
    """Has the bank told of the mandate in the signed contract, once for an account."""
    party = work.customers.borrower(loan.number)
    if is_standing(work, loan.number, party):
        return
    signed = _under_contract(work, loan, party)
    if signed is None:
        ask_person(work, loan.number, NO_MANDATE)
        return
    _order(work, loan.number, party, MandateSource.CONTRACT, signed)


def order_by_paper(work: UnitOfWork, loan: Loan, party: Party, signature: Signature) -> None:
    """Has the bank told of a mandate that the borrower signed on its own paper."""
    _order(work, loan.number, party, MandateSource.PAPER, signature)


def note_unsigned(work: UnitOfWork, loan: str) -> None:
    """A mandate waits for the borrower's signature: somebody is to see to it."""
    ask_person(work, loan, "the mandate for the new account waits for the borrower's signature")


def _order(work: UnitOfWork, loan: str, party: Party, source: MandateSource, signature: Signature) -> None:
    mandate = DebitMandate(
        key=effect_key(loan, "mandate", len(work.accounts.mandates(loan)) + 1),
        loan=loan,
        party_id=party.id,
        account_index=blind_index(party.account or ""),
        source=source,
        signed_on=work.clock.business_date(signature.signed_at),
        document_sha256=signature.document_sha256,
        ordered_at=work.now,
    )
    work.session.add(mandate)
    work.outbox.put(Topic.MANDATE, mandate.key, {"mandate": mandate.id}, work.now, loan)
    audit.record(
        work,
        audit.SYSTEM,
        "mandate_ordered",
        loan=loan,
        subject=mandate.key,
        after={"source": source, "signed_on": mandate.signed_on.isoformat(), "sha256": mandate.document_sha256},
    )


def is_standing(work: UnitOfWork, loan: str, party: Party) -> bool:
    """Whether the bank has, or is being told of, a mandate for the account that the party has now."""
    index = blind_index(party.account or "")
    return any(one.account_index == index and one.status in STANDING for one in work.accounts.mandates(loan))


def _under_contract(work: UnitOfWork, loan: Loan, party: Party) -> Signature | None:
    """The borrower's signature under the contract, if the contract is about the account that he has today."""
    version = work.papers.contract_version(loan.number)
    document = None if version is None else work.papers.contract(loan.number, version)
    if document is None or _changed_since(work, party, document):
        return None
    return next((one for one in work.signatures.of_document(document.id) if one.party_id == party.id), None)


def _changed_since(work: UnitOfWork, party: Party, document: Document) -> bool:
    changes = work.accounts.changes(party.loan) if party.account_change_id else []
    given = (verdict.given_at for change, verdict in changes if verdict and change.id == party.account_change_id)
    return any(at >= document.uploaded_at for at in given)


def registration(work: UnitOfWork, mandate_id: str) -> Registration | None:
    """What to tell the bank; None for a mandate that it answered, or whose account is no longer the borrower's."""
    mandate = work.accounts.mandate(mandate_id)
    party = work.customers.party(mandate.party_id) if mandate else None
    if mandate is None or party is None or mandate.status is not MandateStatus.ORDERED:
        return None
    if mandate.document_sha256 is None or blind_index(party.account or "") != mandate.account_index:
        return None
    return Registration(mandate.key, party.account or "", party.name, mandate.signed_on, mandate.document_sha256)


def activate(work: UnitOfWork, mandate_id: str, bank_id: str) -> None:
    """The bank has the mandate: from now on the account may be debited."""
    mandate = work.accounts.mandate(mandate_id)
    if mandate is None or mandate.status is not MandateStatus.ORDERED:
        return
    _answer(work, mandate, MandateStatus.ACTIVE, "mandate_active", bank_id=bank_id)
    conclude(work, mandate.loan)


def refuse(work: UnitOfWork, mandate_id: str, reason_code: str) -> None:
    """The bank does not take the mandate: a person has to get another account, or another signature."""
    mandate = work.accounts.mandate(mandate_id)
    if mandate is None or mandate.status is not MandateStatus.ORDERED:
        return
    _answer(work, mandate, MandateStatus.REFUSED, "mandate_refused", reason_code=reason_code)
    ask_person(work, mandate.loan, f"the bank refused the mandate: {mandate.reason_code}")


def report_late(work: UnitOfWork, mandate_id: str) -> None:
    """The bank has not answered for long: a person hears of it, and it is asked on."""
    mandate = work.accounts.mandate(mandate_id)
    if mandate is not None and mandate.status is MandateStatus.ORDERED:
        ask_person(work, mandate.loan, "the bank has not taken the mandate yet")


def _answer(
    work: UnitOfWork,
    mandate: DebitMandate,
    status: MandateStatus,
    act: str,
    *,
    bank_id: str | None = None,
    reason_code: str | None = None,
) -> None:
    mandate.status = status
    mandate.bank_id = bank_id or mandate.bank_id
    mandate.reason_code = reason_code[:64] if reason_code else None
    mandate.answered_at = work.now
    work.session.add(mandate)
    audit.record(
        work,
        audit.SYSTEM,
        act,
        loan=mandate.loan,
        subject=mandate.key,
        after={"bank_id": mandate.bank_id, "reason_code": mandate.reason_code},
    )


# -- what a debit needs -----------------------------------------------------------------------------------------------


def is_in_force(work: UnitOfWork, loan: str) -> bool:
    """Whether the borrower's account may be debited today."""
    party = work.customers.borrower(loan)
    return work.accounts.active_mandate(loan, blind_index(party.account or "")) is not None


def require_mandate(work: UnitOfWork, loan: str) -> None:
    """Refuses (NoMandate) a debit that somebody asks for without a mandate.

    One that is signed will do: who draws the money tells the bank of it first, if nobody has done so yet.
    """
    if not is_standing(work, loan, work.customers.borrower(loan)):
        raise NoMandate(loan)


def untold(work: UnitOfWork, payment: Payment) -> str | None:
    """The id of the signed mandate for a debit of which the bank has not been told yet; None if there is none."""
    party = work.customers.party(payment.party_id or "")
    if party is None or payment.loan is None or payment.kind not in DEBITED:
        return None
    index = blind_index(party.account or "")
    waiting = [one for one in work.accounts.mandates(payment.loan) if one.account_index == index]
    return next((one.id for one in reversed(waiting) if one.status is MandateStatus.ORDERED), None)


def note_missing(work: UnitOfWork, loan: str, key: str) -> None:
    """Nothing is drawn for want of a mandate: noted, and somebody is to get one. Days past due go on."""
    ask_person(work, loan, NO_MANDATE)
    audit.record(
        work, audit.SYSTEM, "debit_without_mandate", loan=loan, subject=key, reason="no mandate is active", refused=True
    )


def debit_of(work: UnitOfWork, payment: Payment) -> Debit | None:
    """What the bank needs for an order to debit the borrower; None where the mandate has ended since it was written."""
    number = payment.loan or ""
    party = work.customers.party(payment.party_id or "")
    if party is None or party.account is None:
        raise LookupError(f"payment {payment.key} names no account to debit")
    mandate = work.accounts.active_mandate(number, blind_index(party.account))
    if mandate is None or mandate.bank_id is None:
        return None
    plan = catalogue().product(work.loans.get(number).product).debit_plan
    partial = payment.kind is PaymentKind.INSTALLMENT and plan.part_allowed
    return Debit(party.account, party.name, mandate.bank_id, mandate.signed_on, partial)


def follow_decline(work: UnitOfWork, payment: Payment) -> None:
    """Ends the mandate after a decline that another try would meet again, and has somebody get another account.

    A debit that comes back long after it was drawn may have been of an account that another one has replaced since:
    nothing is wrong with the mandate of that one. Nor is anything with one that was signed after the debit was ordered.
    """
    if payment.kind not in DEBITED or payment.loan is None:
        return
    plan = catalogue().product(work.loans.get(payment.loan).product).debit_plan
    party = work.customers.party(payment.party_id or "")
    if party is None or payment.reason_code not in plan.stops_at:
        return
    index = blind_index(party.account or "")
    known_then = [one for one in work.accounts.mandates(payment.loan) if one.ordered_at <= payment.ordered_at]
    if known_then and known_then[-1].account_index != index:
        return
    mandate = work.accounts.active_mandate(payment.loan, index)
    if mandate is not None:
        if mandate.ordered_at > payment.ordered_at:
            return
        _answer(work, mandate, MandateStatus.ENDED, "mandate_ended", reason_code=payment.reason_code)
    ask_person(work, payment.loan, f"debits stopped: {payment.reason_code}")


def end_all(work: UnitOfWork, loan: str, reason_code: str) -> None:
    """Ends every mandate of a loan, because another account took the place of theirs."""
    for mandate in work.accounts.mandates(loan):
        if mandate.status in STANDING:
            _answer(work, mandate, MandateStatus.ENDED, "mandate_ended", reason_code=reason_code)
