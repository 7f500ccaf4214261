"""Rules as data from the operator's command: drafts, back-tests with a progress bar, publication, replay."""

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import date, datetime
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Column, Table

from books.session import UnitOfWork
from console.acting import act, ready_books, staff_member
from console.connections import BooksDir
from lending.money import yuan
from models.policies import Backtest, PolicyKind, PolicyPart
from models.staff import Actor
from services import backtests
from services.backtest_findings import CLASSES, Findings
from services.challengers import comparison
from services.policy_kinds import kind_of, scope_of
from services.policy_names import draft_problems
from services.policy_publishing import all_lives, draft, publish, retire
from services.policy_replay import replay, replay_approvals

app = typer.Typer(no_args_is_help=True, help="Rules as data: draft, back-test, publish, compare, replay.")
say = Console(stderr=True, markup=False)
out = Console(markup=False)

Name = Annotated[str, typer.Argument(help="name of the policy, {kind}-{scope}, such as grading-micro")]
Version = Annotated[int, typer.Argument(min=1, help="number of the version")]
Risk = Annotated[str, typer.Option("--actor", help="id of the person of risk who acts")]
Reader = Annotated[str, typer.Option("--actor", help="id of the person of risk, or the auditor, who asks")]
Reason = Annotated[str, typer.Option("--reason", help="why, in a sentence")]


@app.command("list")
def list_command(
    actor: Reader,
    kind: Annotated[PolicyKind | None, typer.Option("--kind", help="only policies of this kind")] = None,
    scope: Annotated[str | None, typer.Option("--scope", help="only policies of this product or part")] = None,
    data_dir: BooksDir = None,
) -> None:
    """Show every version and where it stands today."""
    books = ready_books(data_dir)
    kept = [Column(heading, no_wrap=True) for heading in ("version", "state", "from")]
    table = Table(*kept, "share", "drafted by", "published by", "reason")
    with books.read() as work:
        for name, found in all_lives(work, staff_member(work, actor)).items():
            if kind not in (None, kind_of(name).code) or scope not in (None, scope_of(name)):
                continue
            for life in found:
                start = life.publication
                table.add_row(
                    *(f"{name}/{life.policy.version}", life.state),
                    str(start.starts_on) if start else "",
                    f"{start.share_percent} %" if start and start.part is PolicyPart.CHALLENGER else "",
                    life.policy.drafted_by,
                    start.done_by if start else "",
                    life.policy.reason,
                )
    out.print(table)


@app.command("draft")
def draft_command(
    name: Name,
    file: Annotated[Path, typer.Argument(help="a decision model, or a scorecard, as JSON")],
    actor: Risk,
    reason: Reason,
    data_dir: BooksDir = None,
) -> None:
    """Store a new version; end with 1 if something forbids to publish it."""
    try:
        content: Any = json.loads(file.read_bytes())
    except (OSError, ValueError, RecursionError) as error:
        say.print(f"{file} cannot be read: {error}", style="red")
        raise typer.Exit(1) from error
    policy = act(
        ready_books(data_dir), actor, "policy_drafted", lambda work, who: draft(work, who, name, content, reason)
    )
    say.print(f"{name}/{policy.version} is drafted")
    problems = draft_problems(name, content)
    for problem in problems:
        say.print(f"  {problem}", style="yellow")
    raise typer.Exit(1 if problems else 0)


@app.command("backtest")
def backtest_command(
    name: Name,
    version: Version,
    actor: Risk,
    since: Annotated[datetime, typer.Option("--from", formats=["%Y-%m-%d"], help="first day of the past")],
    until: Annotated[datetime | None, typer.Option("--to", formats=["%Y-%m-%d"], help="last day (today)")] = None,
    csv: Annotated[Path | None, typer.Option("--csv", dir_okay=False, help="file for the cases that change")] = None,
    data_dir: BooksDir = None,
) -> None:
    """Ask a version about past applications, or past proposals of changes, and keep what it says."""
    books = ready_books(data_dir)
    with books.read() as work, _progress() as progress:
        person = staff_member(work, actor)
        last = until.date() if until else work.today
        findings = backtests.run(
            work, person, work.policies.version(name, version), since.date(), last, progress=progress
        )
    kept = act(books, actor, "policy_backtested", lambda work, who: backtests.store(work, who, findings))
    _show(findings, kept)
    if csv is not None:
        with books.read() as work, csv.open("w", encoding="utf-8", newline="") as file:
            file.writelines(backtests.csv_lines(work, person, kept.id))
        say.print(f"{kept.changed} cases written to {csv}", soft_wrap=True)


