"""Accounts: checked before money goes out, debited under a mandate only, and drawn again as the product plans it."""

import json
from datetime import date, timedelta

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from activities.accounts import CardCheckSender, MandateSender
from activities.bank import BankActs, Instruction, OutcomePending
from books.customers import blind_index
from gateways.bank import BankGateway
from gateways.cards import CardRegister
from gateways.connection import open_session
from gateways.errors import OutsideUnavailable
from models.accounts import CardResult, MandateSource, MandateStatus
from models.loans import Stage
from models.messages import PaymentOrder, StepKind
from models.outbox import OutboxRow, Topic
from models.payments import Payment, PaymentKind, PaymentStatus
from models.tasks import TaskKind
from models.verification import AuthorisationKind
from services import accounts, mandates
from services.accounts import AccountNotVerified, AccountRefused, TooManyChecks
from services.authorisations import take_back
from services.errors import NotAllowed
from services.mandates import NoMandate
from services.payments import begin_sending
from tests.gateways.calling import DIRECT
from tests.services.accounts import check_account
from tests.services.procedure import AGENT, FINANCE, INTEGRATOR, Procedure
from tests.simulators.running import SIGNING_SECRET, Receiver


def waiting(procedure: Procedure, topic: Topic) -> list[OutboxRow]:
    with procedure.books.begin(procedure.books.clock.opens_at(procedure.day + timedelta(days=1))) as work:
        return [row for row in work.outbox.claim(work.now, 200, timedelta(seconds=1)) if row.topic is topic]


def sign_and_accept(procedure: Procedure, loan: str) -> None:
    procedure.sign(loan)
    procedure.accept(loan)


# -- the check --------------------------------------------------------------------------------------------------------


def test_an_application_has_the_card_of_its_borrower_checked_by_four_elements(procedure: Procedure) -> None:
    loan = procedure.apply()
    (row,) = waiting(procedure, Topic.CARD_CHECK)
    with procedure.books.read() as work:
        form = work.loans.application(loan).form
        question = work.accounts.questions([row.payload["party"]])[row.payload["party"]]
    assert (question.name, question.id_number, question.mobile, question.account) == tuple(
        form[name] for name in ("name", "id_number", "mobile", "bank_card")
    )
    assert form["bank_card"] not in repr(question) + str(row.payload)


def test_nobody_is_looked_up_who_has_not_agreed(procedure: Procedure) -> None:
    loan = procedure.apply()
    with procedure.at() as work:
        borrower = work.customers.borrower(loan).id
        take_back(work, AGENT, work.loans.get(loan), borrower, AuthorisationKind.SENSITIVE)
        assert work.accounts.questions([borrower]) == {}


def test_no_contract_is_accepted_before_the_account_is_known_to_be_the_borrowers(procedure: Procedure) -> None:
    applied = procedure.apply()
    with procedure.books.read() as work, pytest.raises(AccountNotVerified):
        accounts.require_verified(work, applied)
    loan = procedure.offered()
    with procedure.at() as work:
        check_account(work, loan, CardResult.MISMATCH)
    with pytest.raises(AccountRefused) as refusal:
        sign_and_accept(procedure, loan)
    assert refusal.value.result is CardResult.MISMATCH
    assert procedure.loan(loan).stage is Stage.ACCEPTANCE
    assert procedure.payments(loan) == []
    with procedure.at() as work:
        check_account(work, loan)
    procedure.accept(loan)
    assert procedure.loan(loan).stage is Stage.DISBURSEMENT


@pytest.mark.parametrize("code", ["auto", "student"])
def test_an_account_that_is_only_debited_is_checked_as_well(procedure: Procedure, code: str) -> None:
    loan = procedure.offered(code)
    with procedure.at() as work:
        check_account(work, loan, CardResult.CLOSED)
    with pytest.raises(AccountRefused):
        sign_and_accept(procedure, loan)


def test_an_account_of_somebody_else_gives_the_agent_a_task_until_it_is_right(procedure: Procedure) -> None:
    loan = procedure.graded()
    with procedure.at() as work:
        check_account(work, loan, CardResult.NOT_FOUND)
        check_account(work, loan, CardResult.CLOSED)
    assert procedure.task(loan, TaskKind.ACCOUNT).about == "the account was checked: not_found"
    with procedure.at() as work:
        check_account(work, loan)
    assert TaskKind.ACCOUNT not in procedure.open_tasks(loan)


