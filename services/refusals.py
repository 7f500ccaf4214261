"""Refusals that the audit log keeps: one by one up to a bound, then counted, so that nobody fills the disk."""

import re
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from weakref import WeakKeyDictionary, ref

from books.session import Books, UnitOfWork
from lending.errors import LendingError
from models.keys import ID_PATTERN, LOAN_PATTERN
from models.origin import NOWHERE, coming_from, whence
from models.policies import NAME_PATTERN
from models.staff import Actor, Role
from services import audit
from services.permissions import Action, Open
from services.sign_in_tries import source_of

KEPT_STATUSES = frozenset({403, 404, 409, 413, 429})
"""Refusals worth an entry: not allowed, not there for this person, impossible as things stand, too large, too often.

Slips in a form are not.
"""
KEPT_CODES = frozenset(
    {
        "notice_rejected",
        "invalid_scope",
        "reason_missing",
        "invalid_document",
        "bad_webhook_address",
        "seal_broken",
        "key_missing",
        "other_index_key",
        "other_ring_key",
    }
)
"""And these, whatever their status: something was forged, tampered with, or tried that is more than a slip."""
LEFT_OUT = frozenset({"engine_busy", "page_not_found"})
"""Those that are nobody's attempt at anything."""
READING = frozenset({"GET", "HEAD", "OPTIONS"})
MOST_EACH = 20
"""So many refusals a minute of one person, or of strangers at one address, have an entry each."""
MOST_OF_ALL = 600
"""So many a minute of all people, and as many of all strangers: these cannot use up the room of those."""
FIRST_ALONE = MOST_OF_ALL // 2
"""From here on only the first of each has an entry, so that a flood from some addresses does not hide another's."""
MOST_STRANGERS = 1_000
"""So many addresses of strangers are told apart at a time; the others share a window."""
WINDOW_SECONDS = 60.0
CATCH_UP_SECONDS = 10.0
"""So often whoever serves writes down the counts of minutes that are over: a process that is killed loses no others."""
COUNTED = "refusals_counted"
SAID_AGAIN_SECONDS = 3_600.0
"""So often what lies in a list and cannot be opened has an entry: the list may be looked at all day."""
MOST_SAID = 1_000


def is_kept(error: LendingError, method: str) -> bool:
    """Whether a refusal belongs into the audit log; `method` is that of the request, for what only reads conflicts with
    nothing.
    """
    if error.code in LEFT_OUT or (error.http_status == 409 and method in READING):
        return False
    return error.http_status in KEPT_STATUSES or error.code in KEPT_CODES


@dataclass(frozen=True)
class Refusal:
    """What was refused: an act, which the table calls `action`, and why.

    `loan`, `task` and `subject`, anything else by its id, are what the caller named, whether or not they exist.
    """

    act: str
    reason: str
    action: Action | None = None
    loan: str | None = None
    task: str | None = None
    subject: str | None = None


def refusal_of(
    act: str,
    asked_for: Action | Open | None,
    error: LendingError,
    address: Mapping[str, object],
    *,
    number: str,
    loan: str | None = None,
) -> Refusal:
    """What a request was refused: the act by its route's name, what the table says of it, and the parts of its address.

    `number` is the part that holds a loan's number; `loan` stands for it where the address has none. An account that
    was locked is the subject where the address names nothing.
    """
    return Refusal(
        act,
        f"{error.code}: {error}",
        asked_for if isinstance(asked_for, Action) else None,
        loan=_named(address, number, LOAN_PATTERN) or loan,
        task=_named(address, "task_id", ID_PATTERN),
        subject=next(filter(None, (_named(address, name, one) for one in SUBJECTS for name in address)), None)
        or getattr(error, "account", None),
    )


def _named(address: Mapping[str, object], part: str, pattern: str) -> str | None:
    """A part of the address, if it is what it should be: what is not may be anything, and is not kept."""
    given = address.get(part)
    return given if isinstance(given, str) and re.fullmatch(pattern, given) else None


SUBJECTS = (ID_PATTERN, NAME_PATTERN, r"^[0-9]{4}-[0-9]{2}(-[0-9]{2})?$")
"""What may stand as a refusal's subject: a row's id, a policy's name, a month or day."""


@dataclass
class _Window:
    """A minute of a person, or of strangers at an address. `more` refusals came on top of those that have an entry."""

    key: tuple[bool, str]
    actor: Actor
    until: float
    kept: int = 0
    more: int = 0
    last: str = ""


