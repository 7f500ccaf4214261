"""The evidence of a loan for outside: made and signed, checked without the system, and every tampering found."""

import base64
import io
import json
import os
import subprocess
import sys
import zipfile
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from books.session import Books
from engine.bundles import export_loan
from engine.histories import Histories
from models.attesting import signing_key
from models.chain import DailyRoot
from models.run_events import digest
from models.staff import Actor, Role
from services import audit
from services.audit_chain import seal
from services.bundle_archive import DEFLATED, STORED, Member, archived
from services.bundle_check import (
    BEFORE_PACKED,
    CHAIN,
    FORMAT,
    INVENTORY,
    MANIFEST,
    SIGNATURE,
    BundleReport,
    NotABundle,
    check,
)
from services.bundles import packed
from services.errors import NotAllowed
from services.evidence import day_of, keep_deposit
from tests.servers.shared import ROOT
from tests.services.bundle_places import name_at, named_by, places
from tests.workflows import people
from tests.workflows.bundle_lies import LIES, Files
from tests.workflows.conftest import OpenOffice
from tests.workflows.harness import FINANCE, RISK

AUDITOR = Actor("auditor-wei", Role.AUDITOR)
FIRST = "f" * 64


def files_of(bundle: bytes) -> Files:
    with zipfile.ZipFile(io.BytesIO(bundle)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def zipped(files: Files) -> bytes:
    """An archive of these files, whatever they are, packed as a bundle is."""
    as_they_are = (MANIFEST, SIGNATURE)
    return archived(Member.of(name, files[name], STORED if name in as_they_are else DEFLATED) for name in files)


def signed_anew(files: Files) -> bytes:
    """As a lender who lies would sign it."""
    told = json.loads(files[MANIFEST])
    return packed(told["loan"], {n: c for n, c in files.items() if n not in (MANIFEST, SIGNATURE)}, signing_key())


def report_of(path: Path, bundle: bytes) -> BundleReport:
    path.write_bytes(bundle)
    return check(path, signing_key().public)


def deposit_another_seal(books: Books) -> DailyRoot:
    """The root that lies two seals after what is there now."""
    with books.begin() as work:
        for _ in range(2):
            audit.record(work, audit.SYSTEM, "looked")
            seal(work)
        last = work.seals.last()
        assert last is not None
        root = DailyRoot(day_of(last.sealed_at), last.no, last.hash, last.sealed_at)
        keep_deposit(work, "notary", root, "r")
    return root


async def test_a_bundle_proves_itself_and_every_change_of_it_is_found(office: OpenOffice, tmp_path: Path) -> None:
    async with office() as lender:
        loan = await lender.running("micro", people.earner(), term="3")
        histories = Histories(lender.engine.client)
        bundle = await export_loan(lender.books, histories, AUDITOR, loan)
        again = await export_loan(lender.books, histories, AUDITOR, loan)
        entries = lender.read(lambda work: [one for one in work.audit.page(limit=1000) if one.act == "loan_exported"])
        form = lender.read(lambda work: work.loans.application(loan)).form
        root = deposit_another_seal(lender.books)
        deposited = await export_loan(lender.books, histories, AUDITOR, loan)
        for other in (RISK, FINANCE):
            with pytest.raises(NotAllowed):
                await export_loan(lender.books, histories, other, loan)
    # The same state gives the same bytes, however often it is asked for.
    assert again == bundle
    assert [(one.actor_id, one.subject, one.loan) for one in entries] == [(AUDITOR.id, loan, None)] * 2
    path = tmp_path / "bundle.zip"
    sound = report_of(path, bundle)
    assert (sound.findings, sound.warnings, sound.loan, sound.runs) == ([], [], loan, 2)
    assert sound.entries > 5
    assert sound.postings > 0
    files = files_of(bundle)
    # Nobody is named in it.
    everything = b"\n".join(files.values()).decode()
    assert {one for one in (form["name"], form["id_number"], form["mobile"]) if str(one) in everything} == set()
    _every_changed_file_is_found(files, path)
    _no_lie_under_a_new_signature_passes(files, path)
    _one_of_before_postings_were_sealed_is_checked_as_ever(files, path)
    _one_of_before_the_manifest_named_what_is_packed_is_checked_as_ever(files, path)
    _each_byte_of_the_file_counts(bundle, path)
    _its_seals_lead_to_what_was_deposited(deposited, path, root)
    _nobody_elses_signature_passes(bundle, path)
    _the_command_needs_nothing_of_ours(bundle, path)


def _every_changed_file_is_found(files: Files, path: Path) -> None:
    """One byte of each file, one after the other; then one file less, and one more."""
    for name, content in files.items():
        middle = len(content) // 2
        other = content[:middle] + bytes([content[middle] ^ 1]) + content[middle + 1 :]
        if name == MANIFEST:
            other = content.replace(b"L26", b"L27")
        found = {one.file for one in report_of(path, zipped(files | {name: other})).findings}
        assert found >= {SIGNATURE if name == MANIFEST else name}, name
        if name != MANIFEST:
            less = {one: rest for one, rest in files.items() if one != name}
            assert {one.file for one in report_of(path, zipped(less)).findings} >= {name}, name
    added = report_of(path, zipped(files | {"histories/0099.json": b"{}"}))
    assert {one.file for one in added.findings} == {"histories/0099.json"}


def _no_lie_under_a_new_signature_passes(files: Files, path: Path) -> None:
    for what, (lie, name, sentence) in LIES.items():
        report = report_of(path, signed_anew(lie(files)))
        told = [one.sentence for one in report.findings if one.file == name]
        assert any(sentence in one for one in told), (what, report.findings)


def _one_of_before_postings_were_sealed_is_checked_as_ever(files: Files, path: Path) -> None:
    """Its manifest says so, it has no paths of postings, its versions are names, its seals name no book."""
    key = signing_key()
    runs = json.loads(files["runs.json"])
    for run in runs:
        run["code_versions"] = [one["version"] for one in run["code_versions"]]
    seals = [one for one in json.loads(files["seals.json"]) if one.pop("book") is None]
    older = {n: c for n, c in files.items() if n not in (MANIFEST, SIGNATURE, "proofs.json", INVENTORY)}
    older |= {"runs.json": json.dumps(runs).encode(), "seals.json": json.dumps(seals).encode()}
    manifest = json.loads(files[MANIFEST]) | {
        "format": "loanwright-bundle-1",
        "files": {name: {"sha256": digest(content)} for name, content in older.items()},
    }
    older[MANIFEST] = json.dumps(manifest).encode()
    older[SIGNATURE] = base64.b64encode(key.sign(older[MANIFEST])) + b"\n"
    report = report_of(path, zipped(older))
    assert report.findings == []
    assert [one.partition(":")[0] for one in report.warnings] == [
        "it was made before postings were sealed",
        "it was made before an audit entry named all there was of a loan",
    ]


def _one_of_before_the_manifest_named_what_is_packed_is_checked_as_ever(files: Files, path: Path) -> None:
    """It names contents alone, has no seals beyond the loan's, and manifest and signature are packed like the rest."""
    older = {n: c for n, c in files.items() if n not in (MANIFEST, SIGNATURE, CHAIN, INVENTORY)}
    manifest = json.loads(files[MANIFEST]) | {
        "format": BEFORE_PACKED,
        "files": {name: {"sha256": digest(content), "bytes": len(content)} for name, content in older.items()},
    }
    older[MANIFEST] = json.dumps(manifest).encode()
    older[SIGNATURE] = base64.b64encode(signing_key().sign(older[MANIFEST])) + b"\n"
    report = report_of(path, archived(Member.of(name, older[name], DEFLATED) for name in sorted(older)))
    assert report.findings == []
    [warning] = report.warnings
    assert "that nothing was left out is not proved" in warning


def _each_byte_of_the_file_counts(bundle: bytes, path: Path) -> None:
    """Every 97th of the whole and, since a change there need not change what is unpacked, some of each file's last."""
    ends = [end for _, _, end in places(bundle)]
    for place in sorted({*range(0, len(bundle), 97), *(end - back for end in ends for back in (1, 2))}):
        other = bundle[:place] + bytes([bundle[place] ^ 0x01]) + bundle[place + 1 :]
        assert name_at(bundle, place) in named_by(path, other, signing_key().public), place


def _its_seals_lead_to_what_was_deposited(bundle: bytes, path: Path, root: DailyRoot) -> None:
    key = signing_key().public
    path.write_bytes(bundle)
    proved = check(path, key, [root])
    assert (proved.findings, proved.warnings) == ([], [])
    other = check(path, key, [replace(root, hash="0" * 64)])
    assert any("is not the one whose hash was deposited" in one.sentence for one in other.findings)
    path.write_bytes(signed_anew(files_of(bundle) | {CHAIN: b"[]"}))
    assert any("does not lead to a root" in one.sentence for one in check(path, key, [root]).findings)
    # A chain that was made up for the bundle: its seals say that they are younger than the root.
    early = replace(root, seal_no=1, hash=FIRST, sealed_at=root.sealed_at + timedelta(days=9))
    assert any("does not lead to a root" in one.sentence for one in check(path, key, [early]).findings)
    before = replace(root, seal_no=0, sealed_at=root.sealed_at - timedelta(days=9))
    assert "younger than the newest root" in check(path, key, [before]).warnings[0]


def _nobody_elses_signature_passes(bundle: bytes, path: Path) -> None:
    path.write_bytes(bundle)
    other = "A" * 43 + "="
    assert {one.file for one in check(path, other).findings} == {MANIFEST, SIGNATURE}
    unproved = check(path)
    assert unproved.sound
    assert "no public key was given" in unproved.warnings[0]


def _the_command_needs_nothing_of_ours(bundle: bytes, path: Path) -> None:
    """Neither settings nor books nor keys: what is checked is the file alone."""
    path.write_bytes(bundle)
    program = "import sys; from pathlib import Path; from services.bundle_check import check; "
    program += "report = check(Path(sys.argv[1]), sys.argv[2]); sys.exit(0 if report.sound else 1)"
    command = [sys.executable, "-c", program, str(path), signing_key().public]
    ended = subprocess.run(command, cwd=ROOT, env={"PATH": os.environ["PATH"]}, capture_output=True, check=False)
    assert (ended.returncode, ended.stderr) == (0, b"")


# -- archives that were made to do harm --------------------------------------------------------------------------------


def doubled() -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as archive:
        archive.writestr("loan.json", b"{}")
        with pytest.warns(UserWarning, match="Duplicate"):
            archive.writestr("loan.json", b"{}")
    return made.getvalue()


def linked() -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as archive:
        entry = zipfile.ZipInfo("loan.json")
        entry.create_system, entry.external_attr = 3, 0o120777 << 16
        archive.writestr(entry, "/etc/passwd")
    return made.getvalue()


def overlapping() -> bytes:
    """Two names in the directory share the bytes of one file."""
    made = zipped({"loan.json": b"{}" * 50, "runs.json": b"[]" * 50})
    second = made.index(b"PK\x03\x04", 4)
    directory = bytearray(made)
    place = made.rindex(b"PK\x01\x02") + 42
    directory[place : place + 4] = (0).to_bytes(4, "little")
    assert second > 0
    return bytes(directory)


def lying_about_its_size() -> bytes:
    """A file that unpacks to more than its entry says."""
    made = bytearray(zipped({"loan.json": b" " * 100_000}))
    for mark, offset in ((b"PK\x03\x04", 22), (b"PK\x01\x02", 24)):
        place = made.index(mark) + offset
        made[place : place + 4] = (10).to_bytes(4, "little")
    return bytes(made)


def wrongly_packed() -> bytes:
    """A file whose packed bytes are none: the library names no archive's mistake, but one of its packer."""
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("loan.json", b"{}" * 500)
    packed_anew = bytearray(made.getvalue())
    packed_anew[30 + len("loan.json")] = 0xFF
    return bytes(packed_anew)


HARMFUL: dict[str, Callable[[], bytes]] = {
    "no archive": lambda: b"something else",
    "an empty file": lambda: b"",
    "an empty archive": lambda: zipped({}),
    "half an archive": lambda: zipped({"loan.json": b"{}" * 500})[:300],
    "a way out": lambda: zipped({"../loan.json": b"{}"}),
    "a way to the root": lambda: zipped({"/etc/loan.json": b"{}"}),
    "a folder": lambda: zipped({"histories/": b""}),
    "a strange name": lambda: zipped({"loan.json\x00.txt": b"{}"}),
    "a name twice": doubled,
    "a link": linked,
    "shared bytes": overlapping,
    "a wrong size": lying_about_its_size,
    "bytes that cannot be unpacked": wrongly_packed,
    "a bomb": lambda: zipped({"loan.json": bytes(65 * 1024 * 1024)}),
    "many small bombs": lambda: zipped({f"histories/{n:04d}.json": bytes(60 * 1024 * 1024) for n in range(9)}),
    "too many files": lambda: zipped({f"histories/{n:04d}.json": b"" for n in range(5001)}),
    "something in front": lambda: b"#!/bin/sh\n" + zipped({"loan.json": b"{}"}),
    "no manifest": lambda: zipped({"loan.json": b"{}"}),
    "a manifest of another form": lambda: zipped({MANIFEST: b'{"format": "x"}'}),
    "a manifest that is none": lambda: zipped({MANIFEST: b"[[[["}),
}


@pytest.mark.parametrize("harm", HARMFUL)
def test_an_archive_that_was_made_to_do_harm_is_refused(harm: str, tmp_path: Path) -> None:
    path = tmp_path / "harm.zip"
    path.write_bytes(HARMFUL[harm]())
    with pytest.raises(NotABundle):
        check(path)
    assert list(tmp_path.iterdir()) == [path]


def test_nothing_that_stands_in_a_bundle_moves_a_cursor_or_hides_the_rest(tmp_path: Path) -> None:
    evil = "\x1b[2J\x9b\u202e\n" + "x" * 9_000
    manifest = {"format": FORMAT, "loan": evil, "key": evil, "public_key": evil, "files": {evil: {"sha256": evil}}}
    path = tmp_path / "evil.zip"
    path.write_bytes(zipped({MANIFEST: json.dumps(manifest).encode()}))
    report = check(path, "A" * 43 + "=")
    said = [report.loan, report.key, report.public_key, *report.warnings]
    said += [text for one in report.findings for text in (one.file, one.sentence)]
    assert [text for text in said if not text.isprintable() or len(text) > 700] == []
    assert max(len(one.file) for one in report.findings) < 50
    assert {one.file for one in report.findings} >= {SIGNATURE, MANIFEST, "loan.json"}


def test_a_file_that_is_not_there_is_no_bundle(tmp_path: Path) -> None:
    with pytest.raises(NotABundle):
        check(tmp_path / "none.zip")
