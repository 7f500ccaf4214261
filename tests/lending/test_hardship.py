"""What a student may borrow: examples by hand, and what holds for every claim."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lending.hardship import LEVELS, Claim, InvalidClaim, Step, StepName, award, income_per_head, need_of

CLAIM = Claim(
    asked_fen=1_500_000,
    fees_fen=600_000,
    living_fen=1_000_000,
    household_income_fen=5_000_000,
    household_size=3,
)
LIMIT = 2_000_000

sums = st.integers(0, 10**9)
claims = st.builds(
    Claim,
    asked_fen=sums,
    fees_fen=sums,
    living_fen=st.none() | sums,
    household_income_fen=sums,
    household_size=st.none() | st.integers(1, 20),
    lent_fen=sums,
)


@pytest.mark.parametrize(
    ("claim", "share_bp", "limit", "amount"),
    [
        (CLAIM, 10_000, LIMIT, 1_500_000),
        (CLAIM, 9_000, LIMIT, 1_440_000),
        # 16,000.50 yuan at 85 % are 13,600.425, of which whole yuan are lent.
        (replace(CLAIM, fees_fen=600_050), 8_500, LIMIT, 1_360_000),
        (replace(CLAIM, lent_fen=1_200_000), 10_000, LIMIT, 800_000),
        (replace(CLAIM, lent_fen=2_000_001), 10_000, LIMIT, 0),
        (CLAIM, 10_000, 1_100_000, 1_100_000),
        # The fees alone, of which the share is taken as of any need.
        (replace(CLAIM, living_fen=None), 8_500, LIMIT, 510_000),
        (replace(CLAIM, living_fen=None, fees_fen=500_000, asked_fen=2_000_000), 8_500, LIMIT, 425_000),
        (replace(CLAIM, living_fen=600_000, fees_fen=500_000, asked_fen=2_000_000), 8_500, LIMIT, 935_000),
        (replace(CLAIM, living_fen=None), 10_000, LIMIT, 600_000),
        (replace(CLAIM, living_fen=None, lent_fen=1_700_000), 8_500, LIMIT, 300_000),
        (CLAIM, 0, LIMIT, 0),
        (CLAIM, 10_000, 0, 0),
    ],
)
def test_the_least_of_asked_share_and_what_is_left_is_lent(
    claim: Claim, share_bp: int, limit: int, amount: int
) -> None:
    assert award(claim, "great", share_bp, limit).amount_fen == amount


@given(claims, st.sampled_from(sorted(LEVELS)), st.integers(0, 10_000), sums)
def test_never_above_what_was_asked_the_need_or_what_is_left_of_the_year(
    claim: Claim, level: str, share_bp: int, limit: int
) -> None:
    amount = award(claim, level, share_bp, limit).amount_fen
    assert 0 <= amount <= min(claim.asked_fen, need_of(claim), max(limit - claim.lent_fen, 0))


@given(claims, sums, st.sampled_from(sorted(LEVELS)), st.integers(0, 10_000), sums)
def test_leaving_living_costs_out_never_gives_more(
    claim: Claim, living: int, level: str, share_bp: int, limit: int
) -> None:
    stated, silent = replace(claim, living_fen=living), replace(claim, living_fen=None)
    assert award(silent, level, share_bp, limit).amount_fen <= award(stated, level, share_bp, limit).amount_fen


@pytest.mark.parametrize(
    ("changes", "amount"),
    [({}, 1_500_000), ({"asked_fen": 2_000_000}, 2_000_000), ({"lent_fen": 700_000}, 1_300_000)],
)
def test_a_case_of_before_is_reckoned_as_it_was_then(changes: dict[str, int], amount: int) -> None:
    silent = replace(CLAIM, living_fen=None, **changes)
    before = award(silent, "none", 8_500, LIMIT, limit_for_unstated_need=True)
    assert before.amount_fen == amount
    assert "the yearly limit of 20,000 yuan stands for it, and a person has to ask" in before.steps[1].en
    assert "no share can be reckoned" in before.steps[2].en
    assert "不计算可贷比例" in before.steps[2].zh
    stated = replace(CLAIM, **changes)
    assert award(stated, "none", 8_500, LIMIT, limit_for_unstated_need=True) == award(stated, "none", 8_500, LIMIT)


@given(claims, st.integers(0, 10_000), st.integers(0, 10_000), sums, sums)
def test_a_smaller_share_more_lent_or_less_asked_never_gives_more(
    claim: Claim, share_bp: int, other_bp: int, limit: int, more: int
) -> None:
    least, most = sorted((share_bp, other_bp))
    amount = award(claim, "some", most, limit).amount_fen
    assert award(claim, "some", least, limit).amount_fen <= amount
    assert award(replace(claim, lent_fen=claim.lent_fen + more), "some", most, limit).amount_fen <= amount
    assert award(replace(claim, asked_fen=claim.asked_fen // 2), "some", most, limit).amount_fen <= amount


@given(claims, st.sampled_from(sorted(LEVELS)), st.integers(0, 10_000), sums)
def test_the_steps_hold_every_figure_and_come_back_from_what_is_kept(
    claim: Claim, level: str, share_bp: int, limit: int
) -> None:
    found = award(claim, level, share_bp, limit)
    assert [step.name for step in found.steps] == list(StepName)
    figures = {name: value for step in found.steps for name, value in step.figures.items()}
    assert figures["amount_fen"] == found.amount_fen
    assert found.amount_fen == min(figures["asked_fen"], figures["share_fen"], figures["left_fen"])
    assert tuple(Step.from_json(step.as_json()) for step in found.steps) == found.steps


def test_each_step_says_its_figures_in_both_languages() -> None:
    steps = award(replace(CLAIM, lent_fen=300_050), "some", 9_000, LIMIT).steps
    assert [step.en for step in steps] == [
        "The household has 50,000 yuan a year for 3: 16,666.66 yuan a head.",
        "Fees of 6,000 yuan and living costs of 10,000 yuan make a need of 16,000 yuan a year.",
        "The rules find some hardship: 90 % of the need may be lent, 14,400 yuan.",
        "The yearly limit is 20,000 yuan, other student loans of this academic year are 3,000.50 yuan: "
        "16,999.50 yuan are left.",
        "The least of what was asked (15,000), the share of the need (14,400) and what is left of the year "
        "(16,999.50) is the most that may be lent: 14,400 yuan.",
    ]
    assert steps[0].zh == "家庭年收入50,000元，共3人，人均年收入16,666.66元。"
    assert all("14,400" in step.zh for step in (steps[2], steps[4]))


def test_what_was_not_stated_is_said() -> None:
    unknown = replace(CLAIM, household_size=None, living_fen=None)
    steps = award(unknown, "none", 8_550, LIMIT).steps
    assert "was not stated" in steps[0].en
    assert "未填家庭人口数" in steps[0].zh
    assert steps[1].en == (
        "Living costs were not stated, so the fees of 6,000 yuan are the whole need of the year; state what a year of "
        "living costs if more is needed."
    )
    assert steps[1].zh == "未填生活费，仅按学费6,000元计算全年需求；如需更多，请填写每年生活费。"
    assert "85.5 % of the need may be lent, 5,130 yuan" in steps[2].en
    assert "85.5 %" in award(CLAIM, "none", 8_550, LIMIT).steps[2].en


def test_income_a_head_is_rounded_down_and_the_whole_where_nobody_is_counted() -> None:
    assert income_per_head(5_000_000, 3) == 1_666_666
    assert income_per_head(5_000_000, None) == 5_000_000


@pytest.mark.parametrize(
    "changes", [{"asked_fen": -1}, {"living_fen": -1}, {"lent_fen": -1}, {"household_size": 0}, {"fees_fen": -1}]
)
def test_figures_that_cannot_be_are_refused(changes: dict[str, int]) -> None:
    with pytest.raises(InvalidClaim):
        replace(CLAIM, **changes)


@pytest.mark.parametrize(
    ("level", "share_bp", "limit"), [("dire", 1, 1), ("some", -1, 1), ("some", 10_001, 1), ("some", 1, -1)]
)
def test_answers_of_rules_that_cannot_be_are_refused(level: str, share_bp: int, limit: int) -> None:
    with pytest.raises(InvalidClaim):
        award(CLAIM, level, share_bp, limit)
