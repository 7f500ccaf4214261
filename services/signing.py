"""Signing the contract by SMS code, with the evidence that a court would ask for.

Electronic Signature Law of 2004 (as amended in 2019), articles 13 and 14: a signature counts like one by hand if it is
the signer's alone, under his control when he signs, and if a change of it or of what was signed shows. Hence the code
goes to the mobile of that very party, and the signature names the digest of the document.
"""

import hashlib
import hmac
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from books.session import UnitOfWork
from lending.errors import LendingError
from models.customers import Party, PartyRole
from models.documents import Document
from models.loans import Loan, Stage
from models.notices import Contact
from models.outbox import Topic
from models.papers import PaperKind
from models.signatures import Signature, SignatureMethod, SigningCode
from models.staff import Actor
from services import audit
from services.co_signers import require_confirmed_co_signers
from services.customers import require_confirmed
from services.errors import NotAllowed, OfferOver
from services.loans import require_stage
from services.notices import sms_values
from services.paper_contents import SIGNING_ROLES, signers
from services.paper_words import masked_mobile
from services.permissions import check_may_speak_for
from services.text_codes import HIDDEN, MOST_TRIES, VALID_FOR, new_digits, with_code

PAUSE = timedelta(minutes=1)
"""Between two codes for a party."""
MOST_CODES_A_DAY = 10
"""With five tries each, fifty of a million codes can be guessed in a day."""
MANDATE = "debit_mandate"
"""The kind of document by which a borrower lets another account of his be debited."""
AUTHORISATION = "authorisation"
"""The kind of document by which somebody lets himself be looked up."""
PAPERS = {PaperKind.CONTRACT.value: "借款合同", MANDATE: "委托扣款授权书", AUTHORISATION: "个人信息查询授权书"}
"""What can be signed, as the message calls it."""
_SIGNED = {MANDATE: "mandate_signed", AUTHORISATION: "authorisation_signed"}
TEXT = "【借款服务】您正在签署{paper}{loan}，验证码{code}，{minutes}分钟内有效。请勿告知他人；非本人操作请联系我们。"

_HASH_COST = 2**12
"""Some ten milliseconds a try: a million take hours, the code is good for minutes."""


class ContractNotReady(LendingError):
    """The contract of the newest terms is not there yet."""

    code = "contract_not_ready"
    http_status = 409

    def __init__(self, loan: str) -> None:
        super().__init__(f"the contract of loan {loan} is being made; try again in a moment")


class UnknownParty(LendingError):
    """Nobody of this id signs this loan's contract."""

    code = "unknown_party"
    http_status = 404

    def __init__(self, loan: str) -> None:
        super().__init__(f"nobody of this id signs the contract of loan {loan}")


class AlreadySigned(LendingError):
    """The party has signed this contract."""

    code = "already_signed"
    http_status = 409

    def __init__(self) -> None:
        super().__init__("this party has signed the contract already")


class SharedMobile(LendingError):
    """Another signer reads the same messages, so that a code would not show who signs."""

    code = "shared_mobile"
    http_status = 409

    def __init__(self, loan: str) -> None:
        super().__init__(
            f"two who sign the contract of loan {loan} have the same mobile; each signs with a code on his own"
        )


class TooManyCodes(LendingError):
    """Codes are asked for too quickly."""

    code = "too_many_codes"
    http_status = 429

    def __init__(self) -> None:
        super().__init__(
            f"a code was sent a moment ago, or {MOST_CODES_A_DAY} within a day; wait a minute and look at your messages"
        )


class OtherDocument(LendingError):
    """What is to be signed is not the contract that counts now."""

    code = "other_document"
    http_status = 409

    def __init__(self) -> None:
        super().__init__("the contract has changed since it was shown or the code was sent; read it and ask for a code")


class NotSigned(LendingError):
    """Money goes out under a contract that everybody has signed, and under no other."""

    code = "not_signed"
    http_status = 409

    def __init__(self, loan: str, missing: Sequence[Party]) -> None:
        many = "1 signature is" if len(missing) == 1 else f"{len(missing)} signatures are"
        who = ", ".join(one.role.value.replace("_", " ") for one in missing)
        super().__init__(f"{many} missing under the contract of loan {loan}: {who}")


class CodeRefused(LendingError):
    """The code does not sign anything."""

    code = "code_refused"
    http_status = 409


