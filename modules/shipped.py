"""The policies that a product ships: a file beside it for each kind, `grading.json`, `knockout.json` and so on."""

import json
from pathlib import Path
from typing import Any

from models.policies import PolicyKind


def shipped_grading(product_file: str) -> dict[str, Any]:
    """The shipped table that grades, from the folder of a product's file."""
    found: dict[str, Any] = json.loads(_file(product_file, PolicyKind.GRADING).read_text(encoding="utf-8"))
    return found


def shipped_policies(product_file: str) -> dict[str, dict[str, Any]]:
    """The other shipped contents by kind, from the same folder."""
    files = {kind.value: _file(product_file, kind) for kind in PolicyKind if kind is not PolicyKind.GRADING}
    return {kind: json.loads(file.read_text(encoding="utf-8")) for kind, file in files.items() if file.exists()}


def _file(product_file: str, kind: PolicyKind) -> Path:
    return Path(product_file).with_name(f"{kind}.json")
