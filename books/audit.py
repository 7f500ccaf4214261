"""The audit log."""

from typing import Any

from sqlmodel import Session, col, select

from books.rows import write_values
from models.audit import AuditEntry


class AuditBook:
    """Append and read; nothing else is possible."""

    def __init__(self, session: Session) -> None:
        self.session = session

    def add(self, **entry: Any) -> None:
        """Appends an entry with these columns of `AuditEntry`."""
        write_values(self.session, AuditEntry, entry)

    def of_loan(self, loan: str, limit: int = 500) -> list[AuditEntry]:
        """Entries about a loan in their order."""
        query = select(AuditEntry).where(AuditEntry.loan == loan).order_by(col(AuditEntry.id)).limit(limit)
        return list(self.session.exec(query))

    def page(self, after: str = "", limit: int = 200) -> list[AuditEntry]:
        """Entries in their order, those after the id `after`."""
        query = select(AuditEntry).where(AuditEntry.id > after).order_by(col(AuditEntry.id)).limit(min(limit, 1000))
        return list(self.session.exec(query))
