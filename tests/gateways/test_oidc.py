"""The client of the identity provider: what a description has to hold. The rest is tried at the pages."""

import pytest

from gateways.oidc import OidcProvider, ProviderRefused
from tests.servers.provider import CLIENT, SECRET, identity_provider


@pytest.mark.parametrize("missing", ["authorization_endpoint", "token_endpoint", "jwks_uri"])
async def test_a_provider_that_does_not_say_where_it_is_asked_is_refused(missing: str) -> None:
    with identity_provider() as provider:
        provider.not_described = frozenset({missing})
        client = OidcProvider(provider.url, CLIENT, SECRET, "preferred_username")
        with pytest.raises(ProviderRefused, match=missing):
            await client.address(redirect_uri="https://pages.example/back", state="s", nonce="n", verifier="v" * 43)
