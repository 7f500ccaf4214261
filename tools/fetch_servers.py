"""Gets the Temporal servers that this machine lacks: the SDK's own download first, then a build or Maven."""

import os
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path

from tools.machine import TEST_SERVER_NEEDS, install_missing, java_binary, java_version, maven_binary
from tools.progress import StepFailed, run_step, say
from tools.servers import (
    TEMPORAL_CLI_VERSION,
    TEST_SERVER_VERSION,
    ServerMissing,
    cache_folder,
    temporal_address,
    temporal_binary,
    test_server_binary,
)

DOWNLOAD_TIMEOUT_SECONDS = 120
LOGBACK_VERSION = "1.3.15"
OLDEST_JAVA = 17

POM = f"""<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <groupId>loanwright</groupId><artifactId>test-server</artifactId><version>1</version>
  <dependencies>
    <dependency>
      <groupId>io.temporal</groupId><artifactId>temporal-test-server</artifactId><version>{TEST_SERVER_VERSION}</version>
    </dependency>
    <dependency>
      <groupId>ch.qos.logback</groupId><artifactId>logback-classic</artifactId><version>{LOGBACK_VERSION}</version>
    </dependency>
  </dependencies>
</project>
"""
# Without it the server logs every frame it sends.
LOGBACK = '<configuration><root level="ERROR"/></configuration>\n'
WRAPPER = """#!/bin/sh
here=$(cd "$(dirname "$0")" && pwd)
exec java -XX:+UseSerialGC -XX:TieredStopAtLevel=1 -Xmx512m \\
  -cp "$here:$here/lib/*" io.temporal.testserver.TestServer "$@"
"""


def fetch_temporal(python: Path) -> None:
    """Makes sure that a Temporal server can be started or reached; `python` has Temporal's SDK."""
    if temporal_address() is not None or _is_here(temporal_binary):
        return
    target = cache_folder() / "bin" / "temporal"
    with _workshop() as folder:
        built = _downloaded(python, "server", Path(folder)) or _built_with_go(Path(folder))
        _move(built, target)


def fetch_test_server(python: Path) -> None:
    """Makes sure that the time-skipping test server is here; `python` has Temporal's SDK."""
    if _is_here(test_server_binary):
        return
    target = cache_folder() / f"test-server-{TEST_SERVER_VERSION}"
    with _workshop() as folder:
        room = Path(folder) / target.name
        room.mkdir()
        downloaded = _downloaded(python, "test-server", Path(folder))
        if downloaded is not None:
            _move(downloaded, room / "temporal-test-server")
        else:
            _fill_with_maven(room)
        shutil.rmtree(target, ignore_errors=True)
        room.replace(target)


def _is_here(find: Callable[[], Path]) -> bool:
    try:
        find()
    except ServerMissing:
        return False
    return True


def _workshop() -> tempfile.TemporaryDirectory[str]:
    """A folder beside the target: the last step is a rename, and an interrupted build leaves nothing half done."""
    cache_folder().mkdir(parents=True, exist_ok=True)
    return tempfile.TemporaryDirectory(dir=cache_folder(), prefix="fetch-")


def _move(program: Path, target: Path) -> None:
    program.chmod(0o755)
    target.parent.mkdir(parents=True, exist_ok=True)
    program.replace(target)


def _downloaded(python: Path, which: str, folder: Path) -> Path | None:
    downloads = folder / "download"
    downloads.mkdir()
    try:
        run_step(
            f"Temporal {which}, the SDK's download",
            [python, "-m", "tools.sdk_download", which, downloads],
            timeout_seconds=DOWNLOAD_TIMEOUT_SECONDS,
        )
    except StepFailed:
        say("  it cannot be downloaded here; another way is taken")
    programs = [file for file in downloads.iterdir() if os.access(file, os.X_OK) and file.stat().st_size > 0]
    return programs[0] if programs else None


def _built_with_go(folder: Path) -> Path:
    if shutil.which("go") is None:
        raise StepFailed(
            "There is no Temporal server on this machine, the SDK's download cannot be reached, and Go, which would "
            "build it, is missing. Install Go 1.25 or newer, or put `temporal` on PATH, or set TEMPORAL_ADDRESS to a "
            "server that runs."
        )
    run_step(
        f"Temporal server {TEMPORAL_CLI_VERSION}, built with Go (some five minutes, once for this user)",
        ["go", "install", f"github.com/temporalio/cli/cmd/temporal@v{TEMPORAL_CLI_VERSION}"],
        env={"GOBIN": str(folder / "bin"), "HOME": str(Path.home())},
    )
    return folder / "bin" / "temporal"


def _fill_with_maven(room: Path) -> None:
    install_missing(TEST_SERVER_NEEDS)
    version = java_version(java_binary())
    if version < OLDEST_JAVA:
        raise StepFailed(
            f"The time-skipping test server needs Java {OLDEST_JAVA} or newer; this machine's is {version}."
        )
    (room / "pom.xml").write_text(POM)
    (room / "logback.xml").write_text(LOGBACK)
    run_step(
        f"Temporal test server {TEST_SERVER_VERSION}, from Maven Central",
        [
            maven_binary(),
            "-B",
            "-q",
            "-f",
            room / "pom.xml",
            "dependency:copy-dependencies",
            f"-DoutputDirectory={room / 'lib'}",
        ],
    )
    wrapper = room / "temporal-test-server"
    wrapper.write_text(WRAPPER)
    wrapper.chmod(0o755)
