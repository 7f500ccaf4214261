"""What decisions, terms, documents, events and orders of a loan say, against the audit entries about them.

Plain rows, as the books read them or as a bundle tells them: whoever checks a bundle has no books.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from lending.anchoring import otherwise
from lending.events import EventType
from lending.money import yuan
from models.chain import event_sha256, spelled, terms_sha256
from models.payments import MONEY_MOVED, PaymentKind

APPROVAL, TAKEN_OVER = "approval_decided", "loan_taken_over"
DECISIONS = frozenset({APPROVAL, "payout_problem_decided", "change_decided", TAKEN_OVER})
"""Acts of which the books keep a decision."""
APPROVE = "approve"
HANDED_IN = frozenset({"document_handed_in", "paper_issued"})
"""Acts whose entries name a document and the digest of its content."""
ACCEPTED = "contract_accepted"
PAID_OUT = "loan_paid_out"
SETTLED, DEPOSITED, TAKEN_BACK = "payment_settled", "deposit_matched", "payment_returned"
"""Acts whose entries name money that moved: by its order, by the bank's reference, by the debit that it takes back."""
IN_PARTS = frozenset({PaymentKind.INSTALLMENT, PaymentKind.PREPAYMENT, PaymentKind.SUBSIDY})
"""Orders of which the bank may carry out a part."""
DEPOSIT_KEY, RECALL_KEY = "deposit:", ":recall"
EVENTS = "events"
"""Under this name an entry has the digests of the events that its act brought, by their keys."""

Row = Mapping[str, Any]


def events_named(events: Iterable[Row]) -> dict[str, dict[str, str]]:
    """How the entry of an act names the events that it brought, so that none can be exchanged; nothing for none."""
    named = {str(one["key"]): event_sha256(one) for one in events}
    return {EVENTS: named} if named else {}


class ClaimKind(StrEnum):
    """What a row says that the audit log does not."""

    APPROVER = "approver"
    DECISION = "decision"
    TERMS = "terms"
    DOCUMENT = "document"
    EVENT = "event"
    PAYOUT = "payout"
    ORDER = "order"


@dataclass(frozen=True)
class Claim:
    """One thing that the audit log does not bear out: its kind, what it is about, and a sentence."""

    kind: ClaimKind
    subject: str
    sentence: str


