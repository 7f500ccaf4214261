"""What a computation may cost: counted, not timed, so that the same request is always taken or always refused."""

from typing import ClassVar

from lending.errors import LendingError


class TooMuchWork(LendingError):
    """The terms and events are sound, but together they ask for more computing than one request may."""

    code: ClassVar[str] = "too_much_work"
    http_status: ClassVar[int] = 422


class Effort:
    """Counts steps of about a microsecond; beyond `most` it refuses. Without a limit it takes everything."""

    def __init__(self, most: int | None = None) -> None:
        self._left = most

    def spend(self, steps: int) -> None:
        """Counts steps before they are done. Raises TooMuchWork when there are more than are left."""
        if self._left is None:
            return
        if steps > self._left:
            self._left = 0
            sentence = "asks for too much at once; send fewer cases, periods, events or payments in one request"
            raise TooMuchWork(sentence, fields={"body": sentence})
        self._left -= steps
