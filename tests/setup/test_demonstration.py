"""What is open in a demonstration is closed everywhere else, and nothing starts there with secrets that all know."""

from base64 import b64decode
from pathlib import Path

import pytest
from pydantic import SecretStr

from books.schema import migrate
from books.session import Books
from console.seed import seed
from settings import InvalidSetting, Settings, require_own_secrets
from tests.books.migrated import seeded_file
from tests.console.running import loanwright
from tests.servers.shared import SharedServers
from tests.web.serving import Visitor, serving, words

OWN_RING = "own:" + "A" * 43 + "="
OWN_SECRET = "a secret of one's own"


def secret_names() -> list[str]:
    return [
        name
        for name, field in Settings.model_fields.items()
        if isinstance(field.default, SecretStr) and field.default.get_secret_value()
    ]


def own_secrets() -> dict[str, SecretStr]:
    return {
        name: SecretStr(OWN_RING if ":" in Settings.model_fields[name].default.get_secret_value() else OWN_SECRET)
        for name in secret_names()
    }


def with_own_secrets(**but: object) -> Settings:
    return Settings(demo=False).model_copy(update={**own_secrets(), **but})


def test_secrets_of_ones_own_are_enough() -> None:
    require_own_secrets(with_own_secrets())


@pytest.mark.parametrize("name", secret_names())
def test_one_secret_that_everybody_knows_is_one_too_many(name: str) -> None:
    with pytest.raises(InvalidSetting, match=f"LOANWRIGHT_{name.upper()}"):
        require_own_secrets(with_own_secrets(**{name: Settings.model_fields[name].default}))


@pytest.mark.parametrize("name", secret_names())
@pytest.mark.parametrize("nothing", ["", "  "])
def test_one_secret_that_is_empty_is_one_too_many(name: str, nothing: str) -> None:
    with pytest.raises(InvalidSetting, match=f"empty or too short: LOANWRIGHT_{name.upper()}"):
        require_own_secrets(with_own_secrets(**{name: SecretStr(nothing)}))


@pytest.mark.parametrize("name", ["bank_notice_secret", "bank_signing_secret", "index_key", "session_secret"])
@pytest.mark.parametrize("guessed", ["x", "fifteen letters", "  fifteen letters  "])
def test_a_secret_of_ones_own_can_be_guessed_by_nobody(name: str, guessed: str) -> None:
    with pytest.raises(InvalidSetting, match=f"empty or too short: LOANWRIGHT_{name.upper()}"):
        require_own_secrets(with_own_secrets(**{name: SecretStr(guessed)}))
    require_own_secrets(with_own_secrets(**{name: SecretStr("x" * 16)}))


PUBLIC_KEY = Settings.model_fields["keys"].default.get_secret_value().partition(":")[2]
PUBLIC_SIGN = Settings.model_fields["signing_key"].default.get_secret_value().partition(":")[2]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("keys", f"mine:{PUBLIC_KEY}"),
        ("keys", f"demo:{PUBLIC_KEY},{OWN_RING}"),
        ("keys", f"{OWN_RING},demo:{PUBLIC_KEY}"),
        # The same bytes spelled with other bits behind their end.
        ("keys", f"mine:{PUBLIC_KEY[:-2]}F="),
        ("signing_key", f"mine:{PUBLIC_SIGN}"),
        # Public for another use.
        ("keys", f"mine:{PUBLIC_SIGN}"),
        ("keys", f"{OWN_RING},mine:{PUBLIC_SIGN}"),
        ("signing_key", f"mine:{PUBLIC_KEY}"),
        ("session_secret", "loanwright-blind-index"),
        ("bank_notice_secret", b64decode(PUBLIC_KEY).decode()),
        ("index_key", "loanwright-blind-index,an index key of one's own"),
        ("index_key", "an index key of one's own, loanwright-blind-index"),
    ],
)
def test_a_public_key_is_found_in_a_ring_and_under_another_name(name: str, value: str) -> None:
    with pytest.raises(InvalidSetting, match=f"LOANWRIGHT_{name.upper()}") as refused:
        require_own_secrets(with_own_secrets(**{name: SecretStr(value)}))
    assert PUBLIC_KEY not in str(refused.value)


def test_nothing_starts_with_a_secret_that_is_set_to_nothing(tmp_path: Path) -> None:
    environment = {f"LOANWRIGHT_{name.upper()}": one.get_secret_value() for name, one in own_secrets().items()}
    environment |= {
        "LOANWRIGHT_DATABASE_URL": f"sqlite:///{tmp_path / 'books.db'}",
        "LOANWRIGHT_DEMO": "false",
        "LOANWRIGHT_BANK_NOTICE_SECRET": "",
    }

    ended = loanwright("serve", environment=environment)

    assert (ended.code, "empty or too short: LOANWRIGHT_BANK_NOTICE_SECRET." in ended.err) == (1, True)


def test_a_demonstration_needs_none() -> None:
    require_own_secrets(Settings(demo=True))


@pytest.mark.parametrize("command", ["serve", "worker", "seed", "up"])
def test_nothing_starts_with_public_secrets_unless_it_is_a_demonstration(tmp_path: Path, command: str) -> None:
    environment = {"LOANWRIGHT_DATABASE_URL": f"sqlite:///{tmp_path / 'books.db'}", "LOANWRIGHT_DEMO": "false"}
    arguments = (command, "--data-dir", str(tmp_path)) if command == "up" else (command,)

    ended = loanwright(*arguments, environment=environment)

    assert ended.code == 1
    for name in ("LOANWRIGHT_KEYS", "LOANWRIGHT_SESSION_SECRET", "LOANWRIGHT_BANK_NOTICE_SECRET"):
        assert name in ended.err
    assert "demo-notices" not in ended.err
    assert not (tmp_path / "books.db").exists()


@pytest.mark.parametrize(
    "issuer", ["http://id.example", "id.example", "https:// x", "ftp://id.example", "javascript:x"]
)
def test_an_identity_provider_is_spoken_to_over_tls(issuer: str) -> None:
    with pytest.raises(ValueError, match="https"):
        Settings(oidc_issuer=issuer)
    assert Settings(oidc_issuer="https://id.example/realm").oidc_issuer
    assert Settings(oidc_issuer="http://127.0.0.1:8090").oidc_issuer


def test_whoever_says_nothing_gets_no_demonstration(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("LOANWRIGHT_DEMO")

    assert not Settings().demo


def test_other_books_than_a_demonstrations_have_no_made_up_people(tmp_path: Path) -> None:
    settings = Settings(database_url=f"sqlite:///{tmp_path / 'books.db'}", demo=False)
    migrate(settings.database_url)
    books = Books(settings.database_url)
    seed(books, settings)
    with books.read() as work:
        assert work.staff.all() == []
    books.close()


def test_without_a_demonstration_its_doors_are_not_there(servers: SharedServers, tmp_path: Path) -> None:
    with seeded_file(servers, tmp_path) as books, serving(books, demo=False) as url:
        visitor = Visitor(url)
        page = visitor.get("/sign-in")
        assert "made up" not in words(page.text)
        assert "林小满" not in page.text
        assert visitor.post("/sign-in", staff_id="manager-zhao").status_code == 404
        assert visitor.post("/sign-in/borrower", loan="L26000001", digits="0001").status_code == 404
        assert visitor.get("/inbox").url.path == "/sign-in"
        visitor.close()
