"""API and pages on one port, health and metrics on an inner one."""

import asyncio
import contextlib
import signal
import socket
from collections.abc import Mapping

import structlog
import uvicorn
from fastapi import FastAPI

from api.app import ApiContext, create_app, create_inner_app
from books.session import Books
from console.seed import load_products
from engine.client import connect
from engine.commands import LoanCommands
from gateways.notices import NoticeKind, verify_notice
from services.bank import BankMovement, LateDecline
from settings import Settings
from web.app import WebContext, create_web

log = structlog.get_logger()


def read_notice(settings: Settings, body: bytes, headers: Mapping[str, str]) -> BankMovement | LateDecline:
    """The bank's signed notice in the terms of the books; NoticeRejected if it is not the bank's."""
    notice = verify_notice(body, headers, settings.bank_notice_secret.get_secret_value())
    if notice.status == "declined":
        return LateDecline(notice.end_to_end_id, notice.reason_code or "declined")
    return BankMovement(
        reference=notice.reference,
        direction=notice.direction.value,
        amount_fen=notice.amount_fen,
        booked_on=notice.booked_on,
        end_to_end_id=notice.end_to_end_id,
        counterparty=notice.counterparty_name,
        remittance=notice.text,
        is_recall=notice.kind is NoticeKind.RECALL,
    )


async def build(settings: Settings) -> tuple[FastAPI, FastAPI, Books]:
    """The outer application (API under /api/v1, pages beside it), the inner one, and the books to close at the end."""
    load_products(settings)
    books = Books(settings.database_url)
    commands = LoanCommands(await connect(settings.temporal_address, settings.temporal_namespace, lazy=True))
    context = ApiContext(
        books=books,
        commands=commands,
        settings=settings,
        read_notice=lambda body, headers: read_notice(settings, body, headers),
    )
    app = create_app(context)
    app.mount("/", create_web(WebContext(books=books, commands=commands, settings=settings)))
    return app, create_inner_app(context), books


async def serve(settings: Settings, outer: socket.socket, inner: socket.socket | None) -> None:
    """Serves until SIGTERM or SIGINT; requests under way are finished."""
    app, inner_app, books = await build(settings)
    servers = [_server(app)]
    sockets = [[outer]]
    if inner is not None:
        servers.append(_server(inner_app))
        sockets.append([inner])
    loop = asyncio.get_running_loop()

    def stop() -> None:
        for server in servers:
            server.should_exit = True

    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop)
    await asyncio.gather(*(_run(server, listening) for server, listening in zip(servers, sockets, strict=True)))
    books.close()


def listen(host: str, port: int) -> socket.socket:
    """A listening socket that several processes can share."""
    opened = socket.socket()
    opened.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    opened.bind((host, port))
    opened.listen(2048)
    opened.set_inheritable(True)
    return opened


def _server(app: FastAPI) -> uvicorn.Server:
    config = uvicorn.Config(app, access_log=False, log_level="warning", timeout_graceful_shutdown=10, backlog=2048)
    return uvicorn.Server(config)


async def _run(server: uvicorn.Server, sockets: list[socket.socket]) -> None:
    # Two servers share this process, so signals are handled above and not by each of them.
    server.capture_signals = contextlib.nullcontext  # type: ignore[method-assign, assignment]  # as said above
    await server.serve(sockets)
