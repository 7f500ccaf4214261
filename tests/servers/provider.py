"""An identity provider: a real HTTP server that speaks OpenID Connect and, when told to, lies."""

import json
import secrets
import threading
import time
from base64 import b64decode, urlsafe_b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, parse_qsl, unquote_plus, urlencode, urlsplit

from joserfc import jwt
from joserfc.jwk import OctKey, RSAKey

CLIENT, SECRET = "loanwright", "a secret shared with the provider"


@dataclass
class Provider:
    """Who signs in there, and what it says about him. `claims` and `header` go over what is true, `raw` over all."""

    person: str = "manager-zhao"
    claims: dict[str, Any] = field(default_factory=dict)
    header: dict[str, Any] = field(default_factory=dict)
    left_out: frozenset[str] = frozenset()
    sign_with: Any = None
    status: int = 200
    raw: bytes = b""
    other_keys: list[Any] = field(default_factory=list)
    shows_its_key: bool = True
    issuer_said: str | None = None
    not_described: frozenset[str] = frozenset()
    key: RSAKey = field(default_factory=lambda: RSAKey.generate_key(2048, {"kid": "one"}))
    asked: dict[str, dict[str, str]] = field(default_factory=dict)
    calls: list[str] = field(default_factory=list)
    url: str = ""

    def description(self) -> dict[str, Any]:
        """What it says about itself."""
        described = {
            "issuer": self.issuer_said or self.url,
            "authorization_endpoint": f"{self.url}/authorize",
            "token_endpoint": f"{self.url}/token",
            "jwks_uri": f"{self.url}/keys",
        }
        return {name: value for name, value in described.items() if name not in self.not_described}

    def authorize(self, asked: dict[str, str]) -> str:
        """Where it sends the visitor back, whom it takes for `person`."""
        assert asked["response_type"] == "code"
        assert asked["code_challenge_method"] == "S256"
        assert asked["client_id"] == CLIENT
        assert "openid" in asked["scope"].split()
        code = secrets.token_urlsafe(16)
        self.asked[code] = asked
        return f"{asked['redirect_uri']}?{urlencode({'code': code, 'state': asked['state']})}"

    def token(self, authorization: str, given: dict[str, str]) -> tuple[int, dict[str, Any]]:
        """What it gives for a code, once."""
        asked = self.asked.pop(given.get("code", ""), None)
        shown = unquote_plus(b64decode(authorization.removeprefix("Basic ")).decode())
        if shown != f"{CLIENT}:{SECRET}" or asked is None:
            return 400, {"error": "invalid_grant"}
        challenge = urlsafe_b64encode(sha256(given["code_verifier"].encode()).digest()).decode().rstrip("=")
        if challenge != asked["code_challenge"] or given["redirect_uri"] != asked["redirect_uri"]:
            return 400, {"error": "invalid_grant"}
        now = int(time.time())
        claims = {
            "iss": self.url,
            "aud": CLIENT,
            "sub": f"subject of {self.person}",
            "preferred_username": self.person,
            "nonce": asked["nonce"],
            "iat": now,
            "exp": now + 300,
            **self.claims,
        }
        claims = {name: value for name, value in claims.items() if name not in self.left_out}
        header = {"alg": "RS256", "kid": "one", **self.header}
        algorithms = [header["alg"]]
        token = (
            _unsigned(header, claims)
            if header["alg"] == "none"
            else jwt.encode(header, claims, self.sign_with or self.key, algorithms=algorithms)
        )
        return self.status, {"access_token": "x", "token_type": "Bearer", "id_token": token}


def _unsigned(header: dict[str, Any], claims: dict[str, Any]) -> str:
    parts = (urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=") for part in (header, claims))
    return ".".join((*parts, ""))


def keyed_with_the_public_key(provider: Provider) -> OctKey:
    """The oldest trick: what everybody can read of the provider's key, taken for a shared secret."""
    return OctKey.import_key(str(provider.key.as_dict(private=False)["n"]))


@contextmanager
def identity_provider() -> Iterator[Provider]:
    """A provider that listens while the block lasts."""
    provider = Provider()

    class Answers(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            path, query = urlsplit(self.path).path, dict(parse_qsl(urlsplit(self.path).query))
            provider.calls.append(path)
            if path == "/.well-known/openid-configuration":
                self._say(200, provider.description())
            elif path == "/keys":
                own = [provider.key.as_dict(private=False)] if provider.shows_its_key else []
                self._say(200, {"keys": [*provider.other_keys, *own]})
            elif path == "/authorize":
                self.send_response(302)
                self.send_header("Location", provider.authorize(query))
                self.end_headers()
            else:
                self._say(404, {})

        def do_POST(self) -> None:
            provider.calls.append(self.path)
            body = self.rfile.read(int(self.headers["Content-Length"])).decode()
            fields = {name: values[0] for name, values in parse_qs(body).items()}
            self._say(*provider.token(self.headers.get("Authorization", ""), fields), provider.raw)

        def _say(self, status: int, body: dict[str, Any], raw: bytes = b"") -> None:
            content = raw or json.dumps(body).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_said: object) -> None:
            """Says nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Answers)
    provider.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield provider
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