def test_the_answer_is_kept_without_the_account_and_for_good(procedure: Procedure) -> None:
    loan = procedure.graded()
    with procedure.books.read() as work:
        account = work.customers.borrower(loan).account or ""
        (check,) = work.accounts.checks(loan)
    assert (check.result, check.account_index) == (CardResult.MATCH, blind_index(account))
    assert account not in check.model_dump_json() + str([one.model_dump() for one in procedure.entries(loan)])
    for statement in ("UPDATE account_check SET result = 'match'", "DELETE FROM account_check"):
        with pytest.raises(DBAPIError, match="insert-only"), procedure.books.begin() as work:
            work.session.connection().execute(text(statement))


def test_a_check_is_asked_for_again_by_who_speaks_for_the_borrower_and_a_few_times_a_day(procedure: Procedure) -> None:
    loan = procedure.graded()
    with procedure.at() as work, pytest.raises(NotAllowed):
        accounts.ask_again(work, FINANCE, work.loans.get(loan))
    waiting(procedure, Topic.CARD_CHECK)
    with procedure.at() as work:
        accounts.ask_again(work, AGENT, work.loans.get(loan))
    assert "account_check_requested" in procedure.acts(loan)
    with procedure.at() as work:
        for _ in range(accounts.MOST_ASKED_A_DAY):
            check_account(work, loan)
        with pytest.raises(TooManyChecks):
            accounts.ask_again(work, procedure.borrower_of(loan), work.loans.get(loan))


def test_checks_that_nobody_has_answered_yet_count_as_well(procedure: Procedure) -> None:
    loan = procedure.graded()
    waiting(procedure, Topic.CARD_CHECK)
    for _ in range(accounts.MOST_ASKED_A_DAY):
        with procedure.at() as work:
            accounts.ask_again(work, AGENT, work.loans.get(loan))
    with procedure.at() as work, pytest.raises(TooManyChecks):
        accounts.ask_again(work, AGENT, work.loans.get(loan))
    with procedure.at(procedure.day + timedelta(days=2)) as work:
        accounts.ask_again(work, AGENT, work.loans.get(loan))


async def test_a_service_that_is_away_is_asked_again_until_a_person_has_to_see_to_it(procedure: Procedure) -> None:
    loan = procedure.apply()
    (row,) = waiting(procedure, Topic.CARD_CHECK)
    async with open_session() as session:
        sender = CardCheckSender(procedure.books, CardRegister(session, "http://127.0.0.1:9", "none"))
        with procedure.books.read() as work:
            found = sender.look_up(work, [row])[row.id]
        row.attempts = accounts.CHECK_TRIES - 1
        with pytest.raises(OutsideUnavailable):
            await sender.deliver(row, found)
        assert procedure.open_tasks(loan) == []
        row.attempts += 1
        await sender.deliver(row, found)
    assert procedure.task(loan, TaskKind.ACCOUNT).about == "the account could not be checked"


async def test_an_answer_that_comes_twice_is_kept_once(procedure: Procedure) -> None:
    loan = procedure.apply()
    (row,) = waiting(procedure, Topic.CARD_CHECK)
    with Receiver(body=b'{"result": "match", "reference": "CC-1"}') as receiver:
        async with open_session() as session:
            sender = CardCheckSender(procedure.books, CardRegister(session, receiver.url, "none"))
            with procedure.books.read() as work:
                found = sender.look_up(work, [row])[row.id]
            for _ in range(2):
                await sender.deliver(row, found)
    with procedure.books.read() as work:
        (check,) = work.accounts.checks(loan)
    assert (check.reference, check.result) == ("CC-1", CardResult.MATCH)


# -- the mandate ------------------------------------------------------------------------------------------------------


def test_the_signed_contract_is_the_mandate_that_the_bank_is_told_of(procedure: Procedure) -> None:
    loan = procedure.running()
    with procedure.books.read() as work:
        (mandate,) = work.accounts.mandates(loan)
        (signature,) = work.signatures.of_loan(loan)
        assert mandates.registration(work, mandate.id) is None
    assert (mandate.source, mandate.status) == (MandateSource.CONTRACT, MandateStatus.ACTIVE)
    assert (mandate.document_sha256, mandate.signed_on) == (signature.document_sha256, procedure.day)
    assert len(mandate.key) <= 35


