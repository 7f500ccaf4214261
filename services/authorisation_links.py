"""How a co-signer is asked to authorise: a message with a link to a page of his own, where he signs with a code.

The code goes to his mobile and signs the very text that he was shown, by the same procedure as a contract
(`services.signing`). The link alone authorises nothing.
"""

import secrets
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from sqlmodel import SQLModel

from books.outbox import message_values
from books.session import UnitOfWork
from books.sign_in import secret_digest
from lending.errors import LendingError
from models.customers import Party, PartyRole
from models.documents import Document
from models.keys import new_id
from models.loans import CLOSED, Loan
from models.notices import Contact
from models.outbox import OutboxRow, Topic
from models.signatures import Signature, SigningCode
from models.staff import Actor, Role
from models.verification import Authorisation, AuthorisationKind, AuthorisationMethod, AuthorisationRequest
from services import audit
from services.authorisation_texts import CURRENT, TEXTS
from services.authorisations import UnknownSigner, keep, kinds_of, person_of, word_of
from services.notices import ANSWER_TOO, sms_values
from services.paper_contents import signers
from services.paper_words import day_in_words, masked_id_number, masked_mobile
from services.signing import (
    AUTHORISATION,
    TooManyCodes,
    WrongCode,
    require_own_mobiles,
    send_code,
    sign_document,
    text_paper,
)

MOST_LINKS_A_DAY = 3
HIDDEN_LINK = "******"
LINK_TEMPLATE = "authorisation_link"
"""The template of the message with the link, which is for a co-signer and not for the borrower."""
MESSAGE = (
    "【借款服务】您被列为借款申请{loan}的{role}。请打开链接阅读个人信息查询授权书，同意的以验证码确认，"
    "非本人意愿请勿操作：{link}"
)

PAPER = """个人信息查询授权书（版本{version}）

借款编号：{loan}
授权人：{name}（{role}）
身份证号码：{id_number}

{declarations}

{day}
"""


class UnknownLink(LendingError):
    """The link belongs to no open application."""

    code = "unknown_link"
    http_status = 404

    def __init__(self) -> None:
        super().__init__("this link belongs to no open application; ask whoever named you for a new one")


class NotTicked(LendingError):
    """He did not agree to be looked up, so there is nothing to sign."""

    code = "not_ticked"
    http_status = 422

    def __init__(self) -> None:
        super().__init__("without agreeing to the queries there is nothing to sign")


# -- the message -------------------------------------------------------------------------------------------------------


def link_rows(
    loan: str, customer_id: str, party_id: str, role: PartyRole, actor: Actor, at: datetime
) -> dict[type[SQLModel], dict[str, Any]]:
    """The rows that ask a co-signer: his link, its place in the history of contact, and the message on its way."""
    token, request_id = secrets.token_urlsafe(24), new_id()
    key = f"authorisation_link:{request_id}"
    return {
        AuthorisationRequest: {
            "id": request_id,
            "loan": loan,
            "party_id": party_id,
            "token": token,
            "token_sha256": secret_digest(token),
            "asked_by": actor.id,
            "asked_at": at,
        },
        Contact: sms_values(loan, customer_id, LINK_TEMPLATE, key, message(loan, role, HIDDEN_LINK), at),
        OutboxRow: message_values(Topic.AUTHORISATION_LINK, key, {"request": request_id}, at, loan),
    }


def message(loan: str, role: PartyRole, link: str) -> str:
    """The text that a link arrives in."""
    return MESSAGE.format(loan=loan, role=ANSWER_TOO[role], link=link)


def ask(work: UnitOfWork, actor: Actor, loan: Loan, party_id: str) -> None:
    """Sends a co-signer a new link; the older ones stay good.

    Raises NotAllowed for who does not speak for the borrower, WrongStage for a closed loan, UnknownSigner, and
    TooManyCodes above a few a day.
    """
    # Held until the end: the links of a day are counted.
    loan, person = person_of(work, actor, loan, party_id)
    if person.party.role is PartyRole.BORROWER:
        raise UnknownSigner(loan.number)
    if work.authorisations.links_since(party_id, work.now - timedelta(days=1)) >= MOST_LINKS_A_DAY:
        raise TooManyCodes
    for table, values in link_rows(loan.number, loan.customer_id, party_id, person.party.role, actor, work.now).items():
        work.write(table(**values))
    audit.record(work, actor, "authorisation_asked_for", loan=loan.number, subject=party_id)


