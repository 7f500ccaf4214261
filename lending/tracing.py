"""A replay that also notes how each amount came to be, for who asks; the plain one is spared the trouble."""

from collections import defaultdict
from dataclasses import dataclass, field
from datetime import date
from fractions import Fraction

from lending.components import FEE, INTEREST, PENALTY, PRINCIPAL, SUBSIDY, Component
from lending.effort import Effort
from lending.installments import Amounts, Installment
from lending.replay import Replay
from lending.state import FeeDue, Piece
from lending.terms import Terms


@dataclass(frozen=True, slots=True)
class Noted:
    """An amount of a component that an installment was charged, relieved of or paid on a day, and by which event."""

    component: Component
    amount: int
    on: date
    event_id: str | None
    other: int | None = None
    name: str | None = None


@dataclass(frozen=True, slots=True)
class Solved:
    """Where a level payment or share came from: this balance over so many periods at this rate a period."""

    level: int
    balance: int
    periods: int
    rate: Fraction


@dataclass(slots=True)
class Notes:
    """What happened to one installment.

    `pieces` is interest of its period, of which `before` was charged with earlier installments; `own` is what of it was
    charged here. `fell_due` holds level payment, own interest, principal and the balance left when its day came.
    """

    pieces: list[Piece] = field(default_factory=list)
    before: int = 0
    own: int = 0
    deferred: int = 0
    carried: int = 0
    penalties: list[Piece] = field(default_factory=list)
    charges: list[Noted] = field(default_factory=list)
    moved: list[Noted] = field(default_factory=list)
    waived: list[Noted] = field(default_factory=list)
    written_off: list[Noted] = field(default_factory=list)
    paid: list[Noted] = field(default_factory=list)
    fell_due: tuple[int, int, int, int] | None = None
    solved: Solved | None = None
    flat: Solved | None = None


