"""What can go wrong between a command and the loan's workflow."""

from lending.errors import LendingError


class CommandRefused(LendingError):
    """The loan's workflow refused a command; code and sentence are its own."""

    http_status = 409

    def __init__(self, code: str, sentence: str, fields: dict[str, str] | None = None) -> None:
        self.code = code  # type: ignore[misc]  # each refusal carries the code that the workflow gave it
        super().__init__(sentence, fields=fields)


class LoanNotRunning(LendingError):
    """The engine has no running workflow of this loan: not started yet, or ended."""

    code = "loan_not_running"
    http_status = 409

    def __init__(self, loan: str) -> None:
        super().__init__(f"loan {loan} takes no commands now: it has just been entered, or it is closed")


class StillVerified(LendingError):
    """The loan's registers are being asked at this moment; what waits for that comes back."""

    code = "still_verified"
    http_status = 409

    def __init__(self, loan: str) -> None:
        super().__init__(f"loan {loan} is being verified; try again in a moment")


class EngineBusy(LendingError):
    """Too many commands to one loan at once."""

    code = "engine_busy"
    http_status = 429

    def __init__(self, loan: str) -> None:
        super().__init__(f"loan {loan} has too many commands under way; try again in a moment")


class EngineUnavailable(LendingError):
    """The engine did not answer; what was asked may still happen."""

    code = "engine_unavailable"
    http_status = 503

    def __init__(self, loan: str) -> None:
        super().__init__(f"the engine did not answer for loan {loan}; look at the loan before you try again")


class EngineSilent(LendingError):
    """The engine did not answer to something that is about no loan and may be asked again."""

    code = "engine_silent"
    http_status = 503

    def __init__(self) -> None:
        super().__init__("the engine did not answer; try again in a moment")


class DecisionUnknown(LendingError):
    """Something broke while a case was decided; it may be decided or not."""

    code = "decision_unknown"
    http_status = 500

    def __init__(self) -> None:
        super().__init__("something broke on our side; look at the loan before you decide it again")
