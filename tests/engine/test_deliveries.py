"""What is delivered to a loan that has gone on, or ended, since the message was written."""

from datetime import timedelta

from books.session import Books
from engine.client import connect
from engine.commands import LoanCommands
from engine.deliveries import AcceptOffer
from models.loans import Stage
from models.messages import BooksOrder
from models.outbox import OutboxRow, Topic
from services import acceptance
from tests.books.migrated import books as books
from tests.servers.serving import NOWHERE
from tests.services.procedure import INTEGRATOR, Procedure


async def test_an_acceptance_that_comes_to_an_expired_offer_is_said_to_have_come_too_late(books: Books) -> None:
    procedure = Procedure(books)
    loan = procedure.offered()
    word = {"command": procedure.command(loan, INTEGRATOR).command.model_dump(mode="json")}
    row = OutboxRow(
        topic=Topic.ACCEPTANCE, key="late", loan=loan, payload=word, not_before=books.clock.opens_at(procedure.day)
    )
    procedure.day += timedelta(days=28)
    assert procedure.act(acceptance.expire_offer, BooksOrder(**procedure.order(loan))).stage is Stage.EXPIRED
    # The engine is away: that the message is done shows that it was not asked.
    commands = LoanCommands(await connect(NOWHERE, "default", lazy=True))
    await AcceptOffer(books, commands).deliver(row, None)
    with books.read() as work:
        refused = [one for one in work.audit.of_loan(loan) if one.act == "acceptance_refused"]
    assert [(one.actor_id, one.reason) for one in refused] == [(INTEGRATOR.id, "the offer had expired")]
