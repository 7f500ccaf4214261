"""Applications taken in: many at once, each exactly once, and nothing personal outside its place."""

import json
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any

import pytest
from sqlalchemy import event

from books.session import Books
from lending.errors import LendingError
from models.customers import PartyRole
from models.loans import Stage
from models.messages import LoanOrder
from models.outbox import OutboxRow, Topic
from models.verification import AuthorisationKind
from services.applications import Receipt, Submission, read_submission, submit
from services.errors import DuplicateApplication, IdempotencyConflict
from services.forms import InvalidForm
from services.products import UnknownProduct
from tests.modules.applications import application, id_number
from tests.services.procedure import AGENT, INTEGRATOR, Procedure


def send(procedure: Procedure, *submissions: Submission) -> list[Receipt | LendingError]:
    with procedure.at() as work:
        return submit(work, submissions)


def rows(procedure: Procedure, *tables: str) -> list[int]:
    with procedure.books.engine.connect() as connection:
        return [connection.exec_driver_sql(f"SELECT count(*) FROM {table}").scalar_one() for table in tables]


def test_an_accepted_application_is_a_loan_with_everything_around_it(procedure: Procedure) -> None:
    loan = procedure.apply("auto", actor=AGENT, occupation="会计")
    with procedure.books.read() as work:
        found = work.loans.get(loan)
        customer = work.customers.get(found.customer_id)
        words = work.authorisations.of_loan(loan)
        assert loan == "L26000001"
        assert (found.stage, found.applied_fen, found.applied_on) == (Stage.APPLICATION, 8_000_000, procedure.day)
        assert work.loans.application(loan).entered_by == AGENT.id
        assert customer is not None
        assert (customer.details, customer.owner_id) == ({"occupation": "会计"}, AGENT.id)
        assert [(one.kind, one.text_version, one.given_through) for one in words] == [
            (AuthorisationKind.REGISTERS, "2026-01", AGENT.id),
            (AuthorisationKind.SENSITIVE, "2026-01", AGENT.id),
        ]
        assert [(party.role, party.account) for party in work.customers.parties(loan)] == [
            (PartyRole.BORROWER, "6990000000000001")
        ]
        assert [(thing.kind, thing.value_fen) for thing in work.customers.collateral(loan)] == [("vehicle", 10_000_000)]
        assert [entry.act for entry in work.audit.of_loan(loan)] == ["application_submitted"]
        waiting = work.outbox.claim(work.now, 10, work.clock.length_of(1)) if procedure.books.is_sqlite else []
    assert procedure.messages(loan) == ["application_received"]
    assert {row.topic for row in waiting} <= {Topic.START_LOAN, Topic.SMS, Topic.CARD_CHECK}


def test_the_order_in_the_outbox_starts_this_loan_as_its_product_wants_it(procedure: Procedure) -> None:
    loan = procedure.apply("auto")
    with procedure.at() as work:
        (start,) = (
            row for row in work.outbox.claim(work.now, 10, work.clock.length_of(1)) if row.topic is Topic.START_LOAN
        )
    order = LoanOrder.model_validate(start.payload)
    checks = ("identity+screening", "bureau", "vehicle")
    assert (order.loan, order.checks, order.stage) == (loan, checks, Stage.APPLICATION)
    assert order.clock == procedure.books.clock


def test_a_joint_borrower_becomes_a_party(procedure: Procedure) -> None:
    joint: dict[str, Any] = {
        "joint_borrower_name": "王母亲",
        "joint_borrower_id_number": id_number(),
        "joint_borrower_mobile": "19900000009",
    }
    loan = procedure.apply("student", **joint)
    with procedure.books.read() as work:
        assert [party.role for party in work.customers.parties(loan)] == [PartyRole.BORROWER, PartyRole.JOINT_BORROWER]


def test_the_same_key_with_the_same_body_gives_the_first_answer_again(procedure: Procedure) -> None:
    one = procedure.submission()
    first, again, later = send(procedure, one, one), send(procedure, one), rows(procedure, "loan")
    assert first == [Receipt("L26000001"), Receipt("L26000001", repeated=True)]
    assert again == [Receipt("L26000001", repeated=True)]
    assert later == [1]


def test_the_same_key_with_another_body_is_refused(procedure: Procedure) -> None:
    send(procedure, procedure.submission(key="k"))
    (later,) = send(procedure, procedure.submission(key="k"))
    fresh, same_batch = send(procedure, procedure.submission(key="n"), procedure.submission(key="n"))
    assert isinstance(later, IdempotencyConflict)
    assert isinstance(fresh, Receipt)
    assert isinstance(same_batch, IdempotencyConflict)
    assert rows(procedure, "loan") == [2]


def test_keys_of_two_senders_do_not_meet(procedure: Procedure) -> None:
    answers = send(procedure, procedure.submission(key="k"), procedure.submission(key="k", actor=AGENT))
    assert all(isinstance(answer, Receipt) and not answer.repeated for answer in answers)


def test_the_same_wish_of_the_same_person_is_refused_while_the_first_is_open(procedure: Procedure) -> None:
    person = id_number(sequence=700)
    first = procedure.submission(id_number=person)
    receipt, same_batch = send(procedure, first, procedure.submission(id_number=person))
    (later,) = send(procedure, procedure.submission(id_number=person))
    assert isinstance(receipt, Receipt)
    for refusal in (same_batch, later):
        assert isinstance(refusal, DuplicateApplication)
        assert refusal.loan == receipt.loan


