"""Rules that are data: cost caps, classes, provisions, each with its dates, product and licence."""

from datetime import date
from decimal import Decimal

import pytest

from lending.account import FIVE_CLASS_2023, classify
from lending.caps import CapRule, CostAboveCap, CostCap, cost_cap, require_cost_below
from lending.dated import NoRuleInForce, Scope, Source, rule_in_force
from lending.entrusted import EntrustedPaymentRequired, OwnCardRule, own_card_rule, require_entrusted
from lending.floating import Published
from lending.floating_clause import Tenor

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
    assert cost_cap(rules[:1], RATES, date(2025, 6, 30)).percent == 36
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
    with pytest.raises(CostAboveCap, match=r"\(the rule of 2020-08-20\)$"):
        require_cost_below(Decimal("24.01"), CostCap(Decimal(24), date(2020, 8, 20)))


def test_more_than_the_rule_allows_on_the_own_card_is_refused() -> None:
    older = OwnCardRule(Scope(date(2010, 2, 12)), 50_000_000)
    newer = OwnCardRule(Scope(date(2024, 7, 1)), 30_000_000, Source("measures of 2024"))
    assert own_card_rule([older, newer], date(2024, 6, 30)) is older
    require_entrusted(30_000_000, own_card_rule([older, newer], TODAY))
    with pytest.raises(EntrustedPaymentRequired, match=r"300000\.01 would go .* above 300000\.00 .*measures of 2024"):
        require_entrusted(30_000_001, newer)
    with pytest.raises(EntrustedPaymentRequired, match=r"\(the rule of 2010-02-12\)$"):
        require_entrusted(50_000_001, older)


def test_what_may_go_to_the_own_card_is_by_product_and_licence() -> None:
    for_all, student = (OwnCardRule(Scope(date(2024, 7, 1), product=one), 1) for one in (None, "student"))
    bank = OwnCardRule(Scope(date(2024, 7, 1), licence="bank"), 2)
    rules = [for_all, student, bank]
    assert own_card_rule(rules, TODAY, "student") is student
    assert own_card_rule(rules, TODAY, "auto", "bank") is bank
    assert own_card_rule(rules, TODAY, "auto") is for_all


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
    assert classify(dpd, FIVE_CLASS_2023).value == expected
