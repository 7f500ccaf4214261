"""Reaching books and engine from a command, or saying in a sentence why they cannot be reached."""

import asyncio

from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import make_url
from sqlalchemy.exc import DatabaseError
from temporalio.client import Client

from books.schema import alembic_config, migrate
from books.session import Books
from console.processes import NotReady
from engine.client import connect
from settings import Settings

CONNECT_SECONDS = 10


def open_books(settings: Settings) -> Books:
    """The books as they are; NotReady if there are none or if they lack a migration. Creates nothing."""
    file = settings.database_file
    if file is not None and not file.is_file():
        raise NotReady(
            f"there are no books at {file}; name those that there are in LOANWRIGHT_DATABASE_URL, "
            "or make new ones with `loanwright seed`"
        )
    if _version(settings) != _newest(settings):
        raise NotReady(f"the books at {_place(settings)} lack tables or changes; run `loanwright migrate` first")
    return Books(settings.database_url)


def migrate_books(settings: Settings) -> None:
    """Makes the books or brings them to the newest version; NotReady if the database cannot be reached."""
    _version(settings)
    migrate(settings.database_url)


async def connect_engine(settings: Settings) -> Client:
    """A client of the engine; NotReady if nobody answers there, or somebody who is no Temporal server."""
    host, _, port = settings.temporal_address.rpartition(":")
    try:
        # Asked first by hand: after a name that cannot be resolved, the client's threads may bring the process down.
        async with asyncio.timeout(CONNECT_SECONDS):
            _, opened = await asyncio.open_connection(host.strip("[]"), int(port))
        opened.close()
        return await connect(settings.temporal_address, settings.temporal_namespace)
    except (OSError, UnicodeError, RuntimeError) as error:
        raise NotReady(
            f"there is no Temporal server at {settings.temporal_address}; start it or correct TEMPORAL_ADDRESS"
        ) from error


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
