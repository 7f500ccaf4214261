"""The archive of the engine's histories, and what became of replaying them."""

import zlib
from datetime import datetime
from enum import StrEnum
from typing import Any, Self

from sqlalchemy import JSON, Index, LargeBinary
from sqlmodel import Field, SQLModel

from models.columns import Instant, Spelled
from models.keys import new_id, workflow_id
from models.run_events import LARGEST_HISTORY, CloseStatus, CodeVersion, HistoryDamaged, RunEvents, digest
from models.sealing import keys


class RunHistory(SQLModel, table=True):
    """One closed run of a loan's workflow, as it was taken over from the engine. Insert-only.

    `sha256` is that of the content before it was packed; the audit log names it too.
    """

    __tablename__ = "run_history"
    __table_args__ = (Index("ix_run_history_loan", "loan", "started_at"),)

    run_id: str = Field(primary_key=True, max_length=64)
    workflow_id: str = Field(max_length=64)
    loan: str = Field(max_length=16)
    previous_run_id: str | None = Field(default=None, max_length=64)
    next_run_id: str | None = Field(default=None, max_length=64)
    started_at: datetime = Field(sa_type=Instant)
    closed_at: datetime = Field(sa_type=Instant)
    status: CloseStatus = Field(sa_type=Spelled(CloseStatus))
    events: int
    size_bytes: int
    sha256: str = Field(max_length=64)
    code_versions: list[str | dict[str, Any]] = Field(
        sa_type=JSON, description="which versions of the code worked on it, and from when on; once names alone"
    )
    exported_at: datetime = Field(sa_type=Instant)

    @classmethod
    def of(cls, loan: str, run: RunEvents, content: bytes, at: datetime) -> Self:
        """The row of a run that was archived at an instant: everything else in it follows from its history. Raises
        HistoryDamaged for a run that has no end.
        """
        if run.closed_as is None:
            raise HistoryDamaged(run.run, "it has no end")
        return cls(
            run_id=run.run,
            workflow_id=workflow_id(loan),
            loan=loan,
            previous_run_id=run.previous,
            next_run_id=run.next,
            started_at=run.first.at,
            closed_at=run.last.at,
            status=run.closed_as,
            events=len(run.events),
            size_bytes=len(content),
            sha256=digest(content),
            code_versions=[one.as_json() for one in run.versions],
            exported_at=at,
        )

    @property
    def versions(self) -> tuple[CodeVersion, ...]:
        """Which versions of the code worked on it, in the order in which they came."""
        return tuple(CodeVersion.read(one) for one in self.code_versions)


class RunContent(SQLModel, table=True):
    """The history itself: packed, then sealed and bound to its run. Only sealing it anew may change the row."""

    __tablename__ = "run_content"

    run_id: str = Field(primary_key=True, foreign_key="run_history.run_id", max_length=64)
    key_id: str = Field(max_length=16)
    sealed: bytes = Field(sa_type=LargeBinary)

    @classmethod
    def of(cls, run_id: str, content: bytes) -> Self:
        """The content of a run."""
        key_id, sealed = keys().seal(zlib.compress(content), binding(run_id))
        return cls(run_id=run_id, key_id=key_id, sealed=sealed)

    def open(self, expected: RunHistory) -> bytes:
        """The history as the engine wrote it.

        Raises SealBroken or KeyMissing if it cannot be opened, HistoryDamaged if it is not the one that was archived.
        """
        packed = keys().open(self.key_id, self.sealed, binding(self.run_id))
        unpacking = zlib.decompressobj()
        try:
            content = unpacking.decompress(packed, LARGEST_HISTORY)
        except zlib.error:
            raise HistoryDamaged(self.run_id, "it cannot be unpacked") from None
        if digest(content) != expected.sha256:
            raise HistoryDamaged(self.run_id, "it is not the one that was archived")
        return content


def binding(run_id: str) -> str:
    """What the sealed content of a run is bound to."""
    return f"run_content|{run_id}"


class ArchiveLook(SQLModel, table=True):
    """What the archivist found when it last looked: the one row of figures for whoever watches the archive."""

    __tablename__ = "archive_look"

    id: int = Field(default=1, primary_key=True)
    looked_at: datetime = Field(sa_type=Instant)
    waiting: int = Field(description="closed runs that are not in the archive")
    oldest_closed_at: datetime | None = Field(default=None, sa_type=Instant, description="of those that wait")
    retention_seconds: int | None = Field(default=None, description="how long the engine keeps closed runs")

    @property
    def says(self) -> tuple[object, ...]:
        """What was found, without when."""
        return self.waiting, self.oldest_closed_at, self.retention_seconds


class ReplayOutcome(StrEnum):
    """What became of a run when it was replayed."""

    OK = "ok"
    DIFFERS = "differs"
    DAMAGED = "damaged"
    FAILED = "failed"
    STOPPED = "stopped"


class ReplayVerdict(SQLModel, table=True):
    """What today's code did with the history of one run. Insert-only.

    `differs`: it gives other commands than were recorded. `damaged`: the history is no whole one, so nothing was
    replayed. `failed`: the code broke. `stopped`: it took more time or memory than it was given.
    """

    __tablename__ = "replay_verdict"
    __table_args__ = (Index("ix_replay_verdict_loan", "loan", "id"),)

    id: str = Field(default_factory=new_id, primary_key=True, max_length=32)
    loan: str = Field(max_length=16)
    run_id: str = Field(max_length=64)
    history_sha256: str | None = Field(default=None, max_length=64, description="of what was replayed")
    events: int
    is_open: bool = Field(default=False, description="the run had not ended")
    code_version: str = Field(max_length=96)
    outcome: ReplayOutcome = Field(sa_type=Spelled(ReplayOutcome))
    sentence: str | None = Field(default=None, max_length=500)
    replayed_by: str = Field(max_length=64)
    replayed_at: datetime = Field(sa_type=Instant)

    def as_json(self) -> dict[str, Any]:
        """The verdict for bundles."""
        return self.model_dump(mode="json", exclude={"loan"})
