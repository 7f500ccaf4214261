"""Members of staff come in from an identity provider, and whatever it did not say just now, to us, is refused."""

import time
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from joserfc.jwk import RSAKey
from sqlmodel import select

from books.session import Books
from gateways.oidc import OidcProvider
from lending.errors import LendingError
from models.sign_in import ProviderRequest
from models.staff import Staff
from services.audit import SYSTEM
from services.audit_proof import verify
from services.staff import forget_identity
from tests.console.running import loanwright
from tests.servers.provider import CLIENT, SECRET, Provider, identity_provider, keyed_with_the_public_key
from tests.services.people import add as add_staff
from tests.web.serving import OUTSIDE, Visitor, serving, words


@pytest.fixture
def provider() -> Iterator[Provider]:
    """A provider of this test alone."""
    with identity_provider() as made:
        yield made


@pytest.fixture
def visitor(books: Books, provider: Provider) -> Iterator[Visitor]:
    """Somebody at pages that know the provider."""
    with serving(books, provider=OidcProvider(provider.url, CLIENT, SECRET, "preferred_username")) as url:
        made = Visitor(url)
        yield made
        made.close()


def goes_there(visitor: Visitor, back: str = "/") -> str:
    """The address to which the provider sends the visitor back."""
    visitor.get("/sign-in")
    there = visitor.client.get("/sign-in/provider", params={"next": back}, follow_redirects=False)
    assert there.status_code == 303, there.text
    answer = httpx.get(there.headers["location"], follow_redirects=False)
    return str(answer.headers["location"]).replace(OUTSIDE, visitor.url)


def comes_back(visitor: Visitor) -> httpx.Response:
    return visitor.get(goes_there(visitor))


def test_a_member_of_staff_comes_in_from_the_provider(visitor: Visitor, books: Books) -> None:
    assert "Sign in with the identity provider" in words(visitor.get("/sign-in").text)

    answer = visitor.get(goes_there(visitor, "/loans"))

    assert (answer.status_code, answer.url.path) == (200, "/loans")
    with books.read() as work:
        (held,) = work.sign_in.sessions_of("manager-zhao", None, work.now)
        assert (held.method, held.second_factor) == ("provider", False)
        acts = sorted(one.act for one in work.audit.page() if one.actor_id == "manager-zhao")
        assert acts == ["provider_identity_kept", "signed_in"]
        assert verify(work).findings == []
    # Kept once.
    visitor.post("/sign-out", seen_at="/")
    assert comes_back(visitor).status_code == 200
    with books.read() as work:
        assert [one.act for one in work.audit.page()].count("provider_identity_kept") == 1


def refusals(books: Books) -> list[tuple[str, str | None, str | None]]:
    with books.read() as work:
        return [(one.act, one.subject, one.reason) for one in work.audit.page() if one.refused]


def test_who_calls_himself_by_a_colleagues_name_at_the_provider_is_refused_and_recorded(
    visitor: Visitor, provider: Provider, books: Books
) -> None:
    comes_back(visitor)
    visitor.post("/sign-out", seen_at="/")
    provider.claims = {"sub": "another person there"}

    answer = comes_back(visitor)

    assert (answer.status_code, "means somebody else by your id" in words(answer.text)) == (422, True)
    assert visitor.get("/inbox").url.path == "/sign-in"
    assert refusals(books) == [("sign_in_refused", "manager-zhao", "another identity at the provider")]
    with books.read() as work:
        assert work.sign_in.sessions_of("manager-zhao", None, work.now) == []
        assert verify(work).findings == []
    provider.claims = {}
    assert comes_back(visitor).status_code == 200


@pytest.mark.parametrize("victim", ["admin-gu", "manager-zhao"])
def test_who_came_in_as_himself_comes_in_as_nobody_else(
    visitor: Visitor, provider: Provider, books: Books, victim: str
) -> None:
    """Be it somebody who has come from the provider before or, as the administrator here, not yet."""
    comes_back(visitor)
    visitor.post("/sign-out", seen_at="/")
    provider.person = "agent-lin"
    comes_back(visitor)
    visitor.post("/sign-out", seen_at="/")
    provider.person, provider.claims = victim, {"sub": "subject of agent-lin"}

    assert comes_back(visitor).status_code == 422
    assert refusals(books) == [("sign_in_refused", victim, "another identity at the provider: that of agent-lin")]


