"""What stands in the addresses of pages: numbers, ids, filters. Anything else is no page and asks no database."""

from collections.abc import Mapping
from datetime import date
from typing import Annotated
from urllib.parse import urlencode

from fastapi import Path

from models.keys import ID_PATTERN, LOAN_PATTERN
from models.policies import NAME_PATTERN

Number = Annotated[str, Path(pattern=LOAN_PATTERN)]
"""The number of a loan."""
Id = Annotated[str, Path(pattern=ID_PATTERN)]
"""The id of a task, a document, a proof …"""
PolicyName = Annotated[str, Path(pattern=NAME_PATTERN)]
"""What a policy is called."""
Version = Annotated[int, Path(ge=1, le=1_000_000)]
"""The number of one of its versions."""


def on_day(text: str) -> date | None:
    """The day in an address; None for what is none."""
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None


def query(values: Mapping[str, str]) -> str:
    """What follows an address to say it: the values that there are, after a question mark; nothing without any."""
    text = urlencode({name: value for name, value in values.items() if value})
    return f"?{text}" if text else ""