class CodeExpired(CodeRefused):
    """No code is valid any more."""

    code = "code_expired"

    def __init__(self) -> None:
        super().__init__("there is no valid code; ask for a new one")


class TooManyTries(CodeRefused):
    """The code was guessed at too often."""

    code = "code_used_up"

    def __init__(self) -> None:
        super().__init__("this code was entered wrongly too often; ask for a new one")


class WrongCode(CodeRefused):
    """The code is another one. To be raised after the try was committed."""

    code = "wrong_code"

    def __init__(self, left: int) -> None:
        super().__init__(f"this is not the code that was sent; {left} tries are left")


@dataclass(frozen=True)
class Signer:
    """One who signs: the mobile masked, when he signed, and until when the code that he was sent is good."""

    party: Party
    mobile: str
    signed_at: datetime | None
    code_expires_at: datetime | None


@dataclass(frozen=True)
class Signing:
    """How far the contract of a loan is: `contract` is None while it is made, `problem` the code of what stops that."""

    contract: Document | None
    problem: str | None
    signers: tuple[Signer, ...]

    @property
    def is_complete(self) -> bool:
        """Whether all have signed."""
        return all(one.signed_at is not None for one in self.signers)


def signing_of(work: UnitOfWork, loan: Loan) -> Signing:
    """The contract that counts now and who has signed it, in the order in which the parties stand in it."""
    document = contract_to_sign(work, loan)
    signed = {one.party_id: one.signed_at for one in _good(work, document)} if document else {}
    codes = work.signatures.good_codes(document.id, work.now) if document else []
    good_until = {one.party_id: one.expires_at for one in codes}
    order = None if document else work.papers.contract_order(loan.number)
    return Signing(
        contract=document,
        problem=order.last_error if order else None,
        signers=tuple(
            Signer(one.party, masked_mobile(one.mobile), signed.get(one.party.id), good_until.get(one.party.id))
            for one in signers(work, loan)
        ),
    )


def check_may_sign_for(work: UnitOfWork, actor: Actor, loan: Loan) -> None:
    """Refuses (NotAllowed) who does not speak for the borrower, and who decided on the loan."""
    check_may_speak_for(actor, loan)
    if any(decision.decided_by == actor.id for decision in work.tasks.decisions(loan.number)):
        raise NotAllowed("whoever decided on a loan neither signs nor accepts its contract in the borrower's name")


def request_code(work: UnitOfWork, actor: Actor, loan: Loan, party_id: str) -> SigningCode:
    """Sends a party a code with which he signs the contract that counts now; codes sent before are void.

    Asked for by the borrower or whoever sits with him; it always goes to the mobile of the party himself. Raises
    NotAllowed, WrongStage unless the offer is open, UnknownParty, ContractNotReady, SharedMobile, NotConfirmed or
    CoSignerNotConfirmed where nobody confirmed that this mobile is his, AlreadySigned and TooManyCodes.
    """
    loan = _held(work, actor, loan)
    party, document = _to_sign(work, loan, party_id, contract_to_sign(work, loan))
    require_own_mobiles(work, loan)
    if party.customer_id is None:
        require_confirmed_co_signers(work, loan, party.id)
    return send_code(work, actor, loan, party, document)


def require_own_mobiles(work: UnitOfWork, loan: Loan) -> None:
    """Refuses (SharedMobile) codes as long as two who sign a loan's papers have the same mobile.

    That the borrower is known by counts as his as well, whatever mobile the application states for him.
    """
    people = signers(work, loan)
    mobiles = Counter(one.mobile for one in people)
    known = work.customers.by_id_number([one.id_number for one in people if one.party.role is PartyRole.BORROWER])
    others = {one.mobile for one in people if one.party.role is not PartyRole.BORROWER}
    if max(mobiles.values()) > 1 or any(one.mobile in others for one in known.values()):
        raise SharedMobile(loan.number)


