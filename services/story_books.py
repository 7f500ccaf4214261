"""What the books say of a loan against what its audit entries, its orders, the bank and the mathematics say of it."""

from collections.abc import Iterator
from datetime import datetime

from books.histories import DecisionLine
from books.seals import POSTINGS
from books.session import UnitOfWork
from lending.events import EventType
from lending.money import yuan
from models.audit import AuditEntry
from models.chain import leaf_hash, posting_bytes
from models.ledger import Posting
from models.payments import MONEY_MOVED, Payment, PaymentKind
from models.tasks import Outcome
from services.ledger import MONEY_MOVES
from services.proofs import Proofs
from services.story_kinds import A_MOMENT, DifferenceKind, StoryDifference
from services.timeline import APPROVAL, DECISIONS, TAKEN_OVER, Story

IN_PARTS = frozenset({PaymentKind.INSTALLMENT, PaymentKind.PREPAYMENT, PaymentKind.SUBSIDY})
"""Orders of which the bank may carry out a part."""
HANDED_IN = frozenset({"document_handed_in", "paper_issued"})
"""Acts whose entries name a document and the digest of its content."""
DEPOSIT_KEY = "deposit:"
MONEY = ":money"
"""How the key of the posting ends by which an order's money moved."""


def book_differences(work: UnitOfWork, story: Story) -> Iterator[StoryDifference]:
    """Where decisions, terms, documents, orders and postings of a loan are not what others say of them."""
    yield from _decisions(work, story)
    yield from _terms(story)
    yield from _documents(work, story)
    yield from _payout(story)
    yield from _orders(story)
    yield from _bank(work, story)
    yield from _postings(work, story)


# -- who decided what -------------------------------------------------------------------------------------------------


def _decisions(work: UnitOfWork, story: Story) -> Iterator[StoryDifference]:
    entries = [one for one in story.facts.entries if one.act in DECISIONS and not one.refused]
    proofs = {(one.subject, one.at): one for one in entries}
    for decision in story.facts.decisions:
        at = decision.decided_at
        entry = proofs.pop((decision.task_id, at), None) or proofs.pop((decision.id, at), None)
        who = _decider_of(entry) if entry is not None else None
        if entry is None or who != decision.decided_by:
            said = f"the audit log names {who}" if entry else "the audit log has no entry of it"
            sentence = f"decision {decision.id} is {decision.decided_by}'s by the books; {said}"
            yield StoryDifference(DifferenceKind.APPROVER_WITHOUT_ENTRY, decision.id, sentence)
        if entry is not None and entry.act != TAKEN_OVER:
            yield from _as_recorded(work, story, decision, entry)
    for left in proofs.values():
        sentence = f"audit entry {left.id} ({left.act}) tells of a decision that the books do not have"
        yield StoryDifference(DifferenceKind.DECISION_DIFFERS, left.id, sentence)


def _decider_of(entry: AuditEntry) -> str | None:
    """Who decided, by the entry of it: of a takeover the second person, whom the entry names."""
    return (entry.after or {}).get("approved_by") if entry.act == TAKEN_OVER else entry.actor_id


def _as_recorded(
    work: UnitOfWork, story: Story, decision: DecisionLine, entry: AuditEntry
) -> Iterator[StoryDifference]:
    after = entry.after or {}
    said = {"role": entry.role, "outcome": after.get("outcome"), "reason": entry.reason or ""}
    has: dict[str, object] = {
        "role": decision.decided_as,
        "outcome": decision.outcome,
        "reason": decision.reason,
    }
    if "row" in after:
        said["row"], has["row"] = after["row"], decision.fired_row
    said["deputy of"], has["deputy of"] = after.get("stands_in_for"), decision.stands_in_for
    wrong = [name for name, value in said.items() if value != has[name]]
    if entry.act == APPROVAL and decision.outcome is Outcome.APPROVE and not _is_amount(work, story, decision, after):
        wrong.append("amount")
    if wrong:
        sentence = f"decision {decision.id} is not the one that audit entry {entry.id} tells of: {', '.join(wrong)}"
        yield StoryDifference(DifferenceKind.DECISION_DIFFERS, decision.id, sentence)


