"""Whether this process lives, can work, and how it fares: for the inner port only, without a sign-in."""

from datetime import datetime, timedelta

from fastapi import FastAPI
from pydantic import BaseModel
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError
from starlette.responses import JSONResponse, PlainTextResponse

from api.context import ApiContext
from api.metrics import gauge
from books.seals import POSTINGS
from models.histories import ArchiveLook
from services.audit import SYSTEM
from services.audit_chain import waiting
from services.audit_search import deposit_states
from services.proving import Standing, standing


class Health(BaseModel):
    """The process answers."""

    status: str = "ok"


class Readiness(BaseModel):
    """Whether work can be taken in. The engine may be away: applications are accepted all the same."""

    ready: bool
    books: bool
    intake: bool


def create_inner_app(context: ApiContext) -> FastAPI:
    """The app for probes and figures of the process that serves `context`."""
    app = FastAPI(title="Loanwright, inner port", openapi_url=None, docs_url=None, redoc_url=None)

    @app.get("/healthz")
    async def is_alive() -> Health:
        """The process answers."""
        return Health()

    @app.get("/readyz", responses={503: {"model": Readiness}})
    def is_ready() -> JSONResponse:
        """200 when books and intake work, 503 when not."""
        found = Readiness(ready=False, books=_books_answer(context), intake=context.intake.is_running)
        found.ready = found.books and found.intake
        return JSONResponse(found.model_dump(), 200 if found.ready else 503)

    @app.get("/metrics")
    def show_metrics() -> PlainTextResponse:
        """Counters of this process and gauges of the books, in Prometheus' text form."""
        lines = [*context.metrics.lines(), *_gauges(context)]
        return PlainTextResponse("\n".join(lines) + "\n", media_type="text/plain; version=0.0.4")

    return app


def _books_answer(context: ApiContext) -> bool:
    try:
        with context.books.read() as work:
            work.session.connection().execute(text("SELECT 1"))
    except SQLAlchemyError:
        return False
    return True


CIRCUITS_SEEN_WITHIN = timedelta(minutes=10)
"""A worker says every minute that a service is still away; what is older was said by one that died."""


def _gauges(context: ApiContext) -> list[str]:
    lines = gauge("loanwright_intake_waiting", [({}, context.intake.waiting)])
    try:
        with context.books.read() as work:
            stages = work.loans.by_stage(SYSTEM)
            tasks = work.tasks.open_count()
            outbox = work.outbox.waiting()
            overdue = work.loans.overdue_count()
            circuits = work.authorisations.open_circuits(work.now - CIRCUITS_SEEN_WITHIN)
            unsealed, postings = waiting(work), waiting(work, POSTINGS)
            deposits = deposit_states(work)
            proof = standing(work)
            archive = work.histories.look()
            events, dead_ends = work.webhooks.waiting(), work.webhooks.disabled()
            now = work.now
    except SQLAlchemyError:
        return [*lines, *gauge("loanwright_books_up", [({}, 0)])]
    return [
        *lines,
        *gauge("loanwright_books_up", [({}, 1)]),
        *gauge("loanwright_loans", [({"stage": stage.value}, count) for stage, count in stages.items()]),
        *gauge("loanwright_loans_overdue", [({}, overdue)]),
        *gauge("loanwright_tasks_open", [({"kind": kind.value}, count) for kind, count in tasks.items()]),
        *gauge("loanwright_outbox_waiting", [({}, outbox)]),
        *gauge("loanwright_audit_unsealed", [({}, unsealed.count)]),
        *gauge("loanwright_audit_unsealed_oldest_seconds", [({}, unsealed.age_at(now))]),
        *gauge("loanwright_ledger_unsealed", [({}, postings.count)]),
        *gauge("loanwright_ledger_unsealed_oldest_seconds", [({}, postings.age_at(now))]),
        *gauge("loanwright_evidence_days_waiting", [({"depository": one.name}, one.days_waiting) for one in deposits]),
        *_proof(proof),
        *_archive(archive, now),
        *gauge("loanwright_webhook_events_waiting", [({}, events)]),
        *gauge("loanwright_webhooks_disabled", [({}, dead_ends)]),
        *gauge("loanwright_circuit_open", [({"service": service}, count) for service, count in circuits.items()]),
    ]


def _proof(proof: Standing) -> list[str]:
    """How many differences the newest proof of the sealed books found, and how old what it saw is: as long as there has
    been none, how long there has been something to prove.
    """
    lines: list[str] = []
    if proof.last is not None:
        lines += gauge("loanwright_audit_differences", [({}, proof.last.differences)])
    if proof.age_seconds is not None:
        lines += gauge("loanwright_audit_proved_age_seconds", [({}, proof.age_seconds)])
    return lines


def _archive(look: ArchiveLook | None, now: datetime) -> list[str]:
    """How the archive of histories stands, by what the archivist found when it last looked; nothing before that.

    `seconds_left` is how long the engine still keeps the oldest closed run that is not archived.
    """
    if look is None:
        return []
    lines = [
        *gauge("loanwright_archive_waiting", [({}, look.waiting)]),
        *gauge("loanwright_archive_looked_seconds", [({}, _seconds(now, look.looked_at))]),
    ]
    if look.oldest_closed_at is None:
        return lines
    age = _seconds(now, look.oldest_closed_at)
    lines += gauge("loanwright_archive_oldest_seconds", [({}, age)])
    if look.retention_seconds is not None:
        lines += gauge("loanwright_archive_seconds_left", [({}, look.retention_seconds - age)])
    return lines


def _seconds(now: datetime, since: datetime) -> int:
    return int((now - since).total_seconds())
