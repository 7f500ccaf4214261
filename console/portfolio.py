"""A portfolio from a file: running loans of another system, compared with our computation and taken over in batches."""

import csv
import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from books.session import Books
from console.imports import UnreadableFile, read_lines, sentence_of
from console.screen import say
from lending.errors import LendingError
from models.portfolio import Difference, Origin, TakenOverLoan
from models.staff import Actor
from services.portfolio import Mandate, Taken, again, check_mandate, take_over
from services.takeover_check import CheckedTakeover, DifferencePolicy, check_takeover
from services.takeover_lines import read_line, read_origin, read_takeover

BATCH = 100
"""Loans a transaction. A run that is killed loses at most so many, and the next run takes them up again."""

NEEDED_COLUMNS = frozenset({"source", "source_loan", "product", "cut_off"})
WHOLE_NUMBERS = frozenset(
    {
        "terms.n_periods",
        "terms.period.every",
        "terms.principal_grace_periods",
        "terms.interest_deferral_periods",
        "terms.interest_free_periods",
        "terms.late.grace_days",
        "claimed.dpd",
    }
)
"""Columns of a CSV that JSON has as numbers; all others are text there too."""

Line = tuple[int, dict[str, Any] | str]


class DifferenceRow(NamedTuple):
    """One figure that differs, as it stands in the report."""

    line: int
    source: str
    source_loan: str
    loan: str
    field: str
    claimed: str
    computed: str
    difference: str
    outcome: str


@dataclass
class PortfolioReport:
    """What became of a file; `differences` stand in the CSV at `path` as well."""

    path: Path
    accepted: list[str] = field(default_factory=list)
    repeated: list[str] = field(default_factory=list)
    refused: list[tuple[int, str]] = field(default_factory=list)
    differences: list[DifferenceRow] = field(default_factory=list)

    def write(self) -> None:
        """Writes the differences as CSV. Raises UnreadableFile where no file can be written."""
        try:
            with self.path.open("w", encoding="utf-8", newline="") as file:
                writer = csv.writer(file, lineterminator="\n")
                writer.writerow(DifferenceRow._fields)
                writer.writerows(sorted(self.differences))
        except OSError as error:
            raise UnreadableFile(f"the report {self.path} cannot be written: {error.strerror}") from error


def import_portfolio(
    books: Books, actor: Actor, approver: Actor, path: Path, policy: DifferencePolicy, *, quiet: bool = False
) -> PortfolioReport:
    """Takes over the running loans of a CSV or JSON Lines file; docs/portfolio.md has its fields.

    Good lines are kept, bad ones reported by line and field. Each batch is one transaction, and a loan that is in the
    books already is passed over, so that a run that was ended in the middle is simply started again. The report of
    differences stands beside the file. Raises NotAllowed unless `actor` and `approver` are two people who may, and
    UnreadableFile if nothing of the file can be read.
    """
    digest, count = _look_at(path)
    run = _Run(books, Mandate(actor, approver, digest), policy, PortfolioReport(path.with_suffix(".differences.csv")))
    check_mandate(run.mandate)
    lines = read_lines(path, NEEDED_COLUMNS, _body_of, read_line)
    # What cannot be written is found now and not after the last loan.
    run.report.write()
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    try:
        with Progress(*columns, console=say, disable=quiet, transient=True) as progress:
            shown = progress.add_task("taking over", total=count)
            while batch := list(islice(lines, BATCH)):
                run.take(batch)
                progress.update(shown, completed=batch[-1][0])
    finally:
        run.report.refused.sort()
        run.report.write()
    return run.report


