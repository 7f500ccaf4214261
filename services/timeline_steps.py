"""The events of a run as steps: what was asked for together with what came of it, and how long it was waited for."""

import base64
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from models.run_events import ENDS, STARTED, RunEvent, RunEvents, failure, payload


class StepKind(StrEnum):
    """What a step of a run is."""

    STARTED = "started"
    ACTIVITY = "activity"
    LOCAL = "local"
    UPDATE = "update"
    SIGNAL = "signal"
    TIMER = "timer"
    TROUBLE = "trouble"
    NOTE = "note"
    ENDED = "ended"


class StepOutcome(StrEnum):
    """What came of a step. `put_off` is an act on the books that is tried again later."""

    OPEN = "open"
    DONE = "done"
    FAILED = "failed"
    REFUSED = "refused"
    CANCELLED = "cancelled"
    PUT_OFF = "put_off"


ACT_OF = {
    "grade_case": "grade",
    "escalate_task": "escalate",
    "expire_completion": "expire_completion",
    "record_decision": "decide",
    "propose_change": "propose",
    "take_back_change": "take_back",
    "expire_change": "expire",
    "complete_case": "complete",
    "accept_contract": "accept",
    "withdraw_loan": "withdraw",
    "expire_offer": "expire_offer",
    "book_payout": "book_payout",
    "record_payout_failure": "record_payout_failure",
    "order_prepayment": "order_prepayment",
    "advance_account": "advance",
    "look_up_position": "look_up_position",
    "report_trouble": "report_trouble",
    "sweep_closed_loan": "sweep",
}
"""The act that each local activity leaves as its effect in the books."""
COLLECT = "collect"


@dataclass
class Step:
    """One thing that the workflow did or that happened to it.

    `n` is the number of its effect within the loan, for acts on the books and debits. `asked` and `answer` are the
    messages in clear, where they are objects.
    """

    kind: StepKind
    name: str
    run: str
    at: datetime
    outcome: StepOutcome = StepOutcome.DONE
    events: list[RunEvent] = field(default_factory=list)
    asked: Mapping[str, Any] = field(default_factory=dict)
    answer: Mapping[str, Any] = field(default_factory=dict)
    failed_as: str = ""
    sentence: str = ""
    activity_id: str | None = None
    n: int | None = None
    until: datetime | None = None
    ended_at: datetime | None = None


@dataclass(frozen=True)
class RunSteps:
    """The steps of a run in their order. `counted` is whether the numbers of effects came out as the run says."""

    run: RunEvents
    steps: Sequence[Step]
    counted: bool


def steps_of(run: RunEvents) -> RunSteps:
    """Reads a run. What the engine writes for itself alone (workflow tasks that went well) is no step."""
    reader = _Reader(run.run)
    for event in run.events:
        reader.read(event)
    return RunSteps(run, reader.steps, _number(run, reader))


