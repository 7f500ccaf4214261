"""Faults on demand: which one the next call gets. Kept in memory, forgotten with the process."""

from collections import Counter
from dataclasses import dataclass
from enum import StrEnum

from simulators.refusals import FaultUnknown


class Fault(StrEnum):
    """What may go wrong with a call.

    slow: answers after the delay. timeout: does nothing and never answers. error_500, error_503: does nothing, answers
    so. lost_answer: does it, waits for the delay and drops the connection without an answer. duplicate: is processed
    twice, the answer says so, and the bank's notice is sent twice. decline: the bank declines the order, other services
    refuse the call. pending: the bank answers pending and settles on demand. nonsense: a register answers what is no
    answer of its form.
    """

    SLOW = "slow"
    TIMEOUT = "timeout"
    ERROR_500 = "error_500"
    ERROR_503 = "error_503"
    LOST_ANSWER = "lost_answer"
    DUPLICATE = "duplicate"
    DECLINE = "decline"
    PENDING = "pending"
    NONSENSE = "nonsense"


_DEFAULT_DELAY_MS = {Fault.SLOW: 2_000, Fault.TIMEOUT: 60_000}
_SERVICES = {
    Fault.DUPLICATE: frozenset({"bank", "sms"}),
    Fault.PENDING: frozenset({"bank"}),
    Fault.NONSENSE: frozenset({"identity", "bureau", "enrolment", "vehicles", "screening", "cards"}),
}


@dataclass(slots=True)
class PlannedFault:
    """A fault waiting for the next `times` calls of a service, or of one operation of it."""

    service: str
    operation: str | None
    fault: Fault
    times: int
    delay_ms: int

    def matches(self, service: str, operation: str) -> bool:
        """Whether this call is meant."""
        return self.times > 0 and self.service == service and self.operation in (None, operation)


def planned(service: str, operation: str | None, fault: str, times: int, delay_ms: int | None) -> PlannedFault:
    """A checked plan. Refused: an unknown fault, and one that the service cannot show (a register is never pending)."""
    try:
        known = Fault(fault)
    except ValueError:
        raise FaultUnknown(f"there is no fault {fault!r}; there are {', '.join(Fault)}") from None
    if service not in _SERVICES.get(known, {service}):
        raise FaultUnknown(f"{service} cannot show the fault {known}")
    return PlannedFault(
        service, operation, known, times, _DEFAULT_DELAY_MS.get(known, 0) if delay_ms is None else delay_ms
    )


def from_header(service: str, header: str) -> PlannedFault:
    """The fault of an X-Fault header, `name` or `name:milliseconds`."""
    name, _, delay = header.partition(":")
    if delay and not delay.isdecimal():
        raise FaultUnknown("X-Fault is the name of a fault, or name:milliseconds")
    return planned(service, None, name, 1, int(delay) if delay else None)


class FaultDesk:
    """The faults that wait, the operations that may get them by their service, and a count of the calls."""

    def __init__(self) -> None:
        self.operations: dict[str, set[str]] = {}
        self.waiting: list[PlannedFault] = []
        self.calls: Counter[str] = Counter()

    def plan(self, fault: PlannedFault) -> None:
        """Puts a fault behind those that already wait; refused (FaultUnknown) for an operation that is never called."""
        known = self.operations.get(fault.service, set())
        if fault.operation is not None and fault.operation not in known:
            raise FaultUnknown(
                f"{fault.service} has no operation {fault.operation!r}; it has {', '.join(sorted(known))}"
            )
        self.waiting.append(fault)

    def take(self, service: str, operation: str, header: str | None) -> PlannedFault | None:
        """Counts the call and gives its fault: that of its header, else the first that waits for such a call."""
        self.calls[f"{service}/{operation}"] += 1
        if header is not None:
            return from_header(service, header)
        for fault in self.waiting:
            if fault.matches(service, operation):
                fault.times -= 1
                if fault.times == 0:
                    self.waiting.remove(fault)
                return fault
        return None