@pytest.mark.parametrize("stage", [Stage.REPAYMENT, Stage.REFUSED, Stage.SETTLED, Stage.WITHDRAWN, Stage.EXPIRED])
def test_a_person_may_ask_again_once_the_first_is_paid_out_or_closed(procedure: Procedure, stage: Stage) -> None:
    person = id_number(sequence=701)
    loan = procedure.apply(id_number=person)
    with procedure.at() as work:
        found = work.loans.get(loan)
        found.stage = stage
        work.session.add(found)
    assert procedure.apply(id_number=person) != loan


def test_another_amount_or_product_is_another_wish_of_the_same_customer(procedure: Procedure) -> None:
    person = id_number(sequence=702)
    answers = send(
        procedure,
        procedure.submission(id_number=person),
        procedure.submission(id_number=person, amount="13000"),
        procedure.submission("auto", id_number=person),
    )
    assert all(isinstance(answer, Receipt) for answer in answers)
    assert rows(procedure, "loan", "customer") == [3, 1]


def test_a_known_customer_keeps_his_agent(procedure: Procedure) -> None:
    person = id_number(sequence=703)
    first = procedure.apply(id_number=person, actor=AGENT)
    procedure.verify(first)
    second = procedure.apply(id_number=person, amount="15000")
    with procedure.books.read() as work:
        customer = work.customers.get(work.loans.get(second).customer_id)
        assert customer is not None
        assert customer.owner_id == AGENT.id
    assert procedure.loan(first).customer_id == procedure.loan(second).customer_id


def test_a_refused_one_does_not_stop_the_others_of_its_batch(procedure: Procedure) -> None:
    send(procedure, procedure.submission(key="k"))
    answers = send(procedure, procedure.submission(), procedure.submission(key="k"), procedure.submission())
    assert [type(answer) for answer in answers] == [Receipt, IdempotencyConflict, Receipt]
    assert rows(procedure, "loan", "application") == [3, 3]


def test_a_thousand_at_once_are_one_transaction_of_few_statements(procedure: Procedure) -> None:
    batch = [procedure.submission(id_number=id_number(sequence=n % 1000), amount=str(2000 + n)) for n in range(1000)]
    commits: list[None] = []
    statements: list[str] = []
    (entries_before,) = rows(procedure, "audit_entry")
    event.listen(procedure.books.engine, "commit", lambda _: commits.append(None))
    event.listen(procedure.books.engine, "before_cursor_execute", lambda *given: statements.append(given[2]))
    answers = send(procedure, *batch)
    numbers = {answer.loan for answer in answers if isinstance(answer, Receipt)}
    assert len(numbers) == 1000
    assert len(commits) == 1
    # Bulk inserts: by table, not by application.
    assert len(statements) < 60
    assert rows(procedure, "loan", "application", "audit_entry", "contact", "outbox", "authorisation") == [
        1000,
        1000,
        1000 + entries_before,
        1000,
        3000,
        2000,
    ]


def test_two_processes_that_get_the_same_wish_accept_it_once(procedure: Procedure) -> None:
    """The number series is held before anybody looks for duplicates: the second waits and then sees the first."""
    procedure.apply()
    person = id_number(sequence=704)
    wishes = [procedure.submission(id_number=person), procedure.submission(id_number=person)]
    houses = [procedure.books, Books(procedure.books.url)]
    start = Barrier(2)

    def send_to(books: Books, wish: Submission) -> str:
        start.wait(timeout=10)
        with books.begin() as work:
            (answer,) = submit(work, [wish])
        return type(answer).__name__

    with ThreadPoolExecutor(2) as pool:
        answers = sorted(pool.map(send_to, houses, wishes))
    houses[1].close()
    assert answers == ["DuplicateApplication", "Receipt"]


def test_nothing_personal_stands_in_the_outbox_or_the_audit_log(procedure: Procedure) -> None:
    one = procedure.submission("student", name="欧阳保密")
    send(procedure, one)
    with procedure.at() as work:
        entries = [entry.model_dump_json() for entry in work.audit.page()]
        messages: list[OutboxRow] = work.outbox.claim(work.now, 10, work.clock.length_of(1))
    written = entries + [row.model_dump_json() for row in messages]
    assert len(messages) == 3
    for name in ("name", "id_number", "mobile", "bank_card", "school"):
        assert not any(str(one.form[name]) in text for text in written), name


def test_a_raw_application_is_refused_with_the_field_that_is_wrong(procedure: Procedure) -> None:
    good = {"product": "micro", "form": application("micro"), "consent": "2026-01"}

    def read(**changes: object) -> Submission:
        return read_submission(good | changes, "k", INTEGRATOR, procedure.day)

    assert read().form["amount"] == 1_200_000
    with pytest.raises(UnknownProduct):
        read(product="mortgage")
    for changes, field in (
        ({"form": None}, "form"),
        ({"form": application("micro", term="36个月")}, "term"),
        ({"consent": None}, "consent"),
        ({"consent": "1999-01"}, "consent"),
    ):
        with pytest.raises(InvalidForm) as refused:
            read(**changes)
        assert list(refused.value.fields) == [field]


def test_the_order_of_fields_does_not_make_another_body(procedure: Procedure) -> None:
    good = {"product": "micro", "form": application("micro"), "consent": "2026-01"}
    turned = json.loads(json.dumps(dict(reversed(good.items()))))
    one, two = (read_submission(body, "k", INTEGRATOR, procedure.day) for body in (good, turned))
    assert one.body_hash == two.body_hash
