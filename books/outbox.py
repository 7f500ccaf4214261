"""The outbox, effects already done, and number series."""

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Update, bindparam, exists, func, text, update
from sqlalchemy.orm import aliased
from sqlmodel import Session, col, select

from books.rows import WRITTEN_AT_ONCE, write_values
from models.keys import new_id
from models.outbox import Effect, NumberSeries, OutboxRow, Topic

_NEW_SERIES = text("INSERT INTO number_series (name, next) VALUES (:name, 1) ON CONFLICT DO NOTHING")
_TAKEN = (
    update(NumberSeries)
    .where(col(NumberSeries.name) == bindparam("series"))
    .values(next=NumberSeries.next + bindparam("count"))
    .returning(col(NumberSeries.next))
)
_EFFECT = select(Effect).where(col(Effect.key) == bindparam("key")).execution_options(**WRITTEN_AT_ONCE)
_LATER = aliased(Effect)
_LEFT_OPEN = (
    select(Effect.key)
    .where(
        col(Effect.key).in_(bindparam("keys", expanding=True)),
        ~exists().where(
            col(_LATER.loan) == col(Effect.loan), col(_LATER.n) >= col(Effect.n), col(_LATER.key) != col(Effect.key)
        ),
    )
    .execution_options(**WRITTEN_AT_ONCE)
)
_DUE = select(OutboxRow.id).where(col(OutboxRow.done_at).is_(None), OutboxRow.not_before <= bindparam("now")).limit(1)
_CLAIMED = (
    select(OutboxRow)
    .where(col(OutboxRow.done_at).is_(None), OutboxRow.not_before <= bindparam("now"))
    .order_by(col(OutboxRow.not_before), col(OutboxRow.id))
    .limit(bindparam("most"))
    .with_for_update(skip_locked=True)
)
_CLAIMED_UNREAD = _CLAIMED.with_only_columns(col(OutboxRow.id), col(OutboxRow.attempts))


class OutboxBook:
    """Messages that leave after the commit, at least once."""

    def __init__(self, session: Session) -> None:
        self.session = session

    def put(self, topic: Topic, key: str, payload: dict[str, Any], at: datetime, loan: str | None = None) -> None:
        """Writes a message; the key makes it one of its kind."""
        write_values(self.session, OutboxRow, message_values(topic, key, payload, at, loan))

    def has(self, key: str) -> bool:
        """Whether a message with this key was ever written."""
        return self.session.exec(select(OutboxRow.id).where(OutboxRow.key == key)).first() is not None

    def is_due(self, now: datetime) -> bool:
        """Whether any message is due."""
        return self.session.exec(_DUE, params={"now": now}).first() is not None

    def claim(self, now: datetime, limit: int, lease: timedelta) -> list[OutboxRow]:
        """Takes up to `limit` messages that are due; nobody else gets them until the lease ends."""
        rows = list(self.session.exec(_CLAIMED, params={"now": now, "most": limit}))
        self._lease([row.id for row in rows], now + lease)
        return rows

    def claim_unread(self, now: datetime, limit: int, lease: timedelta) -> list[tuple[str, int]]:
        """As `claim`, without reading them: their ids, and how often each was tried before."""
        found = self.session.connection().execute(_CLAIMED_UNREAD, {"now": now, "most": limit})
        rows = [(row[0], row[1]) for row in found]
        self._lease([row_id for row_id, _ in rows], now + lease)
        return rows

    def read(self, row_id: str) -> OutboxRow:
        """One message."""
        return self.session.get_one(OutboxRow, row_id)

    def _lease(self, ids: list[str], until: datetime) -> None:
        if ids:
            self.session.exec(_rows(ids).values(not_before=until, attempts=OutboxRow.attempts + 1))

    def done(self, ids: list[str], now: datetime) -> None:
        """Marks messages as delivered."""
        self.session.connection().execute(_rows(ids).values(done_at=now, last_error=None))

    def later(self, row_id: str, at: datetime, error: str) -> None:
        """Puts a message back until `at`, with the kind of error that stopped it."""
        self.session.connection().execute(_rows([row_id]).values(not_before=at, last_error=error[:64]))

    def waiting(self) -> int:
        """How many messages are not delivered yet."""
        return self.session.exec(
            select(func.count()).select_from(OutboxRow).where(col(OutboxRow.done_at).is_(None))
        ).one()

    def effect(self, key: str) -> Effect | None:
        """The first result of an act, if it was done."""
        return self.session.exec(_EFFECT, params={"key": key}).first()

    def add_effect(self, **effect: Any) -> None:
        """Records the result of an act, with these columns of `Effect`."""
        write_values(self.session, Effect, effect)

    def left_open(self, keys: list[str]) -> set[str]:
        """Those of the effects after which their loan has done nothing yet."""
        return set(self.session.exec(_LEFT_OPEN, params={"keys": keys}))

    def last_effect(self, loan: str) -> int:
        """The highest effect number of a loan, 0 if none."""
        return self.session.exec(select(func.coalesce(func.max(Effect.n), 0)).where(Effect.loan == loan)).one()

    def hold(self, series: str) -> None:
        """Keeps others who hold or number this series waiting until the commit: of two at the same moment the second
        sees what the first did.
        """
        self.next_numbers(series, 0)

    def next_numbers(self, series: str, count: int) -> int:
        """Reserves `count` numbers of a series and returns the first."""
        taken = {"series": series, "count": count}
        connection = self.session.connection()
        after = connection.execute(_TAKEN, taken).first()
        if after is None:
            # Another process may begin the same series at this moment: whoever comes second finds the row.
            connection.execute(_NEW_SERIES, {"name": series})
            after = connection.execute(_TAKEN, taken).one()
        return int(after[0]) - count


def message_values(
    topic: Topic, key: str, payload: dict[str, Any], at: datetime, loan: str | None = None
) -> dict[str, Any]:
    """The columns of a message that waits, ready to be inserted; the key makes it one of its kind."""
    return {
        "id": new_id(),
        "topic": topic,
        "key": key,
        "loan": loan,
        "payload": payload,
        "not_before": at,
        "attempts": 0,
    }


def growing_pause(attempts: int, longest: timedelta) -> timedelta:
    """How long what failed so many times waits for its next try: twice as long each time, at most `longest`."""
    return min(timedelta(seconds=2 ** min(attempts, 16)), longest)


def _rows(ids: list[str]) -> Update:
    return update(OutboxRow).where(col(OutboxRow.id).in_(ids))
