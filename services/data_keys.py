"""Changing keys while the house works: those of the ring, and those that make the digests for exact search."""

import hashlib
import hmac
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection, Row, Table, bindparam, select, tuple_, update

from books.customers import digest_under
from books.guards import guards_aside
from books.sealing import wrapping
from books.session import UnitOfWork
from lending.errors import LendingError
from models.data_keys import DataKey, IndexKey, RingKey
from models.histories import binding as run_binding
from models.sealing import KeyMissing, SealBroken, keys
from models.staff import Actor
from models.tables import METADATA
from services import audit

KEYS_AT_ONCE = 500
KEYS_TRIED = 20
FILES_AT_ONCE = 10
"""Contents in memory at a time, of at most 5 MiB each."""
DIGESTS_AT_ONCE = 2_000
DIGEST_LETTERS = 64
MARK_LETTERS = 16
_DIGEST = re.compile(r"[0-9a-f]{64}")
OTHER_DIGESTS = (("search_token", "token"),)
"""Digests in columns that are not called `…_index`."""


class OtherIndexKey(LendingError):
    """The digests of the books were made with other keys than this process has: it would find nothing."""

    code = "other_index_key"
    http_status = 500


class OtherRingKey(LendingError):
    """A key of the ring has the name of another one: under it, what is sealed now would be lost with what was."""

    code = "other_ring_key"
    http_status = 500

    def __init__(self, name: str) -> None:
        super().__init__(
            f"the key {name} in LOANWRIGHT_KEYS is not the one that these books know by this name; put that one back, "
            "and give a new key a name that no key had before"
        )


@dataclass
class Portion:
    """What one step of a rotation did: how many it brought under the newest key, which it could not, where it ended."""

    last: str
    done: int = 0
    damaged: list[str] = field(default_factory=list)


# -- keys of the ring ------------------------------------------------------------------------------------------------


def check_ring(work: UnitOfWork) -> None:
    """Refuses (OtherRingKey) a key of this process's ring whose name stands for another key in the books.

    A key that the books have no mark of, as all before the first start with marks, has to open what is under its name.
    """
    known = work.data_keys.ring_marks()
    for name, mark in keys().marks().items():
        if known.get(name, mark) != mark:
            raise OtherRingKey(name)
        # More than one is tried: a single one may be damaged.
        tried = () if name in known else work.data_keys.oldest_under(name, KEYS_TRIED)
        if tried and not any(_opens(one) for one in tried):
            raise OtherRingKey(name)


def _opens(key: DataKey) -> bool:
    try:
        keys().open(key.ring_key, key.wrapped or b"", wrapping(key.id))
    except SealBroken:
        return False
    return True


def take_ring(work: UnitOfWork) -> None:
    """Makes the keys of this process's ring those of the books by their names. Refuses (OtherRingKey) as a check."""
    check_ring(work)
    known = work.data_keys.ring_marks()
    for name, mark in keys().marks().items():
        if name not in known:
            work.data_keys.add_ring_key(RingKey(name=name, mark=mark, since=work.now))
            audit.record(work, audit.SYSTEM, "ring_key_known", subject=name)


Step = Callable[[UnitOfWork, str], Portion | None]


def wrap_keys(work: UnitOfWork, after: str) -> Portion | None:
    """Brings some data keys under the newest key of the ring; None if there are no more."""
    ring = keys()
    rows = work.data_keys.keys_under_another(ring.newest, after, KEYS_AT_ONCE)

    def bring(place: int) -> None:
        row = rows[place]
        key = ring.open(row.ring_key, row.wrapped or b"", wrapping(row.id))
        row.ring_key, row.wrapped = ring.seal(key, wrapping(row.id))
        work.session.add(row)

    return _portion([row.id for row in rows], bring)


def seal_documents(work: UnitOfWork, after: str) -> Portion | None:
    """Brings some contents that lie directly under the ring under the keys of their customers."""
    rows = work.data_keys.documents_under_the_ring(after, FILES_AT_ONCE)

    def bring(place: int) -> None:
        rows[place].content = rows[place].content
        work.session.add(rows[place])

    return _portion([row.id for row in rows], bring)


def seal_pictures(work: UnitOfWork, after: str) -> Portion | None:
    """The same with the pictures of what was read."""
    rows = work.data_keys.pictures_under_the_ring(after, FILES_AT_ONCE)

    def bring(place: int) -> None:
        if (picture := rows[place].show_picture()) is not None:
            rows[place].keep_picture(picture)
            work.session.add(rows[place])

    return _portion([row.document_id for row in rows], bring)


def seal_histories(work: UnitOfWork, after: str) -> Portion | None:
    """Brings some archived histories under the newest key of the ring."""
    ring = keys()
    rows = work.data_keys.histories_under_another(ring.newest, after, FILES_AT_ONCE)

    def bring(place: int) -> None:
        row = rows[place]
        content = ring.open(row.key_id, row.sealed, run_binding(row.run_id))
        row.key_id, row.sealed = ring.seal(content, run_binding(row.run_id))
        work.session.add(row)

    return _portion([row.run_id for row in rows], bring)


STEPS: dict[str, Step] = {
    "data keys": wrap_keys,
    "documents": seal_documents,
    "pictures": seal_pictures,
    "histories": seal_histories,
}
"""A rotation, by what it changes; each in portions of a unit of work, so that it can end and begin anew anywhere."""


def _portion(names: Sequence[str], bring: Callable[[int], None]) -> Portion | None:
    if not names:
        return None
    portion = Portion(names[-1])
    for place, name in enumerate(names):
        try:
            bring(place)
        except (SealBroken, KeyMissing) as error:
            # It stays as it is, and is named: the others are brought all the same.
            portion.damaged.append(f"{name}: {error}")
        else:
            portion.done += 1
    return portion


