"""What the books say of a loan against what its audit entries, its orders, the bank and the mathematics say of it."""

from collections.abc import Iterator
from dataclasses import asdict
from datetime import datetime

from books.seals import POSTINGS
from books.session import UnitOfWork
from lending.money import yuan
from models.chain import leaf_hash, posting_bytes
from models.ledger import Posting
from models.payments import Payment
from services.bundle_money import MONEY
from services.claims import LOOKS, ClaimKind, Claims
from services.ledger import MONEY_MOVES
from services.proofs import Proofs
from services.story_kinds import A_MOMENT, DifferenceKind, StoryDifference
from services.timeline import Story

DIFFERENCE_OF = {
    ClaimKind.APPROVER: DifferenceKind.APPROVER_WITHOUT_ENTRY,
    ClaimKind.DECISION: DifferenceKind.DECISION_DIFFERS,
    ClaimKind.TERMS: DifferenceKind.TERMS_DIFFER,
    ClaimKind.DOCUMENT: DifferenceKind.DOCUMENT_DIFFERS,
    ClaimKind.EVENT: DifferenceKind.EVENT_DIFFERS,
    ClaimKind.PAYOUT: DifferenceKind.PAYMENT_DIFFERS,
    ClaimKind.ORDER: DifferenceKind.PAYMENT_DIFFERS,
}


def book_differences(work: UnitOfWork, story: Story) -> Iterator[StoryDifference]:
    """Where decisions, terms, documents, orders and postings of a loan are not what others say of them."""
    yield from _claims(story)
    yield from _bank(work, story)
    yield from _postings(work, story)


# -- what the audit log bears out -------------------------------------------------------------------------------------


def _claims(story: Story) -> Iterator[StoryDifference]:
    facts = story.facts
    claims = Claims(
        story.loan,
        facts.loan.applied_fen if facts.loan is not None else None,
        entries=[one.model_dump() for one in facts.entries],
        decisions=[asdict(one) for one in facts.decisions],
        terms=[one.model_dump() for one in facts.terms],
        documents=[asdict(one) for one in facts.documents],
        events=[one.model_dump() for one in facts.events],
        orders=[one.model_dump() for one in facts.payments],
    )
    for look in LOOKS:
        try:
            found = list(look(claims))
        except Exception as error:  # noqa: BLE001 whoever went around the program may have left anything
            what = look.__name__.removeprefix("about_")
            sentence = f"the loan's {what} cannot be compared with the audit log ({type(error).__name__})"
            yield StoryDifference(DifferenceKind.ROW_UNREADABLE, f"{story.loan}/{what}", sentence)
            continue
        for claim in found:
            yield StoryDifference(DIFFERENCE_OF[claim.kind], claim.subject, claim.sentence)


# -- orders, the bank and the ledger ----------------------------------------------------------------------------------


def _bank(work: UnitOfWork, story: Story) -> Iterator[StoryDifference]:
    ordered = {one.bank_reference for one in story.facts.payments}
    for entry in story.facts.bank:
        ours = entry.loan == story.loan and entry.matched
        if ours and entry.reference not in ordered and not _is_now(work, entry.received_at):
            sentence = (
                f"the bank's entry {entry.reference} over {yuan(entry.amount_fen)} is matched to the loan, "
                "and no order of the loan is the one that it carried out"
            )
            yield StoryDifference(DifferenceKind.BANK_ENTRY_WITHOUT_ORDER, entry.reference, sentence)


def _postings(work: UnitOfWork, story: Story) -> Iterator[StoryDifference]:
    postings = {one.id: one for one in story.facts.postings}
    for posting_id, place in work.seals.places(list(postings), POSTINGS).items():
        if leaf_hash(posting_bytes(postings[posting_id].model_dump())) != place.leaf:
            sentence = f"posting {posting_id} is not the one that seal {place.seal_no} holds"
            yield StoryDifference(DifferenceKind.POSTING_CHANGED, posting_id, sentence)
    moves = {one.entry: one for one in postings.values() if one.key == one.entry + MONEY}
    for order in story.facts.payments:
        yield from _as_ordered(order, moves.pop(order.key, None))
    for key, posting in moves.items():
        sentence = f"posting {posting.id} over {yuan(posting.amount_fen)} moves the money of order {key}, and none is"
        yield StoryDifference(DifferenceKind.POSTING_DIFFERS, posting.id, sentence)
    # What is booked at this moment may not have reached the account yet.
    if not any(_is_now(work, at) for at in story.acts):
        yield from _figures(work, story)


def _is_now(work: UnitOfWork, at: datetime) -> bool:
    """Whether something happens at this moment. What is dated ahead, as reports of the bank can be, does not."""
    return abs(work.now - at) < A_MOMENT


def _as_ordered(order: Payment, posting: Posting | None) -> Iterator[StoryDifference]:
    if posting is None:
        if order.booked:
            sentence = f"order {order.key} over {yuan(order.settled_fen)} is booked, and no posting moves its money"
            yield StoryDifference(DifferenceKind.POSTING_DIFFERS, order.key, sentence)
        return
    debit, credit = MONEY_MOVES[order.kind]
    wrong = []
    if not order.booked:
        wrong.append("the order is not booked")
    if posting.amount_fen != order.settled_fen:
        wrong.append(f"the order moved {yuan(order.settled_fen)}")
    if (posting.debit, posting.credit) != (debit, credit):
        wrong.append(f"such an order moves money from {credit} to {debit}")
    if posting.value_date != order.value_date:
        wrong.append(f"the order counts from {order.value_date}")
    if wrong:
        sentence = f"posting {posting.id} of order {order.key} is over {yuan(posting.amount_fen)}; {', '.join(wrong)}"
        yield StoryDifference(DifferenceKind.POSTING_DIFFERS, posting.id, sentence)


def _figures(work: UnitOfWork, story: Story) -> Iterator[StoryDifference]:
    """What the postings come to against the account, computed again from terms and events."""
    try:
        found = [
            (one.figure, f"the ledger has {yuan(one.ledger_fen)}, terms and events give {yuan(one.computed_fen)}")
            for one in Proofs(work).differences(story.loan)
        ]
    except Exception as error:  # noqa: BLE001 whoever went around the program may have left anything
        found = [("account", f"it cannot be computed from terms and events ({type(error).__name__})")]
    for figure, sentence in found:
        yield StoryDifference(DifferenceKind.POSTING_DIFFERS, f"{story.loan}/{figure}", f"{figure}: {sentence}")
