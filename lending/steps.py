"""The steps that an explanation is made of: what kind, how much, and the numbers behind it."""

from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from lending.components import Component
from lending.money import yuan
from lending.state import Piece
from lending.tracing import Solved


class StepKind(StrEnum):
    """What a step is: it makes up an installment's amount, takes off it, or makes up what ends the loan."""

    INTEREST = "interest"
    INTEREST_IN_PART = "interest_in_part"
    FLAT_INTEREST = "flat_interest"
    INTEREST_OF_STATE = "interest_of_state"
    INTEREST_DEFERRED = "interest_deferred"
    INTEREST_CARRIED = "interest_carried"
    SUBSIDY = "subsidy"
    PRINCIPAL_OF_LEVEL = "principal_of_level"
    PRINCIPAL_SHARE = "principal_share"
    PRINCIPAL_REST = "principal_rest"
    PRINCIPAL_AS_PLANNED = "principal_as_planned"
    PRINCIPAL_BY_EVENT = "principal_by_event"
    FEE = "fee"
    PENALTY = "penalty"
    PENALTY_IN_GRACE = "penalty_in_grace"
    PENALTY_CEILING = "penalty_ceiling"
    MOVED_HERE = "moved_here"
    MOVED_AWAY = "moved_away"
    PAID = "paid"
    WAIVED = "waived"
    WRITTEN_OFF = "written_off"
    PRINCIPAL_LEFT = "principal_left"
    INTEREST_UNPAID = "interest_unpaid"
    INTEREST_TO_DATE = "interest_to_date"
    INTEREST_LIMITED = "interest_limited"
    FEES_UNPAID = "fees_unpaid"
    FEES_AHEAD = "fees_ahead"
    PENALTY_UNPAID = "penalty_unpaid"
    CREDIT_KEPT = "credit_kept"

    @property
    def takes_off(self) -> bool:
        """Whether the step lowers what is outstanding, not the row's amount."""
        return self in (StepKind.PAID, StepKind.WAIVED, StepKind.WRITTEN_OFF)


@dataclass(frozen=True, slots=True)
class Step:
    """One step. `amount_fen` is signed: the steps of a component add up to its amount.

    `pieces` are the stretches of days whose interest adds up, rounded once, to `amount_fen` and `before_fen`, which was
    charged with an earlier installment already. `solved` is where the level figure came from.
    """

    kind: StepKind
    component: Component
    amount_fen: int
    on: date | None = None
    event_id: str | None = None
    other_n: int | None = None
    name: str | None = None
    pieces: tuple[Piece, ...] = ()
    before_fen: int = 0
    level_fen: int | None = None
    interest_fen: int | None = None
    solved: Solved | None = None

    def to_json(self) -> dict[str, object]:
        """The numbers; money and rates as text, spans and rates as exact fractions of the rate's unit."""
        body: dict[str, object] = {
            "kind": self.kind.value,
            "component": self.component.value,
            "amount": yuan(self.amount_fen),
        }
        if self.on is not None:
            body["on"] = self.on.isoformat()
        for field in ("event_id", "other_n", "name"):
            if (value := getattr(self, field)) is not None:
                body[field] = value
        if self.pieces:
            body["pieces"] = [_piece_json(piece) for piece in self.pieces]
        for field, fen in (("before", self.before_fen), ("level", self.level_fen), ("interest", self.interest_fen)):
            if fen:
                body[field] = yuan(fen)
        if self.solved is not None:
            body["solved"] = {
                "balance": yuan(self.solved.balance),
                "periods": self.solved.periods,
                "rate_per_period": str(self.solved.rate),
            }
        return body


def _piece_json(piece: Piece) -> dict[str, object]:
    return {
        "from": piece.since.isoformat(),
        "to": piece.until.isoformat(),
        "base_fen": str(piece.base),
        "rate": str(piece.rate),
        "span": str(piece.span),
        "exact_fen": str(piece.exact),
    }
