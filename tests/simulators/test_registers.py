"""The registers answer consistently, and only those who have a credential."""

from datetime import date

import pytest

from simulators.records import Person, Vehicle
from tests.simulators.running import PEOPLE, Outside

SOMEBODY = PEOPLE.people[0]
SERVICES = (
    "identity/checks",
    "bureau/reports",
    "enrolment/checks",
    "vehicles/checks",
    "screening/checks",
    "bank/transfers",
    "sms/messages",
)


def test_it_says_that_it_is_up_without_a_credential(outside: Outside) -> None:
    assert outside.call("GET", "/healthz", credential="none").status_code == 200


@pytest.mark.parametrize("path", [*SERVICES, "control/people"])
def test_a_call_without_the_services_own_credential_is_refused(outside: Outside, path: str) -> None:
    method = "GET" if path.startswith("control") else "POST"
    refused = outside.call(method, f"/{path}", {}, credential="demo-other")
    assert refused.status_code == 401
    assert refused.json()["code"] == "credential_missing"


@pytest.mark.parametrize("path", SERVICES)
def test_a_malformed_question_is_refused_without_repeating_it(outside: Outside, path: str) -> None:
    refused = outside.call("POST", f"/{path}", {"name": 17, "mobile": "secret"})
    assert refused.status_code == 422
    assert refused.json()["code"] == "malformed"
    assert "secret" not in refused.text


def test_identity_matches_only_the_persons_own_name_and_mobile(outside: Outside) -> None:
    def result(name: str, id_number: str, mobile: str | None = None) -> str:
        question = {"name": name, "id_number": id_number, "mobile": mobile}
        answer: str = outside.answer("POST", "/identity/checks", question)["result"]
        return answer

    assert result(SOMEBODY.name, SOMEBODY.id_number) == "match"
    assert result(SOMEBODY.name, SOMEBODY.id_number, SOMEBODY.mobile) == "match"
    assert result(SOMEBODY.name, SOMEBODY.id_number, PEOPLE.people[1].mobile) == "mismatch"
    assert result("别人", SOMEBODY.id_number) == "mismatch"
    assert result(SOMEBODY.name, "11010519491231002X") == "not_found"


def test_the_same_question_gets_the_same_answer_down_to_the_reference(outside: Outside) -> None:
    question = {"name": SOMEBODY.name, "id_number": SOMEBODY.id_number}
    for path in ("/identity/checks", "/bureau/reports", "/enrolment/checks"):
        assert outside.answer("POST", path, question) == outside.answer("POST", path, question)


def test_the_bureau_reports_what_the_population_says(outside: Outside) -> None:
    borrower = next(person for person in PEOPLE.people if person.bureau.open_loans > 1)
    report = outside.answer("POST", "/bureau/reports", {"name": borrower.name, "id_number": borrower.id_number})
    assert report["found"] is True
    assert report["debt_fen"] == borrower.bureau.debt_fen > 0
    assert report["monthly_income_fen"] == borrower.monthly_income_fen
    assert report["overdue_count_24m"] == borrower.bureau.overdue_count_24m


def test_the_bureau_tells_nothing_about_an_id_number_under_another_name(outside: Outside) -> None:
    report = outside.answer("POST", "/bureau/reports", {"name": "别人", "id_number": SOMEBODY.id_number})
    assert set(report) == {"found", "reference"}
    assert report["found"] is False


def student() -> Person:
    return next(person for person in PEOPLE.people if person.enrolment and person.enrolment.full_time)


def test_a_student_is_enrolled_until_graduation_and_not_after(outside: Outside) -> None:
    person = student()
    assert person.enrolment is not None
    question = {"name": person.name, "id_number": person.id_number}
    answer = outside.answer("POST", "/enrolment/checks", question)
    assert (answer["enrolled"], answer["full_time"], answer["school"]) == (True, True, person.enrolment.school)
    later = question | {"on": date(person.enrolment.graduates_on.year, 7, 1).isoformat()}
    assert outside.answer("POST", "/enrolment/checks", later)["enrolled"] is False


def test_a_worker_is_not_enrolled(outside: Outside) -> None:
    worker = next(person for person in PEOPLE.people if person.enrolment is None)
    answer = outside.answer("POST", "/enrolment/checks", {"name": worker.name, "id_number": worker.id_number})
    assert answer["enrolled"] is False


def used_car() -> Vehicle:
    return next(vehicle for vehicle in PEOPLE.vehicles if not vehicle.new)


def test_a_vehicle_is_known_with_its_dealer_and_owner(outside: Outside) -> None:
    car = used_car()
    question = {"vin": car.vin, "dealer": car.dealer, "owner_id_number": car.owner_id_number}
    answer = outside.answer("POST", "/vehicles/checks", question)
    assert (answer["price_fen"], answer["new"], answer["mortgaged"]) == (car.price_fen, False, car.mortgaged)
    assert (answer["dealer_matches"], answer["owner_matches"]) == (True, True)
    assert answer["dealer"]["account"] == PEOPLE.dealer_by_name[car.dealer].account


def test_another_dealer_or_owner_does_not_match(outside: Outside) -> None:
    car = used_car()
    other = next(dealer for dealer in PEOPLE.dealers if dealer.name != car.dealer)
    question = {"vin": car.vin, "dealer": other.name, "owner_id_number": "11010519491231002X"}
    answer = outside.answer("POST", "/vehicles/checks", question)
    assert (answer["dealer_matches"], answer["owner_matches"]) == (False, False)
    assert answer["dealer"]["name"] == other.name


def test_an_unknown_vehicle_is_not_found(outside: Outside) -> None:
    answer = outside.answer("POST", "/vehicles/checks", {"vin": "L0Z00000000000000", "dealer": "无此公司"})
    assert (answer["found"], answer["dealer"]) == (False, None)


def test_a_message_is_sent_once_per_key(outside: Outside) -> None:
    message = {"mobile": SOMEBODY.mobile, "template": "due", "text": "还款提醒", "key": "once"}
    first = outside.answer("POST", "/sms/messages", message)
    again = outside.answer("POST", "/sms/messages", message)
    assert (first["duplicate"], again["duplicate"]) == (False, True)
    assert again["message_id"] == first["message_id"]
    assert outside.call("POST", "/sms/messages", message | {"text": "别的"}).status_code == 409
    sent = outside.answer("GET", "/sms/messages?key=once")
    assert [(one["text"], one["message_id"]) for one in sent] == [("还款提醒", first["message_id"])]


def test_the_directors_desk_lists_people_by_habit_and_study(outside: Outside) -> None:
    late = outside.answer("GET", "/control/people?paying_habit=late&limit=2")
    assert [person["paying_habit"] for person in late] == ["late", "late"]
    students = outside.answer("GET", "/control/people?student=true&limit=5")
    assert [person["enrolment"]["full_time"] for person in students] == [True] * 5
    payees = outside.answer("GET", "/control/payees")
    assert {dealer["name"] for dealer in payees["dealers"]} == set(PEOPLE.dealer_by_name)
    vehicles = outside.answer("GET", "/control/vehicles?offset=1&limit=1")
    assert [vehicle["vin"] for vehicle in vehicles] == [PEOPLE.vehicles[1].vin]