def record_beginning(work: UnitOfWork, actor: Actor, waiting: Mapping[str, int]) -> None:
    """Writes into the audit log that somebody has a rotation begun, and of how much: it may be killed on its way."""
    audit.record(work, actor, "key_rotation_begun", after={"key": keys().newest, **waiting})


def record_rotation(work: UnitOfWork, actor: Actor, done: Mapping[str, int], damaged: int) -> None:
    """Writes into the audit log what a rotation came to."""
    after = {"key": keys().newest, "damaged": damaged, **done}
    audit.record(work, actor, "keys_rotated", after=after)


# -- keys of digests -------------------------------------------------------------------------------------------------


def marks_of(index_keys: Sequence[bytes]) -> list[str]:
    """What the books remember of keys, and from which none of them follows."""
    return [hmac.new(key, b"mark", hashlib.sha256).hexdigest()[:MARK_LETTERS] for key in index_keys]


def check_index_keys(work: UnitOfWork, index_keys: Sequence[bytes]) -> None:
    """Refuses (OtherIndexKey) keys that are not those that made the digests of the books."""
    made, given = work.data_keys.index_marks(), marks_of(index_keys)
    if made == given or not made:
        return
    if given[: len(made)] == made:
        raise OtherIndexKey("LOANWRIGHT_INDEX_KEY names a newer key; stop the house and run `loanwright keys reindex`")
    raise OtherIndexKey(
        "the digests of these books were made with other keys than LOANWRIGHT_INDEX_KEY names; the newest comes first "
        "there, and all earlier ones follow it"
    )


def take_index_keys(work: UnitOfWork, index_keys: Sequence[bytes]) -> None:
    """Makes these the keys of books that have no digest yet. Refuses (OtherIndexKey) others than those of the books."""
    if not work.data_keys.index_marks():
        _add_marks(work, index_keys, 0)
    check_index_keys(work, index_keys)


def digest_columns() -> list[tuple[Table, str]]:
    """Every column that holds digests made by `blind_index`."""
    return [
        (table, column.name)
        for table in METADATA.sorted_tables
        for column in table.columns
        if (table.name, column.name) in OTHER_DIGESTS
        or (column.name.endswith("_index") and getattr(column.type, "length", None) == DIGEST_LETTERS)
    ]


def reindex(work: UnitOfWork, index_keys: Sequence[bytes], actor: Actor = audit.SYSTEM) -> Iterator[tuple[str, int]]:
    """Takes all digests on to the newest keys, within the caller's unit of work: nobody ever sees half of it.

    A digest under a new key is that of the digest before, so no value is opened for it. Yields after each step which
    table it is in and how many rows it did. Refuses (OtherIndexKey) keys that do not begin with those of the books.
    """
    made, given = work.data_keys.index_marks(), marks_of(index_keys)
    if given[: len(made)] != made:
        check_index_keys(work, index_keys)
    further = index_keys[len(made) :]
    if not further:
        return
    by_table: dict[Table, list[str]] = {}
    for table, column in digest_columns():
        by_table.setdefault(table, []).append(column)
    connection = work.session.connection()
    with guards_aside(connection, [table.name for table in by_table]):
        for table, columns in by_table.items():
            for rows in _pages(connection, table, columns):
                _take_on(connection, table, columns, rows, further)
                yield table.name, len(rows)
    _add_marks(work, index_keys, len(made))
    audit.record(work, actor, "digests_under_new_key", after={"keys": len(index_keys)})


def _pages(connection: Connection, table: Table, columns: Sequence[str]) -> Iterator[Sequence[Row[Any]]]:
    """A table's rows in the order of its key. Where a digest is part of the key, rows of one place come together."""
    key = list(table.primary_key)
    place = [column for column in key if column.name not in columns]
    others = [table.c[name] for name in columns if not table.c[name].primary_key]
    query = select(*key, *others).order_by(*place, *(column for column in key if column not in place))
    if not place:
        yield connection.execute(query).all()
        return
    after: Row[Any] | None = None
    while True:
        page = query if after is None else query.where(tuple_(*place) > tuple_(*(after._mapping[one] for one in place)))
        rows = connection.execute(page.limit(DIGESTS_AT_ONCE)).all()
        if not rows:
            return
        if len(rows) == DIGESTS_AT_ONCE and len(place) < len(key):
            last = [rows[-1]._mapping[one] for one in place]
            rows = [row for row in rows if [row._mapping[one] for one in place] != last] or rows
        yield rows
        after = rows[-1]


def _take_on(
    connection: Connection, table: Table, columns: Sequence[str], rows: Sequence[Row[Any]], further: Sequence[bytes]
) -> None:
    changes = []
    for row in rows:
        values = {name: row._mapping[table.c[name]] for name in columns}
        if any(_is_digest(value) for value in values.values()):
            new = {
                f"new_{name}": digest_under(further, value) if _is_digest(value) else value
                for name, value in values.items()
            }
            changes.append(new | {f"at_{one.name}": row._mapping[one] for one in table.primary_key})
    if changes:
        connection.execute(
            update(table)
            .where(*(one == bindparam(f"at_{one.name}") for one in table.primary_key))
            .values({name: bindparam(f"new_{name}") for name in columns}),
            changes,
        )


def _is_digest(value: str | None) -> bool:
    return value is not None and _DIGEST.fullmatch(value) is not None


def _add_marks(work: UnitOfWork, index_keys: Sequence[bytes], known: int) -> None:
    marks = marks_of(index_keys)
    work.data_keys.add_index_keys(
        [IndexKey(n=n, mark=mark, since=work.now) for n, mark in enumerate(marks, 1) if n > known]
    )
