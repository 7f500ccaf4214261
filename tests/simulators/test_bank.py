"""The bank moves money once, in double entries, and behaves as its customers' habits say."""

import sqlite3
from pathlib import Path
from typing import Any

import pytest

from simulators.bank.store import TREASURY_ACCOUNT, TREASURY_NAME
from simulators.records import PayingHabit, Person
from tests.simulators.orders import debit, draw, holder, transfer
from tests.simulators.running import LENDER, PEOPLE, Outside, running_outside


def test_a_transfer_moves_money_from_the_lender_to_the_payee(outside: Outside) -> None:
    person = holder()
    lender_fen, person_fen = outside.balance(LENDER), outside.balance(person.account)
    receipt = outside.answer("POST", "/bank/transfers", transfer(person, 12345))
    assert (receipt["status"], receipt["amount_fen"], receipt["booked_on"]) == ("settled", 12345, "2026-01-06")
    assert outside.balance(LENDER) == lender_fen - 12345
    assert outside.balance(person.account) == person_fen + 12345


def test_a_repeated_order_gets_the_first_result_and_moves_nothing(outside: Outside) -> None:
    order = transfer(holder())
    first = outside.answer("POST", "/bank/transfers", order)
    balance_fen = outside.balance(LENDER)
    again = outside.answer("POST", "/bank/transfers", order)
    assert again == first | {"duplicate": True}
    assert outside.balance(LENDER) == balance_fen


@pytest.mark.parametrize("change", [{"amount_fen": 1001}, {"value_date": "2026-01-07"}, {"purpose": "other"}])
def test_the_same_id_with_other_content_is_refused(outside: Outside, change: dict[str, object]) -> None:
    order = transfer(holder())
    outside.answer("POST", "/bank/transfers", order)
    refused = outside.call("POST", "/bank/transfers", order | change)
    assert (refused.status_code, refused.json()["code"]) == (409, "content_differs")


def test_an_id_of_a_transfer_cannot_be_that_of_a_debit(outside: Outside) -> None:
    order = transfer(holder())
    outside.answer("POST", "/bank/transfers", order)
    clash = debit(holder(), 1000, "2026-01-06", end_to_end_id=order["end_to_end_id"])
    assert outside.call("POST", "/bank/debits", clash).status_code == 409


def test_a_transfer_to_nobody_to_a_closed_account_or_under_another_name_is_declined(outside: Outside) -> None:
    closed = next(person for person in PEOPLE.people if person.account_closed)
    balance_fen = outside.balance(LENDER)
    for order, reason in (
        (transfer(holder(), to_account="6990000000000000"), "account_unknown"),
        (transfer(closed), "account_closed"),
        (transfer(holder(), to_name="别人"), "name_mismatch"),
        (transfer(holder(), amount_fen=10**13), "insufficient_funds"),
    ):
        receipt = outside.answer("POST", "/bank/transfers", order)
        assert (receipt["status"], receipt["reason_code"], receipt["amount_fen"]) == ("declined", reason, 0)
        assert outside.answer("GET", f"/bank/orders/{order['end_to_end_id']}")["reason_code"] == reason
    assert outside.balance(LENDER) == balance_fen


def test_dealers_schools_and_the_treasury_have_accounts(outside: Outside) -> None:
    for payee in (PEOPLE.dealers[0], PEOPLE.schools[0]):
        order = transfer(holder(), to_account=payee.account, to_name=payee.name)
        assert outside.answer("POST", "/bank/transfers", order)["status"] == "settled"
    subsidy = debit(holder(), 500, "2026-01-06", from_account=TREASURY_ACCOUNT, from_name=TREASURY_NAME)
    assert outside.answer("POST", "/bank/debits", subsidy)["status"] == "settled"


def test_an_order_that_never_arrived_is_not_known(outside: Outside) -> None:
    unknown = outside.call("GET", "/bank/orders/T-9:transfer:1")
    assert (unknown.status_code, unknown.json()["code"]) == (404, "order_unknown")


