"""Signing by SMS code: the right person, the right document, in time, and evidence that nobody can change."""

import hashlib
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlmodel import select

from books.session import Books
from lending.errors import LendingError
from models.customers import PartyRole
from models.documents import Document
from models.messages import BooksOrder
from models.outbox import OutboxRow, Topic
from models.papers import PaperLanguage
from models.signatures import Signature, SignatureMethod
from models.staff import Actor, Role
from services import acceptance
from services.errors import NotAllowed, OfferOver, WrongStage
from services.paper_contents import signers
from services.signing import (
    MOST_CODES_A_DAY,
    PAUSE,
    AlreadySigned,
    CodeExpired,
    ContractNotReady,
    OtherDocument,
    SharedMobile,
    TooManyCodes,
    TooManyTries,
    UnknownParty,
    WrongCode,
    all_signed,
    contract_to_sign,
    missing_signatures,
    request_code,
    sign,
)
from services.text_codes import HIDDEN, MOST_TRIES, VALID_FOR
from tests.services.papers import JOINT, contract, offer_anew
from tests.services.procedure import AGENT, AUDITOR, FINANCE, INTEGRATOR, Procedure

START = datetime(2026, 1, 5, 2, tzinfo=UTC)
READER = Actor(INTEGRATOR.id, Role.INTEGRATOR, address="192.0.2.7", request_id="r")


class Desk:
    """One loan whose contract is to be signed; minutes go by as the test says."""

    def __init__(self, procedure: Procedure, product: str = "micro", **changes: object) -> None:
        self.procedure = procedure
        self.loan = procedure.offered(product, **changes)
        self.contract = contract(procedure, self.loan)
        self.now = START

    def wait(self, span: timedelta) -> None:
        """Time goes by."""
        self.now += span

    def party(self, role: PartyRole = PartyRole.BORROWER) -> str:
        """The id of a party."""
        with self.procedure.books.read() as work:
            (found,) = [one for one in work.customers.parties(self.loan) if one.role is role]
        return found.id

    def ask(self, role: PartyRole = PartyRole.BORROWER, actor: Actor = READER) -> str:
        """Asks for a code and gives it, as it would arrive."""
        party = self.party(role)
        with self.procedure.books.begin(self.now) as work:
            code = request_code(work, actor, work.loans.get(self.loan), party).code
        assert code is not None
        return code

    def sign(
        self, digits: str, role: PartyRole = PartyRole.BORROWER, *, actor: Actor = READER, sha256: str | None = None
    ) -> Signature | WrongCode:
        """Enters a code."""
        party = self.party(role)
        with self.procedure.books.begin(self.now) as work:
            return sign(
                work,
                actor,
                work.loans.get(self.loan),
                party,
                digits,
                document_sha256=sha256 or self.contract.sha256,
                user_agent="a browser",
            )

    def missing(self) -> list[PartyRole]:
        """Who has not signed."""
        with self.procedure.books.read() as work:
            return [one.role for one in missing_signatures(work, work.loans.get(self.loan))]

    def done(self) -> bool:
        """Whether all have signed."""
        with self.procedure.books.read() as work:
            return all_signed(work, work.loans.get(self.loan))

    def signatures(self) -> list[Signature]:
        """What is kept."""
        with self.procedure.books.read() as work:
            return work.signatures.of_loan(self.loan)


def other(digits: str) -> str:
    """A code of the same form that is not this one."""
    return f"{(int(digits) + 1) % 1_000_000:06d}"


@pytest.fixture
def desk(procedure: Procedure) -> Desk:
    """A microloan at acceptance, with its contract."""
    return Desk(procedure)


