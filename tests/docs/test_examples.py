"""The files in `examples/`: what the pages say of them, and that they are as their tool writes them."""

import json

import pytest
from typer.testing import CliRunner

from cli import app
from simulators.people import DEFAULT_PEOPLE, DEFAULT_SEED, population
from tests.docs.pages import ROOT, blocks, page
from tools.make_examples import autumn, csv_text, json_text, rows, spring

EXAMPLES = ROOT / "examples"


def test_the_applications_are_those_of_the_made_up_people_of_today() -> None:
    world = population(DEFAULT_SEED, DEFAULT_PEOPLE)
    assert (EXAMPLES / "applications.csv").read_text(encoding="utf-8") == csv_text(rows(world))
    assert (EXAMPLES / "spring.csv").read_text(encoding="utf-8") == csv_text(spring(world))
    assert (EXAMPLES / "autumn.csv").read_text(encoding="utf-8") == csv_text(autumn(world))
    assert (EXAMPLES / "application.json").read_text(encoding="utf-8") == json_text(world)


def test_whoever_applies_on_the_integrators_page_is_not_among_the_imported() -> None:
    applicant = json.loads((EXAMPLES / "application.json").read_text(encoding="utf-8"))["form"]["id_number"]
    for file in ("applications.csv", "spring.csv", "autumn.csv"):
        assert applicant not in (EXAMPLES / file).read_text(encoding="utf-8")


@pytest.mark.parametrize("command", ["schedule", "apr"])
def test_the_example_of_a_computation_is_computed_as_the_page_says(command: str) -> None:
    ((_, example),) = blocks(page("schedules.md"), "json")
    assert (EXAMPLES / "cases.json").read_text(encoding="utf-8") == example
    result = CliRunner().invoke(app, [command, "-"], input=example)
    assert result.exit_code == 0
    schedule, rate = json.loads(result.stdout)
    assert rate == {"apr_percent": "12.00"}
    assert (schedule["rows"][0]["paid"], schedule["state"]["as_of"]) == ("1066.19", "2026-03-15")
    assert len(schedule["rows"]) < 12
