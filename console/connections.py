"""Reaching books and engine from a command, or saying in a sentence why they cannot be reached."""

import asyncio
import json
import os
import socket
import ssl
from contextlib import ExitStack
from pathlib import Path
from typing import Annotated

import typer
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import make_url
from sqlalchemy.exc import DatabaseError
from temporalio.client import Client
from temporalio.service import TLSConfig

from books.schema import alembic_config, migrate
from books.session import Books
from console.processes import NotReady, is_at_work
from console.ring import check_ring, hold_keys
from engine.client import EngineAccess, connect
from settings import Settings
from tools.servers import temporal_address

BOOKS = "loanwright.db"
"""The books in a data folder."""
ENGINE = "engine.json"
"""The engine of whoever works in a data folder."""

BooksDir = Annotated[
    Path | None,
    typer.Option(
        "--data-dir",
        file_okay=False,
        help="data folder of an `up`: its books and, while it runs, its engine; "
        "otherwise LOANWRIGHT_DATABASE_URL and TEMPORAL_ADDRESS say which",
    ),
]
"""The option by which a command is told whose books it works on."""

CONNECT_SECONDS = 5
HTTP2_GREETING = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes((0, 0, 0, 4, 0, 0, 0, 0, 0))
"""The preface and an empty SETTINGS frame (RFC 9113, 3.4), which every gRPC server answers."""


def books_of(data_dir: Path) -> str:
    """The address of the books in a data folder."""
    return f"sqlite:///{data_dir.resolve() / BOOKS}"


def of_folder(settings: Settings, data_dir: Path | None) -> Settings:
    """The settings with the books of a data folder, if one is given, and the engine of an `up` that works on the books.

    TEMPORAL_ADDRESS, where it is set, goes before that engine. NotReady if the environment names books beside a folder.
    """
    if data_dir is not None:
        if os.environ.get("LOANWRIGHT_DATABASE_URL"):
            raise NotReady("--data-dir and LOANWRIGHT_DATABASE_URL both name books; leave one of them out")
        settings = settings.model_copy(update={"database_url": books_of(data_dir)})
    file = settings.database_file
    if file is None or temporal_address() is not None or not is_at_work(file.parent):
        return settings
    note = file.with_name(ENGINE)
    running = json.loads(note.read_text(encoding="utf-8")) if note.is_file() else {}
    # The folder's `up` may work on other books than those asked for.
    return settings.model_copy(update=running["settings"] if running.get("books") == file.name else {})


def note_engine(settings: Settings, data_dir: Path) -> None:
    """Leaves word in a data folder of the engine that works on its books; says nothing of books kept elsewhere."""
    file = settings.database_file
    if file is not None and file.resolve().parent == data_dir.resolve():
        engine = {name: getattr(settings, name) for name in ("temporal_address", "temporal_namespace")}
        (data_dir / ENGINE).write_text(json.dumps({"books": file.name, "settings": engine}), encoding="utf-8")


def reach_given_engine(settings: Settings) -> None:
    """Waits until the engine that TEMPORAL_ADDRESS names answers, if it names one; NotReady if it does not."""
    if temporal_address() is not None:
        asyncio.run(connect_engine(settings))


def open_books(settings: Settings) -> Books:
    """The books as they are; NotReady if there are none or if they lack a migration. Creates nothing."""
    file = settings.database_file
    if file is not None and not file.is_file():
        raise NotReady(
            f"there are no books at {file.resolve()}; name those that there are with --data-dir or in "
            "LOANWRIGHT_DATABASE_URL, or make new ones with `loanwright seed`"
        )
    if _version(settings) != _newest(settings):
        raise NotReady(f"the books at {_place(settings)} lack tables or changes; run `loanwright migrate` first")
    hold_keys(settings)
    books = Books(settings.database_url)
    check_ring(books)
    return books


def migrate_books(settings: Settings) -> None:
    """Makes the books or brings them to the newest version; NotReady if the database cannot be reached."""
    _version(settings)
    migrate(settings.database_url)