def test_a_signature_keeps_all_that_a_court_asks_for(desk: Desk) -> None:
    assert (desk.missing(), desk.done()) == ([PartyRole.BORROWER], False)
    code = desk.ask()
    asked_at = desk.now
    desk.wait(timedelta(minutes=2))
    signature = desk.sign(code)
    assert isinstance(signature, Signature)
    (kept,) = desk.signatures()
    assert kept.party_id == desk.party()
    assert (kept.document_id, kept.document_sha256) == (desk.contract.id, desk.contract.sha256)
    assert hashlib.sha256(desk.contract.content).hexdigest() == kept.document_sha256
    assert (kept.terms_version, kept.method, kept.tries) == (1, SignatureMethod.SMS_CODE, 1)
    assert (kept.code_sent_at, kept.code_confirmed_at, kept.signed_at) == (asked_at, desk.now, desk.now)
    assert (kept.address, kept.entered_by, kept.entered_as) == ("192.0.2.7", INTEGRATOR.id, Role.INTEGRATOR)
    assert kept.user_agent_sha256 == hashlib.sha256(b"a browser").hexdigest()
    assert code not in kept.code_hash
    assert (desk.missing(), desk.done()) == ([], True)
    assert desk.procedure.acts(desk.loan)[-2:] == ["signing_code_requested", "contract_signed"]


def test_a_code_is_sent_by_sms_and_stands_nowhere_that_staff_can_read(desk: Desk) -> None:
    code = desk.ask()
    assert len(code) == 6
    assert code.isdecimal()
    with desk.procedure.books.read() as work:
        (row,) = [one for one in work.session.exec(select(OutboxRow)) if one.topic is Topic.SIGNING_CODE]
        contact = work.customers.contacts(desk.loan)[0]
        entries = [str(one.model_dump()) for one in work.audit.of_loan(desk.loan)]
    assert HIDDEN in contact.text
    assert code not in contact.text
    assert code not in str(row.payload)
    assert not [one for one in entries if code in one]


def test_everyone_signs_for_himself(procedure: Procedure) -> None:
    desk = Desk(procedure, "student", **JOINT)
    assert desk.missing() == [PartyRole.BORROWER, PartyRole.JOINT_BORROWER]
    borrowers = desk.ask()
    joints = desk.ask(PartyRole.JOINT_BORROWER)
    if borrowers != joints:
        assert isinstance(desk.sign(borrowers, PartyRole.JOINT_BORROWER), WrongCode)
    assert isinstance(desk.sign(borrowers), Signature)
    assert (desk.missing(), desk.done()) == ([PartyRole.JOINT_BORROWER], False)
    assert isinstance(desk.sign(joints, PartyRole.JOINT_BORROWER), Signature)
    assert desk.done()
    with procedure.books.read() as work:
        people = signers(work, work.loans.get(desk.loan))
    assert [one.mobile for one in people] == ["19900000001", JOINT["joint_borrower_mobile"]]


def test_a_wrong_code_signs_nothing_and_its_try_counts(desk: Desk) -> None:
    code = desk.ask()
    refused = desk.sign(other(code))
    assert isinstance(refused, WrongCode)
    assert "4 tries are left" in str(refused)
    assert (desk.signatures(), desk.done()) == ([], False)
    entry = desk.procedure.entries(desk.loan)[-1]
    assert (entry.act, entry.refused, entry.reason) == ("signing_refused", True, "wrong_code")
    assert isinstance(desk.sign(code), Signature)
    assert [one.tries for one in desk.signatures()] == [2]


def test_after_too_many_tries_even_the_right_code_is_refused(desk: Desk) -> None:
    code = desk.ask()
    for _ in range(MOST_TRIES):
        assert isinstance(desk.sign(other(code)), WrongCode)
    with pytest.raises(TooManyTries):
        desk.sign(code)
    desk.wait(PAUSE)
    assert isinstance(desk.sign(desk.ask()), Signature)


def test_a_code_is_good_for_minutes(desk: Desk) -> None:
    code = desk.ask()
    desk.wait(VALID_FOR - timedelta(seconds=1))
    assert isinstance(desk.sign(other(code)), WrongCode)
    desk.wait(timedelta(seconds=1))
    with pytest.raises(CodeExpired):
        desk.sign(code)
    assert desk.signatures() == []


def test_without_a_code_nobody_signs(desk: Desk) -> None:
    with pytest.raises(CodeExpired):
        desk.sign("000000")


def test_a_new_code_voids_the_one_before(desk: Desk) -> None:
    first = desk.ask()
    desk.wait(PAUSE)
    second = desk.ask()
    if first != second:
        assert isinstance(desk.sign(first), WrongCode)
    assert isinstance(desk.sign(second), Signature)


