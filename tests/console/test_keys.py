"""Keys from the operator's command: how they stand, a rotation, new digests, an erasure."""

import getpass
import socket
from collections.abc import Iterator
from io import StringIO

import pytest
from rich.console import Console
from rich.progress import Progress, TaskID
from sqlalchemy import text

from books.at_work import alone
from books.session import Books, UnitOfWork
from console import keys
from console.ring import hold_index_keys
from console.seed import load_products
from models.columns import ERASED
from models.sealing import KeyRing, set_keys
from services import data_keys
from settings import Settings
from tests.console.running import loanwright
from tests.servers.shared import free_port
from tests.services.procedure import Procedure
from tests.services.test_erasure import settled

DEMO = "demo:bG9hbndyaWdodCBkZW1vbnN0cmF0aW9uIGtleSAwMDE="
NEW = "new:bG9hbndyaWdodCBkZW1vbnN0cmF0aW9uIGtleSAwMDI="
FIRST_INDEX_KEY = "loanwright-blind-index"
INDEX_KEYS = f"a second key of the digests,{FIRST_INDEX_KEY}"


@pytest.fixture
def procedure(books: Books) -> Procedure:
    return Procedure(books)


def of(books: Books, **settings: str) -> dict[str, str]:
    return {"LOANWRIGHT_DATABASE_URL": books.url} | {
        f"LOANWRIGHT_{name.upper()}": value for name, value in settings.items()
    }


def test_a_rotation_frees_the_old_key(books: Books, procedure: Procedure) -> None:
    procedure.apply()
    both = of(books, keys=f"{NEW},{DEMO}")
    before = loanwright("keys", "status", environment=both)
    line = next(line for line in before.out.splitlines() if "demo" in line)
    assert [part.strip() for part in line.split("│")[1:3]] == ["demo", "2"]
    done = loanwright("keys", "rotate", environment=both)
    assert (done.code, "the books need no other key than new" in done.err) == (0, True), done.err
    again = loanwright("keys", "rotate", environment=both)
    assert again.code == 0
    after = loanwright("keys", "status", environment=of(books, keys=NEW))
    assert after.code == 0
    assert "demo" not in after.out
    with books.read() as work:
        assert "keys_rotated" in work.session.scalars(text("SELECT act FROM audit_entry")).all()


@pytest.fixture
def newer_key(procedure: Procedure) -> Iterator[None]:
    """A customer, and then a newer key in this process; afterwards it has the others' keys again."""
    procedure.apply()
    set_keys(KeyRing.parse(f"{NEW},{DEMO}"))
    yield
    load_products(Settings())


@pytest.mark.usefixtures("newer_key")
def test_a_rotation_that_is_killed_has_left_word_that_it_began(books: Books, monkeypatch: pytest.MonkeyPatch) -> None:
    def killed(_work: UnitOfWork, _after: str) -> None:
        raise KeyboardInterrupt

    monkeypatch.setitem(data_keys.STEPS, "histories", killed)
    with pytest.raises(KeyboardInterrupt):
        keys.rotate(books)
    with books.read() as work:
        (entry,) = [one for one in work.audit.page() if one.act.startswith("key")]
    assert (entry.act, entry.actor_id) == ("key_rotation_begun", "operator")
    assert entry.after == {"key": "new", "data keys": 2, "documents": 0, "pictures": 0, "histories": 0}


@pytest.mark.usefixtures("newer_key")
def test_the_progress_of_a_rotation_is_shown(books: Books, monkeypatch: pytest.MonkeyPatch) -> None:
    screen = Console(file=StringIO(), force_terminal=True, width=100)
    monkeypatch.setattr(keys, "say", screen)
    monkeypatch.setattr(data_keys, "KEYS_AT_ONCE", 1)
    seen: list[tuple[float, float | None]] = []
    advance = Progress.advance

    def watched(bar: Progress, task: TaskID, by: float = 1) -> None:
        advance(bar, task, by)
        seen.append((bar.tasks[task].completed, bar.tasks[task].total))

    monkeypatch.setattr(Progress, "advance", watched)
    keys.rotate(books)
    assert seen == [(1, 2), (2, 2)]
    assert "data keys" in screen.file.getvalue()  # type: ignore[attr-defined]  # it is a StringIO
    assert "2/2" in screen.file.getvalue()  # type: ignore[attr-defined]


def test_a_rotation_says_who_has_it_run_and_from_where(books: Books, procedure: Procedure) -> None:
    procedure.apply()
    assert loanwright("keys", "rotate", environment=of(books, keys=f"{NEW},{DEMO}")).code == 0
    with books.read() as work:
        found = [(one.act, one.actor_id, one.address) for one in work.audit.page() if one.act.startswith("key")]
    address = f"cli:{getpass.getuser()}@{socket.gethostname()}"[:64]
    assert found == [("key_rotation_begun", "operator", address), ("keys_rotated", "operator", address)]


def test_a_key_that_is_missing_is_named(books: Books, procedure: Procedure) -> None:
    procedure.apply()
    status = loanwright("keys", "status", environment=of(books, keys=NEW))
    assert "MISSING in LOANWRIGHT_KEYS" in status.out
    assert (status.code, "missing in LOANWRIGHT_KEYS: demo" in status.err) == (1, True)
    failed = loanwright("keys", "rotate", environment=of(books, keys=NEW))
    assert failed.code == 1
    assert "the key demo is not among LOANWRIGHT_KEYS" in failed.err
    assert "still needed besides new: demo" in failed.err


