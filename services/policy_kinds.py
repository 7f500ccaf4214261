"""The kinds of policies: what each answers and asks, what its last row says, and on what past a draft is tried."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import Enum, auto
from typing import Any

from lending import scorecard
from lending.hardship import LEVELS
from models.policies import PolicyKind
from services.forms import Sentence
from services.policy_cells import (
    Output,
    Problem,
    codes,
    one_of,
    rate_a_year,
    reasons,
    sum_of_money,
    whole_number,
    whole_numbers,
)
from services.policy_tables import BOOLEAN, INTEGER, STRING

REFER, REFUSE, PASS = "refer", "refuse", "pass"
GRADES = ("A", "B", "C", "D", "E")
DECIDERS = ("manager", "risk", "finance", "nobody")
LONGEST_REMINDER_DAYS = 3650


class Past(Enum):
    """On what a draft is tried before it can be published."""

    DECISIONS = auto()
    """The decisions of past applications, taken again with the draft in its place of the chain, or with its score."""
    ANSWERS = auto()
    """Its own answers about past applications."""
    PROPOSALS = auto()
    """Its own answers about past proposals to change a running loan."""
    NOTHING = auto()
    """There are no past cases; it is published without a back-test."""


@dataclass(frozen=True)
class Kind:
    """A kind of policy.

    `outputs` are what a table of it answers; those in `optional` may be left out, all of them together. `last_row` is
    what the row that takes every case must say. `main` is the output that a comparison counts by. `asks` are facts that
    the core adds for it, `gives` the facts that its answers become for the tables after it: fact by output. `problems`
    checks a content that is no decision table.
    """

    code: PolicyKind
    outputs: Mapping[str, Output]
    past: Past
    main: str
    optional: frozenset[str] = frozenset()
    last_row: Mapping[str, str] = field(default_factory=dict)
    asks: Mapping[str, str] = field(default_factory=dict)
    gives: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    problems: Callable[[Mapping[str, Any], Mapping[str, str] | None], list[Problem]] | None = None

    @property
    def is_table(self) -> bool:
        """Whether its content is a decision table."""
        return self.problems is None


def _scorecard_problems(content: Mapping[str, Any], facts: Mapping[str, str] | None) -> list[Problem]:
    return [_problem(flaw) for flaw in scorecard.problems(content, facts)]


def _problem(flaw: scorecard.Flaw) -> Problem:
    if flaw.bin is None:
        return Problem(Sentence(flaw.en, flaw.zh), None, flaw.variable)
    return Problem(Sentence(f"bin {flaw.bin} {flaw.en}", f"第{flaw.bin}个分箱：{flaw.zh}"), None, flaw.variable)


_AFTER_GRADING = {"product": STRING, "grade": STRING, "outcome": STRING, "unanswered": BOOLEAN, "total_fen": INTEGER}
_AND_LIMIT = {"limit_fen": INTEGER, "within_limit": BOOLEAN}

KINDS: Mapping[PolicyKind, Kind] = {
    kind.code: kind
    for kind in (
        Kind(
            PolicyKind.KNOCKOUT,
            {"outcome": one_of(PASS, REFUSE), "reasons": reasons(may_be_none=True)},
            Past.DECISIONS,
            "outcome",
            last_row={"outcome": PASS},
        ),
        Kind(
            PolicyKind.GRADING,
            {
                "outcome": one_of(REFER, REFUSE),
                "grade": one_of(*GRADES),
                "limit_fen": sum_of_money(),
                "annual_rate_percent": rate_a_year(),
                "reasons": reasons(),
            },
            Past.DECISIONS,
            "grade",
            optional=frozenset({"limit_fen", "annual_rate_percent"}),
            last_row={"outcome": REFER},
        ),
        Kind(
            PolicyKind.PRICING,
            {"limit_fen": sum_of_money(), "annual_rate_percent": rate_a_year(), "reasons": reasons(may_be_none=True)},
            Past.DECISIONS,
            "annual_rate_percent",
            optional=frozenset({"reasons"}),
            asks={"grade": STRING},
        ),
        Kind(
            PolicyKind.HARDSHIP,
            {"level": one_of(*LEVELS), "share_bp": whole_number(0, 10_000), "reasons": reasons()},
            Past.ANSWERS,
            "level",
            gives={"level": ("hardship_level", STRING), "share_bp": ("share_bp", INTEGER)},
        ),
        Kind(
            PolicyKind.YEARLY_LIMIT,
            {"limit_fen": sum_of_money(), "reasons": reasons()},
            Past.ANSWERS,
            "limit_fen",
            gives={"limit_fen": ("yearly_limit_fen", INTEGER)},
        ),
        Kind(
            PolicyKind.AUTHORITY,
            {"decided_by": one_of(*DECIDERS), "people": whole_number(1, 2), "reasons": reasons()},
            Past.ANSWERS,
            "decided_by",
            asks=_AFTER_GRADING,
        ),
        Kind(
            PolicyKind.DOCUMENTS,
            {"required": codes(), "reasons": reasons()},
            Past.ANSWERS,
            "required",
        ),
        Kind(
            PolicyKind.FAST_LANE,
            {"outcome": one_of("approve", "person"), "reasons": reasons()},
            Past.ANSWERS,
            "outcome",
            last_row={"outcome": "person"},
            asks=_AFTER_GRADING | _AND_LIMIT,
        ),
        Kind(
            PolicyKind.REMINDERS,
            {
                "before_days": whole_numbers(0, LONGEST_REMINDER_DAYS),
                "overdue_days": whole_numbers(1, LONGEST_REMINDER_DAYS),
            },
            Past.NOTHING,
            "before_days",
        ),
        Kind(PolicyKind.SCORECARD, {}, Past.DECISIONS, "points", problems=_scorecard_problems),
    )
}
"""Every kind there is."""

CHAIN = (PolicyKind.KNOCKOUT, PolicyKind.GRADING, PolicyKind.PRICING)
"""The tables that decide a case, in the order in which they are asked."""
PRIOR = (PolicyKind.DOCUMENTS, PolicyKind.HARDSHIP, PolicyKind.YEARLY_LIMIT)
"""The tables that are asked before the chain: what they answer are facts to it. None of them asks another."""


def kind_of(name: str) -> Kind:
    """The kind of a policy by its name; LookupError if the name says none."""
    code = name.partition("-")[0]
    if code not in [one.value for one in PolicyKind]:
        raise LookupError(f"{code} is no kind of policy")
    return KINDS[PolicyKind(code)]


def scope_of(name: str) -> str:
    """What a policy decides about: a product's code, or a part of the core."""
    return name.partition("-")[2]


def name_of(kind: PolicyKind, scope: str) -> str:
    """The name of a policy."""
    return f"{kind}-{scope}"


BEHAVIOUR_CARD = name_of(PolicyKind.SCORECARD, "behaviour")
"""The scorecard of running loans; all others are of products."""


def past_of(name: str) -> Past:
    """On what a draft of this name is tried."""
    return _OTHER_PASTS.get(name) or kind_of(name).past


_OTHER_PASTS = {
    name_of(PolicyKind.AUTHORITY, "changes"): Past.PROPOSALS,
    # It warns of running loans and decides nothing.
    BEHAVIOUR_CARD: Past.NOTHING,
}