def test_a_payout_that_is_tried_again_needs_no_second_mandate(procedure: Procedure) -> None:
    loan = procedure.offered()
    (key,) = procedure.accept(loan).payouts
    procedure.decline(key)
    with procedure.at() as work:
        mandates.order_by_contract(work, work.loans.get(loan))
        assert len(work.accounts.mandates(loan)) == 1


def without_mandate(procedure: Procedure) -> str:
    loan = procedure.running()
    with procedure.at() as work:
        (mandate,) = work.accounts.mandates(loan)
        mandate.status, mandate.bank_id = MandateStatus.ORDERED, None
        work.session.add(mandate)
    return loan


def test_nothing_is_drawn_without_a_mandate_and_one_task_is_open_until_there_is_one(procedure: Procedure) -> None:
    loan = without_mandate(procedure)
    procedure.day = date(2026, 2, 5)
    assert procedure.collection(loan) is None
    procedure.advance(loan, StepKind.DUE)
    procedure.day += timedelta(days=1)
    assert procedure.collection(loan) is None
    procedure.advance(loan, StepKind.OVERDUE)
    assert (procedure.loan(loan).dpd, procedure.open_tasks(loan)) == (1, [TaskKind.ACCOUNT])
    assert procedure.messages(loan)[-1] == "overdue"
    with procedure.at() as work:
        (mandate,) = work.accounts.mandates(loan)
        mandates.activate(work, mandate.id, "MD1")
    assert procedure.open_tasks(loan) == []
    procedure.day += timedelta(days=3)
    assert procedure.collection(loan) is not None


def test_a_prepayment_is_not_drawn_without_a_mandate_either(procedure: Procedure) -> None:
    loan = without_mandate(procedure)
    with procedure.at() as work:
        mandates.end_all(work, loan, "account_changed")
    with pytest.raises(NoMandate):
        procedure.prepayment(loan)


@pytest.mark.parametrize(
    ("status", "body", "becomes", "ends"),
    [
        (409, b'{"code": "mandate_refused", "detail": "not his"}', MandateStatus.REFUSED, "mandate_missing"),
        (503, b"", MandateStatus.ORDERED, None),
    ],
)
async def test_who_draws_money_tells_the_bank_first_of_a_mandate_that_waits_still(
    procedure: Procedure, status: int, body: bytes, becomes: MandateStatus, ends: str | None
) -> None:
    loan = without_mandate(procedure)
    key = procedure.prepayment(loan).payment_key or ""
    with Receiver(status, body, "demo-orders") as receiver:
        async with open_session() as session:
            acts = BankActs(procedure.books, BankGateway(session, receiver.url, "none"), "", "")
            drawing = acts.pay_in(PaymentOrder(loan=loan, key=key, day=procedure.day))
            if ends is None:
                # A bank that is away is asked again, and nothing was drawn meanwhile.
                with pytest.raises(OutsideUnavailable):
                    await drawing
            else:
                assert (await drawing).reason_code == ends
    assert [b"document_sha256" in one.body for one in receiver.received] == [True]
    with procedure.books.read() as work:
        assert [one.status for one in work.accounts.mandates(loan)] == [becomes]


class _OutboxInBetween(BankActs):
    """Draws money while the outbox has the bank's word on the mandate, after the books were looked at for it."""

    def _begin(self, key: str) -> tuple[Payment, bool, Instruction | None]:
        begun = super()._begin(key)
        with self.books.begin() as work:
            (mandate,) = work.accounts.mandates(begun[0].loan or "")
            mandates.activate(work, mandate.id, "MD7")
        return begun


