"""Orders, mandates, balances and statements through the bank's gateway, whatever link it speaks."""

from datetime import date

import pytest

from gateways.bank_messages import (
    DebitOrder,
    Mandate,
    MandateRequest,
    OrderAmountInvalid,
    OwnAccount,
    TransferOrder,
    TransferResult,
    TransferStatus,
)
from gateways.errors import OrderUnsendable, OutsideRefused, OutsideUnavailable
from models.statements import Direction
from simulators.records import PayingHabit
from tests.gateways.calling import DIRECT, ISO, ON, SOMEBODY, Gateways, ask, debit_order, draw, mandated, transfer_order
from tests.simulators.running import LENDER, PEOPLE, Outside


@pytest.fixture(params=[ISO, DIRECT], ids=["iso20022", "direct"])
def own(request: pytest.FixtureRequest) -> OwnAccount:
    account: OwnAccount = request.param
    return account


def test_a_transfer_settles_and_the_balance_shows_it(outside: Outside, own: OwnAccount) -> None:
    async def pay(gateways: Gateways) -> tuple[TransferResult, int, int]:
        before_fen = await gateways.bank.balance(LENDER)
        result = await gateways.bank.transfer(transfer_order(amount_fen=12345))
        return result, before_fen, await gateways.bank.balance(LENDER)

    result, before_fen, after_fen = ask(outside.url, pay, own=own)
    assert (result.status, result.amount_fen, result.booked_on, result.reason_code) == ("settled", 12345, ON, None)
    assert after_fen == before_fen - 12345


def test_a_decline_carries_its_reason(outside: Outside, own: OwnAccount) -> None:
    closed = next(person for person in PEOPLE.people if person.account_closed)
    result = ask(outside.url, lambda gateways: gateways.bank.transfer(transfer_order(closed)), own=own)
    assert (result.status, result.reason_code, result.booked_on) == (TransferStatus.DECLINED, "account_closed", None)


def test_a_partial_debit_takes_what_is_there(outside: Outside, own: OwnAccount) -> None:
    payers = [p for p in PEOPLE.people if p.paying_habit is PayingHabit.PARTIAL and not p.account_closed]
    person = payers[0] if own is ISO else payers[1]

    async def take(gateways: Gateways) -> list[TransferResult]:
        orders = [debit_order(person, 10**9, date(2026, 1, 28), partial=partial) for partial in (False, True)]
        return [await draw(gateways, order) for order in orders]

    whole, part = ask(outside.url, take, own=own)
    assert (whole.status, whole.reason_code) == ("declined", "insufficient_funds")
    assert part.status is TransferStatus.SETTLED
    assert 0 < part.amount_fen < 10**9


@pytest.mark.parametrize("key", ["LW-7:disburse:1", "loan/7:disburse:1", "LW/7/recall"])
def test_status_finds_an_order_whatever_its_id_looks_like(outside: Outside, own: OwnAccount, key: str) -> None:
    order = transfer_order(end_to_end_id=f"{key}-{own.protocol}")
    key = order.end_to_end_id

    async def pay(gateways: Gateways) -> tuple[TransferResult | None, TransferResult, TransferResult | None]:
        before = await gateways.bank.status(key)
        return before, await gateways.bank.transfer(order), await gateways.bank.status(key)

    before, result, after = ask(outside.url, pay, own=own)
    assert before is None
    assert after == result


def test_the_same_id_with_another_amount_is_refused(outside: Outside, own: OwnAccount) -> None:
    async def pay_twice(gateways: Gateways) -> None:
        first = transfer_order(amount_fen=1)
        await gateways.bank.transfer(first)
        await gateways.bank.transfer(transfer_order(amount_fen=2, end_to_end_id=first.end_to_end_id))

    with pytest.raises(OutsideRefused) as caught:
        ask(outside.url, pay_twice, own=own)
    assert (caught.value.status, caught.value.outside_code) == (409, "content_differs")


def test_a_recall_returns_the_money(outside: Outside, own: OwnAccount) -> None:
    async def pay_and_recall(gateways: Gateways) -> tuple[TransferResult, TransferResult]:
        paid = await gateways.bank.transfer(transfer_order(amount_fen=800))
        return paid, await gateways.bank.recall(paid.end_to_end_id, "wrong account", date(2026, 1, 7))

    paid, back = ask(outside.url, pay_and_recall, own=own)
    assert (back.status, back.amount_fen, back.booked_on) == (TransferStatus.SETTLED, 800, date(2026, 1, 7))
    assert (back.end_to_end_id, back.bank_reference == paid.bank_reference) == (paid.end_to_end_id, False)