def test_a_recall_brings_the_money_back_once(outside: Outside) -> None:
    order = transfer(holder(), 700)
    outside.answer("POST", "/bank/transfers", order)
    balance_fen = outside.balance(LENDER)
    path = f"/bank/orders/{order['end_to_end_id']}/recall"
    back = outside.answer("POST", path, {"reason": "wrong account", "value_date": "2026-01-07"})
    again = outside.answer("POST", path, {"reason": "wrong account", "value_date": "2026-01-07"})
    assert (back["status"], back["amount_fen"], again["bank_reference"]) == ("settled", 700, back["bank_reference"])
    assert outside.balance(LENDER) == balance_fen + 700
    assert outside.answer("GET", f"/bank/orders/{order['end_to_end_id']}")["kind"] == "transfer"


def test_money_that_the_payee_has_spent_cannot_be_recalled_but_tried_again(outside: Outside) -> None:
    payee = PEOPLE.dealers[3]
    order = transfer(holder(), 700, to_account=payee.account, to_name=payee.name)
    outside.answer("POST", "/bank/transfers", order)
    draw(outside, payee, 700, "2026-01-06")
    path = f"/bank/orders/{order['end_to_end_id']}/recall"
    question = {"reason": "wrong account", "value_date": "2026-01-07"}
    assert outside.answer("POST", path, question)["reason_code"] == "insufficient_funds"
    outside.answer("POST", "/bank/transfers", transfer(holder(), 700, to_account=payee.account, to_name=payee.name))
    assert outside.answer("POST", path, question)["status"] == "settled"


def test_only_a_transfer_that_exists_can_be_recalled(outside: Outside) -> None:
    question = {"reason": "mistake", "value_date": "2026-01-07"}
    assert outside.call("POST", "/bank/orders/T-9:none:1/recall", question).status_code == 404
    pending = transfer(holder())
    outside.answer("POST", "/bank/transfers", pending, fault="pending")
    receipt = outside.answer("POST", f"/bank/orders/{pending['end_to_end_id']}/recall", question)
    assert (receipt["status"], receipt["reason_code"]) == ("declined", "not_settled")
    outside.answer("POST", "/control/settlements", {"end_to_end_id": pending["end_to_end_id"]})


def test_a_pending_order_moves_money_only_when_it_settles(outside: Outside) -> None:
    order = transfer(holder(), 800)
    balance_fen = outside.balance(LENDER)
    receipt = outside.answer("POST", "/bank/transfers", order, fault="pending")
    assert (receipt["status"], receipt["amount_fen"], receipt["booked_on"]) == ("pending", 0, None)
    assert outside.balance(LENDER) == balance_fen
    settled = outside.answer("POST", "/control/settlements", {"value_date": "2026-01-08"})
    assert [(one["status"], one["booked_on"]) for one in settled] == [("settled", "2026-01-08")]
    assert outside.answer("GET", f"/bank/orders/{order['end_to_end_id']}")["amount_fen"] == 800
    assert outside.balance(LENDER) == balance_fen - 800


def test_a_pending_order_can_be_declined(outside: Outside) -> None:
    order = transfer(holder())
    outside.answer("POST", "/bank/transfers", order, fault="pending")
    question = {"end_to_end_id": order["end_to_end_id"], "outcome": "declined"}
    declined = outside.answer("POST", "/control/settlements", question)
    assert [(one["status"], one["reason_code"]) for one in declined] == [("declined", "declined_by_bank")]


def test_a_deposit_comes_in_with_its_text_on_the_statement(outside: Outside) -> None:
    deposit = {
        "end_to_end_id": "OWN-1",
        "from_account": holder().account,
        "from_name": holder().name,
        "amount_fen": 4321,
        "value_date": "2026-02-03",
        "text": "LW-1 还款",
    }
    receipt = outside.answer("POST", "/bank/deposits", deposit)
    statement = outside.answer("GET", f"/bank/statements/{LENDER}?date=2026-02-03")
    assert statement["closing_fen"] == statement["opening_fen"] + 4321
    (line,) = statement["lines"]
    assert (line["direction"], line["amount_fen"], line["text"]) == ("in", 4321, "LW-1 还款")
    assert (line["reference"], line["counterparty_account"]) == (receipt["bank_reference"], holder().account)


