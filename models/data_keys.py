"""The keys under which personal data lies: one for each customer, one of the house, themselves sealed with the ring."""

from datetime import datetime

from sqlmodel import Field, SQLModel

from models.columns import Instant

HOUSE = "house"
"""The key for what is about no customer: names of staff, the bank's lines, the lender's own list."""


class DataKey(SQLModel, table=True):
    """A key of 32 bytes, sealed with the key of the ring that `ring_key` names. Without `wrapped` it was destroyed."""

    __tablename__ = "data_key"

    id: str = Field(primary_key=True, max_length=32, description="whose data it seals: a customer's id, or `house`")
    ring_key: str = Field(max_length=16, index=True)
    wrapped: bytes | None = None
    created_at: datetime = Field(sa_type=Instant)
    destroyed_at: datetime | None = Field(default=None, sa_type=Instant)


class RingKey(SQLModel, table=True):
    """A key that the ring of these books ever had, by its mark, from which no key follows: its name stays its own."""

    __tablename__ = "ring_key"

    name: str = Field(primary_key=True, max_length=16)
    mark: str = Field(max_length=16)
    since: datetime = Field(sa_type=Instant)


class IndexKey(SQLModel, table=True):
    """The keys that made the digests of these books, the first one first: by their marks, from which no key follows."""

    __tablename__ = "index_key"

    n: int = Field(primary_key=True, sa_column_kwargs={"autoincrement": False})
    mark: str = Field(max_length=16)
    since: datetime = Field(sa_type=Instant)
