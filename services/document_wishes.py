"""What a borrower is asked for when his application is sent back."""

from datetime import date

from books.session import UnitOfWork
from models.loans import Loan
from services.document_lists import NAMES_ZH
from services.facts import document_list


def missing_words(work: UnitOfWork, loan: Loan, day: date) -> str:
    """The documents that are missing, as the message names them; empty if it is about something else."""
    found = document_list(work, loan, day)
    missing = found.missing if found else ()
    return "：" + "、".join(NAMES_ZH.get(kind, kind) for kind in missing) if missing else ""
