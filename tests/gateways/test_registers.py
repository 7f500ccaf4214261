"""The registers' answers as typed results."""

import json
from datetime import date
from typing import Any

import pytest
from pydantic import ValidationError

from gateways.bureau import CreditReport, NoCreditReport
from gateways.enrolment import Degree, Enrolled, NotEnrolled
from gateways.errors import AnswerMalformed, OutsideRefused
from gateways.identity import IdentityResult
from gateways.vehicles import VehicleFound, VehicleNotFound
from simulators.records import Person
from tests.gateways.calling import ON, SOMEBODY, Gateways, ask
from tests.simulators.running import PEOPLE, Outside, Receiver


def test_identity_is_matched(outside: Outside) -> None:
    async def results(gateways: Gateways) -> list[IdentityResult]:
        checks = [
            await gateways.identity.check(SOMEBODY.name, SOMEBODY.id_number),
            await gateways.identity.check(SOMEBODY.name, SOMEBODY.id_number, "13800000000"),
            await gateways.identity.check(SOMEBODY.name, "11010519491231002X"),
        ]
        assert all(check.reference.startswith("ID-") for check in checks)
        return [check.result for check in checks]

    assert ask(outside.url, results) == [IdentityResult.MATCH, IdentityResult.MISMATCH, IdentityResult.NOT_FOUND]


def test_a_credit_report_is_complete(outside: Outside) -> None:
    report = ask(outside.url, lambda gateways: gateways.bureau.report(SOMEBODY.name, SOMEBODY.id_number))
    assert isinstance(report, CreditReport)
    record = SOMEBODY.bureau
    assert (report.debt_fen, report.history_months, report.blacklisted) == (
        record.debt_fen,
        record.history_months,
        record.blacklisted,
    )
    assert report.monthly_income_fen == SOMEBODY.monthly_income_fen


def test_the_bureau_may_know_nobody(outside: Outside) -> None:
    report = ask(outside.url, lambda gateways: gateways.bureau.report("别人", SOMEBODY.id_number))
    assert isinstance(report, NoCreditReport)


REPORT: dict[str, Any] = {
    "found": True,
    "reference": "B-1",
    "overdue_count_24m": 0,
    "worst_dpd": 0,
    "open_loans": 1,
    "debt_fen": 10**14,
    "monthly_payment_fen": 0,
    "history_months": 10_000,
    "blacklisted": False,
    "monthly_income_fen": 800_000,
}


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("monthly_income_fen", 10**30),
        ("debt_fen", 10**14 + 1),
        ("monthly_payment_fen", -1),
        ("worst_dpd", 36_526),
        ("overdue_count_24m", 10_001),
        ("history_months", 10**20),
    ],
)
def test_figures_that_nobody_can_have_are_no_answer(name: str, value: int) -> None:
    """So that the register's nonsense is never held against, or in favour of, the applicant."""
    assert CreditReport.model_validate(REPORT).history_months == 10_000
    with pytest.raises(ValidationError):
        CreditReport.model_validate(REPORT | {name: value})


def test_a_vehicle_at_a_price_that_nothing_costs_is_no_answer() -> None:
    told: dict[str, Any] = {"found": True, "reference": "V-1", "model": "T", "new_energy": False, "new": True}
    told |= {
        "mortgaged": False,
        "first_registered": None,
        "dealer": None,
        "dealer_matches": True,
        "owner_matches": None,
    }
    assert VehicleFound.model_validate(told | {"price_fen": 10**13}).price_fen == 10**13
    for wrong in (
        {"price_fen": 10**13 + 1},
        {"price_fen": 1, "valuation_fen": 10**20},
        {"price_fen": 1, "mileage_km": 10**8},
    ):
        with pytest.raises(ValidationError):
            VehicleFound.model_validate(told | wrong)


def test_a_student_is_enrolled_and_a_worker_not(outside: Outside) -> None:
    student = next(person for person in PEOPLE.people if person.enrolment and person.enrolment.full_time)
    assert student.enrolment is not None
    enrolled = ask(outside.url, lambda gateways: gateways.enrolment.check(student.name, student.id_number, ON))
    assert isinstance(enrolled, Enrolled)
    assert (enrolled.school, enrolled.full_time) == (student.enrolment.school, True)
    assert enrolled.degree is Degree(student.enrolment.degree)
    assert (enrolled.started, enrolled.graduates_on) == (student.enrolment.started, student.enrolment.graduates_on)
    worker = ask(outside.url, lambda gateways: gateways.enrolment.check(SOMEBODY.name, SOMEBODY.id_number, ON))
    assert isinstance(worker, NotEnrolled)


