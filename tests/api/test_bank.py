"""The bank's call-back: believed only when signed, kept once, and no money without somebody who cares."""

import hashlib
import hmac
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import date

import httpx
import pytest
from sqlmodel import select

from books.session import Books
from models import ledger as chart
from models.outbox import OutboxRow, Topic
from models.tasks import TaskKind
from services.payments import begin_sending, order_recall, payout_is_contradicted
from simulators.bank.orders import Notice, OrderKind, OrderStatus
from simulators.bank.xml_reports import notice as notice_in_xml
from simulators.settings import DEFAULT_LENDER_ACCOUNT
from tests.api.serving import SECRET, Caller
from tests.services.procedure import Procedure


def deposit(reference: str, *, text: str, amount_fen: int = 5_000) -> dict[str, object]:
    """A transfer to the lender's account."""
    return {
        "reference": reference,
        "kind": "deposit",
        "status": "settled",
        "end_to_end_id": f"payer-{reference}",
        "direction": "in",
        "amount_fen": amount_fen,
        "booked_on": "2026-01-05",
        "counterparty_account": "6230000000000000077",
        "counterparty_name": "付款人",
        "text": text,
        "reason_code": None,
    }


def declined(key: str) -> dict[str, object]:
    """The late decline of an order of ours."""
    return deposit(f"declined-{key}", text="") | {
        "kind": "transfer",
        "status": "declined",
        "direction": "out",
        "amount_fen": 0,
        "end_to_end_id": key,
        "reason_code": "account_closed",
    }


def signals(books: Books) -> list[OutboxRow]:
    """What waits to be told to loans."""
    with books.read() as work:
        return list(work.session.exec(select(OutboxRow).where(OutboxRow.topic == Topic.SIGNAL_LOAN)))


def suspense(books: Books) -> int:
    """What lies in suspense, in fen."""
    with books.read() as work:
        return -work.ledger.balance(chart.SUSPENSE)


def test_money_for_a_running_loan_wakes_it(api: Caller, books: Books, procedure: Procedure) -> None:
    loan = procedure.running()

    answer = api.notify(deposit("in-1", text=f"还款 {loan}"))

    assert (answer.status_code, answer.content) == (204, b"")
    assert [(row.loan, row.payload) for row in signals(books)] == [(loan, {"reference": "in-1"})]


def test_money_for_an_unknown_loan_goes_to_suspense_and_to_finance(api: Caller, books: Books) -> None:
    assert api.notify(deposit("in-1", text="还款 L26999999")).status_code == 204

    assert suspense(books) == 5_000
    (task,) = api.get("/tasks?mine=true", "finance-sun").json()["items"]
    assert (task["kind"], task["loan"]) == (TaskKind.UNMATCHED_MONEY, None)
    assert "in-1" in task["about"]


def test_a_notice_twice_counts_once(api: Caller, books: Books, procedure: Procedure) -> None:
    loan = procedure.running()
    notices = [deposit("in-1", text=f"还款 {loan}"), deposit("in-2", text="还款 L26999999")]

    assert [api.notify(notice).status_code for notice in notices * 2] == [204] * 4
    assert len(signals(books)) == 1
    assert suspense(books) == 5_000
    assert len(api.get("/tasks?kind=unmatched_money", "finance-sun").json()["items"]) == 1


@pytest.mark.parametrize("text", ["", "还款 {loan}"])
def test_a_notice_that_comes_twice_at_once_is_taken_twice_and_kept_once(
    api: Caller, books: Books, procedure: Procedure, text: str
) -> None:
    told = deposit("in-1", text=text.format(loan=procedure.running()))
    with ThreadPoolExecutor(6) as links:
        answers = list(links.map(lambda _: api.notify(told).status_code, range(6)))
    assert answers == [204] * 6
    assert (suspense(books), len(signals(books))) == ((0, 1) if text else (5_000, 0))


def test_a_known_reference_with_another_amount_is_refused_and_recorded(api: Caller, books: Books) -> None:
    api.notify(deposit("in-1", text="rent"))
    answer = api.notify(deposit("in-1", text="rent", amount_fen=9_999_999))

    assert (answer.status_code, answer.json()["code"]) == (409, "notice_conflict")
    assert suspense(books) == 5_000
    with books.read() as work:
        assert [(one.act, one.actor_id) for one in work.audit.page() if one.refused] == [("take_notice", "system")]


