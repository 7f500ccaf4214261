"""Checks a loan's bundle without books, engine or keys: with the standard library and `cryptography` alone."""

import base64
import binascii
import json
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from lending.errors import LendingError
from models.attesting import verify
from models.chain import LEDGER, DailyRoot, Seal, check_path, entry_bytes, leaf_hash, posting_bytes
from models.run_events import HistoryDamaged, RunEvents, digest, read_events
from services.bundle_archive import DEFLATED, STORED, Member, read_archive
from services.bundle_inventory import not_as_inventoried
from services.bundle_money import Found, Told, about_figures, about_payments, balances
from services.bundle_roots import Ways
from services.claims import Claim, Claims

FORMAT = "loanwright-bundle-4"
BEFORE_INVENTORY = "loanwright-bundle-3"
"""The form of bundles of before an audit entry named all that there was of the loan."""
BEFORE_PACKED = "loanwright-bundle-2"
"""The form of bundles of before the manifest named how each file is packed."""
BEFORE_PROOFS = "loanwright-bundle-1"
"""The form of bundles of before postings were sealed; they are checked as they always were."""
FORMS = (FORMAT, BEFORE_INVENTORY, BEFORE_PACKED, BEFORE_PROOFS)
PACKED = frozenset({FORMAT, BEFORE_INVENTORY})
"""Forms whose manifest names how each file is packed, and that lead to roots beyond their own seals."""
MANIFEST, SIGNATURE = "manifest.json", "manifest.sig"
MOST_FILES = 5_000
LARGEST_FILE = 64 * 1024 * 1024
LARGEST_SUM = 512 * 1024 * 1024
LARGEST_ARCHIVE = 512 * 1024 * 1024
NAME = re.compile(r"[a-z]{1,32}\.(?:json|sig|txt)|histories/[0-9]{4}\.json")
"""Every name that a bundle can hold: no way leads out of it."""
LONGEST_SAID, LONGEST_NAME = 300, 40
"""Letters of what a bundle says that are shown, and of a name in it."""
NEEDED = (
    *("loan.json", "runs.json", "audit.json", "seals.json", "postings.json", "balances.json", "payments.json"),
    *("bank.json", "terms.json", "events.json", "decisions.json", "documents.json", "verdicts.json"),
)
CHAIN = "chain.json"
"""The seals between those of the loan and the roots that were deposited."""
CLAIMS: dict[str, tuple[Callable[[Claims], Iterable[Claim]], ...]] = {
    "decisions.json": (Claims.about_decisions,),
    "terms.json": (Claims.about_terms,),
    "documents.json": (Claims.about_documents,),
    "events.json": (Claims.about_payout, Claims.about_events),
    "payments.json": (Claims.about_orders,),
}
"""What is compared with the audit entries, file by file."""
MONEY: tuple[tuple[str, Callable[[Told], Iterable[Found]]], ...] = (
    ("payments.json", about_payments),
    ("loan.json", about_figures),
)
"""What is computed again."""
INVENTORY = "inventory.json"
"""The audit entry that names all that there was of the loan, with its path to the root of a seal."""
TOLD = ("timeline.json", "differences.json", "verdicts.json")
"""What is told and nothing else proves: only that it was so told when the bundle was made."""
PROOFS = "proofs.json"
"""For each posting, by its id, the way to the root of its seal."""


class NotABundle(LendingError):
    """The file is no bundle, or one that was made to do harm."""

    code = "not_a_bundle"
    http_status = 422

    def __init__(self, why: str) -> None:
        super().__init__(f"this is no bundle that can be checked: {why}")


@dataclass(frozen=True)
class Packed:
    """A file of a bundle: what it says, and how it lies in the archive."""

    content: bytes
    packed_sha256: str
    method: int


@dataclass(frozen=True)
class BundleFinding:
    """One thing that is wrong: in which file, and a sentence."""

    file: str
    sentence: str


@dataclass
class BundleReport:
    """What a check came to. `warnings` are what could not be checked."""

    loan: str = ""
    key: str = ""
    public_key: str = ""
    runs: int = 0
    entries: int = 0
    postings: int = 0
    findings: list[BundleFinding] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)

    @property
    def sound(self) -> bool:
        """Whether nothing is wrong."""
        return not self.findings

    def found(self, file: str, sentence: str) -> None:
        """Adds a finding."""
        self.findings.append(BundleFinding(_shown(file, LONGEST_NAME), _shown(sentence)))


