"""What Temporal keeps of a loan's life: nothing that anybody but us can read, and all of it readable for us."""

import base64
from collections.abc import Iterator

import pytest
from temporalio.api.enums.v1 import EventType
from temporalio.api.workflowservice.v1 import DescribeScheduleRequest
from temporalio.client import WorkflowHistory
from temporalio.worker import Replayer

from console.seed import load_products
from engine.codec import KEY, accept_clear_payloads, opened_history
from engine.converter import DATA_CONVERTER
from engine.errors import CommandRefused
from engine.schedules import SCHEDULES, keep_schedules
from models.keys import workflow_id
from models.loans import Stage
from models.messages import Sender
from models.sealing import KeyMissing, KeyRing, set_keys
from models.tasks import Outcome
from settings import Settings
from tests.histories.storing import readable
from tests.workflows import people
from tests.workflows.conftest import OpenOffice, OpenOfficeWithDays
from tests.workflows.harness import RISK, Office
from tests.workflows.schedules import drop_schedules
from worker import sandboxed
from workflows.loan import LoanWorkflow

REASON = "he told me that his wife is ill"
ADDRESS = "203.0.113.77"
DEMO = Settings().keys.get_secret_value()
NEW = "new:" + base64.b64encode(b"n" * 32).decode()


@pytest.fixture(autouse=True)
def own_keys() -> Iterator[None]:
    yield
    load_products(Settings())


async def raw(lender: Office, loan: str) -> WorkflowHistory:
    """The running history as the engine holds it."""
    return await lender.engine.client.get_workflow_handle(workflow_id(loan)).fetch_history()


def stored(history: WorkflowHistory) -> bytes:
    """All bytes of a history."""
    return b"".join(event.SerializeToString() for event in history.events)


async def decided(lender: Office) -> str:
    """A loan on whose task somebody decided twice, with words and an address that nobody else may read."""
    loan = await lender.apply("micro", people.earner())
    await lender.at(loan, Stage.APPROVAL)
    sender = Sender(actor_id=RISK.id, role=RISK.role, address=ADDRESS, request_id="a-request")
    decision = lender.decision(loan, Outcome.APPROVE).model_copy(update={"reason": REASON, "sender": sender})
    await lender.commands.decide(loan, decision)
    # A validator's refusal is not kept; this one comes from the books.
    with pytest.raises(CommandRefused):
        await lender.commands.decide(loan, decision.model_copy(update={"command_id": "another", "reason": REASON * 2}))
    return loan


async def test_nothing_that_the_engine_keeps_can_be_read(office_in_real_time: OpenOfficeWithDays) -> None:
    async with office_in_real_time(3600) as lender:
        loan = await decided(lender)
        history = await raw(lender, loan)

    kept = stored(history)
    for secret in (REASON, ADDRESS, "a-request", '"loan"', "acceptance_days", "approve"):
        assert secret.encode() not in kept, secret
    # What is searched is really there: opened, the same history holds every one of them.
    text = readable(opened_history(history))
    assert [secret for secret in (REASON, ADDRESS, "a-request", f'"loan":"{loan}"') if secret not in text] == []


async def test_what_schedules_are_given_cannot_be_read(office_in_real_time: OpenOfficeWithDays) -> None:
    async with office_in_real_time(3600) as lender:
        client = lender.engine.client
        await keep_schedules(client, lender.books.clock)
        request = DescribeScheduleRequest(namespace=client.namespace, schedule_id=SCHEDULES[0].id)
        schedule = (await client.workflow_service.describe_schedule(request)).schedule
        await drop_schedules(client)

    assert schedule.action.start_workflow.input.payloads
    assert b"anchor" not in schedule.SerializeToString()


async def test_a_sealed_history_replays(office_in_real_time: OpenOfficeWithDays) -> None:
    async with office_in_real_time(3600) as lender:
        history = await raw(lender, await decided(lender))

    replayer = Replayer(workflows=[LoanWorkflow], workflow_runner=sandboxed(), data_converter=DATA_CONVERTER)
    await replayer.replay_workflow(history)


async def test_a_history_whose_key_is_gone_names_the_key(office: OpenOffice) -> None:
    async with office() as lender:
        history = await raw(lender, await decided(lender))

    set_keys(KeyRing.parse(NEW))
    with pytest.raises(KeyMissing, match="the key demo is not among LOANWRIGHT_KEYS"):
        opened_history(history)


async def test_nothing_of_a_loans_life_is_left_unsealed(office: OpenOffice) -> None:
    async with office() as lender:
        accept_clear_payloads(False)
        loan = await lender.running("micro", people.earner(), term="3")
        await lender.prepay(loan)
        await lender.at(loan, Stage.SETTLED)


async def test_what_somebody_wrote_in_clear_is_not_believed_once_all_is_sealed(office: OpenOffice) -> None:
    async with office() as lender:
        forged = opened_history(await raw(lender, await decided(lender)))

    replayer = Replayer(workflows=[LoanWorkflow], workflow_runner=sandboxed(), data_converter=DATA_CONVERTER)
    await replayer.replay_workflow(forged)
    accept_clear_payloads(False)
    result = await replayer.replay_workflow(forged, raise_on_replay_failure=False)
    assert 'r#type: "NotSealed"' in str(result.replay_failure)


async def test_a_loan_lives_on_while_its_key_is_replaced(office: OpenOffice) -> None:
    async with office() as lender:
        loan = await lender.apply("micro", people.earner())
        await lender.at(loan, Stage.APPROVAL)
        set_keys(KeyRing.parse(f"{NEW},{DEMO}"))
        await lender.decide(loan, Outcome.APPROVE)
        await lender.at(loan, Stage.ACCEPTANCE)
        kept = stored(await raw(lender, loan))

    assert KEY.encode() in kept
    assert b"\x04demo" in kept
    assert b"\x03new" in kept


async def test_a_loan_does_not_go_on_from_a_payload_that_somebody_changed(office: OpenOffice) -> None:
    async with office() as lender:
        history = await raw(lender, await decided(lender))

    [started] = [one for one in history.events if one.event_type == EventType.EVENT_TYPE_WORKFLOW_EXECUTION_STARTED]
    [payload] = started.workflow_execution_started_event_attributes.input.payloads
    payload.data = payload.data[:-1] + bytes([payload.data[-1] ^ 1])
    replayer = Replayer(workflows=[LoanWorkflow], workflow_runner=sandboxed(), data_converter=DATA_CONVERTER)
    result = await replayer.replay_workflow(history, raise_on_replay_failure=False)
    assert 'r#type: "SealBroken"' in str(result.replay_failure)
