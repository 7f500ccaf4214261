"""Queries on the keys in the books, and on what still hangs on a key of the ring itself."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import ColumnElement, func
from sqlmodel import Session, col, select

from models.data_keys import DataKey, IndexKey, RingKey
from models.documents import Document, DocumentReading
from models.histories import RunContent


class DataKeyBook:
    """Data keys, contents under the ring, and the marks of the keys that made the digests."""

    def __init__(self, session: Session) -> None:
        self.session = session

    def get(self, name: str) -> DataKey | None:
        """One data key."""
        return self.session.get(DataKey, name)

    def held(self, name: str) -> DataKey | None:
        """One data key, kept from other writers until the unit of work ends."""
        return self.session.exec(select(DataKey).where(DataKey.id == name).with_for_update()).first()

    # -- what hangs on which key of the ring -------------------------------------------------------------------------

    def counts(self) -> dict[str, dict[str, int]]:
        """How much hangs on each key of the ring: by what it is, then by the key's name."""
        return {
            "data keys": self._count(col(DataKey.ring_key), col(DataKey.wrapped).is_not(None)),
            "documents": self._count(col(Document.key_id), col(Document.key_id) != ""),
            "pictures": self._count(col(DocumentReading.picture_key_id), col(DocumentReading.picture_key_id) != ""),
            "histories": self._count(col(RunContent.key_id), col(RunContent.key_id) != ""),
        }

    def _count(self, key: Any, condition: ColumnElement[bool]) -> dict[str, int]:
        query = select(key, func.count()).where(condition).group_by(key).order_by(key)
        return {name: count for name, count in self.session.exec(query) if name is not None}

    def destroyed(self) -> int:
        """How many data keys were destroyed."""
        return self.session.exec(select(func.count()).where(col(DataKey.destroyed_at).is_not(None))).one()

    def keys_under_another(self, newest: str, after: str, limit: int) -> list[DataKey]:
        """Data keys that hang on another key of the ring than the newest, kept from other writers."""
        query = select(DataKey).where(DataKey.ring_key != newest, col(DataKey.wrapped).is_not(None), DataKey.id > after)
        return list(self.session.exec(query.order_by(DataKey.id).limit(limit).with_for_update(skip_locked=True)))

    def documents_under_the_ring(self, after: str, limit: int) -> list[Document]:
        """Documents whose contents lie directly under a key of the ring, kept from other writers."""
        query = select(Document).where(Document.key_id != "", Document.id > after).order_by(col(Document.id))
        return list(self.session.exec(query.limit(limit).with_for_update(skip_locked=True)))

    def pictures_under_the_ring(self, after: str, limit: int) -> list[DocumentReading]:
        """Readings whose pictures lie directly under a key of the ring, kept from other writers."""
        query = select(DocumentReading).where(
            col(DocumentReading.picture_key_id) != "", DocumentReading.document_id > after
        )
        query = query.order_by(col(DocumentReading.document_id)).limit(limit)
        return list(self.session.exec(query.with_for_update(skip_locked=True)))

    def histories_under_another(self, newest: str, after: str, limit: int) -> list[RunContent]:
        """Archived histories under another key of the ring than the newest, kept from other writers."""
        query = select(RunContent).where(RunContent.key_id != newest, RunContent.run_id > after)
        return list(
            self.session.exec(query.order_by(col(RunContent.run_id)).limit(limit).with_for_update(skip_locked=True))
        )

    def oldest_under(self, name: str, limit: int) -> list[DataKey]:
        """The oldest data keys that hang on a key of the ring."""
        query = select(DataKey).where(DataKey.ring_key == name, col(DataKey.wrapped).is_not(None))
        return list(self.session.exec(query.order_by(col(DataKey.created_at), col(DataKey.id)).limit(limit)))

    def ring_marks(self) -> dict[str, str]:
        """The marks of all keys that the ring ever had, by name."""
        return {one.name: one.mark for one in self.session.exec(select(RingKey))}

    def add_ring_key(self, key: RingKey) -> None:
        """Records a key that the ring has from now on."""
        self.session.add(key)

    # -- keys of digests ---------------------------------------------------------------------------------------------

    def index_marks(self) -> list[str]:
        """The marks of the keys that made the digests, the first one first."""
        return list(self.session.exec(select(IndexKey.mark).order_by(col(IndexKey.n))))

    def add_index_keys(self, marks: Sequence[IndexKey]) -> None:
        """Records that digests are made with these keys as well."""
        self.session.add_all(marks)
