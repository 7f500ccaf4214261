"""What stands in the addresses of pages: loan numbers and tasks. Anything else is no page and asks no database."""

from typing import Annotated

from fastapi import Path

LOAN_PATTERN = r"^L[0-9]{8,12}$"
TASK_PATTERN = r"^[0-9a-f]{32}$"

Number = Annotated[str, Path(pattern=LOAN_PATTERN)]
"""The number of a loan."""
TaskId = Annotated[str, Path(pattern=TASK_PATTERN)]
"""The id of a task."""