def _shown(said: object, longest: int = LONGEST_SAID) -> str:
    """What stands in a bundle as it may be shown: nothing in it moves a cursor, or pushes the rest off the screen."""
    try:
        text = str(said)
    except RecursionError:
        text = "\N{REPLACEMENT CHARACTER}"
    text = text if len(text) <= longest else f"{text[:longest]}…"
    return "".join(one if one.isprintable() else "\N{REPLACEMENT CHARACTER}" for one in text)


def check(path: Path, public_keys: str | Sequence[str] | None = None, roots: Sequence[DailyRoot] = ()) -> BundleReport:
    """What is wrong with a bundle; the key that must have signed it is one of those that are given, which are those of
    now and before, or taken from it with a warning. If roots
    are given that somebody else keeps, its seals have to lead to them.

    Raises NotABundle for what is none, for names that lead out of it, and for files that unpack to more than they may.
    """
    report = BundleReport()
    packed = unpack(path, report)
    given = (public_keys,) if isinstance(public_keys, str) else tuple(public_keys or ())
    form = _check_manifest(packed, given, report)
    files = {name: file.content for name, file in packed.items()}
    told = {name: _json(files, name, report) for name in NEEDED}
    seals: dict[int, Seal] = {}
    _guarded("runs.json", report, lambda: _check_runs(files, told, report))
    _guarded("seals.json", report, lambda: _check_seals(told, seals, report))
    _guarded("audit.json", report, lambda: _check_audit(told, seals, report))
    _guarded("postings.json", report, lambda: _check_postings(told, report))
    proofs: Any = {}
    if form == BEFORE_PROOFS:
        report.warnings.append("it was made before postings were sealed: that the ledger has them is not proved")
    else:
        proofs = _json(files, PROOFS, report)
        _guarded(PROOFS, report, lambda: _check_sealed(told, proofs, seals, report))
    inventory = _json(files, INVENTORY, report) if form == FORMAT else None
    for name in CLAIMS:
        _guarded(name, report, partial(_check_claims, name, told, report))
    if roots:
        chain = _json(files, CHAIN, report) if form in PACKED else []
        _guarded(CHAIN, report, lambda: _check_roots(told, (proofs, inventory), seals, chain, roots, report))
    for name, look in MONEY:
        _guarded(name, report, partial(_found, look, told, report))
    if form == FORMAT:
        _guarded(INVENTORY, report, lambda: _check_inventory(inventory, files, told, seals, report))
    else:
        report.warnings.append(
            "it was made before an audit entry named all there was of a loan: that nothing was left out is not proved"
        )
    return report


# -- the archive ------------------------------------------------------------------------------------------------------


def unpack(path: Path, report: BundleReport) -> dict[str, Packed]:
    """The files of a bundle by their names; what does not unpack is a finding. Nothing is written to disk.

    Raises NotABundle.
    """
    try:
        if path.stat().st_size > LARGEST_ARCHIVE:
            raise NotABundle("it is larger than any bundle")
        raw = path.read_bytes()
    except OSError as error:
        raise NotABundle(f"it cannot be read ({type(error).__name__})") from None
    archive = read_archive(raw, MOST_FILES, NAME.fullmatch)
    if archive is None:
        raise NotABundle("it is no archive of the form that bundles have, or more than one place of it was changed")
    _check_members(archive.members)
    for name, what in archive.strange:
        report.found(name, f"{what} was changed: it is not what every bundle has there")
    files = {}
    for member in archive.members:
        content = member.content()
        if content is not None:
            files[member.name] = Packed(content, digest(member.packed), member.method)
        else:
            report.found(member.name, "it was changed: it does not unpack to what it says that it holds")
    return files


