"""A private PostgreSQL cluster in a temporary folder, and databases in it."""

import os
import pwd
import subprocess
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psycopg
from psycopg import sql

from tests.servers.shared import MEMORY, ServerDidNotStart, SharedServers, free_port
from tools.machine import ProgramMissing, postgres_programs

OWNER = "loanwright"
# A lost cluster is made anew: nothing here need survive a power cut.
FAST = (
    "fsync=off",
    "synchronous_commit=off",
    "full_page_writes=off",
    "wal_level=minimal",
    "max_wal_senders=0",
    "max_connections=200",
    "autovacuum=off",
)


@dataclass(frozen=True, slots=True)
class PostgresCluster:
    """A running cluster whose databases belong to the tests."""

    port: int
    servers: SharedServers

    def url(self, database: str) -> str:
        """What LOANWRIGHT_DATABASE_URL is set to."""
        return f"postgresql+psycopg://{OWNER}@127.0.0.1:{self.port}/{database}"

    @contextmanager
    def database(self, template: str = "template0") -> Iterator[str]:
        """The address of a fresh copy of the template, dropped afterwards with any connection left open."""
        name = f"test_{uuid.uuid4().hex}"
        copied = sql.SQL("CREATE DATABASE {} TEMPLATE {} STRATEGY {}")
        # In memory copying files is faster than writing their content to the log, on a disk it is the other way round.
        strategy = "file_copy" if self.servers.folder.is_relative_to(MEMORY) else "wal_log"
        self._say(copied.format(sql.Identifier(name), sql.Identifier(template), sql.Identifier(strategy)))
        try:
            yield self.url(name)
        finally:
            self._say(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))

    def template(self, name: str, fill: Callable[[str], None]) -> str:
        """The name of a template that `fill` filled once for all test processes, with the migrated tables for instance.

        `fill` gets the address and must leave no connection open, since a database in use cannot be copied.
        """

        def make() -> str:
            self._say(sql.SQL("CREATE DATABASE {} TEMPLATE template0").format(sql.Identifier(name)))
            fill(self.url(name))
            return name

        return self.servers.once(f"template-{name}", make)

    def _say(self, statement: sql.Composed) -> None:
        with psycopg.connect(_admin(self.port), autocommit=True) as connection:
            connection.execute(statement)


def start_postgres(servers: SharedServers) -> PostgresCluster:
    """The cluster of this pytest; the first test process to ask makes and starts it."""
    return PostgresCluster(int(servers.once("postgres", lambda: str(_start(servers)))), servers)


def _start(servers: SharedServers) -> int:
    programs = postgres_programs()
    account = _account()
    data = servers.folder / "postgres"
    data.mkdir(mode=0o700)
    if account is not None:
        os.chown(data, account.pw_uid, account.pw_gid)
    user = account.pw_name if account is not None else None
    group = account.pw_gid if account is not None else None
    made = subprocess.run(
        [
            programs / "initdb",
            "-D",
            data,
            "-U",
            OWNER,
            "--auth=trust",
            "--no-sync",
            "--encoding=UTF8",
            "--locale=C.UTF-8",
        ],
        user=user,
        group=group,
        extra_groups=None if account is None else [],
        cwd=data,
        capture_output=True,
        text=True,
        check=False,
    )
    if made.returncode != 0:
        raise ServerDidNotStart(f"initdb failed: {made.stderr}")
    port = free_port()
    settings = [*FAST, f"port={port}", "listen_addresses=127.0.0.1", f"unix_socket_directories={data}"]
    command: list[str | Path] = [programs / "postgres", "-D", data]
    for setting in settings:
        command += ["-c", setting]
    servers.run("postgres", command, lambda: _answers(port), user=user)
    return port


def _account() -> pwd.struct_passwd | None:
    """PostgreSQL refuses to run as root; Debian's package brings an account for it."""
    if os.geteuid() != 0:
        return None
    try:
        return pwd.getpwnam("postgres")
    except KeyError:
        raise ProgramMissing(
            "PostgreSQL does not run as root and there is no account `postgres`: install Debian's package postgresql."
        ) from None


def _admin(port: int) -> str:
    return f"host=127.0.0.1 port={port} user={OWNER} dbname=postgres connect_timeout=5"


def _answers(port: int) -> bool:
    try:
        psycopg.connect(_admin(port)).close()
    except psycopg.OperationalError:
        return False
    return True
