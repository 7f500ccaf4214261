"""The audit log."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass, fields
from datetime import datetime
from functools import partial
from operator import attrgetter
from typing import Any, Final

from sqlalchemy import JSON, ColumnElement, distinct, func, inspect, type_coerce
from sqlmodel import Session, col, select

from books.rows import write_values
from books.stored import rows_by_key, stored
from models.audit import AuditEntry
from models.chain import first_id_at
from models.keys import new_id
from models.origin import origin

MOST_OF_A_LOAN: Final = 500
"""Of a longer story these are the newest; what is older comes a page at a time."""


ENTRY = inspect(AuditEntry).local_table


@dataclass(frozen=True, slots=True)
class StoredEntry:
    """What an entry says of its subject, as it is stored: whoever went around the program may have left anything."""

    id: Any
    act: Any
    subject: Any
    before: Any
    after: Any
    refused: Any


@dataclass(frozen=True)
class EntryFilter:
    """Which entries are wanted; None is any. The instants are those at which entries were written."""

    since: datetime | None = None
    until: datetime | None = None
    actor_id: str | None = None
    role: str | None = None
    act: str | None = None
    loan: str | None = None
    refused: bool | None = None

    def conditions(self) -> list[ColumnElement[bool]]:
        """As the database is asked."""
        found = [
            col(getattr(AuditEntry, name)) == wanted
            for name in ("actor_id", "role", "act", "loan")
            if (wanted := getattr(self, name)) is not None
        ]
        if self.refused is not None:
            found.append(col(AuditEntry.refused).is_(self.refused))
        if self.since is not None:
            found.append(col(AuditEntry.id) >= first_id_at(self.since))
        if self.until is not None:
            found.append(col(AuditEntry.id) < first_id_at(self.until))
        return found


class AuditBook:
    """Append and read; nothing else is possible."""

    def __init__(self, session: Session) -> None:
        self.session = session

    def add(self, **entry: Any) -> str:
        """Appends an entry with these columns of `AuditEntry`, and with the step of a workflow that asked for it.

        Returns its id.
        """
        values = {"id": new_id()} | _step() | entry
        write_values(self.session, AuditEntry, values)
        return str(values["id"])

    def of_loan(
        self, loan: str, limit: int = MOST_OF_A_LOAN, *, before: str | None = None, acts: Collection[str] | None = None
    ) -> list[AuditEntry]:
        """The newest entries about a loan, oldest first: those with an id below `before`, and of these acts."""
        query = select(AuditEntry).where(AuditEntry.loan == loan)
        if before is not None:
            query = query.where(col(AuditEntry.id) < before)
        if acts is not None:
            query = query.where(col(AuditEntry.act).in_(acts))
        return list(self.session.exec(query.order_by(col(AuditEntry.id).desc()).limit(limit)))[::-1]

    def page(self, after: str = "", limit: int = 200) -> list[AuditEntry]:
        """Entries in their order, those after the id `after`."""
        query = select(AuditEntry).where(AuditEntry.id > after).order_by(col(AuditEntry.id)).limit(min(limit, 1000))
        return list(self.session.exec(query))

    def of_act_as_stored(self, act: str, at_once: int = 500) -> Iterator[StoredEntry]:
        """All entries of an act in their order, as they are stored, read so many at a time; not those of refusals."""
        read = partial(self._as_stored, ENTRY.c.act == act)
        return (one for one in rows_by_key(read, attrgetter("id"), at_once) if one.refused == 0)

    def as_stored(self, entry_id: str) -> StoredEntry | None:
        """One entry as it is stored; None if there is none with this id."""
        return next(iter(self._as_stored(ENTRY.c.id == entry_id, "", 1)), None)

    def _as_stored(self, which: ColumnElement[bool], after: str, limit: int) -> list[StoredEntry]:
        columns = (ENTRY.c[one.name] for one in fields(StoredEntry))
        rows = stored(self.session, columns, which, ENTRY.c.id > after, order=[ENTRY.c.id], limit=limit)
        return [StoredEntry(*row) for row in rows]

    def of_act_about(self, act: str, subject: str, after: str, limit: int = 100) -> list[AuditEntry]:
        """The newest entries of an act about a subject, the newest first: those with an id above `after`."""
        query = select(AuditEntry).where(AuditEntry.act == act, AuditEntry.id > after, AuditEntry.subject == subject)
        return list(self.session.exec(query.order_by(col(AuditEntry.id).desc()).limit(limit)))

    def count_since(self, actor_id: str, act: str, since: datetime) -> int:
        """How often somebody did something since then."""
        query = select(func.count()).where(
            AuditEntry.actor_id == actor_id, col(AuditEntry.id) >= first_id_at(since), AuditEntry.act == act
        )
        return self.session.exec(query).one()

    def others_seen(self, actor_id: str, act: str, parts: Collection[str], but: str, since: datetime) -> int:
        """Of how many subjects other than `but` somebody saw one of these parts since then."""
        part = type_coerce(col(AuditEntry.after), JSON)["part"].as_string()
        query = select(func.count(distinct(col(AuditEntry.subject)))).where(
            AuditEntry.actor_id == actor_id,
            col(AuditEntry.id) >= first_id_at(since),
            AuditEntry.act == act,
            AuditEntry.subject != but,
            part.in_(parts),
        )
        return self.session.exec(query).one()

    def get(self, entry_id: str) -> AuditEntry | None:
        """One entry; None if there is none with this id."""
        return self.session.get(AuditEntry, entry_id)

    def newest(self, wanted: EntryFilter, before: str | None, limit: int) -> list[AuditEntry]:
        """The newest entries that are wanted, those with an id below `before`."""
        query = select(AuditEntry).where(*wanted.conditions()).order_by(col(AuditEntry.id).desc()).limit(limit)
        return list(self.session.exec(query.where(AuditEntry.id < before) if before else query))


def _step() -> dict[str, Any]:
    """The columns that name the step of a workflow under way; none outside of workflows."""
    step = origin()
    if step is None:
        return {}
    return {
        "workflow_id": step.workflow_id,
        "run_id": step.run_id,
        "activity_id": step.activity_id,
        "event_id": step.event_id,
    }
