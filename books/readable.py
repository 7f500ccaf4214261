"""All rows that a loan has in a table, also where somebody left a value in one of them that its type cannot read."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields
from functools import cache
from types import NoneType, UnionType
from typing import Any, TypeVar, Union, cast, get_args, get_origin, get_type_hints

from sqlalchemy import ColumnElement, inspect
from sqlalchemy import select as select_columns
from sqlalchemy.exc import OperationalError
from sqlmodel import Session, SQLModel, select

from books.stored import stored

Row = TypeVar("Row", bound=SQLModel)
Line = TypeVar("Line")

UNREADABLE = (ValueError, TypeError, LookupError, AttributeError, OverflowError, RecursionError)
"""What reading a value raises that is none of its type."""
NO_TEXT = "UTF-8"
"""SQLite says so of a text that is none."""


@dataclass(frozen=True, order=True)
class UnreadableRow:
    """A row that is there and cannot be read: its table, and its key as it is stored."""

    table: str
    key: str


class Readable:
    """Reads a table at once and, where that fails, row by row; keeps which rows cannot be read."""

    def __init__(self, session: Session) -> None:
        self.session = session
        self.unreadable: list[UnreadableRow] = []

    def rows(self, table: type[Row], which: ColumnElement[bool], *order: str) -> list[Row]:
        """The rows of a table."""
        return self._read(select(table), table, table, which, order)

    def lines(self, line: type[Line], table: type[SQLModel], which: ColumnElement[bool], *order: str) -> list[Line]:
        """Rows with the columns that a line names, which its class can be made from."""
        mapped: Any = table
        query = select_columns(*(getattr(mapped, one.name) for one in fields(cast(Any, line))))
        return [line(*row) for row in self._read(query, line, table, which, order)]

    def _read(
        self, query: Any, shape: type[Any], table: type[SQLModel], which: ColumnElement[bool], order: Sequence[str]
    ) -> list[Any]:
        ordered = [inspect(table).local_table.c[name] for name in order]
        found = self._all(query.where(which).order_by(*ordered), shape)
        return list(self._one_by_one(query, shape, table, which, ordered)) if found is None else found

    def _one_by_one(
        self,
        query: Any,
        shape: type[Any],
        table: type[SQLModel],
        which: ColumnElement[bool],
        ordered: Sequence[ColumnElement[Any]],
    ) -> Iterator[Any]:
        mapped = inspect(table)
        for key in stored(self.session, mapped.primary_key, which, order=ordered):
            # None of our keys is anything but text.
            is_ours = all(isinstance(kept, str) for kept in key)
            this = [column == kept for column, kept in zip(mapped.primary_key, key, strict=True)]
            found = self._all(query.where(*this), shape) if is_ours else None
            if found:
                yield from found
            else:
                self.unreadable.append(UnreadableRow(mapped.local_table.name, "/".join(_shown(kept) for kept in key)))

    def _all(self, query: Any, shape: type[Any]) -> list[Any] | None:
        """What a query finds; None where a value of it cannot be read, or is of another type than its column."""
        try:
            if issubclass(shape, SQLModel):
                found = list(self.session.exec(query))
            else:
                found = list(self.session.connection().execute(query))
        except UNREADABLE:
            return None
        except OperationalError as error:
            if NO_TEXT not in str(error.orig):
                raise
            return None
        return found if all(_fits(shape, row) for row in found) else None


def _shown(kept: object) -> str:
    return kept.decode(errors="backslashreplace") if isinstance(kept, bytes) else str(kept)


def _fits(shape: Any, row: Any) -> bool:
    """Whether each value is of the type that its column has: SQLite keeps any value in any column."""
    kinds = _kinds(shape)
    values = [getattr(row, name) for name in kinds] if issubclass(shape, SQLModel) else row
    return all(isinstance(value, kind) for value, kind in zip(values, kinds.values(), strict=True))


@cache
def _kinds(shape: type[Any]) -> dict[str, tuple[type, ...]]:
    """The types that the values of a table, or of a line, may have, by their names."""
    if issubclass(shape, SQLModel):
        return {name: tuple(_types(field.annotation)) for name, field in shape.model_fields.items()}
    hints = get_type_hints(shape)
    return {one.name: tuple(_types(hints[one.name])) for one in fields(cast(Any, shape))}


def _types(annotation: Any) -> Iterator[type]:
    origin = get_origin(annotation)
    if origin in (Union, UnionType):
        for one in get_args(annotation):
            yield from _types(one)
    elif annotation is Any:
        yield object
    else:
        yield NoneType if annotation is None else origin or annotation
