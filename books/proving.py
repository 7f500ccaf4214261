"""What proofs of the sealed books came to."""

from sqlmodel import Session, col, select

from books.rows import write
from models.proving import AuditVerdict

HIGHEST_ID = "g"
"""Above every id, which is spelled in hexadecimal."""


class ProvingBook:
    """Append and read; nothing else is possible."""

    def __init__(self, session: Session) -> None:
        self.session = session

    def add(self, verdict: AuditVerdict) -> None:
        """Keeps a verdict."""
        write(self.session, verdict)

    def get(self, verdict_id: str) -> AuditVerdict | None:
        """A verdict by its id."""
        return self.session.get(AuditVerdict, verdict_id)

    def of_run(self, run_id: str) -> AuditVerdict | None:
        """The verdict that a run of the workflow came to."""
        return self.session.exec(select(AuditVerdict).where(AuditVerdict.run_id == run_id)).first()

    def newest(self, before: str | None, limit: int) -> list[AuditVerdict]:
        """The newest verdicts, those with an id below `before`."""
        query = select(AuditVerdict).where(AuditVerdict.id < (before if before is not None else HIGHEST_ID))
        return list(self.session.exec(query.order_by(col(AuditVerdict.id).desc()).limit(limit)))

    def last(self) -> AuditVerdict | None:
        """The newest verdict."""
        return next(iter(self.newest(None, 1)), None)
