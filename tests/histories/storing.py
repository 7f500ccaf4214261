"""How a history is stored, and what of it must not change without a review."""

import base64
import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from google.protobuf.json_format import MessageToDict
from temporalio.api.history.v1 import HistoryEvent
from temporalio.client import WorkflowHistory

FOLDER = Path(__file__).parent
CURRENT = FOLDER / "v0.1"
"""Histories of the version under work. A released version's folder is never written again."""


def to_text(history: WorkflowHistory) -> str:
    """The history as JSON without what names the machine it was recorded on: stack traces and identities."""
    return json.dumps(_without_machine(history.to_json_dict()), ensure_ascii=False, indent=1, sort_keys=True) + "\n"


def _without_machine(value: Any) -> Any:
    if isinstance(value, dict):
        kept = {name: one for name, one in value.items() if name not in ("stackTrace", "identity")}
        return {name: _without_machine(one) for name, one in kept.items()}
    return [_without_machine(one) for one in value] if isinstance(value, list) else value


def files_of(life: str, version: Path = CURRENT) -> list[Path]:
    """The stored runs of one life, from the first to the last."""
    return sorted(version.glob(f"{life}.run*.json"))


def load(path: Path) -> WorkflowHistory:
    """A stored history."""
    return WorkflowHistory.from_json(path.stem, path.read_text(encoding="utf-8"))


def fingerprint(runs: Sequence[WorkflowHistory]) -> str:
    """The order of commands of all runs of a loan, a line each: a replay of old histories alone would not guard it."""
    lines = []
    for number, run in enumerate(runs, 1):
        lines.append(f"run {number}")
        lines += [f"  {line}" for event in run.events for line in _command(event)]
    return "\n".join(lines) + "\n"


def _command(event: HistoryEvent) -> Iterator[str]:
    kind = event.WhichOneof("attributes")
    if kind == "activity_task_scheduled_event_attributes":
        yield f"activity {event.activity_task_scheduled_event_attributes.activity_type.name}"
    elif kind == "marker_recorded_event_attributes":
        details = event.marker_recorded_event_attributes.details["data"].payloads[0]
        yield f"local activity {json.loads(details.data)['activity_type']}"
    elif kind == "workflow_execution_update_accepted_event_attributes":
        accepted = event.workflow_execution_update_accepted_event_attributes
        yield f"update {accepted.accepted_request.input.name}"
    elif kind in _NAMED:
        yield _NAMED[kind]


_NAMED = {
    "timer_started_event_attributes": "timer started",
    "timer_canceled_event_attributes": "timer cancelled",
    "activity_task_cancel_requested_event_attributes": "activity cancelled",
    "workflow_execution_update_completed_event_attributes": "update answered",
    "workflow_execution_continued_as_new_event_attributes": "continued as new",
    "workflow_execution_completed_event_attributes": "completed",
}


def readable(history: WorkflowHistory) -> str:
    """All of a history in plain text, its payloads decoded, to be searched for what must not be in it."""
    return "\n".join(_texts([MessageToDict(event) for event in history.events]))


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, list):
        for one in value:
            yield from _texts(one)
    elif isinstance(value, dict):
        for name, one in value.items():
            yield from [base64.b64decode(one).decode()] if name == "data" and isinstance(one, str) else _texts(one)
    else:
        yield str(value)
