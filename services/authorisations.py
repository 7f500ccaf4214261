"""Who of a loan's people agreed to be looked up: with the application or later, and until he takes it back.

Personal Information Protection Law, articles 13 and 15 (agreed to, and taken back as easily), 28 and 29 (sensitive data
need a separate word). Regulation on the credit reporting industry, article 18: written agreement of the very person.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from books.session import UnitOfWork
from lending.errors import LendingError
from models.customers import Party, PartyRole
from models.keys import new_id
from models.loans import CLOSED, Loan
from models.outbox import Topic
from models.products import JointParty, party_names
from models.staff import Actor, Role
from models.verification import BORROWER, Authorisation, AuthorisationKind, AuthorisationMethod
from services import audit
from services.accounts import order_check
from services.authorisation_texts import CURRENT, TEXTS, AuthorisationText, text_on, versions_on
from services.errors import NotAllowed, WrongStage
from services.forms import InvalidForm, Sentence
from services.paper_contents import SIGNING_ROLES
from services.permissions import check_may_speak_for

ID_DOCUMENT = "id_document"


class UnknownSigner(LendingError):
    """Nobody of this id is looked up for this loan."""

    code = "unknown_party"
    http_status = 404

    def __init__(self, loan: str) -> None:
        super().__init__(f"nobody of this id is looked up for loan {loan}")


class NothingToTakeBack(LendingError):
    """The person has not agreed to it, or took it back before."""

    code = "nothing_authorised"
    http_status = 409

    def __init__(self) -> None:
        super().__init__("there is no authorisation of this kind to take back")


# -- with the application ----------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Consent:
    """What an application says about authorisation: the text's version, the borrower's separate word on sensitive data,
    and the same word of each co-signer for whom the sender attests, by his spelling among the parties.
    """

    text: AuthorisationText
    sensitive: bool
    co_signers: Mapping[str, bool]


def read_consent(given: object, actor: Actor, joint: Sequence[JointParty], day: date) -> Consent:
    """The authorisations that come with an application on a business date; InvalidForm at the field that is wrong.

    A plain version stands for a text that holds both declarations in one, as long as people may agree to it. A newer
    one asks for the sensitive data by themselves: `{version, sensitive, co_signers: {guarantor: {sensitive}}}`. A
    borrower cannot attest for others.
    """
    text = text_on(given.get("version") if isinstance(given, Mapping) else given, day)
    if text is None:
        versions = versions_on(day)
        raise InvalidForm(
            {
                "consent": Sentence(
                    f"the borrower's authorisation is missing; give the version agreed to ({versions})",
                    f"缺少借款人的授权，请注明其同意的授权书版本（{versions}）。",
                )
            }
        )
    if not isinstance(given, Mapping):
        if text.separate:
            raise InvalidForm({"consent.sensitive": _SENSITIVE})
        return Consent(text, sensitive=True, co_signers={})
    problems: dict[str, str] = {}
    if unknown := set(given) - {"version", "sensitive", "co_signers"}:
        problems["consent"] = Sentence(
            f"{len(unknown)} of these fields belong to no authorisation", f"有{len(unknown)}个字段不属于授权信息。"
        )
    sensitive = given.get("sensitive")
    if not isinstance(sensitive, bool) or not (sensitive or text.separate):
        problems["consent.sensitive"] = _SENSITIVE
    co_signers = _read_co_signers(given.get("co_signers"), actor, joint, problems)
    if problems:
        raise InvalidForm(problems)
    return Consent(text, sensitive is True, co_signers)


_SENSITIVE = Sentence(
    "say by true or false whether the borrower agrees to the use of sensitive data, apart from the rest",
    "请单独注明借款人是否同意处理敏感个人信息（true 或 false）。",
)


def _read_co_signers(
    given: object, actor: Actor, joint: Sequence[JointParty], problems: dict[str, str]
) -> dict[str, bool]:
    if given is None:
        return {}
    known = party_names(one.role for one in joint)
    read: dict[str, bool] = {}
    if actor.role is Role.BORROWER and given:
        problems["consent.co_signers"] = Sentence(
            "another person authorises for himself: leave this out, and he gets a message",
            "其他人须本人授权：请勿填写，系统会向其发送短信。",
        )
    elif not isinstance(given, Mapping):
        problems["consent.co_signers"] = Sentence(
            "give an object by role, such as guarantor", "请按角色（如 guarantor）填写。"
        )
    else:
        for name, word in given.items():
            sensitive = word.get("sensitive") if isinstance(word, Mapping) else None
            if name not in known or not isinstance(sensitive, bool) or len(word) > 1:
                problems["consent.co_signers"] = Sentence(
                    f"each is a co-signer of this form ({', '.join(known) or 'none'}) with sensitive true or false",
                    f"只能填写本申请的共同签约人（{'、'.join(known) or '无'}），并注明 sensitive 为 true 或 false。",
                )
            else:
                read[name] = sensitive
    return read


def rows_for(
    text: AuthorisationText,
    kinds: Iterable[AuthorisationKind],
    actor: Actor,
    at: datetime,
    *,
    loan: str,
    party: str,
    party_id: str,
    customer_id: str | None,
    method: AuthorisationMethod,
    granted: bool = True,
    signature_id: str | None = None,
) -> list[dict[str, Any]]:
    """The rows of a person's word, one for each declaration, ready to be inserted."""
    return [
        {
            "id": new_id(),
            "loan": loan,
            "party": party,
            "party_id": party_id,
            "customer_id": customer_id,
            "kind": kind,
            "granted": granted,
            "scope": ",".join(text.declarations[kind].scope),
            "text_version": text.version,
            "text_sha256": text.sha256,
            "method": method,
            "signature_id": signature_id,
            "given_at": at,
            "given_through": actor.id,
            "given_as": actor.role.value,
            "address": actor.address,
        }
        for kind in kinds
    ]


