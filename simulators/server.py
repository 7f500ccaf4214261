"""One HTTP server for the whole outside world."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from functools import partial

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse

from simulators.bank.links import notice_in_json
from simulators.bank.mandates import MandateDesk
from simulators.bank.notices import NoticeRoute, NoticeSender
from simulators.bank.orders import OrderDesk
from simulators.bank.routes import bank_routes
from simulators.bank.signatures import SignatureDesk
from simulators.bank.store import BankStore
from simulators.bank.xml_reports import notice
from simulators.cards import cards
from simulators.control import control
from simulators.faults import FaultDesk
from simulators.messages import messages
from simulators.people import population
from simulators.reception import Reception, refusal_response, service_and_operation
from simulators.refusals import Refusal
from simulators.registers import registers
from simulators.settings import SimulatorSettings


def create_app(settings: SimulatorSettings) -> FastAPI:
    """The application with its population in memory and its bank in `settings.data_dir`.

    Serve it with `reception.SeverableProtocol`, which the faults `timeout` and `lost_answer` need.
    """
    people = population(settings.seed, settings.people, settings.base_date)
    faults = FaultDesk()
    store = BankStore(settings.data_dir, people, settings.lender_account)
    mandates = MandateDesk(store)
    is_iso = settings.protocol == "iso20022"
    desk = OrderDesk(store, mandates, partial(notice, account=store.lender_account) if is_iso else notice_in_json)
    route = NoticeRoute(
        url=settings.notice_url,
        secret=settings.notice_secret,
        first_retry_seconds=settings.first_retry_seconds,
        longest_retry_seconds=settings.longest_retry_seconds,
    )
    sender = NoticeSender(store, route)

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        sending = asyncio.create_task(sender.run())
        try:
            yield
        finally:
            sending.cancel()
            with suppress(asyncio.CancelledError):
                await sending
            store.close()

    app = FastAPI(title="Outside world, simulated", lifespan=lifespan, docs_url=None, redoc_url=None)
    app.add_middleware(Reception, credentials=settings.credentials, desk=faults)
    app.add_exception_handler(Refusal, _answer_refusal)
    app.add_exception_handler(RequestValidationError, _answer_malformed)
    app.include_router(registers(people))
    app.include_router(bank_routes(store, desk, mandates, sender, SignatureDesk(settings.signing_secret)))
    app.include_router(cards(people))
    app.include_router(messages())
    app.include_router(control(people, faults, store, desk, sender))

    @app.get("/healthz")
    async def is_up() -> dict[str, str]:
        return {"status": "up"}

    for path in app.openapi()["paths"]:
        service, operation = service_and_operation(path)
        faults.operations.setdefault(service, set()).add(operation)

    return app


async def _answer_refusal(_request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, Refusal)
    return refusal_response(error)


async def _answer_malformed(_request: Request, error: Exception) -> JSONResponse:
    """Names the fields that are wrong without repeating what was sent: it may be personal."""
    assert isinstance(error, RequestValidationError)
    fields = sorted({".".join(map(str, problem["loc"])) for problem in error.errors()})
    return JSONResponse({"code": "malformed", "detail": f"wrong or missing: {', '.join(fields)}"}, 422)
