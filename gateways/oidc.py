"""The identity provider of the staff: OpenID Connect, code flow with PKCE.

OpenID Connect Core 1.0, 3.1: the code is exchanged server to server, and the token that comes back is believed only if
the provider signed it, for us, just now, and in answer to this very request (nonce).
"""

import json
import time
from collections.abc import Iterable, Iterator
from contextlib import suppress
from typing import Any
from urllib.parse import quote_plus

import aiohttp
from authlib.oauth2.rfc6749.parameters import prepare_grant_uri
from authlib.oauth2.rfc7636 import create_s256_code_challenge
from authlib.oidc.core import CodeIDToken
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import JWKRegistry, Key, KeySet

from lending.errors import LendingError
from models.identity_provider import ProvidedIdentity

SIGNED_WITH = ["RS256", "PS256", "ES256", "EdDSA"]
"""Never `none`, and nothing that is keyed with what we share with the provider."""
LEEWAY_SECONDS = 60
TIMEOUT_SECONDS = 10
LARGEST_ANSWER = 256 * 1024
LONGEST_ID = 64
KEPT_SECONDS = 600
ASKED_AGAIN_AFTER_SECONDS = 10
"""A token signed with a key that is new to us has the keys fetched anew, but not at everybody's wish."""
DESCRIBED = ("authorization_endpoint", "token_endpoint", "jwks_uri")
"""What the description of a provider has to name: where it is asked."""
UNREADABLE = (JoseError, ValueError, TypeError, KeyError)
"""What the library says of tokens and keys that are none."""
SECOND_FACTORS = frozenset({"mfa", "otp", "hwk", "sms", "fpt", "face", "sc"})
"""Methods (RFC 8176) that are a second factor, or say that there was one."""


class ProviderRefused(LendingError):
    """The identity provider vouches for nobody, or what came is not from it, not for us, or not of now."""

    code = "provider_refused"
    http_status = 422

    def __init__(self, why: str) -> None:
        self.why = why
        super().__init__(f"the identity provider did not confirm who you are ({why}); sign in again")


class ProviderAway(LendingError):
    """The identity provider cannot be reached."""

    code = "provider_away"
    http_status = 503

    def __init__(self) -> None:
        super().__init__("the identity provider cannot be reached at the moment; try again")


def _readable(spelled: Iterable[Any]) -> Iterator[Key]:
    """The keys of a set but for those that cannot be read (RFC 7517, section 5): one of them harms no other."""
    for one in spelled:
        with suppress(*UNREADABLE):
            yield JWKRegistry.import_key(one)