def test_the_statement_of_a_day_lists_each_booking_once(outside: Outside, own: OwnAccount) -> None:
    day = date(2026, 3, 3) if own is ISO else date(2026, 3, 5)
    order = debit_order(amount_fen=77, value_date=day)
    result = ask(outside.url, lambda gateways: draw(gateways, order), own=own)
    statement = ask(outside.url, lambda gateways: gateways.bank.statement(day), own=own)
    (entry,) = statement.entries
    assert (entry.reference, entry.end_to_end_id) == (result.bank_reference, result.end_to_end_id)
    assert (entry.direction, entry.amount_fen, entry.booked_on, entry.value_date) == (Direction.IN, 77, day, day)
    assert (entry.counterparty_account, entry.counterparty_name) == (SOMEBODY.account, SOMEBODY.name)
    assert (entry.remittance, entry.is_reversal) == ("installment", False)
    assert (statement.account, statement.currency, statement.business_date) == (LENDER, "CNY", day)
    assert statement.closing_fen == statement.opening_fen + 77
    assert SOMEBODY.account not in repr(statement)
    assert SOMEBODY.name not in repr(statement)


def test_a_statement_asked_for_again_is_known_by_its_id_and_a_later_one_by_another(
    outside: Outside, own: OwnAccount
) -> None:
    day = date(2026, 3, 9) if own is ISO else date(2026, 3, 11)

    async def ask_between_bookings(gateways: Gateways) -> list[tuple[str, str]]:
        seen = []
        for _ in range(2):
            await draw(gateways, debit_order(amount_fen=5, value_date=day))
            for _ in range(2):
                statement = await gateways.bank.statement(day)
                seen.append((statement.statement_id, statement.content_digest))
        return seen

    first, again, later, later_again = ask(outside.url, ask_between_bookings, own=own)
    assert first == again
    assert later == later_again
    assert first[0] != later[0]
    assert first[1] != later[1]


def test_both_links_give_the_same_statement(outside: Outside) -> None:
    day = date(2026, 3, 13)

    async def book(gateways: Gateways) -> None:
        paid = await gateways.bank.transfer(
            TransferOrder("G-9:both:1", SOMEBODY.account, SOMEBODY.name, 900, day, "放款 <1> & 2")
        )
        await gateways.bank.recall(paid.end_to_end_id, "wrong account", day)
        await draw(gateways, debit_order(amount_fen=33, value_date=day))

    ask(outside.url, book)
    iso, direct = (ask(outside.url, lambda gateways: gateways.bank.statement(day), own=own) for own in (ISO, DIRECT))
    assert iso == direct
    assert [entry.is_reversal for entry in iso.entries] == [False, True, False]
    assert {entry.counterparty_account for entry in iso.entries} == {SOMEBODY.account}


def test_a_day_without_a_booking_has_an_empty_statement(outside: Outside, own: OwnAccount) -> None:
    statement = ask(outside.url, lambda gateways: gateways.bank.statement(date(2026, 3, 4)), own=own)
    assert statement.entries == ()
    assert statement.opening_fen == statement.closing_fen


def test_an_account_that_the_bank_does_not_have_is_refused(outside: Outside, own: OwnAccount) -> None:
    with pytest.raises(OutsideRefused) as caught:
        ask(outside.url, lambda gateways: gateways.bank.balance("1"), own=own)
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


def test_an_order_whose_id_is_longer_than_a_bank_takes_is_not_sent(outside: Outside, own: OwnAccount) -> None:
    order = transfer_order(end_to_end_id="L" * 36)
    with pytest.raises(OrderUnsendable) as caught:
        ask(outside.url, lambda gateways: gateways.bank.transfer(order), own=own)
    assert (caught.value.outcome_known, caught.value.retryable) == (True, False)
    assert ask(outside.url, lambda gateways: gateways.bank.status(order.end_to_end_id), own=own) is None


@pytest.mark.parametrize("kind", ["transfer", "debit"])
def test_an_order_whose_answer_was_lost_is_carried_out_once(outside: Outside, own: OwnAccount, kind: str) -> None:
    """Ask first, send after: as every sender of orders has to do it."""

    async def send(gateways: Gateways) -> TransferResult:
        if kind == "transfer":
            return await gateways.bank.transfer(paying)
        return await gateways.bank.debit(taking)

    paying = transfer_order(amount_fen=60)
    taking = ask(outside.url, lambda gateways: mandated(gateways, debit_order(amount_fen=60)), own=own)
    order = paying if kind == "transfer" else taking
    before_fen = outside.balance(LENDER)
    outside.plan_fault("bank", "lost_answer", operation=f"{kind}s")
    with pytest.raises(OutsideUnavailable) as caught:
        ask(outside.url, send, own=own)
    assert not caught.value.outcome_known
    told = ask(outside.url, lambda gateways: gateways.bank.status(order.end_to_end_id), own=own)
    assert told is not None
    assert (told.status, told.amount_fen) == (TransferStatus.SETTLED, 60)
    assert ask(outside.url, send, own=own) == told
    assert abs(outside.balance(LENDER) - before_fen) == 60


def test_an_order_can_be_declined_after_it_was_taken_in(outside: Outside, own: OwnAccount) -> None:
    order = transfer_order()
    before_fen = outside.balance(LENDER)
    outside.plan_fault("bank", "pending", operation="transfers")
    taken = ask(outside.url, lambda gateways: gateways.bank.transfer(order), own=own)
    assert taken.status is TransferStatus.PENDING
    outside.answer("POST", "/control/settlements", {"end_to_end_id": order.end_to_end_id, "outcome": "declined"})
    told = ask(outside.url, lambda gateways: gateways.bank.status(order.end_to_end_id), own=own)
    assert told is not None
    assert (told.status, told.reason_code) == (TransferStatus.DECLINED, "declined_by_bank")
    assert outside.balance(LENDER) == before_fen


