"""The auto loan: vehicle, dealer and share of the price."""

from dataclasses import replace
from datetime import date
from typing import Any

import pytest

from lending.schedules import build_schedule
from models.collateral import SecurityFacts
from models.customers import PartyRole
from models.products import JointParty, Security
from services.forms import InvalidForm, read_form
from services.policies import GradeOutcome
from services.products import PayeeUnknown
from tests.modules.applications import DAY, application, case, id_number, product
from tests.modules.decided import decided

AUTO = product("auto")
DEALER = "远帆汽车销售服务有限公司"
GUARANTOR: dict[str, Any] = {
    "guarantor_name": "欧阳担保",
    "guarantor_id_number": id_number(date(1980, 3, 3)),
    "guarantor_mobile": "19900000002",
}


def grade(**changes: Any) -> GradeOutcome:
    """The outcome of an auto case with these changes of form or answers."""
    return decided("auto", case("auto", **changes))


def share(condition: str, yuan: int) -> GradeOutcome:
    """The outcome of a loan of so many yuan on a vehicle of 100,000."""
    return grade(
        condition=condition,
        amount=yuan,
        down_payment=100_000 - yuan,
        **GUARANTOR,
        vehicle={"new": condition != "used", "new_energy": condition == "new_energy"},
    )


@pytest.mark.parametrize(("condition", "most"), [("new", 80_000), ("new_energy", 85_000), ("used", 70_000)])
def test_the_share_of_the_price_is_capped_by_the_kind_of_vehicle(condition: str, most: int) -> None:
    assert share(condition, most).outcome == "refer"
    answer = share(condition, most + 1)
    assert (answer.outcome, answer.reasons) == ("refuse", ("ltv_above_cap",))


def test_a_price_above_the_registers_does_not_raise_what_may_be_lent() -> None:
    assert grade(vehicle={"price_fen": 9_999_999}).reasons == ("ltv_above_cap",)
    assert grade(vehicle={"price_fen": 20_000_000}).outcome == "refer"


@pytest.mark.parametrize(
    "vehicle", [None, {"found": False}, {"new": False}, {"dealer_matches": False}, {"mortgaged": True}]
)
def test_more_than_the_law_lets_be_lent_is_refused_whatever_else_is_not_sure(vehicle: dict[str, Any] | None) -> None:
    """Even by the stated price it is too much, and what the register says could only lower that."""
    answer = grade(amount=90_000, down_payment=10_000, **GUARANTOR, vehicle=vehicle)
    assert (answer.outcome, answer.reasons) == ("refuse", ("ltv_above_cap",))


@pytest.mark.parametrize(
    ("answers", "outcome", "reason"),
    [
        ({"vehicle": {"mortgaged": True}}, "refuse", "vehicle_mortgaged"),
        ({"vehicle": {"dealer": None}}, "refuse", "dealer_not_licensed"),
        ({"vehicle": {"dealer": {"name": DEALER, "licensed": False, "account": "1"}}}, "refuse", "dealer_not_licensed"),
        ({"vehicle": {"dealer_matches": False}}, "refer", "dealer_differs"),
        ({"vehicle": {"found": False}}, "refer", "vehicle_not_found"),
        ({"vehicle": {"new": False}}, "refer", "condition_differs"),
        ({"bureau": {"blacklisted": True}}, "refuse", "blacklisted"),
        ({"bureau": {"worst_dpd": 91}}, "refuse", "worst_arrears_over_90_days"),
        ({"bureau": {"overdue_count_24m": 7}}, "refuse", "too_many_arrears"),
        ({"bureau": {"monthly_payment_fen": 1_200_000}}, "refuse", "debt_ratio_too_high"),
        ({"bureau": {"monthly_income_fen": 0}}, "refer", "income_unknown"),
        ({"identity": {"result": "mismatch"}}, "refer", "identity_mismatch"),
    ],
)
def test_each_finding_refuses_or_refers_with_its_reason(answers: dict[str, Any], outcome: str, reason: str) -> None:
    answer = grade(**answers)
    assert (answer.outcome, answer.reasons) == (outcome, (reason,))


