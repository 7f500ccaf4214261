"""What a student may borrow: the household's income a head, the need of a year, the year's limit, step by step.

The level of hardship and the share of the need that goes with it are rules of the lender and come from outside; so does
the yearly limit, which is the state's. Everything here is arithmetic in fen, and each step says what it reckoned.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Self

from lending.errors import LendingError
from lending.money import Rounding, round_ratio

WHOLE_BP = 10_000
"""All of the need, in basis points."""
YUAN_FEN = 100


class InvalidClaim(LendingError):
    """Figures that cannot be: a negative sum, a household of nobody, a share above the whole."""

    code = "invalid_claim"
    http_status = 422


class StepName(StrEnum):
    """What a step reckons."""

    INCOME_PER_HEAD = "income_per_head"
    NEED = "need"
    LEVEL = "level"
    YEARLY_LIMIT = "yearly_limit"
    AMOUNT = "amount"


@dataclass(frozen=True, slots=True)
class Step:
    """One step with its figures by name, sums in fen, and what it says in both languages."""

    name: StepName
    figures: Mapping[str, int]
    en: str
    zh: str

    def as_json(self) -> dict[str, Any]:
        """As it is kept beside the facts of a grading."""
        return {"name": self.name.value, "figures": dict(self.figures), "en": self.en, "zh": self.zh}

    @classmethod
    def from_json(cls, kept: Mapping[str, Any]) -> Self:
        """The same read back."""
        return cls(StepName(kept["name"]), kept["figures"], kept["en"], kept["zh"])


@dataclass(frozen=True, slots=True)
class Claim:
    """What a student asks for and states, in fen a year; None is what he did not state.

    `lent_fen` is what he has of the same academic year already.
    """

    asked_fen: int
    fees_fen: int
    living_fen: int | None
    household_income_fen: int
    household_size: int | None
    lent_fen: int = 0

    def __post_init__(self) -> None:
        sums = (self.asked_fen, self.fees_fen, self.living_fen or 0, self.household_income_fen, self.lent_fen)
        if min(sums) < 0:
            raise InvalidClaim("no sum of a claim is below zero")
        if self.household_size is not None and self.household_size < 1:
            raise InvalidClaim("a household has one person at least")


@dataclass(frozen=True, slots=True)
class Award:
    """The most that may be lent, and how it was found."""

    amount_fen: int
    steps: tuple[Step, ...]


LEVELS: Mapping[str, tuple[str, str]] = {
    "none": ("no hardship", "不困难"),
    "some": ("some hardship", "一般困难"),
    "great": ("great hardship", "困难"),
    "extreme": ("extreme hardship", "特别困难"),
}
"""The names of the levels in both languages."""


def income_per_head(income_fen: int, size: int | None) -> int:
    """The household's income a year by its members, rounded down; the whole of it where their number is not known."""
    return income_fen // (size or 1)


def need_of(claim: Claim) -> int:
    """Fees and living costs of a year, in fen; living costs that were not stated are none."""
    return claim.fees_fen + (claim.living_fen or 0)


def award(
    claim: Claim, level: str, share_bp: int, yearly_limit_fen: int, *, limit_for_unstated_need: bool = False
) -> Award:
    """The most that may be lent: never more than was asked, than the share of the need, or than is left of the year.

    The share is rounded down to whole yuan. Where the living costs are not stated, the fees alone are the need, so that
    leaving them out never gives more; the step says what to do. `limit_for_unstated_need` reckons a case of before: the
    yearly limit stood for a need without living costs, and no share was taken of it.

    Raises InvalidClaim for a level that is none, a share that is not from 0 to 10,000, or a limit below zero.
    """
    if level not in LEVELS:
        raise InvalidClaim(f"{level} is no level of hardship")
    if not 0 <= share_bp <= WHOLE_BP:
        raise InvalidClaim("a share of the need is from 0 to 10000 basis points")
    if yearly_limit_fen < 0:
        raise InvalidClaim("a yearly limit is not below zero")
    need_fen = None if limit_for_unstated_need and claim.living_fen is None else need_of(claim)
    if need_fen is None:
        share_fen = yearly_limit_fen
    else:
        share_fen = round_ratio(need_fen * share_bp, WHOLE_BP, Rounding.FLOOR, YUAN_FEN)
    left_fen = max(yearly_limit_fen - claim.lent_fen, 0)
    amount_fen = min(claim.asked_fen, share_fen, left_fen)
    return Award(
        amount_fen,
        (
            _income_step(claim),
            _need_step(claim, need_fen, yearly_limit_fen),
            _level_step(level, share_bp, share_fen, need_fen),
            _limit_step(claim, yearly_limit_fen, left_fen),
            _amount_step(claim, share_fen, left_fen, amount_fen),
        ),
    )


