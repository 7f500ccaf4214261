"""The report of a trained scorecard: one HTML file in both languages, with pictures and without anything from outside.

It is made from the content of the version alone, so that it is the same wherever and whenever it is asked for.
"""

from collections.abc import Mapping
from itertools import accumulate
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined, UndefinedError
from markupsafe import Markup

from lending.errors import LendingError
from lending.scorecard import Scorecard
from services.scorecard_pictures import BAD, GOOD, bars, curve

TEMPLATE = "scorecard_report.html"
STABLE_BELOW = 0.25
GROUPS = {"male": "Men · 男", "female": "Women · 女"}
WHYS = {
    "refused": ("tells what no scorecard may ask", "属于评分卡不得使用的信息"),
    "no_information": ("tells nothing about a default", "与违约无关"),
    "told_by_others": ("others tell it already", "已由其他变量体现"),
}

_pages = Environment(loader=FileSystemLoader(Path(__file__).parent), autoescape=True, undefined=StrictUndefined)


class NoFigures(LendingError):
    """A scorecard that was not trained has no figures to report, or none that can be read."""

    code = "scorecard_without_figures"
    http_status = 404

    def __init__(self) -> None:
        super().__init__("this scorecard was not trained on cases, so there are no figures to report")


def report_html(label: str, content: Mapping[str, Any]) -> str:
    """The report of a version with this label; NoFigures where nothing trained it, InvalidScorecard if it is none."""
    if "figures" not in content:
        raise NoFigures
    card = Scorecard.parse(content)
    try:
        return _rendered(label, content, card)
    except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError, UndefinedError):
        # Figures explain a card and are not read when scoring: whoever wrote them by hand may have written anything.
        raise NoFigures from None


def _rendered(label: str, content: Mapping[str, Any], card: Scorecard) -> str:
    figures, (least, most) = content["figures"], card.range
    return _pages.get_template(TEMPLATE).render(
        title=f"Scorecard · 评分卡 {label}",
        figures=figures,
        scale=content["scale"],
        base_points=content["base_points"],
        least=least,
        most=most,
        most_reasons=card.most_reasons,
        variables=variables_in_words(content),
        reasons=content["reasons"],
        pictures={name: Markup(picture) for name, picture in _pictures(figures).items()},  # noqa: S704 ours, of numbers
        groups=GROUPS,
        whys=WHYS,
        ratio=lambda basis_points: f"{basis_points / 10_000:.3f}",
        percent=lambda basis_points: f"{basis_points / 100:.1f}%",
        share=lambda part, whole: f"{100 * part / whole:.1f}%" if whole else "–",
    )


def variables_in_words(content: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The variables of a scorecard with their bins as a person reads them, the missing bin last.

    Counts of cases are None where the card was not trained.
    """
    drift = {one["fact"]: one["psi_bp"] for one in content.get("figures", {}).get("drift", ())}
    return [
        {
            "fact": one["fact"],
            "reason": one["reason"],
            "information_bp": one.get("information_bp"),
            "psi_bp": drift.get(one["fact"]),
            "bins": [
                {
                    "range": values,
                    "points": bin_["points"],
                    "cases": bin_.get("cases"),
                    "defaults": bin_.get("defaults"),
                }
                for values, bin_ in [
                    *((_values(bin_), bin_) for bin_ in one["bins"]),
                    ("not known · 缺失", one["missing"]),
                ]
            ],
        }
        for one in content["variables"]
    ]


def _values(bin_: Mapping[str, Any]) -> str:
    """What falls into a bin."""
    if "value" in bin_:
        return "yes · 是" if bin_["value"] else "no · 否"
    if "words" in bin_:
        return ", ".join(bin_["words"])
    if "others" in bin_:
        return "others · 其他"
    first, last = bin_["from"], bin_["to"]
    if first is None and last is None:
        return "all · 全部"
    if first is None:
        return f"≤ {last:,}"
    if last is None:
        return f"≥ {first:,}"
    return f"{first:,}" if first == last else f"{first:,} – {last:,}"


def _pictures(figures: Mapping[str, Any]) -> dict[str, str]:
    bands, calibration = figures["bands"], figures["calibration"]
    good, bad = ([one[kind] for one in bands] for kind in ("good", "bad"))
    held_out = [one for one in figures["months"] if one["psi_bp"] is not None]
    steps = zip(accumulate(a + b for a, b in zip(good, bad, strict=True)), accumulate(bad), strict=True)
    cases, defaults = sum(good) + sum(bad), sum(bad)
    return {
        "distribution": bars(
            [str(one["from"]) for one in bands],
            [(GOOD, [100 * one / sum(good) for one in good]), (BAD, [100 * one / sum(bad) for one in bad])],
            "%",
        ),
        "curve": curve([(0.0, 0.0), *((up_to / cases, found / defaults) for up_to, found in steps)]),
        "stability": bars(
            [one["month"] for one in held_out],
            [(GOOD, [one["psi_bp"] / 10_000 for one in held_out])],
            line=STABLE_BELOW,
        ),
        "calibration": bars(
            [str(one["to"]) for one in calibration],
            [
                (GOOD, [one["expected_bp"] / 100 for one in calibration]),
                (BAD, [one["observed_bp"] / 100 for one in calibration]),
            ],
            "%",
        ),
    }
