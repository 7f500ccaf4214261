"""Sealed values that somebody damages in the database itself."""

from books.sealing import SEALED
from books.session import Books
from tests.services.audit_log import tamper


def damage_all_about(books: Books, customer_id: str) -> None:
    """Every sealed text about a customer, in all tables; files are left as they are."""
    tamper(
        books,
        *(
            _damage(sealed.table.name, column, f"{column} LIKE 's1.{customer_id}.%'")
            for sealed in SEALED.values()
            for column, kind in sealed.columns.items()
            if not kind.is_file
        ),
    )


def damage_one(books: Books, table: str, column: str, row: str, key: str = "id") -> None:
    """One sealed text."""
    tamper(books, _damage(table, column, f"{key} = '{row}'"))


def _damage(table: str, column: str, condition: str) -> str:
    # Signs in the middle, where there is no padding: what they were before, they are no more.
    changed = f"substr({column}, 1, length({column}) - 8) || 'AAAA' || substr({column}, length({column}) - 3)"
    return f"UPDATE {table} SET {column} = {changed} WHERE {condition}"
