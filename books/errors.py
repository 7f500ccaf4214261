"""Refusals of the books."""

from lending.errors import LendingError
from models.keys import ID_PATTERN, LOAN_PATTERN, given_id


class UnknownLoan(LendingError):
    """No such loan, or none that this person may see: the answer is the same."""

    code = "unknown_loan"
    http_status = 404

    def __init__(self, number: str) -> None:
        self.number = number
        super().__init__(f"there is no loan {given_id(number, LOAN_PATTERN)}")


class UnknownTask(LendingError):
    """No such task, or none that this person may see."""

    code = "unknown_task"
    http_status = 404

    def __init__(self, task_id: str) -> None:
        super().__init__(f"there is no task {given_id(task_id, ID_PATTERN)}")


class UnknownPolicy(LendingError):
    """No such policy, version or back-test."""

    code = "unknown_policy"
    http_status = 404

    def __init__(self, named: str) -> None:
        super().__init__(f"there is no policy {named}")
