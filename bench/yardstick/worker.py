"""Activities that call and commit, their workers, and the delivery of starts and messages."""

import asyncio
import json
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack
from typing import Any

import aiohttp
from temporalio import activity
from temporalio.client import Client
from temporalio.worker import UnsandboxedWorkflowRunner, Worker
from yarl import URL

from bench.yardstick.press import Press
from bench.yardstick.store import Store
from bench.yardstick.workflow import Yardstick
from gateways.link_signatures import sign_question
from lending.calendar import BusinessClock
from models.loans import Stage
from models.messages import (
    BooksOrder,
    CheckOrder,
    CheckOutcome,
    CommandOnBooks,
    DecideOnBooks,
    LoanOrder,
    PaymentOrder,
    PaymentResult,
    Progress,
    VerificationOrder,
)
from models.verification import Verdict, apart
from worker import BOOKS_THREADS, WORKFLOW_TASKS

QUEUE = "yardstick"
CHECKS = ("identity+screening", "bureau", "enrolment")
POLL_SECONDS = 0.2
BATCH = 50
PAIN_001 = (
    '<?xml version="1.0" encoding="UTF-8"?>\n<Document xmlns="urn:iso:std:iso:20022:tech:xsd:pain.001.001.09">'
    "<CstmrCdtTrfInitn><GrpHdr><MsgId>{key}</MsgId><CreDtTm>{day}T00:00:00+08:00</CreDtTm><NbOfTxs>1</NbOfTxs>"
    "<CtrlSum>{amount}</CtrlSum><InitgPty><Nm>本行放款专户</Nm></InitgPty></GrpHdr><PmtInf><PmtInfId>{key}</PmtInfId>"
    "<PmtMtd>TRF</PmtMtd><NbOfTxs>1</NbOfTxs><CtrlSum>{amount}</CtrlSum><ReqdExctnDt><Dt>{day}</Dt></ReqdExctnDt>"
    "<Dbtr><Nm>本行放款专户</Nm></Dbtr><DbtrAcct><Id><Othr><Id>6200000000000000001</Id></Othr></Id></DbtrAcct>"
    "<DbtrAgt><FinInstnId><ClrSysMmbId><MmbId>999100000018</MmbId></ClrSysMmbId></FinInstnId></DbtrAgt>"
    '<CdtTrfTxInf><PmtId><EndToEndId>{key}</EndToEndId></PmtId><Amt><InstdAmt Ccy="CNY">{amount}</InstdAmt></Amt>'
    "<Cdtr><Nm>{name}</Nm></Cdtr><CdtrAcct><Id><Othr><Id>{account}</Id></Othr></Id></CdtrAcct>"
    "<RmtInf><Ustrd>{loan}</Ustrd></RmtInf></CdtTrfTxInf></PmtInf></CstmrCdtTrfInitn></Document>"
)
"""The order to the bank as the real gateway writes it, by filling in a form; checked by nobody but the bank."""
PATHS = {
    "identity": "identity/checks",
    "screening": "screening/checks",
    "bureau": "bureau/reports",
    "enrolment": "enrolment/checks",
}


