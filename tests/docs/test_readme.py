"""The README's tables of commands and settings are the program's, and the compose file passes the settings on."""

import re
from itertools import chain
from typing import Any

import pytest
import typer
import yaml

from cli import app
from settings import PREFIX, Settings
from tests.docs.pages import ROOT

README = (ROOT / "README.md").read_text(encoding="utf-8")
COMMANDS, _, SETTINGS = README.partition("## The command")[2].partition("## Settings")


def of_the_program() -> set[str]:
    """The name of every setting in the environment."""
    return {str(one.validation_alias or PREFIX + name.upper()) for name, one in Settings.model_fields.items()}


def in_the_table() -> set[str]:
    """The names in the first column, those in braces spelled out."""
    first = " ".join(line.split(" | ")[0] for line in SETTINGS.splitlines() if line.startswith("| `"))
    return set(chain.from_iterable(_spelled_out(name) for name in re.findall(r"`([A-Z_{},]+)`", first)))


def _spelled_out(name: str) -> list[str]:
    before, brace, rest = name.partition("{")
    inner, _, after = rest.partition("}")
    return [before + one + after for one in inner.split(",")] if brace else [name]


def commands(group: Any, before: str = "") -> list[str]:
    """Every command, those of groups with the name of their group."""
    found: list[str] = []
    for name, one in group.commands.items():
        found += commands(one, f"{name} ") if hasattr(one, "commands") else [before + name]
    return found


def test_every_setting_stands_in_the_readme_and_no_other() -> None:
    assert in_the_table() == of_the_program()


@pytest.mark.parametrize("service", ["api", "worker"])
def test_the_compose_file_passes_every_setting_on(service: str) -> None:
    services = yaml.safe_load((ROOT / "docker-compose.yml").read_text(encoding="utf-8"))["services"]
    assert of_the_program() <= services[service]["environment"].keys()


@pytest.mark.parametrize("command", commands(typer.main.get_command(app)))
def test_every_command_stands_in_the_readme(command: str) -> None:
    group, _, name = command.rpartition(" ")
    rows = [line for line in COMMANDS.splitlines() if not group or f"`{group} " in line]
    assert any(re.search(rf"`({group} )?{re.escape(name)}[ `]", row) for row in rows), command
