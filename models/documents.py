"""Documents that belong to a loan: those handed in and those that the lender issued."""

from datetime import datetime

from sqlalchemy import LargeBinary, UniqueConstraint
from sqlmodel import Field, SQLModel

from models.columns import Instant, Personal
from models.keys import new_id


class Document(SQLModel, table=True):
    """A file as it was handed in, or a paper as it was issued: only these have a language and a version of the terms.

    The same content for the same loan and kind is stored once.
    """

    __tablename__ = "document"
    __table_args__ = (UniqueConstraint("loan", "kind", "sha256"),)

    id: str = Field(default_factory=new_id, primary_key=True, max_length=32)
    loan: str = Field(foreign_key="loan.number", max_length=16)
    kind: str = Field(max_length=32)
    filename: str = Field(sa_type=Personal)
    media_type: str = Field(max_length=64)
    size_bytes: int
    sha256: str = Field(max_length=64)
    content: bytes = Field(sa_type=LargeBinary)
    language: str | None = Field(default=None, max_length=8)
    terms_version: int | None = None
    uploaded_by: str = Field(max_length=64)
    uploaded_at: datetime = Field(sa_type=Instant)
