"""The direct link: what is not signed by the bank is no answer, and what contradicts itself is none either."""

import json

import pytest

from gateways.bank_messages import DebitOrder, TransferResult
from gateways.errors import AnswerMalformed, BankMessageBroken
from gateways.link_signatures import is_answer_signed, sign_question
from models.statements import Statement
from simulators.bank.signatures import SignatureDesk
from simulators.refusals import SignatureWrong
from tests.gateways.calling import DIRECT, ON, ask, debit_order, transfer_order
from tests.simulators.running import LENDER, SIGNING_SECRET, Outside, Receiver

KEY = "G-3:transfer:1"
SETTLED: dict[str, object] = {
    "end_to_end_id": KEY,
    "status": "settled",
    "amount_fen": 1000,
    "bank_reference": "BK1",
    "booked_on": "2026-01-06",
    "reason_code": None,
}
LINE: dict[str, object] = {
    "reference": "BK1",
    "end_to_end_id": "L26000001:installment:1",
    "kind": "debit",
    "direction": "in",
    "amount_fen": 5,
    "booked_on": "2026-01-06",
    "counterparty_account": "1",
    "counterparty_name": "王",
    "text": "还款",
}
STATEMENT: dict[str, object] = {
    "statement_id": "ST-1",
    "account": LENDER,
    "currency": "CNY",
    "date": "2026-01-06",
    "opening_fen": 5,
    "closing_fen": 10,
    "lines": [LINE],
}


def answered(answer: dict[str, object]) -> TransferResult:
    order = transfer_order(end_to_end_id=KEY)
    with Receiver(200, json.dumps(answer).encode(), SIGNING_SECRET) as receiver:
        return ask(receiver.url, lambda gateways: gateways.bank.transfer(order), own=DIRECT)


def statement(answer: dict[str, object]) -> Statement:
    with Receiver(200, json.dumps(answer).encode(), SIGNING_SECRET) as receiver:
        return ask(receiver.url, lambda gateways: gateways.bank.statement(ON), own=DIRECT)


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
    with pytest.raises(AnswerMalformed) as caught:
        answered(SETTLED | change)
    assert "did not sign" not in str(caught.value)
    assert answered(SETTLED).amount_fen == 1000


def test_less_than_ordered_is_an_error_unless_a_part_was_allowed() -> None:
    def taken_fen(*, partial: bool) -> int:
        order = DebitOrder("G-3:debit:1", "1", "x", 1000, ON, "", partial)
        body = json.dumps(SETTLED | {"end_to_end_id": "G-3:debit:1", "amount_fen": 400}).encode()
        with Receiver(200, body, SIGNING_SECRET) as receiver:
            return ask(receiver.url, lambda gateways: gateways.bank.debit(order), own=DIRECT).amount_fen

    assert taken_fen(partial=True) == 400
    with pytest.raises(AnswerMalformed):
        taken_fen(partial=False)


@pytest.mark.parametrize(
    ("change", "element"),
    [
        ({"closing_fen": 11}, "closing_fen"),
        ({"lines": [LINE, LINE], "closing_fen": 15}, "lines[2].reference"),
        ({"lines": [LINE | {"reference": "B" * 36}]}, "lines[1].reference"),
        ({"lines": [LINE | {"reference": ""}]}, "lines[1].reference"),
        ({"lines": [LINE | {"amount_fen": 0}]}, "lines[1].amount_fen"),
        ({"lines": [LINE | {"end_to_end_id": "L" * 36}]}, "lines[1].end_to_end_id"),
        ({"lines": [LINE | {"reference": "BK\0"}]}, "lines[1].reference"),
        ({"lines": [LINE | {"end_to_end_id": "L\0"}]}, "lines[1].end_to_end_id"),
        ({"lines": [LINE | {"booked_on": "2026-01-05"}]}, "lines[1].booked_on"),
    ],
)
def test_a_statement_that_breaks_a_rule_is_an_error_that_names_the_line(
    change: dict[str, object], element: str
) -> None:
    with pytest.raises(BankMessageBroken) as caught:
        statement(STATEMENT | change)
    assert caught.value.element == element


def test_no_text_of_a_statement_loses_its_money() -> None:
    """Books on PostgreSQL take no NUL: the day would never be reconciled."""
    texts = {"counterparty_account": "1\0", "counterparty_name": "王\0", "text": "还\0款"}
    (entry,) = statement(STATEMENT | {"lines": [LINE | texts]}).entries
    assert (entry.counterparty_account, entry.counterparty_name, entry.remittance) == ("1 ", "王 ", "还 款")


@pytest.mark.parametrize(
    "change",
    [
        {"account": "2"},
        {"statement_id": "S\0"},
        {"date": "2026-01-07"},
        {"currency": "USD"},
        {"lines": [{"reference": "BK1"}]},
    ],
)
def test_another_statement_is_an_error(change: dict[str, object]) -> None:
    with pytest.raises(AnswerMalformed):
        statement(STATEMENT | change)
    assert statement(STATEMENT).entries[0].amount_fen == 5


