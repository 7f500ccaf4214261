"""What can go wrong outside, told apart by what the caller may do next.

The sentences name service and operation only. They never carry what was sent or answered, since errors end up in logs
and workflow histories.
"""

from typing import ClassVar

from lending.errors import LendingError


class OutsideError(LendingError):
    """A call to the outside failed.

    `retryable` says whether the same call may be tried again. `outcome_known` says whether it is certain that nothing
    was done: where it is not, ask for an order's status before anything else.
    """

    code = "outside_error"
    http_status = 502
    retryable: ClassVar[bool] = False
    outcome_known: ClassVar[bool] = False

    def __init__(self, service: str, operation: str, what_happened: str) -> None:
        self.service = service
        self.operation = operation
        super().__init__(f"{service} {operation}: {what_happened}")


class OutsideUnavailable(OutsideError):
    """No connection, no answer in time, or the service is out of order: a later try may succeed."""

    code = "outside_unavailable"
    http_status = 503
    retryable = True


class OutsideRefused(OutsideError):
    """The service refuses this call and would refuse it again. `outside_code` is its own word for the reason."""

    code = "outside_refused"
    outcome_known = True

    def __init__(self, service: str, operation: str, status: int, outside_code: str | None) -> None:
        self.status = status
        self.outside_code = outside_code
        reason = f" ({outside_code})" if outside_code else ""
        super().__init__(service, operation, f"refused with status {status}{reason}")


class AnswerMalformed(OutsideRefused):
    """The service answered, but not in the agreed form. Nothing is guessed from such an answer."""

    code = "outside_answer_malformed"
    outcome_known = False

    def __init__(self, service: str, operation: str, problem: str) -> None:
        self.status = 200
        self.outside_code = None
        OutsideError.__init__(self, service, operation, f"the answer is not in the agreed form: {problem}")


class NoticeRejected(LendingError):
    """A notice that the bank did not sign, that is too old, or that is not in the agreed form."""

    code = "notice_rejected"
    http_status = 401