def test_codes_are_not_sent_without_a_pause_nor_without_end(desk: Desk) -> None:
    desk.ask()
    with pytest.raises(TooManyCodes):
        desk.ask()
    for _ in range(MOST_CODES_A_DAY - 1):
        desk.wait(PAUSE)
        desk.ask()
    desk.wait(PAUSE)
    with pytest.raises(TooManyCodes):
        desk.ask()
    desk.wait(timedelta(days=1))
    assert desk.ask()


def amend(desk: Desk) -> Document:
    """Terms of a new decision, as when the approved amount goes down, with their contract."""
    with desk.procedure.books.read() as work:
        first = work.loans.terms(desk.loan)
    assert first is not None
    offer_anew(desk.procedure, desk.loan, {**first.body, "principal": "9000.00"})
    return contract(desk.procedure, desk.loan)


def test_a_signature_under_another_version_does_not_count(desk: Desk) -> None:
    assert isinstance(desk.sign(desk.ask()), Signature)
    assert desk.done()
    newer = amend(desk)
    assert newer.terms_version == 2
    assert (desk.missing(), desk.done()) == ([PartyRole.BORROWER], False)
    desk.wait(PAUSE)
    code = desk.ask()
    with pytest.raises(OtherDocument):
        desk.sign(code)
    assert isinstance(desk.sign(code, sha256=newer.sha256), Signature)
    assert desk.done()
    assert [one.terms_version for one in desk.signatures()] == [1, 2]


def test_a_code_for_the_contract_before_does_not_sign_the_new_one(desk: Desk) -> None:
    code = desk.ask()
    newer = amend(desk)
    for sha256 in (desk.contract.sha256, newer.sha256):
        with pytest.raises(OtherDocument):
            desk.sign(code, sha256=sha256)
    assert desk.signatures() == []


def test_the_translation_is_not_what_is_signed(desk: Desk) -> None:
    english = contract(desk.procedure, desk.loan, PaperLanguage.ENGLISH)
    with desk.procedure.books.read() as work:
        to_sign = contract_to_sign(work, work.loans.get(desk.loan))
    assert to_sign is not None
    assert to_sign.id == desk.contract.id
    with pytest.raises(OtherDocument):
        desk.sign(desk.ask(), sha256=english.sha256)


def test_a_contract_that_was_touched_is_signed_by_nobody(desk: Desk) -> None:
    assert isinstance(desk.sign(desk.ask()), Signature)
    with desk.procedure.at() as work:
        document = work.documents.get(desk.contract.id)
        assert document is not None
        document.content = document.content.replace(b"%PDF-1.7", b"%PDF-1.6", 1)
        work.session.add(document)
    assert (desk.missing(), desk.done()) == ([PartyRole.BORROWER], False)


def test_a_party_of_another_loan_signs_nothing_here(procedure: Procedure, desk: Desk) -> None:
    another = Desk(procedure)
    for stranger in (another.party(), "0" * 32):
        with procedure.books.begin(desk.now) as work, pytest.raises(UnknownParty):
            request_code(work, READER, work.loans.get(desk.loan), stranger)
        with procedure.books.begin(desk.now) as work, pytest.raises(UnknownParty):
            sign(
                work,
                READER,
                work.loans.get(desk.loan),
                stranger,
                "000000",
                document_sha256=desk.contract.sha256,
            )


def test_a_payee_has_nothing_to_sign(procedure: Procedure) -> None:
    desk = Desk(procedure, "auto")
    with procedure.books.read() as work:
        payee = work.customers.payees(desk.loan)[0].id
    with procedure.books.begin(desk.now) as work, pytest.raises(UnknownParty):
        request_code(work, READER, work.loans.get(desk.loan), payee)


def test_who_has_signed_is_asked_for_no_second_code_and_a_repeat_changes_nothing(desk: Desk) -> None:
    code = desk.ask()
    first = desk.sign(code)
    again = desk.sign(code)
    assert isinstance(first, Signature)
    assert isinstance(again, Signature)
    assert first.id == again.id
    desk.wait(PAUSE)
    with pytest.raises(AlreadySigned):
        desk.ask()


