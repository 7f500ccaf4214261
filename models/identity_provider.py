"""What an identity provider outside says about a member of staff."""

from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True)
class ProvidedIdentity:
    """Who signed in at the provider: the id that he has here, as a name that may change there, and by `issuer` and
    `subject` who he is, which never does (OpenID Connect Core 1.0, 5.7). And whether he showed a second factor there.
    """

    staff_id: str
    issuer: str
    subject: str
    second_factor: bool


class IdentityProvider(Protocol):
    """Where members of staff sign in instead of here: OpenID Connect, code flow with PKCE."""

    async def address(self, *, redirect_uri: str, state: str, nonce: str, verifier: str) -> str:
        """The address to which a visitor is sent. Raises a LendingError while the provider is away."""

    async def identity(self, *, code: str, redirect_uri: str, nonce: str, verifier: str) -> ProvidedIdentity:
        """Who came back with this code. Raises a LendingError for whatever the provider did not say just now, to us."""
