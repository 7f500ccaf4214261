"""The bank's interface over HTTP: the same addresses in XML (ISO 20022) and in signed JSON."""

from collections.abc import Callable
from datetime import date, datetime
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Request
from fastapi.encoders import jsonable_encoder
from pydantic import ValidationError
from starlette.responses import JSONResponse, Response

from simulators.bank.links import XML, DayStatement, JsonLink, Link, XmlLink
from simulators.bank.mandates import MandateDesk
from simulators.bank.notices import NoticeSender
from simulators.bank.orders import Order, OrderDesk, OrderKind, Receipt
from simulators.bank.requests import DepositRequest, ValueDate
from simulators.bank.signatures import NONCE_HEADER, SignatureDesk
from simulators.bank.store import BankStore
from simulators.reception import FaultOfCall, refusal_response
from simulators.refusals import AccountUnknown, Malformed, Refusal


def bank_routes(
    store: BankStore, desk: OrderDesk, mandates: MandateDesk, sender: NoticeSender, signatures: SignatureDesk
) -> APIRouter:
    """Routes of the bank."""
    router = APIRouter(prefix="/bank")

    async def answer(request: Request, work: Callable[[Link], Response]) -> Response:
        """The answer in the language of the question, refusals with it."""
        body = await request.body()
        link = _link(request, body)
        try:
            response = work(link)
        except ValidationError as error:
            fields = sorted({".".join(map(str, problem["loc"])) or "body" for problem in error.errors()})
            response = refusal_response(Malformed(f"wrong or missing: {', '.join(fields)}"))
        except Refusal as refusal:
            response = refusal_response(refusal)
        if request.method == "POST":
            sender.wake()
        return link.signed(response)

    def _link(request: Request, body: bytes) -> Link:
        spoken = request.headers.get("content-type" if request.method == "POST" else "accept", "")
        if spoken.startswith(XML):
            return XmlLink(body, store.lender_account)
        nonce = None
        if NONCE_HEADER in request.headers:
            query = request.url.query
            path = request.scope["raw_path"].decode("ascii") + (f"?{query}" if query else "")
            nonce = signatures.check(request.method, path, request.headers, body)
        return JsonLink(body, nonce, signatures)

    @router.post("/transfers")
    async def transfer(request: Request, fault: FaultOfCall) -> Response:
        def work(link: Link) -> Response:
            message_id, ordered = link.transfer()
            order = Order(
                OrderKind.TRANSFER,
                ordered.end_to_end_id,
                ordered.to_account,
                ordered.to_name,
                ordered.amount_fen,
                ordered.value_date,
                ordered.purpose,
            )
            return link.receipt(desk.submit(order, fault, message_id), ordered.value_date)

        return await answer(request, work)

    @router.post("/debits")
    async def debit(request: Request, fault: FaultOfCall) -> Response:
        def work(link: Link) -> Response:
            message_id, ordered = link.debit()
            order = Order(
                OrderKind.DEBIT,
                ordered.end_to_end_id,
                ordered.from_account,
                ordered.from_name,
                ordered.amount_fen,
                ordered.value_date,
                ordered.purpose,
                ordered.partial,
                ordered.mandate_id,
                ordered.mandate_signed_on,
            )
            return link.receipt(desk.submit(order, fault, message_id), ordered.value_date)

        return await answer(request, work)

    @router.post("/deposits")
    async def deposit(request: DepositRequest, fault: FaultOfCall) -> Receipt:
        """What another bank's customer does, so there is one language for it, and no signature of ours."""
        order = Order(
            OrderKind.DEPOSIT,
            request.end_to_end_id,
            request.from_account,
            request.from_name,
            request.amount_fen,
            request.value_date,
            request.text,
        )
        receipt = desk.submit(order, fault)
        sender.wake()
        return receipt

    @router.post("/mandates")
    async def register_mandate(request: Request) -> Response:
        def work(link: Link) -> Response:
            return JSONResponse(jsonable_encoder(mandates.register(link.mandate())))

        return await answer(request, work)

    @router.get("/orders/{end_to_end_id:path}")
    async def status(request: Request, end_to_end_id: str) -> Response:
        def work(link: Link) -> Response:
            receipt = desk.status(end_to_end_id)
            return link.receipt(receipt, receipt.booked_on or _today())

        return await answer(request, work)

    @router.post("/orders/{end_to_end_id:path}/recall")
    async def recall(request: Request, end_to_end_id: str, fault: FaultOfCall) -> Response:
        def work(link: Link) -> Response:
            wanted = link.recall()
            receipt = desk.recall(end_to_end_id, wanted.reason, wanted.value_date, fault)
            return link.recall_receipt(receipt, wanted.value_date)

        return await answer(request, work)

    @router.get("/accounts/{account}")
    async def account(request: Request, account: str, on: ValueDate | None = None) -> Response:
        def work(link: Link) -> Response:
            with store.transaction():
                found = store.account(account, on or date.min)
            if found is None:
                raise AccountUnknown("the bank has no such account")
            return link.balance(found.account, found.balance_fen, found.closed, on or _today())

        return await answer(request, work)

    @router.get("/statements/{account}")
    async def statement(request: Request, account: str, date: ValueDate) -> Response:
        def work(link: Link) -> Response:
            with store.transaction():
                if store.account(account, date) is None:
                    raise AccountUnknown("the bank has no such account")
                opening_fen = store.balance_before(account, date)
                entries = store.entries(account, date)
            # Bookings only ever come to a day, so their number tells one statement of it from a later one.
            statement_id = f"ST-{date:%Y%m%d}-{len(entries)}"
            return link.statement(DayStatement(statement_id, account, date, opening_fen, entries))

        return await answer(request, work)

    return router


def _today() -> date:
    """For the date of a report that is about no day."""
    return datetime.now(ZoneInfo("Asia/Shanghai")).date()
