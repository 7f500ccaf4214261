"""Messages are written as the SDK writes them, by parts that are made once."""

from dataclasses import replace
from datetime import UTC, date, datetime

from temporalio.contrib.pydantic import pydantic_data_converter

from engine.converter import DATA_CONVERTER, MessageConverter
from lending.calendar import BusinessClock
from models.messages import LoanOrder

ORDER = LoanOrder(
    loan="L00000001",
    clock=BusinessClock(0.5, datetime(2026, 1, 5, tzinfo=UTC), date(2026, 1, 5)),
    checks=("identity", "bureau"),
    approval_days=2,
    escalations=1,
    completion_days=5,
    acceptance_days=7,
)
VALUES = [ORDER, None, "text", 12, b"bytes", {"day": date(2026, 1, 5)}]
HINTS: list[type] = [LoanOrder, type(None), str, int, bytes, dict[str, date]]


async def test_what_one_converter_writes_the_other_reads() -> None:
    in_clear = replace(DATA_CONVERTER, payload_codec=None)
    ours = await in_clear.encode(VALUES)
    assert ours == await pydantic_data_converter.encode(VALUES)
    assert await in_clear.decode(ours, HINTS) == await pydantic_data_converter.decode(ours, HINTS) == VALUES
    assert await DATA_CONVERTER.decode(ours, HINTS) == VALUES


def test_however_many_converters_the_sdk_makes_they_share_what_they_learn_of_types() -> None:
    first, second = (DATA_CONVERTER.payload_converter_class() for _ in range(2))
    assert first is not second
    assert isinstance(first, MessageConverter)
    assert isinstance(second, MessageConverter)
    assert first.converters[b"json/plain"] is second.converters[b"json/plain"]
