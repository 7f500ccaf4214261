"""A loan's whole evidence as one signed file, which anybody can check without the system (`services/bundle_check.py`).

The same state of the books gives the same bytes, whoever asks for them and when.
"""

import base64
import json
from bisect import bisect_left
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, is_dataclass
from datetime import date, datetime
from enum import Enum
from typing import Any

from sqlmodel import SQLModel

from books.seals import POSTINGS
from books.session import UnitOfWork
from lending.errors import LendingError
from models.attesting import SigningKey
from models.audit import AuditEntry, AuditSeal
from models.chain import ENTRY_FIELDS, EntryProof, spelled
from models.ledger import Posting
from models.run_events import digest
from models.staff import Actor
from services import audit
from services.audit_chain import proofs_of
from services.bundle_archive import DEFLATED, STORED, Member, archived
from services.bundle_check import CHAIN, FORMAT, INVENTORY, MANIFEST, PROOFS, SIGNATURE
from services.bundle_inventory import ACT as INVENTORIED
from services.bundle_inventory import inventory_of
from services.bundle_money import balances
from services.story_differences import differences
from services.timeline import Story, StoryLine, ToldRun

README = "readme.txt"
MOST_LINKS = 100_000
"""Seals that a bundle holds to lead to deposited roots; a day has some hundreds."""
_ENGLISH = """The evidence of one loan.

manifest.json names every file with its SHA-256, and with that of its packed bytes. manifest.sig is the Ed25519
signature (RFC 8032, Base64) of manifest.json, made with the key whose public part stands in it; compare that with the
one the lender has published.

runs.json, histories/   what the workflow engine recorded, run by run
audit.json              entries of the audit log, each with its path to the root of a seal
inventory.json          the entry that names all that there was when this was made: files by their digests, entries and
                        postings by their number
proofs.json             for each posting its path to the root of a seal
seals.json              the seals; each repeats the hash of the one before it
chain.json              the seals between these and the roots that were deposited outside
postings.json, balances.json, payments.json, bank.json   money: the ledger, orders to the bank, the bank's own entries
terms.json, events.json, decisions.json                  what was agreed, what happened to the account, who decided
documents.json          digests of the documents; their contents are not in here
verdicts.json           what became of executing the histories again
timeline.json           all of it in words; differences.json what did not fit together: told by the lender, not proved

`loanwright audit check FILE` checks all of it and needs neither books nor engine nor keys.
"""


class NotSealedYet(LendingError):
    """Entries came in while the bundle was made."""

    code = "not_sealed_yet"
    http_status = 409

    def __init__(self, loan: str) -> None:
        super().__init__(f"loan {loan} is busy: its newest entries are not sealed yet; try again in a moment")


@dataclass(frozen=True)
class Contents:
    """What there is of a loan at one moment: files by their names, and the rows that have to be sealed."""

    loan: str
    files: Mapping[str, bytes]
    entries: Sequence[AuditEntry]
    postings: Sequence[Posting]

    def inventory(self) -> dict[str, Any]:
        """How an audit entry names all of it."""
        return inventory_of(
            self.files, (one.model_dump() for one in self.entries), (one.model_dump() for one in self.postings)
        )


def contents_of(work: UnitOfWork, story: Story) -> Contents:
    """All of a loan's bundle that does not wait for its seals."""
    facts = story.facts
    files: dict[str, Any] = {
        "loan.json": facts.loan,
        "runs.json": [_run(n, run) for n, run in enumerate(story.runs, 1)],
        "postings.json": facts.postings,
        "balances.json": balances((one.debit, one.credit, one.amount_fen) for one in facts.postings),
        "terms.json": facts.terms,
        "events.json": facts.events,
        "payments.json": facts.payments,
        "bank.json": facts.bank,
        "decisions.json": facts.decisions,
        "documents.json": facts.documents,
        "verdicts.json": [one.as_json() for one in work.histories.verdicts(story.loan)],
        "differences.json": differences(work, story),
        "timeline.json": [_line(line) for line in story.lines],
    }
    written = {name: _json(content) for name, content in files.items()}
    for n, run in enumerate(story.runs, 1):
        if run.found.content is not None:
            written[history_name(n)] = run.found.content
    return Contents(story.loan, written | {README: _ENGLISH.encode()}, facts.entries, facts.postings)


def take_inventory(work: UnitOfWork, actor: Actor, contents: Contents) -> str:
    """The id of the audit entry that names all of a loan's contents: the one that is there already, so that the same
    state gives the same bundle, or a new one.
    """
    after = contents.inventory()
    newest = contents.entries[-1].id if contents.entries else ""
    for entry in work.audit.of_act_about(INVENTORIED, contents.loan, newest):
        if entry.after == after:
            return entry.id
    # Under the loan as subject: that somebody looked is no part of the loan's own life.
    return audit.record(work, actor, INVENTORIED, subject=contents.loan, after=after)


