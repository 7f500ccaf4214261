"""Orders, balances and statements through the bank's gateway."""

import json
from datetime import date

import pytest

from gateways.bank import DebitOrder, Direction, OrderAmountInvalid, TransferOrder, TransferResult, TransferStatus
from gateways.errors import AnswerMalformed, OutsideRefused
from simulators.records import PayingHabit
from tests.gateways.calling import ON, SOMEBODY, Gateways, ask, debit_order, transfer_order
from tests.simulators.running import LENDER, PEOPLE, Outside, Receiver


def test_a_transfer_settles_and_the_balance_shows_it(outside: Outside) -> None:
    async def pay(gateways: Gateways) -> tuple[TransferResult, int, int]:
        before_fen = await gateways.bank.balance(LENDER)
        result = await gateways.bank.transfer(transfer_order(amount_fen=12345))
        return result, before_fen, await gateways.bank.balance(LENDER)

    result, before_fen, after_fen = ask(outside.url, pay)
    assert (result.status, result.amount_fen, result.booked_on, result.reason_code) == ("settled", 12345, ON, None)
    assert after_fen == before_fen - 12345


def test_a_decline_carries_its_reason(outside: Outside) -> None:
    closed = next(person for person in PEOPLE.people if person.account_closed)
    result = ask(outside.url, lambda gateways: gateways.bank.transfer(transfer_order(closed)))
    assert (result.status, result.reason_code, result.booked_on) == (TransferStatus.DECLINED, "account_closed", None)


def test_a_partial_debit_takes_what_is_there(outside: Outside) -> None:
    person = next(p for p in PEOPLE.people if p.paying_habit is PayingHabit.PARTIAL and not p.account_closed)

    async def take(gateways: Gateways) -> list[TransferResult]:
        orders = [debit_order(person, 10**9, date(2026, 1, 28), partial=partial) for partial in (False, True)]
        return [await gateways.bank.debit(order) for order in orders]

    whole, part = ask(outside.url, take)
    assert (whole.status, whole.reason_code) == ("declined", "insufficient_funds")
    assert part.status is TransferStatus.SETTLED
    assert 0 < part.amount_fen < 10**9


@pytest.mark.parametrize("key", ["LW-7:disburse:1", "loan/7:disburse:1", "LW/7/recall"])
def test_status_finds_an_order_whatever_its_id_looks_like(outside: Outside, key: str) -> None:
    order = transfer_order(end_to_end_id=key)

    async def pay(gateways: Gateways) -> tuple[TransferResult | None, TransferResult, TransferResult | None]:
        before = await gateways.bank.status(key)
        return before, await gateways.bank.transfer(order), await gateways.bank.status(key)

    before, result, after = ask(outside.url, pay)
    assert before is None
    assert after == result


def test_the_same_id_with_another_amount_is_refused(outside: Outside) -> None:
    async def pay_twice(gateways: Gateways) -> None:
        await gateways.bank.transfer(transfer_order(amount_fen=1, end_to_end_id="G-2:transfer:1"))
        await gateways.bank.transfer(transfer_order(amount_fen=2, end_to_end_id="G-2:transfer:1"))

    with pytest.raises(OutsideRefused) as caught:
        ask(outside.url, pay_twice)
    assert (caught.value.status, caught.value.outside_code) == (409, "content_differs")


def test_a_recall_returns_the_money(outside: Outside) -> None:
    async def pay_and_recall(gateways: Gateways) -> tuple[TransferResult, TransferResult]:
        paid = await gateways.bank.transfer(transfer_order(amount_fen=800))
        return paid, await gateways.bank.recall(paid.end_to_end_id, "wrong account", date(2026, 1, 7))

    paid, back = ask(outside.url, pay_and_recall)
    assert (back.status, back.amount_fen, back.booked_on) == (TransferStatus.SETTLED, 800, date(2026, 1, 7))
    assert (back.end_to_end_id, back.bank_reference == paid.bank_reference) == (paid.end_to_end_id, False)


