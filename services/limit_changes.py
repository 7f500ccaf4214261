"""How limits and published rates come into force: one person of risk proposes a row, another puts it in force."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from pydantic import ValidationError

from books.limits import Limit
from books.session import UnitOfWork
from lending.errors import LendingError
from models.limits import SHIPPED_BY, LimitDecision, LimitKind, LimitOutcome, LimitProposal, LimitStatus
from models.staff import Actor
from services import audit
from services.errors import NotAllowed
from services.limits import ROWS, CostCapRow, LimitRow, OwnCardRow, PrimeRateRow, shipped_rows
from services.permissions import Action, require
from services.products import catalogue

LICENCES = frozenset({"bank", "consumer_finance", "auto_finance", "microloan"})
"""What the shipped rows speak of; a product may bring another."""


class InvalidLimit(LendingError):
    """A row that cannot be; `fields` names what is wrong."""

    code = "invalid_limit"
    http_status = 422


class LimitRepeated(LendingError):
    """The same row is in force, or one of the same day and scope waits for its decision."""

    code = "limit_repeated"
    http_status = 409


class UnknownLimit(LendingError):
    """Nobody proposed such a row."""

    code = "unknown_limit"
    http_status = 404

    def __init__(self, proposal_id: str) -> None:
        super().__init__(f"there is no limit {proposal_id}")


class LimitDecided(LendingError):
    """Somebody has decided on the row already."""

    code = "limit_decided"
    http_status = 409

    def __init__(self, proposal_id: str) -> None:
        super().__init__(f"limit {proposal_id} does not wait for a decision any more; propose a new one to correct it")


class OwnLimit(NotAllowed):
    """Whoever proposed a limit does not put it in force (four eyes)."""

    code = "own_limit"

    def __init__(self) -> None:
        super().__init__("whoever proposed a limit cannot decide on it; another person of risk must")


@dataclass(frozen=True)
class LimitState:
    """A proposed row, how it stands, and the row in force that it corrects or would correct."""

    id: str
    kind: LimitKind
    row: Mapping[str, Any]
    status: LimitStatus
    reason: str
    proposed_by: str
    proposed_at: datetime
    decided_by: str | None
    decided_at: datetime | None
    decision_reason: str | None
    corrects: str | None


def limit_states(work: UnitOfWork) -> list[LimitState]:
    """Every row that was ever proposed, the oldest first. Anybody may see them: they are the law and its figures."""
    rows = work.limits.all()
    newest: dict[object, str] = {}
    corrected: dict[str, str | None] = {}
    for one in rows:
        if one.decision is not None and one.decision.outcome is LimitOutcome.APPROVE:
            identity = _row(one).identity
            corrected[one.proposal.id] = newest.get(identity)
            newest[identity] = one.proposal.id
    return [_state(one, newest.get(_row(one).identity), corrected.get(one.proposal.id)) for one in rows]


def _state(one: Limit, in_force: str | None, corrected: str | None) -> LimitState:
    proposal, decision = one.proposal, one.decision
    if decision is None:
        status, corrects = LimitStatus.OPEN, in_force
    elif decision.outcome is LimitOutcome.REFUSE:
        status, corrects = LimitStatus.REFUSED, None
    else:
        status = LimitStatus.IN_FORCE if in_force == proposal.id else LimitStatus.REPLACED
        corrects = corrected
    return LimitState(
        id=proposal.id,
        kind=proposal.kind,
        row=proposal.row,
        status=status,
        reason=proposal.reason,
        proposed_by=proposal.proposed_by,
        proposed_at=proposal.proposed_at,
        decided_by=decision.decided_by if decision else None,
        decided_at=decision.decided_at if decision else None,
        decision_reason=decision.reason if decision else None,
        corrects=corrects,
    )


def _row(one: Limit) -> LimitRow:
    return ROWS[one.proposal.kind].model_validate(one.proposal.row)


def propose_limit(
    work: UnitOfWork, actor: Actor, kind: LimitKind, content: Mapping[str, Any], reason: str
) -> LimitState:
    """Proposes a row in the form of limits.json; nothing changes until another person puts it in force.

    Refused: anybody but risk, fields that cannot be, a rate published on a day to come, an unknown product or licence,
    what is in force already, and a second row for the same day and scope while the first waits.
    """
    require(actor, Action.KEEP_LIMITS)
    row = _read(work, kind, content)
    spelled = row.model_dump(mode="json", exclude_none=True)
    work.outbox.hold("limits")
    for one in limit_states(work):
        if one.status is LimitStatus.OPEN and ROWS[one.kind].model_validate(one.row).identity == row.identity:
            raise LimitRepeated(f"a row of this day and scope waits for its decision already, as limit {one.id}")
        if one.status is LimitStatus.IN_FORCE and (one.kind, one.row) == (kind, spelled):
            raise LimitRepeated(f"this very row is in force already, as limit {one.id}")
    proposal = LimitProposal(kind=kind, row=spelled, reason=_given(reason), proposed_by=actor.id, proposed_at=work.now)
    work.write(proposal)
    audit.record(
        work, actor, "limit_proposed", subject=proposal.id, after={"kind": kind.value, **spelled}, reason=reason
    )
    return _one(work, proposal.id)


def decide_limit(work: UnitOfWork, actor: Actor, proposal_id: str, outcome: LimitOutcome, reason: str) -> LimitState:
    """Puts a proposed row in force, from this moment on, or refuses it.

    A row of the same day and scope as one in force corrects it. What was reckoned by the earlier one stays: contracts,
    and resets that are booked. Refused: anybody but risk, whoever proposed it, and a row that is decided.
    """
    require(actor, Action.KEEP_LIMITS)
    work.outbox.hold("limits")
    found = work.limits.get(proposal_id)
    if found is None:
        raise UnknownLimit(proposal_id)
    if found.decision is not None:
        raise LimitDecided(proposal_id)
    if found.proposal.proposed_by == actor.id:
        raise OwnLimit
    before = _one(work, proposal_id).corrects
    work.write(
        LimitDecision(
            proposal_id=proposal_id, outcome=outcome, reason=_given(reason), decided_by=actor.id, decided_at=work.now
        )
    )
    audit.record(
        work,
        actor,
        "limit_decided",
        subject=proposal_id,
        before={"in_force": before},
        after={"outcome": outcome.value, "kind": found.proposal.kind.value, **found.proposal.row},
        reason=reason,
    )
    return _one(work, proposal_id)


def ship_limits(work: UnitOfWork) -> None:
    """Puts the rows of limits.json into the books, but for those of which the books have one of their own."""
    known = {_row(one).identity for one in work.limits.all()}
    added = 0
    for row in shipped_rows():
        if row.identity in known:
            continue
        added += 1
        proposal = LimitProposal(
            kind=row.identity[0],
            row=row.model_dump(mode="json", exclude_none=True),
            reason="comes with the code",
            proposed_by=SHIPPED_BY,
            proposed_at=work.now,
        )
        work.write(proposal)
        work.write(
            LimitDecision(
                proposal_id=proposal.id,
                outcome=LimitOutcome.APPROVE,
                reason=proposal.reason,
                decided_by=audit.SYSTEM.id,
                decided_at=work.now,
            )
        )
    if added:
        audit.record(work, audit.SYSTEM, "limits_shipped", after={"rows": added})


def _one(work: UnitOfWork, proposal_id: str) -> LimitState:
    return next(one for one in limit_states(work) if one.id == proposal_id)


def _given(reason: str) -> str:
    if not reason.strip():
        raise InvalidLimit("say why, in a sentence", fields={"reason": "say why, in a sentence"})
    return reason


def _read(work: UnitOfWork, kind: LimitKind, content: Mapping[str, Any]) -> LimitRow:
    try:
        row = ROWS[kind].model_validate(content)
    except ValidationError as error:
        wrong = {".".join(map(str, one["loc"])) or "row": one["msg"] for one in error.errors(include_input=False)}
        sentence = "; ".join(f"{field}: {message}" for field, message in wrong.items())
        raise InvalidLimit(f"this is no {kind}: {sentence}", fields=wrong) from error
    match row:
        case PrimeRateRow() if row.on > work.today:
            raise InvalidLimit(
                f"a rate is entered once it is published, on {work.today} at the latest",
                fields={"on": f"not after {work.today}"},
            )
        case CostCapRow() | OwnCardRow():
            _check_scope(row.product, row.licence)
    return row


def _check_scope(product: str | None, licence: str | None) -> None:
    """A misspelled row would hold nowhere, and nobody would notice."""
    if product is not None:
        catalogue().product(product)
    known = sorted(LICENCES | {one.licence for one in catalogue().products if one.licence})
    if licence is not None and licence not in known:
        raise InvalidLimit("no product is lent under this licence", fields={"licence": f"one of: {', '.join(known)}"})
