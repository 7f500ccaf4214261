"""Rules that are data: cost caps, classes, provisions, each with its dates, product and licence."""

from datetime import date
from decimal import Decimal

import pytest

from lending.account import Classification, ClassThreshold
from lending.caps import CapRule, CostAboveCap, CostCap, cost_cap, require_cost_below
from lending.classification import (
    SHIPPED_CLASSES,
    SHIPPED_PROVISIONS,
    ClassificationRule,
    ProvisionRule,
    class_on,
    provision_fen,
)
from lending.dated import NoRuleInForce, Scope, Source, rule_in_force
from lending.entrusted import EntrustedPaymentRequired, OwnCardRule, own_card_rule, require_entrusted
from lending.floating import Published, Tenor

RATES = {Tenor.ONE_YEAR: [Published(date(2024, 1, 22), Decimal("3.45")), Published(date(2025, 5, 20), Decimal("3.00"))]}
TODAY = date(2026, 1, 5)


def cap(percent: str, **scope: object) -> CapRule:
    return CapRule(Scope(**{"since": date(2024, 1, 1)} | scope), percent=Decimal(percent))  # type: ignore[arg-type]


def test_a_rule_for_the_product_comes_before_one_for_the_licence_and_one_for_all() -> None:
    rules = [cap("36"), cap("24", licence="microloan"), cap("18", product="student")]
    assert cost_cap(rules, RATES, TODAY).percent == 36
    assert cost_cap(rules, RATES, TODAY, "auto", "microloan").percent == 24
    assert cost_cap(rules, RATES, TODAY, "student", "microloan").percent == 18


def test_of_two_rules_alike_the_newer_one_holds_and_both_ends_are_included() -> None:
    rules = [cap("36", until=date(2025, 6, 30)), cap("24", since=date(2025, 6, 30))]
    found = [cost_cap(rules, RATES, date(2025, 6, day)) for day in (29, 30)]
    assert found == [CostCap(Decimal(36), date(2024, 1, 1)), CostCap(Decimal(24), date(2025, 6, 30))]
    assert cost_cap(rules, RATES, date(2024, 1, 1)).percent == 36
    with pytest.raises(NoRuleInForce):
        cost_cap(rules, RATES, date(2023, 12, 31))
    with pytest.raises(NoRuleInForce, match="microloan"):
        rule_in_force([cap("1", licence="bank")], TODAY, licence="microloan")


def test_a_multiple_of_the_prime_rate_is_that_of_the_contracts_day() -> None:
    rules = [CapRule(Scope(date(2020, 8, 20)), lpr_multiple=Decimal(4))]
    assert cost_cap(rules, RATES, date(2024, 6, 1)).percent == Decimal("13.80")
    assert cost_cap(rules, RATES, TODAY).percent == Decimal("12.00")


def test_a_cost_above_the_cap_is_refused_with_both_figures_the_source_and_its_day() -> None:
    cap = CostCap(Decimal(24), date(2020, 8, 20), Source("guidance of the supervisors"))
    require_cost_below(Decimal("24.00"), cap)
    with pytest.raises(CostAboveCap) as refused:
        require_cost_below(Decimal("24.01"), cap)
    assert str(refused.value) == (
        "the loan would cost 24.01 % a year, all charges in; at most 24 % are allowed "
        "(the rule of 2020-08-20, guidance of the supervisors)"
    )
    assert (refused.value.code, refused.value.http_status, refused.value.fields) == ("cost_above_cap", 409, {})


def test_more_than_the_rule_allows_on_the_own_card_is_refused() -> None:
    older = OwnCardRule(Scope(date(2010, 2, 12)), 50_000_000)
    newer = OwnCardRule(Scope(date(2024, 7, 1)), 30_000_000, Source("measures of 2024"))
    assert own_card_rule([older, newer], date(2024, 6, 30)) is older
    require_entrusted(30_000_000, own_card_rule([older, newer], TODAY))
    with pytest.raises(EntrustedPaymentRequired, match=r"300000\.01 would go .* above 300000\.00 .*measures of 2024"):
        require_entrusted(30_000_001, newer)


@pytest.mark.parametrize(
    ("dpd", "expected"),
    [
        (0, "normal"),
        (1, "special_mention"),
        (90, "special_mention"),
        (91, "substandard"),
        (270, "substandard"),
        (271, "doubtful"),
        (360, "doubtful"),
        (361, "loss"),
    ],
)
def test_the_five_classes_open_after_0_90_270_and_360_days(dpd: int, expected: str) -> None:
    assert class_on(SHIPPED_CLASSES, TODAY, dpd).value == expected


def test_a_licence_may_have_classes_of_its_own() -> None:
    strict = ClassificationRule(
        Scope(date(2024, 1, 1), licence="microloan"), (ClassThreshold(31, Classification.DOUBTFUL),)
    )
    rules = [*SHIPPED_CLASSES, strict]
    assert [class_on(rules, TODAY, 31, licence).value for licence in ("microloan", "bank")] == [
        "doubtful",
        "special_mention",
    ]
    assert class_on(rules, TODAY, 30, "microloan") is Classification.NORMAL


def test_a_provision_is_the_classes_share_of_the_balance_rounded_half_up() -> None:
    amounts = [provision_fen(SHIPPED_PROVISIONS, TODAY, one, 1_000_050) for one in Classification]
    assert amounts == [10_001, 20_001, 250_013, 500_025, 1_000_050]
    own = ProvisionRule(Scope(date(2025, 1, 1), product="auto"), {Classification.NORMAL: Decimal("1.5")})
    assert provision_fen([*SHIPPED_PROVISIONS, own], TODAY, Classification.NORMAL, 10_000, product="auto") == 150


def test_a_provision_of_the_licence_comes_before_the_one_for_all() -> None:
    own = ProvisionRule(Scope(date(2025, 1, 1), licence="microloan"), {Classification.NORMAL: Decimal("1.5")})
    rules = [*SHIPPED_PROVISIONS, own]
    amounts = [provision_fen(rules, TODAY, Classification.NORMAL, 10_000, licence=one) for one in ("microloan", "bank")]
    assert amounts == [150, 100]
