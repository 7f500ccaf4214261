"""What the operator gets wrong is answered with a sentence on standard error, and nothing is created."""

import socket
import time
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest

from books.session import Books
from console.connections import open_books
from console.processes import NotReady
from settings import InvalidSetting, Settings, settings
from tests.books.migrated import migrated_file
from tests.console.running import Ended, loanwright
from tests.crash.mortal import lasting_port
from tests.servers.shared import SharedServers


def refused(*arguments: str, **environment: str) -> str:
    """The sentence that a command is refused with."""
    ended: Ended = loanwright(*arguments, environment=environment)
    assert (ended.code in {1, 2}, ended.out) == (True, ""), ended
    assert "Traceback" not in ended.err
    return ended.err


@pytest.fixture
def books(servers: SharedServers, tmp_path: Path) -> str:
    return migrated_file(servers, tmp_path)


@pytest.fixture
def busy() -> Iterator[int]:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        yield taken.getsockname()[1]


@pytest.mark.parametrize("port", ["99999", "65535", "-1", "0", "http"])
@pytest.mark.parametrize("command", ["up", "demo"])
def test_a_port_that_cannot_be_is_refused(tmp_path: Path, command: str, port: str) -> None:
    assert "--port" in refused(command, "--port", port, "--data-dir", str(tmp_path / "new"))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("seconds", ["nan", "inf", "0", "a day"])
def test_a_length_of_the_day_that_cannot_be_is_refused(tmp_path: Path, seconds: str) -> None:
    assert "--day-seconds" in refused("up", "--day-seconds", seconds, "--data-dir", str(tmp_path / "new"))
    assert list(tmp_path.iterdir()) == []


def test_a_file_in_place_of_the_data_folder_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.touch()
    assert "is a file" in refused("up", "--data-dir", str(file))
    assert "--data-dir" in refused("up", "--data-dir", str(file / "below"))
    assert list(tmp_path.iterdir()) == [file]


def test_a_busy_port_is_refused_by_its_number(books: str, busy: int) -> None:
    said = refused("serve", "--port", str(busy), LOANWRIGHT_DATABASE_URL=books)
    assert f"127.0.0.1:{busy}" in said
    free = str(lasting_port())
    assert f":{busy}" in refused("serve", "--port", free, "--inner-port", str(busy), LOANWRIGHT_DATABASE_URL=books)


@pytest.mark.parametrize("command", [("audit", "books"), ("audit", "stages"), ("rebuild",), ("import", __file__)])
def test_without_books_nothing_is_looked_at_and_none_are_made(tmp_path: Path, command: tuple[str, ...]) -> None:
    url = f"sqlite:///{tmp_path / 'folder' / 'books.db'}"
    said = refused(*command, LOANWRIGHT_DATABASE_URL=url)
    assert "there are no books at" in said
    assert "LOANWRIGHT_DATABASE_URL" in said
    assert list(tmp_path.iterdir()) == []


def test_books_that_are_not_there_are_named_with_their_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(NotReady) as missing:
        open_books(Settings(database_url="sqlite:///data/books.db"))
    assert str(tmp_path / "data" / "books.db") in str(missing.value)


def test_books_without_tables_are_to_be_migrated(tmp_path: Path) -> None:
    (tmp_path / "books.db").touch()
    said = refused("audit", "books", LOANWRIGHT_DATABASE_URL=f"sqlite:///{tmp_path / 'books.db'}")
    assert "loanwright migrate" in said


def test_books_that_are_none_or_cannot_be_reached_are_refused_without_the_password(tmp_path: Path) -> None:
    letter = tmp_path / "letter.txt"
    letter.write_text("no database " * 100)
    for command in ("migrate", "seed"):
        assert "cannot be opened" in refused(command, LOANWRIGHT_DATABASE_URL=f"sqlite:///{letter}")
    assert "cannot be opened" in refused("migrate", LOANWRIGHT_DATABASE_URL=f"sqlite:///{letter}/books.db")
    said = refused(
        "audit", "books", LOANWRIGHT_DATABASE_URL=f"postgresql+psycopg://lender:secret@127.0.0.1:{lasting_port()}/books"
    )
    assert "cannot be opened" in said
    assert "secret" not in said


@pytest.mark.parametrize("command", [("audit", "stages"), ("rebuild",), ("worker",)])
def test_an_engine_that_does_not_answer_is_named(books: str, command: tuple[str, ...]) -> None:
    for address in (f"127.0.0.1:{lasting_port()}", "no-such-host.invalid:7233"):
        said = refused(*command, LOANWRIGHT_DATABASE_URL=books, TEMPORAL_ADDRESS=address)
        assert f"no Temporal server at {address}" in said
        assert "TEMPORAL_ADDRESS" in said


