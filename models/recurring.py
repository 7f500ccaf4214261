"""What portfolio-wide jobs are asked and answer: days, months and counts."""

from datetime import date

from lending.calendar import BusinessClock
from models.messages import Message, Sender


class DailyOrder(Message):
    """What every scheduled job is started with; it asks the clock for its business date."""

    clock: BusinessClock


class DueMonthOrder(Message):
    """Ask for the month that a monthly job is to do on a business date."""

    day: date


class DueMonth(Message):
    """The oldest month that is over and not done for every loan yet, as YYYY-MM; None if there is none."""

    month: str | None = None


class MonthPageOrder(Message):
    """Ask for a month of the next loans, those with a number above `after`."""

    month: str
    day: date
    after: str = ""


class MonthPage(Message):
    """How far it came: the last loan of the page (None after the last page), and whether the month is complete."""

    after: str | None = None
    complete: bool = False


class CollateralOrder(Message):
    """Ask to look at what is due about collateral on a business date: at most a page of it."""

    day: date


class CollateralLookedAt(Message):
    """How many conditions were looked at, and whether there may be more."""

    looked_at: int = 0
    complete: bool = True


class DeadlinesOrder(Message):
    """Ask to look at the tasks that are due about a business date, those with an id above `after`."""

    day: date
    after: str = ""


class DeadlinesPage(Message):
    """How far it came (None after the last page), how many tasks were reminded of, and how many went up."""

    after: str | None = None
    reminded: int = 0
    escalated: int = 0


class SealingOrder(Message):
    """Ask to seal the audit log, or to deposit its roots."""


class Sealed(Message):
    """How many entries were sealed, whether none was left, and whether a day's root waits to be deposited."""

    sealed: int = 0
    complete: bool = True
    root_waits: bool = False


class Deposited(Message):
    """How many roots were deposited, and with how many depositories it failed."""

    deposited: int = 0
    failed: int = 0


class ProvingOrder(DailyOrder):
    """What a proof of the sealed books is started with: by whom it was asked for, unless the Schedule starts it."""

    asked_by: Sender | None = None


class ProofOrder(Message):
    """Ask to prove the sealed books on a business date."""

    day: date
    asked_by: Sender | None = None


class Proved(Message):
    """Under which id the verdict is kept, and how many differences there are."""

    verdict: str = ""
    differences: int = 0