def _check_members(members: Sequence[Member]) -> None:
    if len(members) > MOST_FILES:
        raise NotABundle(f"it holds more than {MOST_FILES} files")
    if len({member.name for member in members}) < len(members):
        raise NotABundle("a name stands in it twice")
    for member in members:
        if NAME.fullmatch(member.name) is None:
            raise NotABundle("a name in it is none of a bundle's")
        if member.method not in (STORED, DEFLATED):
            raise NotABundle(f"{member.name} is packed in a way that no bundle uses")
        if member.size > LARGEST_FILE:
            raise NotABundle(f"{member.name} unpacks to more than it may")
    if sum(member.size for member in members) > LARGEST_SUM:
        raise NotABundle("it unpacks to more than it may")


# -- manifest and signature -------------------------------------------------------------------------------------------


def _check_manifest(packed: Mapping[str, Packed], public_keys: Sequence[str], report: BundleReport) -> str:
    """Checks what was signed; gives the form of the bundle."""
    if MANIFEST not in packed:
        raise NotABundle(f"{MANIFEST} is missing or cannot be unpacked")
    signed = packed[MANIFEST].content
    manifest = _object(signed)
    named = manifest.get("files")
    form = str(manifest.get("format"))
    if form not in FORMS or not isinstance(named, dict):
        raise NotABundle(f"{MANIFEST} cannot be read or is of another form")
    report.loan, report.key = _shown(manifest.get("loan")), _shown(manifest.get("key"))
    report.public_key = _shown(manifest.get("public_key"))
    if not public_keys:
        report.warnings.append(
            f"no public key was given: that the lender signed it is not proved; compare {report.public_key} with his"
        )
    elif report.public_key not in public_keys:
        report.found(MANIFEST, f"it names the public key {report.public_key}, which is none of those given")
    signature = _signature(packed.get(SIGNATURE))
    trusted = report.public_key if not public_keys or report.public_key in public_keys else public_keys[0]
    if not verify(trusted, signature, signed):
        report.found(SIGNATURE, f"the signature is not one by this key under {MANIFEST}, or one of the two was changed")
    for name in sorted(packed.keys() - named.keys() - {MANIFEST, SIGNATURE}):
        report.found(name, "it was added: the manifest does not name it")
    for name, expected in sorted(named.items()):
        _check_named(str(name), packed.get(name), expected, form, report)
    if form in PACKED:
        for name in sorted({MANIFEST, SIGNATURE} & packed.keys()):
            if packed[name].method != STORED:
                report.found(name, "it is packed, which could be done in more than one way")
    return form


def _signature(file: Packed | None) -> bytes:
    """The signature; none where its spelling is not the one that it has."""
    try:
        signature = base64.b64decode(file.content.strip(), validate=True) if file else b""
    except (binascii.Error, ValueError):
        return b""
    return signature if file and file.content == base64.b64encode(signature) + b"\n" else b""


def _check_named(name: str, file: Packed | None, expected: Any, form: str, report: BundleReport) -> None:
    """A file against what the manifest says of it: its content and, so that each of its bytes counts, how it lies in
    the archive. Of the forms before the manifest named the content alone.
    """
    if file is None:
        if not any(one.file == name for one in report.findings):
            report.found(name, "it is missing")
    elif not isinstance(expected, dict) or digest(file.content) != expected.get("sha256"):
        report.found(name, "it was changed: its digest is not the one in the manifest")
    elif form in PACKED and (file.packed_sha256, file.method) != (expected.get("packed_sha256"), DEFLATED):
        report.found(name, "it was changed: it says the same, but lies otherwise in the archive than it was put there")


# -- histories --------------------------------------------------------------------------------------------------------


