"""What a benchmark found, beside what was asked for."""

import json
import os
import platform
import statistics
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

RESULTS = Path(__file__).resolve().parent / "results"


@dataclass(frozen=True)
class Figure:
    """One measured figure; without a bound it is only told."""

    name: str
    value: float
    unit: str = ""
    at_most: float | None = None
    at_least: float | None = None
    note: str = ""

    @property
    def verdict(self) -> str:
        """PASS or MISS, nothing without a bound."""
        if self.at_most is None and self.at_least is None:
            return ""
        high_enough = self.at_least is None or self.value >= self.at_least
        low_enough = self.at_most is None or self.value <= self.at_most
        return "PASS" if high_enough and low_enough else "MISS"

    @property
    def target(self) -> str:
        """The bound as it is printed."""
        if self.at_most is not None:
            return f"= {self.at_most:g}" if self.at_most == self.at_least else f"≤ {self.at_most:g}"
        return f"≥ {self.at_least:g}" if self.at_least is not None else ""


@dataclass
class Findings:
    """The figures of one benchmark, and single values behind them for the file of results."""

    bench: str
    figures: list[Figure] = field(default_factory=list)
    details: dict[str, Any] = field(default_factory=dict)

    def add(
        self,
        name: str,
        value: float,
        unit: str = "",
        *,
        at_most: float | None = None,
        at_least: float | None = None,
        note: str = "",
    ) -> None:
        """Adds a figure."""
        self.figures.append(Figure(name, value, unit, at_most, at_least, note))


def percentile(values: Sequence[float], percent: float) -> float:
    """The smallest value that `percent` of all values do not exceed (nearest rank); refused without any value."""
    ordered = sorted(values)
    if not ordered:
        raise ValueError("there is no percentile of nothing")
    rank = -(-len(ordered) * percent // 100)
    return ordered[max(0, int(rank) - 1)]


def median(values: Sequence[float]) -> float:
    """The median."""
    return float(statistics.median(values))


def show(console: Console, findings: Sequence[Findings]) -> None:
    """Prints all figures as one table."""
    table = Table("benchmark", "figure", "measured", "target", "", "note", title="Loanwright, measured")
    for column in (2, 3):
        table.columns[column].justify = "right"
    for one in findings:
        for figure in one.figures:
            style = {"PASS": "green", "MISS": "bold red"}.get(figure.verdict, "")
            measured = f"{figure.value:,.{0 if figure.value >= 1000 else 3 if figure.value < 10 else 1}f} {figure.unit}"
            table.add_row(one.bench, figure.name, measured, figure.target, Text(figure.verdict, style), figure.note)
        table.add_section()
    console.print(table)


def keep(findings: Sequence[Findings]) -> Path:
    """Writes all figures with the machine they were measured on; returns the file."""
    RESULTS.mkdir(exist_ok=True)
    at = datetime.now(UTC)
    file = RESULTS / f"{at:%Y%m%dT%H%M%SZ}.json"
    content = {
        "at": at.isoformat(),
        "machine": machine(),
        "findings": [
            {
                "bench": one.bench,
                "figures": [{**asdict(figure), "verdict": figure.verdict} for figure in one.figures],
                "details": one.details,
            }
            for one in findings
        ],
    }
    file.write_text(json.dumps(content, ensure_ascii=False, indent=1), encoding="utf-8")
    return file


def machine() -> dict[str, Any]:
    """What the figures depend on."""
    return {
        "cores": os.cpu_count(),
        "load_average": os.getloadavg(),
        "system": platform.platform(),
        "python": platform.python_version(),
        "temporalio": version("temporalio"),
        "sqlalchemy": version("sqlalchemy"),
    }
