"""How many of a class's loans default, for the expected loss of two sides of a back-test."""

from collections import Counter
from collections.abc import Mapping

FEWEST_LOANS = 30
"""With fewer loans of a class whose outcome is known, the stated rate says more than theirs."""
WHOLE_BASIS_POINTS = 10_000


class DefaultRates:
    """Rates of default in hundredths of a percent.

    A rate is that of the cases and not of the letter that they are given: a draft that calls a C an A has the defaults
    of these cases among its As. Where it puts fewer than `FEWEST_LOANS` loans with a known outcome into a class, each
    case keeps the rate of its class as it is in force; there fewer than these have the rate that the grading in force
    states. Only of cases that are refused as it is in force, the class of the draft is all that is known.

    `counts` are the loans with a known outcome, and those of them that defaulted, by class as it is in force and by
    class of the draft; `stated` the rates by grade.
    """

    def __init__(self, counts: Mapping[tuple[str, str], tuple[int, int]], stated: Mapping[str, int]) -> None:
        self._stated = stated
        self._loans: Counter[tuple[int, str]] = Counter()
        self._defaulted: Counter[tuple[int, str]] = Counter()
        for move, (loans, defaulted) in counts.items():
            for place, name in enumerate(move):
                self._loans[place, name] += loans
                self._defaulted[place, name] += defaulted

    def is_observed(self, place: int, name: str) -> bool:
        """Whether enough loans of a class of a side have a known outcome."""
        return self._loans[place, name] >= FEWEST_LOANS

    def basis_points(self, place: int, move: tuple[str, str]) -> int | None:
        """The rate of the cases that move so, on one side; None where nothing gives any."""
        for side in (place, 0):
            if self.is_observed(side, move[side]):
                return self._defaulted[side, move[side]] * WHOLE_BASIS_POINTS // self._loans[side, move[side]]
        return self._stated.get(move[0], self._stated.get(move[place]))

    def loss_fen(self, place: int, lendable_fen: Mapping[tuple[str, str], int]) -> int | None:
        """What would be lost if all of these sums were lent; None while one of them has no rate."""
        lost = 0
        for move, fen in lendable_fen.items():
            rate = self.basis_points(place, move)
            if rate is None:
                return None
            lost += fen * rate // WHOLE_BASIS_POINTS
        return lost