def _check_runs(files: Mapping[str, bytes], told: Mapping[str, Any], report: BundleReport) -> None:
    archived = {
        one["entry"]["subject"]: one["entry"]["after"]["sha256"]
        for one in told["audit.json"]
        if one["entry"].get("act") == "run_archived"
    }
    runs = told["runs.json"]
    known = {run["run"] for run in runs}
    read: list[tuple[Mapping[str, Any], RunEvents]] = []
    report.runs = len(runs)
    for run in runs:
        name, run_id = run["file"], str(run["run"])
        if name is None:
            report.found("runs.json", f"the history of run {run_id} is not in the bundle: {run['problem']}")
            continue
        content = files.get(name, b"")
        try:
            events = read_events(run_id, content)
        except HistoryDamaged as damage:
            report.found(name, str(damage))
            continue
        read.append((run, events))
        # Old engines do not write the workflow's id into the history.
        its_loan = events.workflow_id.rpartition("/")[2] or report.loan
        if digest(content) != run["sha256"] or events.written_for != run_id or its_loan != report.loan:
            report.found(name, f"it is not the history of run {run_id} of loan {report.loan}")
        if run_id in archived and archived[run_id] != digest(content):
            report.found(name, f"it is not the history that the audit log says was archived for run {run_id}")
        if len(events.events) != run["events"] or events.closed_as != run["status"]:
            report.found(name, f"it is truncated: run {run_id} had {run['events']} events and ended {run['status']}")
    for run, events in read:
        for other in (events.previous, events.next):
            if other is not None and other not in known:
                report.found(run["file"], f"the chain of runs is broken: run {other} is missing")
    stray = {name for name in files if name.startswith("histories/")} - {run["file"] for run in runs}
    for name in sorted(stray):
        report.found(name, "no run has this history")
    open_runs = [run["run"] for run, events in read if events.closed_as is None]
    if len(open_runs) > 1:
        report.found("runs.json", f"{len(open_runs)} runs have no end; only the newest one may go on")


# -- the audit log ----------------------------------------------------------------------------------------------------


def _check_seals(told: Mapping[str, Any], seals: dict[int, Seal], report: BundleReport) -> None:
    """Checks the seals, and gathers them by their numbers."""
    _gather("seals.json", told["seals.json"], seals, report)
    for no, seal in seals.items():
        if no - 1 in seals and seal.previous != seals[no - 1].hash:
            report.found("seals.json", f"seal {no} does not follow seal {no - 1}")


def _gather(name: str, rows: Any, seals: dict[int, Seal], report: BundleReport) -> None:
    for row in rows:
        # Those of before the ledger was sealed name no book.
        seal = Seal(**{field: row.get(field) if field == "book" else row[field] for field in Seal.__dataclass_fields__})
        if seal.hash != row["hash"]:
            report.found(name, f"seal {seal.no} is not the one that its hash was taken of")
        if seal.no < 1 or seal.count < 1:
            report.found(name, f"seal {seal.no} is none: the first has number 1, and each holds something")
        seals[seal.no] = seal


def _check_roots(
    told: Mapping[str, Any],
    ways_told: tuple[Any, Any],
    seals: Mapping[int, Seal],
    chain: Any,
    roots: Sequence[DailyRoot],
    report: BundleReport,
) -> None:
    """Checks that the seals of the loan lead to roots that were deposited."""
    links: dict[int, Seal] = {}
    _gather(CHAIN, chain, links, report)
    ways = Ways({**links, **seals}, roots)
    for sentence in ways.broken():
        report.found("seals.json", sentence)
    held: dict[int, list[str]] = {}
    proofs, inventory = ways_told
    of_entries = [one["proof"] for one in (*told["audit.json"], *([inventory] if inventory else []))]
    for proof in (*of_entries, *proofs.values()):
        held.setdefault(proof["seal_no"], []).append(str(proof["entry_id"]))
    leading, younger = ways.leading(held), 0
    for no, row_ids in sorted(held.items()):
        if no in leading:
            continue
        if ways.is_younger(no, row_ids):
            younger += len(row_ids)
        else:
            report.found("seals.json", f"seal {no} does not lead to a root that was deposited")
    if younger:
        report.warnings.append(f"{younger} entries and postings are younger than the newest root: it proves them not")


# -- what the audit log bears out -------------------------------------------------------------------------------------


def _check_claims(name: str, told: Mapping[str, Any], report: BundleReport) -> None:
    """Checks a file against the audit entries about what it tells."""
    loan = told["loan.json"]
    claims = Claims(
        str(loan["number"]),
        loan["applied_fen"],
        entries=[one["entry"] for one in told["audit.json"]],
        decisions=told["decisions.json"],
        terms=told["terms.json"],
        documents=told["documents.json"],
        events=told["events.json"],
        orders=told["payments.json"],
    )
    for look in CLAIMS[name]:
        for claim in look(claims):
            report.found(name, claim.sentence)