class Outside:
    """Plain calls to the simulated registers, bank and SMS provider."""

    def __init__(self, session: aiohttp.ClientSession, base_url: str) -> None:
        self._session = session
        self._base_url = base_url

    async def post(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        """The answer; anything but success is an error."""
        headers = {"Authorization": f"Bearer demo-{path.partition('/')[0]}"}
        async with self._session.post(f"{self._base_url}/{path}", json=body, headers=headers) as answer:
            answer.raise_for_status()
            read: dict[str, Any] = await answer.json()
            return read

    async def pay(self, message: str) -> bool:
        """Sends a pain.001; whether the pain.002 says that it settled."""
        headers = {"Authorization": "Bearer demo-bank", "Content-Type": "application/xml"}
        url = f"{self._base_url}/bank/transfers"
        async with self._session.post(url, data=message.encode(), headers=headers) as answer:
            answer.raise_for_status()
            return "<TxSts>ACSC</TxSts>" in await answer.text()

    async def enter_mandate(self, loan: str, account: str, name: str) -> dict[str, Any]:
        """Enters a mandate at the bank, which takes it signed only."""
        mandate = {"key": f"{loan}:mandate", "account": account, "name": name, "signed_on": "2026-01-05"}
        body = json.dumps(mandate | {"document_sha256": "0" * 64}).encode()
        url = URL(f"{self._base_url}/bank/mandates")
        headers = {"Authorization": "Bearer demo-bank", "Content-Type": "application/json"}
        headers |= sign_question("demo-orders", "POST", url.raw_path, body).headers
        async with self._session.post(url, data=body, headers=headers) as answer:
            answer.raise_for_status()
            read: dict[str, Any] = await answer.json()
            return read


class Acts:
    """The activities: each makes the calls and the commits of the real one."""

    def __init__(self, store: Store, outside: Outside) -> None:
        self.store = store
        self.outside = outside

    @activity.defn
    async def ask(self, order: CheckOrder) -> CheckOutcome:
        """For each register one read and one commit before the call, one commit after it."""
        parts = await asyncio.gather(*(self._ask(order, check) for check in apart(order.check)))
        return parts[0].model_copy(update={"check": order.check, "parts": tuple(parts) if len(parts) > 1 else ()})

    async def _ask(self, order: CheckOrder, check: str) -> CheckOutcome:
        form = await asyncio.to_thread(self.store.form, order.loan)
        await asyncio.to_thread(self.store.keep, f"{order.loan}:{check}:claim", {})
        question = {"name": form["name"], "id_number": form["id_number"]}
        if check == "identity":
            question["mobile"] = form["mobile"]
        if check == "enrolment":
            question["on"] = order.day.isoformat()
        answer = await self.outside.post(PATHS[check], question)
        await asyncio.to_thread(self.store.keep, f"{order.loan}:{check}", answer)
        return CheckOutcome(check=check, verdict=Verdict.PASSED, reference=answer["reference"])

    @activity.defn
    def grade(self, order: VerificationOrder) -> Progress:
        """One commit."""
        return self._keep(order, Stage.APPROVAL)

    @activity.defn
    def decide(self, order: DecideOnBooks) -> Progress:
        """One commit, with a message and a contract to make."""
        return self._keep(order, Stage.ACCEPTANCE, "sms")

    @activity.defn
    def accept(self, order: CommandOnBooks) -> Progress:
        """One commit, with a mandate for the bank."""
        return self._keep(order, Stage.DISBURSEMENT, "mandate")

    @activity.defn
    async def pay(self, order: PaymentOrder) -> PaymentResult:
        """One commit, one call, one commit."""
        form = await asyncio.to_thread(self.store.form, order.loan)
        await asyncio.to_thread(self.store.keep, f"{order.key}:sent", {})
        amount = f"{int(form['amount'])}.00"
        message = PAIN_001.format(
            key=order.key, amount=amount, day=order.day, name=form["name"], account=form["bank_card"], loan=order.loan
        )
        settled = await self.outside.pay(message)
        await asyncio.to_thread(self.store.keep, order.key, {"settled": settled})
        return PaymentResult(key=order.key, status="settled" if settled else "declined")

    @activity.defn
    def book(self, order: BooksOrder) -> Progress:
        """One commit, with a message."""
        return self._keep(order, Stage.REPAYMENT, "sms")

    def _keep(self, order: BooksOrder, stage: Stage, topic: str | None = None) -> Progress:
        progress = Progress(stage=stage)
        self.store.keep(order.key, progress.model_dump(mode="json"), order.loan, stage.value, topic)
        return progress


class Delivery:
    """Starts workflows, sends messages, has cards checked and mandates entered, one batch after the other."""

    def __init__(self, client: Client, store: Store, outside: Outside) -> None:
        self.client = client
        self.store = store
        self.outside = outside

    async def run(self) -> None:
        """Works until cancelled."""
        while True:
            rows = await asyncio.to_thread(self.store.claim, BATCH)
            if not rows:
                await asyncio.sleep(POLL_SECONDS)
                continue
            await asyncio.gather(*(self._deliver(topic, loan, key) for _, topic, loan, key in rows))
            await asyncio.to_thread(self.store.settle, [row[0] for row in rows])

    async def _deliver(self, topic: str, loan: str, key: str) -> None:
        if topic == "start":
            order = LoanOrder(loan=loan, clock=BusinessClock(), checks=CHECKS)
            await self.client.start_workflow("Yardstick", order, id=f"yardstick/{loan}", task_queue=QUEUE)
            return
        form = await asyncio.to_thread(self.store.form, loan)
        if topic == "card":
            question = {name: form[name] for name in ("name", "id_number", "mobile")} | {"account": form["bank_card"]}
            answer = await self.outside.post("cards/checks", question)
            await asyncio.to_thread(self.store.keep, f"{key}:answer", answer)
        elif topic == "mandate":
            entered = await self.outside.enter_mandate(loan, form["bank_card"], form["name"])
            await asyncio.to_thread(self.store.keep, f"{loan}:mandate", entered)
        else:
            text = f"【量尺】{loan}"
            if topic == "code":
                _, digits = await asyncio.to_thread(self.store.code, loan)
                text += f"，验证码{digits}"
            message = {"mobile": form["mobile"], "template": "yardstick", "text": text, "key": key}
            await self.outside.post("sms/messages", message)
            if topic == "code":
                await asyncio.to_thread(self.store.forget_code, loan)


def workers(client: Client, acts: Any, threads: ThreadPoolExecutor, queue: str = QUEUE) -> list[Worker]:
    """Workers on three queues, tuned as the real ones."""
    return [
        Worker(
            client,
            task_queue=queue,
            workflows=[Yardstick],
            activities=[acts.grade, acts.decide, acts.accept, acts.book],
            activity_executor=threads,
            workflow_runner=UnsandboxedWorkflowRunner(),
            max_concurrent_workflow_tasks=WORKFLOW_TASKS,
            max_concurrent_local_activities=BOOKS_THREADS,
            max_cached_workflows=2000,
        ),
        Worker(client, task_queue=f"{queue}-registers", activities=[acts.ask], max_concurrent_activities=50),
        Worker(client, task_queue=f"{queue}-bank", activities=[acts.pay], max_concurrent_activities=20),
    ]


async def work(client: Client, store: Store, outside_url: str, stop: asyncio.Event) -> None:
    """Runs workers, delivery and press until `stop` is set."""
    async with AsyncExitStack() as stack:
        session = await stack.enter_async_context(aiohttp.ClientSession())
        threads = stack.enter_context(ThreadPoolExecutor(BOOKS_THREADS))
        outside = Outside(session, outside_url)
        for worker in workers(client, Acts(store, outside), threads):
            await stack.enter_async_context(worker)
        beside = [
            asyncio.create_task(Delivery(client, store, outside).run()),
            asyncio.create_task(Press(store).run()),
        ]
        await asyncio.wait([*beside, asyncio.create_task(stop.wait())], return_when=asyncio.FIRST_COMPLETED)
        for task in beside:
            if task.done():
                task.result()
            task.cancel()
