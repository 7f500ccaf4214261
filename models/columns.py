"""Column types that every table shares: money, instants, spelled enums and personal data."""

import json
import threading
from collections import deque
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, ClassVar

from sqlalchemy import BigInteger, DateTime, Dialect, LargeBinary, String, Text
from sqlalchemy.types import TypeDecorator

Fen = BigInteger
"""Money in minor units; eight bytes hold any sum a lender will see."""


class Instant(TypeDecorator[datetime]):
    """An aware datetime, stored as UTC and read back aware on every database."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002 signature given
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("an instant needs a time zone")
        return value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002 signature given
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


class Spelled(TypeDecorator[StrEnum]):
    """An enum stored by its value, which is the spelling that API, table and page share."""

    impl = String(32)
    cache_ok = True

    def __init__(self, spelling: type[StrEnum]) -> None:
        self.spelling = spelling
        super().__init__()

    def process_bind_param(self, value: StrEnum | str | None, dialect: Dialect) -> str | None:  # noqa: ARG002 signature given
        return None if value is None else self.spelling(value).value

    def process_result_value(self, value: str | None, dialect: Dialect) -> StrEnum | None:  # noqa: ARG002 signature given
        return None if value is None else self.spelling(value)


class Sealed:
    """Personal data as it lies in a table. It opens for its own row only, so the books open it, who know the row."""

    __slots__ = ("kept",)

    def __init__(self, kept: str | bytes) -> None:
        self.kept = kept

    def __repr__(self) -> str:
        return "<sealed>"

    def __str__(self) -> str:
        # A page or message that would show it has forgotten to have it opened.
        raise TypeError("this is sealed; have the books open it")


class Erased(str):
    """What is read where the key was destroyed. Lists and audits of old loans go on working with it."""

    __slots__ = ()


ERASED = Erased("〔已删除〕")


class ErasedForm(dict[str, Any]):
    """A form of which nothing is left: every field that is asked for reads as erased."""

    def __missing__(self, name: str) -> str:
        return ERASED


class Unopened(str):
    """What is shown where a value is damaged or its key is missing. It is never written, and no act gets it."""

    __slots__ = ()


UNOPENED = Unopened("〔无法打开〕")


class UnopenedForm(dict[str, Any]):
    """A form that cannot be opened: every field that is asked for reads so."""

    def __missing__(self, name: str) -> str:
        return UNOPENED


class _ReadOfLate(threading.local):
    """Names of the data keys in what this thread read of late, so that all keys of a list are asked for at once."""

    def __init__(self) -> None:
        self.names: deque[str] = deque(maxlen=1_000)


READ_OF_LATE = _ReadOfLate()


class UnderASeal(TypeDecorator[Any]):
    """What personal columns have in common: a statement takes and gives what is sealed, and nothing else.

    The books seal what a statement writes and open what a row reads (`books/sealing.py`). Whatever goes past them is
    refused here, so that nothing comes to lie in clear by mistake.
    """

    impl = Text
    cache_ok = True
    is_file: ClassVar[bool] = False

    def encode(self, value: Any) -> bytes:
        """The bytes to seal."""
        raise NotImplementedError

    def decode(self, content: bytes) -> Any:
        """The value that was sealed."""
        raise NotImplementedError

    def erased(self) -> Any:
        """What is read once the key is gone."""
        return ERASED

    def unopened(self) -> Any:
        """What is shown where it cannot be opened."""
        return UNOPENED

    def process_bind_param(self, value: Any, dialect: Dialect) -> str | bytes | None:  # noqa: ARG002 signature given
        if value is None:
            return None
        if not isinstance(value, Sealed):
            raise TypeError("personal data is written through the books, which seal it; this was not")
        return value.kept

    def process_result_value(self, value: Any, dialect: Dialect) -> Sealed | None:  # noqa: ARG002 signature given
        if value is None:
            return None
        if not self.is_file:
            READ_OF_LATE.names.append(value[3:35])
        return Sealed(value)


class Personal(UnderASeal):
    """Text about a person. Every column of names, numbers, cards and messages uses this type and no other."""

    cache_ok = True

    def encode(self, value: str) -> bytes:
        return value.encode()

    def decode(self, content: bytes) -> str:
        return content.decode()


class PersonalForm(UnderASeal):
    """A form or register answer about a person, as JSON inside a personal column."""

    cache_ok = True

    def encode(self, value: dict[str, Any]) -> bytes:
        return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()

    def decode(self, content: bytes) -> dict[str, Any]:
        form: dict[str, Any] = json.loads(content)
        return form

    def erased(self) -> ErasedForm:
        return ErasedForm()

    def unopened(self) -> UnopenedForm:
        return UnopenedForm()


class PersonalFile(UnderASeal):
    """A file about a person. It is opened when it is asked for, not whenever its row is read: it may be large."""

    impl = LargeBinary  # type: ignore[assignment]  # the one that is not text
    cache_ok = True
    is_file = True

    def encode(self, value: bytes) -> bytes:
        return value

    def decode(self, content: bytes) -> bytes:
        return content
