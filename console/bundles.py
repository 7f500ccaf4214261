"""Evidence of a loan for outside, from the operator's command: made and signed here, checked anywhere."""

import asyncio
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Column, Table

from console.acting import ready_books
from console.connections import BooksDir, connect_engine, of_folder
from console.replay import Auditor, LoanArgument, auditor
from console.screen import out, say
from engine.bundles import export_loan
from engine.histories import Histories
from models.chain import DailyRoot
from models.run_events import digest
from services.bundle_check import TOLD, NotABundle, check
from services.evidence import evidence_in
from settings import settings

NOT_A_BUNDLE = 2
"""How the check ends for a file that is none, apart from 1 for a bundle that was tampered with."""


BundleFile = Annotated[Path, typer.Argument(help="the bundle, a .zip file", dir_okay=False)]


def export_command(loan: LoanArgument, file: BundleFile, actor: Auditor = None, data_dir: BooksDir = None) -> None:
    """Write a loan's whole evidence into a signed file that `audit check` proves without the system."""
    books = ready_books(data_dir)
    with books.read() as work:
        person = auditor(work, actor)

    async def export() -> bytes:
        client = await connect_engine(of_folder(settings(), data_dir))
        return await export_loan(books, Histories(client), person, loan)

    bundle = asyncio.run(export())
    try:
        file.write_bytes(bundle)
    except OSError as error:
        say.print(f"{file} cannot be written: {error.strerror}", style="red", soft_wrap=True)
        raise typer.Exit(1) from error
    say.print(f"{len(bundle)} bytes written to {file}, SHA-256 {digest(bundle)}", soft_wrap=True)


def check_command(
    file: BundleFile,
    public_keys: Annotated[
        list[str] | None,
        typer.Option(
            "--public-key",
            help="the lender's public key (Base64), from a source you trust; again for each key of before",
        ),
    ] = None,
    evidence: Annotated[
        Path | None,
        typer.Option("--evidence", exists=True, file_okay=False, help="folder of signed roots that its seals lead to"),
    ] = None,
) -> None:
    """Prove a bundle offline: 0 if it is sound, 1 if anything was changed, 2 if it is no bundle."""
    try:
        report = check(file, tuple(public_keys or ()), _roots(evidence, tuple(public_keys or ())))
    except NotABundle as refusal:
        say.print(str(refusal), style="red", soft_wrap=True)
        raise typer.Exit(NOT_A_BUNDLE) from refusal
    for warning in report.warnings:
        say.print(warning, style="yellow", soft_wrap=True)
    if not report.sound:
        table = Table(Column("file", no_wrap=True), "what is wrong")
        for finding in report.findings:
            table.add_row(finding.file, finding.sentence)
        out.print(table)
        raise typer.Exit(1)
    say.print(
        f"loan {report.loan}: {report.runs} runs, {report.entries} audit entries and {report.postings} postings are "
        f"as they were signed with the key {report.key}",
        soft_wrap=True,
    )
    say.print(f"told by the lender, and not proved: {', '.join(TOLD)}", soft_wrap=True)


def _roots(folder: Path | None, public_keys: tuple[str, ...]) -> tuple[DailyRoot, ...]:
    """The roots in a folder; ends the command where one is none, or where there is none to compare with."""
    if folder is None:
        return ()
    deposited = evidence_in(folder, public_keys or (None,))
    for finding in deposited.unreadable:
        say.print(finding.sentence, style="red", soft_wrap=True)
        raise typer.Exit(1)
    if not deposited.roots:
        say.print(f"{folder} holds no signed root", style="red", soft_wrap=True)
        raise typer.Exit(1)
    return deposited.roots
