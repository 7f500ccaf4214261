"""A loan as an auditor looks at it: its story in pages, what does not fit, a day of the past, what replays came to."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date

from books.session import UnitOfWork
from models.histories import ReplayVerdict
from services.story_differences import differences
from services.story_kinds import StoryDifference
from services.timeline import FoundRun, Story, StoryLine, tell
from services.timeline_days import DayState, state_on
from services.timeline_proofs import Proven, prove


@dataclass(frozen=True)
class LoanAudit:
    """A page of a loan's story. `lines` begin after the first `after`; `proofs` are those of their entries, by id.

    `verdicts` holds the last one on each run. `next` is the `after` of the following page, None on the last one.
    """

    story: Story
    differences: Sequence[StoryDifference]
    day: DayState | None
    lines: Sequence[StoryLine]
    proofs: Mapping[str, Proven]
    verdicts: Mapping[str, ReplayVerdict]
    after: int
    next: int | None


def look(
    work: UnitOfWork,
    loan: str,
    runs: Sequence[FoundRun],
    *,
    engine_answered: bool,
    as_of: date | None,
    after: int,
    limit: int,
) -> LoanAudit:
    """The page of at most `limit` lines after the first `after`; with `as_of` also how the loan stood that day.

    Whether somebody may look is for the caller to ask. Raises UnknownLoan and DayToCome.
    """
    story = tell(work, loan, runs, engine_answered=engine_answered)
    whole = LoanAudit(
        story=story,
        differences=differences(work, story),
        day=state_on(story, work.clock, as_of, work.today) if as_of is not None else None,
        lines=(),
        proofs={},
        verdicts={one.run_id: one for one in reversed(work.histories.verdicts(loan))},
        after=0,
        next=None,
    )
    return turn(work, whole, after, limit)


def turn(work: UnitOfWork, seen: LoanAudit, after: int, limit: int) -> LoanAudit:
    """Another page of what was looked at, without telling the story again."""
    lines = seen.story.lines[after : after + limit]
    return replace(
        seen,
        lines=lines,
        proofs=prove(work, list({one.id: one for line in lines for one in line.entries}.values())),
        after=after,
        next=after + limit if after + limit < len(seen.story.lines) else None,
    )