def method_of(actor: Actor) -> AuthorisationMethod:
    """How it is known that it was he, of a word without a code: his own sign-in, or the word of who sits with him."""
    return AuthorisationMethod.SIGNED_IN if actor.role is Role.BORROWER else AuthorisationMethod.ATTESTED


def kinds_of(*, sensitive: bool) -> tuple[AuthorisationKind, ...]:
    """The declarations that are made: to be looked up, and the other one where it is agreed to."""
    return tuple(AuthorisationKind) if sensitive else (AuthorisationKind.REGISTERS,)


# -- looking -----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class PartyWord:
    """One person of a loan and his newest word on each declaration; None where he has said nothing."""

    party: Party
    name: str
    words: Mapping[AuthorisationKind, Authorisation | None]

    def agrees(self, kind: AuthorisationKind) -> bool:
        """Whether he agrees to it now."""
        word = self.words[kind]
        return word is not None and word.granted

    @property
    def is_authorised(self) -> bool:
        """Whether registers may be asked about him."""
        return self.agrees(AuthorisationKind.REGISTERS)


def signing_parties(work: UnitOfWork, loan: str) -> list[tuple[Party, str]]:
    """The borrower and his co-signers with the spelling that checks use, in the order of the form."""
    parties = sorted(work.customers.parties(loan), key=lambda one: one.position)
    people = [one for one in parties if one.role in SIGNING_ROLES]
    return list(zip(people, party_names(one.role for one in people), strict=True))


def words_of(work: UnitOfWork, loan: str) -> list[PartyWord]:
    """Every person of a loan who is looked up, with what he agrees to now."""
    rows = work.authorisations.of_loan(loan)
    return [
        PartyWord(
            party,
            name,
            {
                kind: next((row for row in reversed(rows) if row.party == name and row.kind is kind), None)
                for kind in AuthorisationKind
            },
        )
        for party, name in signing_parties(work, loan)
    ]


def word_of(work: UnitOfWork, loan: str, party_id: str) -> PartyWord:
    """One of them; UnknownSigner if nobody of this id is looked up for the loan."""
    for one in words_of(work, loan):
        if one.party.id == party_id:
            return one
    raise UnknownSigner(loan)


def may_use(work: UnitOfWork, loan: str, use: str, party: str = BORROWER) -> bool:
    """Whether somebody's newest word about a register or a use of his data is a yes."""
    word = work.authorisations.word(loan, party, use)
    return word is not None and word[0]


# -- giving and taking back --------------------------------------------------------------------------------------------


