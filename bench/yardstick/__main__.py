"""`python -m bench.yardstick worker|edge`: one process of the yardstick, until SIGTERM."""

import argparse
import asyncio
import signal
from pathlib import Path

import uvicorn
from temporalio.client import Client
from temporalio.contrib.pydantic import pydantic_data_converter

from bench.yardstick.edge import create_edge
from bench.yardstick.store import Store
from bench.yardstick.worker import work


async def _connect(temporal: str) -> Client:
    return await Client.connect(temporal, namespace="default", data_converter=pydantic_data_converter)


async def _worker(temporal: str, file: Path, outside_url: str) -> None:
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    await work(await _connect(temporal), Store(file), outside_url, stop)


async def _edge(temporal: str, file: Path, port: int) -> None:
    app = create_edge(await _connect(temporal), Store(file))
    config = uvicorn.Config(
        app, host="127.0.0.1", port=port, access_log=False, log_level="warning", timeout_graceful_shutdown=3
    )
    await uvicorn.Server(config).serve()


def main() -> None:
    """Reads the command line and runs the process."""
    parser = argparse.ArgumentParser(prog="python -m bench.yardstick")
    parser.add_argument("part", choices=("worker", "edge"))
    parser.add_argument("--temporal", required=True)
    parser.add_argument("--file", type=Path, required=True)
    parser.add_argument("--outside", default="")
    parser.add_argument("--port", type=int, default=0)
    given = parser.parse_args()
    if given.part == "worker":
        asyncio.run(_worker(given.temporal, given.file, given.outside))
    else:
        asyncio.run(_edge(given.temporal, given.file, given.port))


if __name__ == "__main__":
    main()
