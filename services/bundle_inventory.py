"""What there was of a loan in all when its bundle was made, as an audit entry of that moment names it: each file by its
digest, audit entries and postings by their number and a digest over all of them.

The entry is sealed with all others. So nothing can be left out of a bundle, or be told otherwise, unless the lender has
written so into his own audit log; that the lender did not do so, it cannot prove.
"""

from collections.abc import Iterable, Iterator, Mapping
from hashlib import sha256
from typing import Any

from models.chain import entry_bytes, leaf_hash, posting_bytes
from models.run_events import digest

ACT = "loan_inventoried"
FILES = (
    *("loan.json", "runs.json", "postings.json", "balances.json", "payments.json", "bank.json", "terms.json"),
    *("events.json", "decisions.json", "documents.json", "verdicts.json", "differences.json", "timeline.json"),
)
"""What is named by its digest. Histories are by those that `runs.json` has of them."""

Row = Mapping[str, Any]


def inventory_of(files: Mapping[str, bytes], entries: Iterable[Row], postings: Iterable[Row]) -> dict[str, Any]:
    """How the audit entry names all of it."""
    return {
        "files": {name: digest(files[name]) for name in FILES if name in files},
        "entries": _all_of(leaf_hash(entry_bytes(one)) for one in entries),
        "postings": _all_of(leaf_hash(posting_bytes(one)) for one in postings),
    }


def _all_of(leaves: Iterable[str]) -> dict[str, Any]:
    found = list(leaves)
    return {"count": len(found), "sha256": sha256("".join(found).encode()).hexdigest()}


def not_as_inventoried(
    entry: Row, loan: str, files: Mapping[str, bytes], entries: Iterable[Row], postings: Iterable[Row]
) -> Iterator[tuple[str, str]]:
    """What a bundle holds otherwise than the entry says, by file and in a sentence."""
    if (entry["act"], entry["subject"]) != (ACT, loan):
        yield "inventory.json", f"audit entry {entry['id']} is no inventory of loan {loan}"
        return
    told, named = inventory_of(files, entries, postings), entry["after"]
    for name in FILES:
        if told["files"].get(name) != named["files"].get(name):
            yield (
                name,
                f"it is not the one that was there by audit entry {entry['id']}, of when the bundle was made",
            )
    for kind, name in (("entries", "audit.json"), ("postings", "postings.json")):
        if told[kind] != named[kind]:
            sentence = (
                f"its {told[kind]['count']} {kind} are not the {named[kind]['count']} that there were "
                f"by audit entry {entry['id']}"
            )
            yield name, sentence
