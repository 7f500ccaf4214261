"""The page of the lender's own list: two people of risk keep it, auditors read it, nobody else."""

import pytest

from books.session import Books
from services.listings import listing_states
from tests.modules.applications import id_number
from tests.services.procedure import RISK, Procedure
from tests.web.conftest import Come
from tests.web.serving import words

PERSON = id_number(sequence=811)
ENTRY = {"name": "欧阳测试", "id_number": PERSON, "reason": "forged papers"}
FORM = "/screening/new"


def newest(books: Books) -> str:
    """The id of the newest entry."""
    with books.begin() as work:
        return listing_states(work, RISK)[0].id


@pytest.mark.parametrize(
    ("spoken", "said"), [("en", ("Own list", "Nobody is on the list")), ("zh", ("本机构名单", "名单为空"))]
)
def test_risk_finds_the_list_from_its_first_page(come: Come, spoken: str, said: tuple[str, ...]) -> None:
    risk = come("risk-qian", language=spoken)
    assert 'href="/screening"' in risk.get("/").text
    text = words(risk.get("/screening").text)
    for sentence in said:
        assert sentence in text


def test_somebody_is_put_on_by_one_and_another_and_taken_off_by_both(come: Come, books: Books) -> None:
    first, second = come("risk-qian"), come("risk-shen")
    proposed = words(first.post(FORM, seen_at=FORM, **ENTRY).text)
    assert f"Put on: 欧*** · {PERSON[:3]}••••{PERSON[-4:]}" in proposed
    assert "Another person of risk decides." in proposed
    assert PERSON not in proposed
    assert "欧阳测试" not in proposed
    at = f"/screening/entries/{newest(books)}"

    own = first.post(f"{at}/decision", seen_at="/screening", verdict="confirm", reason="sure")
    assert (own.status_code, "another person of risk must decide on it" in words(own.text)) == (403, True)
    agreed = words(second.post(f"{at}/decision", seen_at="/screening", verdict="confirm", reason="read the file").text)
    assert "On the list" in agreed
    assert "Nothing waits" in agreed

    removing = words(second.post(f"{at}/removal", seen_at="/screening", reason="it was his brother").text)
    assert "Take off: 欧***" in removing
    assert "it was his brother" in removing
    gone = words(first.post(f"{at}/decision", seen_at="/screening", verdict="confirm", reason="seen").text)
    assert "Taken off" in gone


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"reason": "so it is"}, "A name of 2 to 100 characters, or an ID number below."),
        ({**ENTRY, "id_number": "11010519491231002"}, "18 characters: 17 digits"),
        ({**ENTRY, "valid_until": "2020-01-01"}, "Not before the first day, and not past."),
        ({**ENTRY, "valid_from": "soon"}, "A day."),
        ({"name": "某公司"}, "A sentence of at most 300 characters."),
    ],
)
def test_an_entry_that_cannot_be_says_why_at_its_field(come: Come, fields: dict[str, str], said: str) -> None:
    answer = come("risk-qian").post(FORM, seen_at=FORM, **fields)
    assert (answer.status_code, said in words(answer.text)) == (422, True)


def test_auditors_read_it_and_nobody_else_comes_in(come: Come) -> None:
    come("risk-qian").post(FORM, seen_at=FORM, name="某某贸易有限公司", reason="unpaid")
    auditor = come("auditor-wei")
    text = auditor.get("/screening").text
    # A firm is known by its name alone, so it is shown.
    assert "某某贸易有限公司" in text
    assert "<form" not in text.split("<main")[1]
    assert auditor.get(FORM).status_code == 403
    for person in ("agent-lin", "manager-zhao", "finance-sun", "admin-gu"):
        visitor = come(person)
        assert 'href="/screening"' not in visitor.get("/").text
        assert visitor.get("/screening").status_code == 403


def test_who_was_found_on_a_list_is_for_risk_and_auditors_alone(come: Come, books: Books) -> None:
    first, second = come("risk-qian"), come("risk-shen")
    first.post(FORM, seen_at=FORM, **ENTRY)
    second.post(f"/screening/entries/{newest(books)}/decision", seen_at="/screening", verdict="confirm", reason="read")
    loan = Procedure(books).graded(id_number=PERSON)
    for person, sees in (("risk-qian", True), ("auditor-wei", True), ("manager-zhao", False)):
        text = words(come(person).get(f"/loans/{loan}").text)
        assert ("forged papers" in text) is sees
        assert ("The lender's own list" in text) is sees
