"""Scorecards on the page of a version: bins and points in words, how good it is, and its report as a file."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from fastapi import APIRouter, Request, Response

from lending.scorecard import Scorecard
from services.permissions import Action, require
from services.policies import reason_text
from services.scorecard_report import report_html
from web import formats, labels
from web.addresses import PolicyName, Version
from web.language import Language
from web.refusals import showing
from web.visit import StaffVisit

router = APIRouter()

WHOLE = 10_000


@dataclass(frozen=True)
class BinInWords:
    """One bin: what falls into it, its points and, where it was trained, its cases and share of defaults."""

    values: str
    points: int
    cases: int | None
    defaulted: str


@dataclass(frozen=True)
class VariableInWords:
    """One fact of a scorecard with its bins, the missing one last, and what is said where it costs points."""

    fact: str
    reason: str
    bins: tuple[BinInWords, ...]


@dataclass(frozen=True)
class CardInWords:
    """A scorecard as a person reads it; `strength` has a row for what it learnt from and one for what was kept back."""

    base_points: int
    least: int
    most: int
    variables: tuple[VariableInWords, ...]
    strength: tuple[tuple[str, int, int, str, str, str], ...]
    simulated: int


@router.get("/policies/{name}/{version}/report", name="scorecard_report")
def scorecard_report(request: Request, visit: StaffVisit, name: PolicyName, version: Version) -> Response:
    """The report of a trained scorecard as a file."""
    require(visit.person, Action.SEE_POLICIES)
    with showing(request, visit) as work:
        policy = work.policies.version(name, version)
    headers = {"Content-Disposition": f'attachment; filename="{name}-{version}.html"'}
    text = report_html(f"{name}/{version}", policy.content)
    return Response(text, media_type="text/html; charset=utf-8", headers=headers)


def card_in_words(content: Mapping[str, Any], language: Language) -> CardInWords:
    """A scorecard without problems, in the visitor's language."""
    least, most = Scorecard.parse(content).range
    try:
        strength, simulated = _figures(content.get("figures"), language)
    except (ArithmeticError, LookupError, TypeError, ValueError):
        # Figures are not read when scoring, so nothing says that those of a card written by hand have this form.
        strength, simulated = (), 0
    return CardInWords(
        base_points=content["base_points"],
        least=least,
        most=most,
        variables=tuple(_variable(one, content, language) for one in content["variables"]),
        strength=strength,
        simulated=simulated,
    )


def _figures(
    figures: Mapping[str, Any] | None, language: Language
) -> tuple[tuple[tuple[str, int, int, str, str, str], ...], int]:
    """How good a trained card is, and how many of its cases were made up."""
    if not figures:
        return (), 0
    return tuple(_strength(figures, language)), int(figures["cases"]["simulated"])


def _strength(figures: Mapping[str, Any], language: Language) -> list[tuple[str, int, int, str, str, str]]:
    rows = (("trained_on", language.say("Trained on")), ("held_out", language.say("Kept back to measure it")))
    return [
        (
            words,
            figures["cases"][which]["cases"],
            figures["cases"][which]["defaults"],
            *(_ratio(figures["strength"][which][name]) for name in ("auc_bp", "gini_bp", "ks_bp")),
        )
        for which, words in rows
    ]


def _ratio(basis_points: int) -> str:
    return f"{basis_points / WHOLE:.3f}"


def _variable(told: Mapping[str, Any], content: Mapping[str, Any], language: Language) -> VariableInWords:
    fact = told["fact"]
    bins = [_bin(_values(fact, one, language), one, language) for one in told["bins"]]
    return VariableInWords(
        labels.label(fact, "fact", language),
        reason_text(told["reason"], language.code, content),
        (*bins, _bin(language.say("Not known"), told["missing"], language)),
    )


def _bin(values: str, told: Mapping[str, Any], language: Language) -> BinInWords:
    cases, defaults = told.get("cases"), told.get("defaults")
    if not isinstance(cases, int) or not isinstance(defaults, int) or cases <= 0:
        return BinInWords(values, told["points"], None, "")
    share = formats.percent(f"{100 * defaults / cases:.4f}", language)
    return BinInWords(values, told["points"], cases, share)


def _values(fact: str, told: Mapping[str, Any], language: Language) -> str:
    """What falls into a bin: money and shares as such, words in the visitor's language."""
    if "value" in told:
        return language.say("Yes") if told["value"] else language.say("No")
    if "words" in told:
        return ", ".join(labels.label(word, "choice", language) for word in told["words"])
    if "others" in told:
        return language.say("All others")
    first, last = (None if told[end] is None else _number(fact, told[end], language) for end in ("from", "to"))
    if first is None and last is None:
        return language.say("All")
    if first is None or last is None:
        return f"≤ {last}" if first is None else f"≥ {first}"
    return first if first == last else f"{first} – {last}"


def _number(fact: str, value: int, language: Language) -> str:
    if fact.endswith("_fen"):
        return formats.money(value, language)
    if re.search(r"_bp(_|$)", fact):
        return formats.share(value, language)
    return formats.number(value, language)
