"""How often somebody may try the borrowers' door: four digits alone could be guessed in an afternoon."""

import time
from collections import Counter
from dataclasses import dataclass
from ipaddress import IPv6Address, ip_address, ip_network
from typing import TypeVar

from web.errors import TooManyTries

WITHIN_SECONDS = 15 * 60
TRIES_OF_PAIR = 5
TRIES_OF_ADDRESS = 20
FREE_TRIES_OF_LOAN = 20
LONGEST_WAIT_SECONDS = 10
IPV6_SUBSCRIBER = 64
"""Whoever has one IPv6 address has all that share these first bits."""

Key = TypeVar("Key")


@dataclass(frozen=True, eq=False)
class Try:
    """A try under way, or one that was wrong. `wait_seconds` is how long its answer is held back."""

    loan: str
    source: str
    at: float
    wait_seconds: int


class Tries:
    """Wrong tries of the last quarter of an hour, counted by this process alone.

    Five lock a loan for the address that they came from, and twenty lock the address. Nothing locks a loan for
    everybody, or anybody could lock its borrower out: above twenty tries from all addresses each next one only waits
    a second longer, up to ten.
    """

    def __init__(self) -> None:
        self._taken: dict[Try, None] = {}
        self._pairs: Counter[tuple[str, str]] = Counter()
        self._loans: Counter[str] = Counter()
        self._sources: Counter[str] = Counter()

    def take(self, loan: str, address: str | None) -> Try:
        """Counts a try before anything is checked, so that tries at the same time cannot exceed a bound together.

        Runs in the event loop, without a pause between check and count. Refused with TooManyTries above a bound.
        """
        now = time.monotonic()
        self._forget_before(now - WITHIN_SECONDS)
        source = _source(address)
        if self._pairs[loan, source] >= TRIES_OF_PAIR or self._sources[source] >= TRIES_OF_ADDRESS:
            raise TooManyTries
        wait_seconds = min(max(self._loans[loan] - FREE_TRIES_OF_LOAN + 1, 0), LONGEST_WAIT_SECONDS)
        taken = Try(loan, source, now, wait_seconds)
        self._taken[taken] = None
        self._count(taken, 1)
        return taken

    def give_back(self, taken: Try) -> None:
        """Takes a try that was right out of the count."""
        if taken in self._taken:
            del self._taken[taken]
            self._count(taken, -1)

    def _forget_before(self, earliest: float) -> None:
        while self._taken and (oldest := next(iter(self._taken))).at < earliest:
            self.give_back(oldest)

    def _count(self, taken: Try, change: int) -> None:
        _add(self._pairs, (taken.loan, taken.source), change)
        _add(self._loans, taken.loan, change)
        _add(self._sources, taken.source, change)


def _add(counter: Counter[Key], key: Key, change: int) -> None:
    counter[key] += change
    if not counter[key]:
        del counter[key]


def _source(address: str | None) -> str:
    """Who is counted as one: an address, of IPv6 the network of a subscriber."""
    try:
        spoken = ip_address(address or "")
    except ValueError:
        return address or ""
    if not isinstance(spoken, IPv6Address):
        return str(spoken)
    if spoken.ipv4_mapped:
        return str(spoken.ipv4_mapped)
    return str(ip_network((int(spoken), IPV6_SUBSCRIBER), strict=False))
