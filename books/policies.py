"""Queries on decision tables and gradings."""

from sqlmodel import Session, col, select

from models.grading import Grading, Policy


class PolicyBook:
    """Rules as data, and what they gave."""

    def __init__(self, session: Session) -> None:
        self.session = session

    def in_force(self, name: str) -> Policy | None:
        """The newest version of a policy."""
        query = select(Policy).where(Policy.name == name).order_by(col(Policy.version).desc()).limit(1)
        return self.session.exec(query).first()

    def grading(self, loan: str) -> Grading | None:
        """The latest grading of a loan."""
        query = select(Grading).where(Grading.loan == loan).order_by(col(Grading.round).desc()).limit(1)
        return self.session.exec(query).first()
