"""Row ids, workflow ids, queue names and effect keys: every spelled address in one file."""

import re
from hashlib import sha256

from uuid_utils import uuid7

LOANS_QUEUE = "loans"
"""Workflows and the local activities on the books."""
REGISTERS_QUEUE = "registers"
"""Outside registers: a slow one must not hold up a workflow or a payment."""
BANK_QUEUE = "bank"
"""Everything that moves money, apart from the rest."""

_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")
LOAN_PATTERN = r"^L[0-9]{8,12}$"
"""What a loan's number looks like wherever it comes in."""
ID_PATTERN = r"^[0-9a-f]{32}$"
"""What a row id looks like wherever it comes in."""
STAFF_ID_PATTERN = r"^[a-z][a-z0-9-]{2,31}$"
"""What the id of a member of staff, or of a machine, looks like."""


def new_id() -> str:
    """A row id: UUID version 7 as 32 hex digits, so that rows sort by their time of birth."""
    return uuid7().hex


def request_id_from(given: str) -> str:
    """The id of a request: the one that a proxy before us gave it, if it can confuse no log, or one of our own."""
    return given if _REQUEST_ID.fullmatch(given) else new_id()


def given_id(given: str, *patterns: str) -> str:
    """What somebody gave as an id, to be repeated in a sentence that is kept: itself if it looks like one of these ids.

    Whatever else was given may be a name or a number of a person, and three dots stand for it.
    """
    return given if any(re.fullmatch(one, given) for one in patterns) else "…"


def workflow_id(loan: str) -> str:
    """The Temporal workflow of a loan."""
    return f"loan/{loan}"


def loan_of(workflow: str) -> str:
    """The number of the loan whose workflow has this id."""
    return workflow.removeprefix(workflow_id(""))


def command_id(actor_id: str, about: str, given: str) -> str:
    """The id of a command that its sender named `given`: another one for another person or another act (`about`)."""
    return sha256(f"{actor_id}|{about}|{given}".encode()).hexdigest()[:32]


def command_key(loan: str, command_id: str) -> str:
    """The effect key of a command: the same command, however often it is sent and to whichever run, is one effect."""
    return f"{loan}:command:{sha256(command_id.encode()).hexdigest()[:32]}"


def effect_key(loan: str, operation: str, n: int) -> str:
    """The key of one effect, unique in the books and passed to the bank as EndToEndId."""
    return f"{loan}:{operation}:{n}"