def test_the_same_subject_of_another_provider_is_somebody_else(visitor: Visitor, books: Books) -> None:
    comes_back(visitor)
    with identity_provider() as other:
        client = OidcProvider(other.url, CLIENT, SECRET, "preferred_username")
        with serving(books, provider=client) as url:
            elsewhere = Visitor(url)
            assert comes_back(elsewhere).status_code == 422
            elsewhere.close()


def test_an_operator_lets_in_who_has_another_account_at_the_provider(
    visitor: Visitor, provider: Provider, books: Books
) -> None:
    comes_back(visitor)
    provider.claims = {"sub": "another account"}
    reason = ("--reason", "new account since the merger", "--actor", "admin-gu")
    of_these = {"LOANWRIGHT_DATABASE_URL": books.url}

    done = loanwright("staff", "forget-identity", "manager-zhao", *reason, environment=of_these)

    assert done.code == 0, done.err
    assert visitor.get("/inbox").url.path == "/sign-in"
    assert comes_back(visitor).status_code == 200
    visitor.post("/sign-out", seen_at="/")
    provider.claims = {}
    assert comes_back(visitor).status_code == 422
    with books.read() as work:
        (forgotten,) = [one for one in work.audit.page() if one.act == "provider_identity_forgotten"]
        assert (forgotten.actor_id, forgotten.subject) == ("admin-gu", "manager-zhao")
        assert forgotten.reason == "new account since the merger"
        assert verify(work).findings == []


@pytest.mark.parametrize(
    ("who", "reason", "said"),
    [
        ("agent-lin", "x", "has not signed in by the identity provider"),
        ("nobody-here", "x", "nobody has the id"),
        ("manager-zhao", " ", "say why"),
    ],
)
def test_whose_identity_cannot_be_forgotten_is_said_and_nothing_changes(
    visitor: Visitor, books: Books, who: str, reason: str, said: str
) -> None:
    comes_back(visitor)

    with books.read() as work:
        before = work.sign_in.identity_of("manager-zhao")
    with pytest.raises(LendingError, match=said), books.begin() as work:
        forget_identity(work, SYSTEM, who, reason)

    with books.read() as work:
        assert work.sign_in.identity_of("manager-zhao") == before is not None
    assert visitor.get("/inbox").url.path == "/inbox"


def test_a_second_factor_at_the_provider_is_noted(visitor: Visitor, provider: Provider, books: Books) -> None:
    provider.claims = {"amr": ["pwd", "otp"]}
    comes_back(visitor)

    with books.read() as work:
        assert work.sign_in.sessions_of("manager-zhao", None, work.now)[0].second_factor


def test_the_question_holds_state_nonce_and_challenge_and_no_secret(visitor: Visitor) -> None:
    visitor.get("/sign-in")
    there = visitor.client.get("/sign-in/provider", follow_redirects=False).headers["location"]
    asked = parse_qs(urlsplit(there).query)

    assert asked["code_challenge_method"] == ["S256"]
    assert asked["redirect_uri"] == [f"{OUTSIDE}/sign-in/provider/answer"]
    assert len({asked[name][0] for name in ("state", "nonce", "code_challenge")}) == 3
    assert "code_verifier" not in asked
    assert SECRET not in there


DEEP = b'{"id_token": ' + b"[" * 100_000 + b"]" * 100_000 + b"}"

