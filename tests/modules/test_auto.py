"""The auto loan: vehicle, dealer and share of the price."""

from datetime import date
from typing import Any

import pytest

from lending.schedules import build_schedule
from models.customers import PartyRole
from models.products import JointParty, Security
from services.forms import InvalidForm, read_form
from services.policies import GradeOutcome, evaluate
from services.products import PayeeUnknown
from tests.modules.applications import DAY, application, case, id_number, product

AUTO = product("auto")
DEALER = "远帆汽车销售服务有限公司"
GUARANTOR: dict[str, Any] = {
    "guarantor_name": "欧阳担保",
    "guarantor_id_number": id_number(date(1980, 3, 3)),
    "guarantor_mobile": "19900000002",
}


def grade(**changes: Any) -> GradeOutcome:
    """The outcome of an auto case with these changes of form or answers."""
    return evaluate("auto", AUTO.grading, AUTO.facts(case("auto", **changes)))


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


@pytest.mark.parametrize("check", AUTO.checks)
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


def test_the_vehicle_secures_the_loan() -> None:
    security = AUTO.security(case("auto").form)
    assert security == Security("vehicle", "1M8GDM9AXKP042788", "晨曦 1.5L", 10_000_000)


def test_the_schedule_repays_the_principal_in_level_payments() -> None:
    rows = build_schedule(AUTO.terms(case("auto", rate="4.5"))).rows
    assert (len(rows), rows[0].due, rows[-1].balance) == (36, date(2026, 2, 5), 0)
    assert sum(row.principal for row in rows) == 8_000_000
    assert len({row.total for row in rows[:-1]}) == 1
