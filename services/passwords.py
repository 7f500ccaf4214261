"""Passwords: which are good enough, and how they are kept and compared.

Hashes are Argon2id with 19 MiB, two passes and one lane, the first choice of the OWASP Password Storage Cheat Sheet.
That is some 30 ms of a processor, so it is done by two threads, and whoever would be the 41st in line is asked to come
again: nobody can fill the memory or the processors by sending passwords.
"""

import asyncio
import secrets
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from pathlib import Path
from typing import TypeVar

from pwdlib import PasswordHash
from pwdlib.hashers.argon2 import Argon2Hasher

from lending.errors import LendingError

SHORTEST = 12
"""NIST SP 800-63B asks for eight characters beside a second factor, and advises against rules of composition."""
LONGEST = 128
MOST_WAITING = 40
ONE_TIME_BYTES = 12

Result = TypeVar("Result")

_HASHES = PasswordHash((Argon2Hasher(time_cost=2, memory_cost=19 * 1024, parallelism=1),))
_THREADS = ThreadPoolExecutor(2, thread_name_prefix="argon2")
_MOST_GUESSED = frozenset(Path(__file__).with_name("most_guessed_passwords.txt").read_text(encoding="utf-8").split())


class PasswordRefused(LendingError):
    """Not good enough to be anybody's password."""

    code = "password_refused"
    http_status = 422


class TooBusy(LendingError):
    """So many passwords wait to be compared that one more would only wait."""

    code = "sign_in_busy"
    http_status = 503

    def __init__(self) -> None:
        super().__init__("many people are signing in at this moment; try again in a few seconds")


class _Line:
    """How many wait for the threads now, all event loops of this process together."""

    length = 0


def check_strength(password: str, staff_id: str) -> None:
    """Refuses (PasswordRefused) what is too short or long, what thousands of people use, and what is the own id."""
    if not SHORTEST <= len(password) <= LONGEST:
        raise PasswordRefused(f"a password has {SHORTEST} to {LONGEST} characters")
    lowered = password.casefold()
    if staff_id.casefold() in lowered:
        raise PasswordRefused("a password does not hold the id that it belongs to; choose another one")
    if lowered in _MOST_GUESSED or len(set(lowered)) < 5:
        raise PasswordRefused("this password is among the first that anybody would guess; choose another one")


def one_time_password() -> str:
    """A password that nobody chose, for the first sign-in."""
    return secrets.token_urlsafe(ONE_TIME_BYTES)


def hashed(password: str) -> str:
    """How a password is kept."""
    return _HASHES.hash(password)


async def hashed_in_thread(password: str) -> str:
    """The same without holding up others. Raises TooBusy."""
    return await _in_thread(hashed, password)


async def is_right(password: str, kept: str | None) -> bool:
    """Whether this is the password. Where there is none the answer takes as long. Raises TooBusy."""
    # The digest of something too long is not worth a thread's time; nobody has such a password.
    given = password[: LONGEST + 1]
    matches = await _in_thread(_matches, given, kept or "")
    return matches and bool(kept)


def _matches(password: str, kept: str) -> bool:
    # What no text can hold (half of a surrogate pair) no form can have set as a password either.
    # Made by the first who asks, whether known or not: the others of a process do not wait for it.
    nobodys = _nobodys_hash()
    return _HASHES.verify(password.encode("utf-8", "replace"), kept or nobodys)


async def _in_thread(act: Callable[..., Result], *given: str) -> Result:
    if _Line.length >= MOST_WAITING:
        raise TooBusy
    _Line.length += 1
    try:
        return await asyncio.get_running_loop().run_in_executor(_THREADS, act, *given)
    finally:
        _Line.length -= 1


@cache
def _nobodys_hash() -> str:
    return hashed(secrets.token_urlsafe())
