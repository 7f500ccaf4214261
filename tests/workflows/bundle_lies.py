"""What a lender who lies could tell in a bundle that he signs anew: each lie, the file, and what is said of it."""

import json
import re
from collections.abc import Callable
from typing import Any

from models.run_events import digest
from services.bundle_money import balances

Files = dict[str, bytes]


def rewritten(name: str, change: Callable[[Any], None]) -> Callable[[Files], Files]:
    def rewrite(files: Files) -> Files:
        told = json.loads(files[name])
        change(told)
        return files | {name: json.dumps(told).encode()}

    return rewrite


def first_of(name: str, **values: Any) -> Callable[[Files], Files]:
    return rewritten(name, lambda told: told[0].update(values))


def cut(files: Files) -> Files:
    """The last event of the first run is gone, and the list of runs agrees."""
    name = "histories/0001.json"
    history = json.loads(files[name])
    history["events"].pop()
    return files | {name: json.dumps(history).encode()}


def of_another(attribute: str, other: str) -> Callable[[Files], Files]:
    """The first run is that of another loan or run, and the list of runs agrees."""

    def exchange(files: Files) -> Files:
        name = "histories/0001.json"
        history = json.loads(files[name])
        started = history["events"][0]["workflowExecutionStartedEventAttributes"]
        started[attribute] = other
        content = json.dumps(history).encode()
        runs = json.loads(files["runs.json"])
        runs[0]["sha256"] = digest(content)
        return files | {name: content, "runs.json": json.dumps(runs).encode()}

    return exchange


def actor_changed(told: Any) -> None:
    told[3]["entry"]["actor_id"] = "somebody-else"


def entry_twice(told: Any) -> None:
    told.append(told[0])


def path_of_another(told: Any) -> None:
    told[0]["proof"] = told[1]["proof"]


def postings_about_nothing(told: Any) -> None:
    for one in told:
        one["about"] = "nothing"


def among_entries(told: Any) -> None:
    for proof in told.values():
        proof["seal_no"] -= 1


def another_version(told: Any) -> None:
    newer = json.loads(json.dumps(told[-1]))
    newer["version"] += 1
    newer["body"]["annual_rate_percent"] = "1"
    told.append(newer)


def of_all(name: str, **values: Any) -> Callable[[Files], Files]:
    def update(told: Any) -> None:
        for one in told:
            one.update(values)

    return rewritten(name, update)


def without_postings(files: Files) -> Files:
    """The postings are left out, the balances agree, and no order says that it is booked."""
    orders = [one | {"booked": False} for one in json.loads(files["payments.json"])]
    return with_postings(files, []) | {"payments.json": json.dumps(orders).encode()}


def with_postings(files: Files, postings: list[Any]) -> Files:
    left = balances((one["debit"], one["credit"], one["amount_fen"]) for one in postings)
    return files | {"postings.json": json.dumps(postings).encode(), "balances.json": json.dumps(left).encode()}


def without_money(files: Files) -> Files:
    return with_postings(files, []) | {"payments.json": b"[]", "bank.json": b"[]"}


def without_entries(*acts: str, empty: str | None = None) -> Callable[[Files], Files]:
    def leave_out(files: Files) -> Files:
        told = [one for one in json.loads(files["audit.json"]) if one["entry"]["act"] not in acts]
        return files | {"audit.json": json.dumps(told).encode()} | ({empty: b"[]"} if empty else {})

    return leave_out


def another_inventory(told: Any) -> None:
    told["entry"]["after"]["entries"]["count"] += 1


def spelled_as(name: str, old: bytes, new: bytes) -> Callable[[Files], Files]:
    """A number that only Python, or no computer, can hold."""
    return lambda files: files | {name: re.sub(old, new, files[name], count=1)}