def test_a_setting_that_cannot_be_is_named_by_every_command(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'books.db'}"
    for command in ("up", "migrate", "serve"):
        said = refused(command, LOANWRIGHT_DATABASE_URL=url, LOANWRIGHT_DAY_SECONDS="a day", TEMPORAL_ADDRESS="garbage")
        assert "LOANWRIGHT_DAY_SECONDS should be a valid number" in said
        assert "TEMPORAL_ADDRESS must be HOST:PORT" in said
    assert list(tmp_path.iterdir()) == []


def test_an_engine_that_listens_and_says_nothing_is_named_within_seconds(books: str, busy: int) -> None:
    began = time.monotonic()
    said = refused("audit", "stages", LOANWRIGHT_DATABASE_URL=books, TEMPORAL_ADDRESS=f"127.0.0.1:{busy}")
    assert f"no Temporal server at 127.0.0.1:{busy}" in said
    assert time.monotonic() - began < 20


def test_a_start_of_real_days_is_refused(tmp_path: Path) -> None:
    said = refused("up", "--start-date", "2026-01-05", "--data-dir", str(tmp_path / "new"))
    assert "--start-date" in said
    assert "--day-seconds" in said
    assert list(tmp_path.iterdir()) == []


WRONG = [
    ("LOANWRIGHT_DATABASE_URL", "mysql://lender:secret@host/books"),
    ("LOANWRIGHT_DATABASE_URL", "postgresql+psycopg://lender:secret@host:port/books"),
    ("LOANWRIGHT_DATABASE_URL", "postgresql+asyncpg://lender:secret@host/books"),
    ("LOANWRIGHT_DATABASE_URL", "sqlite://"),
    ("LOANWRIGHT_DATABASE_URL", "sqlite:///"),
    ("LOANWRIGHT_DATABASE_URL", "sqlite:///:memory:"),
    ("LOANWRIGHT_DATABASE_URL", "data/secret.db"),
    ("LOANWRIGHT_DATABASE_URL", ""),
    ("TEMPORAL_ADDRESS", "host"),
    ("TEMPORAL_ADDRESS", "http://host:7233"),
    ("TEMPORAL_ADDRESS", "host:99999"),
    ("TEMPORAL_ADDRESS", "host:0"),
    ("TEMPORAL_ADDRESS", "\x01"),
    ("TEMPORAL_ADDRESS", "host:7233\n"),
    ("LOANWRIGHT_DAY_SECONDS", "-1"),
    ("LOANWRIGHT_DAY_SECONDS", "nan"),
    ("LOANWRIGHT_START_DATE", "tomorrow"),
    ("LOANWRIGHT_LOG_LEVEL", "loud"),
]


@pytest.mark.parametrize(("variable", "value"), WRONG)
def test_a_wrong_setting_is_named_and_its_value_is_not_repeated(
    monkeypatch: pytest.MonkeyPatch, variable: str, value: str
) -> None:
    monkeypatch.setenv(variable, value)
    with pytest.raises(InvalidSetting) as wrong:
        settings.__wrapped__()
    assert str(wrong.value).startswith(f"{variable} ")
    assert "secret" not in str(wrong.value)


def test_a_wrong_first_day_says_how_a_day_is_written(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOANWRIGHT_START_DATE", "05/01/2026")
    with pytest.raises(InvalidSetting, match="YYYY-MM-DD"):
        settings.__wrapped__()
    monkeypatch.setenv("LOANWRIGHT_START_DATE", "2026-01-05")
    assert settings.__wrapped__().start_date == date(2026, 1, 5)


@pytest.mark.parametrize("address", ["temporal:7233", "10.0.0.1:7233", "[::1]:7233", "a_b.example-1.cn:1"])
def test_addresses_of_an_engine_are_taken(address: str) -> None:
    assert Settings(temporal_address=address).temporal_address == address


@pytest.mark.parametrize(
    "url", ["sqlite:///a.db", "sqlite:////tmp/a.db", "postgresql+psycopg://u:p%40@h:5432/d", "postgresql://h/d"]
)
def test_databases_that_we_know_are_taken(url: str) -> None:
    Books(Settings(database_url=url).database_url).close()


def test_an_empty_address_of_the_engine_counts_as_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TEMPORAL_ADDRESS", "")
    assert Settings().temporal_address == "127.0.0.1:7233"


def test_brackets_in_a_sentence_are_no_markup(tmp_path: Path) -> None:
    assert "[/red].csv" in refused("schedule", str(tmp_path / "[" / "red].csv"))