def test_a_key_under_the_name_of_another_is_refused_and_nothing_is_taken_over(
    books: Books, procedure: Procedure
) -> None:
    procedure.apply()
    assert loanwright("keys", "rotate", environment=of(books, keys=f"{NEW},{DEMO}")).code == 0
    with books.begin() as work:
        # One that still lies under the old key, as while others work with it.
        key = work.data_keys.held("house")
        assert key is not None
        ring = KeyRing.parse(f"{DEMO},{NEW}")
        opened = ring.open(key.ring_key, key.wrapped or b"", "data_key|wrapped|house")
        key.ring_key, key.wrapped = ring.seal(opened, "data_key|wrapped|house")
        work.session.add(key)
    other = NEW.replace("DI=", "Dk=")

    for command in ("rotate", "status"):
        refused = loanwright("keys", command, environment=of(books, keys=f"{other},{DEMO}"))
        assert refused.code == 1
        assert "the key new in LOANWRIGHT_KEYS is not the one that these books know by this name" in refused.err
    refused = loanwright(
        "serve", "--port", str(free_port()), environment=of(books, keys=f"{other},{DEMO}") | {"LOANWRIGHT_DEMO": "true"}
    )
    assert refused.code == 1
    assert "the key new in LOANWRIGHT_KEYS is not the one" in refused.err

    assert loanwright("keys", "rotate", environment=of(books, keys=f"{NEW},{DEMO}")).code == 0
    status = loanwright("keys", "status", environment=of(books, keys=NEW))
    assert (status.code, "MISSING" in status.out) == (0, False)


def test_digests_follow_a_new_key(books: Books, procedure: Procedure) -> None:
    procedure.apply()
    changed = of(books, index_key=INDEX_KEYS)
    refused = loanwright("serve", "--port", str(free_port()), environment=changed | {"LOANWRIGHT_DEMO": "true"})
    assert refused.code != 0
    done = loanwright("keys", "reindex", environment=changed)
    assert (done.code, "have digests under the newest key" in done.err) == (0, True), done.err
    again = loanwright("keys", "reindex", environment=changed)
    assert "the digests are under the newest key" in again.err
    lost = loanwright("keys", "reindex", environment=of(books))
    assert lost.code == 1
    assert "were made with other keys" in lost.err


def test_digests_wait_until_nobody_works_with_the_books(books: Books, procedure: Procedure) -> None:
    procedure.apply()
    changed = of(books, index_key=INDEX_KEYS)
    at_work = Books(books.url)
    hold_index_keys(at_work)
    with at_work.read() as work:
        assert work.data_keys.index_marks()
    refused = loanwright("keys", "reindex", environment=changed)
    assert (refused.code, "others work with these books" in refused.err) == (1, True), refused.err
    another = Books(books.url)
    hold_index_keys(another)
    another.close()
    at_work.close()
    done = loanwright("keys", "reindex", environment=changed)
    assert (done.code, "have digests under the newest key" in done.err) == (0, True), done.err
    for command in (("keys", "rotate"), ("staff", "list")):
        refused = loanwright(*command, environment=of(books))
        assert (refused.code, "were made with other keys" in refused.err) == (1, True), refused.err


def test_nobody_begins_to_work_with_the_books_while_digests_are_changed(books: Books) -> None:
    with alone(books):
        refused = loanwright("staff", "list", environment=of(books))
    assert (refused.code, "start this again when it has ended" in refused.err) == (1, True), refused.err


def test_an_erasure_is_refused_in_a_sentence_and_recorded(books: Books, procedure: Procedure) -> None:
    loan = procedure.apply()
    with books.read() as work:
        customer = work.loans.get(loan).customer_id
    given = ("erase", customer, "--reason", "the legal period is over", "--actor", "admin-gu", "--second", "risk-qian")
    refused = loanwright(*given, environment=of(books))
    assert (refused.code, refused.err.strip()) == (1, f"loan {loan} is still open")
    with books.read() as work:
        (kept,) = work.session.scalars(text("SELECT reason FROM audit_entry WHERE act = 'customer_erased' AND refused"))
    assert kept == f"not_erasable: loan {loan} is still open"


def test_an_erasure_after_the_legal_period(books: Books, procedure: Procedure) -> None:
    loan = settled(procedure)
    with books.engine.begin() as connection:
        # He came and settled his loan ten years ago and a day.
        connection.execute(text("UPDATE business_day SET anchor_date = '2036-01-06'"))
        connection.execute(text("UPDATE customer SET created_at = '2000-01-01 00:00:00'"))
    with books.read() as work:
        customer = work.loans.get(loan).customer_id
    given = ("erase", customer, "--reason", "the legal period is over", "--actor", "admin-gu", "--second", "risk-qian")
    done = loanwright(*given, environment=of(books))
    assert (done.code, done.err.strip()) == (
        0,
        f"the personal data of customer {customer} is gone; 1 loans stay without it",
    )
    fresh = Books(books.url)
    with fresh.read() as work:
        found = work.customers.get(customer)
        assert found is not None
        assert found.name is ERASED
    fresh.close()