class _Run:
    """One run over a file."""

    def __init__(self, books: Books, mandate: Mandate, policy: DifferencePolicy, report: PortfolioReport) -> None:
        self.books = books
        self.mandate = mandate
        self.policy = policy
        self.report = report
        self.today = books.clock.business_date(datetime.now(UTC))
        self.line_of: dict[tuple[str, str], int] = {}

    def take(self, batch: Sequence[Line]) -> None:
        """Computes the loans of a batch, then writes those that nothing stands against in one transaction."""
        told = list(self._told(batch))
        with self.books.read() as work:
            known = work.portfolio.known([origin.key for _, origin, _ in told])
        checked: list[CheckedTakeover] = []
        for number, origin, body in told:
            before = known.get(origin.key)
            if before is not None:
                self._answer(number, origin, again(before, origin.content_hash), _stored(before))
                continue
            try:
                one = check_takeover(read_takeover(body, origin, self.today), self.policy)
            except LendingError as refusal:
                self._refuse(number, sentence_of(refusal))
                continue
            if one.is_taken:
                checked.append(one)
            else:
                self._leave(number, one)
        if not checked:
            return
        with self.books.begin() as work:
            answers = take_over(work, self.mandate, checked)
        for one, answer in zip(checked, answers, strict=True):
            origin = one.takeover.origin
            self._answer(self.line_of[origin.key], origin, answer, one.differences)

    def _told(self, batch: Sequence[Line]) -> Iterator[tuple[int, Origin, dict[str, Any]]]:
        """The lines that say which loan they are about, each loan once."""
        for number, body in batch:
            if isinstance(body, str):
                self._refuse(number, body)
                continue
            try:
                origin = read_origin(body)
            except LendingError as refusal:
                self._refuse(number, sentence_of(refusal))
                continue
            first = self.line_of.setdefault(origin.key, number)
            if first == number:
                yield number, origin, body
            else:
                self._refuse(number, f"source_loan: stands in line {first} already")

    def _answer(
        self, number: int, origin: Origin, answer: Taken | LendingError, differences: Sequence[Difference]
    ) -> None:
        if isinstance(answer, LendingError):
            self._refuse(number, sentence_of(answer))
            return
        (self.report.repeated if answer.repeated else self.report.accepted).append(answer.loan)
        for one in differences:
            self._note(number, origin, answer.loan, one, "adopted")

    def _leave(self, number: int, one: CheckedTakeover) -> None:
        """A loan that stays out because of its differences."""
        origin = one.takeover.origin
        left = {it.field for it in one.left}
        fields = ", ".join(it.field for it in one.left)
        if self.policy is DifferencePolicy.REFUSE:
            self._refuse(number, f"differs from what we compute: {fields}")
        else:
            self._refuse(number, f"differs from what we compute, and no adjustment can express it: {fields}")
        for it in one.left:
            self._note(number, origin, "", it, "refused" if self.policy is DifferencePolicy.REFUSE else "not adoptable")
        for it in one.differences:
            if it.field not in left:
                self._note(number, origin, "", it, "refused")

    def _refuse(self, number: int, why: str) -> None:
        self.report.refused.append((number, why))

    def _note(self, number: int, origin: Origin, loan: str, one: Difference, outcome: str) -> None:
        self.report.differences.append(
            DifferenceRow(
                number,
                origin.source,
                origin.source_loan,
                loan,
                one.field,
                one.claimed,
                one.computed,
                one.difference,
                outcome,
            )
        )


def _look_at(path: Path) -> tuple[str, int]:
    """The digest of a file, and how many lines it has."""
    try:
        content = path.read_bytes()
    except OSError as error:
        raise UnreadableFile(f"{path} cannot be read: {error.strerror}") from error
    return hashlib.sha256(content).hexdigest(), content.count(b"\n")


def _stored(before: TakenOverLoan) -> list[Difference]:
    return [Difference(**one) for one in before.differences]


def _body_of(row: Mapping[str, str]) -> dict[str, Any]:
    """A row of a CSV as the object that a line of JSON would hold.

    A point in a column's name leads into an object; an empty cell means that the field was left out; `payments` is a
    list of date and amount, parted by semicolons.
    """
    body: dict[str, Any] = {}
    for name, value in row.items():
        if value == "" or name == "payments":
            continue
        *path, last = name.split(".")
        inner = body
        for step in path:
            inner = inner.setdefault(step, {})
            if not isinstance(inner, dict):
                raise UnreadableFile(f"the columns {step} and {name} cannot stand side by side")
        is_number = name in WHOLE_NUMBERS and len(value) < 10 and value.isascii() and value.isdigit()
        inner[last] = int(value) if is_number else value
    if row.get("payments"):
        body["events"] = [_payment(text) for text in row["payments"].split(";") if text.strip()]
    return body


def _payment(text: str) -> dict[str, str]:
    day, _, amount = text.strip().partition(" ")
    return {"type": "repayment", "date": day, "amount": amount}
