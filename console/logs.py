"""Logs as structured facts, one JSON object a line, without personal data."""

import json
import logging
import sys
import threading
from datetime import UTC, datetime
from types import TracebackType

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
    sys.excepthook = _ended_by
    threading.excepthook = lambda ended: _ended_by(ended.exc_type, ended.exc_value, ended.exc_traceback)


class _WithoutSentences(logging.Formatter):
    """What other libraries log, in our form: of an exception its kind and place."""

    def format(self, record: logging.LogRecord) -> str:
        """The record as one line."""
        # Further lines hold exceptions, or whole traces of them: asyncio and uvicorn write them there. What asyncio
        # writes in brackets is what a function was called with.
        event = record.getMessage().partition("\n")[0]
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


def _ended_by(kind: type[BaseException], fault: BaseException | None, trace: TracebackType | None) -> None:
    """Says what ended a process or a thread; nobody caught it."""
    if fault is None or issubclass(kind, KeyboardInterrupt):
        sys.__excepthook__(kind, fault or kind(), trace)
        return
    name, frames = kind_and_place(fault)
    log.critical("ended_by_a_fault", error=name, frames=frames)
