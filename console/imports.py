"""Applications from a file: good lines are taken, bad ones reported by their number; a second run doubles nothing."""

import csv
import hashlib
import json
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

from rich.progress import track

from books.session import Books
from lending.errors import LendingError
from models.staff import Actor
from services.applications import Receipt, Submission, read_submission, submit
from services.errors import IdempotencyConflict
from services.forms import InvalidForm, NotJson, read_json

BATCH = 100
COLUMNS_OF_BODY = ("product", "consent", "reference")
SEPARATE_WORD = "consent_"
"""How columns begin that hold a separate word on sensitive data: `consent_sensitive` that of the borrower, and
`consent_guarantor` or `consent_joint_borrower` that of a co-signer for whom the sender attests."""
WORDS: Mapping[str, bool] = {"true": True, "false": False}
REFERENCE_TAKEN = "reference: was used before with different content; give this application another one"


@dataclass
class ImportReport:
    """What became of a file: accepted and repeated loans, and the refused lines with their reasons."""

    accepted: list[str] = field(default_factory=list)
    repeated: list[str] = field(default_factory=list)
    refused: list[tuple[int, str]] = field(default_factory=list)


class UnreadableFile(LendingError):
    """The file is not what its name says."""

    code = "unreadable_file"


def import_applications(books: Books, actor: Actor, path: Path, day: date, *, quiet: bool = False) -> ImportReport:
    """Takes in a CSV or JSON Lines file of applications.

    A CSV has a header: `product`, `consent`, for newer versions of it `consent_sensitive` with `true` or `false`,
    optionally `reference` (the sender's own number, which makes a second run recognise the line), and the form's
    fields. Raises UnreadableFile if nothing of it can be read, or if a column stands twice in the header: nobody can
    say which of its values was meant.
    """
    report = ImportReport()
    batch: list[tuple[int, Submission]] = []
    lines = list(read_lines(path, {"product", "consent"}, _application))
    for number, body in track(lines, description="importing", disable=quiet, transient=True):
        if isinstance(body, str):
            report.refused.append((number, body))
            continue
        try:
            reference = str(body.pop("reference", "") or hashlib.sha256(json.dumps(body).encode()).hexdigest())
            if not reference.isprintable():
                raise InvalidForm({"reference": "has characters that cannot be printed"})
            batch.append((number, read_submission(body, f"import:{reference[:80]}", actor, day)))
        except LendingError as refusal:
            report.refused.append((number, sentence_of(refusal)))
        if len(batch) >= BATCH:
            _write(books, batch, report)
            batch = []
    _write(books, batch, report)
    report.refused.sort()
    return report


def _write(books: Books, batch: Sequence[tuple[int, Submission]], report: ImportReport) -> None:
    if not batch:
        return
    with books.begin() as work:
        answers = submit(work, [one for _, one in batch])
    for (number, _), answer in zip(batch, answers, strict=True):
        if isinstance(answer, Receipt):
            (report.repeated if answer.repeated else report.accepted).append(answer.loan)
        else:
            # The file knows the key under the name of its column.
            again = isinstance(answer, IdempotencyConflict)
            report.refused.append((number, REFERENCE_TAKEN if again else sentence_of(answer)))


def read_lines(
    path: Path,
    columns: Set[str],
    body_of: Callable[[Mapping[str, str]], dict[str, Any]],
    json_of: Callable[[str], Any] = read_json,
) -> Iterator[tuple[int, dict[str, Any] | str]]:
    """Line numbers as an editor shows them, each with the object that the line holds or with what is wrong with it.

    A CSV must have these columns; `body_of` makes an object of one of its rows, `json_of` of a line of JSON. Raises
    UnreadableFile if nothing of the file can be read.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise UnreadableFile(f"{path} cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise UnreadableFile(f"{path} cannot be read as UTF-8 text; save it as UTF-8") from error
    if path.suffix == ".jsonl":
        yield from _json_lines(text, json_of)
    elif path.suffix == ".csv":
        yield from _csv_lines(text, path, columns, body_of)
    else:
        raise UnreadableFile(f"{path} is neither a .csv nor a .jsonl file")


def _json_lines(text: str, json_of: Callable[[str], Any]) -> Iterator[tuple[int, dict[str, Any] | str]]:
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip():
            continue
        try:
            body = json_of(line)
        except NotJson as refusal:
            yield number, f"this line {refusal.fields['body']}"
            continue
        except LendingError as refusal:
            yield number, sentence_of(refusal)
            continue
        yield number, body if isinstance(body, dict) else "this line is not a JSON object"


def _csv_lines(
    text: str, path: Path, needed: Set[str], body_of: Callable[[Mapping[str, str]], dict[str, Any]]
) -> Iterator[tuple[int, dict[str, Any] | str]]:
    reader = csv.DictReader(text.splitlines(), strict=True)
    try:
        columns = list(reader.fieldnames or ())
    except csv.Error as error:
        raise UnreadableFile(f"{path} has a header that is not CSV: {error}") from error
    if not needed <= set(columns):
        raise UnreadableFile(f"{path} has no header with {' and '.join(sorted(needed, reverse=True))}")
    times = Counter(unicodedata.normalize("NFKC", name).strip() for name in columns)
    if twice := [name or "(none)" for name, count in times.items() if count > 1]:
        raise UnreadableFile(f"{path} has more than one column of the name {', '.join(twice)}")
    try:
        for row in reader:
            if None in row or None in row.values():
                yield reader.line_num, "this line has not as many fields as the header"
                continue
            yield reader.line_num, body_of(row)
    except csv.Error as error:
        yield reader.reader.line_num, f"from here on the file is not CSV: {error}"


def _application(row: Mapping[str, str]) -> dict[str, Any]:
    # An empty cell means that the field was left out: products differ in their fields.
    filled = {name: value for name, value in row.items() if value != ""}
    body: dict[str, Any] = {name: filled.pop(name) for name in COLUMNS_OF_BODY if name in filled}
    # What is neither yes nor no is passed on as it stands, and refused at its field.
    words = {
        name.removeprefix(SEPARATE_WORD): WORDS.get(filled[name].strip().lower(), filled[name])
        for name in filled
        if name.startswith(SEPARATE_WORD)
    }
    if words and "consent" in body:
        body["consent"] = _consent(body["consent"], words)
    form = {name: value for name, value in filled.items() if not name.startswith(SEPARATE_WORD)}
    return body | {"form": form}


def _consent(version: str, words: Mapping[str, bool | str]) -> dict[str, Any]:
    """The authorisation as a body of the API has it."""
    co_signers = {name: {"sensitive": word} for name, word in words.items() if name != "sensitive"}
    own = {name: word for name, word in words.items() if name == "sensitive"}
    return {"version": version, **own} | ({"co_signers": co_signers} if co_signers else {})


def sentence_of(refusal: LendingError) -> str:
    """What is wrong, field by field where it is known."""
    fields = "; ".join(f"{name}: {why}" for name, why in refusal.fields.items())
    return fields or str(refusal)