def _income_step(claim: Claim) -> Step:
    income, size = claim.household_income_fen, claim.household_size
    if size is None:
        return Step(
            StepName.INCOME_PER_HEAD,
            {"household_income_fen": income},
            f"The household has {_yuan(income)} yuan a year; how many live on it was not stated, "
            "so its income a head is not known.",
            f"家庭年收入{_yuan(income)}元，未填家庭人口数，无法计算人均收入。",
        )
    per_head = income_per_head(income, size)
    return Step(
        StepName.INCOME_PER_HEAD,
        {"household_income_fen": income, "household_size": size, "income_per_head_fen": per_head},
        f"The household has {_yuan(income)} yuan a year for {size}: {_yuan(per_head)} yuan a head.",
        f"家庭年收入{_yuan(income)}元，共{size}人，人均年收入{_yuan(per_head)}元。",
    )


def _need_step(claim: Claim, need_fen: int | None, yearly_limit_fen: int) -> Step:
    fees = claim.fees_fen
    if need_fen is None:
        return Step(
            StepName.NEED,
            {"fees_fen": fees, "yearly_limit_fen": yearly_limit_fen},
            f"Fees are {_yuan(fees)} yuan a year; the living costs were not stated, so the need is not known: the "
            f"yearly limit of {_yuan(yearly_limit_fen)} yuan stands for it, and a person has to ask.",
            f"每年学费{_yuan(fees)}元，未填生活费，无法计算需求，按年度限额{_yuan(yearly_limit_fen)}元计，需人工核实。",
        )
    if claim.living_fen is None:
        return Step(
            StepName.NEED,
            {"fees_fen": fees, "need_fen": need_fen},
            f"Living costs were not stated, so the fees of {_yuan(fees)} yuan are the whole need of the year; state "
            "what a year of living costs if more is needed.",
            f"未填生活费，仅按学费{_yuan(fees)}元计算全年需求；如需更多，请填写每年生活费。",
        )
    return Step(
        StepName.NEED,
        {"fees_fen": fees, "living_fen": claim.living_fen, "need_fen": need_fen},
        f"Fees of {_yuan(fees)} yuan and living costs of {_yuan(claim.living_fen)} yuan make a need of "
        f"{_yuan(need_fen)} yuan a year.",
        f"每年学费{_yuan(fees)}元，生活费{_yuan(claim.living_fen)}元，合计需求{_yuan(need_fen)}元。",
    )


def _level_step(level: str, share_bp: int, share_fen: int, need_fen: int | None) -> Step:
    en, zh = LEVELS[level]
    if need_fen is None:
        return Step(
            StepName.LEVEL,
            {"share_fen": share_fen},
            f"The rules find {en}; of a need that is not known no share can be reckoned.",
            f"认定等级：{zh}；需求未知，不计算可贷比例。",
        )
    percent = _percent(share_bp)
    return Step(
        StepName.LEVEL,
        {"share_bp": share_bp, "share_fen": share_fen},
        f"The rules find {en}: {percent} % of the need may be lent, {_yuan(share_fen)} yuan.",
        f"认定等级：{zh}，可贷需求的{percent}%，即{_yuan(share_fen)}元。",
    )


def _limit_step(claim: Claim, yearly_limit_fen: int, left_fen: int) -> Step:
    lent = claim.lent_fen
    return Step(
        StepName.YEARLY_LIMIT,
        {"yearly_limit_fen": yearly_limit_fen, "lent_fen": lent, "left_fen": left_fen},
        f"The yearly limit is {_yuan(yearly_limit_fen)} yuan, other student loans of this academic year are "
        f"{_yuan(lent)} yuan: {_yuan(left_fen)} yuan are left.",
        f"年度限额{_yuan(yearly_limit_fen)}元，本学年其他助学贷款{_yuan(lent)}元，剩余{_yuan(left_fen)}元。",
    )


def _amount_step(claim: Claim, share_fen: int, left_fen: int, amount_fen: int) -> Step:
    asked = claim.asked_fen
    return Step(
        StepName.AMOUNT,
        {"asked_fen": asked, "share_fen": share_fen, "left_fen": left_fen, "amount_fen": amount_fen},
        f"The least of what was asked ({_yuan(asked)}), the share of the need ({_yuan(share_fen)}) and what is left of "
        f"the year ({_yuan(left_fen)}) is the most that may be lent: {_yuan(amount_fen)} yuan.",
        f"申请金额{_yuan(asked)}元、可贷需求{_yuan(share_fen)}元、本学年剩余{_yuan(left_fen)}元，"
        f"取最小者，最高可贷{_yuan(amount_fen)}元。",
    )


def _yuan(fen: int) -> str:
    """A sum as it stands in a sentence: grouped, with its cents if it has any."""
    whole, cents = divmod(fen, YUAN_FEN)
    return f"{whole:,}" + (f".{cents:02d}" if cents else "")


def _percent(basis_points: int) -> str:
    whole, rest = divmod(basis_points, 100)
    return f"{whole}.{rest:02d}".rstrip("0") if rest else str(whole)