class RefusalLog:
    """Keeps the refusals of one process. `at` is a clock that never goes back.

    What was only counted is written down with the next refusal of anybody after its minute, or by `catch_up`, at the
    end by `flush`. Where the books do not take it, it is counted on.
    """

    def __init__(self, books: Books, at: Callable[[], float] = time.monotonic) -> None:
        # The log of books must not keep them alive: it is found by them.
        self._books = ref(books)
        self._at = at
        self._lock = threading.Lock()
        self._windows: dict[tuple[bool, str], _Window] = {}
        self._until = 0.0
        # When what cannot be opened was last said, by the reason.
        self._said: dict[str, float] = {}
        # How many have an entry in this minute: of people, of strangers.
        self._kept = {False: 0, True: 0}

    def keep(self, actor: Actor, refusal: Refusal) -> None:
        """Writes an entry, in a unit of work of its own; above the bound it is only counted."""
        where = whence()
        actor = replace(actor, address=actor.address or where.address, request_id=actor.request_id or where.request_id)
        with self._lock:
            over = self._take_over(self._at())
            is_listed = self._count(actor, refusal.act)
        books = self._books()
        if books is None or not (is_listed or over):
            return
        loan, named = _place(books, actor, refusal) if is_listed else (None, None)
        # Counts are of other requests than the one under way.
        with self._counted_on(over), coming_from(NOWHERE), books.begin() as work:
            for window in over:
                _record_count(work, window)
            if is_listed:
                _record(work, actor, refusal, loan, named)

    def keep_unopened(self, actor: Actor, refusal: Refusal) -> None:
        """As `keep`, for a value in what somebody was shown that could not be opened: once an hour, whoever looks."""
        now = self._at()
        with self._lock:
            if now - self._said.get(refusal.reason, -SAID_AGAIN_SECONDS) < SAID_AGAIN_SECONDS:
                return
            if len(self._said) >= MOST_SAID:
                self._said.clear()
            self._said[refusal.reason] = now
        self.keep(actor, refusal)

    def catch_up(self) -> None:
        """Writes down what was only counted in minutes that are over."""
        self._write(self._at())

    def flush(self) -> None:
        """Writes down what was only counted so far; for the end of the process."""
        self._write(float("inf"))

    def _write(self, now: float) -> None:
        with self._lock:
            over = self._take_over(now)
        books = self._books()
        if books is not None and over:
            with self._counted_on(over), books.begin() as work:
                for window in over:
                    _record_count(work, window)

    @contextmanager
    def _counted_on(self, over: list[_Window]) -> Iterator[None]:
        """Takes these windows back where they could not be written down."""
        try:
            yield
        except Exception:
            with self._lock:
                for window in over:
                    self._windows.setdefault(window.key, replace(window, more=0)).more += window.more
            raise

    def _count(self, actor: Actor, act: str) -> bool:
        """Counts a refusal; whether it has an entry of its own."""
        now = self._at()
        if now >= self._until:
            self._until, self._kept = now + WINDOW_SECONDS, {False: 0, True: 0}
        is_stranger = actor.role is Role.STRANGER
        key = (is_stranger, source_of(actor.address) if is_stranger else actor.id)
        if is_stranger and key not in self._windows and len(self._windows) >= MOST_STRANGERS:
            key, actor = (True, ""), audit.STRANGER
        window = self._windows.setdefault(key, _Window(key, actor, now + WINDOW_SECONDS))
        kept = self._kept[is_stranger]
        if kept < MOST_OF_ALL and window.kept < (MOST_EACH if kept < FIRST_ALONE else 1):
            window.kept += 1
            self._kept[is_stranger] += 1
            return True
        window.more += 1
        window.last = act
        return False

    def _take_over(self, now: float) -> list[_Window]:
        """Takes out the windows that are over, and returns those that counted something."""
        ended = [key for key, window in self._windows.items() if window.until <= now]
        found = [self._windows.pop(key) for key in ended]
        return [window for window in found if window.more]


_LOGS: WeakKeyDictionary[Books, RefusalLog] = WeakKeyDictionary()


def refusal_log(books: Books) -> RefusalLog:
    """The one log of these books in this process, for API and pages alike."""
    return _LOGS.setdefault(books, RefusalLog(books))


def _record(work: UnitOfWork, actor: Actor, refusal: Refusal, loan: str | None, named: str | None) -> None:
    audit.record(
        work,
        actor,
        refusal.act,
        loan=loan,
        subject=named,
        after={"action": refusal.action} if refusal.action else None,
        reason=refusal.reason,
        refused=True,
    )


def _place(books: Books, actor: Actor, refusal: Refusal) -> tuple[str | None, str | None]:
    """The loan of the entry, and its subject. What the actor may not see is only named: it is no part of that loan's
    story, which others read. Looked up without holding a row, so that refusals keep nobody from working.
    """
    loan = refusal.loan
    with books.read() as work:
        try:
            if loan is None and refusal.task is not None:
                loan = work.tasks.seen_by(actor, refusal.task).loan
            if loan is not None:
                loan = work.loans.seen_by(actor, loan).number
        except LendingError:
            # Not there for him, or what is kept of it cannot be opened.
            return None, refusal.task or refusal.subject or refusal.loan
    return loan, refusal.task or refusal.subject


def _record_count(work: UnitOfWork, window: _Window) -> None:
    audit.record(
        work,
        window.actor,
        COUNTED,
        after={"count": window.more, "last": window.last},
        reason=f"refusals of one minute beyond the {window.kept} that are listed one by one",
        refused=True,
    )
