"""What portfolio-wide jobs are asked and answer: days, months and counts."""

from datetime import date

from lending.calendar import BusinessClock
from models.messages import Message


class DailyOrder(Message):
    """What every scheduled job is started with; it asks the clock for its business date."""

    clock: BusinessClock


class MonthEndOrder(Message):
    """Ask for the month whose end is to be posted on a business date."""

    day: date


class MonthToEnd(Message):
    """The oldest month that is over and not posted for every loan yet, as YYYY-MM; None if there is none."""

    month: str | None = None


class MonthEndPageOrder(Message):
    """Ask for the end of a month of the next loans, those with a number above `after`."""

    month: str
    day: date
    after: str = ""


class MonthEndPage(Message):
    """How far it came: the last loan of the page (None after the last page), and whether the month is complete."""

    after: str | None = None
    complete: bool = False
