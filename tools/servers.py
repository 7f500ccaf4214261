"""Where this machine's Temporal servers are; looks only, `make setup` and `make setup-test` fetch what is missing."""

import os
import shutil
from pathlib import Path

TEMPORAL_CLI_VERSION = "1.5.1"
TEST_SERVER_VERSION = "1.38.0"


class ServerMissing(RuntimeError):
    """A server program is not on this machine; the message says how to get it."""


def cache_folder() -> Path:
    """The user's cache folder for programs that the set-up built or fetched; it may not exist yet."""
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "loanwright"


def temporal_address() -> str | None:
    """The address of a Temporal server that runs already, or None if one is to be started here."""
    return os.environ.get("TEMPORAL_ADDRESS") or None


def temporal_binary() -> Path:
    """The Temporal command line, which contains the development server: from PATH, else from the cache folder."""
    cached = cache_folder() / "bin" / "temporal"
    found = shutil.which("temporal") or (cached if os.access(cached, os.X_OK) else None)
    if found is None:
        raise ServerMissing(
            "There is no Temporal server on this machine. Run `make setup`, which fetches or builds it, "
            "or put `temporal` on PATH, or set TEMPORAL_ADDRESS to a server that runs already."
        )
    return Path(found)


def test_server_binary() -> Path:
    """Temporal's time-skipping test server: from PATH, else from the cache folder."""
    cached = cache_folder() / f"test-server-{TEST_SERVER_VERSION}" / "temporal-test-server"
    found = shutil.which("temporal-test-server") or (cached if os.access(cached, os.X_OK) else None)
    if found is None:
        raise ServerMissing(
            "Temporal's time-skipping test server is not on this machine. Run `make setup-test`, which fetches it "
            "(it needs Java 17 and Maven where Temporal's own download cannot be reached)."
        )
    return Path(found)


# pytest would otherwise take this function for a test wherever it is imported.
test_server_binary.__test__ = False  # type: ignore[attr-defined]
