"""Everybody authorises for himself: with the application, in his sign-in or by a code, until he takes it back."""

import hashlib
from datetime import date, timedelta
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from books.session import UnitOfWork
from lending.errors import LendingError
from models.customers import PartyRole
from models.loans import Loan, Stage
from models.messages import VerificationOrder
from models.outbox import OutboxRow, Topic
from models.staff import Actor, Role
from models.tasks import TaskKind
from models.verification import Authorisation, AuthorisationKind, AuthorisationMethod, Verdict
from services import authorisation_links, verification
from services.applications import Receipt, read_submission, submit
from services.authorisation_texts import CURRENT, TEXTS, text_on, versions_on
from services.authorisations import (
    NothingToTakeBack,
    UnknownSigner,
    give,
    may_use,
    read_consent,
    take_back,
    words_of,
)
from services.errors import NotAllowed, NotAuthorised, WrongStage
from services.forms import InvalidForm
from services.grading import grade
from services.signing import SharedMobile, TooManyCodes, WrongCode
from tests.modules.applications import DAY, application, id_number
from tests.services.procedure import AGENT, FINANCE, INTEGRATOR, Procedure

BOTH = {"version": "2026-11", "sensitive": True}
REGISTERS, SENSITIVE = AuthorisationKind
PARENT: dict[str, Any] = {
    "joint_borrower_name": "王母亲",
    "joint_borrower_id_number": id_number(sequence=801),
    "joint_borrower_mobile": "19900000009",
}


def apply(procedure: Procedure, code: str, consent: object, *, actor: Actor = INTEGRATOR, **changes: object) -> str:
    """An accepted application with this consent; returns the loan's number."""
    body = {"product": code, "form": application(code, **changes), "consent": consent}
    with procedure.at() as work:
        (receipt,) = submit(work, [read_submission(body, "key", actor, procedure.day)])
    assert isinstance(receipt, Receipt)
    return receipt.loan


def refused(consent: object, *, actor: Actor = INTEGRATOR, code: str = "student", **changes: object) -> set[str]:
    """The fields at which an application with this consent is refused."""
    body = {"product": code, "form": application(code, **changes), "consent": consent}
    with pytest.raises(InvalidForm) as caught:
        read_submission(body, "key", actor, DAY)
    assert all(sentence != caught.value.fields_in("zh")[name] for name, sentence in caught.value.fields.items())
    return set(caught.value.fields)


def test_the_text_with_one_tick_for_both_is_taken_until_the_end_of_2026() -> None:
    last = date(2026, 12, 31)
    assert [text_on(version, last) is not None for version in TEXTS] == [True, True]
    assert (versions_on(last), versions_on(last + timedelta(days=1))) == ("2026-01, 2026-11", "2026-11")
    for given in ("2026-01", {"version": "2026-01", "sensitive": True}):
        read_consent(given, INTEGRATOR, (), last)
        with pytest.raises(InvalidForm) as caught:
            read_consent(given, INTEGRATOR, (), last + timedelta(days=1))
        assert list(caught.value.fields) == ["consent"]
        assert "(2026-11)" in caught.value.fields["consent"]
    assert read_consent(BOTH, INTEGRATOR, (), date(2030, 1, 1)).sensitive
    assert text_on(["2026-11"], last) is None


def words(procedure: Procedure, loan: str) -> list[tuple[str, AuthorisationKind, bool, AuthorisationMethod]]:
    """Everything that was said about being looked up."""
    with procedure.books.read() as work:
        return [(one.party, one.kind, one.granted, one.method) for one in work.authorisations.of_loan(loan)]


def party_of(work: UnitOfWork, loan: str, role: PartyRole) -> str:
    return next(party.id for party in work.customers.parties(loan) if party.role is role)


def link_of(procedure: Procedure, loan: str) -> str:
    """The secret of the link that waits to be sent."""
    with procedure.at() as work:
        row = next(one for one in outbox(work) if one.topic is Topic.AUTHORISATION_LINK and one.loan == loan)
        return work.authorisations.unsent([row.payload["request"]])[row.payload["request"]].token


def outbox(work: UnitOfWork) -> list[OutboxRow]:
    return work.outbox.claim(work.now, 50, timedelta(0))