@pytest.mark.parametrize("change", [{"booked_on": "2026-01-04"}, {"end_to_end_id": "another"}])
def test_a_known_reference_with_another_day_or_order_is_refused(
    api: Caller, books: Books, change: dict[str, object]
) -> None:
    api.notify(deposit("in-1", text="rent"))
    answer = api.notify(deposit("in-1", text="rent") | change)

    assert (answer.status_code, answer.json()["code"]) == (409, "notice_conflict")
    assert suspense(books) == 5_000


@pytest.mark.parametrize("amount_fen", [9 * 10**18, 10**25])
def test_an_amount_that_no_books_can_hold_is_refused_and_leaves_nothing(
    api: Caller, books: Books, amount_fen: int
) -> None:
    answer = api.notify(deposit("in-1", text="rent", amount_fen=amount_fen))

    assert (answer.status_code, answer.json()["code"]) == (401, "notice_rejected")
    with books.read() as work:
        assert work.payments.entry("in-1") is None


def test_no_text_of_a_notice_loses_its_money(api: Caller, books: Books, procedure: Procedure) -> None:
    loan = procedure.running()
    notice = deposit("in-1", text=f"还款\0{loan}\n" + "x" * 50_000) | {
        "counterparty_name": "付\0款人" + "y" * 5_000,
        "end_to_end_id": "e\0" * 500,
    }

    assert [api.notify(notice).status_code for _ in range(2)] == [204, 204]
    assert [row.loan for row in signals(books)] == [loan]
    with books.read() as work:
        entry = work.payments.entry("in-1")
        assert entry is not None
        assert (entry.counterparty or "").startswith("付 款人y")
        assert (entry.remittance or "").startswith(f"还款 {loan} x")


def test_a_transfer_that_bears_our_reference_settles_no_order(api: Caller, procedure: Procedure) -> None:
    loan = procedure.running()
    procedure.day = date(2026, 2, 5)
    drawn = procedure.collection(loan)
    assert drawn is not None
    with procedure.at() as work:
        begin_sending(work, drawn.key)
    own = {"end_to_end_id": drawn.key, "text": f"还款 {loan}"}

    assert api.notify(deposit("in-1", text="", amount_fen=1) | own).status_code == 204
    assert notify_in_xml(api, in_xml("in-2", OrderKind.DEPOSIT, amount_fen=1, **own)).status_code == 204

    found = {payment.key: payment for payment in procedure.payments(loan)}
    assert found[drawn.key].status == "sent"
    assert {"deposit:in-1", "deposit:in-2"} <= found.keys()


def test_a_deposit_dated_in_another_century_goes_to_suspense(api: Caller, books: Books, procedure: Procedure) -> None:
    loan = procedure.running()

    for reference, booked_on in (("in-1", "2099-01-01"), ("in-2", "9999-12-31")):
        notice = deposit(reference, text=f"loan {loan}", amount_fen=300_000) | {"booked_on": booked_on}
        assert api.notify(notice).status_code == 204

    assert signals(books) == []
    assert suspense(books) == 600_000
    tasks = api.get("/tasks?mine=true", "finance-sun").json()["items"]
    assert ["2099-01-01" in tasks[0]["about"], "9999-12-31" in tasks[1]["about"]] == [True, True]


def test_a_decline_after_the_settlement_gives_finance_a_task_to_finish(
    api: Caller, books: Books, procedure: Procedure
) -> None:
    loan = procedure.running()
    key = procedure.payments(loan)[0].key
    notice = declined(key)

    assert [api.notify(notice).status_code for _ in range(2)] == [204, 204]
    (task,) = api.get("/tasks?mine=true", "finance-sun").json()["items"]
    assert (task["kind"], task["role"]) == (TaskKind.TROUBLE, "finance")
    assert key in task["about"]
    note = {"outcome": "done", "reason": "the bank confirms the payout in writing"}
    assert api.post(f"/tasks/{task['id']}/decision", note, "finance-sun").status_code == 200
    assert api.get("/tasks?mine=true", "finance-sun").json()["items"] == []
    with books.read() as work:
        assert not payout_is_contradicted(work, loan)


def test_a_forged_notice_is_refused_and_leaves_nothing(api: Caller, books: Books) -> None:
    answer = api.notify(deposit("in-1", text="rent"), secret="guessed")

    assert (answer.status_code, answer.json()["code"]) == (401, "notice_rejected")
    assert "WWW-Authenticate" in answer.headers
    with books.read() as work:
        assert work.payments.entry("in-1") is None


def test_a_notice_with_a_key_instead_of_a_signature_is_refused(api: Caller) -> None:
    assert api.post("/bank/notices", deposit("in-1", text="rent"), "admin-gu").status_code == 401


