"""Depositing the root of every day outside, so that nobody here can make the chain anew: the hook, and signed files."""

import base64
import json
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from books.session import UnitOfWork
from lending.calendar import SHANGHAI
from lending.errors import LendingError
from models.attesting import SigningKey, verify
from models.audit import AuditDeposit
from models.chain import DailyRoot, canonical
from services.audit_findings import Finding, FindingKind
from services.audit_proof import GRACE

SHIPPED = "signed-files"
FILES = "audit-*.json"
LONGEST_FILE = 4_096


class NotAsDeposited(LendingError):
    """A depository has another root for the day: one of the two was tampered with."""

    code = "not_as_deposited"
    http_status = 409

    def __init__(self, day: date, where: str) -> None:
        super().__init__(f"another root was deposited for {day} at {where}; the operator has to look into it")


@dataclass(frozen=True)
class Depository:
    """Where roots are deposited, by the name of its module. `deposit` gives the reference under which a root is found
    there, or None if it takes none; the same root twice is one deposit. Whatever it raises, it is asked again.
    """

    name: str
    deposit: Callable[[DailyRoot], str | None]


class _Installed:
    """The depositories of this process; they are set once, at start."""

    all: tuple[Depository, ...] = ()


def install_depositories(depositories: Sequence[Depository]) -> None:
    """Makes these the depositories of the process."""
    _Installed.all = tuple(depositories)


def depositories() -> tuple[Depository, ...]:
    """Where this process deposits."""
    return _Installed.all


def day_of(instant: datetime) -> date:
    """The calendar day in Shanghai, whatever a business day lasts: whoever keeps the evidence lives by it."""
    return instant.astimezone(SHANGHAI).date()


def ends_at(day: date) -> datetime:
    """The instant at which a day is over."""
    following = day + timedelta(days=1)
    return datetime(following.year, following.month, following.day, tzinfo=SHANGHAI).astimezone(UTC)


def next_root(work: UnitOfWork, depository: str) -> DailyRoot | None:
    """The oldest root that a depository lacks, the last seal of a day that is over; None if it has them all."""
    last = work.seals.last_deposit(depository)
    # In the order of their numbers, which nobody can back-date; one of the future must not hold up all days before it.
    first = work.seals.first_from(last.seal_no if last else 0, ends_at(last.day) if last else None, work.now)
    if first is None:
        return None
    day = day_of(first.sealed_at)
    # A seal may be committed a little after the day at whose end it was made.
    if work.now < ends_at(day) + GRACE:
        return None
    seal = work.seals.last_before(ends_at(day))
    return DailyRoot(day, seal.no, seal.hash, seal.sealed_at) if seal else None


def days_waiting(work: UnitOfWork, depository: str) -> int:
    """For how many days a depository has lacked a root."""
    root = next_root(work, depository)
    return (day_of(work.now) - root.day).days if root else 0


def keep_deposit(work: UnitOfWork, depository: str, root: DailyRoot, reference: str) -> None:
    """Writes down that a root was deposited."""
    work.seals.add_deposit(
        AuditDeposit(
            depository=depository,
            day=root.day,
            seal_no=root.seal_no,
            hash=root.hash,
            sealed_at=root.sealed_at,
            reference=reference[:300],
            deposited_at=work.now,
        )
    )


# -- the shipped depository: a signed file a day ---------------------------------------------------------------------


def signed_files(folder: Path, key: Callable[[], SigningKey]) -> Depository:
    """A file a day in a folder, which is best not on this machine. A file that is there is never written again."""

    def deposit(root: DailyRoot) -> str:
        file = folder / f"audit-{root.day}.json"
        if not file.exists():
            folder.mkdir(parents=True, exist_ok=True)
            _write(file, _signed(root, key()))
        if read_file(file, None) != root:
            raise NotAsDeposited(root.day, file.name)
        return file.name

    return Depository(SHIPPED, deposit)


def _signed(root: DailyRoot, key: SigningKey) -> bytes:
    content = root.content()
    signature = base64.b64encode(key.sign(canonical(content))).decode()
    signed = {"root": content, "key": key.name, "public_key": key.public, "signature": signature}
    return json.dumps(signed, indent=1).encode() + b"\n"


def _write(file: Path, content: bytes) -> None:
    """All of it or nothing, whatever happens meanwhile."""
    beside = file.with_name(f".{file.name}.{os.getpid()}")
    with beside.open("wb") as opened:
        opened.write(content)
        opened.flush()
        os.fsync(opened.fileno())
    beside.replace(file)


class NoEvidence(LendingError):
    """A file that holds no root, or one that was not signed by the key."""

    code = "no_evidence"
    http_status = 422


def read_file(file: Path, public_key: str | None) -> DailyRoot:
    """The root in a signed file. Refuses a file that is damaged, or not signed by the holder of `public_key`; without
    one the file's own key is taken, which proves only that the file is whole.
    """
    try:
        if file.stat().st_size > LONGEST_FILE:
            raise ValueError
        signed = json.loads(file.read_bytes())
        root = DailyRoot.read(signed["root"])
        signature = base64.b64decode(signed["signature"], validate=True)
        public = public_key or str(signed["public_key"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise NoEvidence(f"{file.name} is no signed root of the audit log") from error
    if not verify(public, signature, canonical(root.content())):
        raise NoEvidence(f"{file.name} was changed, or was not signed by the key it is checked with")
    return root


@dataclass(frozen=True)
class Evidence:
    """What a folder of signed roots holds: the roots that may be believed, and which files hold none."""

    roots: tuple[DailyRoot, ...] = ()
    unreadable: tuple[Finding, ...] = ()


def evidence_in(folder: Path, public_keys: tuple[str | None, ...]) -> Evidence:
    """Everything in a folder that was signed by the holder of one of these keys, of which there is one or more; None is
    each file's own.
    """
    found = [_believed(file, public_keys) for file in sorted(folder.glob(FILES))]
    return Evidence(
        tuple(one for one in found if isinstance(one, DailyRoot)),
        tuple(
            Finding(FindingKind.DEPOSIT_UNREADABLE, None, None, str(one))
            for one in found
            if isinstance(one, NoEvidence)
        ),
    )


def _believed(file: Path, public_keys: tuple[str | None, ...]) -> DailyRoot | NoEvidence:
    first, *others = public_keys
    try:
        return read_file(file, first)
    except NoEvidence as refusal:
        return _believed(file, tuple(others)) if others else refusal