def test_studies_that_end_before_they_begin_are_no_answer() -> None:
    answer = Enrolled(
        enrolled=True,
        reference="EN-1",
        school="云川大学",
        school_account="6990000000000002",
        full_time=True,
        degree=Degree.BACHELOR,
        started=date(2023, 9, 1),
        graduates_on=date(2023, 9, 1),
    )
    with pytest.raises(ValidationError):
        Enrolled.model_validate(answer.model_dump() | {"graduates_on": date(2023, 8, 31)})


@pytest.mark.parametrize("new", [True, False])
def test_a_vehicle_is_found_with_its_dealer(outside: Outside, new: bool) -> None:
    car = next(vehicle for vehicle in PEOPLE.vehicles if vehicle.new is new)
    found = ask(outside.url, lambda gateways: gateways.vehicles.check(car.vin, ON, car.dealer))
    assert isinstance(found, VehicleFound)
    assert (found.price_fen, found.new, found.first_registered) == (car.price_fen, new, car.first_registered)
    assert (found.dealer_matches, found.owner_matches) == (True, None)
    assert found.dealer is not None
    assert found.dealer.account == PEOPLE.dealer_by_name[car.dealer].account


def test_an_unknown_vehicle_is_not_found(outside: Outside) -> None:
    dealer = PEOPLE.dealers[9].name
    unknown = ask(outside.url, lambda gateways: gateways.vehicles.check("L0Z00000000000000", ON, dealer))
    assert isinstance(unknown, VehicleNotFound)
    assert unknown.dealer is not None
    assert unknown.dealer.licensed is False


def test_a_message_is_sent_once_per_key(outside: Outside) -> None:
    async def receipts(gateways: Gateways) -> list[bool]:
        sent = [await gateways.sms.send(SOMEBODY.mobile, "due", "还款提醒", "gateway-key") for _ in range(2)]
        assert sent[0].message_id == sent[1].message_id
        with pytest.raises(OutsideRefused) as caught:
            await gateways.sms.send(SOMEBODY.mobile, "due", "别的", "gateway-key")
        assert caught.value.outside_code == "content_differs"
        return [one.duplicate for one in sent]

    assert ask(outside.url, receipts) == [False, True]


def test_a_result_cannot_be_changed(outside: Outside) -> None:
    check = ask(outside.url, lambda gateways: gateways.identity.check("别人", SOMEBODY.id_number))
    with pytest.raises(ValidationError):
        check.result = IdentityResult.MATCH  # type: ignore[misc]  # the refusal is what is tested


def test_people_on_lists_are_found_for_certain_or_by_their_name_alone(outside: Outside) -> None:
    def found(person: Person) -> list[bool]:
        answer = ask(outside.url, lambda gateways: gateways.screening.check(person.name, person.id_number))
        assert all(one.list and one.reason for one in answer.findings)
        return [one.certain for one in answer.findings]

    assert found(SOMEBODY) == []
    assert found(PEOPLE.people[-1]) == [True]
    assert found(PEOPLE.people[-3]) == [False]


STUDIES = {
    "enrolled": True,
    "reference": "EN-1",
    "school": "云川大学",
    "school_account": "6990000000000002",
    "full_time": True,
    "degree": "bachelor",
    "started": "2023-09-01",
    "graduates_on": "2027-06-30",
}
VEHICLE = {
    "found": True,
    "reference": "V-1",
    "model": "T",
    "new_energy": False,
    "price_fen": 1,
    "new": False,
    "first_registered": "2021-03-20",
    "mortgaged": False,
    "dealer": None,
    "dealer_matches": True,
    "owner_matches": None,
}


@pytest.mark.parametrize(
    "wrong",
    [
        {"started": "2999-09-01", "graduates_on": "3001-06-30"},
        {"graduates_on": "9999-12-31"},
        {"started": "1999-09-01", "graduates_on": "2003-06-30"},
    ],
)
def test_studies_on_days_that_no_student_of_today_has_are_no_answer(wrong: dict[str, str]) -> None:
    def check(gateways: Any) -> Any:
        return gateways.enrolment.check(SOMEBODY.name, SOMEBODY.id_number, ON)

    with Receiver(200, json.dumps(STUDIES).encode()) as receiver:
        assert isinstance(ask(receiver.url, check), Enrolled)
    with Receiver(200, json.dumps(STUDIES | wrong).encode()) as receiver, pytest.raises(AnswerMalformed):
        ask(receiver.url, check)


@pytest.mark.parametrize("registered", ["2099-01-01", "1899-01-01"])
def test_a_vehicle_registered_on_a_day_that_cannot_be_is_no_answer(registered: str) -> None:
    def check(gateways: Any) -> Any:
        return gateways.vehicles.check("L0Z00000000000001", ON)

    with Receiver(200, json.dumps(VEHICLE).encode()) as receiver:
        assert isinstance(ask(receiver.url, check), VehicleFound)
    wrong = json.dumps(VEHICLE | {"first_registered": registered}).encode()
    with Receiver(200, wrong) as receiver, pytest.raises(AnswerMalformed):
        ask(receiver.url, check)
