"""The reader of documents: a program of this machine, started for each one and ended when it takes too long."""

import base64
import json
import os
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

from gateways.errors import OutsideUnavailable
from models.documents import Reading, Word

TOOL = Path(__file__).with_name("document_reading_tool.py")
LANGUAGE = "chi_sim"
NOTHING = Reading("none", 0, ())


class ReaderMissing(RuntimeError):
    """Tesseract or its Chinese is not on this machine: an error of its set-up."""

    def __init__(self) -> None:
        super().__init__("tesseract with chi_sim is not on this machine: run `make setup` as root, or install both")


class DocumentReader:
    """Reads text layers with pypdf and pictures with tesseract, in a process of its own for each document."""

    def __init__(self, patience_seconds: float = 60, tool: Path = TOOL) -> None:
        self.patience_seconds = patience_seconds
        self.tool = tool
        self._process: subprocess.Popen[bytes] | None = None
        self._is_stopped = False

    def stop(self) -> None:
        """Ends what is being read and reads no more, for a process that ends itself. May be called from any thread."""
        self._is_stopped = True
        if self._process is not None:
            _end(self._process)

    def require(self) -> None:
        """Raises ReaderMissing where tesseract or its Chinese is not installed, and where it gives no answer."""
        try:
            told = subprocess.run(
                ["tesseract", "--list-langs"],  # noqa: S607 wherever PATH has it
                capture_output=True,
                text=True,
                check=True,
                timeout=self.patience_seconds,
            )
        except (OSError, subprocess.CalledProcessError, subprocess.TimeoutExpired):
            raise ReaderMissing from None
        if LANGUAGE not in told.stdout.split():
            raise ReaderMissing

    def read(self, content: bytes, media_type: str) -> Reading:
        """What stands on a document; with the method "none" for one that nothing can be read on.

        Raises OutsideUnavailable when it took too long, which on a busy machine may be another matter the next time,
        and when it was stopped.
        """
        command = [sys.executable, "-I", str(self.tool), media_type]
        # A session of its own: tesseract, which it starts, ends with it.
        with subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, start_new_session=True
        ) as process:
            self._process = process
            try:
                answer, _ = process.communicate(content, self.patience_seconds)
            except subprocess.TimeoutExpired:
                raise OutsideUnavailable("reader", "read", "took too long") from None
            finally:
                self._process = None
                _end(process)
        if self._is_stopped:
            raise OutsideUnavailable("reader", "read", "was stopped")
        # Ended by its own limits, or by the file: the next time would end the same way.
        return _reading(json.loads(answer)) if process.returncode == 0 else NOTHING


def _end(process: subprocess.Popen[bytes]) -> None:
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)


def _reading(answer: dict[str, Any]) -> Reading:
    lines = tuple(
        tuple(Word(text, page, tuple(box), confidence) for text, page, box, confidence in line)
        for line in answer["lines"]
    )
    picture = answer.get("picture")
    return Reading(
        answer["method"],
        answer["pages"],
        lines,
        base64.b64decode(picture) if picture else None,
        tuple(answer["size"]) if picture else None,
        tuple((width, height) for width, height in answer["page_sizes"]) if picture else (),
    )
