"""Temporal's command line asks for payloads in clear, with the key of somebody who may look."""

import asyncio
import base64
import json
import subprocess
import uuid
from typing import Any

import pytest
from google.protobuf.json_format import MessageToDict

from books.session import Books
from engine.client import connect
from engine.converter import DATA_CONVERTER
from services.staff import demo_key
from tests.api.serving import Caller
from tools.servers import temporal_binary


def sealed(value: str) -> dict[str, Any]:
    """A payload as the command line sends it."""
    [payload] = asyncio.run(DATA_CONVERTER.encode([value]))
    shown: dict[str, Any] = MessageToDict(payload)
    return shown


async def test_temporals_command_line_shows_a_history_in_clear(api: Caller, temporal_server: str) -> None:
    client = await connect(temporal_server, "default")
    workflow = f"codec-{uuid.uuid4().hex}"
    await client.start_workflow("Loan", "he wrote to me", id=workflow, task_queue=f"nobody-{workflow}")
    asked = ["workflow", "show", "--address", temporal_server, "--workflow-id", workflow, "--output", "json"]
    codec = ["--codec-endpoint", f"{api.url}/api/v1/codec", "--codec-auth", f"Bearer {demo_key('auditor-wei')}"]

    def shown(*more: str) -> str:
        return subprocess.run([temporal_binary(), *asked, *more], capture_output=True, text=True, check=True).stdout

    in_clear, sealed_still = await asyncio.gather(asyncio.to_thread(shown, *codec), asyncio.to_thread(shown))
    await client.get_workflow_handle(workflow).terminate()

    words = base64.b64encode(b'"he wrote to me"').decode()
    assert words in in_clear
    assert words not in sealed_still


def test_who_may_look_gets_the_payloads_and_is_recorded(api: Caller, books: Books) -> None:
    answer = api.post(
        "/codec/decode", {"payloads": [sealed("hello")]}, "auditor-wei", headers={"X-Namespace": "lender"}
    )

    [payload] = answer.json()["payloads"]
    assert json.loads(base64.b64decode(payload["data"])) == "hello"
    with books.read() as work:
        [entry] = [entry for entry in work.audit.page() if entry.act == "decode_payloads"]
    assert (entry.actor_id, entry.after) == ("auditor-wei", {"namespace": "lender", "payloads": 1, "workflows": [""]})


@pytest.mark.parametrize("who", ["risk-qian", "manager-zhao", "integrator-demo", None])
def test_nobody_else_gets_them(refusing_api: Caller, who: str | None) -> None:
    answer = refusing_api.post("/codec/decode", {"payloads": [sealed("hello")]}, who)

    assert answer.status_code == (401 if who is None else 403)


@pytest.mark.parametrize("payload", [{"data": "%"}, {"data": None}, {"more": ""}, {"metadata": {"encoding": 5}}])
def test_what_is_no_payload_is_refused(refusing_api: Caller, payload: dict[str, Any]) -> None:
    assert refusing_api.post("/codec/decode", {"payloads": [payload]}, "auditor-wei").status_code == 422
