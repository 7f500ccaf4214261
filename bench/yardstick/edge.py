"""The yardstick's HTTP side: the same addresses as the real API, as far as the script calls them."""

import asyncio
import hashlib
import secrets
from typing import Annotated, Any

from fastapi import FastAPI, Header, Request
from temporalio.client import Client

from bench.yardstick.store import Store
from models.keys import new_id
from models.messages import CommandOrder, CommandResult, DecisionOrder, Message, Sender
from models.staff import Role
from models.tasks import Outcome

API = "/api/v1"
Key = Annotated[str, Header(alias="Idempotency-Key")]


def create_edge(client: Client, store: Store) -> FastAPI:
    """The application."""
    app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None)

    @app.post(f"{API}/applications", status_code=202)
    async def apply(body: dict[str, Any]) -> dict[str, str]:
        return {"loan": await asyncio.to_thread(store.apply, body["form"])}

    @app.get(f"{API}/tasks")
    async def tasks(limit: int) -> dict[str, Any]:
        loans = await asyncio.to_thread(store.at_stage, "approval", limit)
        return {"items": [{"id": loan, "loan": loan} for loan in loans]}

    @app.get(f"{API}/loans")
    async def loans(limit: int, stage: str = "", contract_ready: bool = False) -> dict[str, Any]:
        if contract_ready:
            found = await asyncio.to_thread(store.with_contract, limit)
        else:
            found = await asyncio.to_thread(store.at_stage, stage, limit)
        return {"items": [{"loan": loan} for loan in found]}

    @app.post(f"{API}/tasks/{{loan}}/decision")
    async def decide(loan: str, body: dict[str, str], key: Key) -> dict[str, Any]:
        order = DecisionOrder(
            task_id=loan, outcome=Outcome.APPROVE, reason=body["reason"], sender=_sender(Role.RISK), command_id=key
        )
        return await _update(client, loan, "decide", order, key)

    @app.post(f"{API}/loans/{{loan}}/acceptance")
    async def accept(loan: str, key: Key) -> dict[str, Any]:
        return await _update(client, loan, "accept", CommandOrder(sender=_sender(Role.INTEGRATOR), command_id=key), key)

    @app.get(f"{API}/loans/{{loan}}/signatures")
    async def signatures(loan: str) -> dict[str, Any]:
        sha256 = await asyncio.to_thread(store.contract, loan)
        form = await asyncio.to_thread(store.form, loan)
        return {"contract": sha256 and {"sha256": sha256}, "signers": [{"party": loan, "mobile": form["mobile"]}]}

    @app.post(f"{API}/loans/{{loan}}/signing-codes", status_code=202)
    async def send_code(loan: str) -> dict[str, str]:
        digits = f"{secrets.randbelow(10**6):06d}"
        await asyncio.to_thread(lambda: store.keep_code(loan, _hashed(loan, digits), digits))
        return {"party": loan}

    @app.post(f"{API}/loans/{{loan}}/signatures", status_code=201)
    async def sign(loan: str, body: dict[str, str]) -> dict[str, str]:
        await asyncio.to_thread(_sign, store, loan, body)
        return {"party": loan}

    @app.post(f"{API}/bank/notices")
    async def notice(request: Request) -> dict[str, str]:
        body = await request.body()
        await asyncio.to_thread(store.keep, new_id(), {"notice": body.decode()})
        return {}

    return app


def _sign(store: Store, loan: str, body: dict[str, str]) -> None:
    hashed, _ = store.code(loan)
    if _hashed(loan, body["code"]) != hashed or body["document_sha256"] != store.contract(loan):
        raise ValueError("this signs nothing")
    store.keep(f"{loan}:signature", body)


def _hashed(salt: str, digits: str) -> str:
    """At the cost of the real one."""
    return hashlib.scrypt(digits.encode(), salt=salt.encode(), n=2**12, r=8, p=1).hex()


async def _update(client: Client, loan: str, name: str, message: Message, key: str) -> dict[str, Any]:
    handle = client.get_workflow_handle(f"yardstick/{loan}")
    result: CommandResult = await handle.execute_update(name, message, id=key, result_type=CommandResult)
    return result.model_dump(mode="json")


def _sender(role: Role) -> Sender:
    return Sender(actor_id="yardstick", role=role, address="127.0.0.1", request_id=new_id())