@pytest.mark.parametrize("check", ["identity", "bureau", "vehicle"])
def test_a_register_that_could_not_be_asked_sends_the_case_to_a_person(check: str) -> None:
    answer = grade(**{check: None})
    assert (answer.outcome, answer.reasons) == ("refer", (f"{check}_unavailable",))


@pytest.mark.parametrize(
    ("bureau", "expected"),
    [
        ({}, "A"),
        ({"history_months": 35}, "B"),
        ({"overdue_count_24m": 2, "worst_dpd": 10}, "C"),
        ({"worst_dpd": 31}, "D"),
        ({"worst_dpd": 61}, "E"),
    ],
)
def test_the_record_decides_the_grade(bureau: dict[str, int], expected: str) -> None:
    assert grade(bureau=bureau).grade == expected


def wrong(**changes: object) -> dict[str, str]:
    """What the form says is wrong."""
    try:
        read_form(AUTO, application("auto", **changes), DAY)
    except InvalidForm as refusal:
        return dict(refusal.fields)
    return {}


def test_whoever_borrows_above_80_percent_of_the_price_brings_a_guarantor() -> None:
    most = {"amount": 80_000, "down_payment": 20_000}
    above = {"amount": 80_001, "down_payment": 19_999}
    assert wrong(**most) == {}
    assert wrong(**above).keys() == GUARANTOR.keys()
    assert wrong(**above, **GUARANTOR) == {}
    assert wrong(**(most | GUARANTOR | {"guarantor_mobile": None})).keys() == {"guarantor_mobile"}


def test_the_guarantor_is_a_party_if_the_form_names_one() -> None:
    assert AUTO.parties(case("auto").form) == []
    assert AUTO.parties(case("auto", **GUARANTOR).form) == [JointParty(PartyRole.GUARANTOR, *GUARANTOR.values())]


def test_a_guarantor_is_another_adult_with_a_mobile_of_his_own() -> None:
    own = application("auto")
    young = id_number(date(2009, 1, 1))
    assert "another person" in wrong(**GUARANTOR | {"guarantor_id_number": own["id_number"]})["guarantor_id_number"]
    assert "at least 18" in wrong(**GUARANTOR | {"guarantor_id_number": young})["guarantor_id_number"]
    assert "of his own" in wrong(**GUARANTOR | {"guarantor_mobile": own["mobile"]})["guarantor_mobile"]


def test_amount_and_down_payment_must_make_up_the_price() -> None:
    with pytest.raises(InvalidForm) as refusal:
        read_form(AUTO, application("auto", down_payment="19999.99"), DAY)
    assert refusal.value.fields.keys() == {"down_payment"}
    assert "20000.00 is left" in refusal.value.fields["down_payment"]


def test_minors_are_refused() -> None:
    with pytest.raises(InvalidForm) as refusal:
        read_form(AUTO, application("auto", id_number=id_number(date(2009, 1, 1))), DAY)
    assert refusal.value.fields.keys() == {"id_number"}


def test_all_money_goes_to_the_dealers_registered_account() -> None:
    (payee,) = AUTO.payees(case("auto"))
    assert (payee.role, payee.name, payee.account, payee.amount_fen) == (
        PartyRole.PAYEE,
        DEALER,
        "6990000000000003",
        8_000_000,
    )


@pytest.mark.parametrize("vehicle", [None, {"dealer": None}])
def test_without_a_registered_account_nobody_is_paid(vehicle: dict[str, Any] | None) -> None:
    with pytest.raises(PayeeUnknown):
        AUTO.payees(case("auto", vehicle=vehicle))


USED: dict[str, Any] = {"condition": "used", "amount": 60_000, "down_payment": 40_000}
VALUED = {"new": False, "first_registered": "2021-03-20", "valuation_fen": 9_000_000, "mileage_km": 61_000}
"""What the register says of a used vehicle that was first registered in March 2021."""


def facts_of(security: SecurityFacts | None = None, **changes: Any) -> dict[str, Any]:
    """The facts of an auto case with these changes, and with what the lender's own books say of the vehicle."""
    return AUTO.facts(replace(case("auto", **changes), security=security or SecurityFacts()))


