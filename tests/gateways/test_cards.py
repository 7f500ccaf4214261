"""The check of a card: four elements that belong to one person, or not."""

import pytest

from gateways.errors import AnswerMalformed
from models.accounts import CardResult
from simulators.records import Person
from tests.gateways.calling import SOMEBODY, ask
from tests.simulators.running import PEOPLE, Outside, Receiver

CLOSED = next(person for person in PEOPLE.people if person.account_closed)
ANOTHER = next(person for person in PEOPLE.people if person.account != SOMEBODY.account)


def result(
    outside: Outside,
    person: Person = SOMEBODY,
    *,
    name: str | None = None,
    id_number: str | None = None,
    mobile: str | None = None,
    account: str | None = None,
) -> CardResult:
    four = (name or person.name, id_number or person.id_number, mobile or person.mobile, account or person.account)
    check = ask(outside.url, lambda gateways: gateways.cards.check(*four))
    assert check.reference.startswith("CC-")
    return check.result


def test_the_four_elements_of_one_person_match(outside: Outside) -> None:
    assert result(outside) is CardResult.MATCH


@pytest.mark.parametrize("element", ["name", "id_number", "mobile", "account"])
def test_one_element_of_another_person_is_a_mismatch(outside: Outside, element: str) -> None:
    assert result(outside, **{element: getattr(ANOTHER, element)}) is CardResult.MISMATCH


def test_a_card_that_nobody_has_is_not_found_and_a_closed_one_is_told(outside: Outside) -> None:
    assert result(outside, account="6990000000000000") is CardResult.NOT_FOUND
    assert result(outside, CLOSED) is CardResult.CLOSED


@pytest.mark.parametrize("reference", ["", "C" * 65, "C\\u0000"])
def test_a_proof_that_no_books_can_keep_is_none(reference: str) -> None:
    body = f'{{"result": "match", "reference": "{reference}"}}'.encode()
    with Receiver(200, body) as receiver, pytest.raises(AnswerMalformed, match="reference"):
        ask(receiver.url, lambda gateways: gateways.cards.check("a", "b", "c", "d"))
