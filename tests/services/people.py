"""People and machines that a test needs beside those of the demonstration."""

from books.session import UnitOfWork
from books.sign_in import KnownBy
from models.staff import Staff
from services import standing
from services.audit import SYSTEM


def add(work: UnitOfWork, person: Staff) -> None:
    """Adds somebody by an act, be it of a role that no command gives; there is no way around one."""
    standing.enter(work, SYSTEM, "staff_added", person, KnownBy().mark(person.key_hash))