def test_a_late_decline_wakes_the_loan(api: Caller, books: Books, procedure: Procedure) -> None:
    loan = procedure.offered()
    (key,) = procedure.accept(loan).payouts

    assert [api.notify(declined(key)).status_code for _ in range(2)] == [204, 204]
    (payment,) = procedure.payments(loan)
    assert (payment.status, payment.reason_code) == ("declined", "account_closed")
    assert len(signals(books)) == 1


def test_an_oversize_notice_is_refused_before_its_signature_is_looked_at(refusing_api: Caller) -> None:
    answer = refusing_api.notify(deposit("in-1", text="x" * 70_000))

    assert answer.status_code == 413


def test_the_late_decline_of_a_recall_leaves_the_payout_alone(api: Caller, books: Books, procedure: Procedure) -> None:
    loan = procedure.running()
    key = procedure.payments(loan)[0].key
    with procedure.at() as work:
        order_recall(work, key, procedure.day)

    assert api.notify(declined(key) | {"kind": "recall", "direction": "in"}).status_code == 204
    assert [payment.status for payment in procedure.payments(loan)] == ["settled", "declined"]
    with books.read() as work:
        assert not payout_is_contradicted(work, loan)


# -- in ISO 20022 ------------------------------------------------------------------------------------------------------


def in_xml(reference: str, kind: OrderKind, **facts: object) -> bytes:
    """A notice as the bank sends it in XML."""
    told: dict[str, object] = {
        "reference": reference,
        "kind": kind,
        "status": OrderStatus.SETTLED,
        "end_to_end_id": f"payer-{reference}",
        "direction": "in",
        "amount_fen": 5_000,
        "booked_on": date(2026, 1, 5),
        "counterparty_account": "6230000000000000077",
        "counterparty_name": "付款人",
        "text": "",
        "reason_code": None,
    }
    return notice_in_xml(Notice(**(told | facts)), DEFAULT_LENDER_ACCOUNT).encode()  # type: ignore[arg-type]  # by name


def notify_in_xml(api: Caller, body: bytes, secret: str = SECRET) -> httpx.Response:
    """The answer to a notice in XML."""
    timestamp = str(int(time.time()))
    digest = hmac.new(secret.encode(), timestamp.encode() + b"." + body, hashlib.sha256).hexdigest()
    headers = {"X-Bank-Timestamp": timestamp, "X-Bank-Signature": f"v1={digest}", "Content-Type": "application/xml"}
    return api.call("POST", "/bank/notices", None, headers=headers, content=body)


def test_a_camt_054_wakes_the_loan_it_names_and_is_the_same_booking_as_in_json(
    api: Caller, books: Books, procedure: Procedure
) -> None:
    loan = procedure.running()
    body = in_xml("in-1", OrderKind.DEPOSIT, text=f"还款 {loan}")

    assert [notify_in_xml(api, body).status_code for _ in range(2)] == [204, 204]
    assert api.notify(deposit("in-1", text=f"还款 {loan}")).status_code == 204
    assert [(row.loan, row.payload) for row in signals(books)] == [(loan, {"reference": "in-1"})]


def test_a_late_decline_as_pain_002_wakes_the_loan(api: Caller, books: Books, procedure: Procedure) -> None:
    loan = procedure.offered()
    (key,) = procedure.accept(loan).payouts
    facts = {"status": OrderStatus.DECLINED, "end_to_end_id": key, "amount_fen": 0, "reason_code": "account_closed"}

    assert notify_in_xml(api, in_xml("BK1", OrderKind.TRANSFER, **facts)).status_code == 204
    (payment,) = procedure.payments(loan)
    assert (payment.status, payment.reason_code) == ("declined", "account_closed")
    assert len(signals(books)) == 1


@pytest.mark.parametrize(
    ("old", "new"), [(b"CNY", b"USD"), (b"</Document>", b""), (b"<?xml", b"<!DOCTYPE x []><?xml"), (b">50.00<", b">0<")]
)
def test_a_signed_camt_054_that_breaks_a_rule_is_refused_and_leaves_nothing(
    api: Caller, books: Books, old: bytes, new: bytes
) -> None:
    answer = notify_in_xml(api, in_xml("in-1", OrderKind.DEPOSIT).replace(old, new))

    assert (answer.status_code, answer.json()["code"]) == (401, "notice_rejected")
    with books.read() as work:
        assert work.payments.entry("in-1") is None


def test_a_forged_camt_054_is_refused(api: Caller, books: Books) -> None:
    answer = notify_in_xml(api, in_xml("in-1", OrderKind.DEPOSIT), secret="guessed")

    assert (answer.status_code, answer.json()["code"]) == (401, "notice_rejected")
    with books.read() as work:
        assert work.payments.entry("in-1") is None
