"""An archived run against its history and its audit entry: every column of its row follows from these two."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from books.histories import Archiving, HistoryBook
from models.histories import RunHistory
from models.run_events import HistoryDamaged, RunEvents


def differing(row: RunHistory, loan: str | None, events: RunEvents, content: bytes, at: datetime) -> list[str]:
    """The columns of an archived run, as they are read, that are not what history and entry give."""
    try:
        told = RunHistory.of(loan or row.loan, events, content, at)
    except HistoryDamaged:
        return ["status"]
    return [name for name in RunHistory.model_fields if not _is_told(name, getattr(row, name), getattr(told, name))]


def differing_as_stored(
    book: HistoryBook, kept: Mapping[str, Any], row: RunHistory, events: RunEvents, content: bytes, entry: Archiving
) -> list[str]:
    """The same of the row as it is stored, to the letter."""
    try:
        told = RunHistory.of(str(entry.loan), events, content, row.exported_at)
    except HistoryDamaged:
        return ["status"]
    if _names(row.code_versions) == [one.version for one in told.versions]:
        told.code_versions = row.code_versions
    spelled = book.spelled(told) | {"exported_at": entry.at}
    return [name for name, value in spelled.items() if kept[name] != value]


def _is_told(name: str, kept: Any, told: Any) -> bool:
    if name == "code_versions" and (names := _names(kept)) is not None:
        return names == [one["version"] for one in told]
    return bool(kept == told)


def _names(kept: Any) -> list[str] | None:
    """The names of versions, of which earlier releases kept nothing else; None of a row that has more."""
    return kept if isinstance(kept, list) and all(isinstance(one, str) for one in kept) and kept else None