class OidcProvider:
    """One provider, found by its issuer address (OpenID Connect Discovery 1.0)."""

    def __init__(self, issuer: str, client_id: str, client_secret: str, claim: str) -> None:
        self.issuer = issuer
        self.client_id = client_id
        self._client_secret = client_secret
        self._claim = claim
        self._described: tuple[float, dict[str, Any]] | None = None
        self._keys: tuple[float, KeySet] | None = None

    async def address(self, *, redirect_uri: str, state: str, nonce: str, verifier: str) -> str:
        """The address to which a visitor is sent. Raises ProviderAway."""
        described = await self._description()
        uri: str = prepare_grant_uri(
            described["authorization_endpoint"],
            self.client_id,
            "code",
            redirect_uri=redirect_uri,
            scope="openid profile",
            state=state,
            nonce=nonce,
            code_challenge=create_s256_code_challenge(verifier),
            code_challenge_method="S256",
        )
        return uri

    async def identity(self, *, code: str, redirect_uri: str, nonce: str, verifier: str) -> ProvidedIdentity:
        """Who came back with this code. Raises ProviderRefused and ProviderAway."""
        described = await self._description()
        fields = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": redirect_uri,
            "code_verifier": verifier,
        }
        # Both in the encoding of forms (RFC 6749, 2.3.1).
        shown = aiohttp.encode_basic_auth(quote_plus(self.client_id), quote_plus(self._client_secret))
        headers = {"Authorization": shown}
        answer = await self._call("POST", described["token_endpoint"], data=fields, headers=headers)
        token = answer.get("id_token")
        if not isinstance(token, str):
            raise ProviderRefused("no identity came")
        claims = await self._believed(token, nonce, answer.get("access_token"))
        staff_id = claims.get(self._claim)
        if not isinstance(staff_id, str) or not staff_id:
            raise ProviderRefused(f"the claim {self._claim} is missing")
        if len(staff_id) > LONGEST_ID or not staff_id.isprintable():
            # Never cut: what is left of it may be the id of somebody else.
            raise ProviderRefused(f"the claim {self._claim} is nobody's id")
        methods = claims.get("amr") or []
        second_factor = bool(SECOND_FACTORS & {str(one) for one in methods})
        return ProvidedIdentity(staff_id, self.issuer, claims["sub"], second_factor)

    async def _believed(self, token: str, nonce: str, access_token: object) -> dict[str, Any]:
        """The claims of a token that the provider made for us in answer to this request."""
        try:
            try:
                read = jwt.decode(token, await self._key_set(), algorithms=SIGNED_WITH)
            except (JoseError, ValueError):
                # Perhaps it is signed with a key that the provider took into use since.
                read = jwt.decode(token, await self._key_set(anew=True), algorithms=SIGNED_WITH)
            claims = CodeIDToken(
                read.claims,
                read.header,
                options={
                    "iss": {"essential": True, "value": self.issuer},
                    "aud": {"essential": True, "value": self.client_id},
                    "nonce": {"essential": True, "value": nonce},
                },
                params={"nonce": nonce, "client_id": self.client_id, "access_token": access_token},
            )
            claims.validate(now=int(time.time()), leeway=LEEWAY_SECONDS)
        except (*UNREADABLE, RecursionError) as error:
            raise ProviderRefused(type(error).__name__) from error
        if not isinstance(claims.get("sub"), str) or not claims["sub"]:
            raise ProviderRefused("it names no subject")
        return dict(claims)

    async def _description(self) -> dict[str, Any]:
        if self._described is None or self._described[0] + KEPT_SECONDS < time.monotonic():
            found = await self._call("GET", f"{self.issuer.rstrip('/')}/.well-known/openid-configuration")
            # Whoever answers for another issuer could have its visitors sent to him.
            if found.get("issuer") != self.issuer:
                raise ProviderRefused("it calls itself by another name")
            if missing := [name for name in DESCRIBED if not isinstance(found.get(name), str)]:
                raise ProviderRefused(f"its description names no {', '.join(missing)}")
            self._described = time.monotonic(), found
        return self._described[1]

    async def _key_set(self, *, anew: bool = False) -> KeySet:
        keeps = ASKED_AGAIN_AFTER_SECONDS if anew else KEPT_SECONDS
        if self._keys is None or self._keys[0] + keeps < time.monotonic():
            described = await self._description()
            found = await self._call("GET", described["jwks_uri"])
            self._keys = time.monotonic(), KeySet(list(_readable(found.get("keys", []))))
        return self._keys[1]

    async def _call(self, method: str, address: str, **more: Any) -> dict[str, Any]:
        timeout = aiohttp.ClientTimeout(total=TIMEOUT_SECONDS)
        try:
            async with (
                aiohttp.ClientSession(timeout=timeout) as session,
                session.request(method, address, allow_redirects=False, **more) as answer,
            ):
                status, body = answer.status, b""
                async for part in answer.content.iter_chunked(64 * 1024):
                    body += part
                    if len(body) > LARGEST_ANSWER:
                        raise ProviderRefused("its answer is too long")
        except (TimeoutError, aiohttp.ClientError, ValueError) as error:
            raise ProviderAway from error
        if status >= 500:
            raise ProviderAway
        if status != 200:
            raise ProviderRefused(f"it answered {status}")
        try:
            read = json.loads(body)
        except (ValueError, RecursionError) as error:
            raise ProviderRefused("its answer cannot be read") from error
        if not isinstance(read, dict):
            raise ProviderRefused("its answer cannot be read")
        return read
