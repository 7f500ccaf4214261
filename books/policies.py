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

    def in_force(self, name: str) -> Policy | None:
        """The newest version of a policy."""
        return self.session.exec(_IN_FORCE, params={"name": name}).first()

    def grading(self, loan: str) -> Grading | None:
        """The latest grading of a loan."""
        return self.session.exec(_GRADING, params={"loan": loan}).first()
