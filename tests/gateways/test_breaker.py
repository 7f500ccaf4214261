"""The circuit breaker by its own clock, and the registers behind theirs."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest
from structlog.testing import capture_logs

from gateways.breaker import Breaker, Breakers, ServiceResting, breakers_of, set_breakers
from gateways.connection import open_session
from gateways.errors import AnswerMalformed, OutsideError, OutsideRefused, OutsideUnavailable
from tests.gateways.calling import CALLS, REGISTERS, Gateways
from tests.simulators.running import Outside


class Clock:
    """A clock that stands until it is moved."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def __call__(self) -> float:
        return self.seconds


UNAVAILABLE = OutsideUnavailable("bureau", "reports", "out of order")
REFUSED = OutsideRefused("bureau", "reports", 422, "declined")
NONSENSE = AnswerMalformed("bureau", "reports", "no answer")


def call(breaker: Breaker, error: BaseException | None = None) -> str:
    """One call that comes to this: what its caller sees."""
    try:
        with breaker.call("reports"):
            if error is not None:
                raise error
    except ServiceResting:
        return "rests"
    except (OutsideError, asyncio.CancelledError) as seen:
        return type(seen).__name__
    return "answered"


def opened(clock: Clock, failures: int = 3) -> Breaker:
    breaker = Breaker("bureau", failures, rest_seconds=30, clock=clock)
    for _ in range(failures):
        call(breaker, UNAVAILABLE)
    assert breaker.is_open
    return breaker


@pytest.mark.parametrize("failure", [UNAVAILABLE, NONSENSE])
def test_it_opens_after_so_many_failures_in_a_row_and_then_fails_at_once(failure: OutsideError) -> None:
    breaker = Breaker("bureau", 3, rest_seconds=30, clock=Clock())
    seen = [call(breaker, failure) for _ in range(5)]
    assert seen == [type(failure).__name__] * 3 + ["rests"] * 2


@pytest.mark.parametrize("answer", [None, REFUSED])
def test_an_answer_in_between_starts_the_count_anew_and_a_refusal_is_one(answer: OutsideError | None) -> None:
    breaker = Breaker("bureau", 3, rest_seconds=30, clock=Clock())
    for error in (UNAVAILABLE, UNAVAILABLE, answer, UNAVAILABLE, UNAVAILABLE):
        call(breaker, error)
    assert not breaker.is_open


def test_after_its_rest_one_call_probes_and_an_answer_closes_it() -> None:
    clock = Clock()
    breaker = opened(clock)
    clock.seconds = 29.9
    assert call(breaker) == "rests"
    clock.seconds = 30
    with breaker.call("reports"):
        # While one probes, the others do not wait for what it comes to.
        assert call(breaker) == "rests"
    assert [call(breaker), breaker.is_open] == ["answered", False]


def test_a_probe_that_fails_opens_it_for_another_rest() -> None:
    clock = Clock()
    breaker = opened(clock)
    clock.seconds = 30
    assert call(breaker, UNAVAILABLE) == "OutsideUnavailable"
    clock.seconds = 59
    assert call(breaker) == "rests"
    clock.seconds = 60
    assert call(breaker) == "answered"
    # Closed again it takes the whole count to open it.
    assert [call(breaker, UNAVAILABLE) for _ in range(2)] == ["OutsideUnavailable"] * 2
    assert not breaker.is_open


def test_a_probe_that_was_cancelled_says_nothing() -> None:
    clock = Clock()
    breaker = opened(clock)
    clock.seconds = 30
    assert call(breaker, asyncio.CancelledError()) == "CancelledError"
    assert call(breaker) == "answered"


def test_opening_and_closing_are_told_once_and_name_nobody() -> None:
    clock = Clock()
    with capture_logs() as logs:
        breaker = opened(clock)
        call(breaker)
        clock.seconds = 30
        call(breaker)
    assert logs == [
        {"event": "circuit_opened", "log_level": "warning", "service": "bureau", "failures": 3},
        {"event": "circuit_closed", "log_level": "info", "service": "bureau", "failures": 3},
    ]


def test_what_rests_may_be_tried_again_and_was_not_asked() -> None:
    with pytest.raises(ServiceResting) as caught, opened(Clock()).call("reports"):
        raise AssertionError
    assert (caught.value.retryable, caught.value.outcome_known) == (True, True)


def test_a_process_has_one_breaker_for_a_service(outside: Outside) -> None:
    async def compare() -> None:
        async with open_session() as session, open_session() as other:
            set_breakers(session, Breakers(2, 7))
            one, two = (Gateways(session, outside.url, 1) for _ in range(2))
            assert one.bureau.breaker is two.bureau.breaker is breakers_of(session).of("bureau")
            assert one.bureau.breaker is not one.identity.breaker
            assert Gateways(other, outside.url, 1).bureau.breaker is not one.bureau.breaker
            assert one.sms.breaker is None

    asyncio.run(compare())


@pytest.mark.parametrize("service", REGISTERS)
def test_a_register_that_fails_again_and_again_is_left_alone(outside: Outside, service: str) -> None:
    operation = "reports" if service == "bureau" else "checks"
    outside.plan_fault(service, "error_500", times=2)
    before = outside.answer("GET", "/control/calls").get(f"{service}/{operation}", 0)
    seen = asyncio.run(_ask(outside.url, CALLS[service], 4))
    assert seen == ["OutsideUnavailable", "OutsideUnavailable", "ServiceResting", "ServiceResting"]
    assert outside.answer("GET", "/control/calls")[f"{service}/{operation}"] == before + 2


@pytest.mark.parametrize("service", REGISTERS)
def test_nonsense_is_a_failure_of_the_register_and_repeats_no_word_of_it(outside: Outside, service: str) -> None:
    outside.plan_fault(service, "nonsense")
    assert asyncio.run(_ask(outside.url, CALLS[service], 2)) == ["AnswerMalformed", "answered"]


def test_the_bank_stands_behind_no_breaker(outside: Outside) -> None:
    outside.plan_fault("bank", "error_503", times=4)
    assert asyncio.run(_ask(outside.url, CALLS["bank"], 5)) == ["OutsideUnavailable"] * 4 + ["answered"]


async def _ask(url: str, ask: Callable[[Gateways], Awaitable[object]], times: int) -> list[str]:
    seen: list[str] = []
    said: list[str] = []
    async with open_session() as session:
        set_breakers(session, Breakers(failures_to_open=2, rest_seconds=60))
        gateways = Gateways(session, url, 5)
        for _ in range(times):
            try:
                await ask(gateways)
            except OutsideError as error:
                said.append(str(error))
                seen.append(type(error).__name__)
            else:
                seen.append("answered")
    assert not any("perhaps" in words for words in said)
    return seen
