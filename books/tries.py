"""Counts of tries, kept in the books: several processes share them, and a restart forgets none."""

from datetime import UTC, datetime, timedelta
from typing import Any

from limits.storage import Storage
from sqlalchemy import bindparam, case, delete
from sqlalchemy.dialects import postgresql, sqlite
from sqlmodel import Session, SQLModel, col, select

from books.customers import blind_index
from models.sign_in import TryCount

_ROW = SQLModel.metadata.tables["try_count"]


def _counting(dialect: Any) -> Any:
    """One statement, so that of two tries at the same moment each counts: a window that is over begins anew."""
    made = dialect.insert(_ROW).values(key=bindparam("try_key"), count=bindparam("amount"), ends_at=bindparam("until"))
    is_over = _ROW.c.ends_at <= bindparam("now")
    return made.on_conflict_do_update(
        index_elements=[_ROW.c.key],
        set_={
            "count": case((is_over, made.excluded.count), else_=_ROW.c.count + made.excluded.count),
            "ends_at": case((is_over, made.excluded.ends_at), else_=_ROW.c.ends_at),
        },
    ).returning(_ROW.c.count)


_COUNT = {"sqlite": _counting(sqlite), "postgresql": _counting(postgresql)}


class BooksStorage(Storage):
    """Where the library `limits` keeps its counts, within the caller's unit of work.

    Keys name accounts, mobiles and addresses, so that only keyed digests of them are stored.
    """

    STORAGE_SCHEME = None

    def __init__(self, session: Session, now: datetime) -> None:
        super().__init__()
        self._session = session
        self._now = now

    @property
    def base_exceptions(self) -> tuple[type[Exception], ...]:
        """None of its own: what the database raises is passed on."""
        return ()

    def incr(self, key: str, expiry: int, amount: int = 1) -> int:
        """Counts a try and returns how many there are in the window, which this one opens if none is open."""
        connection = self._session.connection()
        until = self._now + timedelta(seconds=expiry)
        values = {"try_key": blind_index(key), "amount": amount, "until": until, "now": self._now}
        return int(connection.execute(_COUNT[connection.dialect.name], values).scalar_one())

    def get(self, key: str) -> int:
        """How many there are in the window that is open now."""
        row = self._row(key)
        return row.count if row else 0

    def get_expiry(self, key: str) -> float:
        """When the open window ends, as a timestamp; now if none is open."""
        row = self._row(key)
        return (row.ends_at if row else self._now).timestamp()

    def check(self) -> bool:
        """Whether it can be used: as long as its unit of work can."""
        return True

    def reset(self) -> int | None:
        """Forgets all counts."""
        return self._session.exec(delete(TryCount)).rowcount

    def clear(self, key: str) -> None:
        """Forgets the count of a key."""
        self._session.exec(delete(TryCount).where(col(TryCount.key) == blind_index(key)))

    def _row(self, key: str) -> TryCount | None:
        query = select(TryCount).where(TryCount.key == blind_index(key), TryCount.ends_at > self._now)
        return self._session.exec(query.execution_options(populate_existing=True)).first()


def instant_of(timestamp: float) -> datetime:
    """A timestamp of the library as an instant."""
    return datetime.fromtimestamp(timestamp, UTC)
