"""A circuit breaker: a service that fails again and again is left alone for a while, so that nobody waits for it.

Only services that answer questions stand behind one: registers and the check of accounts. The bank does not. An order
that may have been sent is asked about until there is an outcome, and a breaker that kept the answer away would leave
money in doubt for longer; its own queue and retries bound its load. Messages do not either: each is one call, and
the outbox paces them.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from weakref import WeakKeyDictionary

import aiohttp
import structlog

from gateways.errors import AnswerMalformed, OutsideRefused, OutsideUnavailable

FAILURES_TO_OPEN = 5
REST_SECONDS = 30.0

log = structlog.get_logger()


class ServiceResting(OutsideUnavailable):
    """The service failed so often in a row that it is left alone for a moment; nothing was sent."""

    code = "service_resting"
    outcome_known = True


class Breaker:
    """The state of one service in this process: closed (calls pass), open (they fail at once), half open (one probes).

    Opens after so many failures in a row and rests; then one call may probe. What it comes to closes the circuit or
    opens it again. A failure is no answer, a server error, or an answer that is none; a refusal is an answer.
    """

    def __init__(
        self,
        service: str,
        failures_to_open: int = FAILURES_TO_OPEN,
        rest_seconds: float = REST_SECONDS,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.service = service
        self._failures_to_open = failures_to_open
        self._rest_seconds = rest_seconds
        self._clock = clock
        self._failures = 0
        self._opened_at: float | None = None
        self._is_probing = False

    @property
    def is_open(self) -> bool:
        """Whether calls fail at once, but for the probe."""
        return self._opened_at is not None

    @contextmanager
    def call(self, operation: str) -> Iterator[None]:
        """One call of the service; ServiceResting without a call while the circuit is open."""
        self._enter(operation)
        try:
            yield
        except (OutsideUnavailable, AnswerMalformed):
            self._failed()
            raise
        except OutsideRefused:
            self._succeeded()
            raise
        except BaseException:
            # A call that was cancelled says nothing: the next one probes.
            self._is_probing = False
            raise
        self._succeeded()

    def _enter(self, operation: str) -> None:
        if self._opened_at is None:
            return
        if self._is_probing or self._clock() - self._opened_at < self._rest_seconds:
            raise ServiceResting(self.service, operation, "left alone after many failures in a row")
        self._is_probing = True

    def _failed(self) -> None:
        self._failures += 1
        was_open, self._is_probing = self.is_open, False
        if was_open or self._failures >= self._failures_to_open:
            self._opened_at = self._clock()
        if self.is_open and not was_open:
            log.warning("circuit_opened", service=self.service, failures=self._failures)

    def _succeeded(self) -> None:
        if self.is_open:
            log.info("circuit_closed", service=self.service, failures=self._failures)
        self._failures, self._opened_at, self._is_probing = 0, None, False


class Breakers:
    """One breaker for each service of a process, however many clients of it there are."""

    def __init__(self, failures_to_open: int = FAILURES_TO_OPEN, rest_seconds: float = REST_SECONDS) -> None:
        self._failures_to_open = failures_to_open
        self._rest_seconds = rest_seconds
        self._by_service: dict[str, Breaker] = {}

    def of(self, service: str) -> Breaker:
        """The breaker of a service."""
        if service not in self._by_service:
            self._by_service[service] = Breaker(service, self._failures_to_open, self._rest_seconds)
        return self._by_service[service]


_BY_SESSION: WeakKeyDictionary[aiohttp.ClientSession, Breakers] = WeakKeyDictionary()


def breakers_of(session: aiohttp.ClientSession) -> Breakers:
    """The breakers of those who share a session. A process opens one session, so this is one set for each process."""
    found = _BY_SESSION.get(session)
    if found is None:
        found = _BY_SESSION[session] = Breakers()
    return found


def set_breakers(session: aiohttp.ClientSession, breakers: Breakers) -> None:
    """Has those who share a session use these breakers, before the first client is made."""
    _BY_SESSION[session] = breakers
