"""What stands in the addresses of pages: loan numbers and tasks. Anything else is no page and asks no database."""

from datetime import date
from typing import Annotated

from fastapi import Path

from models.keys import ID_PATTERN, LOAN_PATTERN

Number = Annotated[str, Path(pattern=LOAN_PATTERN)]
"""The number of a loan."""
TaskId = Annotated[str, Path(pattern=ID_PATTERN)]
"""The id of a task."""


def on_day(text: str) -> date | None:
    """The day in an address; None for what is none."""
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None
