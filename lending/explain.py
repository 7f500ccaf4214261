"""How each amount of an installment came to be: typed steps whose numbers add up to the row, and sentences of them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from fractions import Fraction
from typing import ClassVar

from lending.account import InstallmentState
from lending.components import FEE, INTEREST, PENALTY, PRINCIPAL, SUBSIDY, Component
from lending.effort import Effort
from lending.errors import LendingError
from lending.events import Event
from lending.installments import Installment
from lending.money import yuan
from lending.servicing import disburse, run
from lending.state import Piece
from lending.statement import account_of, settlement_of
from lending.steps import Step, StepKind
from lending.terms import Method, Terms
from lending.tracing import Noted, Notes, Solved, TracedReplay
from lending.wording import EventNames, Language, sentence

STEPS_A_PIECE = 40
"""What finding and wording a step, or a stretch of days in it, costs at most, as `Effort` counts."""


class UnknownInstallment(LendingError):
    """The loan has no installment of that number."""

    code: ClassVar[str] = "unknown_installment"
    http_status: ClassVar[int] = 404

    def __init__(self, n: int, count: int) -> None:
        sentence = f"the loan has installments 1 to {count}, but none with number {n}"
        super().__init__(sentence, fields={"explain": sentence})


@dataclass(frozen=True, slots=True)
class Explanation:
    """An installment as it stands, and the steps that led there.

    The steps of a component add up to the row's amount of it; those of the kinds `paid`, `waived` and `written_off` are
    what was taken off it, so that with them the rest is what is outstanding.
    """

    row: InstallmentState
    steps: tuple[Step, ...]

    def amount(self, component: Component) -> int:
        """What the steps say a component comes to, in fen."""
        return sum(step.amount_fen for step in self.steps if step.component is component and not step.kind.takes_off)

    def taken_off(self, component: Component) -> int:
        """What the steps say was paid, waived or written off of a component, in fen."""
        return sum(step.amount_fen for step in self.steps if step.component is component and step.kind.takes_off)

    def sentences(self, language: Language, names: EventNames | None = None) -> list[str]:
        """The steps in words, in their order; an event is called by its name, else by its id."""
        return [sentence(step, language, names) for step in self.steps]

    def to_json(self) -> dict[str, object]:
        """The steps with their numbers and their words in both languages; money as text."""
        return {
            "n": self.row.n,
            "due": self.row.due.isoformat(),
            "total": yuan(self.row.total),
            "steps": [
                step.to_json() | {language.value: sentence(step, language) for language in Language}
                for step in self.steps
            ],
        }


@dataclass(frozen=True, slots=True)
class SettlementExplanation:
    """What would end the loan on a day, and the steps that add up to it."""

    on: date
    amount_fen: int
    steps: tuple[Step, ...]

    def sentences(self, language: Language, names: EventNames | None = None) -> list[str]:
        """The steps in words, in their order."""
        return [sentence(step, language, names) for step in self.steps]


def explain(terms: Terms, events: Sequence[Event], as_of: date, n: int, effort: Effort | None = None) -> Explanation:
    """How the amounts of installment `n` came to be, as the loan stands at the end of `as_of`; see `service`.

    Before the payout it is the plan of the terms that is explained. Refused: a number that no installment has.
    """
    return explain_rows(terms, events, as_of, [n], effort)[0]


def explain_rows(
    terms: Terms, events: Sequence[Event], as_of: date, numbers: Sequence[int], effort: Effort | None = None
) -> list[Explanation]:
    """The same of several installments in one replay, in the order of `numbers`."""
    replay = TracedReplay(terms, effort)
    run(replay, events, as_of)
    if not replay.disbursed:
        replay = TracedReplay(terms, effort)
        as_of = terms.disbursement_date
        disburse(replay, terms.principal_fen)
    account = account_of(replay, as_of)
    explained = []
    for n in numbers:
        if not 0 < n <= len(replay.rows):
            raise UnknownInstallment(n, len(replay.rows))
        row = replay.rows[n - 1]
        notes = replay.notes[row]
        steps = (
            *_interest(replay, row, notes),
            *_principal(replay, row, notes),
            *_fees(replay, row, notes),
            *_penalty(replay, row, notes),
            *_moves(notes),
            *_taken_off(notes),
        )
        replay.effort.spend(STEPS_A_PIECE * (len(steps) + sum(len(step.pieces) for step in steps)))
        explained.append(Explanation(account.row(n), steps))
    return explained


def explain_settlement(
    terms: Terms, events: Sequence[Event], as_of: date, effort: Effort | None = None
) -> SettlementExplanation:
    """How the sum came to be that ends the loan on `as_of`: what is owed and earned, less money kept as credit."""
    replay = TracedReplay(terms, effort)
    run(replay, events, as_of)
    left = replay.outstanding
    ahead = sum(fee.amount for fee in replay.fees if fee.of_event)
    steps = [
        Step(StepKind.PRINCIPAL_LEFT, PRINCIPAL, left(PRINCIPAL)),
        Step(StepKind.INTEREST_UNPAID, INTEREST, left(INTEREST)),
        *_earned(replay, as_of),
        Step(StepKind.INTEREST_CARRIED, INTEREST, replay.carried),
        Step(StepKind.FEES_UNPAID, FEE, left(FEE)),
        Step(StepKind.FEES_AHEAD, FEE, ahead),
        Step(StepKind.PENALTY_UNPAID, PENALTY, left(PENALTY)),
    ]
    amount = settlement_of(replay, as_of)
    steps.append(Step(StepKind.CREDIT_KEPT, PRINCIPAL, amount - sum(step.amount_fen for step in steps)))
    return SettlementExplanation(as_of, amount, tuple(step for step in steps if step.amount_fen or step.pieces))


def _earned(replay: TracedReplay, day: date) -> list[Step]:
    """Interest of the period under way: what its days come to, what of it cannot be charged, what the state bears."""
    if replay.open >= len(replay.rows) or day < replay.accrued_from:
        return []
    pieces = (*replay.run, *replay.interest_pieces(replay.open, replay.accrued_from, day))
    borrowers, states = replay.earned(day)
    before = replay.accrued_charged
    by_days = replay.rounded(sum((piece.exact for piece in pieces), Fraction(0))) - before
    steps = [
        Step(StepKind.INTEREST_TO_DATE, INTEREST, by_days, pieces=pieces, before_fen=before),
        Step(StepKind.INTEREST_LIMITED, INTEREST, borrowers + states - by_days),
        Step(StepKind.INTEREST_OF_STATE, INTEREST, -states),
    ]
    return [step for step in steps if step.amount_fen]


def _interest(replay: TracedReplay, row: Installment, notes: Notes) -> list[Step]:
    own, deferred, carried = notes.own, notes.deferred, notes.carried
    pieces, before = notes.pieces, notes.before
    if not row.closed:
        borrowers = row.own_interest - row.planned[SUBSIDY]
        kept_back = row.defers_interest and not replay.is_subsidised(row)
        deferred += borrowers if kept_back else 0
        carried += row.planned[INTEREST] - (0 if kept_back else borrowers)
        own += row.own_interest
        if not replay.runs_on(row.n - 1):
            pieces, before = _planned_pieces(replay, row)
    by_days = replay.terms.method is not Method.FLAT
    states = row.amount(SUBSIDY)
    kind = StepKind.INTEREST if by_days else StepKind.FLAT_INTEREST
    if replay.runs_on(row.n - 1):
        kind = StepKind.INTEREST_IN_PART
    if by_days:
        steps = [Step(kind, INTEREST, own, pieces=tuple(pieces), before_fen=before)]
    else:
        steps = [Step(kind, INTEREST, own, solved=notes.flat or replay.flat_basis())]
    steps.append(Step(StepKind.INTEREST_OF_STATE, INTEREST, -states))
    steps.append(Step(StepKind.INTEREST_DEFERRED, INTEREST, -deferred))
    steps.append(Step(StepKind.INTEREST_CARRIED, INTEREST, carried))
    steps.append(Step(StepKind.SUBSIDY, SUBSIDY, states))
    return [step for step in steps if step.amount_fen or step.pieces]


def _planned_pieces(replay: TracedReplay, row: Installment) -> tuple[list[Piece], int]:
    """Interest of an open period: what has accrued of it, then what the plan lets accrue; all of it for a bullet."""
    index = row.n - 1
    bullet = replay.terms.method is Method.BULLET and row.pays_principal
    first = replay.open if bullet else index
    pieces, before = replay.own_run(row) if first == replay.open else ([], 0)
    balance = replay.base - sum(other.planned[PRINCIPAL] for other in replay.rows[replay.open : first])
    for place in range(first, index + 1):
        since = max(replay.accrued_from, replay.timeline.opens(place))
        pieces += replay.interest_pieces(place, since, replay.rows[place].due, balance)
        balance -= replay.rows[place].planned[PRINCIPAL]
    return pieces, before


def _principal(replay: TracedReplay, row: Installment, notes: Notes) -> list[Step]:
    steps = []
    for charge in notes.charges:
        if charge.component is not PRINCIPAL:
            continue
        if charge.event_id is not None or notes.fell_due is None:
            steps.append(_noted(StepKind.PRINCIPAL_BY_EVENT, charge))
        else:
            steps.append(_planned_principal(replay.terms.method, *notes.fell_due, notes.solved))
    if row.planned[PRINCIPAL]:
        left = replay.base - sum(other.planned[PRINCIPAL] for other in replay.rows[replay.open : row.n])
        level, own = replay.level, row.own_interest
        steps.append(_planned_principal(replay.terms.method, level, own, row.planned[PRINCIPAL], left, replay.solved))
    return steps


def _planned_principal(
    method: Method, level: int, interest: int, principal: int, left: int, solved: Solved | None
) -> Step:
    """The step of the plan's principal; a formula is named only where it gives this very amount."""
    if method is Method.LEVEL_PAYMENT and level - interest == principal:
        return Step(
            StepKind.PRINCIPAL_OF_LEVEL, PRINCIPAL, principal, level_fen=level, interest_fen=interest, solved=solved
        )
    if not left:
        return Step(StepKind.PRINCIPAL_REST, PRINCIPAL, principal)
    if method is not Method.LEVEL_PAYMENT and principal == level:
        return Step(StepKind.PRINCIPAL_SHARE, PRINCIPAL, principal, level_fen=level, solved=solved)
    return Step(StepKind.PRINCIPAL_AS_PLANNED, PRINCIPAL, principal)