def test_a_balance_of_another_account_is_an_error() -> None:
    body = b'{"account": "2", "balance_fen": 5}'
    with Receiver(200, body, SIGNING_SECRET) as receiver, pytest.raises(AnswerMalformed, match="another account"):
        ask(receiver.url, lambda gateways: gateways.bank.balance("1"), own=DIRECT)


@pytest.mark.parametrize("change", [{"bank_reference": ""}, {"bank_reference": "B" * 65}, {"bank_reference": "B\0"}])
def test_a_reference_that_no_books_can_keep_is_no_answer(change: dict[str, object]) -> None:
    with pytest.raises(AnswerMalformed, match="bank_reference") as caught:
        answered(SETTLED | change)
    assert not caught.value.outcome_known


def test_a_reason_is_cut_and_cleaned() -> None:
    declined = {"status": "declined", "amount_fen": 0, "booked_on": None, "reason_code": "no\0" + "x" * 100}
    assert answered(SETTLED | declined).reason_code == "no " + "x" * 61


def test_what_became_of_an_order_is_about_its_amount() -> None:
    """After an answer that was lost the bank's word is trusted no more than at once."""
    with Receiver(200, json.dumps(SETTLED).encode(), SIGNING_SECRET) as receiver:

        def told(amount_fen: int, *, partial: bool = False) -> TransferResult | None:
            return ask(receiver.url, lambda to: to.bank.status(KEY, amount_fen, partial=partial), own=DIRECT)

        for result in (told(1000), told(1001, partial=True)):
            assert result is not None
            assert result.amount_fen == 1000
        for amount_fen, partial in ((999, False), (999, True), (1001, False)):
            with pytest.raises(AnswerMalformed, match="another amount"):
                told(amount_fen, partial=partial)


def test_a_part_of_a_transfer_that_came_back_is_no_recall() -> None:
    with (
        Receiver(200, json.dumps(SETTLED).encode(), SIGNING_SECRET) as receiver,
        pytest.raises(AnswerMalformed, match="another amount"),
    ):
        ask(receiver.url, lambda gateways: gateways.bank.recall(KEY, "mistake", ON, 1001), own=DIRECT)


@pytest.mark.parametrize("secret", [None, "guessed"])
@pytest.mark.parametrize(("status", "body"), [(200, SETTLED), (404, {"code": "order_unknown"}), (422, {"code": "no"})])
def test_an_answer_that_the_bank_did_not_sign_tells_nothing_about_the_order(
    secret: str | None, status: int, body: dict[str, object]
) -> None:
    with Receiver(status, json.dumps(body).encode(), secret) as receiver:
        with pytest.raises(AnswerMalformed, match="did not sign") as caught:
            ask(receiver.url, lambda gateways: gateways.bank.status(KEY), own=DIRECT)
        assert not caught.value.outcome_known


def test_the_answer_to_one_question_is_none_to_another() -> None:
    one, other = (sign_question("s", "GET", "/bank/orders/1", b"") for _ in range(2))
    signature = {"X-Link-Signature": SignatureDesk("s").sign_answer(one.nonce, 200, b"{}")}
    assert is_answer_signed("s", one.nonce, 200, signature, b"{}")
    assert not is_answer_signed("s", other.nonce, 200, signature, b"{}")
    assert not is_answer_signed("s", one.nonce, 404, signature, b"{}")
    assert not is_answer_signed("s", one.nonce, 200, signature, b"[]")


def test_the_bank_believes_a_question_once_and_only_as_it_was_signed() -> None:
    desk = SignatureDesk("s")
    asked = sign_question("s", "POST", "/bank/transfers?x=1", b"{}")
    for method, path, body in (
        ("GET", "/bank/transfers?x=1", b"{}"),
        ("POST", "/bank/debits?x=1", b"{}"),
        ("POST", "/bank/transfers?x=1", b"[]"),
    ):
        with pytest.raises(SignatureWrong, match="not signed"):
            desk.check(method, path, asked.headers, body)
    assert desk.check("POST", "/bank/transfers?x=1", asked.headers, b"{}") == asked.nonce
    with pytest.raises(SignatureWrong, match="played back"):
        desk.check("POST", "/bank/transfers?x=1", asked.headers, b"{}")


def test_an_old_question_and_one_without_a_signature_are_not_believed() -> None:
    desk = SignatureDesk("s")
    asked = sign_question("s", "POST", "/bank/transfers", b"{}")
    with pytest.raises(SignatureWrong, match="needs"):
        desk.check("POST", "/bank/transfers", {}, b"{}")
    with pytest.raises(SignatureWrong, match="not signed"):
        desk.check("POST", "/bank/transfers", {**asked.headers, "X-Link-Timestamp": "1700000000"}, b"{}")


def test_a_bank_with_another_secret_takes_no_order(outside: Outside) -> None:
    before_fen = outside.balance(LENDER)
    stranger = type(DIRECT)(protocol=DIRECT.protocol, signing_secret="guessed")
    with pytest.raises(AnswerMalformed, match="status 401"):
        ask(outside.url, lambda gateways: gateways.bank.debit(debit_order()), own=stranger)
    assert outside.balance(LENDER) == before_fen
