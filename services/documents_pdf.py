"""A program of its own: opens a PDF from its standard input and says why it may not be taken in, if so.

It limits itself first. Whatever a hostile file does, it ends within seconds and a fixed memory; one that is ended by
its limits has answered as well.
"""

import io
import json
import resource
import sys
from typing import Any

from pypdf import Configuration, PdfReader, apply_configuration
from pypdf.errors import LimitReachedError
from pypdf.generic import StreamObject

MEMORY_BYTES = 768 * 1024 * 1024
CPU_SECONDS = 5
MOST_OBJECTS = 20_000
LARGEST_STREAM = 24 * 1024 * 1024
LARGEST_SUM = 64 * 1024 * 1024
LIMITS = Configuration(
    array_based_stream_maximum_output_length=LARGEST_STREAM,
    lzw_maximum_output_length=LARGEST_STREAM,
    run_length_maximum_output_length=LARGEST_STREAM,
    zlib_maximum_output_length=LARGEST_STREAM,
)


class TooMuch(Exception):
    """The file holds more than may be unpacked."""


def refusal(content: bytes, most_pages: int, most_pixels: int) -> str | None:
    """Why the PDF may not be taken in: `encrypted`, `pages`, `pixels`, `bomb` or `broken`; None if it may."""
    try:
        reader = PdfReader(io.BytesIO(content))
        # Without a password but for changes: everybody may open those.
        if reader.is_encrypted and not reader.decrypt(""):
            return "encrypted"
        pages = len(reader.pages)
        if pages > most_pages:
            return "pages"
        return ("broken" if pages == 0 else None) or _weigh(reader, most_pixels)
    except (TooMuch, LimitReachedError, MemoryError, RecursionError):
        return "bomb"
    except Exception:  # noqa: BLE001 whatever a damaged file makes the library say
        return "broken"


def _weigh(reader: PdfReader, most_pixels: int) -> str | None:
    """Unpacks every stream that is no picture, and looks at the measures of those that are."""
    numbers = {number for table in reader.xref.values() for number in table} | set(reader.xref_objStm)
    if len(numbers) > MOST_OBJECTS:
        raise TooMuch
    total = 0
    for number in sorted(numbers):
        one: Any = reader.get_object(number)
        if not isinstance(one, StreamObject):
            continue
        if one.get("/Subtype") == "/Image":
            if int(one.get("/Width", 0)) * int(one.get("/Height", 0)) > most_pixels:
                return "pixels"
            continue
        total += len(one.get_data())
        if total > LARGEST_SUM:
            raise TooMuch
    return None


def main() -> None:
    """Reads standard input, writes `{"refused": …}`."""
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    resource.setrlimit(resource.RLIMIT_CPU, (CPU_SECONDS, CPU_SECONDS))
    with apply_configuration(LIMITS):
        answer = refusal(sys.stdin.buffer.read(), int(sys.argv[1]), int(sys.argv[2]))
    sys.stdout.write(json.dumps({"refused": answer}))


if __name__ == "__main__":
    main()
