"""Logs as structured facts, one JSON object a line, without personal data."""

import json
import logging
import sys
import threading
import warnings
from datetime import UTC, datetime
from types import TracebackType
from typing import TextIO

import structlog

from services.faults import kind_and_place

log = structlog.get_logger()


def set_up(level: str) -> None:
    """Sets the form and level of this process's logs; other libraries speak only when something is wrong.

    Of faults that nobody caught, and of those that libraries log, kind and place are written and never the sentence,
    which may quote a person's data.
    """
    number = logging.getLevelNamesMapping()[level.upper()]
    said_by_others = logging.StreamHandler(sys.stderr)
    said_by_others.setFormatter(_WithoutSentences())
    logging.basicConfig(level=logging.WARNING, handlers=[said_by_others])
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.JSONRenderer(ensure_ascii=False),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(number),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=True,
    )
    warnings.showwarning = _warned
    sys.excepthook = _ended_by
    sys.unraisablehook = lambda left: _left_behind(left.exc_value)
    threading.excepthook = lambda ended: _ended_by(ended.exc_type, ended.exc_value, ended.exc_traceback)


class _WithoutSentences(logging.Formatter):
    """What other libraries log, in our form: of an exception its kind and place."""

    def format(self, record: logging.LogRecord) -> str:
        """The record as one line."""
        # Further lines hold exceptions, or whole traces of them: asyncio and uvicorn write them there. What asyncio
        # writes in brackets is what a function was called with.
        event = _message(record).partition("\n")[0]
        facts: dict[str, object] = {
            "event": event.partition("(")[0] if record.name == "asyncio" else event,
            "logger": record.name,
            "level": record.levelname.lower(),
            "timestamp": datetime.fromtimestamp(record.created, UTC).isoformat(),
        }
        fault = record.exc_info[1] if record.exc_info else None
        if fault is not None:
            facts["error"], facts["frames"] = kind_and_place(fault)
        return json.dumps(facts, ensure_ascii=False)


def _message(record: logging.LogRecord) -> str:
    """What a record says; its form alone, without what belongs into it, where that does not fit."""
    try:
        return record.getMessage()
    except (TypeError, ValueError, KeyError, IndexError):
        return str(record.msg)


def _warned(
    message: Warning | str,  # noqa: ARG001 its words may quote a value
    category: type[Warning],
    filename: str,
    lineno: int,
    file: TextIO | None = None,  # noqa: ARG001 ours is the log
    line: str | None = None,  # noqa: ARG001 a line of code may quote a value too
) -> None:
    """Says what kind of warning came from where."""
    log.warning("warned", category=category.__name__, frames=[f"{filename}:{lineno}"])


def _left_behind(fault: BaseException | None) -> None:
    """Says what went wrong where nobody could catch it: while something was collected."""
    if fault is not None:
        name, frames = kind_and_place(fault)
        log.error("fault_that_nobody_could_catch", error=name, frames=frames)


def _ended_by(kind: type[BaseException], fault: BaseException | None, trace: TracebackType | None) -> None:
    """Says what ended a process or a thread; nobody caught it."""
    if fault is None or issubclass(kind, KeyboardInterrupt):
        sys.__excepthook__(kind, fault or kind(), trace)
        return
    name, frames = kind_and_place(fault)
    log.critical("ended_by_a_fault", error=name, frames=frames)
