"""Taking in many applications at once: one writer a process that commits what waits together.

A transaction for each application would wait for the disk a thousand times; a hundred share one wait.
"""

import queue
import threading
from concurrent.futures import Future
from dataclasses import dataclass

import structlog
from sqlalchemy.exc import OperationalError

from books.session import Books
from lending.errors import LendingError
from services.applications import Receipt, Submission, submit

log = structlog.get_logger()

BATCH = 100
CAPACITY = 4000
"""How many may wait; at a batch in some 50 ms the last of them is answered after about two seconds."""

Answer = Receipt | LendingError


class IntakeFull(LendingError):
    """More applications wait than can be answered in good time."""

    code = "intake_full"
    http_status = 503

    def __init__(self) -> None:
        super().__init__("too many applications wait at this moment; send this one again in a few seconds")


class IntakeClosed(LendingError):
    """The process is about to stop."""

    code = "intake_closed"
    http_status = 503

    def __init__(self) -> None:
        super().__init__("this server is about to stop; send the application again")


@dataclass(frozen=True)
class _Waiting:
    submission: Submission
    answer: "Future[Answer]"


class Intake:
    """A bounded line of applications and the one thread that writes them down."""

    def __init__(self, books: Books, *, batch: int = BATCH, capacity: int = CAPACITY) -> None:
        self._books = books
        self._batch = batch
        self._line: queue.Queue[_Waiting | None] = queue.Queue(capacity + 1)
        self._capacity = capacity
        self._thread: threading.Thread | None = None
        self._open = False
        self._gate = threading.Lock()

    @property
    def is_running(self) -> bool:
        """Whether applications are taken in."""
        return self._open and self._thread is not None and self._thread.is_alive()

    @property
    def waiting(self) -> int:
        """How many applications wait to be written."""
        return self._line.qsize()

    def start(self) -> None:
        """Starts the writer."""
        self._open = True
        self._thread = threading.Thread(target=self._write_all, name="intake", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Takes no more in, writes what waits, and returns when the writer has ended."""
        with self._gate:
            self._open = False
            self._line.put(None)
        if self._thread is not None:
            self._thread.join()

    def offer(self, submission: Submission) -> "Future[Answer]":
        """Puts an application in line; the future gives its receipt or the refusal once it is committed.

        Raises IntakeFull when the line is too long and IntakeClosed when the process stops.
        """
        waiting = _Waiting(submission, Future())
        # The gate keeps anybody from joining behind the mark that ends the line.
        with self._gate:
            if not self._open:
                raise IntakeClosed
            if self._line.qsize() >= self._capacity:
                raise IntakeFull
            self._line.put(waiting)
        return waiting.answer

    def _write_all(self) -> None:
        ended = False
        while not ended:
            batch, ended = self._next_batch()
            if batch:
                self._write(batch)

    def _next_batch(self) -> tuple[list[_Waiting], bool]:
        batch: list[_Waiting] = []
        while len(batch) < self._batch:
            try:
                # Only an empty batch waits: whatever is there goes at once.
                one = self._line.get(block=not batch)
            except queue.Empty:
                break
            if one is None:
                return batch, True
            if one.answer.set_running_or_notify_cancel():
                batch.append(one)
        return batch, False

    def _write(self, batch: list[_Waiting]) -> None:
        try:
            answers = self._commit([one.submission for one in batch])
        except OperationalError as error:
            # The books are away: to try each of the batch alone would only make everybody wait longer.
            for one in batch:
                one.answer.set_exception(error)
        except Exception as error:  # noqa: BLE001 one bad application must not take the others down
            # Or another process was faster with a key or a customer: the second look finds what it wrote.
            log.warning("intake_batch_failed", size=len(batch), error=type(error).__name__)
            for one in batch:
                self._write_alone(one)
        else:
            for one, answer in zip(batch, answers, strict=True):
                one.answer.set_result(answer)

    def _write_alone(self, one: _Waiting) -> None:
        try:
            one.answer.set_result(self._commit([one.submission])[0])
        except Exception as error:  # noqa: BLE001 whatever it is, the one who waits must hear of it
            one.answer.set_exception(error)

    def _commit(self, submissions: list[Submission]) -> list[Answer]:
        with self._books.begin() as work:
            return submit(work, submissions)
