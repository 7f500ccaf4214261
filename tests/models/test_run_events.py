"""Which versions of the code worked on a run, read from its history and from what archives kept of it."""

import json
from datetime import UTC, datetime

from models.run_events import CodeVersion, read_events


def history(*builds: str | None) -> bytes:
    """A run on which these versions worked, a task each; None is a task of a worker that said none."""
    events = [
        {
            "eventId": "1",
            "eventTime": "2026-01-05T01:00:00Z",
            "eventType": "EVENT_TYPE_WORKFLOW_EXECUTION_STARTED",
            "workflowExecutionStartedEventAttributes": {},
        }
    ]
    for n, build in enumerate(builds, 2):
        worker = {} if build is None else {"workerVersion": {"buildId": build}}
        events.append(
            {
                "eventId": str(n),
                "eventTime": f"2026-0{n}-05T01:00:00.5Z",
                "eventType": "EVENT_TYPE_WORKFLOW_TASK_COMPLETED",
                "workflowTaskCompletedEventAttributes": worker,
            }
        )
    return json.dumps({"events": events}).encode()


def test_each_version_is_told_with_its_first_event_and_the_instant_of_that() -> None:
    told = read_events("run", history("0.1.0+a", None, "0.1.0+a", "0.2.0+b", "0.1.0+a")).versions
    assert told == (
        CodeVersion("0.1.0+a", 2, datetime(2026, 2, 5, 1, 0, 0, 500_000, UTC)),
        CodeVersion("0.2.0+b", 5, datetime(2026, 5, 5, 1, 0, 0, 500_000, UTC)),
    )


def test_what_is_kept_of_a_version_reads_as_it_was_and_so_does_a_name_alone() -> None:
    [told] = read_events("run", history("0.1.0+a")).versions
    assert CodeVersion.read(json.loads(json.dumps(told.as_json()))) == told
    assert CodeVersion.read("0.1.0") == CodeVersion("0.1.0", None, None)
