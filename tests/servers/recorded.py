"""Sees to it that whatever is written by API, pages, worker or commands leaves an entry in the audit log."""

import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from traceback import extract_stack
from typing import Any

import pytest
from sqlalchemy import Connection, Engine, event

from books.audit import AuditBook
from books.session import Books, UnitOfWork
from models.origin import origin
from models.staff import Role

ROOT = Path(__file__).resolve().parents[2]
WRITES = re.compile(r'(?:INSERT INTO|UPDATE|DELETE FROM) "?(\w+)"?')
FRAMES = 4
NO_ACTS = {
    "outbox": "what is on its way; the act that put it there is recorded",
    "try_count": "how often somebody tried; the refusal itself is recorded",
    "number_series": "numbers drawn for applications that turned out to be known or refused",
    "register_claim": "whose turn it is to ask a register; the answer is recorded",
    "provider_request": "somebody was sent to his provider; with what he came back is recorded",
    "sign_in_code": "a code that somebody asked for, whoever he is; what became of it is recorded",
    "web_session": "when a session was last used; its beginning and end are recorded",
}
"""Tables in which a row alone is nobody's act, and why."""
NO_ACT_OF = {
    "console/keys.py:_begun": "a portion of a rotation, whose beginning and end are recorded",
    "activities/secrets.py:_forget": "the secret of a message that was sent is removed; the asking is recorded",
    "activities/papers.py:make_one": "a try to make a paper; the order and the paper are recorded",
    "engine/bundles.py:_seal": "what waits is sealed before an export, which is recorded",
    "activities/bank.py:_begin": "an order that is recorded goes out; what became of it is recorded",
}
"""Who opens units of work that are not acts, and why."""


@dataclass
class _Unit:
    tables: set[str] = field(default_factory=set)


_UNDER_WAY = threading.local()


def _note(_c: Connection, _cursor: object, statement: str, _p: Any, _context: object, _many: bool) -> None:
    unit: _Unit | None = getattr(_UNDER_WAY, "unit", None)
    if unit is not None and (found := WRITES.match(statement)):
        unit.tables.add(found[1])


@pytest.fixture(autouse=True)
def nothing_is_written_silently() -> Iterator[None]:
    """Fails a test in which a served application wrote something without an entry in the audit log."""
    silent: list[str] = []
    with every_act_recorded(silent):
        yield
    assert silent == []


@contextmanager
def every_act_recorded(silent: list[str], *, everywhere: bool = False) -> Iterator[None]:
    """While the block lasts, adds to `silent` each unit of work of a served application that was committed without an
    entry: where it was opened, and what it wrote; and each entry that does not say from where somebody came. The test's
    own thread may write what it likes, unless `everywhere` is asked for.
    """
    begin, add = Books.begin, AuditBook.add

    def added(book: AuditBook, **entry: Any) -> str:
        entry_id = add(book, **entry)
        if getattr(_UNDER_WAY, "unit", None) is not None and (missing := _lacks(entry)):
            silent.append(f"{entry['act']} of {entry['actor_id']} has no {missing}")
        return entry_id

    @contextmanager
    def watched(books: Books, now: datetime | None = None) -> Iterator[UnitOfWork]:
        if not everywhere and threading.current_thread() is threading.main_thread():
            with begin(books, now) as work:
                yield work
            return
        _UNDER_WAY.unit = unit = _Unit()
        try:
            with begin(books, now) as work:
                yield work
        finally:
            _UNDER_WAY.unit = None
        acted = unit.tables - NO_ACTS.keys()
        if acted and "audit_entry" not in acted:
            opened_by = _opened_by()
            if opened_by[0] not in NO_ACT_OF:
                silent.append(f"{' < '.join(opened_by)} wrote {', '.join(sorted(acted))}")

    Books.begin = watched  # type: ignore[method-assign, assignment]  # for the block
    AuditBook.add = added  # type: ignore[method-assign, assignment]  # for the block
    event.listen(Engine, "before_cursor_execute", _note)
    try:
        yield
    finally:
        event.remove(Engine, "before_cursor_execute", _note)
        Books.begin = begin  # type: ignore[method-assign]
        AuditBook.add = add  # type: ignore[method-assign]


def _lacks(entry: dict[str, Any]) -> str | None:
    """What is missing of an entry to say from where its actor came. Nobody sends the system; a step of a workflow names
    itself; a command has no request.
    """
    if origin() is not None or entry["role"] is Role.SYSTEM:
        return None
    if not entry["address"]:
        return "address"
    return None if entry["request_id"] or entry["address"].startswith("cli:") else "request id"


def _opened_by() -> list[str]:
    """The functions of ours that were under way, the innermost first."""
    ours = [frame for frame in extract_stack() if frame.filename.startswith(f"{ROOT}/")]
    named = [(Path(frame.filename).relative_to(ROOT).as_posix(), frame.name) for frame in ours]
    outside = (".venv/", "tests/servers/", "books/")
    return [f"{file}:{name}" for file, name in reversed(named) if not file.startswith(outside)][:FRAMES] or ["nobody"]