async def test_a_mandate_that_the_outbox_enters_meanwhile_is_drawn_under_and_not_ended(procedure: Procedure) -> None:
    loan = without_mandate(procedure)
    key = procedure.prepayment(loan).payment_key or ""
    told = {
        "end_to_end_id": key,
        "status": "settled",
        "amount_fen": procedure.payments(loan)[-1].amount_fen,
        "bank_reference": "BK1",
        "booked_on": procedure.day.isoformat(),
        "reason_code": None,
    }
    with Receiver(200, json.dumps(told).encode(), SIGNING_SECRET) as receiver:
        async with open_session() as session:
            acts = _OutboxInBetween(procedure.books, BankGateway(session, receiver.url, "none", own=DIRECT), "", "")
            paid = await acts.pay_in(PaymentOrder(loan=loan, key=key, day=procedure.day))
    assert (paid.status, paid.reason_code) == (PaymentStatus.SETTLED, None)
    assert [json.loads(one.body)["mandate_id"] for one in receiver.received] == ["MD7"]
    with procedure.books.read() as work:
        assert [one.status for one in work.accounts.mandates(loan)] == [MandateStatus.ACTIVE]


def test_a_mandate_that_the_bank_refuses_is_a_persons_business(procedure: Procedure) -> None:
    loan = without_mandate(procedure)
    with procedure.at() as work:
        (mandate,) = work.accounts.mandates(loan)
        mandates.refuse(work, mandate.id, "mandate_refused")
        mandates.activate(work, mandate.id, "MD1")
    assert procedure.task(loan, TaskKind.ACCOUNT).about == "the bank refused the mandate: mandate_refused"
    with procedure.books.read() as work:
        assert [one.status for one in work.accounts.mandates(loan)] == [MandateStatus.REFUSED]


async def test_a_bank_that_is_away_is_told_later_and_somebody_hears_of_it(procedure: Procedure) -> None:
    loan = without_mandate(procedure)
    (row,) = waiting(procedure, Topic.MANDATE)
    async with open_session() as session:
        sender = MandateSender(procedure.books, BankGateway(session, "http://127.0.0.1:9", "none"))
        row.attempts = accounts.CHECK_TRIES
        with pytest.raises(OutsideUnavailable):
            await sender.deliver(row, None)
    assert procedure.task(loan, TaskKind.ACCOUNT).about == "the bank has not taken the mandate yet"


@pytest.mark.parametrize(
    ("status", "body", "becomes", "reason"),
    [
        (200, b'{"key": "%s", "mandate_id": "MD7", "signed_on": "2026-01-05", "duplicate": false}', "active", None),
        (409, b'{"code": "mandate_refused", "detail": "%s"}', "refused", "mandate_refused"),
    ],
)
async def test_the_banks_word_on_a_mandate_is_kept(
    procedure: Procedure, status: int, body: bytes, becomes: str, reason: str | None
) -> None:
    loan = without_mandate(procedure)
    (row,) = waiting(procedure, Topic.MANDATE)
    with Receiver(status, body % row.key.encode(), "demo-orders") as receiver:
        async with open_session() as session:
            sender = MandateSender(procedure.books, BankGateway(session, receiver.url, "none"))
            for _ in range(2):
                await sender.deliver(row, None)
    assert len(receiver.received) == 1
    with procedure.books.read() as work:
        (mandate,) = work.accounts.mandates(loan)
    assert (mandate.status, mandate.reason_code, mandate.bank_id) == (becomes, reason, None if reason else "MD7")


async def test_an_order_that_lost_its_mandate_is_given_up_without_asking_the_bank(procedure: Procedure) -> None:
    loan = procedure.running()
    procedure.day = date(2026, 2, 5)
    payment = procedure.collection(loan)
    assert payment is not None
    with procedure.at() as work:
        mandates.end_all(work, loan, "account_changed")
    async with open_session() as session:
        acts = BankActs(procedure.books, BankGateway(session, "http://127.0.0.1:9", "none"), "", "")
        result = await acts.pay_in(PaymentOrder(loan=loan, key=payment.key, day=procedure.day))
    assert (result.status, result.reason_code) == (PaymentStatus.DECLINED, "mandate_missing")


def test_a_question_that_is_given_up_after_another_was_answered_asks_nobody(procedure: Procedure) -> None:
    loan = procedure.graded()
    with procedure.at() as work:
        check_account(work, loan)
    with procedure.at() as work:
        accounts.give_up(work, loan)
    assert TaskKind.ACCOUNT not in procedure.open_tasks(loan)
    with procedure.at() as work:
        accounts.give_up(work, loan, of_change=True)
    assert procedure.task(loan, TaskKind.ACCOUNT).about == "the account could not be checked"


