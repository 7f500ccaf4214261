"""The code on the pages of the documentation."""

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def page(name: str) -> Path:
    """A page by its name."""
    return ROOT / "docs" / name


def blocks(path: Path, language: str) -> list[tuple[int, str]]:
    """The page's blocks of this language, each with the number of its first line."""
    text = path.read_text(encoding="utf-8")
    found = re.finditer(rf"^```{language}\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    return [(text.count("\n", 0, one.start(1)) + 1, one.group(1)) for one in found]


def run(path: Path, line: int, block: str, names: dict[str, object]) -> None:
    """Runs a Python block; blank lines in front keep the page's line numbers in tracebacks."""
    exec(compile("\n" * (line - 1) + block, str(path), "exec"), names)