@app.command("publish")
def publish_command(
    name: Name,
    version: Version,
    actor: Risk,
    reason: Reason,
    starts_on: Annotated[
        datetime | None, typer.Option("--starts-on", formats=["%Y-%m-%d"], help="first day (today)")
    ] = None,
    challenger: Annotated[bool, typer.Option("--challenger", help="beside the version in force")] = False,
    share: Annotated[int, typer.Option("--share", help="percent of the cases that a challenger decides")] = 0,
    data_dir: BooksDir = None,
) -> None:
    """Put a version in force; by another person than who drafted it."""
    part = PolicyPart.CHALLENGER if challenger else PolicyPart.CHAMPION

    def does(work: UnitOfWork, who: Actor) -> date:
        policy, day = work.policies.version(name, version), starts_on.date() if starts_on else work.today
        publish(work, who, policy, day, reason, part=part, share_percent=share)
        return day

    day = act(ready_books(data_dir), actor, "policy_published", does)
    say.print(f"{name}/{version} is {part} from {day} on")


@app.command("retire")
def retire_command(
    name: Name,
    version: Version,
    actor: Risk,
    reason: Reason,
    from_day: Annotated[datetime | None, typer.Option("--from", formats=["%Y-%m-%d"], help="(today)")] = None,
    data_dir: BooksDir = None,
) -> None:
    """End a challenger, or call off a publication before it begins."""

    def does(work: UnitOfWork, who: Actor) -> None:
        day = from_day.date() if from_day else work.today
        retire(work, who, work.policies.version(name, version), day, reason)

    act(ready_books(data_dir), actor, "policy_retired", does)
    say.print(f"{name}/{version} is retired")


@app.command("compare")
def compare_command(name: Name, version: Version, actor: Reader, data_dir: BooksDir = None) -> None:
    """Show how the same live cases came out with a challenger and with the champion."""
    with ready_books(data_dir).read() as work:
        found = comparison(work, staff_member(work, actor), work.policies.version(name, version))
    out.print(_matrix(found.rows(), "champion by row, challenger by column"))
    say.print(f"{found.cases} cases, {found.routed} of them decided by the challenger; {found.agreed} graded alike")


@app.command("replay")
def replay_command(
    loan: Annotated[str, typer.Argument(help="number of the loan")], actor: Reader, data_dir: BooksDir = None
) -> None:
    """Decide a loan again, step by step, by the rules and facts of its day; end with 1 if anything differs."""
    table = Table("round", Column("policy", no_wrap=True), "row", "says", "the same")
    with ready_books(data_dir).read() as work:
        person = staff_member(work, actor)
        replayed, approvals = replay(work, person, loan), replay_approvals(work, person, loan)
    for one in replayed:
        number = str(one.grading.round)
        for step in one.steps:
            verdict = ", ".join(step.differing) or ("yes" if step.was_in_force else "this version was not in force")
            says = ", ".join(f"{output}: {_told(value)}" for output, value in step.kept.values.items())
            table.add_row(number, step.label, "" if step.row is None else str(step.row), says, verdict)
        now, verdict = one.now, ", ".join(one.differing) or "yes"
        says = f"{now.outcome}, {now.grade}, up to {yuan(now.limit_fen)} at {now.annual_rate_percent} %"
        table.add_row(number, "decision", "", says, verdict)
    for approval in approvals:
        verdict = ", ".join(approval.differing) or ("yes" if approval.was_in_force else "this version was not in force")
        says = ", ".join(f"{output}: {_told(value)}" for output, value in approval.says.items())
        table.add_row("", approval.label, str(approval.row), says, verdict)
    out.print(table)
    agrees = all(one.agrees for one in replayed) and all(one.agrees for one in approvals)
    raise typer.Exit(0 if agrees else 1)


@contextmanager
def _progress() -> Iterator[Callable[[int, int], None]]:
    columns = (TextColumn("back-testing"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=say, transient=True) as shown:
        task = shown.add_task("", total=None)
        yield lambda done, total: shown.update(task, completed=done, total=total)


def _told(value: object) -> str:
    return " ".join(map(str, value)) if isinstance(value, list) else str(value)


def _show(findings: Findings, kept: Backtest) -> None:
    report = kept.report
    title = f"{findings.against.version} by row, {findings.policy.version} by column"
    out.print(_matrix(report["matrix"], title, report["classes"]))
    say.print(f"back-test {kept.id}: {kept.changed} of {kept.cases} cases change, {report['ungraded']} left out")
    if "before" not in report:
        return
    table = Table("", "cases", "passed", "lendable", "expected loss")
    for label, side in (("in force", report["before"]), ("draft", report["after"])):
        loss = side["expected_loss_fen"]
        table.add_row(
            *(label, str(report["cases"]), f"{side['passed_basis_points'] / 100:.2f} %"),
            *(yuan(side["lendable_fen"]), "not stated" if loss is None else yuan(loss)),
        )
    out.print(table)


def _matrix(rows: dict[str, dict[str, int]], title: str, classes: Sequence[str] = CLASSES) -> Table:
    table = Table("", *classes, title=title)
    for old in classes:
        table.add_row(old, *(str(rows[old][new]) if rows[old][new] else "" for new in classes))
    return table
