"""The policies that a product ships: a file beside it for each kind, `knockout.json`, `documents.json` and so on."""

import json
from pathlib import Path
from typing import Any

from models.policies import PolicyKind


def shipped_policies(product_file: str) -> dict[str, dict[str, Any]]:
    """The shipped contents by kind, from the folder of a product's file."""
    folder = Path(product_file).parent
    files = {kind.value: folder / f"{kind}.json" for kind in PolicyKind}
    return {kind: json.loads(file.read_text(encoding="utf-8")) for kind, file in files.items() if file.exists()}