def sign(procedure: Procedure, token: str, *, sensitive: bool = False) -> list[Authorisation]:
    """A co-signer agrees on his page, with the code that came to his mobile."""
    with procedure.at() as work:
        owner = authorisation_links.owner_of(work, token)
        actor = authorisation_links.actor_of(owner, "203.0.113.9")
        document, code = authorisation_links.request_code(work, actor, owner, registers=True, sensitive=sensitive)
        digits = code.code or ""
    with procedure.at() as work:
        owner = authorisation_links.owner_of(work, token)
        signed = authorisation_links.sign(work, actor, owner, digits, document_sha256=document.sha256)
    assert not isinstance(signed, WrongCode)
    return signed


def test_texts_that_were_published_are_never_edited() -> None:
    """A new wording is a new version: rows name the digest of the text that a person saw."""
    assert {version: one.sha256 for version, one in TEXTS.items()} == {
        "2026-01": "d1de43a7fa7e2334c5a946c2706723d347648a22fefb014fdccf7aa81af9d761",
        "2026-11": "17a927829d129a6f3e97571520e2b7b9afb60358ba1f1804cf822e74775ae1d9",
    }
    assert CURRENT.version == "2026-11"
    for one in TEXTS.values():
        for declaration in one.declarations.values():
            assert declaration.zh != declaration.en


def test_a_plain_old_version_still_holds_both_declarations(procedure: Procedure) -> None:
    loan = apply(procedure, "micro", "2026-01")
    assert words(procedure, loan) == [
        ("borrower", REGISTERS, True, AuthorisationMethod.ATTESTED),
        ("borrower", SENSITIVE, True, AuthorisationMethod.ATTESTED),
    ]


def test_a_word_is_kept_with_text_scope_person_and_place(procedure: Procedure) -> None:
    sender = Actor("agent-lin", Role.AGENT, address="192.0.2.7")
    loan = apply(procedure, "micro", BOTH, actor=sender)
    with procedure.books.read() as work:
        registers, sensitive = work.authorisations.of_loan(loan)
        borrower = work.customers.borrower(loan)
    assert (registers.scope, sensitive.scope) == ("identity,bureau,enrolment,vehicle", "card,id_document")
    for word in (registers, sensitive):
        assert (word.party_id, word.customer_id) == (borrower.id, borrower.customer_id)
        assert (word.text_version, word.text_sha256) == (CURRENT.version, CURRENT.sha256)
        assert (word.given_through, word.given_as, word.address) == ("agent-lin", "agent", "192.0.2.7")
        assert word.given_at == procedure.books.clock.opens_at(procedure.day)


def test_without_the_separate_consent_neither_card_nor_documents_are_looked_at(procedure: Procedure) -> None:
    loan = apply(procedure, "micro", BOTH | {"sensitive": False})
    with procedure.at() as work:
        borrower = work.customers.borrower(loan).id
        assert verification.question(work, loan, "bureau").name
        assert not may_use(work, loan, "id_document")
        assert work.accounts.questions([borrower]) == {}
        give(work, AGENT, work.loans.get(loan), borrower, sensitive=True)
        assert may_use(work, loan, "id_document")
        assert work.accounts.questions([borrower]).keys() == {borrower}
        checks = [row.key for row in outbox(work) if row.topic is Topic.CARD_CHECK]
    # One that came with the application, one that was ordered once he agreed.
    assert len(checks) == 2


@pytest.mark.parametrize(
    ("consent", "fields"),
    [
        (None, {"consent"}),
        ("1999-01", {"consent"}),
        (7, {"consent"}),
        ({"version": "1999-01", "sensitive": True}, {"consent"}),
        ({"sensitive": True}, {"consent"}),
        ("2026-11", {"consent.sensitive"}),
        ({"version": "2026-11"}, {"consent.sensitive"}),
        ({"version": "2026-11", "sensitive": "yes"}, {"consent.sensitive"}),
        ({"version": "2026-01", "sensitive": False}, {"consent.sensitive"}),
        (BOTH | {"everything": True}, {"consent"}),
        (BOTH | {"co_signers": ["joint_borrower"]}, {"consent.co_signers"}),
        (BOTH | {"co_signers": {"guarantor": {"sensitive": True}}}, {"consent.co_signers"}),
        (BOTH | {"co_signers": {"joint_borrower": {}}}, {"consent.co_signers"}),
        (BOTH | {"co_signers": {"joint_borrower": {"sensitive": True, "more": 1}}}, {"consent.co_signers"}),
        (BOTH | {"co_signers": {"joint_borrower": True}}, {"consent.co_signers"}),
    ],
)
def test_a_consent_that_says_too_little_is_refused_at_its_field(consent: object, fields: set[str]) -> None:
    assert refused(consent, **PARENT) == fields


