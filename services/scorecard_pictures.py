"""Pictures of a scorecard's figures as SVG without words: what they show stands beside them in both languages."""

from collections.abc import Sequence
from html import escape

WIDTH, HEIGHT = 560, 220
LEFT, RIGHT, TOP, BOTTOM = 46, 22, 12, 30
_WIDE, _HIGH = WIDTH - LEFT - RIGHT, HEIGHT - TOP - BOTTOM
GOOD, BAD, PALE = "#2b6cb0", "#c05621", "#a0aec0"
STEPS = 4
MOST_LABELS = 14

Series = tuple[str, Sequence[float]]
"""A colour and the values."""


def bars(labels: Sequence[str], series: Sequence[Series], unit: str = "", line: float | None = None) -> str:
    """Bars side by side for each label; `line` draws a height that matters."""
    most = max([line or 0.0, *(max(values, default=0) for _, values in series)]) or 1.0
    slot = _WIDE / max(len(labels), 1)
    width = slot * 0.8 / len(series)
    parts = [_grid(most, unit)]
    for number, (colour, values) in enumerate(series):
        for place, value in enumerate(values):
            high = max(value, 0) / most * _HIGH
            left = LEFT + place * slot + slot * 0.1 + number * width
            parts.append(
                f'<rect x="{left:.1f}" y="{TOP + _HIGH - high:.1f}" width="{width:.1f}" height="{high:.1f}" '
                f'fill="{colour}"/>'
            )
    every = -(-len(labels) // MOST_LABELS)
    for place in range(0, len(labels), every):
        parts.append(_text(LEFT + (place + 0.5) * slot, HEIGHT - 10, labels[place], "middle"))
    if line is not None:
        at = TOP + _HIGH - line / most * _HIGH
        parts.append(_rule(LEFT, at, WIDTH - RIGHT, at, BAD, dashed=True))
    return _picture(parts)


def curve(points: Sequence[tuple[float, float]]) -> str:
    """A curve from 0 to 1 on both axes, over the diagonal that says nothing."""
    placed = " ".join(f"{LEFT + x * _WIDE:.1f},{TOP + (1 - y) * _HIGH:.1f}" for x, y in points)
    parts = [
        _grid(100, "%"),
        _rule(LEFT, TOP + _HIGH, WIDTH - RIGHT, TOP, PALE, dashed=True),
        f'<polyline points="{placed}" fill="none" stroke="{GOOD}" stroke-width="2"/>',
        *(
            _text(LEFT + step / STEPS * _WIDE, HEIGHT - 10, f"{100 * step // STEPS}%", "middle")
            for step in range(STEPS + 1)
        ),
    ]
    return _picture(parts)


def _grid(most: float, unit: str) -> str:
    parts = []
    for step in range(STEPS + 1):
        at = TOP + _HIGH * (1 - step / STEPS)
        value = most * step / STEPS
        parts.append(_rule(LEFT, at, WIDTH - RIGHT, at, "#e2e8f0"))
        parts.append(_text(LEFT - 6, at + 4, f"{value:.3g}{unit}", "end"))
    return "".join(parts)


def _rule(x1: float, y1: float, x2: float, y2: float, colour: str, *, dashed: bool = False) -> str:
    dashes = ' stroke-dasharray="4 3"' if dashed else ""
    return f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" stroke="{colour}"{dashes}/>'


def _text(x: float, y: float, text: str, anchor: str) -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{escape(text)}</text>'


def _picture(parts: Sequence[str]) -> str:
    return f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" width="{WIDTH}" height="{HEIGHT}" role="img">{"".join(parts)}</svg>'