def test_the_statement_of_a_day_lists_each_booking_once(outside: Outside) -> None:
    day = date(2026, 3, 3)

    async def book(gateways: Gateways) -> TransferResult:
        return await gateways.bank.debit(debit_order(amount_fen=77, value_date=day))

    result = ask(outside.url, book)
    (line,) = ask(outside.url, lambda gateways: gateways.bank.statement(LENDER, day))
    assert (line.reference, line.end_to_end_id, line.kind) == (result.bank_reference, result.end_to_end_id, "debit")
    assert (line.direction, line.amount_fen, line.booked_on) == (Direction.IN, 77, day)
    assert (line.counterparty_account, line.text) == (SOMEBODY.account, "installment")
    assert SOMEBODY.account not in repr(line)
    assert ask(outside.url, lambda gateways: gateways.bank.statement(LENDER, date(2026, 3, 4))) == []


def test_an_account_that_the_bank_does_not_have_is_refused(outside: Outside) -> None:
    with pytest.raises(OutsideRefused) as caught:
        ask(outside.url, lambda gateways: gateways.bank.balance("1"))
    assert caught.value.outside_code == "account_unknown"


@pytest.mark.parametrize("amount_fen", [0, -1])
def test_an_order_over_nothing_cannot_be_made(amount_fen: int) -> None:
    with pytest.raises(OrderAmountInvalid):
        TransferOrder("a", "1", "x", amount_fen, ON, "")
    with pytest.raises(OrderAmountInvalid):
        DebitOrder("a", "1", "x", amount_fen, ON, "")


def test_a_printed_order_shows_neither_name_nor_account() -> None:
    printed = repr(transfer_order()) + repr(debit_order())
    assert SOMEBODY.name not in printed
    assert SOMEBODY.account not in printed


SETTLED: dict[str, object] = {
    "end_to_end_id": "G-3:transfer:1",
    "status": "settled",
    "amount_fen": 1000,
    "bank_reference": "BK1",
    "booked_on": "2026-01-06",
    "reason_code": None,
}


@pytest.mark.parametrize(
    "change",
    [
        {"end_to_end_id": "G-3:transfer:2"},
        {"amount_fen": 999},
        {"amount_fen": 1001},
        {"amount_fen": 0},
        {"amount_fen": "1000"},
        {"amount_fen": 1000.0},
        {"booked_on": None},
        {"booked_on": "06.01.2026"},
        {"status": "maybe"},
        {"status": "pending"},
        {"status": "pending", "booked_on": None},
        {"status": "declined", "amount_fen": 0, "booked_on": None},
        {"reason_code": "why"},
    ],
)
def test_an_answer_that_contradicts_itself_or_the_order_is_an_error(change: dict[str, object]) -> None:
    order = transfer_order(end_to_end_id="G-3:transfer:1")
    with Receiver(200, json.dumps(SETTLED | change).encode()) as receiver, pytest.raises(AnswerMalformed):
        ask(receiver.url, lambda gateways: gateways.bank.transfer(order))
    with Receiver(200, json.dumps(SETTLED).encode()) as receiver:
        assert ask(receiver.url, lambda gateways: gateways.bank.transfer(order)).amount_fen == 1000


def test_less_than_ordered_is_an_error_unless_a_part_was_allowed() -> None:
    def taken_fen(*, partial: bool) -> int:
        order = DebitOrder("G-3:debit:1", "1", "x", 1000, ON, "", partial)
        body = json.dumps(SETTLED | {"end_to_end_id": "G-3:debit:1", "amount_fen": 400}).encode()
        with Receiver(200, body) as receiver:
            return ask(receiver.url, lambda gateways: gateways.bank.debit(order)).amount_fen

    assert taken_fen(partial=True) == 400
    with pytest.raises(AnswerMalformed):
        taken_fen(partial=False)


@pytest.mark.parametrize(
    "change", [{"closing_fen": 1}, {"account": "2"}, {"date": "2026-01-07"}, {"lines": [{"reference": "BK1"}]}]
)
def test_a_statement_that_does_not_add_up_or_is_another_is_an_error(change: dict[str, object]) -> None:
    statement = {"account": "1", "date": "2026-01-06", "opening_fen": 5, "closing_fen": 5, "lines": []}
    with Receiver(200, json.dumps(statement | change).encode()) as receiver, pytest.raises(AnswerMalformed):
        ask(receiver.url, lambda gateways: gateways.bank.statement("1", ON))


def test_a_balance_of_another_account_is_an_error() -> None:
    with Receiver(200, b'{"account": "2", "balance_fen": 5}') as receiver, pytest.raises(AnswerMalformed):
        ask(receiver.url, lambda gateways: gateways.bank.balance("1"))
