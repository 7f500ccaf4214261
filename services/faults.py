"""What a log may hold of a fault: its kind and its place. Its sentence may quote anything, a person's data too."""

import traceback

FRAMES_LOGGED = 12


def kind_and_place(fault: BaseException) -> tuple[str, list[str]]:
    """The kind of a fault and where it happened: file and line of the innermost FRAMES_LOGGED calls, in turn."""
    frames = traceback.extract_tb(fault.__traceback__)[-FRAMES_LOGGED:]
    return type(fault).__name__, [f"{one.filename}:{one.lineno}" for one in frames]
