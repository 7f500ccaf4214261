"""The history of one run as it is archived: the engine's own JSON, read event by event. Standard library only."""

import base64
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from hashlib import sha256
from typing import Any

from lending.errors import LendingError

LARGEST_HISTORY = 64 * 1024 * 1024
"""Bytes of one history. The engine ends a run at 51,200 events or 50 MB."""
_PREFIX = "EVENT_TYPE_"
_INSTANT = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?Z")


class CloseStatus(StrEnum):
    """How a run ended."""

    COMPLETED = "completed"
    CONTINUED_AS_NEW = "continued_as_new"
    FAILED = "failed"
    TERMINATED = "terminated"
    CANCELLED = "cancelled"
    TIMED_OUT = "timed_out"


STARTED = "WORKFLOW_EXECUTION_STARTED"
TASK_FAILED = "WORKFLOW_TASK_FAILED"
ENDS = {
    "WORKFLOW_EXECUTION_COMPLETED": CloseStatus.COMPLETED,
    "WORKFLOW_EXECUTION_CONTINUED_AS_NEW": CloseStatus.CONTINUED_AS_NEW,
    "WORKFLOW_EXECUTION_FAILED": CloseStatus.FAILED,
    "WORKFLOW_EXECUTION_TERMINATED": CloseStatus.TERMINATED,
    "WORKFLOW_EXECUTION_CANCELED": CloseStatus.CANCELLED,
    "WORKFLOW_EXECUTION_TIMED_OUT": CloseStatus.TIMED_OUT,
}
"""The event with which a run closes, and what it means."""


class HistoryDamaged(LendingError):
    """What should be a history is none, or lacks a part."""

    code = "history_damaged"
    http_status = 409

    def __init__(self, run: str, why: str) -> None:
        self.run = run
        super().__init__(f"the history of run {run} is damaged: {why}")


@dataclass(frozen=True, slots=True)
class RunEvent:
    """One event of a run: its number, when the engine wrote it, its kind and what it says."""

    id: int
    at: datetime
    type: str
    attributes: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class CodeVersion:
    """A version of the code that worked on a run: the number of the first event that it completed, and when that was.

    Both are None in rows of archives that kept the name alone.
    """

    version: str
    first_event: int | None
    at: datetime | None

    def as_json(self) -> dict[str, Any]:
        """As it is kept."""
        return {"version": self.version, "first_event": self.first_event, "at": self.at and self.at.isoformat()}

    @classmethod
    def read(cls, kept: str | Mapping[str, Any]) -> "CodeVersion":
        """From what was kept."""
        if isinstance(kept, str):
            return cls(kept, None, None)
        at = kept["at"]
        return cls(kept["version"], kept["first_event"], datetime.fromisoformat(at) if at else None)


@dataclass(frozen=True, slots=True)
class RunEvents:
    """All events of one run, without a gap."""

    run: str
    events: Sequence[RunEvent]

    @property
    def first(self) -> RunEvent:
        """The start of the run."""
        return self.events[0]

    @property
    def last(self) -> RunEvent:
        """The newest event."""
        return self.events[-1]

    @property
    def closed_as(self) -> CloseStatus | None:
        """How the run ended, None while it is open."""
        return ENDS.get(self.last.type)

    @property
    def workflow_id(self) -> str:
        """The workflow that this is a run of, as the engine wrote it; empty if it did not."""
        return str(self.first.attributes.get("workflowId", ""))

    @property
    def written_for(self) -> str | None:
        """The run that this is the history of, as the engine wrote it; None if its start does not say so."""
        # A run that was reset begins with the events of the one before, and then says which one it became.
        became = (one.attributes.get("newRunId") for one in reversed(self.events) if one.type == TASK_FAILED)
        return next((run for run in became if run), None) or self.first.attributes.get("originalExecutionRunId") or None

    @property
    def previous(self) -> str | None:
        """The run that was continued by this one."""
        return self.first.attributes.get("continuedExecutionRunId") or None

    @property
    def next(self) -> str | None:
        """The run that continues this one."""
        return self.last.attributes.get("newExecutionRunId") or None if self.closed_as else None

    @property
    def versions(self) -> tuple[CodeVersion, ...]:
        """Which versions of the code worked on the run, and from when on, in the order in which they came."""
        seen: dict[str, CodeVersion] = {}
        for event in self.events:
            build = (event.attributes.get("workerVersion") or {}).get("buildId")
            if event.type == "WORKFLOW_TASK_COMPLETED" and build:
                seen.setdefault(str(build), CodeVersion(str(build), event.id, event.at))
        return tuple(seen.values())


def digest(content: bytes) -> str:
    """What tells one history from any other."""
    return sha256(content).hexdigest()


def read_events(run: str, content: bytes) -> RunEvents:
    """The events of a run's history. Raises HistoryDamaged for what is no history or has a gap."""
    if len(content) > LARGEST_HISTORY:
        raise HistoryDamaged(run, "it is larger than any run can be")
    try:
        written = json.loads(content)
        events = [_event(one) for one in written["events"]]
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        raise HistoryDamaged(run, "it cannot be read") from None
    if not events:
        raise HistoryDamaged(run, "it is empty")
    for expected, event in enumerate(events, 1):
        if event.id != expected:
            raise HistoryDamaged(run, f"event {expected} is missing")
    if events[0].type != STARTED:
        raise HistoryDamaged(run, "it does not begin with the start of a run")
    for event in events[:-1]:
        if event.type in ENDS:
            raise HistoryDamaged(run, f"it goes on after its end at event {event.id}")
    return RunEvents(run, tuple(events))


def _event(written: Mapping[str, Any]) -> RunEvent:
    named = (value for name, value in written.items() if name.endswith("EventAttributes"))
    attributes: Any = next(named, {})
    kind = written["eventType"]
    if not isinstance(kind, str) or not isinstance(attributes, dict):
        raise TypeError("not an event")
    return RunEvent(int(written["eventId"]), _instant(written["eventTime"]), kind.removeprefix(_PREFIX), attributes)


def _instant(written: str) -> datetime:
    found = _INSTANT.fullmatch(written)
    if found is None:
        raise ValueError("not an instant")
    micros = int((found[2] or "").ljust(6, "0")[:6])
    return datetime.fromisoformat(found[1]).replace(microsecond=micros, tzinfo=UTC)


def payload(holder: Any, place: int = 0) -> Any:
    """What one of the payloads that an event holds says, None if there is none or it is sealed."""
    payloads = holder.get("payloads") if isinstance(holder, dict) else None
    if not isinstance(payloads, list) or len(payloads) <= place:
        return None
    one = payloads[place]
    try:
        if base64.b64decode(one["metadata"]["encoding"]) != b"json/plain":
            return None
        return json.loads(base64.b64decode(one["data"]))
    except (KeyError, TypeError, ValueError):
        return None


def failure(written: Any) -> tuple[str, str]:
    """Kind and sentence of a failure that an event holds; of a chain the innermost, which says what happened."""
    if not isinstance(written, dict):
        return "", ""
    cause = written.get("cause")
    if isinstance(cause, dict) and cause:
        return failure(cause)
    info = written.get("applicationFailureInfo") or {}
    hidden = payload({"payloads": [written["encodedAttributes"]]}) if written.get("encodedAttributes") else None
    sentence = hidden.get("message") if isinstance(hidden, dict) else written.get("message")
    return str(info.get("type") or ""), str(sentence or "")
