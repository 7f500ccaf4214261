"""The threat model names a test for each attack, and every test that it names is there."""

import re

import pytest

from tests.docs.pages import ROOT, page

LINK = re.compile(r"\[([^\]]+)\]\(\.\./(tests/[a-z_/0-9]+\.py)\)")
TEXT = page("security.md").read_text(encoding="utf-8")
ATTACKS = [line for line in TEXT.splitlines() if line.startswith("| ") and line.count(" | ") == 2]
HEADS = ("| attack |",)


def named() -> list[tuple[str, str]]:
    """File and function of every test that the page names."""
    return sorted({(file, "test_" + re.sub(r"\W+", "_", label)) for label, file in LINK.findall(TEXT)})


@pytest.mark.parametrize(("file", "function"), named())
def test_every_test_that_the_threat_model_names_is_there(file: str, function: str) -> None:
    assert re.search(rf"^(async )?def {function}\(", (ROOT / file).read_text(encoding="utf-8"), re.MULTILINE)


@pytest.mark.parametrize("row", [line for line in ATTACKS if not line.startswith(HEADS)], ids=lambda row: row[2:40])
def test_every_attack_has_a_test(row: str) -> None:
    assert LINK.search(row.split(" | ")[2])


def test_the_page_speaks_of_many_attacks() -> None:
    assert len(ATTACKS) > 30