def test_a_borrower_cannot_attest_for_another_person(procedure: Procedure) -> None:
    him = procedure.borrower_of(procedure.apply())
    attested = BOTH | {"co_signers": {"joint_borrower": {"sensitive": True}}}
    assert refused(attested, actor=him, **PARENT) == {"consent.co_signers"}


def test_a_sender_may_attest_for_a_co_signer_who_then_gets_no_message(procedure: Procedure) -> None:
    loan = apply(procedure, "student", BOTH | {"co_signers": {"joint_borrower": {"sensitive": False}}}, **PARENT)
    assert words(procedure, loan) == [
        ("borrower", REGISTERS, True, AuthorisationMethod.ATTESTED),
        ("borrower", SENSITIVE, True, AuthorisationMethod.ATTESTED),
        ("joint_borrower", REGISTERS, True, AuthorisationMethod.ATTESTED),
    ]
    assert "authorisation_link" not in procedure.messages(loan)
    with procedure.books.read() as work:
        asked = verification.question(work, loan, "identity@joint_borrower")
    assert (asked.name, asked.id_number, asked.mobile) == tuple(PARENT.values())


def test_a_co_signer_agrees_on_his_own_page_with_a_code_and_not_before(procedure: Procedure) -> None:
    loan = procedure.apply("student", **PARENT)
    assert procedure.messages(loan) == ["application_received", "authorisation_link"]
    with procedure.books.read() as work, pytest.raises(NotAuthorised):
        verification.question(work, loan, "identity@joint_borrower")

    token = link_of(procedure, loan)
    registers, sensitive = sign(procedure, token, sensitive=True)

    assert (registers.kind, sensitive.kind) == (REGISTERS, SENSITIVE)
    assert (registers.party, registers.method, registers.given_as) == (
        "joint_borrower",
        AuthorisationMethod.CODE,
        "co_signer",
    )
    assert registers.address == "203.0.113.9"
    with procedure.books.read() as work:
        assert verification.question(work, loan, "identity@joint_borrower").name == "王母亲"
        (signature,) = work.signatures.of_loan(loan)
        paper = work.documents.get(signature.document_id)
        assert paper is not None
        assert (signature.id, registers.customer_id) == (registers.signature_id, None)
        assert signature.document_sha256 == hashlib.sha256(paper.content).hexdigest()
        # What he signed is the text of the version that the row names.
        for kind in AuthorisationKind:
            assert TEXTS[registers.text_version].declarations[kind].zh in paper.content.decode()
        assert PARENT["joint_borrower_id_number"] not in paper.content.decode()
    assert "authorisation_signed" in procedure.acts(loan)


def test_a_co_signer_who_ticks_the_registers_alone_gives_nothing_else(procedure: Procedure) -> None:
    loan = procedure.apply("student", **PARENT)
    (word,) = sign(procedure, link_of(procedure, loan))
    assert word.kind is REGISTERS
    with procedure.books.read() as work:
        assert not may_use(work, loan, "id_document", "joint_borrower")


def test_a_wrong_code_and_a_foreign_link_authorise_nothing(procedure: Procedure) -> None:
    loan = procedure.apply("student", **PARENT)
    token = link_of(procedure, loan)
    with procedure.at() as work:
        owner = authorisation_links.owner_of(work, token)
        actor = authorisation_links.actor_of(owner, None)
        with pytest.raises(authorisation_links.NotTicked):
            authorisation_links.request_code(work, actor, owner, registers=False, sensitive=True)
        document, code = authorisation_links.request_code(work, actor, owner, registers=True, sensitive=False)
        other = "000000" if code.code != "000000" else "000001"
    with procedure.at() as work:
        signed = authorisation_links.sign(work, actor, owner, other, document_sha256=document.sha256)
        assert isinstance(signed, WrongCode)
        with pytest.raises(authorisation_links.UnknownLink):
            authorisation_links.sign(work, actor, owner, other, document_sha256="0" * 64)
        with pytest.raises(authorisation_links.UnknownLink):
            authorisation_links.owner_of(work, token + "x")
    assert [word for word in words(procedure, loan) if word[0] == "joint_borrower"] == []