def test_every_reason_of_the_bank_comes_over_both_links(outside: Outside, own: OwnAccount) -> None:
    async def reasons(gateways: Gateways) -> list[str | None]:
        nobody = TransferOrder(transfer_order().end_to_end_id, "6990000000000000", "x", 1, ON, "")
        other = TransferOrder(transfer_order().end_to_end_id, SOMEBODY.account, "别人", 1, ON, "")
        rich = transfer_order(amount_fen=10**13)
        results = [await gateways.bank.transfer(order) for order in (nobody, other, rich)]
        return [result.reason_code for result in results]

    assert ask(outside.url, reasons, own=own) == ["account_unknown", "name_mismatch", "insufficient_funds"]


def test_a_recall_of_what_never_settled_is_declined_and_one_of_nothing_refused(
    outside: Outside, own: OwnAccount
) -> None:
    order = transfer_order()
    outside.plan_fault("bank", "pending", operation="transfers")
    ask(outside.url, lambda gateways: gateways.bank.transfer(order), own=own)
    told = ask(outside.url, lambda gateways: gateways.bank.recall(order.end_to_end_id, "mistake", ON), own=own)
    assert (told.status, told.reason_code) == (TransferStatus.DECLINED, "not_settled")
    outside.answer("POST", "/control/settlements", {"end_to_end_id": order.end_to_end_id})
    with pytest.raises(OutsideRefused) as caught:
        ask(outside.url, lambda gateways: gateways.bank.recall("G-9:none:1", "mistake", ON), own=own)
    assert caught.value.outside_code == "order_unknown"


# -- mandates ----------------------------------------------------------------------------------------------------------


def mandate_request(key: str, **changes: object) -> MandateRequest:
    facts: dict[str, object] = {
        "key": key,
        "account": SOMEBODY.account,
        "name": SOMEBODY.name,
        "signed_on": ON,
        "document_sha256": "a" * 64,
        "most_fen": 50_000,
    }
    return MandateRequest(**(facts | changes))  # type: ignore[arg-type]  # a test changes fields by name


def with_mandate(mandate: Mandate | None, amount_fen: int = 1000) -> DebitOrder:
    plain = debit_order(amount_fen=amount_fen)
    return DebitOrder(
        plain.end_to_end_id, plain.from_account, plain.from_name, amount_fen, ON, plain.purpose, mandate=mandate
    )


def test_a_debit_goes_under_its_registered_mandate(outside: Outside, own: OwnAccount) -> None:
    request = mandate_request(f"G-5:mandate:{own.protocol}")

    async def register_and_debit(gateways: Gateways) -> tuple[Mandate, Mandate, TransferResult]:
        first, again = [await gateways.bank.register_mandate(request) for _ in range(2)]
        return first, again, await gateways.bank.debit(with_mandate(first))

    first, again, result = ask(outside.url, register_and_debit, own=own)
    assert first == again
    assert first.signed_on == ON
    assert result.status is TransferStatus.SETTLED


def test_a_debit_under_a_mandate_that_does_not_cover_it_is_declined(outside: Outside, own: OwnAccount) -> None:
    request = mandate_request(f"G-6:mandate:{own.protocol}")
    other = next(p for p in PEOPLE.people if not p.account_closed and p.account != SOMEBODY.account)

    async def reasons(gateways: Gateways) -> list[str | None]:
        mandate = await gateways.bank.register_mandate(request)
        theirs = await gateways.bank.register_mandate(
            mandate_request(f"G-7:mandate:{own.protocol}", account=other.account, name=other.name)
        )
        orders = [
            with_mandate(Mandate("MD0000099999", ON)),
            with_mandate(Mandate(mandate.mandate_id, date(2026, 1, 5))),
            with_mandate(theirs),
            with_mandate(mandate, amount_fen=50_001),
        ]
        return [(await gateways.bank.debit(order)).reason_code for order in orders]

    assert ask(outside.url, reasons, own=own) == ["mandate_unknown"] * 3 + ["mandate_exceeded"]


def test_a_mandate_of_a_closed_account_of_another_name_or_under_a_used_key_is_refused(
    outside: Outside, own: OwnAccount
) -> None:
    closed = next(person for person in PEOPLE.people if person.account_closed)
    key = f"G-8:mandate:{own.protocol}"
    ask(outside.url, lambda gateways: gateways.bank.register_mandate(mandate_request(key)), own=own)

    def code(request: MandateRequest) -> str | None:
        with pytest.raises(OutsideRefused) as caught:
            ask(outside.url, lambda gateways: gateways.bank.register_mandate(request), own=own)
        return caught.value.outside_code

    closed_account = mandate_request(f"{key}:2", account=closed.account, name=closed.name)
    assert code(closed_account) == "mandate_refused"
    assert code(mandate_request(f"{key}:3", name="别人")) == "mandate_refused"
    assert code(mandate_request(key, most_fen=1)) == "content_differs"
