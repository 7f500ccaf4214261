"""What the engine keeps is sealed: for its own workflow, under keys that can be replaced, and readable for us alone."""

import base64
from collections.abc import Iterator

import pytest
from temporalio.api.common.v1 import Payload
from temporalio.api.failure.v1 import Failure
from temporalio.converter import ActivitySerializationContext, WorkflowSerializationContext
from temporalio.exceptions import ApplicationError

from console.seed import load_products
from engine.codec import ENCODING, KEY, WORKFLOW, SealingCodec, is_sealed, opened, workflow_of
from engine.converter import DATA_CONVERTER
from models.sealing import KeyMissing, KeyRing, SealBroken, set_keys
from settings import Settings

OLD, NEW = KeyRing({"old": b"o" * 32}), KeyRing({"new": b"n" * 32})
BOTH = KeyRing({"new": b"n" * 32, "old": b"o" * 32})
LOAN = WorkflowSerializationContext("default", "loan/L26000001")
OTHER_LOAN = WorkflowSerializationContext("default", "loan/L26000002")
SECRET = "the borrower wrote to me"


@pytest.fixture(autouse=True)
def own_keys() -> Iterator[None]:
    set_keys(OLD)
    yield
    load_products(Settings())


async def sealed(value: object = SECRET) -> Payload:
    [payload] = await DATA_CONVERTER.with_context(LOAN).encode([value])
    return payload


def copied(payload: Payload, **changes: bytes) -> Payload:
    """The payload with other metadata or other data."""
    data = changes.pop("data", payload.data)
    return Payload(
        metadata={**payload.metadata, **{name.replace("_", "-"): one for name, one in changes.items()}}, data=data
    )


async def test_a_sealed_payload_shows_its_key_and_its_workflow_and_nothing_else() -> None:
    payload = await sealed()

    assert dict(payload.metadata) == {"encoding": ENCODING, KEY: b"old", WORKFLOW: b"loan/L26000001"}
    assert SECRET.encode() not in payload.SerializeToString()
    assert await DATA_CONVERTER.with_context(LOAN).decode([payload], [str]) == [SECRET]


@pytest.mark.parametrize("value", [SECRET, None, b"bytes", {"reason": SECRET}])
async def test_values_of_every_kind_are_sealed(value: object) -> None:
    payload = await sealed(value)

    assert is_sealed(payload)
    assert await DATA_CONVERTER.with_context(LOAN).decode([payload]) == [value]


async def test_what_was_written_before_payloads_were_sealed_is_read_as_it_is() -> None:
    clear = Payload(metadata={"encoding": b"json/plain"}, data=b'"from before"')

    assert await SealingCodec("loan/L26000001").decode([clear]) == [clear]


async def test_an_activity_of_the_loan_opens_what_was_sealed_for_the_loan() -> None:
    activity = ActivitySerializationContext("default", "1", "pay_out", "bank", "loan/L26000001", "Loan", is_local=False)

    assert await DATA_CONVERTER.with_context(activity).decode([await sealed()], [str]) == [SECRET]


async def test_a_payload_in_another_loans_place_does_not_open() -> None:
    with pytest.raises(SealBroken, match="loan/L26000001"):
        await DATA_CONVERTER.with_context(OTHER_LOAN).decode([await sealed()])


async def test_a_payload_that_claims_to_be_another_loans_does_not_open() -> None:
    moved = copied(await sealed(), sealed_for=b"loan/L26000002")

    with pytest.raises(SealBroken, match="loan/L26000002"):
        await DATA_CONVERTER.with_context(OTHER_LOAN).decode([moved])
    with pytest.raises(SealBroken):
        await DATA_CONVERTER.with_context(OTHER_LOAN).decode([copied(moved, sealed_for=b"")])


async def test_a_payload_that_is_sealed_for_no_workflow_opens_in_none() -> None:
    [nobodys] = await DATA_CONVERTER.encode([SECRET])

    with pytest.raises(SealBroken):
        await DATA_CONVERTER.with_context(LOAN).decode([nobodys])
    with pytest.raises(SealBroken):
        await DATA_CONVERTER.with_context(LOAN).decode([copied(nobodys, sealed_for=b"loan/L26000001")])


