"""`loanwright schedule` and `apr`: the published cases and bad ones through the real command line."""

import json
from pathlib import Path
from typing import Any

import pytest

from lending.operations import run_cases
from tests.console.running import loanwright

CASES = Path(__file__).resolve().parents[1] / "cases"


def cases_of(name: str) -> list[Any]:
    cases: list[Any] = json.loads((CASES / name).read_text(encoding="utf-8"))
    return cases


@pytest.mark.parametrize("name", ["schedules.json", "apr.json"])
def test_a_file_of_published_cases_gives_each_its_result_in_its_place(name: str) -> None:
    command = "apr" if name == "apr.json" else "schedule"
    ended = loanwright(command, str(CASES / name))
    assert ended.code == 0, ended.err
    cases = cases_of(name)
    assert ended.answer == run_cases(cases)
    for case, result in zip(cases, ended.answer, strict=True):
        assert not {"rows", "apr_percent"}.isdisjoint(result), case["id"]
        assert result.get("apr_percent") == case["expected"].get("apr_percent")
        if "rows" in result:
            wanted = [row["n"] for row in case["expected"]["rows"]]
            assert set(wanted) <= {row["n"] for row in result["rows"]}, case["id"]


def test_a_single_case_from_standard_input_gives_a_single_result() -> None:
    case = cases_of("apr.json")[0]
    ended = loanwright("apr", "-", stdin=json.dumps(case))
    assert ended.code == 0
    assert ended.answer == {"apr_percent": case["expected"]["apr_percent"]}


def test_a_bad_case_has_its_error_in_its_place_and_the_command_ends_with_1() -> None:
    good = cases_of("schedules.json")[0]
    in_months = {**good, "terms": {**good["terms"], "n_periods": "36个月"}}
    ended = loanwright("schedule", "-", stdin=json.dumps([good, in_months, "no case", good], ensure_ascii=False))
    assert ended.code == 1
    first, second, third, fourth = ended.answer
    assert first == fourth == run_cases([good])[0]
    assert second["error"]["field"] == "n_periods"
    assert set(second["error"]) == set(third["error"]) == {"code", "field", "detail"}


def test_a_single_bad_case_is_answered_with_its_error_and_ends_with_1() -> None:
    ended = loanwright("schedule", "-", stdin='{"operation": "schedule", "terms": {"principal": 1000.5}}')
    assert ended.code == 1
    assert ended.answer["error"]["detail"]
    assert "Traceback" not in ended.err


def test_what_is_not_json_is_refused_in_a_sentence() -> None:
    ended = loanwright("schedule", "-", stdin="[1, 2")
    assert (ended.code, ended.out) == (1, "")
    assert "is not JSON" in ended.err
    assert "Traceback" not in ended.err


def test_json_that_is_no_case_is_answered_with_an_error() -> None:
    ended = loanwright("apr", "-", stdin="null")
    assert ended.code == 1
    assert ended.answer["error"]["code"]
    assert "Traceback" not in ended.err


def test_a_file_that_is_not_there_is_refused_in_a_sentence(tmp_path: Path) -> None:
    ended = loanwright("schedule", str(tmp_path / "nowhere.json"))
    assert ended.code == 1
    assert "nowhere.json cannot be read" in ended.err
    assert "Traceback" not in ended.err


def test_a_file_that_is_not_utf_8_is_refused_in_a_sentence(tmp_path: Path) -> None:
    file = tmp_path / "case.json"
    file.write_bytes('{"operation": "学费"}'.encode("gb18030"))
    ended = loanwright("schedule", str(file))
    assert ended.code == 1
    assert "case.json is not JSON" in ended.err
    assert "Traceback" not in ended.err


@pytest.mark.parametrize(("command", "file"), [("schedule", "schedules.json"), ("apr", "apr.json")])
def test_a_case_that_names_no_operation_is_one_of_the_command(command: str, file: str) -> None:
    case = cases_of(file)[0]
    plain = {name: value for name, value in case.items() if name != "operation"}
    assert plain != case
    single, several = (loanwright(command, "-", stdin=json.dumps(one)) for one in (plain, [plain]))
    assert (single.code, several.code) == (0, 0)
    assert [single.answer] == several.answer == run_cases([case])


@pytest.mark.parametrize(
    ("command", "file", "other"), [("apr", "schedules.json", "schedule"), ("schedule", "apr.json", "apr")]
)
def test_a_case_of_the_other_command_is_refused_by_its_operation(command: str, file: str, other: str) -> None:
    ended = loanwright(command, "-", stdin=json.dumps(cases_of(file)[0]))
    assert ended.code == 1
    assert ended.answer["error"]["field"] == "operation"
    assert f"`loanwright {other}`" in ended.answer["error"]["detail"]


def test_a_list_may_hold_both_kinds() -> None:
    cases = [cases_of("apr.json")[0], cases_of("schedules.json")[0]]
    ended = loanwright("apr", "-", stdin=json.dumps(cases))
    assert (ended.code, ended.answer) == (0, run_cases(cases))