def test_a_borrower_does_not_agree_for_a_co_signer_by_his_own_telephone(procedure: Procedure) -> None:
    person: dict[str, Any] = {"id_number": id_number(date(2004, 3, 2), 611)}
    procedure.verify(procedure.apply("student", **person, mobile="19900000611"))
    # He applies again from another number and gives the one that is on record as the co-signer's.
    again = person | {"mobile": "19900000612", "term": 72}
    loan = procedure.apply("student", **PARENT | again | {"joint_borrower_mobile": "19900000611"})
    token = link_of(procedure, loan)
    with procedure.at() as work:
        owner = authorisation_links.owner_of(work, token)
        actor = authorisation_links.actor_of(owner, None)
        with pytest.raises(SharedMobile):
            authorisation_links.request_code(work, actor, owner, registers=True, sensitive=False)


def test_a_link_ends_with_its_loan_and_few_are_sent_a_day(procedure: Procedure) -> None:
    loan = procedure.apply("student", **PARENT)
    token = link_of(procedure, loan)
    with procedure.at() as work:
        parent = party_of(work, loan, PartyRole.JOINT_BORROWER)
        for _ in range(2):
            authorisation_links.ask(work, AGENT, work.loans.get(loan), parent)
        with pytest.raises(TooManyCodes):
            authorisation_links.ask(work, AGENT, work.loans.get(loan), parent)
        with pytest.raises(UnknownSigner):
            authorisation_links.ask(work, AGENT, work.loans.get(loan), work.customers.borrower(loan).id)
        with pytest.raises(NotAllowed):
            authorisation_links.ask(work, FINANCE, work.loans.get(loan), parent)
        _move(work, loan, Stage.WITHDRAWN)
        with pytest.raises(authorisation_links.UnknownLink):
            authorisation_links.owner_of(work, token)
        with pytest.raises(WrongStage):
            authorisation_links.ask(work, AGENT, work.loans.get(loan), parent)


def test_the_secret_of_a_link_is_forgotten_once_it_is_sent(procedure: Procedure) -> None:
    loan = procedure.apply("student", **PARENT)
    token = link_of(procedure, loan)
    with procedure.at() as work:
        request = work.authorisations.request(hashlib.sha256(token.encode()).hexdigest())
        assert request is not None
        work.authorisations.forget_link(request.id, work.now)
    with procedure.at() as work:
        assert work.authorisations.unsent([request.id]) == {}
        assert authorisation_links.owner_of(work, token).name == "joint_borrower"
        contacts = work.customers.contacts(loan)
    assert not any(token in contact.text for contact in contacts)


def test_what_is_taken_back_is_not_used_any_more(procedure: Procedure) -> None:
    loan = procedure.apply()
    him = procedure.borrower_of(loan)
    with procedure.at() as work:
        mine = work.customers.borrower(loan).id
        take_back(work, him, work.loans.get(loan), mine, REGISTERS)
        assert may_use(work, loan, "card")
        with pytest.raises(NotAuthorised):
            verification.question(work, loan, "identity")
        with pytest.raises(NothingToTakeBack):
            take_back(work, him, work.loans.get(loan), mine, REGISTERS)
        take_back(work, him, work.loans.get(loan), mine, SENSITIVE)
        assert work.accounts.questions([mine]) == {}
    with procedure.at() as work:
        give(work, him, work.loans.get(loan), mine, sensitive=True)
        assert verification.question(work, loan, "identity").name
    assert words(procedure, loan)[2:] == [
        ("borrower", REGISTERS, False, AuthorisationMethod.SIGNED_IN),
        ("borrower", SENSITIVE, False, AuthorisationMethod.SIGNED_IN),
        ("borrower", REGISTERS, True, AuthorisationMethod.SIGNED_IN),
        ("borrower", SENSITIVE, True, AuthorisationMethod.SIGNED_IN),
    ]
    assert procedure.acts(loan).count("authorisation_taken_back") == 2


