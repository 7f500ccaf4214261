"""Rules as data from the operator's command: drafts, back-tests with a progress bar, publication, replay."""

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import date, datetime
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Column, Table

from books.session import UnitOfWork
from console.acting import act, ready_books, staff_member
from console.connections import BooksDir
from console.screen import out, say
from lending.money import yuan
from models.policies import Backtest, PolicyKind, PolicyPart
from models.staff import Actor
from services import backtests
from services.backtest_findings import CLASSES, Findings
from services.challengers import comparison
from services.policy_kinds import kind_of, scope_of
from services.policy_names import draft_problems
from services.policy_publishing import Life, all_lives, draft, publish, retire
from services.policy_replay import (
    ReplayedAnswer,
    all_agree,
    replay,
    replay_approvals,
    replay_looks,
)

app = typer.Typer(no_args_is_help=True, help="Rules as data: draft, back-test, publish, compare, replay.")

MOST_OF_A_NAME = 40
"""So much of a version's name stands on one line at least, wherever it is listed; the rest of a longer one below."""

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
    with ready_books(data_dir).read() as work:
        found = {
            name: lives
            for name, lives in all_lives(work, staff_member(work, actor)).items()
            if kind in (None, kind_of(name).code) and scope in (None, scope_of(name))
        }
    out.print(_listed([life for lives in found.values() for life in lives]))


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
    table = Table("", "not refused", "lendable")
    table.add_row("champion", str(found.champion_passed), yuan(found.champion_lendable_fen))
    table.add_row("challenger", str(found.challenger_passed), yuan(found.challenger_lendable_fen))
    out.print(table)
    say.print(f"{found.cases} cases, {found.routed} of them decided by the challenger; {found.agreed} came out alike")
    others = ", ".join(f"{name} {count}" for name, count in found.differing.items())
    say.print(f"cases that differ by {others}")


@app.command("replay")
def replay_command(
    loan: Annotated[str, typer.Argument(help="number of the loan")], actor: Reader, data_dir: BooksDir = None
) -> None:
    """Decide a loan again, step by step, by the rules and facts of its day; end with 1 if anything differs."""
    table = Table("round", Column("policy", no_wrap=True), "row", "says", "the same")
    with ready_books(data_dir).read() as work:
        person = staff_member(work, actor)
        replayed, approvals = replay(work, person, loan), replay_approvals(work, person, loan)
        looks = replay_looks(work, person, loan)
    for one in replayed:
        number = str(one.grading.round)
        for step in one.steps:
            table.add_row(number, *_asked_again(step))
        now, verdict = one.now, ", ".join(one.differing) or "yes"
        says = f"{now.outcome}, {now.grade}, up to {yuan(now.limit_fen)} at {now.annual_rate_percent} %"
        table.add_row(number, "decision", "", says, verdict)
    for approval in approvals:
        table.add_row("", *_asked_again(approval))
    for look in looks:
        table.add_row(str(look.look.round), *_asked_again(look))
    out.print(table)
    raise typer.Exit(0 if all_agree(replayed, approvals, looks) else 1)


def _asked_again(one: ReplayedAnswer) -> tuple[str, str, str, str]:
    """A policy by name and version, its row, what it said, and whether it says the same."""
    said = ", ".join(f"{output}: {_told(value)}" for output, value in one.says.items())
    verdict = ", ".join(one.differing) or ("yes" if one.was_in_force else "this version was not in force")
    return one.label, "" if one.row is None else str(one.row), said, verdict


def _listed(lives: Sequence[Life]) -> Table:
    """A version a row. What is short stands on two lines of one column, so that names are whole on 80 columns, too."""
    names = [f"{life.policy.name}/{life.policy.version}" for life in lives]
    longest = max(map(len, names), default=0)
    table = Table(
        Column("version", overflow="fold", min_width=min(longest, MOST_OF_A_NAME)),
        Column("state,\nsince", no_wrap=True),
        Column("drafted by,\npublished by", no_wrap=True),
        Column("reason", overflow="fold"),
        pad_edge=False,
    )
    for name, life in zip(names, lives, strict=True):
        start = life.publication
        share = f" {start.share_percent} %" if start and start.part is PolicyPart.CHALLENGER else ""
        table.add_row(
            name,
            f"{life.state}{share}\n{start.starts_on}" if start else life.state,
            f"{life.policy.drafted_by}\n{start.done_by}" if start else life.policy.drafted_by,
            life.policy.reason,
        )
    return table


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
    if "before" in report:
        out.print(_sides(report))
    for name in ("product", "month"):
        out.print(_parts(name, report[f"{name}s"]))
    if any(one["loans"] for one in report["outcomes"]["before"].values()):
        out.print(_outcomes(report))
    if report["simulated_loans"]:
        say.print(f"{report['simulated_loans']} of these loans are made up")


def _sides(report: dict[str, Any]) -> Table:
    table = Table("", "cases", "passed", "lendable", "expected loss")
    for label, side in (("in force", report["before"]), ("draft", report["after"])):
        table.add_row(
            *(label, str(report["cases"]), f"{side['passed_basis_points'] / 100:.2f} %"),
            *(yuan(side["lendable_fen"]), _loss(side)),
        )
    return table


def _parts(name: str, parts: Sequence[dict[str, Any]]) -> Table:
    """A month or product a row; of decisions with both sides, the draft's below."""
    has_sides = any("before" in one for one in parts)
    table = Table(name, "cases", "change", *(("passed", "lendable", "expected loss") if has_sides else ()))
    for one in parts:
        sides = [one["before"], one["after"]] if has_sides else []
        told = (
            [f"{side['passed_basis_points'] / 100:.2f} %" for side in sides],
            [yuan(side["lendable_fen"]) for side in sides],
            [_loss(side) for side in sides],
        )
        table.add_row(one[name], str(one["cases"]), str(one["changed"]), *("\n".join(cell) for cell in told if cell))
    return table


def _outcomes(report: dict[str, Any]) -> Table:
    """What became of the loans in the classes of both sides."""
    table = Table("watched for twelve months", *report["classes"])
    for label, side in (("in force", report["outcomes"]["before"]), ("draft", report["outcomes"]["after"])):
        told = [side[one] for one in report["classes"]]
        table.add_row(
            label, *(f"{one['defaulted']} of {one['loans']} defaulted" if one["loans"] else "" for one in told)
        )
    return table


def _loss(side: dict[str, Any]) -> str:
    return "not stated" if side["expected_loss_fen"] is None else yuan(side["expected_loss_fen"])


def _matrix(rows: dict[str, dict[str, int]], title: str, classes: Sequence[str] = CLASSES) -> Table:
    table = Table("", *classes, title=title)
    for old in classes:
        table.add_row(old, *(str(rows[old][new]) if rows[old][new] else "" for new in classes))
    return table
