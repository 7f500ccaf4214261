"""Which version of the code this is, as histories and verdicts name it."""

import hashlib
import re
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
DECIDING_ROOMS = ("lending", "models", "workflows")
"""The rooms that a workflow's code consists of: what it does next depends on nothing else of ours."""
_COMMIT = re.compile(r"[0-9a-f]{40}")


@cache
def code_version() -> str:
    """Version, commit where it is known, and a digest of the code that workflows consist of.

    `0.1.0+1f0c2a9b4d5e.9a3b7c1d`. The digest tells two versions apart that nobody has committed or released yet.
    """
    commit = _commit()
    return f"{_released()}+{f'{commit[:12]}.' if commit else ''}{_digest_of_code()[:8]}"


def _released() -> str:
    try:
        return version("loanwright")
    except PackageNotFoundError:
        return "0"


def _commit() -> str:
    """The commit that is checked out, empty where there is none."""
    folder = ROOT / ".git"
    try:
        head = (folder / "HEAD").read_text(encoding="ascii").strip()
        name = head.removeprefix("ref: ")
        if name == head:
            return head if _COMMIT.fullmatch(head) else ""
        loose = folder / name
        if loose.is_file():
            return loose.read_text(encoding="ascii").strip()
        packed = (folder / "packed-refs").read_text(encoding="ascii").splitlines()
    except (OSError, UnicodeError):
        return ""
    return next((line.split()[0] for line in packed if line.endswith(f" {name}")), "")


def _digest_of_code() -> str:
    found = hashlib.sha256()
    for room in DECIDING_ROOMS:
        for file in sorted((ROOT / room).rglob("*.py")):
            found.update(file.relative_to(ROOT).as_posix().encode() + b"\0" + file.read_bytes() + b"\0")
    return found.hexdigest()