@pytest.mark.parametrize(
    ("changes", "invoice_fen", "value_fen"),
    [
        ({}, None, 10_000_000),
        ({}, 9_500_000, 9_500_000),
        ({"vehicle": {"price_fen": 9_400_000}}, 9_500_000, 9_400_000),
        ({"vehicle": {"valuation_fen": 1_000_000}}, None, 10_000_000),
        ({**USED, "vehicle": VALUED}, None, 9_000_000),
        ({**USED, "vehicle": {**VALUED, "price_fen": 8_000_000}}, None, 8_000_000),
        ({**USED, "vehicle": {**VALUED, "valuation_fen": 12_000_000}}, 9_800_000, 9_800_000),
        ({"vehicle": None}, None, 10_000_000),
    ],
)
def test_a_share_is_lent_on_the_lowest_of_price_invoice_register_and_valuation(
    changes: dict[str, Any], invoice_fen: int | None, value_fen: int
) -> None:
    found = facts_of(SecurityFacts(invoice_fen=invoice_fen), **changes)
    assert found["value_fen"] == value_fen
    assert found["ltv_bp"] == -(-(6_000_000 if "condition" in changes else 8_000_000) * 10_000 // value_fen)


def test_the_age_of_a_vehicle_counts_in_full_months_to_the_end_of_the_loan() -> None:
    found = facts_of(**USED, vehicle=VALUED)
    assert (found["vehicle_age_months"], found["vehicle_age_at_end_months"], found["mileage_km"]) == (57, 93, 61_000)
    assert facts_of()["vehicle_age_at_end_months"] == 36


@pytest.mark.parametrize(
    ("changes", "outcome", "reason"),
    [
        ({**USED, "term": 37, "vehicle": VALUED}, "refuse", "used_vehicle_term"),
        ({**USED, "vehicle": {**VALUED, "first_registered": "2016-12-05"}}, "refuse", "vehicle_too_old_at_end"),
        ({**USED, "vehicle": {**VALUED, "valuation_fen": None}}, "refer", "vehicle_not_valued"),
        ({**USED, "vehicle": {**VALUED, "valuation_fen": 8_571_428}}, "refuse", "ltv_above_cap"),
    ],
)
def test_used_vehicles_have_rules_of_their_own(changes: dict[str, Any], outcome: str, reason: str) -> None:
    answer = grade(**changes)
    assert (answer.outcome, answer.reasons) == (outcome, (reason,))


def test_a_used_vehicle_within_these_rules_is_graded_like_any() -> None:
    for registered in ("2021-03-20", "2017-01-05"):
        assert grade(**USED, vehicle={**VALUED, "first_registered": registered}).grade == "A"


@pytest.mark.parametrize(
    ("security", "outcome", "reason"),
    [
        (SecurityFacts(dealer_blocked=True), "refuse", "dealer_blocked"),
        (SecurityFacts(is_elsewhere=True), "refer", "vehicle_elsewhere"),
    ],
)
def test_what_the_books_know_of_vehicle_and_dealer_counts(security: SecurityFacts, outcome: str, reason: str) -> None:
    answer = decided("auto", replace(case("auto"), security=security))
    assert (answer.outcome, answer.reasons) == (outcome, (reason,))


def test_used_vehicles_are_registered_and_insured_before_the_payout_and_new_ones_after() -> None:
    asked = {
        condition: {one.kind.value: one.before_payout for one in AUTO.requirements({"condition": condition})}
        for condition in ("new", "new_energy", "used")
    }
    assert asked == {
        "new": {"registration": False, "insurance": False},
        "new_energy": {"registration": False, "insurance": False},
        "used": {"registration": True, "insurance": True},
    }


def test_the_vehicle_secures_the_loan() -> None:
    security = AUTO.security(case("auto").form)
    assert security == Security("vehicle", "1M8GDM9AXKP042788", "晨曦 1.5L", 10_000_000)


def test_the_schedule_repays_the_principal_in_level_payments() -> None:
    rows = build_schedule(AUTO.terms(case("auto", rate="4.5"))).rows
    assert (len(rows), rows[0].due, rows[-1].balance) == (36, date(2026, 2, 5), 0)
    assert sum(row.principal for row in rows) == 8_000_000
    assert len({row.total for row in rows[:-1]}) == 1
