"""The locks: complete, hashed, free of addresses, and split into what runs and what only develops."""

import json
import tomllib

import pytest

from tests.servers.shared import ROOT
from tools.lock import differences, plain_name, read_lock, runtime_part

LOCK = """\
fastapi==1.2.0 \\
    --hash=sha256:aa
    # via loanwright (pyproject.toml)
pytest==9.0.0 ; sys_platform != 'win32' \\
    --hash=sha256:bb
    # via
    #   loanwright (pyproject.toml)
    #   pytest-xdist
starlette==3.0.0 \\
    --hash=sha256:cc
    # via fastapi
"""


def test_the_lock_of_this_checkout_names_no_address() -> None:
    lock = (ROOT / "requirements.lock").read_text()
    assert "://" not in lock
    assert "index" not in {line.split("=")[0].strip(" -") for line in lock.splitlines()}


def test_the_npm_lock_pins_what_pages_and_papers_load_and_names_no_download_address() -> None:
    lock = json.loads((ROOT / "package-lock.json").read_text())
    assets = json.loads((ROOT / "package.json").read_text())["dependencies"]
    assert assets == {
        "@expo-google-fonts/noto-sans-sc": "0.4.3",
        "@tabler/core": "1.6.1",
        "echarts": "6.1.0",
        "htmx-ext-sse": "2.2.4",
        "htmx.org": "2.0.11",
    }
    for name, package in lock["packages"].items():
        assert "resolved" not in package
        assert not name or package["integrity"].startswith("sha512-")


def test_a_lock_that_fits_has_no_differences() -> None:
    assert differences(read_lock(LOCK), ["FastAPI>=1", "pytest"]) == []


@pytest.mark.parametrize(
    ("lock", "declared", "difference"),
    [
        (LOCK, ["fastapi", "pytest", "typer"], "typer is declared but not locked"),
        (LOCK, ["fastapi>=2", "pytest"], "fastapi>=2 is declared but 1.2.0 is locked"),
        (LOCK, ["fastapi"], "pytest is locked for the project but no longer declared"),
        (LOCK.replace("--hash=sha256:cc", ""), ["fastapi", "pytest"], "starlette is locked without a hash"),
    ],
)
def test_a_lock_that_does_not_fit_says_why(lock: str, declared: list[str], difference: str) -> None:
    assert differences(read_lock(lock), declared) == [difference]


def test_the_runtime_part_holds_what_dependencies_pull_in_and_no_more() -> None:
    assert [package.name for package in runtime_part(read_lock(LOCK), ["fastapi[all]>=1"])] == ["fastapi", "starlette"]


def test_the_image_gets_no_test_tool() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    packages = read_lock((ROOT / "requirements.lock").read_text())
    names = {package.name for package in runtime_part(packages, project["dependencies"])}
    assert {"temporalio", "protobuf", "psycopg-binary", "uvloop", "starlette"} <= names
    # What tests name for themselves and libraries of the product pull in as well.
    shared = {"pyyaml", "packaging"}
    assert not names & {plain_name(requirement) for requirement in project["optional-dependencies"]["dev"]} - shared
