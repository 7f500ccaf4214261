"""What rules for reminders may ask, and the windows in them: rights that end on a day, told of before they do."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from string import Formatter
from typing import Any

from lending.duedates import Period, PeriodUnit, shift
from services.forms import Sentence
from services.policy_cells import Problem
from services.policy_tables import BOOLEAN, INTEGER, STRING

REMINDER_FACTS: Mapping[str, str] = {
    "amount_fen": INTEGER,
    "grade": STRING,
    "first_installment": BOOLEAN,
    "was_late": BOOLEAN,
    "high_risk": BOOLEAN,
}
"""What is known of every running loan: the approved sum, its grade (empty for a loan that was taken over), whether the
installment to come is the first, whether one was ever late, and whether the loan is high risk."""

ANCHORS = {"graduation": "subsidised_until"}
"""From which day a window may count, and the field of the terms that has it."""
MOST_WINDOWS = 10
LONGEST_MONTHS = 240
LONGEST_SENTENCE = 200


@dataclass(frozen=True)
class Window:
    """A right that a borrower has for some months from a day on, and how many days before its end he is told of it.

    `sentences` say it by language; `{until}` in them stands for the last day.
    """

    code: str
    anchor: str
    months: int
    remind_days_before: int
    sentences: Mapping[str, str]

    def opens_on(self, terms: Mapping[str, Any]) -> date | None:
        """The first day for a loan of these terms; None for one that does not have the day from which it counts."""
        found = terms.get(ANCHORS[self.anchor])
        return date.fromisoformat(found) if found else None

    def closes_on(self, opens_on: date) -> date:
        """The last day."""
        return shift(opens_on, Period(PeriodUnit.MONTH, 1), self.months, opens_on.day)

    def told_on(self, opens_on: date) -> date:
        """The day on which the borrower is told."""
        return self.closes_on(opens_on) - timedelta(days=self.remind_days_before)

    def says(self, language: str, closes_on: date) -> str:
        """The sentence in a language."""
        return self.sentences[language].format(until=closes_on.isoformat())


def windows_of(content: Mapping[str, Any]) -> tuple[Window, ...]:
    """The windows of a version without problems; it may have none."""
    return tuple(
        Window(one["code"], one["from"], one["months"], one["remind_days_before"], one["sentences"])
        for one in content.get("windows", [])
    )


def window_problems(content: Mapping[str, Any]) -> Iterator[Problem]:
    """What forbids to publish these windows."""
    windows = content.get("windows", [])
    if not isinstance(windows, list) or len(windows) > MOST_WINDOWS:
        yield _problem(f"windows must be a list of at most {MOST_WINDOWS}", f"windows 应为至多{MOST_WINDOWS}项的列表")
        return
    seen = set()
    for number, one in enumerate(windows, 1):
        if not _is_window(one):
            yield _problem(
                f"window {number} needs a code, from one of {', '.join(ANCHORS)}, months (1 to {LONGEST_MONTHS}), "
                "remind_days_before (within these months) and sentences in both languages with {until} alone",
                f"第{number}个窗口应有 code、from（{'、'.join(ANCHORS)}）、months（1至{LONGEST_MONTHS}）、"
                "remind_days_before（不超过窗口长度）和仅含 {until} 的中英文说明",
            )
        elif one["code"] in seen:
            yield _problem(f"window {one['code']} is there twice", f"窗口 {one['code']} 重复")
        else:
            seen.add(one["code"])


def _is_window(one: Any) -> bool:
    try:
        code, sentences = one["code"], one["sentences"]
        return (
            isinstance(code, str)
            and code.isidentifier()
            and len(code) <= 40
            and one["from"] in ANCHORS
            and type(one["months"]) is int
            and 0 < one["months"] <= LONGEST_MONTHS
            and type(one["remind_days_before"]) is int
            and 0 <= one["remind_days_before"] <= one["months"] * 28
            and all(
                isinstance(sentences[language], str)
                and 0 < len(sentences[language]) <= LONGEST_SENTENCE
                and [named for _, named, _, _ in Formatter().parse(sentences[language]) if named is not None]
                == ["until"]
                for language in ("en", "zh")
            )
        )
    except (KeyError, TypeError, ValueError):
        return False


def _problem(en: str, zh: str) -> Problem:
    return Problem(Sentence(en, zh))
