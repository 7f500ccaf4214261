"""The business calendar: one function turns an instant into a business date, for every room and the simulators."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

SHANGHAI = ZoneInfo("Asia/Shanghai")
REAL_DAY_SECONDS = 86_400


@dataclass(frozen=True)
class BusinessClock:
    """How instants map to business dates.

    With real days a business date is the calendar date in Asia/Shanghai. A shortened day (`day_seconds` below 86,400)
    counts from an anchor that the books keep once, so that a demonstration lives through a year in minutes.
    """

    day_seconds: float = REAL_DAY_SECONDS
    anchor_instant: datetime | None = None
    anchor_date: date | None = None

    def business_date(self, instant: datetime) -> date:
        """The business date at an aware instant."""
        if self.anchor_instant is None or self.anchor_date is None:
            return instant.astimezone(SHANGHAI).date()
        passed = (instant - self.anchor_instant).total_seconds()
        return self.anchor_date + timedelta(days=int(passed // self.day_seconds))

    def opens_at(self, day: date) -> datetime:
        """The first instant of a business date, in UTC."""
        if self.anchor_instant is None or self.anchor_date is None:
            return datetime(day.year, day.month, day.day, tzinfo=SHANGHAI).astimezone(UTC)
        return self.anchor_instant + timedelta(seconds=(day - self.anchor_date).days * self.day_seconds)

    def length_of(self, days: float) -> timedelta:
        """How long a number of business days lasts on this clock."""
        return timedelta(seconds=days * self.day_seconds)
