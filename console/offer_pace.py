"""How many offers the scripted approvers of the demonstration keep open at once."""

from collections.abc import Sequence
from datetime import date, timedelta

from models.loans import Loan

FEWEST_AT_ONCE = 3
MOST_AT_ONCE = 12
GETTING_LATE = timedelta(days=8)
"""An offer with fewer days left is late: on this machine, at this moment, signing takes long."""


class OfferPace:
    """As many as get signed in time on this machine: one more with each that is signed, few again once one is late.

    A business day of the demonstration is half a second, and an offer lasts fourteen: sixty made at the first moment
    would expire while their contracts are still drawn.
    """

    def __init__(self) -> None:
        self._at_once = FEWEST_AT_ONCE

    def room(self, offers: Sequence[Loan], today: date) -> int:
        """How many more may be made beside these open ones: none while one of them gets late."""
        if any(loan.offer_until is not None and loan.offer_until - today < GETTING_LATE for loan in offers):
            self._at_once = FEWEST_AT_ONCE
            return 0
        return max(self._at_once - len(offers), 0)

    def signed(self) -> None:
        """One was signed in time."""
        self._at_once = min(self._at_once + 1, MOST_AT_ONCE)
