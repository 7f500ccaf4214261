"""The evidence of a loan for whoever is outside: runs archived, audit entries sealed, all of it signed."""

import asyncio

from sqlalchemy.exc import IntegrityError

from books.session import Books
from engine.archivist import Archivist
from engine.histories import Histories
from engine.stories import FoundRuns, check_may_read, find_runs
from models.attesting import signing_key
from models.run_events import digest
from models.staff import Actor
from services import audit
from services.audit_chain import SealedMeanwhile, seal
from services.bundles import NotSealedYet, contents_of, packed, sealed, take_inventory
from services.timeline import tell

TRIES = 3
"""Of a loan that is at work an entry may come in between sealing and reading."""


async def export_loan(books: Books, histories: Histories, actor: Actor, loan: str) -> bytes:
    """The signed bundle of a loan as it stands now; that it was made is recorded.

    Refused: whoever may not (NotAllowed), an unknown loan, the engine away (EngineUnavailable), and a loan whose
    entries come in faster than they are sealed (NotSealedYet).
    """
    await asyncio.to_thread(check_may_read, books, actor, loan)
    await Archivist(books, histories).archive_loan(loan)
    for _ in range(TRIES - 1):
        try:
            return await _export(books, histories, actor, loan)
        except NotSealedYet:
            await asyncio.sleep(1)
    return await _export(books, histories, actor, loan)


async def _export(books: Books, histories: Histories, actor: Actor, loan: str) -> bytes:
    found = await find_runs(books, histories, loan)
    return await asyncio.to_thread(_made, books, found, actor, loan)


def _made(books: Books, found: FoundRuns, actor: Actor, loan: str) -> bytes:
    _seal(books, loan)
    # All of it as it stood at one moment: an act in between would leave what fits nothing, under our signature.
    with books.read(of_one_moment=True) as work:
        contents = contents_of(work, tell(work, loan, found.runs, engine_answered=found.engine_answered))
    with books.begin() as work:
        inventory = take_inventory(work, actor, contents)
    _seal(books, loan)
    with books.read(of_one_moment=True) as work:
        bundle = packed(loan, sealed(work, contents, inventory), signing_key())
    with books.begin() as work:
        # Under the loan as subject: that somebody looked is no part of the loan's own life.
        after = {"sha256": digest(bundle), "bytes": len(bundle), "key": signing_key().name}
        audit.record(work, actor, "loan_exported", subject=loan, after=after)
    return bundle


def _seal(books: Books, loan: str) -> None:
    """Seals what waits. Raises NotSealedYet if the scheduled sealer was first: what it left open is taken next time."""
    try:
        with books.begin() as work:
            seal(work)
    except (SealedMeanwhile, IntegrityError):
        raise NotSealedYet(loan) from None
