"""Lets Temporal's SDK download a server: `python -m tools.sdk_download server|test-server FOLDER`.

The SDK downloads on starting, so the server is started once and stopped again. The caller looks at the folder, not at
the exit code: the SDK's native part may abort while the interpreter ends.
"""

import asyncio
import sys

from temporalio.testing import WorkflowEnvironment


async def download(which: str, folder: str) -> None:
    """Leaves the downloaded program in the folder."""
    start = WorkflowEnvironment.start_time_skipping if which == "test-server" else WorkflowEnvironment.start_local
    environment = await start(download_dest_dir=folder)
    await environment.shutdown()


if __name__ == "__main__":
    asyncio.run(download(*sys.argv[1:]))