def send_code(work: UnitOfWork, actor: Actor, loan: Loan, party: Party, document: Document) -> SigningCode:
    """Sends a party a code for a document that he may sign now.

    Raises AlreadySigned, TooManyCodes, and NotConfirmed for a borrower of whom nobody confirmed the mobile.
    """
    book = work.signatures
    noted = require_confirmed(work, loan) if party.customer_id is not None else None
    if any(one.party_id == party.id for one in book.of_document(document.id)):
        raise AlreadySigned
    before = book.codes_since(party.id, work.now - timedelta(days=1))
    if len(before) >= MOST_CODES_A_DAY or (before and work.now - before[0].asked_at < PAUSE):
        raise TooManyCodes
    digits = new_digits()
    code = SigningCode(
        loan=loan.number,
        party_id=party.id,
        document_id=document.id,
        code_hash="",
        code=digits,
        asked_by=actor.id,
        asked_at=work.now,
        expires_at=work.now + VALID_FOR,
    )
    code.code_hash = _hashed(code.id, digits)
    work.session.add(code)
    key = f"signing_code:{code.id}"
    work.outbox.put(Topic.SIGNING_CODE, key, {"signing_code": code.id}, work.now, loan.number)
    if party.customer_id is not None:
        # Without the code: whoever may read the history of contact could sign with it.
        text = message(loan.number, HIDDEN, document.kind)
        work.write(Contact(**sms_values(loan.number, party.customer_id, "signing_code", key, text, work.now)))
    audit.record(
        work,
        actor,
        "signing_code_requested",
        loan=loan.number,
        subject=party.id,
        after={"document": document.id, "sha256": document.sha256, **(noted or {})},
    )
    return code


def text_paper(work: UnitOfWork, loan: Loan, kind: str, text: str, filename: str) -> Document:
    """A text that is to be signed, kept as a document of the loan: the same text of a kind once."""
    content = text.encode()
    digest = hashlib.sha256(content).hexdigest()
    document = work.documents.same(loan.number, kind, digest)
    if document is None:
        document = Document.of(
            content,
            sha256=digest,
            loan=loan.number,
            kind=kind,
            filename=filename,
            media_type="text/plain; charset=utf-8",
            language="zh",
            uploaded_by=audit.SYSTEM.id,
            uploaded_at=work.now,
        )
        work.session.add(document)
        work.session.flush()
    return document


def message(loan: str, digits: str, kind: str) -> str:
    """The text that a code arrives in, for a document of a kind."""
    return with_code(TEXT, digits, paper=PAPERS[kind], loan=loan)


def sign(
    work: UnitOfWork,
    actor: Actor,
    loan: Loan,
    party_id: str,
    digits: str,
    *,
    document_sha256: str,
    user_agent: str | None = None,
) -> Signature | WrongCode:
    """The party's signature under the contract whose digest he was shown; signing it again gives the first one, also
    when the loan has gone on since.

    A wrong code is **returned** as WrongCode and not raised, for the try must be committed: raise it afterwards. Raises
    what `request_code` raises, OtherDocument if another contract counts by now, CodeExpired and TooManyTries.
    """
    loan = _held(work, actor, loan)
    contract = contract_to_sign(work, loan)
    before = _signed_before(work, contract, party_id, document_sha256)
    if before is not None:
        return before
    party, document = _to_sign(work, loan, party_id, contract)
    return sign_document(
        work, actor, loan, party, document, digits, document_sha256=document_sha256, user_agent=user_agent
    )


def sign_document(
    work: UnitOfWork,
    actor: Actor,
    loan: Loan,
    party: Party,
    document: Document,
    digits: str,
    *,
    document_sha256: str,
    user_agent: str | None = None,
) -> Signature | WrongCode:
    """The party's signature under a document that he may sign now; returns and raises as `sign` does."""
    if not hmac.compare_digest(document_sha256.encode(), document.sha256.encode()):
        raise OtherDocument
    book = work.signatures
    code = book.newest_code(party.id)
    if code is None or code.used_at is not None or work.now >= code.expires_at:
        raise CodeExpired
    if code.document_id != document.id:
        raise OtherDocument
    if code.tries >= MOST_TRIES:
        raise TooManyTries
    code.tries += 1
    work.session.add(code)
    if not hmac.compare_digest(_hashed(code.id, digits).encode(), code.code_hash.encode()):
        left = MOST_TRIES - code.tries
        audit.record(
            work, actor, "signing_refused", loan=loan.number, subject=party.id, reason="wrong_code", refused=True
        )
        return WrongCode(left)
    code.used_at = work.now
    # The message of a code that was typed in this quickly may not be noted as sent yet.
    sent_at = code.sent_at or code.asked_at
    signature = Signature(
        loan=loan.number,
        party_id=party.id,
        document_id=document.id,
        document_sha256=document.sha256,
        terms_version=document.terms_version or 0,
        method=SignatureMethod.SMS_CODE,
        signing_code_id=code.id,
        code_hash=code.code_hash,
        code_sent_at=sent_at,
        code_confirmed_at=work.now,
        tries=code.tries,
        address=actor.address,
        user_agent_sha256=hashlib.sha256(user_agent.encode()).hexdigest() if user_agent else None,
        entered_by=actor.id,
        entered_as=actor.role,
        signed_at=work.now,
    )
    work.session.flush()
    work.write(signature)
    audit.record(
        work,
        actor,
        _SIGNED.get(document.kind, "contract_signed"),
        loan=loan.number,
        subject=party.id,
        after={
            "document": document.id,
            "sha256": document.sha256,
            "terms_version": document.terms_version,
            "method": SignatureMethod.SMS_CODE,
            "role": party.role,
        },
    )
    return signature