def test_two_who_sign_have_two_mobiles(procedure: Procedure) -> None:
    """Who reads both codes could sign for both: the law asks for a signature that is the signer's alone."""
    desk = Desk(procedure, "student", **JOINT)
    with procedure.books.begin() as work:
        customer = work.customers.get(work.loans.get(desk.loan).customer_id)
        assert customer is not None
        customer.mobile = JOINT["joint_borrower_mobile"]
        work.session.add(customer)
    for role in (PartyRole.BORROWER, PartyRole.JOINT_BORROWER):
        with pytest.raises(SharedMobile):
            desk.ask(role)


def test_nothing_is_signed_before_the_contract_is_there(procedure: Procedure) -> None:
    loan = procedure.offered()
    with procedure.books.begin(START) as work:
        (person,) = signers(work, work.loans.get(loan))
        with pytest.raises(ContractNotReady):
            request_code(work, READER, work.loans.get(loan), person.party.id)
        assert not all_signed(work, work.loans.get(loan))


@pytest.mark.parametrize("actor", [AUDITOR, FINANCE], ids=lambda actor: actor.role)
def test_only_the_borrower_and_who_speaks_for_him_sign(desk: Desk, actor: Actor) -> None:
    with pytest.raises(NotAllowed):
        desk.ask(actor=actor)
    with pytest.raises(NotAllowed):
        desk.sign("000000", actor=actor)


def test_the_borrower_signs_himself(desk: Desk) -> None:
    borrower = desk.procedure.borrower_of(desk.loan)
    assert isinstance(desk.sign(desk.ask(actor=borrower), actor=borrower), Signature)
    assert [one.entered_by for one in desk.signatures()] == [borrower.id]


def test_an_offer_that_is_taken_or_gone_is_not_signed(desk: Desk) -> None:
    code = desk.ask()
    desk.procedure.act(acceptance.expire_offer, BooksOrder(**desk.procedure.order(desk.loan)))
    for act in (lambda: desk.ask(actor=AGENT), lambda: desk.sign(code)):
        with pytest.raises(WrongStage):
            act()


def test_after_its_last_day_nobody_signs_an_offer_even_if_nobody_closed_it(desk: Desk) -> None:
    after = desk.procedure.books.clock.opens_at(desk.procedure.day + timedelta(days=15))
    desk.now = after - timedelta(minutes=1)
    code = desk.ask()
    desk.now = after
    for act in (lambda: desk.ask(actor=AGENT), lambda: desk.sign(code)):
        with pytest.raises(OfferOver, match="was open until 2026-01-19"):
            act()
    assert desk.signatures() == []


def test_evidence_can_be_neither_changed_nor_removed(books: Books, desk: Desk) -> None:
    desk.sign(desk.ask())
    statements = ["UPDATE signature SET address = 'x'", "DELETE FROM signature"]
    if not books.is_sqlite:
        statements.append("TRUNCATE signature CASCADE")
    for statement in statements:
        with pytest.raises(DBAPIError, match="insert-only"), books.engine.begin() as connection:
            connection.execute(text(statement))
    assert len(desk.signatures()) == 1


@pytest.mark.parametrize("wrong", ["document_sha256", "loan", "party_id"])
def test_the_database_takes_no_signature_that_does_not_fit_its_document(desk: Desk, wrong: str) -> None:
    another = Desk(desk.procedure)
    desk.sign(desk.ask())
    another.ask()
    (good,) = desk.signatures()
    with desk.procedure.books.read() as work:
        code = work.signatures.newest_code(another.party())
    assert code is not None
    forged = {"document_sha256": "0" * 64, "loan": desk.loan, "party_id": desk.party()}
    values = good.model_dump() | {
        "id": "f" * 32,
        "signing_code_id": code.id,
        "loan": another.loan,
        "party_id": another.party(),
        "document_id": another.contract.id,
        "document_sha256": another.contract.sha256,
    }
    with pytest.raises(DBAPIError, match="does not fit"), desk.procedure.books.begin() as work:
        work.write(Signature(**values | {wrong: forged[wrong]}))
    with desk.procedure.books.begin() as work:
        work.write(Signature(**values))


def test_refusals_name_a_code_and_a_status() -> None:
    statuses: dict[type[LendingError], int] = {
        CodeExpired: 409,
        TooManyTries: 409,
        WrongCode: 409,
        OtherDocument: 409,
        UnknownParty: 404,
        TooManyCodes: 429,
    }
    assert {one: one.http_status for one in statuses} == statuses
    assert len({one.code for one in statuses}) == len(statuses)
