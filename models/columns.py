"""Column types that every table shares: money, instants, spelled enums and personal data."""

import json
from collections.abc import Callable
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import BigInteger, DateTime, Dialect, String, Text
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


class _Seal:
    """How personal text is sealed and opened; the books set it once at start."""

    seal: Callable[[str], str] = staticmethod(lambda text: text)
    open: Callable[[str], str] = staticmethod(lambda text: text)


def set_seal(seal: Callable[[str], str], open_: Callable[[str], str]) -> None:
    """Sets how personal columns are written and read, for this process."""
    _Seal.seal = staticmethod(seal)
    _Seal.open = staticmethod(open_)


class Personal(TypeDecorator[str]):
    """Text about a person. Every column of names, numbers, cards and messages uses this type and no other."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:  # noqa: ARG002 signature given
        return None if value is None else _Seal.seal(value)

    def process_result_value(self, value: str | None, dialect: Dialect) -> str | None:  # noqa: ARG002 signature given
        return None if value is None else _Seal.open(value)


class PersonalForm(TypeDecorator[dict[str, Any]]):
    """A form or register answer about a person, as JSON inside a personal column."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: dict[str, Any] | None, dialect: Dialect) -> str | None:  # noqa: ARG002 signature given
        return None if value is None else _Seal.seal(json.dumps(value, ensure_ascii=False, separators=(",", ":")))

    def process_result_value(self, value: str | None, dialect: Dialect) -> dict[str, Any] | None:  # noqa: ARG002 signature given
        if value is None:
            return None
        opened: dict[str, Any] = json.loads(_Seal.open(value))
        return opened
