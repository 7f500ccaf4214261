"""Reads requirements.lock: `python -m tools.lock check` compares it with pyproject.toml, without a network;
`python -m tools.lock runtime` prints the part that running Loanwright needs, without what only developing it needs.
"""

import re
import sys
import tomllib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PROJECT = "loanwright (pyproject.toml)"


@dataclass(frozen=True, slots=True)
class Locked:
    """One package of the lock."""

    name: str
    version: str
    has_hash: bool
    wanted_by: frozenset[str]
    text: str


def plain_name(requirement: str) -> str:
    """The name in a requirement as package indexes compare it: `Psycopg[binary]>=3` is `psycopg` (PEP 503)."""
    name = re.match(r"[A-Za-z0-9._-]+", requirement)
    if name is None:
        raise ValueError(f"{requirement!r} names no package")
    return re.sub(r"[-_.]+", "-", name.group()).lower()


def read_lock(text: str) -> dict[str, Locked]:
    """The packages of a lock that uv wrote, by name."""
    packages = {}
    for block in re.split(r"^(?=[A-Za-z0-9])", text, flags=re.MULTILINE):
        pinned = re.match(r"([A-Za-z0-9._-]+)==([^\s;]+)", block)
        if pinned is None:
            continue
        _, _, via = block.partition("# via")
        wanted_by = {line.strip("# ") for line in via.splitlines()} - {""}
        name = plain_name(pinned[1])
        packages[name] = Locked(name, pinned[2], "--hash=sha256:" in block, frozenset(wanted_by), block)
    return packages


def runtime_part(packages: dict[str, Locked], dependencies: Iterable[str]) -> list[Locked]:
    """The packages that the dependencies pull in, in the lock's order."""
    needed = {plain_name(requirement) for requirement in dependencies}
    while True:
        more = {package.name for package in packages.values() if package.wanted_by & needed} | needed
        if more == needed:
            return [package for package in packages.values() if package.name in needed]
        needed = more


def differences(packages: dict[str, Locked], requirements: Iterable[str]) -> list[str]:
    """Sentences on what the lock lacks, pins outside its bounds, holds without a hash or without being asked for."""
    # Not in the standard library, and the runtime part must be printable before anything is installed.
    from packaging.requirements import Requirement

    found = []
    declared = {}
    for text in requirements:
        requirement = Requirement(text)
        declared[plain_name(requirement.name)] = requirement
    for name, requirement in declared.items():
        if name not in packages:
            found.append(f"{name} is declared but not locked")
        elif not requirement.specifier.contains(packages[name].version, prereleases=True):
            found.append(f"{requirement} is declared but {packages[name].version} is locked")
    for package in packages.values():
        if not package.has_hash:
            found.append(f"{package.name} is locked without a hash")
        if PROJECT in package.wanted_by and package.name not in declared:
            found.append(f"{package.name} is locked for the project but no longer declared")
    return found


def main(arguments: list[str]) -> int:
    """Exit code 1 and one line for each difference if the lock is not current."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    packages = read_lock((ROOT / "requirements.lock").read_text())
    if arguments == ["runtime"]:
        sys.stdout.write("".join(package.text for package in runtime_part(packages, project["dependencies"])))
        return 0
    found = differences(packages, [*project["dependencies"], *project["optional-dependencies"]["dev"]])
    for line in found:
        sys.stdout.write(f"{line}; run `make lock`\n")
    if not found:
        sys.stdout.write(f"requirements.lock is current: {len(packages)} packages, all with hashes\n")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
