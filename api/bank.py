"""The bank's call-back: signed, kept once by its reference."""

from fastapi import APIRouter, Request
from fastapi.concurrency import run_in_threadpool
from sqlalchemy.exc import IntegrityError

from api.context import ApiContext, Context
from api.problems import refusals
from books.session import was_written_before
from services import audit
from services.bank import BankMovement, LateDecline, record_late_decline, record_movement

router = APIRouter(tags=["bank"])


@router.post("/bank/notices", status_code=204, responses=refusals(409))
async def take_notice(request: Request, context: Context) -> None:
    """Keeps a movement on the lender's account, or a late decline; a repetition changes nothing.

    The bank signs body and time instead of sending a key. The body is JSON, or XML of ISO 20022: a camt.054 with one
    booking, a pain.002 or camt.029 with one decline.
    """
    body = await request.body()
    notice = await run_in_threadpool(context.read_notice, body, request.headers)
    # Signed by the bank: what is refused from here on is no stranger's.
    request.state.actor = audit.SYSTEM
    await run_in_threadpool(_keep, context, notice)


def _keep(context: ApiContext, notice: BankMovement | LateDecline) -> None:
    try:
        _record(context, notice)
    except IntegrityError as error:
        if not was_written_before(error):
            raise
        # The same notice came twice at this moment. A conflict would tell the bank that it was refused.
        _record(context, notice)


def _record(context: ApiContext, notice: BankMovement | LateDecline) -> None:
    with context.books.begin() as work:
        if isinstance(notice, LateDecline):
            record_late_decline(work, notice)
        else:
            record_movement(work, notice)
