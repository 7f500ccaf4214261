"""Documents that belong to a loan: those handed in and those that the lender issued, and what was read on them."""

import hashlib
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, Self

from sqlalchemy import Index, UniqueConstraint, text
from sqlmodel import Field, SQLModel

from models.columns import Instant, Personal, PersonalFile, PersonalForm, Spelled
from models.keys import new_id
from models.sealing import LockedFile, SealBroken, keys
from models.tasks import Outcome

DIGEST_LETTERS = 64


class Document(SQLModel, table=True):
    """A file as it was handed in, or a paper as it was issued: only these have a language and a version of the terms.

    What was handed in belongs to one person of the loan, who is its `party_id`; None of an older one of which nobody
    has said whose it is. The same content for the same loan and kind is stored once. It lies sealed, bound to this row
    and its digest: under the customer's data key, or, where `key_id` names one, still under that key of the ring.
    """

    __tablename__ = "document"
    __sealed_for__ = "loan"
    __table_args__ = (UniqueConstraint("loan", "kind", "sha256"), Index("ix_document_sha256", "sha256"))

    id: str = Field(default_factory=new_id, primary_key=True, max_length=32)
    loan: str = Field(foreign_key="loan.number", max_length=16)
    kind: str = Field(max_length=32)
    party_id: str | None = Field(default=None, foreign_key="party.id", max_length=32, index=True)
    filename: str = Field(sa_type=Personal)
    media_type: str = Field(max_length=64)
    size_bytes: int
    sha256: str = Field(max_length=64)
    key_id: str = Field(default="", max_length=16)
    sealed: bytes = Field(sa_type=PersonalFile, description="its digest and the content")
    language: str | None = Field(default=None, max_length=8)
    terms_version: int | None = None
    uploaded_by: str = Field(max_length=64)
    uploaded_at: datetime = Field(sa_type=Instant)

    @classmethod
    def of(cls, content: bytes, *, id: str | None = None, sha256: str | None = None, **columns: Any) -> Self:
        """A document with this content, sealed; the digest is computed unless the caller has it already."""
        sha256 = sha256 or hashlib.sha256(content).hexdigest()
        return cls(
            id=id or new_id(), size_bytes=len(content), sha256=sha256, sealed=sha256.encode() + content, **columns
        )

    @property
    def is_paper(self) -> bool:
        """Whether the lender issued it; all else was handed in."""
        return self.language is not None

    @property
    def content(self) -> bytes:
        """The file itself. Raises SealBroken if it is not the one that was kept under this row, PersonErased."""
        kept: object = self.sealed
        if self.key_id and isinstance(kept, LockedFile):
            return keys().open(self.key_id, kept.kept, ring_binding("document", self.id, self.sha256))
        digest_and_content = kept.open() if isinstance(kept, LockedFile) else self.sealed
        if digest_and_content[:DIGEST_LETTERS] != self.sha256.encode():
            raise SealBroken(f"document {self.id}")
        return digest_and_content[DIGEST_LETTERS:]

    @content.setter
    def content(self, content: bytes) -> None:
        # The digest stays: whoever reads it can tell that the content is not the one that came in.
        self.key_id, self.sealed = "", self.sha256.encode() + content


class ReadingVerdict(StrEnum):
    """What became of reading a document by machine."""

    AGREES = "agrees"
    DIFFERS = "differs"
    UNREADABLE = "unreadable"
    WRONG_KIND = "wrong_kind"
    OTHER_SIDE = "other_side"
    """The side of a card that names nobody: read, but never in the place of the side with the name."""