class TracedReplay(Replay):
    """A replay with notes on each installment."""

    def __init__(self, terms: Terms, effort: Effort | None = None) -> None:
        self.notes: defaultdict[Installment, Notes] = defaultdict(Notes)
        self.run: list[Piece] = []
        self.run_charged: list[tuple[Installment, int]] = []
        self.solved: Solved | None = None
        super().__init__(terms, effort)

    def own_run(self, row: Installment) -> tuple[list[Piece], int]:
        """The pieces of the period under way, and what of them was charged with other installments than this."""
        return list(self.run), sum(amount for other, amount in self.run_charged if other is not row)

    def flat_basis(self) -> Solved:
        """What flat interest is reckoned on: the amount lent, in fen, and the open periods at the rate of a period."""
        years, units = self.terms.period.year_ratio()
        periods = sum(row.bears_interest for row in self.rows[self.open :])
        return Solved(self.level, round(self.flat_base), periods, self.rates[-1][1] * years / units)

    # -- interest -----------------------------------------------------------------------------------------------------

    def fix_accrual(self, index: int, day: date) -> None:
        """Notes the pieces that are added to what has accrued."""
        self.run += self.interest_pieces(index, self.accrued_from, day)
        super().fix_accrual(index, day)

    def reset_accrual(self) -> None:
        """Begins a new run of pieces."""
        super().reset_accrual()
        self.run, self.run_charged = [], []

    def charge_own(self, row: Installment, component: Component, amount: int) -> None:
        """Notes which pieces the interest is of."""
        super().charge_own(row, component, amount)
        if amount:
            notes = self.notes[row]
            notes.pieces, notes.before = self.own_run(row)
            notes.own += amount
            self.run_charged.append((row, amount))

    def charge_carried(self, row: Installment, amount: int) -> None:
        """Notes that the interest was deferred by earlier installments."""
        super().charge_carried(row, amount)
        self.notes[row].carried += amount

    def penalty_pieces(self, row: Installment, bearing: int) -> list[Piece]:
        """Notes the pieces; one that goes on where the last one ended, on the same base, is one with it."""
        pieces = super().penalty_pieces(row, bearing)
        noted = self.notes[row].penalties
        for piece in pieces:
            last = noted[-1] if noted else None
            if last is not None and (last.until, last.base, last.rate) == (piece.since, piece.base, piece.rate):
                noted[-1] = last._replace(until=piece.until, span=last.span + piece.span)
            else:
                noted.append(piece)
        return pieces

    # -- falling due --------------------------------------------------------------------------------------------------

    def fall_due(self) -> None:
        """Notes the plan as it stood when the day came."""
        row = self.rows[self.open]
        notes = self.notes[row]
        own, principal = row.own_interest, row.planned[PRINCIPAL]
        if not self.runs_on(self.open):
            self.run += self.interest_pieces(self.open, self.accrued_from, row.due)
            notes.pieces, notes.before = self.own_run(row)
        notes.own += own
        borrowers = own - row.planned[SUBSIDY]
        kept_back = row.defers_interest and not self.is_subsidised(row)
        notes.deferred += borrowers if kept_back else 0
        notes.carried += row.planned[INTEREST] - (0 if kept_back else borrowers)
        notes.fell_due = (self.level, own, principal, self.base - principal)
        notes.solved, notes.flat = self.solved, self.flat_basis()
        super().fall_due()

    def replan(self, *, level: int | None = None, keep: bool = False, keep_first: int = 0) -> None:
        """Notes from what a payment was solved."""
        super().replan(level=level, keep=keep, keep_first=keep_first)
        rows = self.rows[self.open :]
        if rows and level is None and not keep:
            solved_over = rows[keep_first:]
            balance = sum(row.planned[PRINCIPAL] for row in solved_over)
            years, units = self.terms.period.year_ratio()
            rate = self.rates[-1][1] * years / units
            self.solved = Solved(self.level, balance, sum(row.pays_principal for row in solved_over), rate)

    # -- fees --------------------------------------------------------------------------------------------------------

    def charge_fee(self, fee: FeeDue, amount: int) -> None:
        """Notes the fee by its name."""
        super().charge_fee(fee, amount)
        notes = self.notes[fee.row].charges
        notes.append(Noted(FEE, amount, self.today, self.event_id, name=fee.name))

    # -- sums ---------------------------------------------------------------------------------------------------------

    def charge(self, row: Installment, component: Component, amount: int) -> None:
        """Notes principal and penalties charged; interest is noted by its pieces, fees by their names."""
        super().charge(row, component, amount)
        if amount and component in (PRINCIPAL, PENALTY):
            self.notes[row].charges.append(Noted(component, amount, self.today, self.event_id))

    def take(self, row: Installment, totals: Amounts, amounts: Amounts) -> None:
        """Notes what was waived or written off; what was paid is noted with its payment."""
        super().take(row, totals, amounts)
        if totals is not self.allocated:
            notes = self.notes[row].waived if totals is self.waived else self.notes[row].written_off
            notes += [Noted(part, amount, self.today, self.event_id) for part, amount in amounts.items() if amount]

    def pay(self, event_id: str, row: Installment, amounts: Amounts, *, from_credit: bool = False) -> int:
        """Notes each part of the payment."""
        notes = self.notes[row].paid
        notes += [Noted(part, amount, self.today, event_id) for part, amount in amounts.items() if amount]
        return super().pay(event_id, row, amounts, from_credit=from_credit)

    def merge(self, row: Installment, later: Installment) -> None:
        """Notes what came over from the later installment."""
        super().merge(row, later)
        own, others = self.notes[row], self.notes[later]
        for component, amount in later.charged.items():
            if amount:
                own.moved.append(Noted(component, amount, self.today, self.event_id, later.n))
        own.paid += others.paid
        own.waived += others.waived
        own.written_off += others.written_off

    def move_charge(self, row: Installment, target: Installment, component: Component) -> None:
        """Notes the move with both installments; principal goes back into the plan of all that follow."""
        amount = row.unpaid[component]
        super().move_charge(row, target, component)
        self.notes[row].moved.append(Noted(component, -amount, self.today, self.event_id, target.n))
        if component is not PRINCIPAL:
            self.notes[target].moved.append(Noted(component, amount, self.today, self.event_id, row.n))
