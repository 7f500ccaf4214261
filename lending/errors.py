"""The root of every refusal that a caller can act on."""

from typing import ClassVar


class LendingError(Exception):
    """A refusal the caller can act on: a stable code, an HTTP status and a sentence for a person."""

    code: ClassVar[str] = "lending_error"
    http_status: ClassVar[int] = 400

    def __init__(self, sentence: str, *, fields: dict[str, str] | None = None) -> None:
        self.fields = fields or {}
        super().__init__(sentence)
