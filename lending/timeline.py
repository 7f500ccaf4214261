"""The calendar of one loan: its due dates, and how long a stretch of days is measured on them."""

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from datetime import date
from fractions import Fraction

from lending.daycount import DayCount, span_ratio
from lending.duedates import shift
from lending.terms import Terms


class Timeline:
    """Due dates from the disbursement on, and spans of time in the unit of the rate.

    Day count `period`: a whole period between two due dates counts as one period whatever its days, a part of it by
    its share of the period's actual days. A stub is measured on whole periods counted back from its due date.
    """

    def __init__(self, terms: Terms) -> None:
        self._day_count = terms.day_count
        self._period = terms.period
        self._anchor_day = terms.anchor_day
        self.start = terms.disbursement_date
        self.dues: list[date] = list(terms.dues)
        self._stubs = {0}
        self._grids: dict[int, list[tuple[date, date, int]]] = {}

    def extend(self, periods: int) -> None:
        """Adds due dates at the end, one period after another."""
        last = self.dues[-1]
        self.dues += [shift(last, self._period, count, self._anchor_day) for count in range(1, periods + 1)]

    def add_due(self, day: date) -> None:
        """Adds one due date of its own at the end."""
        self._stubs.add(len(self.dues))
        self.dues.append(day)

    def move(self, index: int, day: date) -> None:
        """Puts a due date on another day; those after it follow period by period."""
        self._anchor_day = day.day
        following = range(1, len(self.dues) - index)
        self.dues[index:] = [day, *(shift(day, self._period, count, day.day) for count in following)]
        self._stubs = {stub for stub in self._stubs if stub < index} | {index}
        self._grids.clear()

    def cut(self, count: int) -> None:
        """Keeps the first `count` due dates."""
        del self.dues[count:]

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
        return self._on_grid(self._grid(index), since, until)

    def after(self, due: date, since: date, until: date) -> Fraction:
        """The span between two days after a due date, wherever later due dates lie: for what is overdue."""
        if self._day_count is not DayCount.PERIOD:
            upto = Fraction(*span_ratio(self._day_count, due, until))
            return upto - Fraction(*span_ratio(self._day_count, due, since))
        first, last = bisect_right(self.dues, since), bisect_left(self.dues, until)
        touched = range(first, min(last + 1, len(self.dues)))
        # Between the first and the last, only stubs are not whole periods.
        measured = {index for index in (first, last, *self._stubs) if index in touched}
        total = (len(touched) - len(measured)) * Fraction(*self._period.year_ratio())
        for index in measured:
            total += self._on_grid(self._grid(index), since, min(until, self.dues[index]))
        start, count = self.dues[-1], 1
        while start < until:
            end = shift(self.dues[-1], self._period, count, self._anchor_day)
            total += self._on_grid([(start, end, (end - start).days)], max(since, start), until)
            start, count = end, count + 1
        return total

    def _grid(self, index: int) -> list[tuple[date, date, int]]:
        """The stretches of a period, the last first: from, to, and the days of the whole period each belongs to."""
        known = self._grids.get(index)
        if known is not None:
            return known
        opens, due = self.opens(index), self.dues[index]
        if index not in self._stubs:
            return [(opens, due, (due - opens).days)]
        grid = []
        end, count = due, 1
        while end > opens:
            begin = shift(due, self._period, -count, self._anchor_day)
            grid.append((max(begin, opens), end, (end - begin).days))
            end, count = begin, count + 1
        self._grids[index] = grid
        return grid

    def _on_grid(self, grid: Sequence[tuple[date, date, int]], since: date, until: date) -> Fraction:
        numerator, denominator = self._period.year_ratio()
        periods = Fraction(0)
        for begin, end, days in grid:
            overlap = (min(until, end) - max(since, begin)).days
            if overlap > 0:
                periods += Fraction(overlap, days)
        return periods * numerator / denominator
