"""How often somebody may try a door: passwords and codes could be guessed in an afternoon, and messages cost money."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from ipaddress import IPv6Address, ip_address, ip_network
from math import ceil

from limits import RateLimitItem, parse, parse_many
from limits.strategies import FixedWindowRateLimiter

from books.session import UnitOfWork
from books.tries import BooksStorage, instant_of
from lending.errors import LendingError

IPV6_SUBSCRIBER = 56
"""Whoever has one IPv6 address has at least all that share these first bits: subscribers are given a /56 or more."""
FREE_TRIES = 20
LONGEST_WAIT_SECONDS = 10


class Door(StrEnum):
    """Where somebody tries to come in."""

    STAFF = "staff"
    SECOND_FACTOR = "second_factor"
    MACHINE = "machine"
    PROVIDER = "provider"
    MOBILE = "mobile"
    MOBILE_CODE = "mobile_code"
    DEMO = "demo"


@dataclass(frozen=True)
class _Bounds:
    """Of an account from one address, of an address, and of an account from anywhere.

    Of several windows the longer ones lock longer, so that the wait grows from a quarter of an hour to a day. Where
    `of_shared` is given it holds for addresses of IPv4, behind one of which a mobile network has thousands of people.
    """

    of_pair: tuple[RateLimitItem, ...] = ()
    of_address: tuple[RateLimitItem, ...] = ()
    of_shared: tuple[RateLimitItem, ...] = ()
    of_account: tuple[RateLimitItem, ...] = ()


def _windows(text: str) -> tuple[RateLimitItem, ...]:
    return tuple(parse_many(text))


_GROWING = _windows("5/15 minutes; 10/1 hour; 20/1 day")
_OF_ADDRESS = _windows("20/15 minutes; 100/1 day")
BOUNDS = {
    # A whole office may share an address.
    Door.STAFF: _Bounds(_GROWING, _windows("50/15 minutes; 300/1 day")),
    # Whoever comes this far knows the password, so that nobody else can lock the account here.
    Door.SECOND_FACTOR: _Bounds(of_account=_GROWING),
    Door.MACHINE: _Bounds(_GROWING, _OF_ADDRESS),
    # Nothing is guessed here; but each visitor who is sent to the provider leaves a row until he is back.
    Door.PROVIDER: _Bounds(of_address=_windows("300/15 minutes")),
    # Who then enters the code rightly gets both tries back.
    Door.MOBILE: _Bounds(of_address=_OF_ADDRESS, of_shared=_windows("100/15 minutes; 1000/1 day")),
    Door.MOBILE_CODE: _Bounds(of_address=_OF_ADDRESS, of_shared=_windows("50/15 minutes; 300/1 day")),
    Door.DEMO: _Bounds(_GROWING, _OF_ADDRESS),
}
MESSAGES = _windows("1/1 minute; 10/1 day")
"""Codes that a mobile is sent because one address, or one browser that its owner used before, asks for them."""
MESSAGES_IN_ALL = _windows("1/1 minute; 30/1 day")
"""Codes that a mobile is sent because browsers ask that its owner never used."""
_SLOW = parse(f"{FREE_TRIES}/15 minutes")


class TooManyTries(LendingError):
    """Too many wrong tries, of one account or from one address."""

    code = "too_many_tries"
    http_status = 429

    def __init__(self, until: datetime, now: datetime, account: str | None = None) -> None:
        """`account` is the one that was tried, if there is one of this name."""
        self.account = account
        self.seconds = max(1, ceil((until - now).total_seconds()))
        super().__init__(f"too many wrong tries; wait until {until:%Y-%m-%d %H:%M} UTC")


@dataclass(frozen=True)
class Try:
    """A try that was counted, or one that was wrong. `wait_seconds` is how long its answer is held back."""

    counted: tuple[tuple[RateLimitItem, tuple[str, ...]], ...]
    wait_seconds: int


def take(work: UnitOfWork, door: Door, account: str, address: str | None) -> Try:
    """Counts a try before anything is checked, so that tries at the same time cannot exceed a bound together.

    Nothing locks an account for everybody who has not shown a secret of it, or anybody could lock its owner out: above
    twenty tries from anywhere each next one only waits a second longer, up to ten. Where no account is named
    nobody waits, for it would be for what all others do. Refused with TooManyTries.
    """
    counts = BooksStorage(work.session, work.now)
    windows = FixedWindowRateLimiter(counts)
    counted = _bounds(door, account, address)
    closed = [one for one in counted if not windows.test(one[0], *one[1])]
    if not closed:
        closed = [one for one in counted if not windows.hit(one[0], *one[1])]
    if closed:
        ends = [instant_of(windows.get_window_stats(one[0], *one[1])[0]) for one in closed]
        raise TooManyTries(max(ends), work.now, known.id if (known := work.staff.account(account)) else None)
    if not account:
        return Try(counted, 0)
    whose = (door.value, "slow", account)
    tries = counts.incr(_SLOW.key_for(*whose), _SLOW.get_expiry())
    return Try((*counted, (_SLOW, whose)), min(max(tries - FREE_TRIES, 0), LONGEST_WAIT_SECONDS))


def give_back(work: UnitOfWork, taken: Try) -> None:
    """Takes a try that was right out of the count."""
    counts = BooksStorage(work.session, work.now)
    for window, whose in taken.counted:
        counts.incr(window.key_for(*whose), window.get_expiry(), -1)


def note_asked(work: UnitOfWork, visitor_digest: str, address: str | None, lasts: timedelta) -> None:
    """Keeps for so long that the try of this browser to get a code was counted for this address."""
    BooksStorage(work.session, work.now).incr(_asked(visitor_digest, address), int(lasts.total_seconds()))


def give_back_asked(work: UnitOfWork, visitor_digest: str, address: str | None) -> None:
    """Takes the try to get a code out of the count of an address, now that the code was entered rightly there.

    One for each code that was right, however many were asked for: else who has one mobile could ask for any number of
    others.
    """
    counts = BooksStorage(work.session, work.now)
    noted = _asked(visitor_digest, address)
    if counts.get(noted):
        counts.clear(noted)
        give_back(work, Try(_bounds(Door.MOBILE, "", address), 0))


def _asked(visitor_digest: str, address: str | None) -> str:
    return f"asked|{source_of(address)}|{visitor_digest}"


def may_send(work: UnitOfWork, mobile: str, address: str | None, known_browser: str | None = None) -> bool:
    """Whether a mobile may be sent another code now; counted at once, and only if it may.

    `known_browser` names a browser in which the owner signed in before. It has a count of its own, so that nobody else
    can use up its codes; all others share one besides that of their address, and nobody has much of it alone.
    """
    windows = FixedWindowRateLimiter(BooksStorage(work.session, work.now))
    counted: list[tuple[RateLimitItem, tuple[str, ...]]]
    if known_browser is not None:
        counted = [(one, ("messages", mobile, "browser", known_browser)) for one in MESSAGES]
    else:
        counted = [(one, ("messages", mobile, "address", source_of(address))) for one in MESSAGES]
        counted += [(one, ("messages", mobile)) for one in MESSAGES_IN_ALL]
    # What is not sent counts nowhere, or asking again and again would use up the day. An unknown number is counted as
    # a known one: it must cost as much.
    if not all(windows.test(one, *whose) for one, whose in counted):
        return False
    within = [windows.hit(one, *whose) for one, whose in counted]
    return all(within)


def forget_messages(work: UnitOfWork, mobile: str) -> None:
    """Lets a mobile be sent codes again, after too many were asked for from anywhere; addresses keep their counts."""
    counts = BooksStorage(work.session, work.now)
    for one in MESSAGES_IN_ALL:
        counts.clear(one.key_for("messages", mobile))


def _bounds(door: Door, account: str, address: str | None) -> tuple[tuple[RateLimitItem, tuple[str, ...]], ...]:
    bounds, source = BOUNDS[door], source_of(address)
    of_address = (_is_shared(source) and bounds.of_shared) or bounds.of_address
    return (
        *((one, (door.value, "pair", account, source)) for one in bounds.of_pair),
        *((one, (door.value, "address", source)) for one in of_address),
        *((one, (door.value, "account", account)) for one in bounds.of_account),
    )


def _is_shared(source: str) -> bool:
    """Whether a source is an address of IPv4."""
    try:
        return ip_address(source).version == 4
    except ValueError:
        return False


def source_of(address: str | None) -> str:
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
