"""`loanwright audit verify` and `audit evidence`: audit log and ledger against their seals and what was deposited."""

import json
from itertools import chain
from pathlib import Path
from typing import Annotated, Any

import typer

from console.connections import BooksDir, of_folder, open_books
from console.screen import say
from models.attesting import SigningKey
from models.chain import spelled
from services.audit_proof import Proof
from services.evidence import Evidence, evidence_in
from settings import Settings, settings

EvidenceFolder = Annotated[
    Path | None,
    typer.Option("--evidence", exists=True, file_okay=False, help="folder of signed roots to compare the log with"),
]
PublicKey = Annotated[
    str | None,
    typer.Option(
        "--public-key", help="Base64; who signed the roots (default: LOANWRIGHT_SIGNING_KEY and those of before)"
    ),
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
    deposited = _evidence(configured, evidence, public_key) if evidence is not None else Evidence()
    books = open_books(configured)
    findings: list[dict[str, Any]] = []
    with books.read(of_one_moment=True) as work:
        proof = Proof(work, since, deposited.roots)
        for finding in chain(deposited.unreadable, proof.findings()):
            findings.append(finding.as_json())
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
            "roots": len(deposited.roots),
            "unsealed": proof.unsealed,
            "unsealed_postings": proof.unsealed_postings,
            "oldest_unsealed": oldest,
            "head": head,
            "findings": findings,
        }
        typer.echo(json.dumps(verdict))
    else:
        compared = f", {len(deposited.roots)} deposited roots compared" if evidence is not None else ""
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
    deposited = _evidence(settings(), folder, public_key)
    for root in deposited.roots:
        typer.echo(f"{root.day} seal {root.seal_no} {root.hash}")
    for finding in deposited.unreadable:
        say.print(finding.sentence, style="red", soft_wrap=True)
    raise typer.Exit(1 if deposited.unreadable else 0)


def _evidence(configured: Settings, folder: Path, public_key: str | None) -> Evidence:
    if public_key is not None:
        return evidence_in(folder, (public_key,))
    own = SigningKey.parse(configured.signing_key.get_secret_value()).public
    return evidence_in(folder, (own, *configured.evidence_public_keys))
