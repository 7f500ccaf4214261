"""API and pages on one port, health and metrics on an inner one."""

import asyncio
import contextlib
import os
import signal
import socket
from collections.abc import Mapping, Sequence
from datetime import timedelta
from urllib.parse import urlsplit

import structlog
import uvicorn
from starlette.types import ASGIApp, Receive, Scope, Send

from api.app import create_app
from api.context import ApiContext
from api.health import create_inner_app
from books.session import Books
from console import memory
from console.connections import engine_access
from console.front import Front, server
from console.processes import NotReady
from console.ring import hold_index_keys, take_ring
from console.seed import load_products
from engine.client import connect
from engine.commands import LoanCommands
from gateways.notices import NoticeKind, verify_notice
from gateways.oidc import OidcProvider
from services.bank import BankMovement, LateDecline
from settings import Settings
from web.app import create_web
from web.context import ReceivingAccount, WebContext

log = structlog.get_logger()


def read_notice(settings: Settings, body: bytes, headers: Mapping[str, str]) -> BankMovement | LateDecline:
    """The bank's signed notice in the terms of the books; NoticeRejected if it is not the bank's."""
    secret = settings.bank_notice_secret.get_secret_value()
    notice = verify_notice(body, headers, secret, account=settings.bank_account)
    if notice.status == "declined":
        reason = notice.reason_code or "declined"
        return LateDecline(notice.end_to_end_id, reason, is_recall=notice.kind is NoticeKind.RECALL)
    return BankMovement(
        reference=notice.reference,
        direction=notice.direction.value,
        amount_fen=notice.amount_fen,
        booked_on=notice.booked_on,
        end_to_end_id=notice.end_to_end_id,
        counterparty=notice.counterparty_name,
        remittance=notice.text,
        is_recall=notice.kind in (NoticeKind.RECALL, NoticeKind.RETURN),
        counterparty_account=notice.counterparty_account or None,
        return_reason=notice.reason_code,
        by_payer=notice.kind is NoticeKind.DEPOSIT,
    )


def identity_provider(settings: Settings) -> OidcProvider | None:
    """Where the staff signs in, if the lender has an identity provider."""
    if not settings.oidc_issuer:
        return None
    secret = settings.oidc_client_secret.get_secret_value()
    return OidcProvider(settings.oidc_issuer, settings.oidc_client_id, secret, settings.oidc_claim)


class BothEdges:
    """API under /api/, pages everywhere else; the API's start and stop are those of the whole."""

    def __init__(self, api: ASGIApp, web: ASGIApp) -> None:
        self.api = api
        self.web = web

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Hands a request to the one it is for."""
        is_page = scope["type"] != "lifespan" and not scope["path"].startswith("/api/")
        await (self.web if is_page else self.api)(scope, receive, send)


async def build(settings: Settings) -> tuple[ASGIApp, ASGIApp, Books]:
    """The outer application (API and pages), the inner one (health and metrics), and the books to close at the end."""
    load_products(settings)
    books = Books(settings.database_url)
    take_ring(books)
    hold_index_keys(books)
    access = engine_access(settings)
    commands = LoanCommands(
        await connect(settings.temporal_address, settings.temporal_namespace, lazy=True, access=access)
    )
    context = ApiContext(
        books=books,
        commands=commands,
        read_notice=lambda body, headers: read_notice(settings, body, headers),
        demo_keys=settings.demo,
        webhooks_inside=settings.webhooks_inside or settings.demo,
        staff_tokens=timedelta(minutes=settings.staff_token_minutes),
    )
    pages = WebContext(
        books=books,
        commands=commands,
        session_secret=settings.session_secret.get_secret_value(),
        receiving=ReceivingAccount(settings.bank_account_name, settings.bank_account, settings.bank_clearing_code),
        temporal_ui_url=settings.temporal_ui_url or None,
        temporal_namespace=settings.temporal_namespace,
        demo_sign_in=settings.demo,
        provider=identity_provider(settings),
        pages_url=settings.pages_url,
        staff_tokens=timedelta(minutes=settings.staff_token_minutes),
        replays=context.replays,
    )
    names = {"localhost", urlsplit(settings.pages_url).hostname or "", *settings.allowed_hosts}
    outer = Front(BothEdges(create_app(context), create_web(pages)), names)
    return outer, create_inner_app(context), books


async def serve(
    settings: Settings, outer: socket.socket, inner: socket.socket | None, siblings: Sequence[int] = ()
) -> None:
    """Serves until SIGTERM or SIGINT, or until one of the siblings that this process began dies; requests under way are
    finished.
    """
    app, inner_app, books = await build(settings)
    memory.settle()
    servers = [server(app, settings.proxies)]
    sockets = [[outer]]
    if inner is not None:
        servers.append(server(inner_app))
        sockets.append([inner])
    loop = asyncio.get_running_loop()

    def stop() -> None:
        for each in servers:
            each.should_exit = True

    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop)
    # A sibling died. All end, and whoever keeps this command running starts it with its full number again. The loop
    # takes no handler for this signal, since it would watch subprocesses of its own by it.
    # Whoever looks at a PDF ends as well, and is no sibling.
    signal.signal(signal.SIGCHLD, lambda *_: _any_ended(siblings) and loop.call_soon_threadsafe(stop))
    await asyncio.gather(*(_run(each, listening) for each, listening in zip(servers, sockets, strict=True)))
    books.close()


def _any_ended(siblings: Sequence[int]) -> bool:
    """Whether one of these processes is no more; they are left to be waited for."""
    how = os.WEXITED | os.WNOHANG | os.WNOWAIT
    return any(os.waitid(os.P_PID, one, how) is not None for one in siblings)


def listen(host: str, port: int) -> socket.socket:
    """A listening socket that several processes can share; NotReady if the address cannot be had."""
    opened = socket.socket()
    opened.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        opened.bind((host, port))
        opened.listen(2048)
    except OSError as error:
        opened.close()
        sentence = f"nothing can be served at {host}:{port} ({error.strerror}); free it or give another host or port"
        raise NotReady(sentence) from error
    opened.set_inheritable(True)
    return opened


async def _run(one: uvicorn.Server, sockets: list[socket.socket]) -> None:
    # Two servers share this process, so signals are handled above and not by each of them.
    one.capture_signals = contextlib.nullcontext  # type: ignore[method-assign, assignment]  # as said above
    await one.serve(sockets)
