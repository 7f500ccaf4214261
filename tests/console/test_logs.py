"""What a process writes of what goes wrong in it: one JSON object a line, with kind and place and no sentence."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
PLANTED = "what is known of a person"
BEGIN = f"""
import asyncio, logging, threading
from console import logs
logs.set_up("info")
PLANTED = "{PLANTED}"
def fail(*_):
    raise ValueError(PLANTED)
"""
WAYS = {
    "a library logs it": (
        "try:\n    fail()\nexcept ValueError:\n    logging.getLogger('uvicorn.error').exception('broken')"
    ),
    "a library writes the whole trace into its sentence": (
        "import traceback\n"
        "try:\n    fail()\nexcept ValueError:\n    logging.getLogger('uvicorn.error').error(traceback.format_exc())"
    ),
    "nobody asks what became of a task": (
        "async def one():\n    fail()\n"
        "async def all_of_it():\n    task = asyncio.create_task(one())\n    await asyncio.sleep(0.01)\n    del task\n"
        "asyncio.run(all_of_it())"
    ),
    "a call back of the loop fails": (
        "async def all_of_it():\n"
        "    asyncio.get_running_loop().call_soon(fail, PLANTED)\n    await asyncio.sleep(0.01)\n"
        "asyncio.run(all_of_it())"
    ),
    "a thread ends by it": "one = threading.Thread(target=fail)\none.start()\none.join()",
    "the process ends by it": "fail()",
    "it happens while something is collected": "class One:\n    __del__ = fail\nOne()",
    "the process ends by what another caused": (
        "try:\n    fail()\nexcept ValueError as error:\n    raise KeyError('x') from error"
    ),
}


def said(code: str) -> list[dict[str, Any]]:
    """What a process that runs this code writes, line by line."""
    ended = subprocess.run(
        [sys.executable, "-c", BEGIN + code], cwd=ROOT, capture_output=True, text=True, check=False, timeout=60
    )
    assert PLANTED not in ended.stdout + ended.stderr
    return [json.loads(line) for line in ended.stderr.splitlines()]


@pytest.mark.parametrize("way", WAYS)
def test_a_fault_is_logged_without_its_sentence(way: str) -> None:
    (line,) = said(WAYS[way])
    assert line["level"] in ("error", "critical")
    assert line["timestamp"].startswith("2")
    if "whole trace" not in way:
        assert line["error"] == ("KeyError" if "another" in way else "ValueError")
        assert line["frames"][-1].startswith("<string>:")


def test_a_warning_is_logged_without_the_value_that_it_quotes() -> None:
    (line,) = said(
        "from pydantic import BaseModel\n"
        "class One(BaseModel):\n    n: int\n"
        "One.model_construct(n=PLANTED).model_dump_json()"
    )
    assert (line["event"], line["category"], line["level"]) == ("warned", "UserWarning", "warning")
    assert line["frames"][0].rpartition(":")[2].isdigit()


def test_a_record_that_does_not_fit_its_form_is_logged_without_what_it_was_given() -> None:
    (line,) = said("logging.getLogger('a').warning('%d left', PLANTED)")
    assert line["event"] == "%d left"


def test_what_libraries_only_tell_is_not_written_and_what_they_warn_of_is() -> None:
    (line,) = said("logging.getLogger('a').info('begun')\nlogging.getLogger('a').warning('%s left', 3)")
    assert (line["event"], line["logger"], line["level"]) == ("3 left", "a", "warning")