LIES: dict[str, tuple[Callable[[Files], Files], str, str]] = {
    "a run is another loan's": (of_another("workflowId", "loan/L1"), "histories/0001.json", "is not the history"),
    "a run is another": (of_another("originalExecutionRunId", "x"), "histories/0001.json", "is not the history"),
    "an event is cut off": (cut, "histories/0001.json", "truncated"),
    "a run is left out": (rewritten("runs.json", lambda told: told.pop(0)), "histories/0002.json", "chain of runs"),
    "an amount is changed": (first_of("postings.json", amount_fen=7), "postings.json", "balances of 1001, 1101"),
    "an amount is not above zero": (first_of("postings.json", amount_fen=-5), "postings.json", "it moves nothing"),
    "postings are about something else": (
        rewritten("postings.json", postings_about_nothing),
        "postings.json",
        "does not lead to the root",
    ),
    "a posting's day is changed": (
        first_of("postings.json", booking_date="2020-01-01"),
        "postings.json",
        "does not lead to the root",
    ),
    "a posting is said to lie among entries": (
        rewritten("proofs.json", among_entries),
        "postings.json",
        "does not lead to the root",
    ),
    "a posting has no path": (rewritten("proofs.json", dict.clear), "postings.json", "does not lead to the root"),
    "a seal is of another book": (first_of("seals.json", book="ledger"), "seals.json", "is not the one that its hash"),
    "a payment is changed": (first_of("payments.json", settled_fen=7), "payments.json", "no posting moves its amount"),
    "an actor is exchanged": (rewritten("audit.json", actor_changed), "audit.json", "does not lead to the root"),
    "an entry stands in it twice": (rewritten("audit.json", entry_twice), "audit.json", "twice"),
    "a path is another's": (rewritten("audit.json", path_of_another), "audit.json", "does not lead to the root"),
    "a seal is changed": (first_of("seals.json", count=5), "seals.json", "is not the one that its hash"),
    "a seal is before the first": (first_of("seals.json", no=0), "seals.json", "the first has number 1"),
    "a seal is empty": (first_of("seals.json", count=0), "seals.json", "each holds something"),
    "an approver is exchanged": (
        first_of("decisions.json", decided_by="risk-li"),
        "decisions.json",
        "is risk-li's by the books; the audit log names",
    ),
    "a reason is changed": (first_of("decisions.json", reason="x"), "decisions.json", "tells of: reason"),
    "another amount was approved": (first_of("decisions.json", amount_fen=7), "decisions.json", "tells of: amount"),
    "a decision is left out": (
        rewritten("decisions.json", lambda told: told.pop(0)),
        "decisions.json",
        "tells of a decision that the books do not have",
    ),
    "the rate is changed": (
        rewritten("terms.json", lambda told: told[-1]["body"].update(annual_rate_percent="1")),
        "terms.json",
        "are not those that audit entry",
    ),
    "the terms are left out": (rewritten("terms.json", list.clear), "terms.json", "are gone that audit entry"),
    "there is another version of the terms": (
        rewritten("terms.json", lambda told: told.append(told[-1] | {"version": told[-1]["version"] + 1})),
        "terms.json",
        "was brought by no act",
    ),
    "a document is exchanged": (
        first_of("documents.json", sha256="0" * 64),
        "documents.json",
        "the audit log names another digest",
    ),
    "a document is left out": (
        rewritten("documents.json", lambda told: told.pop(0)),
        "documents.json",
        "is gone, of which the audit log tells",
    ),
    "the payout was more": (
        rewritten("events.json", lambda told: told[0]["body"].update(amount="99999.00")),
        "events.json",
        "is not the one that audit entry",
    ),
    "an event is left out": (rewritten("events.json", list.clear), "events.json", "is gone, which audit entry"),
    "an event is added": (
        rewritten("events.json", lambda told: told.append(told[0] | {"key": "x", "position": 2})),
        "events.json",
        "was brought by no act",
    ),
    "the terms have a newer version": (
        rewritten("terms.json", another_version),
        "terms.json",
        "brought by no act",
    ),
    "the loan is settled": (rewritten("loan.json", lambda told: told.update(stage="settled")), "loan.json", "stage is"),
    "the loan owes nothing": (
        rewritten("loan.json", lambda told: told.update(outstanding_fen=0)),
        "loan.json",
        "outstanding_fen is 0, terms and events give",
    ),
    "the loan is late": (rewritten("loan.json", lambda told: told.update(dpd=90)), "loan.json", "dpd is 90"),
    "the loan is written off": (
        rewritten("loan.json", lambda told: told.update(written_off_on="2026-02-01")),
        "loan.json",
        "written_off_on is",
    ),
    "the loan was approved for less": (
        rewritten("loan.json", lambda told: told.update(approved_fen=1)),
        "loan.json",
        "approved_fen is 1, the audit log says",
    ),
    "the grade is another": (rewritten("loan.json", lambda told: told.update(grade="E")), "loan.json", "grade is E"),
    "the product is another": (
        rewritten("loan.json", lambda told: told.update(product="auto")),
        "loan.json",
        "product is auto",
    ),
    "the borrower is another": (
        rewritten("loan.json", lambda told: told.update(customer_id="x")),
        "loan.json",
        "not the one that was there",
    ),
    "the bank's references are exchanged": (
        of_all("payments.json", bank_reference="x"),
        "payments.json",
        "the audit log names the bank's",
    ),
    "the payees are exchanged": (of_all("payments.json", party_id="x"), "payments.json", "names another party"),
    "the orders are left out": (rewritten("payments.json", list.clear), "payments.json", "is gone, or moved nothing"),
    "the postings are left out": (without_postings, "postings.json", "terms and events give"),
    "all money is left out": (without_money, "payments.json", "is gone, or moved nothing"),
    "the acceptance is left out": (without_entries("contract_accepted"), "audit.json", "entries are not the"),
    "a decision is left out with its entry": (
        without_entries("approval_decided", empty="decisions.json"),
        "audit.json",
        "entries are not the",
    ),
    "a document is of another kind": (first_of("documents.json", kind="x"), "documents.json", "names another kind"),
    "somebody else handed it in": (
        first_of("documents.json", uploaded_by="x"),
        "documents.json",
        "the audit log names",
    ),
    "another policy decided": (
        first_of("decisions.json", policy_id="x"),
        "decisions.json",
        "not the one that was there",
    ),
    "two people decided": (first_of("decisions.json", people=2), "decisions.json", "not the one that was there"),
    "it was decided earlier": (
        first_of("decisions.json", decided_on="2020-01-01"),
        "decisions.json",
        "not the one that was there",
    ),
    "nothing is told": (rewritten("timeline.json", list.clear), "timeline.json", "not the one that was there"),
    "a verdict is added": (
        rewritten("verdicts.json", lambda told: told.append({"outcome": "ok"})),
        "verdicts.json",
        "not the one that was there",
    ),
    "a difference is added": (
        rewritten("differences.json", lambda told: told.append({"kind": "x"})),
        "differences.json",
        "not the one that was there",
    ),
    "the inventory is another": (
        rewritten("inventory.json", another_inventory),
        "inventory.json",
        "does not lead to the root",
    ),
    "the inventory is left out": (
        lambda files: {name: content for name, content in files.items() if name != "inventory.json"},
        "inventory.json",
        "is missing",
    ),
    "an amount is infinite": (
        spelled_as("postings.json", rb'"amount_fen": [0-9]+', b'"amount_fen": Infinity'),
        "postings.json",
        "cannot be read",
    ),
    "an amount is beyond all numbers": (
        spelled_as("postings.json", rb'"amount_fen": [0-9]+', b'"amount_fen": 1e999'),
        "postings.json",
        "another form",
    ),
    "a file has another form": (
        rewritten("payments.json", lambda told: told[0].pop("status")),
        "payments.json",
        "another form",
    ),
}
