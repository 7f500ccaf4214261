"""Files for spreadsheets hold what was written, and nothing that a spreadsheet would execute."""

import csv
import io
from typing import Any

import pytest

from books.audit import EntryFilter
from books.session import Books
from services import audit
from services.audit_search import csv_lines
from services.csv_files import as_text
from tests.services.audit_log import SOMEBODY
from tests.services.procedure import AUDITOR

BEGINNINGS = ("=", "+", "-", "@", "＝", "＋", "－", "＠", "\t=", "\r=", "\n=")


@pytest.mark.parametrize("beginning", BEGINNINGS)
def test_no_text_of_the_audit_log_is_a_formula_to_a_spreadsheet(books: Books, beginning: str) -> None:
    reason = f"{beginning}HYPERLINK(1)"
    with books.begin() as work:
        audit.record(work, SOMEBODY, "approval_decided", loan="L26000099", reason=reason)
    written = "".join(csv_lines(books, AUDITOR, EntryFilter(loan="L26000099")))
    (line,) = csv.DictReader(io.StringIO(written, newline=""))
    assert line["reason"] == f"'{reason}"


@pytest.mark.parametrize("value", [None, 0, -5, "", "1=1", "loan"])
def test_everything_else_stays_as_it_is(value: Any) -> None:
    assert as_text(value) == value