FORGED: dict[str, Callable[[], dict[str, Any]]] = {
    "ended": lambda: {"claims": {"exp": int(time.time()) - 3600}},
    "made in the future": lambda: {"claims": {"iat": int(time.time()) + 3600}},
    "not good yet": lambda: {"claims": {"nbf": int(time.time()) + 3600}},
    "for somebody else": lambda: {"claims": {"aud": "somebody else"}},
    "for several others": lambda: {"claims": {"aud": ["somebody else", "and another"]}},
    "asked for by another": lambda: {"claims": {"aud": [CLIENT, "another"], "azp": "another"}},
    "of another issuer": lambda: {"claims": {"iss": "https://evil.example"}},
    "to another question": lambda: {"claims": {"nonce": "of another question"}},
    "beside another access token": lambda: {"claims": {"at_hash": "x"}},
    "a list for a name": lambda: {"claims": {"preferred_username": ["manager-zhao"]}},
    "an empty name": lambda: {"claims": {"preferred_username": ""}},
    "to no question": lambda: {"left_out": frozenset({"nonce"})},
    "without an end": lambda: {"left_out": frozenset({"exp"})},
    "for nobody": lambda: {"left_out": frozenset({"aud"})},
    "of an empty subject": lambda: {"claims": {"sub": ""}},
    "of a list for a subject": lambda: {"claims": {"sub": ["manager-zhao"]}},
    "of no subject": lambda: {"left_out": frozenset({"sub"})},
    "a name with more behind it": lambda: {"claims": {"preferred_username": "manager-zhao" + " " * 52 + "x"}},
    "a name that no database stores": lambda: {"claims": {"preferred_username": "manager\x00zhao"}},
    "nested without end": lambda: {"raw": DEEP},
    "without a name": lambda: {"left_out": frozenset({"preferred_username"})},
    "signed by somebody else": lambda: {"sign_with": RSAKey.generate_key(2048, {"kid": "one"})},
    "not signed": lambda: {"header": {"alg": "none"}},
    "refused": lambda: {"status": 400},
}


@pytest.mark.parametrize("lie", FORGED)
def test_a_lie_is_refused_and_recorded(visitor: Visitor, provider: Provider, books: Books, lie: str) -> None:
    for name, value in FORGED[lie]().items():
        setattr(provider, name, value)

    answer = comes_back(visitor)

    assert answer.status_code == 422
    assert "did not confirm who you are" in words(answer.text)
    assert visitor.get("/inbox").url.path == "/sign-in"
    with books.read() as work:
        (refused,) = [one for one in work.audit.page() if one.refused]
        assert refused.act == "sign_in_refused"
        assert (refused.reason or "").startswith("provider: ")
        assert work.sign_in.sessions_of("manager-zhao", None, work.now) == []


def test_the_providers_public_key_is_no_shared_secret(visitor: Visitor, provider: Provider) -> None:
    provider.header, provider.sign_with = {"alg": "HS256"}, keyed_with_the_public_key(provider)

    assert comes_back(visitor).status_code == 422


@pytest.mark.parametrize("person", ["nobody-here", "integrator-demo", "MANAGER-ZHAO", "x" * 500, "a\x00b"])
def test_whom_the_provider_knows_and_we_do_not_is_not_created(
    visitor: Visitor, provider: Provider, books: Books, person: str
) -> None:
    provider.person = person

    answer = comes_back(visitor)

    assert answer.status_code == 422
    with books.read() as work:
        assert len(work.staff.all()) == 12
        assert [one.act for one in work.audit.page() if one.refused] == ["sign_in_refused"]


def test_a_claim_is_nobodys_id_rather_than_cut_to_the_length_of_one(
    visitor: Visitor, provider: Provider, books: Books
) -> None:
    with books.begin() as work:
        person = work.staff.get("manager-zhao")
        assert person is not None
        add_staff(work, Staff(**person.model_dump() | {"id": "m" * 64, "key_hash": "x"}))
    provider.person = "m" * 64 + "x"
    assert comes_back(visitor).status_code == 422

    provider.person = "m" * 64
    assert comes_back(visitor).status_code == 200


MALFORMED: list[Any] = [
    {"n": "AA"},
    {"n": "not base64!"},
    {"n": 5},
    {"e": "AA"},
    {"kty": ["RSA"]},
    {"kty": "of tomorrow"},
    {"kty": "EC", "crv": "of tomorrow", "x": "AA", "y": "AA"},
]