class DocumentReading(SQLModel, table=True):
    """A document that waits to be read, then what was read on it and what a person said about it.

    `found`, `lines` and the picture show what stands on the document, so all are personal. `lines` are the words as
    they were read, for a comparison with what registers answer later. A picture whose `picture_key_id` names a key of
    the ring still lies under that one.
    """

    __tablename__ = "document_reading"
    __sealed_for__ = "loan"
    __table_args__ = (
        Index(
            "ix_document_reading_waiting",
            "not_before",
            "document_id",
            sqlite_where=text("done_at IS NULL"),
            postgresql_where=text("done_at IS NULL"),
        ),
    )

    document_id: str = Field(primary_key=True, foreign_key="document.id", max_length=32)
    loan: str = Field(foreign_key="loan.number", max_length=16, index=True)
    not_before: datetime = Field(sa_type=Instant)
    attempts: int = 0
    last_error: str | None = Field(default=None, max_length=64)
    done_at: datetime | None = Field(default=None, sa_type=Instant)
    verdict: ReadingVerdict | None = Field(default=None, sa_type=Spelled(ReadingVerdict))
    confidence: int | None = Field(default=None, description="percent")
    method: str | None = Field(default=None, max_length=16, description="text or scan")
    found: dict[str, Any] | None = Field(default=None, sa_type=PersonalForm)
    lines: dict[str, Any] | None = Field(
        default=None, sa_type=PersonalForm, description="a reading without its picture"
    )
    picture_key_id: str | None = Field(default=None, max_length=16)
    picture: bytes | None = Field(default=None, sa_type=PersonalFile, description="its first pages as JPEG")
    text_index: str | None = Field(default=None, max_length=64, index=True, description="digest of its text")
    number_index: str | None = Field(default=None, max_length=64, index=True, description="digest of its own number")
    duplicated: bool = Field(default=False, description="another customer handed the same in: file, text or number")
    doubtful: bool = Field(default=False, description="a person has to look at it")
    outcome: Outcome | None = Field(default=None, sa_type=Spelled(Outcome))
    reason: str | None = Field(default=None, sa_type=Personal)
    decided_by: str | None = Field(default=None, max_length=64)
    decided_at: datetime | None = Field(default=None, sa_type=Instant)

    def keep_picture(self, jpeg: bytes) -> None:
        """Keeps the picture of its first pages."""
        self.picture_key_id, self.picture = None, jpeg

    def show_picture(self) -> bytes | None:
        """The picture of its first pages, if the document has one. Raises SealBroken and PersonErased."""
        kept: object = self.picture
        if not isinstance(kept, LockedFile):
            return self.picture
        if self.picture_key_id:
            return keys().open(self.picture_key_id, kept.kept, ring_binding("picture", self.document_id))
        return kept.open()


@dataclass(frozen=True)
class Word:
    """A piece of text as it was read. The box is left, top, width and height in thousandths of the page."""

    text: str
    page: int
    box: tuple[int, int, int, int]
    confidence: int


@dataclass(frozen=True)
class Reading:
    """What the reader gave back: lines of words in reading order, and its first pages to look at, in one picture.

    `method` is `text` for a text layer, `scan` for a picture, `none` where nothing could be read. The pages stand below
    each other in the picture, each with its width and height in `page_sizes`; one that could not be drawn has none.
    """

    method: str
    pages: int
    lines: tuple[tuple[Word, ...], ...]
    picture: bytes | None = None
    picture_size: tuple[int, int] | None = None
    page_sizes: tuple[tuple[int, int], ...] = ()

    def as_json(self) -> dict[str, Any]:
        """Its words, as they are kept to be compared again."""
        lines = [[[word.text, word.page, word.box, word.confidence] for word in line] for line in self.lines]
        return {"method": self.method, "pages": self.pages, "lines": lines}

    @classmethod
    def from_json(cls, kept: dict[str, Any]) -> Self:
        """The same words."""
        lines = tuple(
            tuple(Word(text, page, tuple(box), sure) for text, page, box, sure in line) for line in kept["lines"]
        )
        return cls(kept["method"], kept["pages"], lines)


def ring_binding(what: str, id_: str, digest: str = "") -> str:
    """What a content is bound to that lies under a key of the ring, as all did before customers had their own."""
    return f"{what} {id_} {digest}".rstrip()
