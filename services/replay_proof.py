"""What replays came to, against the audit entries that name it."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from hashlib import sha256
from typing import Any

from models.audit import AuditEntry
from models.chain import canonical, spelled
from models.histories import ReplayVerdict

REPLAYED = "loan_replayed"
DIGEST = "sha256"
"""Under this name an entry has the digest over all verdicts of a replay."""


def verdicts_named(verdicts: Iterable[ReplayVerdict]) -> dict[str, Any]:
    """How the entry of a replay names its verdicts: how many of each outcome, and a digest over all of them."""
    told = sorted((one.as_json() | {"replayed_at": spelled(one.replayed_at)} for one in verdicts), key=_id)
    return {**_counts(one["outcome"] for one in told), DIGEST: sha256(canonical({"verdicts": told})).hexdigest()}


def _id(told: dict[str, Any]) -> str:
    return str(told["id"])


def _counts(outcomes: Iterable[str]) -> dict[str, int]:
    return dict(Counter(outcomes))


def not_as_named(
    verdicts: Sequence[ReplayVerdict], entries: Iterable[AuditEntry], since: datetime | None
) -> Iterator[tuple[datetime, str]]:
    """The instants of replays whose verdicts are not those that their entries name, and a sentence: of replays later
    than `since`, of which all verdicts are there. An entry of before verdicts were digested names their number alone.
    """
    kept: dict[datetime, list[ReplayVerdict]] = defaultdict(list)
    for verdict in verdicts:
        kept[verdict.replayed_at].append(verdict)
    for entry in entries:
        of_entry = kept.pop(entry.at, [])
        if since is not None and entry.at <= since:
            continue
        named, told = entry.after or {}, verdicts_named(of_entry)
        if named != {name: value for name, value in told.items() if name != DIGEST or DIGEST in named}:
            yield (
                entry.at,
                f"verdicts of {spelled(entry.at)} are not those that audit entry {entry.id} names",
            )
    for at in kept:
        if since is None or at > since:
            yield at, f"the audit log has no entry of the replay at {spelled(at)} of which there are verdicts"
