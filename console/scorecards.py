"""Scorecards from the operator's command: trained on the books' own history, drafted as a policy, reported."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.table import Table

from books.session import Books
from console.acting import act, ready_books, staff_member
from console.connections import BooksDir
from console.scorecard_history import put_history, simulated
from console.screen import out, say
from lending.errors import LendingError
from models.policies import Policy
from models.staff import Actor
from services.policy_publishing import draft
from services.products import catalogue
from services.scorecard_report import report_html
from services.scorecards import BEHAVIOUR, scorecard_name

if TYPE_CHECKING:
    from console.scorecard_learning import Learnt

app = typer.Typer(no_args_is_help=True, help="Scorecards: train on the books' own history, draft, report.")

Scope = Annotated[str, typer.Argument(help="code of a product, such as micro")]
Behaviour = Annotated[bool, typer.Option("--behaviour", help="the score of running loans instead of a product's")]
Risk = Annotated[str, typer.Option("--actor", help="id of the person of risk who acts")]


class TrainingNotInstalled(LendingError):
    """The libraries that training needs are not there; scoring does without them."""

    code = "training_not_installed"
    http_status = 501

    def __init__(self, missing: str) -> None:
        super().__init__(f"training needs {missing}: install the extra: pip install '.[scorecard]' in the checkout")


class UnknownScope(LendingError):
    """A scorecard for something that is neither a product nor behaviour."""

    code = "unknown_scorecard_scope"
    http_status = 404


def train(books: Books, actor: Actor, scope: str, *, held_out_months: int = 6, seed: int = 1) -> "Learnt":
    """A scorecard trained on the books' own history, not yet in the books: see `console.scorecard_learning.learn`.

    TrainingNotInstalled where the extra is missing, UnknownScope for what is neither a product nor `behaviour`.
    """
    if scope != BEHAVIOUR and scope not in catalogue().codes():
        raise UnknownScope(f"{scope} is no product; --behaviour trains the score of running loans")
    try:
        from console.scorecard_learning import learn
    except ModuleNotFoundError as missing:
        library = (missing.name or "").partition(".")[0]
        if library not in ("numpy", "sklearn"):
            raise
        raise TrainingNotInstalled(library) from missing
    with books.read() as work:
        return learn(work, actor, scope, held_out_months=held_out_months, seed=seed)


def train_and_draft(
    books: Books, actor: Actor, scope: str = "micro", *, reason: str, held_out_months: int = 6, seed: int = 1
) -> Policy:
    """Trains a scorecard and stores it as a draft of `scorecard-<scope>`, checked where nothing is wrong with it."""
    learnt = train(books, actor, scope, held_out_months=held_out_months, seed=seed)
    with books.begin() as work:
        return draft(work, actor, scorecard_name(scope), learnt.content, reason)


@app.command("train")
def train_command(
    actor: Risk,
    scope: Scope = "micro",
    behaviour: Behaviour = False,
    file: Annotated[Path | None, typer.Option("--out", dir_okay=False, help="file for the scorecard as JSON")] = None,
    report: Annotated[Path | None, typer.Option("--report", dir_okay=False, help="file for the report as HTML")] = None,
    keep: Annotated[bool, typer.Option("--draft", help="store it as a draft of the policy")] = False,
    reason: Annotated[str, typer.Option("--reason", help="with --draft: why, in a sentence")] = "",
    held_out_months: Annotated[int, typer.Option(min=1, max=24, help="last months, kept back to measure it")] = 6,
    seed: Annotated[int, typer.Option(min=0, help="the same seed and cases give the same card")] = 1,
    data_dir: BooksDir = None,
) -> None:
    """Train a scorecard on the books' own history and show how good it is on the months kept back."""
    if keep and not reason.strip():
        raise typer.BadParameter("a draft needs a reason", param_hint="--reason")
    scope = BEHAVIOUR if behaviour else scope
    books = ready_books(data_dir)
    with books.read() as work:
        person = staff_member(work, actor)
    learnt = train(books, person, scope, held_out_months=held_out_months, seed=seed)
    label = scorecard_name(scope)
    if keep:
        content = learnt.content
        policy = act(books, actor, "policy_drafted", lambda work, who: draft(work, who, label, content, reason))
        label = f"{label}/{policy.version}"
        say.print(f"{label} is drafted")
    _show(learnt.content)
    if file is not None:
        file.write_text(json.dumps(learnt.content, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
        say.print(f"the scorecard is in {file}", soft_wrap=True)
    if report is not None:
        report.write_text(report_html(label, learnt.content), encoding="utf-8")
        say.print(f"the report is in {report}", soft_wrap=True)


@app.command("report")
def report_command(
    version: Annotated[int, typer.Argument(min=1, help="number of the version")],
    file: Annotated[Path, typer.Argument(dir_okay=False, help="file for the report as HTML")],
    scope: Scope = "micro",
    behaviour: Behaviour = False,
    data_dir: BooksDir = None,
) -> None:
    """Write the report of a version that is in the books."""
    name = scorecard_name(BEHAVIOUR if behaviour else scope)
    with ready_books(data_dir).read() as work:
        content = work.policies.version(name, version).content
    file.write_text(report_html(f"{name}/{version}", content), encoding="utf-8")
    say.print(f"the report is in {file}", soft_wrap=True)


@app.command("simulate")
def simulate_command(
    count: Annotated[int, typer.Option(min=1, help="past applications")] = 8_000,
    months: Annotated[int, typer.Option(min=1, max=120, help="months over which they applied")] = 30,
    seed: Annotated[int, typer.Option(help="the same seed gives the same people")] = 2026,
    data_dir: BooksDir = None,
) -> None:
    """Put a made-up history of microloans into the books of a demonstration; refused where real people are."""
    books = ready_books(data_dir)
    with books.read() as work:
        today = work.today
    filled = put_history(books, simulated(count, today, seed=seed, months=months))
    say.print(
        f"{filled.applications:,} made-up applications, {filled.paid_out:,} paid out, {filled.defaulted:,} defaulted"
    )


def _show(content: dict[str, Any]) -> None:
    """How well it tells defaults, and its variables."""
    figures = content["figures"]
    table = Table("", "cases", "defaults", "AUC", "Gini", "KS")
    for label, which in (("trained on", "trained_on"), ("kept back", "held_out")):
        cases, strength = figures["cases"][which], figures["strength"][which]
        shown = (f"{strength[name] / 10_000:.3f}" for name in ("auc_bp", "gini_bp", "ks_bp"))
        table.add_row(label, f"{cases['cases']:,}", f"{cases['defaults']:,}", *shown)
    out.print(table)
    for one in content["variables"]:
        points = ", ".join(str(bin_["points"]) for bin_ in one["bins"])
        out.print(f"{one['fact']}: {points}; not known {one['missing']['points']}", soft_wrap=True)
    if figures["cases"]["simulated"]:
        say.print(f"{figures['cases']['simulated']:,} of these loans are made up by a simulator", style="yellow")
