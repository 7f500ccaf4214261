"""The calendar of one loan: its due dates, and how long a stretch of days is measured on them."""

from bisect import bisect_left, bisect_right
from datetime import date
from fractions import Fraction

from lending.daycount import DayCount, span_ratio
from lending.duedates import due_dates, periods_between, shift
from lending.terms import Terms
from lending.workdays import LONGEST_BREAK_DAYS, workday


class Timeline:
    """Due dates from the disbursement on, and spans of time in the unit of the rate.

    Day count `period`: a whole period between two due dates counts as one period whatever its days, a part of it by
    its share of the period's actual days. A stub is measured on whole periods counted back from its due date.
    """

    def __init__(self, terms: Terms) -> None:
        self._day_count = terms.day_count
        self._period = terms.period
        self.start = terms.disbursement_date
        self.dues: list[date] = list(terms.dues)
        self._convention = terms.business_days
        # Each due date before it kept to a working day, and the day of the month that those after it keep to. Due dates
        # that are added count on from the last of these.
        self._agreed = [(day, terms.anchor_day) for day in _agreed_days(terms)]
        # Each with the day of the month that its whole periods are counted on: moving later due dates leaves it.
        self._stubs = {0: self._anchor_day}
        if self._convention and shift(terms.first_due_date, self._period, -1, self._anchor_day) == self.start:
            # Whole by the calendar: that its due date keeps to a working day makes it neither longer nor dearer.
            self._stubs.clear()

    def extend(self, periods: int) -> None:
        """Adds due dates at the end, one period after another."""
        agreed = [self._agreed_after_last(count) for count in range(1, periods + 1)]
        self._agreed += [(day, self._anchor_day) for day in agreed]
        self.dues += self._worked(agreed)

    def after_last(self, periods: int) -> date:
        """The due date so many periods after the last one."""
        return self._worked([self._agreed_after_last(periods)])[0]

    def _agreed_after_last(self, periods: int) -> date:
        return shift(self._agreed[-1][0], self._period, periods, self._anchor_day)

    def _worked(self, days: list[date]) -> list[date]:
        """The days themselves, or the working days that the contract puts in their place."""
        return days if self._convention is None else [workday(day, self._convention).date for day in days]

    def add_due(self, day: date) -> None:
        """Adds one due date of its own at the end; those that are added later follow it period by period."""
        self._stubs[len(self.dues)] = day.day
        self._agreed.append((day, day.day))
        self.dues.append(day)

    def move(self, index: int, day: date) -> None:
        """Puts a due date on another day; those after it follow period by period."""
        following = [shift(day, self._period, count, day.day) for count in range(1, len(self.dues) - index)]
        self._agreed[index:] = [(agreed, day.day) for agreed in (day, *following)]
        self.dues[index:] = [day, *self._worked(following)]
        self._drop_stubs(index)
        self._stubs[index] = day.day

    def cut(self, count: int) -> None:
        """Keeps the first `count` due dates."""
        del self.dues[count:], self._agreed[count:]
        self._drop_stubs(count)

    def _drop_stubs(self, count: int) -> None:
        self._stubs = {index: anchor_day for index, anchor_day in self._stubs.items() if index < count}

    @property
    def _anchor_day(self) -> int:
        return self._agreed[-1][1]

    @property
    def irregular(self) -> int:
        """How many periods are not whole by the calendar, or may not be."""
        return len(self._stubs)

    def opens(self, index: int) -> date:
        """The day the period of a due date begins."""
        return self.dues[index - 1] if index else self.start

    def period_ratio(self, index: int, since: date) -> tuple[int, int]:
        """The span from `since` to the due date `index`, as two integers; `since` lies in that period."""
        if since == self.opens(index):
            if self._day_count is not DayCount.PERIOD:
                return span_ratio(self._day_count, since, self.dues[index])
            if index not in self._stubs:
                return self._period.year_ratio()
        return self.within(index, since, self.dues[index]).as_integer_ratio()

    def within(self, index: int, since: date, until: date) -> Fraction:
        """The span between two days of the period of due date `index`. Spans of one period add up exactly."""
        opens = self.opens(index)
        if self._day_count is not DayCount.PERIOD:
            upto = Fraction(*span_ratio(self._day_count, opens, until))
            return upto - Fraction(*span_ratio(self._day_count, opens, since)) if since != opens else upto
        return self._in_period(index, since, until)

    def after(self, due: date, since: date, until: date) -> Fraction:
        """The span between two days after a due date, wherever later due dates lie: for what is overdue."""
        if self._day_count is not DayCount.PERIOD:
            upto = Fraction(*span_ratio(self._day_count, due, until))
            return upto - Fraction(*span_ratio(self._day_count, due, since))
        first, final = bisect_right(self.dues, since), bisect_left(self.dues, until)
        touched = range(first, min(final + 1, len(self.dues)))
        # Between the first and the last, only stubs are not whole periods.
        measured = {index for index in (first, final, *self._stubs) if index in touched}
        total = (len(touched) - len(measured)) * Fraction(*self._period.year_ratio())
        for index in measured:
            total += self._in_period(index, since, until)
        if until > (last := self.dues[-1]):
            anchor_day = self._stubs.get(len(self.dues) - 1, self._anchor_day)
            before = self._periods_past(last, max(since, last), anchor_day)
            total += self._years(self._periods_past(last, until, anchor_day) - before)
        return total

    def _in_period(self, index: int, since: date, until: date) -> Fraction:
        """The part of a stretch that lies in the period of due date `index`."""
        opens, due = self.opens(index), self.dues[index]
        since, until = max(since, opens), min(until, due)
        if since >= until:
            return Fraction(0)
        anchor_day = self._stubs.get(index)
        if anchor_day is None:
            return self._years(Fraction((until - since).days, (due - opens).days))
        return self._years(self._periods_past(due, since, anchor_day) - self._periods_past(due, until, anchor_day))

    def _periods_past(self, anchor: date, day: date, anchor_day: int) -> Fraction:
        """Whole periods between a due date and a day before or after it, and the share of the one that is not whole."""
        whole = periods_between(anchor, day, self._period, anchor_day)
        step = 1 if day >= anchor else -1
        reached = shift(anchor, self._period, step * whole, anchor_day) if whole else anchor
        beyond = shift(anchor, self._period, step * (whole + 1), anchor_day)
        return whole + Fraction((day - reached).days, (beyond - reached).days)

    def _years(self, periods: Fraction) -> Fraction:
        numerator, denominator = self._period.year_ratio()
        return periods * numerator / denominator


def _agreed_days(terms: Terms) -> list[date]:
    """Each due date before it kept to a working day. A listed one that the period does not give is its own."""
    if terms.business_days is None or terms.period.is_too_long(len(terms.dues)):
        return list(terms.dues)
    named = due_dates(terms.first_due_date, terms.period, len(terms.dues), terms.anchor_day)
    pairs = zip(named, terms.dues, strict=True)
    return [day if abs((due - day).days) <= LONGEST_BREAK_DAYS else due for day, due in pairs]