def test_nobody_speaks_for_another_person(procedure: Procedure) -> None:
    loan = procedure.apply("student", **PARENT)
    stranger = Actor("c" * 32, Role.BORROWER, "c" * 32)
    with procedure.at() as work:
        row, parent = work.loans.get(loan), party_of(work, loan, PartyRole.JOINT_BORROWER)
        borrower = work.customers.borrower(loan).id
        for actor, party, refusal in (
            (stranger, borrower, NotAllowed),
            (FINANCE, borrower, NotAllowed),
            (procedure.borrower_of(loan), parent, NotAllowed),
            (AGENT, "f" * 32, UnknownSigner),
        ):
            _refuses(work, actor, row, party, refusal)
        _move(work, loan, Stage.EXPIRED)
        _refuses(work, AGENT, row, borrower, WrongStage)


def _refuses(work: UnitOfWork, actor: Actor, loan: Loan, party: str, refusal: type[LendingError]) -> None:
    with pytest.raises(refusal):
        give(work, actor, loan, party, sensitive=True)
    with pytest.raises(refusal):
        take_back(work, actor, loan, party, REGISTERS)


def _move(work: UnitOfWork, loan: str, stage: Stage) -> None:
    found = work.loans.get(loan)
    found.stage = stage
    work.session.add(found)
    work.session.flush()


@pytest.mark.parametrize("verb", ["UPDATE authorisation SET granted = true", "DELETE FROM authorisation"])
def test_the_database_keeps_every_word_as_it_was(procedure: Procedure, verb: str) -> None:
    procedure.apply()
    with pytest.raises(DBAPIError, match="insert-only"), procedure.at() as work:
        work.session.connection().execute(text(verb))


# -- who authorises later ----------------------------------------------------------------------------------------------


def verify(procedure: Procedure, loan: str) -> None:
    """Answers of the borrower's registers, and none of his co-signer's."""
    procedure.verify(loan)
    with procedure.at() as work:
        verification.store_miss(work, loan, "identity@joint_borrower", 1, Verdict.NOT_AUTHORISED)


def test_a_case_goes_on_without_a_co_signer_and_asks_once_he_agrees(procedure: Procedure) -> None:
    loan = procedure.apply("student", **PARENT)
    verify(procedure, loan)
    left_out = ("identity@joint_borrower",)
    procedure.act(grade, VerificationOrder(**procedure.order(loan), unanswered=left_out))
    with procedure.books.read() as work:
        facts: dict[str, Any] = work.policies.grading(loan).facts  # type: ignore[union-attr]  # graded just now
        assert (facts["co_signer_known"], facts["co_signer_matches"]) == (False, False)
    assert procedure.loan(loan).stage is Stage.APPROVAL
    first = procedure.task(loan, TaskKind.APPROVAL)

    with procedure.at() as work:
        assert verification.verify_again(work, loan) == verification.LateWord(look_again=False, is_done=True)
    sign(procedure, link_of(procedure, loan))
    with procedure.at() as work:
        assert [row.topic for row in outbox(work) if row.topic is Topic.VERIFY_AGAIN] == [Topic.VERIFY_AGAIN]
        assert verification.verify_again(work, loan) == verification.LateWord(look_again=True, is_done=False)
    assert procedure.loan(loan).stage is Stage.VERIFICATION
    assert procedure.open_tasks(loan).count(TaskKind.APPROVAL) == 0
    with procedure.at() as work:
        # The workflow may not have heard of it; once its next round is under way it has.
        assert verification.verify_again(work, loan) == verification.LateWord(look_again=True, is_done=False)
        _, asked = verification.look_up(work, loan, "identity@joint_borrower", 2, procedure.day)
        verification.store_answer(
            work, loan, "identity@joint_borrower", 2, Verdict.PASSED, "r", {"result": "match"}, asked.index
        )
        assert verification.verify_again(work, loan) == verification.LateWord(look_again=False, is_done=False)
    procedure.act(grade, VerificationOrder(**procedure.order(loan, round=2)))
    with procedure.at() as work:
        assert verification.verify_again(work, loan) == verification.LateWord(look_again=False, is_done=True)
        facts = work.policies.grading(loan).facts  # type: ignore[union-attr]  # graded just now
        assert (facts["co_signer_known"], facts["co_signer_matches"]) == (True, True)
    assert procedure.task(loan, TaskKind.APPROVAL).id != first.id


def test_every_person_is_shown_with_his_newest_word(procedure: Procedure) -> None:
    loan = procedure.apply("student", **PARENT)
    with procedure.books.read() as work:
        found = {one.name: (one.is_authorised, one.agrees(SENSITIVE)) for one in words_of(work, loan)}
    assert found == {"borrower": (True, True), "joint_borrower": (False, False)}