def _is_amount(work: UnitOfWork, story: Story, decision: DecisionLine, after: dict[str, object]) -> bool:
    """Whether a decision approves the amount that its entry names. One that names none approves what was applied for,
    or what the first of two people approved.
    """
    amount_fen = after.get("amount_fen")
    if decision.amount_fen is not None:
        return decision.amount_fen == amount_fen
    earlier = [
        (one.after or {}).get("amount_fen")
        for one in story.facts.entries
        if one.act == APPROVAL and not one.refused and one.at < decision.decided_at
    ]
    return amount_fen in (work.loans.get(story.loan).applied_fen, *earlier)


# -- what was agreed --------------------------------------------------------------------------------------------------


def _terms(story: Story) -> Iterator[StoryDifference]:
    """Terms against the entries of acceptance, payout and changes; entries of before they were named say nothing."""
    kept = {one.version: one for one in story.facts.terms}
    for entry in story.facts.entries:
        after = entry.after or {}
        if entry.refused or "terms_sha256" not in after:
            continue
        version = after["terms_version"]
        terms = kept.get(version)
        if terms is None or terms.mark["terms_sha256"] != after["terms_sha256"]:
            what = "are gone" if terms is None else "are not those"
            sentence = f"version {version} of the terms {what} that audit entry {entry.id} ({entry.act}) names"
            yield StoryDifference(DifferenceKind.TERMS_DIFFER, f"{story.loan}/{version}", sentence)
            kept.pop(version, None)


def _documents(work: UnitOfWork, story: Story) -> Iterator[StoryDifference]:
    named = {
        one.subject: str((one.after or {}).get("sha256"))
        for one in story.facts.entries
        if one.act in HANDED_IN and not one.refused
    }
    for document in work.histories.documents(story.loan):
        digest = named.pop(document.id, None)
        if digest != document.sha256:
            said = "the audit log names another digest" if digest else "the audit log has no entry of it"
            sentence = f"document {document.id} ({document.kind}) is not the one that was handed in or issued: {said}"
            yield StoryDifference(DifferenceKind.DOCUMENT_DIFFERS, document.id, sentence)
    for document_id in named:
        sentence = f"document {document_id} is gone, of which the audit log tells"
        yield StoryDifference(DifferenceKind.DOCUMENT_DIFFERS, str(document_id), sentence)


# -- orders, the bank and the ledger ----------------------------------------------------------------------------------


def _payout(story: Story) -> Iterator[StoryDifference]:
    """The account takes the principal for paid out where no event says so: that figures cannot show."""
    paid = {one.key: str(one.body.get("amount")) for one in story.facts.events if one.type == EventType.DISBURSEMENT}
    for entry in story.facts.entries:
        if entry.act != "loan_paid_out" or entry.refused:
            continue
        said = yuan((entry.after or {}).get("amount_fen", 0))
        if said not in paid.values():
            sentence = f"audit entry {entry.id} tells that {said} was paid out, and the account has no such event"
            yield StoryDifference(DifferenceKind.PAYMENT_DIFFERS, f"{story.loan}:paid_out", sentence)


def _orders(story: Story) -> Iterator[StoryDifference]:
    settled = {one.subject: one.after or {} for one in story.facts.entries if one.act == "payment_settled"}
    deposits = {one.subject: one.after or {} for one in story.facts.entries if one.act == "deposit_matched"}
    for order in story.facts.payments:
        if order.status not in MONEY_MOVED:
            continue
        wrong = []
        moved_fen = order.settled_fen
        if moved_fen > order.amount_fen or (moved_fen < order.amount_fen and order.kind not in IN_PARTS):
            wrong.append(f"it is over {yuan(order.amount_fen)}")
        said = settled.get(order.key) or deposits.get(order.key.removeprefix(DEPOSIT_KEY)) or {}
        if said.get("amount_fen", moved_fen) != moved_fen:
            wrong.append(f"the audit log says {yuan(said['amount_fen'])}")
        if said.get("bank_reference", order.bank_reference) != order.bank_reference:
            wrong.append(f"the audit log names the bank's {said['bank_reference']}")
        if wrong:
            sentence = f"order {order.key} moved {yuan(moved_fen)} by the books; {', '.join(wrong)}"
            yield StoryDifference(DifferenceKind.PAYMENT_DIFFERS, order.key, sentence)


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
