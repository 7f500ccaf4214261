"""Codes of an authenticator and recovery codes."""

from datetime import UTC, datetime, timedelta

import pytest

from books.session import Books
from models.sign_in import StaffCredential
from services.second_factor import enrolment_uri, is_code, new_recovery_codes, new_secret, use_recovery_code

# RFC 6238, appendix B: this secret, and the last six of the eight digits there.
SECRET = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"
VECTORS = [
    (59, "287082"),
    (1111111109, "081804"),
    (1111111111, "050471"),
    (1234567890, "005924"),
    (2000000000, "279037"),
]


def credential(secret: str | None = SECRET) -> StaffCredential:
    return StaffCredential(
        staff_id="agent-lin", password_hash="", set_at=datetime.now(UTC), totp_secret=secret, totp_last_step=0
    )


def at(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)


@pytest.mark.parametrize(("seconds", "code"), VECTORS)
def test_codes_are_those_of_the_standard(seconds: int, code: str) -> None:
    assert is_code(credential(), code, at(seconds))


@pytest.mark.parametrize(("off", "good"), [(-60, False), (-30, True), (30, True), (60, False)])
def test_a_clock_may_be_half_a_minute_off(off: int, good: bool) -> None:
    assert is_code(credential(), "005924", at(1234567890 + off)) is good


def test_a_code_works_once_and_those_before_it_no_more() -> None:
    held = credential()
    assert is_code(held, "005924", at(1234567890))

    assert not is_code(held, "005924", at(1234567890))
    earlier = credential()
    earlier.totp_last_step = 1234567890 // 30 + 1
    assert not is_code(earlier, "005924", at(1234567890))


@pytest.mark.parametrize("code", ["", "5924", "00592", "0059245", "٠٠٥٩٢٤", "00592x"])
def test_what_is_no_code_is_refused(code: str) -> None:
    assert not is_code(credential(), code, at(1234567890))


def test_without_an_authenticator_no_code_is_right() -> None:
    assert not is_code(credential(None), "005924", at(1234567890))


def test_what_an_authenticator_reads_names_us_and_the_account() -> None:
    assert enrolment_uri(SECRET, "agent-lin") == (
        f"otpauth://totp/Loanwright:agent-lin?secret={SECRET}&issuer=Loanwright"
    )
    assert len(new_secret()) == 32


def test_a_recovery_code_works_once_and_only_for_its_owner(books: Books) -> None:
    with books.begin() as work:
        codes = new_recovery_codes(work, "agent-lin")
        assert len(set(codes)) == 10
        assert not use_recovery_code(work, "agent-he", codes[0])
        assert use_recovery_code(work, "agent-lin", codes[0].lower().replace("-", " "))
        assert not use_recovery_code(work, "agent-lin", codes[0])
        assert work.sign_in.recovery_codes_left("agent-lin") == 9


def test_new_recovery_codes_take_the_place_of_the_old_ones(books: Books) -> None:
    with books.begin() as work:
        before = new_recovery_codes(work, "agent-lin")
    with books.begin() as work:
        after = new_recovery_codes(work, "agent-lin")
        assert not use_recovery_code(work, "agent-lin", before[0])
        assert use_recovery_code(work, "agent-lin", after[0])


def test_the_secret_of_an_authenticator_lies_sealed(books: Books) -> None:
    with books.begin() as work:
        work.session.add(credential())
    with books.engine.connect() as connection:
        kept = connection.exec_driver_sql("SELECT totp_secret FROM staff_credential").scalar_one()
    assert SECRET not in kept
    with books.begin(at(1234567890) + timedelta()) as work:
        held = work.sign_in.credential("agent-lin")
        assert held is not None
        assert is_code(held, "005924", work.now)
