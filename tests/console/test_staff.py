"""`loanwright staff` and `loanwright clients`: who works here, and which machines."""

from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from books.schema import migrate
from books.session import Books
from console.seed import seed
from lending.calendar import BusinessClock
from models.sign_in import StaffCredential
from services.sign_in_machines import Token, issue_token
from settings import Settings
from tests.console.running import Ended, loanwright


@pytest.fixture
def books(tmp_path: Path) -> Iterator[Books]:
    """Seeded books."""
    settings = Settings(database_url=f"sqlite:///{tmp_path / 'loanwright.db'}")
    migrate(settings.database_url)
    books = Books(settings.database_url)
    books.set_clock(BusinessClock(3600, datetime.now(UTC), date(2026, 11, 20)))
    seed(books, settings)
    yield books
    books.close()


def run(books: Books, *arguments: str) -> Ended:
    return loanwright(*arguments, "--data-dir", str(Path(books.url.removeprefix("sqlite:///")).parent))


def acts(books: Books, subject: str) -> list[tuple[str, str, bool]]:
    with books.read() as work:
        return [(one.act, one.actor_id, one.refused) for one in work.audit.page() if one.subject == subject]


def test_a_person_is_added_gets_another_password_and_is_disabled(books: Books) -> None:
    added = run(books, "staff", "add", "risk-neu", "--name", "新同事", "--role", "risk")
    assert added.code == 0, added.err
    assert len(added.out.strip()) == 16
    again = run(books, "staff", "password", "risk-neu", "--new-authenticator", "--actor", "admin-gu")
    assert again.code == 0, again.err
    assert again.out != added.out
    assert run(books, "staff", "sign-out", "risk-neu", "--actor", "admin-gu").code == 0
    assert run(books, "staff", "disable", "risk-neu", "--actor", "admin-gu").code == 0

    listed = run(books, "staff", "list")
    assert [line.split("│")[1:3] for line in listed.out.splitlines() if "risk-neu" in line]
    assert "新同事" not in listed.out
    with books.read() as work:
        person = work.staff.get("risk-neu")
        assert person is not None
        assert (person.name, person.active) == ("新同事", False)
        assert work.session.get(StaffCredential, "risk-neu") is not None
    assert acts(books, "risk-neu") == [
        ("staff_added", "operator", False),
        ("password_given", "admin-gu", False),
        ("sessions_ended", "admin-gu", False),
        ("staff_disabled", "admin-gu", False),
    ]
    assert run(books, "staff", "enable", "risk-neu").code == 0


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("add", "Risk Neu", "--name", "x", "--role", "risk"), "small letters"),
        (("add", "risk-qian", "--name", "x", "--role", "risk"), "somebody's id already"),
        (("add", "risk-neu", "--name", " ", "--role", "risk"), "a name is needed"),
        (("add", "risk-neu", "--name", "x", "--role", "borrower"), "one of the roles"),
        (("add", "risk-neu", "--name", "x", "--role", "agent", "--manager", "risk-qian"), "not the id of a manager"),
        (("password", "nobody-here"), "nobody has the id"),
        (("password", "integrator-demo"), "does not sign in with a password"),
        (("disable", "nobody-here"), "nobody has the id"),
        (("disable", "agent-lin", "--actor", "risk-qian"), "risk"),
        (("disable", "agent-lin", "--actor", "nobody-here"), "nobody with the id"),
    ],
)
def test_what_cannot_be_is_said_in_a_sentence(books: Books, arguments: tuple[str, ...], said: str) -> None:
    ended = run(books, "staff", *arguments)

    assert (ended.code, ended.out) == (1, "")
    assert said in ended.err
    with books.read() as work:
        assert len(work.staff.all()) == 12
        assert all(one.active for one in work.staff.all())


def test_a_machine_gets_an_account_and_new_secrets(books: Books) -> None:
    scopes = ("--scope", "applications", "--scope", "loans:read")
    added = run(books, "clients", "add", "dealer-system", "--name", "经销商系统", *scopes)
    assert added.code == 0, added.err
    rotated = run(books, "clients", "rotate", "dealer-system")
    assert rotated.code == 0, rotated.err

    def is_good(ended: Ended) -> bool:
        with books.begin() as work:
            return isinstance(issue_token(work, "dealer-system", ended.out.strip(), None, None), Token)

    assert [is_good(added), is_good(rotated)] == [True, True]
    third = run(books, "clients", "rotate", "dealer-system")
    assert (third.code, "two secrets" in third.err) == (1, True)
    leaked = run(books, "clients", "rotate", "dealer-system", "--overlap-hours", "0")
    assert [is_good(one) for one in (added, rotated, leaked)] == [False, False, True]
    assert run(books, "clients", "disable", "dealer-system").code == 0
    assert not is_good(leaked)
    enabled = run(books, "clients", "enable", "dealer-system")
    assert (enabled.code, "loanwright clients rotate dealer-system" in " ".join(enabled.err.split())) == (0, True)
    assert [is_good(one) for one in (added, rotated, leaked)] == [False, False, False]
    assert run(books, "clients", "rotate", "risk-qian").code == 1