# -- his page ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class LinkOwner:
    """Whom a link belongs to: the person, his numbers masked, his loan, and what he may sign or has signed."""

    loan: Loan
    party: Party
    name: str
    id_number: str
    mobile: str
    is_authorised: bool


def owner_of(work: UnitOfWork, token: str) -> LinkOwner:
    """Whom a link belongs to; UnknownLink for any other, and once the loan is closed."""
    request = work.authorisations.request(secret_digest(token))
    loan = work.loans.get(request.loan) if request is not None else None
    if request is None or loan is None or loan.stage in CLOSED:
        raise UnknownLink
    word = word_of(work, loan.number, request.party_id)
    person = next(one for one in signers(work, loan) if one.party.id == request.party_id)
    return LinkOwner(
        loan=loan,
        party=word.party,
        name=word.name,
        id_number=masked_id_number(person.id_number),
        mobile=masked_mobile(person.mobile),
        is_authorised=word.is_authorised,
    )


def actor_of(owner: LinkOwner, address: str | None) -> Actor:
    """The co-signer as who acts: he has no sign-in, so he stands under the id of his party."""
    return Actor(owner.party.id, Role.CO_SIGNER, None, address)


def request_code(
    work: UnitOfWork, actor: Actor, owner: LinkOwner, *, registers: bool, sensitive: bool
) -> tuple[Document, SigningCode]:
    """Writes what he ticked on paper and sends his mobile a code to sign it with.

    Raises NotTicked without the first tick, SharedMobile where another signer reads the same messages, TooManyCodes,
    and AlreadySigned for a paper that he has signed.
    """
    if not registers:
        raise NotTicked
    require_own_mobiles(work, owner.loan)
    text = _paper(owner, work.today, sensitive=sensitive)
    document = text_paper(work, owner.loan, AUTHORISATION, text, f"{owner.loan.number}-{owner.name}.txt")
    return document, send_code(work, actor, owner.loan, owner.party, document)


def sign(
    work: UnitOfWork,
    actor: Actor,
    owner: LinkOwner,
    digits: str,
    *,
    document_sha256: str,
    user_agent: str | None = None,
) -> list[Authorisation] | WrongCode:
    """His authorisation, signed with the code: one row for each declaration on the paper.

    A wrong code is **returned**, for the try must be committed: raise it afterwards. Raises UnknownLink for a paper
    that is not there, CodeExpired, OtherDocument for one that is not his, and TooManyTries.
    """
    document = work.documents.same(owner.loan.number, AUTHORISATION, document_sha256)
    if document is None:
        raise UnknownLink
    signed = sign_document(
        work, actor, owner.loan, owner.party, document, digits, document_sha256=document_sha256, user_agent=user_agent
    )
    if not isinstance(signed, Signature):
        return signed
    content = document.content.decode()
    text = next(one for one in TEXTS.values() if one.declarations[AuthorisationKind.REGISTERS].zh in content)
    kinds = kinds_of(sensitive=text.declarations[AuthorisationKind.SENSITIVE].zh in content)
    return keep(
        work,
        actor,
        owner.loan,
        word_of(work, owner.loan.number, owner.party.id),
        kinds,
        AuthorisationMethod.CODE,
        signature_id=signed.id,
        text=text,
    )


def _paper(owner: LinkOwner, day: date, *, sensitive: bool) -> str:
    declared = [CURRENT.declarations[kind].zh for kind in kinds_of(sensitive=sensitive)]
    return PAPER.format(
        version=CURRENT.version,
        loan=owner.loan.number,
        name=owner.party.name,
        role=ANSWER_TOO[owner.party.role],
        id_number=owner.id_number,
        declarations="\n\n".join(f"{n}、{one}" for n, one in enumerate(declared, 1)),
        day=day_in_words(day, "zh"),
    )