class _Reader:
    def __init__(self, run: str) -> None:
        self.run = run
        self.steps: list[Step] = []
        self.by_event: dict[int, Step] = {}
        self.by_update: dict[str, Step] = {}
        self.places: list[tuple[int, Step]] = []
        """Acts that take a number, by the place in which the workflow asked for them."""
        self._put_off: dict[tuple[str, str], int] = {}

    def read(self, event: RunEvent) -> None:
        kind, about = event.type, event.attributes
        if kind == STARTED:
            self._add(StepKind.STARTED, "run", event, asked=_object(payload(about.get("input"))))
        elif kind in ENDS:
            self._end(event)
        elif kind == "ACTIVITY_TASK_SCHEDULED":
            self._schedule(event)
        elif kind.startswith("ACTIVITY_TASK_"):
            self._follow_activity(event)
        elif kind == "MARKER_RECORDED":
            self._mark(event)
        elif kind.startswith("TIMER_"):
            self._time(event)
        elif kind.startswith("WORKFLOW_EXECUTION_UPDATE_"):
            self._update(event)
        elif kind == "WORKFLOW_EXECUTION_SIGNALED":
            self._add(StepKind.SIGNAL, str(about.get("signalName")), event, asked=_object(payload(about.get("input"))))
        elif kind in ("WORKFLOW_TASK_FAILED", "WORKFLOW_TASK_TIMED_OUT"):
            self._trouble(event)
        elif not kind.startswith("WORKFLOW_TASK_"):
            self._add(StepKind.NOTE, kind.lower(), event)

    def _add(self, kind: StepKind, name: str, event: RunEvent, **further: Any) -> Step:
        step = Step(kind, name, self.run, event.at, events=[event], **further)
        self.steps.append(step)
        self.by_event[event.id] = step
        return step

    def _end(self, event: RunEvent) -> None:
        about = event.attributes
        step = self._add(StepKind.ENDED, ENDS[event.type].value, event)
        step.answer = _object(payload(about.get("result"))) or _object(payload(about.get("input")))
        step.failed_as, step.sentence = failure(about.get("failure"))
        step.sentence = step.sentence or str(about.get("reason") or "")

    def _schedule(self, event: RunEvent) -> None:
        about = event.attributes
        step = self._add(
            StepKind.ACTIVITY,
            str((about.get("activityType") or {}).get("name")),
            event,
            outcome=StepOutcome.OPEN,
            asked=_object(payload(about.get("input"))),
            activity_id=str(about.get("activityId")),
        )
        if step.name == COLLECT:
            self.places.append((_whole(step.activity_id), step))

    def _follow_activity(self, event: RunEvent) -> None:
        step = self.by_event.get(_whole(event.attributes.get("scheduledEventId")))
        if step is None:
            return
        step.events.append(event)
        ends = {
            "ACTIVITY_TASK_COMPLETED": StepOutcome.DONE,
            "ACTIVITY_TASK_FAILED": StepOutcome.FAILED,
            "ACTIVITY_TASK_TIMED_OUT": StepOutcome.FAILED,
            "ACTIVITY_TASK_CANCELED": StepOutcome.CANCELLED,
        }
        if event.type in ends:
            step.outcome, step.ended_at = ends[event.type], event.at
            step.answer = _object(payload(event.attributes.get("result")))
            step.failed_as, step.sentence = failure(event.attributes.get("failure"))

    def _mark(self, event: RunEvent) -> None:
        about = event.attributes
        details = about.get("details") or {}
        if about.get("markerName") != "core_local_activity":
            self._add(StepKind.NOTE, str(about.get("markerName")), event)
            return
        data = _marker(details.get("data"))
        step = self._add(StepKind.LOCAL, str(data.get("activity_type")), event)
        step.activity_id = str(data.get("activity_id"))
        step.answer = _object(payload(details.get("result")))
        step.failed_as, step.sentence = failure(about.get("failure"))
        # A longer pause between two tries becomes a timer, and the next try another marker with the first try's date.
        first = (step.name, json.dumps(data.get("original_schedule_time"), sort_keys=True))
        place = self._put_off.get(first, _whole(data.get("seq")))
        if data.get("backoff"):
            step.outcome = StepOutcome.PUT_OFF
            self._put_off.setdefault(first, place)
            return
        if about.get("failure"):
            step.outcome = StepOutcome.REFUSED
        self.places.append((place, step))

    def _time(self, event: RunEvent) -> None:
        about = event.attributes
        if event.type == "TIMER_STARTED":
            wait = _seconds(about.get("startToFireTimeout"))
            self._add(StepKind.TIMER, "timer", event, outcome=StepOutcome.OPEN, until=event.at + wait)
            return
        step = self.by_event.get(_whole(about.get("startedEventId")))
        if step is not None:
            step.events.append(event)
            step.ended_at = event.at
            step.outcome = StepOutcome.DONE if event.type == "TIMER_FIRED" else StepOutcome.CANCELLED

    def _update(self, event: RunEvent) -> None:
        about = event.attributes
        if event.type.endswith("_ACCEPTED"):
            given = (about.get("acceptedRequest") or {}).get("input") or {}
            asked = _object(payload(given.get("args")))
            step = self._add(StepKind.UPDATE, str(given.get("name")), event, outcome=StepOutcome.OPEN, asked=asked)
            self.by_update[_update_id((about.get("acceptedRequest") or {}).get("meta"))] = step
            return
        # The engine names the event by which it accepted; its test server names the update alone.
        known = self.by_event.get(_whole(about.get("acceptedEventId"))) or self.by_update.get(
            _update_id(about.get("meta"))
        )
        if known is None:
            return
        outcome = about.get("outcome") or {}
        known.events.append(event)
        known.ended_at = event.at
        known.answer = _object(payload(outcome.get("success")))
        known.failed_as, known.sentence = failure(outcome.get("failure"))
        known.outcome = StepOutcome.REFUSED if "failure" in outcome else StepOutcome.DONE

    def _trouble(self, event: RunEvent) -> None:
        about = event.attributes
        name = "task_failed" if event.type.endswith("FAILED") else "task_timed_out"
        step = self._add(StepKind.TROUBLE, name, event)
        step.failed_as = str(about.get("cause") or about.get("timeoutType") or "")
        step.sentence = failure(about.get("failure"))[1]


def _number(run: RunEvents, reader: _Reader) -> bool:
    """Gives each act on the books the number of its effect, as the workflow counted them."""
    first = run.first
    order = _object(payload(first.attributes.get("input")))
    number = _whole(order.get("seq"))
    if number == 0:
        return False
    agrees = True
    for _, step in sorted(reader.places, key=lambda one: one[0]):
        step.n = number
        if step.name == COLLECT and step.kind is StepKind.ACTIVITY:
            agrees = agrees and str(step.asked.get("key", "")).endswith(f":{number}")
        number += 1
    said = reader.steps[-1].answer.get("seq") if run.closed_as else None
    return agrees and (said is None or _whole(said) == number)


def _object(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _update_id(meta: Any) -> str:
    return str(_object(meta).get("updateId"))


def _whole(value: Any) -> int:
    try:
        return int(value)
    except (TypeError, ValueError):
        return 0


def _seconds(value: Any) -> timedelta:
    try:
        return timedelta(seconds=float(str(value).removesuffix("s")))
    except (ValueError, OverflowError):
        return timedelta(0)


def _marker(details: Any) -> Mapping[str, Any]:
    """What the client of the engine wrote of a local activity, always in clear."""
    payloads = details.get("payloads") if isinstance(details, dict) else None
    try:
        return _object(json.loads(base64.b64decode(payloads[0]["data"]))) if payloads else {}
    except (ValueError, KeyError, TypeError):
        return {}