def _check_inventory(
    inventory: Any, files: Mapping[str, bytes], told: Mapping[str, Any], seals: Mapping[int, Seal], report: BundleReport
) -> None:
    entry, proof = inventory["entry"], inventory["proof"]
    if not _leads_to_seal(str(entry["id"]), entry_bytes(entry), proof, seals, None):
        report.found(INVENTORY, f"audit entry {entry['id']} does not lead to the root of a seal")
    entries = [one["entry"] for one in told["audit.json"]]
    for name, sentence in not_as_inventoried(entry, report.loan, files, entries, told["postings.json"]):
        report.found(name, sentence)


def _check_audit(told: Mapping[str, Any], seals: Mapping[int, Seal], report: BundleReport) -> None:
    report.entries = len(told["audit.json"])
    seen: set[str] = set()
    for one in told["audit.json"]:
        entry, proof = one["entry"], one["proof"]
        entry_id = str(entry["id"])
        if entry_id in seen:
            report.found("audit.json", f"entry {entry_id} stands in it twice")
        seen.add(entry_id)
        if not _leads_to_seal(entry_id, entry_bytes(entry), proof, seals, None):
            report.found("audit.json", f"entry {entry_id} ({entry['act']}) does not lead to the root of a seal")


def _leads_to_seal(
    row_id: str, content: bytes, proof: Mapping[str, Any], seals: Mapping[int, Seal], book: str | None
) -> bool:
    seal = seals.get(proof["seal_no"])
    if seal is None or seal.book != book or proof["entry_id"] != row_id:
        return False
    return check_path(leaf_hash(content), proof["path"], seal.root)


# -- money ------------------------------------------------------------------------------------------------------------


def _check_postings(told: Mapping[str, Any], report: BundleReport) -> None:
    postings = told["postings.json"]
    report.postings = len(postings)
    for one in postings:
        amount = one["amount_fen"]
        if not isinstance(amount, int) or amount <= 0 or one["debit"] == one["credit"]:
            report.found("postings.json", f"posting {one['id']} is none: it moves nothing between two accounts")
    for name in ("id", "key"):
        if len({one[name] for one in postings}) < len(postings):
            report.found("postings.json", f"two postings have the same {name}")
    left = balances((str(one["debit"]), str(one["credit"]), int(one["amount_fen"])) for one in postings)
    if left != told["balances.json"]:
        accounts = sorted(
            code
            for code in left.keys() | told["balances.json"].keys()
            if left.get(code) != told["balances.json"].get(code)
        )
        report.found("postings.json", f"they do not come to the balances of {', '.join(accounts)}")


def _check_sealed(
    told: Mapping[str, Any], proofs: Mapping[str, Any], seals: Mapping[int, Seal], report: BundleReport
) -> None:
    for one in told["postings.json"]:
        posting_id = str(one["id"])
        proof = proofs.get(posting_id)
        if proof is None or not _leads_to_seal(posting_id, posting_bytes(one), proof, seals, LEDGER):
            report.found("postings.json", f"posting {posting_id} does not lead to the root of a seal")


def _found(look: Callable[[Told], Iterable[Found]], told: Told, report: BundleReport) -> None:
    for name, sentence in look(told):
        report.found(name, sentence)


# -- reading ----------------------------------------------------------------------------------------------------------


def _guarded(name: str, report: BundleReport, look: Callable[[], None]) -> None:
    """What has another form than a bundle's files is a finding, whatever it breaks."""
    try:
        look()
    except (KeyError, TypeError, ValueError, AttributeError, IndexError, ArithmeticError, RecursionError, LendingError):
        report.found(name, "it has another form than such a file, so that not all of it could be checked")


def _json(files: Mapping[str, bytes], name: str, report: BundleReport) -> Any:
    try:
        return json.loads(files[name], parse_constant=_no_number)
    except KeyError:
        if not any(one.file == name for one in report.findings):
            report.found(name, "it is missing")
    except (ValueError, RecursionError):
        report.found(name, "it cannot be read")
    return None


def _object(content: bytes) -> Mapping[str, Any]:
    try:
        found = json.loads(content, parse_constant=_no_number)
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def _no_number(spelled: str) -> None:
    """Raises ValueError: NaN and the infinities, which Python reads and writes, are no JSON."""
    raise ValueError(spelled)
