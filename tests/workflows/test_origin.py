"""Every entry that a workflow asked for names the step in the history."""

import json

from temporalio.client import WorkflowHistory

from models.audit import AuditEntry
from models.keys import workflow_id
from tests.workflows import people
from tests.workflows.conftest import OpenOffice
from tests.workflows.harness import histories


def activities(run: WorkflowHistory) -> dict[str, tuple[int, str]]:
    """The event of a run that names an activity, by the id of the activity: its number, and which activity."""
    found: dict[str, tuple[int, str]] = {}
    for event in run.events:
        kind = event.WhichOneof("attributes")
        if kind == "activity_task_scheduled_event_attributes":
            scheduled = event.activity_task_scheduled_event_attributes
            found[scheduled.activity_id] = (event.event_id, scheduled.activity_type.name)
        elif kind == "marker_recorded_event_attributes":
            data = json.loads(event.marker_recorded_event_attributes.details["data"].payloads[0].data)
            found[data["activity_id"]] = (event.event_id, data["activity_type"])
    return found


async def test_an_entry_leads_to_the_event_that_asked_for_it(office: OpenOffice) -> None:
    async with office() as lender:
        loan = await lender.running("micro", people.earner())
        runs = await histories(lender, loan)
        entries: list[AuditEntry] = lender.read(lambda work: work.audit.of_loan(loan))

    steps = {run.run_id: activities(run) for run in runs}
    asked_by = {
        "case_graded": "grade_case",
        "approval_decided": "record_decision",
        "contract_accepted": "accept_contract",
        "payment_settled": "pay_out",
        "loan_paid_out": "book_payout",
    }
    seen: dict[str, str] = {}
    for entry in entries:
        if entry.workflow_id is None:
            assert (entry.run_id, entry.activity_id, entry.event_id) == (None, None, None)
            continue
        assert entry.workflow_id == workflow_id(loan)
        event, activity = steps[entry.run_id or ""][entry.activity_id or ""]
        seen[entry.act] = activity
        assert entry.event_id is not None
        assert 0 < entry.event_id < event <= entry.event_id + 12, (entry.act, entry.event_id, event)
    assert seen.items() >= asked_by.items()
    # What people and the desk did themselves, no workflow asked for.
    alone = {entry.act for entry in entries if entry.workflow_id is None}
    assert {"application_submitted", "contract_signed"} <= alone
    assert not alone & seen.keys()


async def test_the_step_costs_an_ordinary_activity_some_bytes_and_a_local_one_none(office: OpenOffice) -> None:
    async with office() as lender:
        loan = await lender.offered("micro", people.earner())
        (run,) = await histories(lender, loan)
    for event in run.events:
        kind = event.WhichOneof("attributes")
        if kind == "activity_task_scheduled_event_attributes":
            header = event.activity_task_scheduled_event_attributes.header
            assert int(header.fields["event"].data) < event.event_id
            assert header.ByteSize() < 48
        elif kind == "marker_recorded_event_attributes":
            assert "event" not in event.marker_recorded_event_attributes.header.fields