@pytest.mark.parametrize("malformed", MALFORMED)
def test_a_key_that_cannot_be_read_locks_nobody_out(visitor: Visitor, provider: Provider, malformed: Any) -> None:
    provider.other_keys = [{**provider.key.as_dict(private=False), "kid": "bad", **malformed}, 5]

    assert comes_back(visitor).status_code == 200


def test_a_provider_without_a_key_that_can_be_read_vouches_for_nobody(visitor: Visitor, provider: Provider) -> None:
    provider.shows_its_key = False
    for keys in ([], [{"kty": "RSA"}]):
        provider.other_keys = keys
        assert comes_back(visitor).status_code == 422


def test_an_answer_is_taken_once(visitor: Visitor, provider: Provider) -> None:
    address = goes_there(visitor)
    assert visitor.get(address).status_code == 200
    visitor.post("/sign-out", seen_at="/")

    answer = visitor.get(address)

    assert answer.status_code == 422
    assert "not to this browser, or came too late" in words(answer.text)
    assert provider.calls.count("/token") == 1


def test_an_answer_that_another_browser_brings_is_refused(visitor: Visitor) -> None:
    address = goes_there(visitor)
    other = Visitor(visitor.url)
    other.get("/sign-in")

    assert other.get(address).status_code == 422
    assert other.get("/inbox").url.path == "/sign-in"
    # It is used up: whoever it was stolen from begins anew.
    assert visitor.get(address).status_code == 422
    other.close()


def test_an_answer_that_comes_too_late_is_refused(visitor: Visitor, books: Books) -> None:
    address = goes_there(visitor)
    with books.begin() as work:
        (asked,) = work.session.exec(select(ProviderRequest))
        asked.ends_at = work.now
        work.session.add(asked)

    assert visitor.get(address).status_code == 422


@pytest.mark.parametrize(
    "query",
    ["", "?state=x&code=y", "?state=%00&code=%00", "?error=access_denied&state=x", "?code=y", f"?state={'x' * 1900}"],
)
def test_an_answer_to_nothing_is_refused(visitor: Visitor, query: str) -> None:
    visitor.get("/sign-in")

    assert visitor.get(f"/sign-in/provider/answer{query}").status_code == 422


def test_who_refuses_at_the_provider_can_try_again(visitor: Visitor) -> None:
    address = goes_there(visitor)
    state = parse_qs(urlsplit(address).query)["state"][0]

    assert visitor.get(f"/sign-in/provider/answer?error=access_denied&state={state}").status_code == 422
    assert comes_back(visitor).status_code == 200


@pytest.mark.parametrize("elsewhere", ["//evil.example", "https://evil.example/", "/\\evil.example"])
def test_nobody_is_sent_to_another_site_from_the_provider(visitor: Visitor, elsewhere: str) -> None:
    answer = visitor.get(goes_there(visitor, elsewhere))

    assert (answer.url.path, "evil" in str(answer.url)) == ("/", False)


def test_a_new_key_of_the_provider_is_fetched(
    visitor: Visitor, provider: Provider, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gateways.oidc.ASKED_AGAIN_AFTER_SECONDS", 0)
    assert comes_back(visitor).status_code == 200
    provider.key, provider.header = RSAKey.generate_key(2048, {"kid": "two"}), {"kid": "two"}

    visitor.post("/sign-out", seen_at="/")
    assert comes_back(visitor).status_code == 200


def test_whoever_calls_himself_by_another_name_is_not_our_provider(visitor: Visitor, provider: Provider) -> None:
    provider.issuer_said = "https://evil.example"
    visitor.get("/sign-in")

    assert visitor.get("/sign-in/provider").status_code == 422


def test_a_provider_that_is_away_is_said_to_be(visitor: Visitor, provider: Provider) -> None:
    provider.status = 500

    answer = comes_back(visitor)
    assert answer.status_code == 503
    assert "cannot be reached" in words(answer.text)


def test_without_a_provider_there_is_no_such_door(books: Books) -> None:
    with serving(books) as url:
        visitor = Visitor(url)
        assert "identity provider" not in words(visitor.get("/sign-in").text)
        for path in ("/sign-in/provider", "/sign-in/provider/answer?state=x&code=y"):
            assert visitor.get(path).status_code == 404
        visitor.close()