def missing_signatures(work: UnitOfWork, loan: Loan, until: date | None = None) -> list[Party]:
    """Who has not signed the contract of the newest terms, or not by a day; everybody as long as there is none."""
    document = contract_to_sign(work, loan)
    signed = {
        one.party_id
        for one in (_good(work, document) if document else [])
        if until is None or work.clock.business_date(one.signed_at) <= until
    }
    parties = sorted(work.customers.parties(loan.number), key=lambda one: (one.position, one.role))
    return [one for one in parties if one.role in SIGNING_ROLES and one.id not in signed]


def all_signed(work: UnitOfWork, loan: Loan) -> bool:
    """Whether every party has signed the contract of the newest terms, and it is still what they signed."""
    return not missing_signatures(work, loan)


def require_in_time(work: UnitOfWork, loan: Loan, day: date) -> None:
    """Refuses (OfferOver) an offer whose last day has passed. One that all had signed by then was taken in time,
    however late that is heard.
    """
    if loan.offer_until is None or day <= loan.offer_until:
        return
    if missing_signatures(work, loan, loan.offer_until):
        raise OfferOver(loan.number, loan.offer_until)


def require_signed(work: UnitOfWork, loan: Loan) -> None:
    """Refuses (NotSigned) unless every party has signed the contract that counts."""
    missing = missing_signatures(work, loan)
    if missing:
        raise NotSigned(loan.number, missing)


def contract_to_sign(work: UnitOfWork, loan: Loan) -> Document | None:
    """The contract that counts now: in Chinese, of the newest terms agreed; None until it is made."""
    version = work.papers.contract_version(loan.number)
    return None if version is None else work.papers.contract(loan.number, version)


def _good(work: UnitOfWork, document: Document) -> list[Signature]:
    """The signatures under a document that has not been touched since."""
    if hashlib.sha256(document.content).hexdigest() != document.sha256:
        return []
    signatures = work.signatures.of_document(document.id)
    return [one for one in signatures if one.document_sha256 == document.sha256]


def _held(work: UnitOfWork, actor: Actor, loan: Loan) -> Loan:
    """The loan, for who may sign for it."""
    # Held until the end: the offer cannot be taken meanwhile, and of two tries at once the second sees the first.
    loan = work.loans.get(loan.number)
    check_may_sign_for(work, actor, loan)
    return loan


def _signed_before(
    work: UnitOfWork, document: Document | None, party_id: str, document_sha256: str
) -> Signature | None:
    if document is None or document.sha256 != document_sha256:
        return None
    return next((one for one in work.signatures.of_document(document.id) if one.party_id == party_id), None)


def _to_sign(work: UnitOfWork, loan: Loan, party_id: str, document: Document | None) -> tuple[Party, Document]:
    require_stage(loan, "signing", Stage.ACCEPTANCE)
    require_in_time(work, loan, work.today)
    parties = work.customers.parties(loan.number)
    party = next((one for one in parties if one.id == party_id and one.role in SIGNING_ROLES), None)
    if party is None:
        raise UnknownParty(loan.number)
    if document is None:
        raise ContractNotReady(loan.number)
    return party, document


def _hashed(salt: str, digits: str) -> str:
    return hashlib.scrypt(digits.encode(), salt=salt.encode(), n=_HASH_COST, r=8, p=1).hex()
