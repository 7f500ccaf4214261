"""The arrows between the rooms are held by contracts, and the contracts do catch a wrong import."""

import ast
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from tests.servers.shared import ROOT

CONFIG = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]
ROOMS: list[str] = CONFIG["root_packages"]
LINTER = Path(sys.executable).parent / "lint-imports"


def imported_by(file: Path) -> set[str]:
    """The first part of every name that a file imports."""
    names = set()
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module is not None:
            names.add(node.module.partition(".")[0])
    return names


def test_every_room_has_a_contract_that_speaks_of_every_other_room() -> None:
    folders = {folder.parent.name for folder in ROOT.glob("*/__init__.py")} - {"tests", "tools", "bench", "migrations"}
    assert folders == set(ROOMS)
    contracts = {contract["id"]: contract for contract in CONFIG["contracts"]}
    for room in ROOMS:
        spoken_of = set(contracts[room]["name"].replace(",", " ").split()) | set(contracts[room]["forbidden_modules"])
        assert set(ROOMS) <= spoken_of, room


@pytest.mark.parametrize(
    ("room", "wrong_import", "contract"),
    [
        ("lending", "models", "lending imports nothing of ours"),
        ("lending", "sqlmodel", "lending imports nothing of ours"),
        ("gateways", "books", "gateways imports only"),
        ("activities", "engine", "activities imports only"),
        ("workflows", "books", "workflows imports only"),
        ("workflows", "aiohttp", "workflows open no file"),
        ("engine", "modules.auto", "engine imports only"),
        ("web", "gateways", "web imports only"),
        ("api", "settings", "api imports only"),
        ("modules", "simulators", "modules imports only"),
    ],
)
def test_a_wrong_import_breaks_its_contract(tmp_path: Path, room: str, wrong_import: str, contract: str) -> None:
    for name in [*ROOMS, "modules/auto"]:
        (tmp_path / name).mkdir()
        (tmp_path / name / "__init__.py").touch()
    (tmp_path / "settings.py").touch()
    (tmp_path / "pyproject.toml").write_text((ROOT / "pyproject.toml").read_text())
    command = [str(LINTER), "--no-logo", "--no-cache"]
    kept = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert kept.returncode == 0, kept.stdout

    (tmp_path / room / "loans.py").write_text(f"import {wrong_import}\n")

    broken = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert broken.returncode == 1
    assert f"{room} is not allowed to import {wrong_import.partition('.')[0]}" in broken.stdout
    # Long names are wrapped, so the verdict may stand on a later line.
    assert re.search(rf"{contract}(?:(?!KEPT).)*BROKEN", broken.stdout, re.DOTALL)


def test_settings_import_nothing_of_ours() -> None:
    assert not imported_by(ROOT / "settings.py") & {*ROOMS, "cli", "replayer", "worker", "tools"}


def test_no_command_imports_simulators_or_a_module_by_name() -> None:
    for file in ROOT.glob("*.py"):
        assert not imported_by(file) & {"simulators", "modules", "tests", "bench"}, file.name
