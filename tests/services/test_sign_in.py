"""Sign-ins that somebody else meddles with: at the same moment, with the same password, or by writing in the books."""

from datetime import timedelta

import pyotp
import pytest
from sqlalchemy import text

from books.customers import blind_index
from books.session import Books
from models.sign_in import SessionState, SignInCode, WebSession
from models.staff import Role
from services.audit import SYSTEM
from services.passwords import hashed
from services.sign_in import (
    Origin,
    SignInRefused,
    authenticator_secret,
    choose_password,
    enrol,
    enter_with_password,
    kept_hash,
    session_of,
)
from services.sign_in_codes import SignInCodeRefused, ask_for_code, enter_code
from services.staff import add_person, disable, give_password
from tests.services.procedure import Procedure

SOMEBODY = "agent-neu"
HERE = Origin("10.0.0.1")
PASSWORD_HASH = hashed("vier Pferde ziehen einen Wagen")
VICTIMS, THIEFS = "19911110001", "19911110002"
BROWSER = "d" * 64


def employed(books: Books) -> None:
    """Somebody with a password of his own and no authenticator."""
    with books.begin() as work:
        add_person(work, SYSTEM, SOMEBODY, "新同事", Role.AGENT)
        credential = work.sign_in.credential(SOMEBODY)
        assert credential is not None
        credential.password_hash, credential.must_change, credential.valid_until = PASSWORD_HASH, False, None


def entered(books: Books) -> WebSession:
    with books.begin() as work:
        given, _ = enter_with_password(work, SOMEBODY, PASSWORD_HASH, HERE)
        found = session_of(work, given)
    assert found is not None
    return found[0]


def opened(books: Books) -> WebSession:
    """A session that is open though no authenticator is enrolled, as one from the identity provider."""
    held = entered(books)
    with books.begin() as work:
        work.session.get_one(WebSession, held.id).state = SessionState.OPEN
    return held


def ended(books: Books, held: WebSession) -> bool:
    with books.read() as work:
        return work.session.get_one(WebSession, held.id).ended_at is not None


def key_for(books: Books, held: WebSession) -> str:
    with books.read() as work:
        return authenticator_secret(work, held)


def enrols(books: Books, held: WebSession, code: str) -> list[str]:
    with books.begin() as work:
        enrolled = enrol(work, held, code, HERE)
    assert enrolled is not None
    return enrolled[1]


def test_once_one_session_has_enrolled_no_other_reads_the_key_or_enrols(books: Books) -> None:
    employed(books)
    owner = entered(books)
    with books.begin() as work:
        # As if both had begun at once, each before the other could end it.
        thief = WebSession(**{**owner.model_dump(), "id": "t" * 32, "digest": "t" * 64})
        work.session.add(thief)
    with books.read() as work:
        thief = work.session.get_one(WebSession, "t" * 32)
    codes = pyotp.TOTP(key_for(books, owner))
    with books.read() as work:
        now = work.now
    assert len(enrols(books, owner, codes.at(now))) == 10

    assert ended(books, thief)
    with books.begin() as work:
        # And as if nobody had ended it: that one is enrolled refuses by itself.
        work.session.get_one(WebSession, thief.id).ended_at = None
    with pytest.raises(SignInRefused):
        key_for(books, thief)
    with pytest.raises(SignInRefused):
        enrols(books, thief, codes.at(now + timedelta(seconds=30)))


def test_who_enrols_is_signed_out_everywhere_else(books: Books) -> None:
    employed(books)
    elsewhere, here = opened(books), entered(books)
    with books.read() as work:
        now = work.now

    enrols(books, here, pyotp.TOTP(key_for(books, here)).at(now))

    assert (ended(books, elsewhere), ended(books, here)) == (True, False)


def test_each_enrolment_has_a_key_of_its_own_and_ends_those_begun_before_alone(books: Books) -> None:
    employed(books)
    elsewhere, first = opened(books), entered(books)
    before = key_for(books, first)

    second = entered(books)

    assert key_for(books, second) != before
    assert [ended(books, one) for one in (elsewhere, first, second)] == [False, True, False]
    with pytest.raises(SignInRefused):
        key_for(books, first)


def test_a_session_that_ended_since_the_request_began_changes_nothing(books: Books) -> None:
    employed(books)
    held = entered(books)
    with books.begin() as work:
        give_password(work, SYSTEM, SOMEBODY)

    with books.begin() as work, pytest.raises(SignInRefused):
        choose_password(work, held, PASSWORD_HASH, HERE)


@pytest.mark.parametrize("meanwhile", [give_password, disable])
def test_a_password_that_was_right_a_moment_ago_begins_no_session(books: Books, meanwhile: object) -> None:
    employed(books)
    with books.read() as work:
        checked = kept_hash(work, SOMEBODY)
    assert callable(meanwhile)
    with books.begin() as work:
        meanwhile(work, SYSTEM, SOMEBODY)

    with pytest.raises(SignInRefused), books.begin() as work:
        enter_with_password(work, SOMEBODY, checked, HERE)
    with books.read() as work:
        assert work.sign_in.sessions_of(SOMEBODY, None, work.now) == []


def customer_of(procedure: Procedure, mobile: str) -> str:
    number = procedure.apply(mobile=mobile)
    procedure.verify(number)
    with procedure.books.read() as work:
        return work.loans.get(number).customer_id


def write(books: Books, statement: str, **values: str) -> None:
    with books.engine.begin() as connection:
        connection.execute(text(statement), values)


def asked(books: Books, mobile: str) -> SignInCode:
    with books.begin() as work:
        ask_for_code(work, BROWSER, mobile, HERE)
        code = work.sign_in.newest_code(BROWSER)
    assert code is not None
    return code


def enters(books: Books, digits: str | None, id_end: str = "") -> object:
    with books.begin() as work:
        return enter_code(work, BROWSER, digits or "", id_end, HERE)


def test_a_code_signs_in_nobody_who_was_given_anothers_digest(procedure: Procedure) -> None:
    books = procedure.books
    thief, victim = customer_of(procedure, THIEFS), customer_of(procedure, VICTIMS)
    with books.read() as work:
        held = work.customers.get(victim)
        assert held is not None
        id_end = held.id_number[-4:]
    code = asked(books, THIEFS)
    write(books, "UPDATE customer SET mobile_index = :index WHERE id = :id", index=blind_index(THIEFS), id=victim)
    write(books, "UPDATE customer SET mobile_index = 'x' WHERE id = :id", id=thief)

    assert isinstance(enters(books, code.code), SignInCodeRefused)
    assert isinstance(enters(books, code.code, id_end), SignInCodeRefused)


def test_a_code_for_one_mobile_opens_no_other_and_goes_to_no_other(procedure: Procedure) -> None:
    books = procedure.books
    thief, victim = customer_of(procedure, THIEFS), customer_of(procedure, VICTIMS)
    code = asked(books, THIEFS)
    with books.read() as work:
        assert work.sign_in.unsent_codes([code.id])[code.id].mobile == THIEFS
    write(books, "UPDATE sign_in_code SET mobile_index = :index", index=blind_index(VICTIMS))
    assert isinstance(enters(books, code.code), SignInCodeRefused)

    write(books, "UPDATE sign_in_code SET mobile_index = :index", index=blind_index(THIEFS))
    write(books, "UPDATE sign_in_code SET customer_id = :id", id=victim)
    with books.read() as work:
        assert work.sign_in.unsent_codes([code.id]) == {}
    write(books, "UPDATE sign_in_code SET customer_id = :id", id=thief)
    assert isinstance(enters(books, code.code), str)
