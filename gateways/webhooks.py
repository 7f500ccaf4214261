"""Sending signed events to addresses of integrators, and to no address inside."""

import ipaddress
import socket
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Self

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult
from standardwebhooks import Webhook as Signer
from yarl import URL

from gateways.errors import OutsideUnavailable

TIMEOUT_SECONDS = 10.0
SERVICE = "webhook"


class InnerAddress(OSError):
    """A name that leads inside: events are sent to the internet only."""


class AddressInside(OutsideUnavailable):
    """Nothing was sent, for the address leads inside the house."""

    code = "address_inside"

    def __init__(self) -> None:
        super().__init__(SERVICE, "send", "the address is inside")


class _PublicResolver(AbstractResolver):
    """Finds the addresses of a name and refuses names of which one is not public.

    It is asked at each connection, so that a name cannot be public when it is checked and something else later.
    """

    def __init__(self) -> None:
        self._resolver = aiohttp.ThreadedResolver()

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        found = await self._resolver.resolve(host, port, family)
        if not found or not all(is_public(one["host"]) for one in found):
            raise InnerAddress(f"{host} is not a public address")
        return found

    async def close(self) -> None:
        await self._resolver.close()


_NOT_PUBLIC = tuple(
    map(
        ipaddress.ip_network,
        # Addresses that stand for inner ones: IPv4 in IPv6 (compatible, translated, NAT64), 6to4 and its relay, Teredo,
        # and what was once for a site alone.
        (
            "::/96",
            "::ffff:0:0/96",
            "::ffff:0:0:0/96",
            "64:ff9b::/96",
            "64:ff9b:1::/48",
            "2001::/32",
            "2002::/16",
            "fec0::/10",
            "192.88.99.0/24",
        ),
    )
)


def is_public(address: str) -> bool:
    """Whether an IP address is one of the internet: not private, local, reserved, or one that may stand for these."""
    try:
        found = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return False
    return found.is_global and not found.is_multicast and not any(found in network for network in _NOT_PUBLIC)


class WebhookGateway:
    """Sends events. `inner_allowed` is for demonstrations and tests, where receivers are on the same machine."""

    def __init__(self, *, inner_allowed: bool, timeout_seconds: float = TIMEOUT_SECONDS) -> None:
        self._inner_allowed = inner_allowed
        connector = aiohttp.TCPConnector(
            limit=100, limit_per_host=10, force_close=True, resolver=None if inner_allowed else _PublicResolver()
        )
        self._session = aiohttp.ClientSession(
            connector=connector,
            cookie_jar=aiohttp.DummyCookieJar(),
            timeout=aiohttp.ClientTimeout(total=timeout_seconds),
            headers={"User-Agent": "Loanwright-Webhooks/1"},
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_trouble: object) -> None:
        await self._session.close()

    async def send(self, url: str, event_id: str, body: str, secrets: Sequence[str]) -> int:
        """The receiver's status; nothing that he answers is read. Redirects are not followed.

        Signed after Standard Webhooks 1.0 with each of the secrets. Raises OutsideUnavailable where nobody answers in
        time, and AddressInside, one of them, for an address inside.
        """
        now = datetime.now(UTC)
        signatures = " ".join(Signer(secret).sign(event_id, now, body) for secret in secrets)
        headers = {
            "Content-Type": "application/json",
            "webhook-id": event_id,
            "webhook-timestamp": str(int(now.timestamp())),
            "webhook-signature": signatures,
        }
        try:
            if not self._inner_allowed and _is_inner_literal(url):
                raise AddressInside
            async with self._session.post(url, data=body.encode(), headers=headers, allow_redirects=False) as response:
                return response.status
        # Causes are cut off: their texts repeat addresses.
        except TimeoutError:
            raise OutsideUnavailable(SERVICE, "send", "no answer in time") from None
        except (aiohttp.ClientError, OSError, ValueError) as error:
            # The client wraps what its resolver raises.
            if isinstance(error, InnerAddress) or isinstance(error.__cause__, InnerAddress):
                raise AddressInside from None
            raise OutsideUnavailable(SERVICE, "send", f"connection failed ({type(error).__name__})") from None


def _is_inner_literal(url: str) -> bool:
    """Whether the host is written as a number, which is resolved by nobody, and leads inside."""
    host = URL(url).host or ""
    try:
        ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return False
    return not is_public(host)