def test_a_statement_shows_both_sides_of_a_transfer(outside: Outside) -> None:
    person = holder(skip=5)
    outside.answer("POST", "/bank/transfers", transfer(person, 900, value_date="2026-02-04"))
    (lenders,) = outside.answer("GET", f"/bank/statements/{LENDER}?date=2026-02-04")["lines"]
    assert (lenders["direction"], lenders["counterparty_account"], lenders["counterparty_name"]) == (
        "out",
        person.account,
        person.name,
    )
    lines = outside.answer("GET", f"/bank/statements/{person.account}?date=2026-02-04")["lines"]
    assert [(line["direction"], line["counterparty_account"]) for line in lines if line["kind"] == "transfer"] == [
        ("in", LENDER)
    ]


def test_an_account_that_does_not_exist_has_no_balance_and_no_statement(outside: Outside) -> None:
    assert outside.call("GET", "/bank/accounts/1").status_code == 404
    assert outside.call("GET", "/bank/statements/1?date=2026-01-06").status_code == 404


def monthly_debits(outside: Outside, person: Person, amount_fen: int, day: int, **changes: object) -> list[Any]:
    months = [f"2026-{month:02d}-{day:02d}" for month in range(2, 13)]
    return [draw(outside, person, amount_fen, on, **changes) for on in months]


def test_a_regular_payer_always_has_the_installment(outside: Outside) -> None:
    person = holder(skip=1)
    receipts = monthly_debits(outside, person, person.monthly_income_fen // 2, 28)
    assert {receipt["status"] for receipt in receipts} == {"settled"}


def test_a_late_payer_has_it_on_pay_day_and_not_the_day_before(outside: Outside) -> None:
    person = holder(PayingHabit.LATE)
    pay_day = person.account_habit.pay_day
    before = monthly_debits(outside, person, person.monthly_income_fen // 3, pay_day - 1)[0]
    assert before["reason_code"] == "insufficient_funds"
    on_pay_day = draw(outside, person, person.monthly_income_fen // 3, f"2027-01-{pay_day:02d}")
    assert on_pay_day["status"] == "settled"


def test_a_partial_payer_gives_what_is_there_if_a_part_is_allowed(outside: Outside) -> None:
    person = holder(PayingHabit.PARTIAL)
    amount_fen = person.monthly_income_fen // 3
    whole, part = (draw(outside, person, amount_fen, "2026-01-28", partial=partial) for partial in (False, True))
    assert whole["reason_code"] == "insufficient_funds"
    assert part["status"] == "settled"
    assert 0 < part["amount_fen"] < amount_fen


def test_nothing_at_all_is_no_part(outside: Outside) -> None:
    person = holder(PayingHabit.PARTIAL)
    draw(outside, person, 10**10, "2026-01-28", partial=True)
    again = draw(outside, person, 10**10, "2026-01-28", partial=True)
    assert again["reason_code"] == "insufficient_funds"


def test_a_broke_payer_stops_paying_within_the_year(outside: Outside) -> None:
    person = holder(PayingHabit.BROKE)
    statuses = [r["status"] for r in monthly_debits(outside, person, 5000, person.account_habit.pay_day)]
    assert statuses[0] == "settled"
    assert statuses[-1] == "declined"


def test_all_balances_add_up_to_zero_and_equal_their_entries(tmp_path: Path) -> None:
    with running_outside(tmp_path / "bank") as outside:
        outside.answer("POST", "/bank/transfers", transfer(holder(), 5000))
        draw(outside, holder(PayingHabit.LATE), 100, "2027-03-28")
    with sqlite3.connect(tmp_path / "bank" / "bank.sqlite3") as connection:
        (total,) = connection.execute("SELECT sum(balance_fen) FROM accounts").fetchone()
        differing = connection.execute(
            "SELECT account FROM accounts WHERE balance_fen != coalesce((SELECT sum(amount_fen) FROM entries"
            " WHERE entries.account = accounts.account), 0)"
        ).fetchall()
        (salaries,) = connection.execute("SELECT count(*) FROM entries WHERE kind = 'salary'").fetchone()
    connection.close()
    assert (total, differing) == (0, [])
    assert salaries > 20


def test_a_directory_with_another_population_is_refused(tmp_path: Path) -> None:
    with running_outside(tmp_path / "bank") as outside:
        outside.kill()
        connection = sqlite3.connect(tmp_path / "bank" / "bank.sqlite3")
        connection.execute("UPDATE facts SET value = 'seed 1' WHERE name = 'population'")
        connection.commit()
        connection.close()
        with pytest.raises(AssertionError, match="holds the bank of seed 1, not of seed 7"):
            outside.start()
