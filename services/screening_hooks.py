"""What a module may bring to screen the parties of a loan: a list of its own, asked whenever a case is graded."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date

from books.session import UnitOfWork
from models.screening import Finding, ScreenedParty


@dataclass(frozen=True)
class Screening:
    """One list. `ask` gets the parties of a loan and the business date, and gives who of them stands on it.

    It looks only and asks nobody outside: what leaves the house is a check of the product. A LendingError means that
    the list could not be asked, which sends the case to a person.
    """

    code: str
    name_en: str
    name_zh: str
    ask: Callable[[UnitOfWork, Sequence[ScreenedParty], date], list[Finding]]