async def test_a_debit_that_the_bank_remembers_over_another_amount_has_no_outcome(procedure: Procedure) -> None:
    """Its answer was lost, and what the bank says when it is asked again is not what was ordered."""
    loan = procedure.running()
    procedure.day = date(2026, 2, 5)
    payment = procedure.collection(loan)
    assert payment is not None
    with procedure.at() as work:
        begin_sending(work, payment.key)
    told = {
        "end_to_end_id": payment.key,
        "status": "settled",
        "amount_fen": payment.amount_fen + 1,
        "bank_reference": "BK1",
        "booked_on": "2026-02-05",
        "reason_code": None,
    }
    with Receiver(200, json.dumps(told).encode(), SIGNING_SECRET) as receiver:
        async with open_session() as session:
            acts = BankActs(procedure.books, BankGateway(session, receiver.url, "none", own=DIRECT), "", "")
            with pytest.raises(OutcomePending):
                await acts.pay_in(PaymentOrder(loan=loan, key=payment.key, day=procedure.day))
    assert procedure.payments(loan)[-1].status is PaymentStatus.SENT


# -- the plan of debits -----------------------------------------------------------------------------------------------


def decline(procedure: Procedure, loan: str, reason: str) -> None:
    payment = procedure.collection(loan)
    assert payment is not None
    procedure.decline(payment.key, reason)


def test_a_try_for_want_of_money_is_followed_by_another_that_is_announced(procedure: Procedure) -> None:
    loan = procedure.running()
    procedure.day = date(2026, 2, 5)
    decline(procedure, loan, "insufficient_funds")
    procedure.advance(loan, StepKind.DUE)
    with procedure.books.read() as work:
        told = work.customers.contacts(loan)[0]
    assert (told.template, "2026-02-06将再次扣款" in told.text) == ("debit_failed", True)
    procedure.day += timedelta(days=1)
    decline(procedure, loan, "insufficient_funds")
    procedure.advance(loan, StepKind.OVERDUE)
    with procedure.books.read() as work:
        told = work.customers.contacts(loan)[0]
    assert (told.template, "2026-02-09将再次扣款" in told.text) == ("overdue", True)


def test_between_the_days_of_the_plan_nothing_is_drawn(procedure: Procedure) -> None:
    loan = procedure.running()
    procedure.day = date(2026, 2, 7)
    assert procedure.collection(loan) is None


@pytest.mark.parametrize("reason", ["account_closed", "name_mismatch", "mandate_unknown"])
def test_a_reason_that_does_not_pass_stops_the_debits_and_asks_for_another_account(
    procedure: Procedure, reason: str
) -> None:
    loan = procedure.running()
    procedure.day = date(2026, 2, 5)
    decline(procedure, loan, reason)
    progress = procedure.advance(loan, StepKind.DUE)
    assert procedure.task(loan, TaskKind.ACCOUNT).about == f"debits stopped: {reason}"
    assert "debit_failed" not in procedure.messages(loan)
    assert progress.next_day is not None
    procedure.day = progress.next_day.date
    assert procedure.collection(loan) is None
    with procedure.books.read() as work:
        (mandate,) = work.accounts.mandates(loan)
    assert (mandate.status, mandate.reason_code) == (MandateStatus.ENDED, reason)


def test_an_order_whose_mandate_has_ended_finds_nothing_to_be_sent_with(procedure: Procedure) -> None:
    loan = procedure.running()
    procedure.day = date(2026, 2, 5)
    payment = procedure.collection(loan)
    assert payment is not None
    with procedure.at() as work:
        debit = mandates.debit_of(work, payment)
        assert debit is not None
        assert (debit.partial, debit.signed_on) == (True, date(2026, 1, 5))
        mandates.follow_decline(
            work, payment.model_copy(update={"reason_code": "account_closed", "status": PaymentStatus.DECLINED})
        )
        assert mandates.debit_of(work, payment) is None


def test_a_prepayment_takes_the_whole_or_nothing(procedure: Procedure) -> None:
    loan = procedure.running()
    procedure.prepayment(loan, 50_000, actor=INTEGRATOR)
    with procedure.at() as work:
        (payment,) = work.payments.of_loan(loan, PaymentKind.PREPAYMENT)
        debit = mandates.debit_of(work, payment)
    assert debit is not None
    assert not debit.partial
