"""The audit log."""

from sqlmodel import Session, col, select

from books.rows import write
from models.audit import AuditEntry


class AuditBook:
    """Append and read; nothing else is possible."""

    def __init__(self, session: Session) -> None:
        self.session = session

    def add(self, entry: AuditEntry) -> None:
        """Appends an entry."""
        write(self.session, entry)

    def of_loan(self, loan: str, limit: int = 500) -> list[AuditEntry]:
        """Entries about a loan in their order."""
        query = select(AuditEntry).where(AuditEntry.loan == loan).order_by(col(AuditEntry.id)).limit(limit)
        return list(self.session.exec(query))

    def page(self, after: str = "", limit: int = 200) -> list[AuditEntry]:
        """Entries in their order, those after the id `after`."""
        query = select(AuditEntry).where(AuditEntry.id > after).order_by(col(AuditEntry.id)).limit(min(limit, 1000))
        return list(self.session.exec(query))
