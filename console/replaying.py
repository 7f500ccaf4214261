"""Executes recorded histories again, in a process of its own: what is wrong in them harms nobody else.

Says `{"ready": true}` once it has loaded the code. Reads one JSON object a line, `{"run": …, "workflow": …,
"history": …}`, and writes one a line, `{"run": …, "outcome": …, "sentence": …, "seconds": …}`, the seconds being those
of a processor. The process has neither keys nor books: the histories come with their payloads open.
"""

import asyncio
import json
import os
import re
import resource
import sys
import time
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from typing import Any, TextIO

from temporalio.client import WorkflowHistory
from temporalio.worker import Replayer, WorkflowReplayResult
from temporalio.workflow import NondeterminismError

from engine.converter import DATA_CONVERTER
from models.histories import ReplayOutcome
from worker import loan_replayer

LONGEST_SENTENCE = 500
_MESSAGE = re.compile(r'message: "((?:[^"\\]|\\.)+)"')
"""The sentence within what the engine's core prints of a failure."""


async def replay(asked: Sequence[dict[str, Any]]) -> AsyncIterator[dict[str, Any]]:
    """What became of each history, in the order in which they came."""
    replayer = loan_replayer(replace(DATA_CONVERTER, payload_codec=None))
    for one in asked:
        began = time.process_time()
        yield await _replay(replayer, one) | {"run": one["run"], "seconds": round(time.process_time() - began, 3)}


async def _replay(replayer: Replayer, asked: dict[str, Any]) -> dict[str, Any]:
    try:
        history = WorkflowHistory.from_json(asked["workflow"], asked["history"])
    except MemoryError:
        raise
    except Exception as error:  # noqa: BLE001 whatever a damaged history makes the library say
        return _said(ReplayOutcome.DAMAGED, f"{type(error).__name__}: {error}")
    try:
        result: WorkflowReplayResult = await replayer.replay_workflow(history, raise_on_replay_failure=False)
    except MemoryError:
        raise
    except Exception as error:  # noqa: BLE001 a history that is none to the engine's core either
        return _said(ReplayOutcome.DAMAGED, f"{type(error).__name__}: {error}")
    trouble = result.replay_failure
    if trouble is None:
        return _said(ReplayOutcome.OK, None)
    kind = ReplayOutcome.DIFFERS if isinstance(trouble, NondeterminismError) else ReplayOutcome.FAILED
    said = _MESSAGE.search(str(trouble))
    return _said(kind, said[1].replace('\\"', '"') if said else str(trouble))


def _said(outcome: ReplayOutcome, sentence: str | None) -> dict[str, Any]:
    return {"outcome": outcome, "sentence": sentence[:LONGEST_SENTENCE] if sentence else None}


async def _answer(asked: Sequence[dict[str, Any]], out: TextIO) -> None:
    async for verdict in replay(asked):
        _write(verdict, out)


def _write(line: dict[str, Any], out: TextIO) -> None:
    out.write(json.dumps(line, ensure_ascii=False) + "\n")
    out.flush()


def main() -> None:
    """Sets its own limits (`replaying MEMORY_BYTES CPU_SECONDS`), reads all of standard input, and answers."""
    memory, seconds = int(sys.argv[1]), int(sys.argv[2])
    resource.setrlimit(resource.RLIMIT_DATA, (memory, memory))
    resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds))
    # The engine's core writes its log to standard output, where only answers may stand.
    with os.fdopen(os.dup(1), "w", encoding="utf-8") as out:
        os.dup2(2, 1)
        _write({"ready": True}, out)
        asyncio.run(_answer([json.loads(line) for line in sys.stdin.buffer], out))


if __name__ == "__main__":
    main()