def give(work: UnitOfWork, actor: Actor, loan: Loan, party_id: str, *, sensitive: bool) -> list[Authorisation]:
    """Records that a person agrees to the text of today, in his own sign-in or attested by who sits with him.

    Raises NotAllowed for anybody else (a borrower speaks for himself alone), UnknownSigner, and WrongStage once the
    loan is closed.
    """
    loan, before = _about(work, actor, loan, party_id)
    return keep(work, actor, loan, before, kinds_of(sensitive=sensitive), method_of(actor))


def keep(
    work: UnitOfWork,
    actor: Actor,
    loan: Loan,
    before: PartyWord,
    kinds: Iterable[AuthorisationKind],
    method: AuthorisationMethod,
    signature_id: str | None = None,
    text: AuthorisationText = CURRENT,
) -> list[Authorisation]:
    """Writes a person's agreement and has done what waited for it: his registers, and the check of his account.

    `before` is the person with what he agreed to until now.
    """
    rows = _write(work, actor, loan, before, text, kinds, method, signature_id=signature_id)
    payload = {"party": before.party.id}
    if not before.is_authorised:
        work.outbox.put(Topic.VERIFY_AGAIN, f"verify_again:{rows[0].id}", payload, work.now, loan.number)
    gives_sensitive = any(row.kind is AuthorisationKind.SENSITIVE for row in rows)
    if gives_sensitive and before.name == BORROWER and not before.agrees(AuthorisationKind.SENSITIVE):
        order_check(work, loan.number, payload)
    return rows


def take_back(work: UnitOfWork, actor: Actor, loan: Loan, party_id: str, kind: AuthorisationKind) -> Authorisation:
    """Records that a person agrees no more: from here on nothing is asked or read that he had agreed to.

    Answers that came before stay with their loan, for what was asked in time was asked lawfully. Raises what `give`
    raises, and NothingToTakeBack.
    """
    loan, before = _about(work, actor, loan, party_id)
    word = before.words[kind]
    if word is None or not word.granted:
        raise NothingToTakeBack
    text = TEXTS.get(word.text_version, CURRENT)
    (row,) = _write(work, actor, loan, before, text, [kind], method_of(actor), granted=False)
    return row


def person_of(work: UnitOfWork, actor: Actor, loan: Loan, party_id: str) -> tuple[Loan, PartyWord]:
    """The loan, held until the end, and one of its people, for whoever speaks for the borrower.

    Raises NotAllowed for anybody else, WrongStage once the loan is closed, and UnknownSigner.
    """
    loan = work.loans.get(loan.number)
    check_may_speak_for(actor, loan)
    if loan.stage in CLOSED:
        raise WrongStage(loan.number, loan.stage, "an authorisation")
    return loan, word_of(work, loan.number, party_id)


def _about(work: UnitOfWork, actor: Actor, loan: Loan, party_id: str) -> tuple[Loan, PartyWord]:
    # Held until the end: of two words at once one is the newer.
    loan, person = person_of(work, actor, loan, party_id)
    if actor.role is Role.BORROWER and person.party.role is not PartyRole.BORROWER:
        raise NotAllowed("another person authorises for himself, on the page that his message names")
    return loan, person


def _write(
    work: UnitOfWork,
    actor: Actor,
    loan: Loan,
    person: PartyWord,
    text: AuthorisationText,
    kinds: Iterable[AuthorisationKind],
    method: AuthorisationMethod,
    *,
    granted: bool = True,
    signature_id: str | None = None,
) -> list[Authorisation]:
    values = rows_for(
        text,
        kinds,
        actor,
        work.now,
        loan=loan.number,
        party=person.name,
        party_id=person.party.id,
        customer_id=person.party.customer_id,
        method=method,
        granted=granted,
        signature_id=signature_id,
    )
    rows = [Authorisation(**one) for one in values]
    for row in rows:
        work.write(row)
        audit.record(
            work,
            actor,
            "authorisation_given" if granted else "authorisation_taken_back",
            loan=loan.number,
            subject=row.party_id,
            after={
                "party": row.party,
                "kind": row.kind,
                "scope": row.scope,
                "text": row.text_version,
                "sha256": row.text_sha256,
                "method": row.method,
            },
        )
    return rows
