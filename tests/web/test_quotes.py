"""Quotes for prepayments on pages: what paying early comes to, quotes that are kept, and what is wrong with a form.

The engine is away here: that a part is drawn from the account is in test_at_work.
"""

from datetime import date, timedelta

import pytest

from models.prepayments import PrepaymentQuote
from tests.services.procedure import Procedure
from tests.web.conftest import Come
from tests.web.serving import RECEIVING, Visitor, words

DAY = date(2026, 1, 15)
UNTIL = "2026-01-25"


@pytest.fixture
def loan(procedure: Procedure) -> str:
    """A microloan of 12,000 yuan at 7.2 %, paid out on 5 January 2026, looked at ten days later."""
    number = procedure.running()
    procedure.own(number, "agent-lin")
    procedure.day = DAY
    procedure.advance(number)
    return number


def borrower(come: Come, loan: str, language: str = "en") -> Visitor:
    """The borrower of a loan, signed in."""
    visitor = come(language=language)
    assert visitor.sign_in_as_borrower(loan, "0001").status_code == 200
    return visitor


def ask(visitor: Visitor, home: str, **fields: str) -> tuple[int, str]:
    """Status and words of the answer to the form."""
    page = f"{home}/quotes"
    answer = visitor.post(page, seen_at=page, **{"kind": "settle", "valid_until": UNTIL} | fields)
    return answer.status_code, words(answer.text)


def kept(procedure: Procedure, loan: str) -> list[PrepaymentQuote]:
    """The quotes that hold, oldest first."""
    with procedure.at() as work:
        return work.prepayments.open_on(loan, procedure.day)[::-1]


@pytest.mark.parametrize("staff", [None, "agent-lin"])
def test_a_quote_that_clears_the_loan_is_looked_at_and_then_kept(
    come: Come, procedure: Procedure, loan: str, staff: str | None
) -> None:
    visitor = come(staff) if staff else borrower(come, loan)
    home = f"/loans/{loan}" if staff else f"/my/{loan}"
    assert f'href="{home}/quotes"' in visitor.get(home).text
    found = words(visitor.get(f"{home}/quotes").text)
    assert "No quote holds at present" in found

    status, text = ask(visitor, home, act="preview")
    assert status == 200
    # 72 yuan of interest for the 31 days of the first period: 23.23 for ten of them, 46.45 for the twenty it may be.
    for said in (
        "To transfer ¥12,046.45",
        "Fee for paying early ¥0.00",
        "Interest ¥23.23",
        "Too much, comes back ¥23.22",
    ):
        assert said in text
    assert "What clears the loan today, ¥12,023.23, is:" in text
    assert ("Have ¥12,023.23 drawn from my account today" in text) == (staff is None)
    assert kept(procedure, loan) == []

    status, text = ask(visitor, home, act="keep")
    assert status == 200
    assert "The quote is kept: transfer exactly ¥12,046.45 so that it comes in by 25 Jan 2026." in text
    for said in (RECEIVING.holder, RECEIVING.number, RECEIVING.clearing_code, f"Text of the transfer {loan}"):
        assert said in text
    assert "¥12,046.45 Pay everything back Holds until 25 Jan 2026 Given on 15 Jan 2026" in text
    assert ("林小满" in text.split("Quotes that hold")[-1]) == (staff is not None)
    (quote,) = kept(procedure, loan)
    assert (quote.amount_fen, quote.valid_until.isoformat()) == (1_204_645, UNTIL)


@pytest.mark.parametrize(
    ("kind", "changed"),
    [
        ("reduce_installment", "Next installment ¥7"),
        ("reduce_term", "Last due 5 Oct 2026"),
        ("advance_due", "Next installment ¥"),
    ],
)
def test_a_part_says_what_it_changes(come: Come, loan: str, kind: str, changed: str) -> None:
    status, text = ask(borrower(come, loan), f"/my/{loan}", act="preview", kind=kind, amount="3,000")
    assert status == 200
    for said in ("To transfer ¥3,000.00", "Principal ¥2,976.77", "Principal after ¥9,023.23", changed):
        assert said in text
    assert "Have ¥3,000.00 drawn from my account today" in text


