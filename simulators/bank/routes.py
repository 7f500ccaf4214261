"""The bank's interface over HTTP."""

from dataclasses import asdict
from datetime import date
from typing import Annotated, Any

from fastapi import APIRouter
from pydantic import BaseModel, Field

from simulators.bank.notices import NoticeSender
from simulators.bank.orders import Order, OrderDesk, OrderKind, Receipt
from simulators.bank.store import BankStore
from simulators.reception import FaultOfCall
from simulators.refusals import AccountUnknown

EndToEndId = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9:/._-]{0,63}$")]
AccountNumber = Annotated[str, Field(pattern=r"^\d{1,34}$")]
AmountFen = Annotated[int, Field(gt=0, le=10**13)]
ValueDate = Annotated[date, Field(ge=date(2000, 1, 1), le=date(2200, 12, 31))]
Words = Annotated[str, Field(max_length=140)]


class TransferRequest(BaseModel):
    """Pay this amount out of the lender's account."""

    end_to_end_id: EndToEndId
    to_account: AccountNumber
    to_name: Words
    amount_fen: AmountFen
    value_date: ValueDate
    purpose: Words


class DebitRequest(BaseModel):
    """Take this amount in by direct debit; with `partial`, what is there if it is less."""

    end_to_end_id: EndToEndId
    from_account: AccountNumber
    from_name: Words
    amount_fen: AmountFen
    value_date: ValueDate
    purpose: Words
    partial: bool = False


class DepositRequest(BaseModel):
    """Somebody pays into the lender's account from another bank. `text` is what he writes on the transfer."""

    end_to_end_id: EndToEndId
    from_account: AccountNumber
    from_name: Words
    amount_fen: AmountFen
    value_date: ValueDate
    text: Words = ""


class RecallRequest(BaseModel):
    """Take a settled transfer back."""

    reason: Words
    value_date: ValueDate


def bank_routes(store: BankStore, desk: OrderDesk, sender: NoticeSender) -> APIRouter:
    """Routes of the bank."""
    router = APIRouter(prefix="/bank")

    def submit(order: Order, fault: FaultOfCall) -> Receipt:
        receipt = desk.submit(order, fault)
        sender.wake()
        return receipt

    @router.post("/transfers")
    async def transfer(request: TransferRequest, fault: FaultOfCall) -> Receipt:
        order = Order(
            OrderKind.TRANSFER,
            request.end_to_end_id,
            request.to_account,
            request.to_name,
            request.amount_fen,
            request.value_date,
            request.purpose,
        )
        return submit(order, fault)

    @router.post("/debits")
    async def debit(request: DebitRequest, fault: FaultOfCall) -> Receipt:
        order = Order(
            OrderKind.DEBIT,
            request.end_to_end_id,
            request.from_account,
            request.from_name,
            request.amount_fen,
            request.value_date,
            request.purpose,
            request.partial,
        )
        return submit(order, fault)

    @router.post("/deposits")
    async def deposit(request: DepositRequest, fault: FaultOfCall) -> Receipt:
        order = Order(
            OrderKind.DEPOSIT,
            request.end_to_end_id,
            request.from_account,
            request.from_name,
            request.amount_fen,
            request.value_date,
            request.text,
        )
        return submit(order, fault)

    @router.get("/orders/{end_to_end_id:path}")
    async def status(end_to_end_id: str) -> Receipt:
        return desk.status(end_to_end_id)

    @router.post("/orders/{end_to_end_id:path}/recall")
    async def recall(end_to_end_id: str, request: RecallRequest, fault: FaultOfCall) -> Receipt:
        receipt = desk.recall(end_to_end_id, request.reason, request.value_date, fault)
        sender.wake()
        return receipt

    @router.get("/accounts/{account}")
    async def account(account: str, on: ValueDate | None = None) -> dict[str, Any]:
        with store.transaction():
            found = store.account(account, on or date.min)
        if found is None:
            raise AccountUnknown("the bank has no such account")
        return {"account": found.account, "closed": found.closed, "balance_fen": found.balance_fen}

    @router.get("/statements/{account}")
    async def statement(account: str, date: ValueDate) -> dict[str, Any]:
        with store.transaction():
            if store.account(account, date) is None:
                raise AccountUnknown("the bank has no such account")
            opening_fen = store.balance_before(account, date)
            entries = store.entries(account, date)
        return {
            "account": account,
            "date": date,
            "opening_fen": opening_fen,
            "closing_fen": opening_fen + sum(entry.amount_fen for entry in entries),
            "lines": [
                asdict(entry)
                | {"direction": "in" if entry.amount_fen > 0 else "out", "amount_fen": abs(entry.amount_fen)}
                for entry in entries
            ],
        }

    return router