async def connect_engine(settings: Settings) -> Client:
    """A client of the engine; NotReady if nobody answers there, or somebody who is no Temporal server."""
    access = engine_access(settings)
    try:
        # Asked first by hand: after a name that cannot be resolved, the client's threads may bring the process down,
        # and the client itself waits half a minute for somebody who listens and says nothing.
        await asyncio.to_thread(_greet, settings, access)
        return await connect(settings.temporal_address, settings.temporal_namespace, access=access)
    except ssl.SSLError as error:
        raise NotReady(
            f"the Temporal server at {settings.temporal_address} does not let us in by TLS ({error.args[-1]}); "
            "look at the TEMPORAL_TLS_… settings and their certificates"
        ) from error
    except (OSError, UnicodeError, RuntimeError) as error:
        raise NotReady(
            f"there is no Temporal server at {settings.temporal_address}; start it or correct TEMPORAL_ADDRESS"
        ) from error


def engine_access(settings: Settings) -> EngineAccess:
    """How the engine lets us in, as set; NotReady names a file that is missing or cannot be read."""
    key = settings.temporal_api_key.get_secret_value() if settings.temporal_api_key else None
    files = {
        "TEMPORAL_TLS_CERT": settings.temporal_tls_cert,
        "TEMPORAL_TLS_KEY": settings.temporal_tls_key,
        "TEMPORAL_TLS_CA": settings.temporal_tls_ca,
    }
    if (settings.temporal_tls_cert is None) != (settings.temporal_tls_key is None):
        raise NotReady("TEMPORAL_TLS_CERT and TEMPORAL_TLS_KEY go together; set both or neither")
    if not (settings.temporal_tls or settings.temporal_tls_server_name or any(files.values())):
        return EngineAccess(api_key=key)
    read = {name: _read(name, file) for name, file in files.items()}
    tls = TLSConfig(
        server_root_ca_cert=read["TEMPORAL_TLS_CA"],
        domain=settings.temporal_tls_server_name or None,
        client_cert=read["TEMPORAL_TLS_CERT"],
        client_private_key=read["TEMPORAL_TLS_KEY"],
    )
    return EngineAccess(tls, key)


def _read(name: str, file: Path | None) -> bytes | None:
    try:
        return None if file is None else file.read_bytes()
    except OSError as error:
        raise NotReady(f"{name} names {file}, which cannot be read ({error.strerror})") from error


def _greet(settings: Settings, access: EngineAccess) -> None:
    """Greets whoever listens there as a client would: OSError if nobody answers, SSLError if we are not let in."""
    host, _, port = settings.temporal_address.rpartition(":")
    with ExitStack() as stack:
        line = stack.enter_context(socket.create_connection((host.strip("[]"), int(port)), CONNECT_SECONDS))
        with_tls = access.tls is not None or access.api_key is not None
        if with_tls:
            context = ssl.create_default_context(cafile=settings.temporal_tls_ca)
            context.set_alpn_protocols(["h2"])
            if settings.temporal_tls_cert is not None:
                context.load_cert_chain(settings.temporal_tls_cert, settings.temporal_tls_key)
            name = settings.temporal_tls_server_name or host.strip("[]")
            line = stack.enter_context(context.wrap_socket(line, server_hostname=name))
        line.sendall(HTTP2_GREETING)
        if not line.recv(1):
            raise (ssl.SSLError if with_tls else ConnectionError)("closed without an answer")


def _version(settings: Settings) -> str | None:
    """The migration that a database stands at, None if it is empty."""
    try:
        books = Books(settings.database_url)
        with books.engine.connect() as connection:
            version = MigrationContext.configure(connection).get_current_revision()
        books.close()
    except (DatabaseError, OSError) as error:
        reason = str(error.orig if isinstance(error, DatabaseError) else error.strerror).strip().partition("\n")[0]
        raise NotReady(
            f"the books at {_place(settings)} cannot be opened ({reason}); correct LOANWRIGHT_DATABASE_URL, "
            "or start the database"
        ) from error
    return version


def _newest(settings: Settings) -> str | None:
    return ScriptDirectory.from_config(alembic_config(settings.database_url)).get_current_head()


def _place(settings: Settings) -> str:
    return make_url(settings.database_url).render_as_string(hide_password=True)
