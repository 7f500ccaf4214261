"""Temporal's own pages ask for payloads in clear: from their own address, by somebody who is signed in, on record."""

import asyncio
import base64
import json
from typing import Any

import httpx
import pytest
from google.protobuf.json_format import MessageToDict
from temporalio.api.common.v1 import Payload
from temporalio.converter import WorkflowSerializationContext

from books.session import Books
from console.seed import load_products
from engine.converter import DATA_CONVERTER
from engine.decoding import LARGEST_REQUEST, MOST_NAMED, MOST_PAYLOADS
from models.sealing import KeyRing, set_keys
from settings import Settings
from tests.web.conftest import Come
from tests.web.serving import Visitor

UI = {"Origin": "http://temporal.example"}
WORDS = "he told me that his wife is ill"


def sealed(workflow: str = "loan/L26000001", value: str = WORDS) -> dict[str, Any]:
    """A payload as Temporal's pages send it."""
    converter = DATA_CONVERTER.with_context(WorkflowSerializationContext("lender", workflow))
    [payload] = asyncio.run(converter.encode([value]))
    shown: dict[str, Any] = MessageToDict(payload)
    return shown


def ask(visitor: Visitor, *payloads: dict[str, Any], **headers: str) -> httpx.Response:
    """What Temporal's pages get."""
    sent = {**UI, "Content-Type": "application/json", "X-Namespace": "lender", **headers}
    return visitor.client.post("/codec/decode", content=json.dumps({"payloads": payloads}), headers=sent)


def recorded(books: Books) -> list[tuple[Any, ...]]:
    """Who looked at what."""
    with books.read() as work:
        entries = [entry for entry in work.audit.page() if entry.act == "decode_payloads"]
    return [(entry.actor_id, entry.loan, entry.after, entry.reason, entry.refused) for entry in entries]


@pytest.mark.parametrize("who", ["auditor-wei", "admin-gu"])
def test_who_may_look_gets_the_payloads_and_is_recorded(come: Come, books: Books, who: str) -> None:
    answer = ask(come(who), sealed(), sealed(value="second"))

    first, second = answer.json()["payloads"]
    assert json.loads(base64.b64decode(first["data"])) == WORDS
    assert base64.b64decode(second["metadata"]["encoding"]) == b"json/plain"
    assert answer.headers["access-control-allow-origin"] == UI["Origin"]
    assert answer.headers["access-control-allow-credentials"] == "true"
    looked_into = {"namespace": "lender", "payloads": 2, "workflows": ["loan/L26000001"]}
    assert recorded(books) == [(who, "L26000001", looked_into, None, False)]


def test_a_look_at_many_workflows_names_each_of_them(come: Come, books: Books) -> None:
    workflows = [f"loan/L260000{n:02}" for n in range(2 * MOST_NAMED + 1)]
    assert ask(come("auditor-wei"), *(sealed(one) for one in workflows)).status_code == 200

    entries = [after["workflows"] for _, _, after, _, _ in recorded(books)]
    assert [len(one) for one in entries] == [MOST_NAMED, MOST_NAMED, 1]
    assert sorted(name for one in entries for name in one) == workflows


@pytest.mark.parametrize("who", ["agent-lin", "manager-zhao", "risk-qian", "finance-sun"])
def test_nobody_else_gets_them(come: Come, who: str) -> None:
    answer = ask(come(who), sealed())

    assert answer.status_code == 403
    assert WORDS not in answer.text


def test_a_stranger_gets_nothing_and_is_not_sent_anywhere(come: Come) -> None:
    answer = ask(come(), sealed())

    assert (answer.status_code, answer.text) == (401, "")
    assert "location" not in answer.headers


@pytest.mark.parametrize(
    "origin", ["https://evil.example", "http://temporal.example:81", "https://temporal.example", "null", ""]
)
@pytest.mark.parametrize("method", ["POST", "OPTIONS"])
def test_another_origin_gets_nothing(come: Come, books: Books, origin: str, method: str) -> None:
    visitor = come("auditor-wei")

    answer = visitor.client.request(
        method, "/codec/decode", content=json.dumps({"payloads": [sealed()]}), headers={"Origin": origin}
    )

    assert answer.status_code == 403
    assert not [name for name in answer.headers if name.startswith("access-control")]
    [(who, loan, after, reason, refused)] = recorded(books)
    assert (who, loan, after, refused) == ("unknown", None, None, True)
    assert reason.startswith("foreign_origin")


def test_who_names_no_origin_gets_nothing(come: Come) -> None:
    assert come("auditor-wei").client.post("/codec/decode", json={"payloads": [sealed()]}).status_code == 403


def test_the_browser_is_told_what_temporals_pages_may_ask(come: Come) -> None:
    asked = {
        **UI,
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "content-type,x-namespace",
    }

    answer = come().client.options("/codec/decode", headers=asked)

    assert answer.status_code == 204
    assert answer.headers["access-control-allow-origin"] == UI["Origin"]
    assert answer.headers["access-control-allow-methods"] == "POST"
    assert "x-namespace" in answer.headers["access-control-allow-headers"]
    assert "origin" in answer.headers["vary"].lower()


def test_nothing_is_sealed_here(come: Come) -> None:
    visitor = come("auditor-wei")

    assert visitor.client.post("/codec/encode", json={"payloads": []}, headers=UI).status_code in (404, 405)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[]",
        b"\xff\xfe",
        b'{"payloads": 1}',
        b'{"payloads": []}',
        b'{"payloads": [1]}',
        b'{"payloads": [{"data": 5}]}',
        b'{"payloads": [{"other": ""}]}',
        b"[" * 100_000,
        json.dumps({"payloads": [{}] * (MOST_PAYLOADS + 1)}).encode(),
    ],
)
def test_what_is_no_list_of_payloads_is_refused(come: Come, body: bytes) -> None:
    answer = come("auditor-wei").client.post("/codec/decode", content=body, headers=UI)

    assert answer.status_code == 422
    assert answer.json()["code"] == "payloads_not_read"


@pytest.mark.parametrize("is_declared", [True, False])
def test_an_oversized_request_is_refused(come: Come, is_declared: bool) -> None:
    body = b" " * (LARGEST_REQUEST + 1)

    answer = come("auditor-wei").client.post("/codec/decode", content=body if is_declared else iter([body]), headers=UI)

    assert answer.status_code == 413


def test_a_key_that_is_gone_is_named_and_the_try_is_recorded(come: Come, books: Books) -> None:
    set_keys(KeyRing({"gone": b"g" * 32}))
    payload = sealed()
    load_products(Settings())

    answer = ask(come("auditor-wei"), payload)

    assert (answer.status_code, answer.json()["code"]) == (422, "payloads_not_opened")
    assert "the key gone is not among LOANWRIGHT_KEYS" in answer.json()["detail"]
    [(who, _, _, reason, refused)] = recorded(books)
    assert (who, refused) == ("auditor-wei", True)
    assert "the key gone" in reason


def test_a_payload_that_was_tampered_with_is_refused(come: Come) -> None:
    payload = sealed()
    data = bytearray(base64.b64decode(payload["data"]))
    data[-1] ^= 1

    answer = ask(come("auditor-wei"), {**payload, "data": base64.b64encode(data).decode()})

    assert answer.status_code == 422
    assert "damaged or was tampered with" in answer.json()["detail"]


def test_what_was_never_sealed_comes_back_as_it_is(come: Come) -> None:
    clear: dict[str, Any] = MessageToDict(Payload(metadata={"encoding": b"json/plain"}, data=b'"before"'))

    assert ask(come("auditor-wei"), clear).json()["payloads"] == [clear]
