"""Early warnings for the people who act on them: the list with reasons, and how good past warnings were."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from books.behaviour import Place, WarningFilter
from books.session import UnitOfWork
from lending.behaviour import LATE_FROM_DPD, MONTHS_AHEAD, Foresight, foresight, month_number, months_before
from lending.money import yuan
from models.behaviour import BehaviourScore, EarlyWarning, Urgency
from models.loans import Loan
from models.months import Month
from models.staff import Actor
from services import audit
from services.csv_files import LINES_A_PIECE, as_text, csv_pieces
from services.permissions import Action, require
from services.scorecards import scorecard
from services.warning_words import CAUSES, Cause

PAGE = 50
PLACE_PATTERN = r"^[12]_-?[0-9]{1,6}_L[0-9]{8,12}$"
"""What a place in the list looks like in an address."""
MONTHS_CHECKED = 12
"""How many months of warnings are looked at to say how good they were."""
MOST_IN_A_FILE = 20_000

URGENCIES: Mapping[int, str] = {Urgency.SERIOUS: "serious", Urgency.WATCH: "watch"}
"""How an urgency is spelled outside the books."""


@dataclass(frozen=True)
class ListedWarning:
    """A warning with its loan: what changed, and what costs the most points."""

    warning: EarlyWarning
    loan: Loan
    causes: tuple[Cause, ...]
    reasons: tuple[Cause, ...]

    @property
    def urgency(self) -> str:
        """How urgent it is."""
        return URGENCIES[self.warning.urgency]

    @property
    def next_steps(self) -> list[tuple[str, str]]:
        """What to do, in English and Chinese, each thing once."""
        return list(dict.fromkeys((cause.next_en, cause.next_zh) for cause in self.causes))

    @property
    def place(self) -> Place:
        """Where it stands in the list."""
        return self.warning.urgency, self.warning.points, self.warning.loan


def spelled(place: Place) -> str:
    """A place in the list as it stands in an address."""
    return "_".join(map(str, place))


def place_of(text: str) -> Place | None:
    """The place that an address names; None for what is none."""
    if re.fullmatch(PLACE_PATTERN, text) is None:
        return None
    urgency, points, loan = text.split("_")
    return int(urgency), int(points), loan


def newest_month(work: UnitOfWork, actor: Actor) -> str | None:
    """The newest month in which every running loan is scored; None before the first."""
    require(actor, Action.SEE_WARNINGS)
    return work.behaviour.last_month()


def early_warnings(
    work: UnitOfWork, actor: Actor, wanted: WarningFilter, after: Place | None = None, limit: int = PAGE
) -> list[ListedWarning]:
    """The warnings of a month that this person may see, the most urgent and weakest loans first, those after a place.

    An agent sees those of his customers, a manager those of the team, risk and auditors all.
    """
    require(actor, Action.SEE_WARNINGS)
    return [_listed(work, warning, loan) for warning, loan in work.behaviour.warnings(actor, wanted, after, limit)]


def _listed(work: UnitOfWork, warning: EarlyWarning, loan: Loan) -> ListedWarning:
    causes = tuple(CAUSES[code] for code in warning.causes)
    return ListedWarning(warning, loan, causes, _reasons(work, warning.policy_id, warning.reasons))


def _reasons(work: UnitOfWork, policy_id: str, codes: list[str]) -> tuple[Cause, ...]:
    sentences = scorecard(work, policy_id).sentences
    return tuple(Cause(code, sentences[code]["en"], sentences[code]["zh"]) for code in codes)


@dataclass(frozen=True)
class Behaviour:
    """How the borrower of a loan behaved in its newest scored month, and what was warned of in it."""

    score: BehaviourScore
    reasons: tuple[Cause, ...]
    warning: ListedWarning | None


def behaviour_of(work: UnitOfWork, loan: Loan) -> Behaviour | None:
    """For who sees the case of a loan; None before its first score."""
    score = work.behaviour.newest_score(loan.number) if loan.disbursed_on is not None else None
    if score is None:
        return None
    warning = work.behaviour.warning(loan.number, score.month)
    return Behaviour(
        score, _reasons(work, score.policy_id, score.reasons), _listed(work, warning, loan) if warning else None
    )


def begin_export(work: UnitOfWork, actor: Actor, wanted: WarningFilter) -> None:
    """Writes down that a list is taken out of the house."""
    require(actor, Action.SEE_WARNINGS)
    asked = {"month": wanted.month, "product": wanted.product, "urgency": wanted.urgency, "band": wanted.band}
    audit.record(work, actor, "warnings_exported", after=asked)


def csv_lines(work: UnitOfWork, actor: Actor, wanted: WarningFilter, locale: str) -> Iterator[str]:
    """The whole list as CSV with a header in one language, some hundred lines at a time; sums in yuan.

    A name is not in it: the number of the loan leads to it.
    """
    require(actor, Action.SEE_WARNINGS)
    columns = ("month", "loan", "product", "urgency", "points", "points_before", "band", "band_before")
    header = (*columns, "dpd", "outstanding", "causes", "next_steps", "reasons")
    language = "zh" if locale.startswith("zh") else "en"
    return csv_pieces(header, (_line(one, language) for one in _of_file(work, actor, wanted)))


def _of_file(work: UnitOfWork, actor: Actor, wanted: WarningFilter) -> Iterator[ListedWarning]:
    after: Place | None = None
    for _ in range(MOST_IN_A_FILE // LINES_A_PIECE):
        found = early_warnings(work, actor, wanted, after, LINES_A_PIECE)
        yield from found
        if len(found) < LINES_A_PIECE:
            return
        after = found[-1].place


def _line(one: ListedWarning, language: str) -> list[object]:
    warning, loan = one.warning, one.loan
    return [
        *(warning.month, warning.loan, loan.product, one.urgency),
        *(warning.points, warning.points_before, warning.band, warning.band_before),
        *(loan.dpd, yuan(loan.outstanding_fen)),
        " ".join(getattr(cause, language) for cause in one.causes),
        " ".join(zh if language == "zh" else en for en, zh in one.next_steps),
        as_text(" ".join(getattr(reason, language) for reason in one.reasons)),
    ]


def how_good(work: UnitOfWork, actor: Actor) -> Foresight:
    """Of the warnings of the last twelve months that are old enough: how many came true, and what they missed.

    Over all loans, whoever asks. A loan that was closed in between did not become late.
    """
    require(actor, Action.SEE_WARNINGS)
    newest = work.behaviour.last_month()
    if newest is None:
        return Foresight(0, 0, 0, 0)
    since = str(Month.of(months_before(Month.parse(newest).first, MONTHS_CHECKED + MONTHS_AHEAD - 1)))
    warned = work.behaviour.warned_since(since)
    late = work.behaviour.late_since(since, LATE_FROM_DPD)
    scored = work.behaviour.months_scored({loan for _, loan in late}, since)
    return foresight(_numbered(scored), _numbered(warned), _numbered(late), month_number(newest))


def _numbered(found: list[tuple[str, str]]) -> set[tuple[int, str]]:
    return {(month_number(month), loan) for month, loan in found}
