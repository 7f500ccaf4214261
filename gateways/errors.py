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


class OrderUnsendable(OutsideRefused):
    """An order that cannot be written in the bank's form, so nothing was sent and sending it again is no use."""

    code = "order_unsendable"
    http_status = 422

    def __init__(self, operation: str, problem: str) -> None:
        self.status = 422
        self.outside_code = "order_unsendable"
        OutsideError.__init__(self, "bank", operation, problem)


class BankMessageBroken(AnswerMalformed):
    """A bank's message that breaks its form or one of our rules: where, and which.

    `element` is the path within the message, entries counted from 1; `line` is that of the XML, None where the message
    has no lines. Neither the sentence nor its cause repeats a value.
    """

    def __init__(self, operation: str, problem: str, element: str | None = None, line: int | None = None) -> None:
        self.element = element
        self.line = line
        self.problem = problem
        where = [f"line {line}"] if line is not None else []
        where += [element] if element else []
        super().__init__("bank", operation, f"{', '.join(where)}: {problem}" if where else problem)
