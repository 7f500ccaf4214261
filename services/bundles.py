"""A loan's whole evidence as one signed file, which anybody can check without the system (`services/bundle_check.py`).

The same state of the books gives the same bytes, whoever asks for them and when.
"""

import base64
import json
from bisect import bisect_left
from collections.abc import Mapping, Sequence
from dataclasses import asdict, is_dataclass
from datetime import date, datetime
from enum import Enum
from typing import Any

from sqlmodel import SQLModel

from books.seals import POSTINGS
from books.session import UnitOfWork
from lending.errors import LendingError
from models.attesting import SigningKey
from models.audit import AuditEntry, AuditSeal
from models.chain import ENTRY_FIELDS, spelled
from models.ledger import Posting
from models.run_events import digest
from services.audit_chain import proofs_of
from services.bundle_archive import DEFLATED, STORED, Member, archived
from services.bundle_check import CHAIN, FORMAT, MANIFEST, PROOFS, SIGNATURE, balances
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
proofs.json             for each posting its path to the root of a seal
seals.json              the seals; each repeats the hash of the one before it
chain.json              the seals between these and the roots that were deposited outside
postings.json, balances.json, payments.json, bank.json   money: the ledger, orders to the bank, the bank's own entries
terms.json, events.json, decisions.json                  what was agreed, what happened to the account, who decided
documents.json          digests of the documents; their contents are not in here
verdicts.json           what became of executing the histories again
timeline.json           all of it in words; differences.json what did not fit together

`loanwright audit check FILE` checks all of it and needs neither books nor engine nor keys.
"""


class NotSealedYet(LendingError):
    """Entries came in while the bundle was made."""

    code = "not_sealed_yet"
    http_status = 409

    def __init__(self, loan: str) -> None:
        super().__init__(f"loan {loan} is busy: its newest entries are not sealed yet; try again in a moment")


def contents_of(work: UnitOfWork, story: Story) -> dict[str, bytes]:
    """The files of a loan's bundle by their names, without manifest and signature. Raises NotSealedYet."""
    facts = story.facts
    files: dict[str, Any] = {
        "loan.json": work.loans.get(story.loan),
        "runs.json": [_run(n, run) for n, run in enumerate(story.runs, 1)],
        "postings.json": facts.postings,
        "balances.json": balances((one.debit, one.credit, one.amount_fen) for one in facts.postings),
        "terms.json": facts.terms,
        "events.json": facts.events,
        "payments.json": facts.payments,
        "bank.json": facts.bank,
        "decisions.json": facts.decisions,
        "documents.json": work.histories.documents(story.loan),
        "verdicts.json": [one.as_json() for one in work.histories.verdicts(story.loan)],
        "differences.json": differences(work, story),
        "timeline.json": [_line(line) for line in story.lines],
        **_sealed(work, story.loan, facts.entries, facts.postings),
    }
    written = {name: _json(content) for name, content in files.items()}
    for n, run in enumerate(story.runs, 1):
        if run.found.content is not None:
            written[history_name(n)] = run.found.content
    return written | {README: _ENGLISH.encode()}


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


def _sealed(work: UnitOfWork, loan: str, entries: Sequence[AuditEntry], postings: Sequence[Posting]) -> dict[str, Any]:
    proofs = {proof.entry_id: proof for proof in proofs_of(work, entries)}
    of_postings = {proof.entry_id: proof for proof in proofs_of(work, postings, POSTINGS)}
    if len(proofs) < len(entries) or len(of_postings) < len(postings):
        raise NotSealedYet(loan)
    seals = []
    for no in sorted({proof.seal_no for proof in (*proofs.values(), *of_postings.values())}):
        row = work.seals.get(no)
        if row is not None:
            seals.append(_seal(row))
    told = [
        {
            "entry": {name: _plain(getattr(entry, name)) for name in ENTRY_FIELDS} | {"at": spelled(entry.at)},
            "proof": asdict(proofs[entry.id]),
        }
        for entry in entries
    ]
    return {
        "audit.json": told,
        PROOFS: of_postings,
        "seals.json": seals,
        CHAIN: _chain(work, [one["no"] for one in seals]),
    }


def _chain(work: UnitOfWork, numbers: Sequence[int]) -> list[dict[str, Any]]:
    """Every seal from each of these to the next one that was deposited, as far as they fit; of what was sealed since
    the last deposit none.
    """
    deposited = sorted({one.seal_no for one in work.seals.deposits()})
    links: dict[int, AuditSeal] = {}
    for no in numbers:
        place = bisect_left(deposited, no)
        if no in links or place == len(deposited):
            continue
        last = deposited[place]
        if len(links) + last + 1 - no > MOST_LINKS:
            break
        links |= {one.no: one for one in work.seals.newest(last + 1, last + 1 - no)}
    return [_seal(links[no]) for no in sorted(links)]


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
