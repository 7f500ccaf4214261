"""Cash out and in by month, as a page that needs nothing but a browser."""

from collections.abc import Sequence
from html import escape
from pathlib import Path

from lending.money import yuan

WIDTH, HEIGHT, LEFT, BOTTOM = 960, 420, 110, 40
OUT_COLOUR, IN_COLOUR = "#c2410c", "#0f766e"
STEPS = 4


def write_chart(path: Path, months: Sequence[tuple[str, int, int]]) -> Path:
    """Writes the picture of (month, fen out, fen in) with its table; returns the path."""
    top = _round_up(max((max(out, back) for _, out, back in months), default=0))
    slot = (WIDTH - LEFT) / max(len(months), 1)
    bars = [_grid(step, top) for step in range(STEPS + 1)]
    for n, (month, out, back) in enumerate(months):
        x = LEFT + n * slot
        bars.append(_bar(x + slot * 0.15, slot * 0.32, out, top, OUT_COLOUR, f"{month} out {yuan(out)}"))
        bars.append(_bar(x + slot * 0.50, slot * 0.32, back, top, IN_COLOUR, f"{month} in {yuan(back)}"))
        bars.append(f'<text x="{x + slot / 2:.1f}" y="{HEIGHT - 14}" text-anchor="middle">{escape(month)}</text>')
    rows = "".join(
        f"<tr><th scope=row>{escape(month)}</th><td>{_grouped(out)}</td><td>{_grouped(back)}</td></tr>"
        for month, out, back in months
    )
    path.write_text(
        f"""<!doctype html><html lang="en"><meta charset="utf-8"><title>Cash by month</title>
<style>body{{font:15px system-ui,sans-serif;margin:2rem;color:#1f2937}}svg text{{font-size:13px;fill:#4b5563}}
td,th{{padding:.25rem 1.5rem .25rem 0;text-align:right;font-variant-numeric:tabular-nums}}th{{text-align:left}}
.out{{color:{OUT_COLOUR}}}.in{{color:{IN_COLOUR}}}</style>
<h1>Cash by month</h1>
<p><span class="out">■ paid out</span> &nbsp; <span class="in">■ received</span> (yuan; made-up loans)</p>
<svg viewBox="0 0 {WIDTH} {HEIGHT}" width="{WIDTH}" role="img" aria-label="Cash out and in by month">
{"".join(bars)}</svg>
<table><caption>The same figures</caption><tr><th>Month<th>Paid out<th>Received</tr>{rows}</table></html>
""",
        encoding="utf-8",
    )
    return path


def _round_up(fen: int) -> int:
    """The next 1, 2, 4 or 8 times a power of ten in fen, so that the grid has round figures."""
    step = 10_000
    while step < fen:
        step = step // 8 * 10 if str(step)[0] == "8" else step * 2
    return step


def _grouped(fen: int) -> str:
    return f"{fen // 100:,}.{fen % 100:02d}"


def _bar(x: float, width: float, fen: int, top: int, colour: str, title: str) -> str:
    height = fen * (HEIGHT - BOTTOM - 10) / top
    y = HEIGHT - BOTTOM - height
    return (
        f'<rect x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="{height:.1f}" fill="{colour}">'
        f"<title>{escape(title)}</title></rect>"
    )


def _grid(step: int, top: int) -> str:
    y = HEIGHT - BOTTOM - step * (HEIGHT - BOTTOM - 10) / STEPS
    return (
        f'<line x1="{LEFT}" x2="{WIDTH}" y1="{y:.1f}" y2="{y:.1f}" stroke="#e5e7eb"/>'
        f'<text x="{LEFT - 8}" y="{y + 4:.1f}" text-anchor="end">{top * step // STEPS // 100:,}</text>'
    )
