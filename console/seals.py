"""`loanwright audit verify` and `audit evidence`: audit log and ledger against their seals and what was deposited."""

import json
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer

from console.connections import BooksDir, of_folder, open_books
from console.screen import say
from models.attesting import SigningKey
from models.chain import DailyRoot, spelled
from services.audit_findings import Finding, FindingKind
from services.audit_proof import Proof
from services.evidence import NoEvidence, read_folder
from settings import Settings, settings

EvidenceFolder = Annotated[
    Path | None,
    typer.Option("--evidence", exists=True, file_okay=False, help="folder of signed roots to compare the log with"),
]
PublicKey = Annotated[
    str | None,
    typer.Option("--public-key", help="Base64; who signed the roots (default: LOANWRIGHT_SIGNING_KEY)"),
]


def verify_command(
    since: Annotated[int, typer.Option("--from", min=1, help="number of the seal to begin with")] = 1,
    evidence: EvidenceFolder = None,
    public_key: PublicKey = None,
    as_json: Annotated[bool, typer.Option("--json", help="one JSON object on standard output")] = False,
    data_dir: BooksDir = None,
) -> None:
    """Prove audit log and ledger: name every entry, posting or seal that was changed, removed, added or moved; then end
    with 1.
    """
    configured = of_folder(settings(), data_dir)
    roots, unreadable = _evidence(configured, evidence, public_key)
    books = open_books(configured)
    findings: list[dict[str, Any]] = []
    with books.read() as work:
        proof = Proof(work, since, roots)
        for finding in _with(unreadable, proof):
            findings.append(asdict(finding))
            if not as_json:
                typer.echo(finding.sentence)
    books.close()
    head = {"seal": proof.head.no, "hash": proof.head.hash} if proof.head else None
    oldest = spelled(proof.oldest_unsealed) if proof.oldest_unsealed else None
    if as_json:
        verdict = {
            "whole": not findings,
            "seals": proof.seals,
            "entries": proof.entries,
            "postings": proof.postings,
            "roots": len(roots),
            "unsealed": proof.unsealed,
            "unsealed_postings": proof.unsealed_postings,
            "oldest_unsealed": oldest,
            "head": head,
            "findings": findings,
        }
        typer.echo(json.dumps(verdict))
    else:
        compared = f", {len(roots)} deposited roots compared" if evidence is not None else ""
        counted = f"{proof.entries} entries and {proof.postings} postings"
        say.print(f"{proof.seals} seals with {counted} proved{compared}", soft_wrap=True)
        waits = f"{proof.unsealed} entries and {proof.unsealed_postings} postings are not sealed yet"
        say.print(f"{waits}{f', the oldest of {oldest}' if oldest else ''}", soft_wrap=True)
        if head is not None:
            say.print(f"last seal {head['seal']}, {head['hash']}", soft_wrap=True)
        say.print(f"{len(findings)} differences" if findings else "audit log and ledger are whole")
    raise typer.Exit(1 if findings else 0)


def evidence_command(
    folder: Annotated[Path, typer.Argument(exists=True, file_okay=False, help="folder of signed roots")],
    public_key: PublicKey = None,
) -> None:
    """Check signed roots without any books: who holds the public key needs nothing else. Ends with 1 if one is none."""
    roots, unreadable = _evidence(settings(), folder, public_key)
    for root in roots:
        typer.echo(f"{root.day} seal {root.seal_no} {root.hash}")
    for finding in unreadable:
        say.print(finding.sentence, style="red", soft_wrap=True)
    raise typer.Exit(1 if unreadable else 0)


def _evidence(
    configured: Settings, folder: Path | None, public_key: str | None
) -> tuple[list[DailyRoot], list[Finding]]:
    if folder is None:
        return [], []
    key = public_key or SigningKey.parse(configured.signing_key.get_secret_value()).public
    roots: list[DailyRoot] = []
    unreadable: list[Finding] = []
    for found in read_folder(folder, key):
        if isinstance(found, NoEvidence):
            unreadable.append(Finding(FindingKind.DEPOSIT_UNREADABLE, None, None, str(found)))
        else:
            roots.append(found)
    return roots, unreadable


def _with(unreadable: list[Finding], proof: Proof) -> Iterator[Finding]:
    yield from unreadable
    yield from proof.findings()