@pytest.mark.parametrize("at", [0, 12, -1])
async def test_a_payload_with_one_byte_changed_does_not_open(at: int) -> None:
    payload = await sealed()
    data = bytearray(payload.data)
    data[at] ^= 1

    with pytest.raises(SealBroken, match="damaged or was tampered with"):
        opened(copied(payload, data=bytes(data)))


@pytest.mark.parametrize("length", [0, 5, 11, 20])
async def test_a_payload_that_was_cut_does_not_open(length: int) -> None:
    payload = await sealed()

    with pytest.raises(SealBroken):
        opened(copied(payload, data=payload.data[:length]))


async def test_a_new_key_seals_and_the_old_one_still_opens() -> None:
    before = await sealed()

    set_keys(BOTH)
    after = await sealed()

    assert after.metadata[KEY] == b"new"
    assert await DATA_CONVERTER.decode([before, after], [str, str]) == [SECRET, SECRET]


async def test_a_key_that_is_gone_is_named() -> None:
    payload = await sealed()
    set_keys(NEW)

    with pytest.raises(KeyMissing, match="the key old is not among LOANWRIGHT_KEYS"):
        await DATA_CONVERTER.decode([payload])


async def test_the_keys_of_payloads_open_nothing_else_that_the_ring_sealed() -> None:
    payload = await sealed()

    with pytest.raises(SealBroken):
        OLD.open("old", payload.data, "loan/L26000001")


@pytest.mark.parametrize(
    ("of_schedule", "opens"),
    [
        ("deadlines/run-2026-11-23T09:00:00Z", True),
        ("deadlines/run-somebody-elses", False),
        ("deadlines/run2", False),
        ("month-end/run-2026-11-23T09:00:00Z", False),
    ],
)
async def test_what_a_schedule_was_given_opens_for_the_workflows_that_it_starts(of_schedule: str, opens: bool) -> None:
    given = WorkflowSerializationContext("default", "deadlines/run")
    [payload] = await DATA_CONVERTER.with_context(given).encode([SECRET])
    started = DATA_CONVERTER.with_context(WorkflowSerializationContext("default", of_schedule))

    if opens:
        assert await started.decode([payload]) == [SECRET]
    else:
        with pytest.raises(SealBroken):
            await started.decode([payload])


async def test_what_one_workflow_of_a_schedule_returned_opens_for_the_next() -> None:
    first, second, other = (
        DATA_CONVERTER.with_context(WorkflowSerializationContext("default", one))
        for one in ("deadlines/run-2026-11-23T09:00:00Z", "deadlines/run-2026-11-24T09:00:00Z", "loan/L26000001")
    )
    [returned] = await first.encode([SECRET])

    assert await second.decode([returned]) == [SECRET]
    with pytest.raises(SealBroken):
        await other.decode([returned])


async def test_a_failure_tells_the_engine_its_code_and_no_words() -> None:
    converter = DATA_CONVERTER.with_context(LOAN)
    failure = Failure()
    try:
        try:
            raise ValueError(SECRET)
        except ValueError as cause:
            raise ApplicationError(SECRET, {"field": SECRET}, type="task_closed") from cause
    except ApplicationError as error:
        await converter.encode_failure(error, failure)

    kept = failure.SerializeToString()
    assert SECRET.encode() not in kept
    assert b"test_codec.py" not in kept
    assert failure.application_failure_info.type == "task_closed"
    read = await converter.decode_failure(failure)
    assert isinstance(read, ApplicationError)
    assert (read.message, read.details[0]) == (SECRET, {"field": SECRET})
    assert SECRET in str(read.__cause__)


async def test_the_workflow_of_a_payload_can_be_told_without_opening_it() -> None:
    assert workflow_of(await sealed()) == "loan/L26000001"
    assert workflow_of(Payload(data=base64.b64decode("AAAA"))) == ""