def test_a_transfer_takes_the_quote_off_the_page(come: Come, procedure: Procedure, loan: str) -> None:
    visitor = borrower(come, loan)
    ask(visitor, f"/my/{loan}", act="keep", kind="reduce_term", amount="3000")
    assert "¥3,000.00 Pay a part, for fewer installments" in words(visitor.get(f"/my/{loan}/quotes").text)
    procedure.deposit(loan, 300_000)
    procedure.advance(loan)
    assert "No quote holds at present" in words(visitor.get(f"/my/{loan}/quotes").text)
    ask(visitor, f"/my/{loan}", act="keep", kind="reduce_term", amount="3000")
    procedure.day += timedelta(days=11)
    procedure.advance(loan)
    assert "No quote holds at present" in words(visitor.get(f"/my/{loan}/quotes").text)


@pytest.mark.parametrize(
    ("fields", "field", "sentence"),
    [
        ({"kind": ""}, "kind", "Choose one of these."),
        ({"kind": "make_rich"}, "kind", "Choose one of these."),
        ({"amount": "100"}, "amount", "leave it empty to pay everything back."),
        ({"kind": "reduce_term"}, "amount", "leave it empty to pay everything back."),
        ({"kind": "reduce_term", "amount": "a lot"}, "amount", "leave it empty to pay everything back."),
        ({"kind": "reduce_term", "amount": "12023.24"}, "amount", "leave it empty to pay everything back."),
        ({"valid_until": "soon"}, "valid_until", "Today or one of the next 31 days."),
        ({"valid_until": "2026-02-16"}, "valid_until", "Today or one of the next 31 days."),
        ({"valid_until": "2026-01-14"}, "valid_until", "Today or one of the next 31 days."),
    ],
)
def test_what_is_wrong_is_said_at_the_field_and_nothing_is_kept(
    come: Come, procedure: Procedure, loan: str, fields: dict[str, str], field: str, sentence: str
) -> None:
    visitor = borrower(come, loan)
    page = f"/my/{loan}/quotes"
    asked = {"act": "keep", "kind": "settle", "valid_until": UNTIL} | fields
    answer = visitor.post(page, seen_at=page, **asked)
    assert answer.status_code == 422
    assert sentence in words(answer.text)
    assert f'aria-describedby="{field}-problem' in answer.text
    assert kept(procedure, loan) == []


def test_who_does_not_speak_for_the_borrower_reads_quotes_and_asks_for_none(
    come: Come, procedure: Procedure, loan: str
) -> None:
    ask(borrower(come, loan), f"/my/{loan}", act="keep")
    for staff in ("finance-sun", "auditor-wei"):
        visitor = come(staff)
        text = words(visitor.get(f"/loans/{loan}/quotes").text)
        assert "¥12,046.45 Pay everything back" in text
        assert "Ask for a quote" not in text
        status, text = ask(visitor, f"/loans/{loan}", act="keep")
        assert status == 403
        assert "Ask for a quote" not in text
    assert len(kept(procedure, loan)) == 1


def test_a_loan_that_is_not_repaid_has_no_quotes_to_ask_for(come: Come, procedure: Procedure) -> None:
    loan = procedure.offered()
    visitor = borrower(come, loan)
    text = words(visitor.get(f"/my/{loan}/quotes").text)
    assert "This loan is not being repaid at present" in text
    assert "Ask for a quote" not in text
    page = f"/my/{loan}/quotes"
    asked = {"act": "keep", "kind": "settle", "valid_until": "2026-01-06"}
    assert visitor.post(page, seen_at=page, **asked).status_code == 409


def test_another_borrowers_quotes_are_not_to_be_found(come: Come, procedure: Procedure, loan: str) -> None:
    stranger = borrower(come, procedure.running())
    assert stranger.get(f"/my/{loan}/quotes").status_code == 404
    assert ask(stranger, f"/my/{loan}", act="keep")[0] == 404
    assert kept(procedure, loan) == []


def test_the_pages_of_quotes_speak_chinese(come: Come, loan: str) -> None:
    visitor = borrower(come, loan, "zh")
    assert "转账或部分提前还款" in words(visitor.get(f"/my/{loan}").text)
    status, text = ask(visitor, f"/my/{loan}", act="keep", kind="reduce_installment", amount="3000")
    assert status == 200
    for said in ("报价已保留：请转账¥3,000.00", "部分还款，降低每期金额", "开户行行号（CNAPS）", "转账附言"):
        assert said in text
