"""The registers' answers as typed results."""

import pytest
from pydantic import ValidationError

from gateways.bureau import CreditReport, NoCreditReport
from gateways.enrolment import Degree, Enrolled, NotEnrolled
from gateways.errors import OutsideRefused
from gateways.identity import IdentityResult
from gateways.vehicles import VehicleFound, VehicleNotFound
from tests.gateways.calling import ON, SOMEBODY, Gateways, ask
from tests.simulators.running import PEOPLE, Outside


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


@pytest.mark.parametrize("new", [True, False])
def test_a_vehicle_is_found_with_its_dealer(outside: Outside, new: bool) -> None:
    car = next(vehicle for vehicle in PEOPLE.vehicles if vehicle.new is new)
    found = ask(outside.url, lambda gateways: gateways.vehicles.check(car.vin, car.dealer))
    assert isinstance(found, VehicleFound)
    assert (found.price_fen, found.new, found.first_registered) == (car.price_fen, new, car.first_registered)
    assert (found.dealer_matches, found.owner_matches) == (True, None)
    assert found.dealer is not None
    assert found.dealer.account == PEOPLE.dealer_by_name[car.dealer].account


def test_an_unknown_vehicle_is_not_found(outside: Outside) -> None:
    unknown = ask(outside.url, lambda gateways: gateways.vehicles.check("L0Z00000000000000", PEOPLE.dealers[9].name))
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
