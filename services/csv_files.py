"""Lists as CSV files, a piece at a time."""

import csv
import io
from collections.abc import Iterable, Iterator, Sequence

LINES_A_PIECE = 500
FORMULA = ("=", "+", "-", "@", "＝", "＋", "－", "＠", "\t", "\r", "\n")
"""How a text begins that a spreadsheet takes for a formula, some of them in full width too, or behind which it looks
for one.
"""


def as_text(value: object) -> object:
    """The value for a file that people open: a text that a spreadsheet would take for a formula has an apostrophe
    before it, everything else is as it was.
    """
    return f"'{value}" if isinstance(value, str) and value.startswith(FORMULA) else value


def csv_pieces(header: Sequence[str], rows: Iterable[Sequence[object]]) -> Iterator[str]:
    """The text of a file with this header and these rows, some hundred lines at a time."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerow(header)
    for number, row in enumerate(rows, 1):
        writer.writerow(row)
        if number % LINES_A_PIECE == 0:
            yield text.getvalue()
            text.seek(0)
            text.truncate()
    yield text.getvalue()
