"""What we compute of a loan against what its former system claims, and what of the difference can be adopted."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from lending.account import InstallmentState, LoanAccount
from lending.components import FEE, INTEREST, PENALTY, PRINCIPAL, Component
from lending.effort import Effort
from lending.errors import LendingError
from lending.events import Event, EventType
from lending.money import yuan
from lending.servicing import service
from models.portfolio import Difference
from services.takeover_lines import InvalidTakeover, Takeover

MOST_STEPS = 5_000_000
"""What the computation of one loan may cost: some seconds, and thousands of times what a usual one does."""


class DifferencePolicy(StrEnum):
    """What becomes of a loan whose figures differ: it is left out, or the claimed figures are adopted."""

    REFUSE = "refuse"
    ADOPT = "adopt"


@dataclass(frozen=True, slots=True)
class CheckedTakeover:
    """A loan as it would be opened. `own` is the account by our computation, `account` after the adjustments.

    `differences` are all that was found, `left` those that no adjustment removes.
    """

    takeover: Takeover
    adjustments: tuple[Event, ...]
    own: LoanAccount
    account: LoanAccount
    differences: tuple[Difference, ...]
    left: tuple[Difference, ...]

    @property
    def is_taken(self) -> bool:
        """Whether nothing stands against opening it."""
        return not self.left


def check_takeover(takeover: Takeover, policy: DifferencePolicy) -> CheckedTakeover:
    """Computes the loan to the end of its cut-off date and compares.

    With ADOPT, fees and waivers of that date take the account to the claimed figures, as far as these can express it:
    less of any component is waived, more fees are charged. More principal, interest or penalty, another credit, other
    days past due and another schedule cannot be expressed and stay. Raises InvalidTakeover for events that cannot be,
    and for a loan that is settled at the cut-off.
    """
    own = _account(takeover, ())
    if own.settled_on is not None:
        raise InvalidTakeover({"events": f"settle the loan on {own.settled_on}; only running loans are taken over"})
    differences = (*_of_balances(takeover, own), *_of_schedule(takeover, own))
    if policy is DifferencePolicy.REFUSE or not differences:
        return CheckedTakeover(takeover, (), own, own, differences, differences)
    adjustments = tuple(_adjustments(takeover, own))
    account = _account(takeover, adjustments) if adjustments else own
    other_rows = {one.field for one in _of_schedule(takeover, own)}
    left = [
        *_of_balances(takeover, account),
        # A row may be as we compute it before the adjustments or after them: a waiver plans the rest anew.
        *(one for one in _of_schedule(takeover, account) if one.field in other_rows),
    ]
    if account.settled_on is not None:
        left.append(Difference("principal", "settled", "running", ""))
    return CheckedTakeover(takeover, adjustments, own, account, differences, tuple(left))


def next_installment(account: LoanAccount, day: date) -> InstallmentState | None:
    """The first installment after a day of which something is still to be paid."""
    return next((row for row in account.rows if row.outstanding > 0 and row.due > day), None)


def _account(takeover: Takeover, adjustments: Sequence[Event]) -> LoanAccount:
    try:
        events = (*takeover.events, *adjustments)
        return service(takeover.terms, events, takeover.cut_off, Effort(MOST_STEPS))
    except LendingError as refusal:
        event_id = getattr(refusal, "event_id", None)
        # The disbursement is the first of all; the list of the line begins after it.
        place = next((place for place, event in enumerate(takeover.events, -1) if event.id == event_id), None)
        path = "" if place is None else "disbursement." if place < 0 else f"events[{place}]."
        raise InvalidTakeover({f"{path}{name}": why for name, why in refusal.fields.items()}) from refusal


def _adjustments(takeover: Takeover, own: LoanAccount) -> Iterator[Event]:
    claimed = takeover.claimed
    for component, claimed_fen in (
        (PENALTY, claimed.penalty_fen),
        (FEE, claimed.fee_fen),
        (INTEREST, claimed.interest_fen),
        (PRINCIPAL, claimed.principal_fen),
    ):
        more = claimed_fen - _outstanding(own, component)
        if more < 0:
            yield Event(
                f"adopted-{component}", EventType.WAIVER, takeover.cut_off, amount_fen=-more, component=component
            )
        elif more > 0 and component is FEE:
            yield Event(f"adopted-{component}", EventType.FEE, takeover.cut_off, amount_fen=more)


def _outstanding(account: LoanAccount, component: Component) -> int:
    fen: int = getattr(account.outstanding, component)
    return fen


def _of_balances(takeover: Takeover, account: LoanAccount) -> Iterator[Difference]:
    claimed = takeover.claimed
    for name, claimed_fen, computed_fen in (
        ("principal", claimed.principal_fen, account.principal_outstanding_fen),
        ("interest", claimed.interest_fen, account.interest_outstanding_fen),
        ("fee", claimed.fee_fen, account.fee_outstanding_fen),
        ("penalty", claimed.penalty_fen, account.penalty_outstanding_fen),
        ("credit", claimed.credit_fen, account.credit_fen),
    ):
        yield from _money(name, claimed_fen, computed_fen)
    if claimed.dpd != account.dpd:
        yield Difference("dpd", str(claimed.dpd), str(account.dpd), str(claimed.dpd - account.dpd))
    following = next_installment(account, takeover.cut_off)
    if claimed.next_due is not None:
        yield from _day("next_due", claimed.next_due, following.due if following else None)


def _of_schedule(takeover: Takeover, account: LoanAccount) -> Iterator[Difference]:
    """The schedule may be given in part: each of its rows must be as ours, and its last row must be our last."""
    rows = {row.n: row for row in account.rows}
    for claimed in takeover.schedule:
        row = rows.get(claimed.n)
        path = f"schedule {claimed.n}"
        if row is None:
            yield Difference(path, claimed.due.isoformat(), "no such installment", "")
            continue
        yield from _day(f"{path} due", claimed.due, row.due)
        yield from _money(f"{path} principal", claimed.principal_fen, row.principal)
        yield from _money(f"{path} interest", claimed.interest_fen, row.interest)
        if claimed.fee_fen is not None:
            yield from _money(f"{path} fee", claimed.fee_fen, row.fee)
    if takeover.schedule and (last := max(claimed.n for claimed in takeover.schedule)) < len(account.rows):
        yield Difference("schedule length", str(last), str(len(account.rows)), str(last - len(account.rows)))


def _money(name: str, claimed_fen: int, computed_fen: int) -> Iterator[Difference]:
    if claimed_fen != computed_fen:
        yield Difference(name, yuan(claimed_fen), yuan(computed_fen), yuan(claimed_fen - computed_fen))


def _day(name: str, claimed: date, computed: date | None) -> Iterator[Difference]:
    if claimed != computed:
        days = "" if computed is None else str((claimed - computed).days)
        yield Difference(name, claimed.isoformat(), computed.isoformat() if computed else "none", days)
