"""Queries on decision tables and gradings."""

from sqlalchemy import bindparam
from sqlmodel import Session, col, select

from books.rows import WRITTEN_AT_ONCE
from models.grading import Grading, Policy

_IN_FORCE = select(Policy).where(col(Policy.name) == bindparam("name")).order_by(col(Policy.version).desc()).limit(1)
_GRADING = (
    select(Grading)
    .where(col(Grading.loan) == bindparam("loan"))
    .order_by(col(Grading.round).desc())
    .limit(1)
    .execution_options(**WRITTEN_AT_ONCE)
)


class PolicyBook:
    """Rules as data, and what they gave."""

    def __init__(self, session: Session) -> None:
        self.session = session
        # Kept for the length of the unit of work: gradings are written once, by the act that grades and then ends.
        self._gradings: dict[str, Grading | None] = {}

    def in_force(self, name: str) -> Policy | None:
        """The newest version of a policy."""
        return self.session.exec(_IN_FORCE, params={"name": name}).first()

    def grading(self, loan: str) -> Grading | None:
        """The latest grading of a loan."""
        if loan not in self._gradings:
            self._gradings[loan] = self.session.exec(_GRADING, params={"loan": loan}).first()
        return self._gradings[loan]
