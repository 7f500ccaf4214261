"""Cases of the past to learn from: facts as they were known, and what became of the loan."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

import numpy as np
from numpy.typing import NDArray

KNOWN_BY: Mapping[str, tuple[str, ...]] = {
    "worst_dpd": ("bureau_found",),
    "overdue_count_24m": ("bureau_found",),
    "history_months": ("bureau_found",),
    "debt_ratio_bp": ("income_known",),
    "stated_to_known_income_bp": ("bureau_found",),
    "full_time_student": ("enrolment_known",),
    "bureau_debt_bp": ("bureau_known",),
    "bureau_blacklisted": ("bureau_known",),
    "bureau_months": ("bureau_known",),
}
"""Facts that hold a stand-in where a register knew nothing, and the facts that say whether it did."""


@dataclass(frozen=True)
class Cases:
    """Cases by day, the earliest first. `bad` are the defaults.

    `groups` say by the name of a grouping to which group each case belongs, for figures of fairness alone: training
    never looks at them.
    """

    days: Sequence[date]
    facts: Sequence[Mapping[str, Any]]
    bad: NDArray[np.bool_]
    known_by: Mapping[str, tuple[str, ...]]
    groups: Mapping[str, Sequence[str]] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.facts)

    def where(self, asked: Callable[[date], bool]) -> "Cases":
        """The cases of the days that are asked for."""
        kept = [place for place, day in enumerate(self.days) if asked(day)]
        return Cases(
            [self.days[place] for place in kept],
            [self.facts[place] for place in kept],
            self.bad[kept],
            self.known_by,
            {name: [of[place] for place in kept] for name, of in self.groups.items()},
        )