@dataclass(frozen=True)
class Claims:
    """The rows of one loan, and the entries of the audit log about it in their order. What was applied for is None
    where nobody can read it.
    """

    loan: str
    applied_fen: int | None
    entries: Sequence[Row]
    decisions: Sequence[Row]
    terms: Sequence[Row]
    documents: Sequence[Row]
    events: Sequence[Row]
    orders: Sequence[Row]

    def _done(self) -> Iterator[tuple[Row, Mapping[str, Any]]]:
        """Entries of what was done, each with what it says was so afterwards."""
        for entry in self.entries:
            if not entry["refused"]:
                yield entry, entry["after"] or {}

    # -- who decided what ---------------------------------------------------------------------------------------------

    def about_decisions(self) -> Iterator[Claim]:
        """Who decided, as the entry of it says."""
        proofs = {(one["subject"], spelled(one["at"])): one for one, _ in self._done() if one["act"] in DECISIONS}
        for decision in self.decisions:
            at = spelled(decision["decided_at"])
            entry = proofs.pop((decision["task_id"], at), None) or proofs.pop((decision["id"], at), None)
            who = _decider_of(entry) if entry is not None else None
            if entry is None or who != decision["decided_by"]:
                said = f"the audit log names {who}" if entry else "the audit log has no entry of it"
                sentence = f"decision {decision['id']} is {decision['decided_by']}'s by the books; {said}"
                yield Claim(ClaimKind.APPROVER, str(decision["id"]), sentence)
            if entry is not None and entry["act"] != TAKEN_OVER:
                yield from self._as_recorded(decision, entry)
        for left in proofs.values():
            sentence = f"audit entry {left['id']} ({left['act']}) tells of a decision that the books do not have"
            yield Claim(ClaimKind.DECISION, str(left["id"]), sentence)

    def _as_recorded(self, decision: Row, entry: Row) -> Iterator[Claim]:
        after = entry["after"] or {}
        said = {"role": entry["role"], "outcome": after.get("outcome"), "reason": entry["reason"] or ""}
        has: dict[str, object] = {
            "role": decision["decided_as"],
            "outcome": decision["outcome"],
            "reason": decision["reason"],
        }
        if "row" in after:
            said["row"], has["row"] = after["row"], decision["fired_row"]
        said["deputy of"], has["deputy of"] = after.get("stands_in_for"), decision["stands_in_for"]
        wrong = [name for name, value in said.items() if value != has[name]]
        if entry["act"] == APPROVAL and decision["outcome"] == APPROVE and not self._is_amount(decision, after):
            wrong.append("amount")
        if wrong:
            sentence = (
                f"decision {decision['id']} is not the one that audit entry {entry['id']} tells of: {', '.join(wrong)}"
            )
            yield Claim(ClaimKind.DECISION, str(decision["id"]), sentence)

    def _is_amount(self, decision: Row, after: Mapping[str, Any]) -> bool:
        """Whether a decision approves the amount that its entry names. One that names none approves what was applied
        for, or what the first of two people approved.
        """
        amount_fen = after.get("amount_fen")
        if decision["amount_fen"] is not None:
            return bool(decision["amount_fen"] == amount_fen)
        at = spelled(decision["decided_at"])
        earlier = [
            said.get("amount_fen")
            for entry, said in self._done()
            if entry["act"] == APPROVAL and spelled(entry["at"]) < at
        ]
        return self.applied_fen is None or amount_fen in (self.applied_fen, *earlier)

    # -- what was agreed and handed in --------------------------------------------------------------------------------

    def about_terms(self) -> Iterator[Claim]:
        """Terms against the entries of acceptance, payout and changes; those of before entries named them say nothing,
        and what is paid out is what was accepted, dated anew.
        """
        kept = {one["version"]: one for one in self.terms}
        named: set[int] = set()
        accepted: Row | None = None
        for entry, after in self._done():
            if "terms_sha256" not in after:
                continue
            version = int(after["terms_version"])
            named.add(version)
            terms = kept.get(version)
            if terms is None or terms_sha256(terms) != after["terms_sha256"]:
                what = "are gone" if terms is None else "are not those"
                sentence = (
                    f"version {version} of the terms {what} that audit entry {entry['id']} ({entry['act']}) names"
                )
                yield Claim(ClaimKind.TERMS, f"{self.loan}/{version}", sentence)
                kept.pop(version, None)
            elif entry["act"] == ACCEPTED:
                accepted = terms
            elif entry["act"] == PAID_OUT and accepted is not None:
                yield from self._as_accepted(accepted, terms, entry)
        for version in kept:
            if version not in named and version > min(named, default=version):
                sentence = f"version {version} of the terms was brought by no act that the audit log tells of"
                yield Claim(ClaimKind.TERMS, f"{self.loan}/{version}", sentence)

    def _as_accepted(self, accepted: Row, paid_out: Row, entry: Row) -> Iterator[Claim]:
        if wrong := otherwise(accepted["body"], paid_out["body"]):
            sentence = (
                f"version {paid_out['version']} of the terms, which audit entry {entry['id']} ({entry['act']}) names, "
                f"is not the accepted version {accepted['version']} in {', '.join(wrong)}"
            )
            yield Claim(ClaimKind.TERMS, f"{self.loan}/{paid_out['version']}", sentence)

    def about_documents(self) -> Iterator[Claim]:
        """What was handed in and issued, by the digests that the entries name."""
        named = {one["subject"]: (one, after) for one, after in self._done() if one["act"] in HANDED_IN}
        for document in self.documents:
            entry, after = named.pop(document["id"], ({}, {}))
            said = "the audit log has no entry of it" if not entry else ""
            if entry and after.get("sha256") != document["sha256"]:
                said = "the audit log names another digest"
            elif entry and after.get("kind", document["kind"]) != document["kind"]:
                said = "the audit log names another kind"
            elif entry and entry["actor_id"] != document["uploaded_by"]:
                said = f"the audit log names {entry['actor_id']}"
            if said:
                which = f"document {document['id']} ({document['kind']})"
                sentence = f"{which} is not the one that was handed in or issued: {said}"
                yield Claim(ClaimKind.DOCUMENT, str(document["id"]), sentence)
        for document_id in named:
            sentence = f"document {document_id} is gone, of which the audit log tells"
            yield Claim(ClaimKind.DOCUMENT, str(document_id), sentence)

    # -- what money moved ---------------------------------------------------------------------------------------------

    def about_orders(self) -> Iterator[Claim]:
        """Orders that moved money against the entries of that, which name the amount and the bank's reference."""
        said = self._moved()
        for order in self.orders:
            if order["status"] not in MONEY_MOVED:
                continue
            key, moved_fen = order["key"], order["settled_fen"]
            after, wrong = said.pop(key, None), []
            if moved_fen > order["amount_fen"] or (moved_fen < order["amount_fen"] and order["kind"] not in IN_PARTS):
                wrong.append(f"it is over {yuan(order['amount_fen'])}")
            # Who gave money out of suspense has an entry about the money, not about the loan.
            if after is None and order["kind"] != PaymentKind.REALLOCATION:
                wrong.append("the audit log has no entry of it")
            after = after or {}
            if after.get("amount_fen", moved_fen) != moved_fen:
                wrong.append(f"the audit log says {yuan(after['amount_fen'])}")
            if after.get("bank_reference", order["bank_reference"]) != order["bank_reference"]:
                wrong.append(f"the audit log names the bank's {after['bank_reference']}")
            if after.get("party", order["party_id"]) != order["party_id"]:
                wrong.append("the audit log names another party")
            if wrong:
                sentence = f"order {key} moved {yuan(moved_fen)} by the books; {', '.join(wrong)}"
                yield Claim(ClaimKind.ORDER, str(key), sentence)
        for key in said:
            sentence = f"order {key} is gone, or moved nothing, of whose money the audit log tells"
            yield Claim(ClaimKind.ORDER, key, sentence)

    def _moved(self) -> dict[str, Row]:
        """What the entries say of each order that moved money, by its key."""
        said: dict[str, Row] = {}
        for entry, after in self._done():
            if entry["act"] == SETTLED:
                said[str(entry["subject"])] = after
            elif entry["act"] == DEPOSITED:
                said[f"{DEPOSIT_KEY}{entry['subject']}"] = {"bank_reference": entry["subject"], **after}
            elif entry["act"] == TAKEN_BACK and entry["subject"] in said:
                said[f"{entry['subject']}{RECALL_KEY}"] = after
            elif entry["act"] == TAKEN_BACK:
                said[str(entry["subject"])] = after
            elif entry["act"] == PAID_OUT:
                said |= {str(key): {} for key in after.get("payments", ()) if key not in said}
        return said

    # -- what happened to the account ---------------------------------------------------------------------------------

    def about_payout(self) -> Iterator[Claim]:
        """The account takes the principal for paid out where no event says so: that figures cannot show."""
        paid = {str(one["body"].get("amount")) for one in self.events if one["type"] == EventType.DISBURSEMENT}
        for entry, after in self._done():
            if entry["act"] == PAID_OUT and (said := yuan(after.get("amount_fen", 0))) not in paid:
                sentence = (
                    f"audit entry {entry['id']} tells that {said} was paid out, and the account has no such event"
                )
                yield Claim(ClaimKind.PAYOUT, f"{self.loan}:paid_out", sentence)

    def about_events(self) -> Iterator[Claim]:
        """Events against the entries of the acts that brought them; those of before entries named them say nothing."""
        named: dict[str, tuple[str, Row]] = {}
        for entry, after in self._done():
            if isinstance(brought := after.get(EVENTS), Mapping):
                named |= {str(key): (str(digest), entry) for key, digest in brought.items()}
        since = min((one["position"] for one in self.events if one["key"] in named), default=None)
        for event in self.events:
            told = named.pop(event["key"], None)
            if told is not None and event_sha256(event) != told[0]:
                sentence = f"event {event['key']} of the account is not the one that audit entry {told[1]['id']} names"
                yield Claim(ClaimKind.EVENT, str(event["key"]), sentence)
            elif told is None and since is not None and event["position"] > since:
                sentence = f"event {event['key']} of the account was brought by no act that the audit log tells of"
                yield Claim(ClaimKind.EVENT, str(event["key"]), sentence)
        for key, (_, entry) in named.items():
            sentence = f"event {key} of the account is gone, which audit entry {entry['id']} names"
            yield Claim(ClaimKind.EVENT, key, sentence)


LOOKS = (
    Claims.about_decisions,
    Claims.about_terms,
    Claims.about_documents,
    Claims.about_payout,
    Claims.about_events,
    Claims.about_orders,
)
"""Everything that the entries do not bear out, and what they tell of and is not there."""


def _decider_of(entry: Row) -> Any:
    """Who decided, by the entry of it: of a takeover the second person, whom the entry names."""
    return (entry["after"] or {}).get("approved_by") if entry["act"] == TAKEN_OVER else entry["actor_id"]
