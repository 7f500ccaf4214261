"""Executes recorded histories again, in a process of its own: what is wrong in them harms nobody else.

Says `{"ready": true}` once it has loaded the code. Reads one JSON object a line, `{"run": …, "workflow": …,
"history": "{…}"}`, and writes one a line, `{"run": …, "outcome": …, "sentence": …, "seconds": …}`, the seconds being
those of a processor. The process has neither keys nor books: the histories come with their payloads open.
"""

import asyncio
import gc
import json
import os
import re
import resource
import sys
import time
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import aclosing
from dataclasses import replace
from typing import Any, TextIO

from temporalio.client import WorkflowHistory
from temporalio.worker import Replayer, UnsandboxedWorkflowRunner, WorkflowReplayResult
from temporalio.workflow import NondeterminismError

from engine.converter import DATA_CONVERTER
from models.histories import ReplayOutcome
from workflows.loan import LoanWorkflow

LONGEST_SENTENCE = 500
_MESSAGE = re.compile(r'message: "((?:[^"\\]|\\.)+)"')
"""The sentence within what the engine's core prints of a failure."""


async def replay(asked: Sequence[dict[str, str]]) -> AsyncIterator[dict[str, Any]]:
    """What became of each history, in the order in which they came."""
    # As the worker runs it: what the sandbox refuses, the tests refuse before it is ever run.
    replayer = Replayer(
        workflows=[LoanWorkflow],
        workflow_runner=UnsandboxedWorkflowRunner(),
        data_converter=replace(DATA_CONVERTER, payload_codec=None),
    )
    waiting = deque(asked)
    began = time.process_time()
    while waiting:
        async with aclosing(_until_damaged(replayer, waiting)) as verdicts:
            async for run, said in verdicts:
                now = time.process_time()
                yield said | {"run": run, "seconds": round(now - began, 3)}
                began = now


async def _until_damaged(
    replayer: Replayer, waiting: deque[dict[str, str]]
) -> AsyncGenerator[tuple[str, dict[str, Any]], None]:
    """Takes histories off `waiting` by one worker, which loads the workflow once, up to one that stops it."""

    async def histories() -> AsyncIterator[WorkflowHistory]:
        while waiting:
            yield WorkflowHistory.from_json(waiting[0]["workflow"], waiting[0]["history"])

    try:
        async with replayer.workflow_replay_iterator(histories()) as results:
            async for result in results:
                yield waiting.popleft()["run"], _verdict(result)
    except MemoryError:
        raise
    except Exception as error:
        # Whatever a damaged history makes the library or the engine's core say.
        if not waiting:
            raise
        yield waiting.popleft()["run"], _said(ReplayOutcome.DAMAGED, f"{type(error).__name__}: {error}")


def _verdict(result: WorkflowReplayResult) -> dict[str, Any]:
    trouble = result.replay_failure
    if trouble is None:
        return _said(ReplayOutcome.OK, None)
    kind = ReplayOutcome.DIFFERS if isinstance(trouble, NondeterminismError) else ReplayOutcome.FAILED
    said = _MESSAGE.search(str(trouble))
    return _said(kind, said[1].replace('\\"', '"') if said else str(trouble))


def _said(outcome: ReplayOutcome, sentence: str | None) -> dict[str, Any]:
    return {"outcome": outcome, "sentence": sentence[:LONGEST_SENTENCE] if sentence else None}


async def _answer(asked: Sequence[dict[str, str]], out: TextIO) -> None:
    async for verdict in replay(asked):
        _write(verdict, out)


def _write(line: dict[str, Any], out: TextIO) -> None:
    out.write(json.dumps(line, ensure_ascii=False) + "\n")
    out.flush()


def main() -> None:
    """Sets its own limits (`replayer MEMORY_BYTES CPU_SECONDS PROCESSOR`), reads all of standard input, and answers."""
    memory, seconds, processor = map(int, sys.argv[1:])
    # The library's event loop, its workflow's thread and the engine's core take turns: on several processors each turn
    # wakes another one up, which costs more than what is done in it.
    os.sched_setaffinity(0, {processor})
    # What is loaded stays: there is nothing in it to be collected.
    gc.freeze()
    resource.setrlimit(resource.RLIMIT_DATA, (memory, memory))
    resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds))
    # The engine's core writes its log to standard output, where only answers may stand.
    with os.fdopen(os.dup(1), "w", encoding="utf-8") as out:
        os.dup2(2, 1)
        _write({"ready": True}, out)
        asyncio.run(_answer([json.loads(line) for line in sys.stdin.buffer], out))


if __name__ == "__main__":
    main()
