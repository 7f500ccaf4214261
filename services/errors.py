"""Refusals of business acts."""

from lending.errors import LendingError


class IdempotencyConflict(LendingError):
    """The same idempotency key came with another body."""

    code = "idempotency_conflict"
    http_status = 409

    def __init__(self) -> None:
        super().__init__("this idempotency key was used before with different content; use a new key")


class DuplicateApplication(LendingError):
    """The same person asks for the same thing while the first request is still open."""

    code = "duplicate_application"
    http_status = 409

    def __init__(self, loan: str | None) -> None:
        """`loan` is None for somebody who may not see it."""
        self.loan = loan
        super().__init__(
            f"the same application is under way as loan {loan}" if loan else "the same application is under way"
        )


class NotAuthorised(LendingError):
    """The person has not agreed to be looked up."""

    code = "not_authorised"
    http_status = 409

    def __init__(self, loan: str) -> None:
        super().__init__(f"loan {loan} has no recorded authorisation, so no register may be asked")


class WrongStage(LendingError):
    """The act does not fit where the loan stands."""

    code = "wrong_stage"
    http_status = 409

    def __init__(self, loan: str, stage: str, act: str) -> None:
        super().__init__(f"loan {loan} is at {stage}; {act} is not possible there")


class TaskClosed(LendingError):
    """Somebody else was faster, or the task fell away."""

    code = "task_closed"
    http_status = 409

    def __init__(self, task_id: str) -> None:
        super().__init__(f"task {task_id} is not open any more")


class TaskTaken(LendingError):
    """The task is in somebody else's hands."""

    code = "task_taken"
    http_status = 409

    def __init__(self, task_id: str) -> None:
        super().__init__(f"task {task_id} is claimed by another person")


class NotAllowed(LendingError):
    """The acting person may not do this."""

    code = "not_allowed"
    http_status = 403


class OwnCase(NotAllowed):
    """Whoever entered a case does not decide it (maker-checker)."""

    code = "own_case"

    def __init__(self) -> None:
        super().__init__("whoever entered an application cannot decide it; another person must")


class InvalidDecision(LendingError):
    """The decision itself is not well-formed."""

    code = "invalid_decision"
    http_status = 422


class InvalidPrepayment(LendingError):
    """The prepayment cannot be taken as asked."""

    code = "invalid_prepayment"
    http_status = 422


class InvalidDocument(LendingError):
    """The file cannot be taken."""

    code = "invalid_document"
    http_status = 422


class NoticeConflict(LendingError):
    """The bank's reference came before with other content."""

    code = "notice_conflict"
    http_status = 409

    def __init__(self, reference: str) -> None:
        super().__init__(f"bank reference {reference} was reported before with different content")