def sealed(work: UnitOfWork, contents: Contents, inventory_id: str) -> dict[str, bytes]:
    """The files of a loan's bundle by their names, without manifest and signature. Raises NotSealedYet."""
    inventory = work.audit.get(inventory_id)
    entries = [*contents.entries, *([inventory] if inventory else [])]
    proofs = {proof.entry_id: proof for proof in proofs_of(work, entries)}
    of_postings = {proof.entry_id: proof for proof in proofs_of(work, contents.postings, POSTINGS)}
    if inventory is None or len(proofs) < len(entries) or len(of_postings) < len(contents.postings):
        raise NotSealedYet(contents.loan)
    rows = (work.seals.get(no) for no in sorted({one.seal_no for one in (*proofs.values(), *of_postings.values())}))
    seals = [_seal(row) for row in rows if row is not None]
    files = {
        "audit.json": [_entry(one, proofs[one.id]) for one in contents.entries],
        INVENTORY: _entry(inventory, proofs[inventory_id]),
        PROOFS: of_postings,
        "seals.json": seals,
        CHAIN: _chain(work, [one["no"] for one in seals]),
    }
    return {**contents.files, **{name: _json(content) for name, content in files.items()}}


def _entry(entry: AuditEntry, proof: EntryProof) -> dict[str, Any]:
    told = {name: _plain(getattr(entry, name)) for name in ENTRY_FIELDS}
    return {"entry": told | {"at": spelled(entry.at)}, "proof": asdict(proof)}


def packed(loan: str, files: Mapping[str, bytes], key: SigningKey) -> bytes:
    """The bundle: the files with a manifest of them that is signed. It names each file's content and how it is packed;
    manifest and signature lie as they are, so that no byte of the whole can be another.
    """
    members = [Member.of(name, content, DEFLATED) for name, content in files.items()]
    manifest = _json(
        {
            "format": FORMAT,
            "loan": loan,
            "key": key.name,
            "public_key": key.public,
            "files": {
                one.name: {
                    "sha256": digest(files[one.name]),
                    "bytes": one.size,
                    "packed_sha256": digest(one.packed),
                }
                for one in members
            },
        }
    )
    members.append(Member.of(MANIFEST, manifest, STORED))
    members.append(Member.of(SIGNATURE, base64.b64encode(key.sign(manifest)) + b"\n", STORED))
    return archived(sorted(members, key=lambda one: one.name))


def history_name(n: int) -> str:
    """The file of the n-th run's history."""
    return f"histories/{n:04d}.json"


def _run(n: int, run: ToldRun) -> dict[str, Any]:
    found, events = run.found, run.events
    content = found.content
    return {
        "run": found.run_id,
        "file": history_name(n) if content is not None else None,
        "sha256": digest(content) if content is not None else None,
        "source": found.source,
        "status": events.closed_as if events else None,
        "previous": events.previous if events else None,
        "next": events.next if events else None,
        "events": len(events.events) if events else 0,
        "code_versions": run.versions,
        "problem": run.problem,
    }


def _chain(work: UnitOfWork, numbers: Sequence[int]) -> list[dict[str, Any]]:
    """Every seal from each of these to the next one that each depository was given, as far as they fit; of what was
    sealed since the last deposit none. Who checks it may hold the roots of any one of them.
    """
    deposited: dict[str, list[int]] = {}
    for one in work.seals.deposits():
        deposited.setdefault(one.depository, []).append(one.seal_no)
    links: dict[int, AuditSeal] = {}
    for no in numbers:
        last = max((_next(sorted(of_one), no) for of_one in deposited.values()), default=0)
        first = no
        while first in links:
            first += 1
        if first > last:
            continue
        if len(links) + last + 1 - first > MOST_LINKS:
            break
        links |= {one.no: one for one in work.seals.newest(last + 1, last + 1 - first)}
    return [_seal(links[no]) for no in sorted(links)]


def _next(deposited: Sequence[int], no: int) -> int:
    """The first of these seals, in their order, that is this one or a later one; 0 if there is none."""
    place = bisect_left(deposited, no)
    return deposited[place] if place < len(deposited) else 0


def _seal(row: AuditSeal) -> dict[str, Any]:
    return asdict(row.content) | {"hash": row.hash, "sealed_at": spelled(row.sealed_at)}


def _line(line: StoryLine) -> dict[str, Any]:
    return {
        "at": line.at,
        "day": line.day,
        "code": line.code,
        "en": line.words.en,
        "zh": line.words.zh,
        "outcome": line.outcome,
        "actor_id": line.actor_id,
        "role": line.role,
        "approved_by": line.approved_by,
        "events": [f"{one.run}/{one.id}" for one in line.events],
        "entries": [one.id for one in line.entries],
        "postings": [one.id for one in line.postings],
        "payments": [one.key for one in line.payments],
        "bank": [one.reference for one in line.bank],
    }


def _json(content: Any) -> bytes:
    return json.dumps(content, default=_plain, ensure_ascii=False, indent=1, sort_keys=True).encode() + b"\n"


def _plain(value: Any) -> Any:
    if isinstance(value, SQLModel):
        return value.model_dump()
    if is_dataclass(value) and not isinstance(value, type):
        return asdict(value)
    if isinstance(value, datetime):
        return spelled(value)
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, Enum):
        return value.value
    return value