def _fees(replay: TracedReplay, row: Installment, notes: Notes) -> list[Step]:
    charged = [_noted(StepKind.FEE, charge) for charge in notes.charges if charge.component is FEE]
    ahead = [
        Step(StepKind.FEE, FEE, fee.amount, on=fee.due, name=fee.name)
        for fee in replay.fees
        if fee.row is row and fee.amount
    ]
    return charged + ahead


def _penalty(replay: TracedReplay, row: Installment, notes: Notes) -> list[Step]:
    charged = sum(charge.amount for charge in notes.charges if charge.component is PENALTY)
    if not charged and not notes.penalties:
        return []
    exact = replay.rounded(sum((piece.exact for piece in notes.penalties), Fraction(0)))
    late, days = replay.terms.late, (replay.today - row.due).days
    # Until the days of grace are over, what accrues is not charged.
    kind = StepKind.PENALTY_IN_GRACE if late is not None and days <= late.grace_days else StepKind.PENALTY
    steps = [Step(kind, PENALTY, charged, pieces=tuple(notes.penalties))]
    if kind is StepKind.PENALTY and charged < exact:
        steps[0] = Step(StepKind.PENALTY, PENALTY, exact, pieces=tuple(notes.penalties))
        steps.append(Step(StepKind.PENALTY_CEILING, PENALTY, charged - exact))
    return steps


def _moves(notes: Notes) -> list[Step]:
    return [
        _noted(StepKind.MOVED_HERE if move.amount > 0 else StepKind.MOVED_AWAY, move, other_n=move.other)
        for move in notes.moved
    ]


def _taken_off(notes: Notes) -> list[Step]:
    parts = (
        (StepKind.PAID, notes.paid),
        (StepKind.WAIVED, notes.waived),
        (StepKind.WRITTEN_OFF, notes.written_off),
    )
    return [_noted(kind, part) for kind, noted in parts for part in noted]


def _noted(kind: StepKind, noted: Noted, other_n: int | None = None) -> Step:
    return Step(
        kind, noted.component, noted.amount, on=noted.on, event_id=noted.event_id, other_n=other_n, name=noted.name
    )
