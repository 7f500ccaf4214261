"""What integrators are told of their loans, and when an address is told nothing any more."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from books.session import UnitOfWork
from models.chain import first_id_at
from models.loans import Stage
from models.sealing import SealBroken
from models.staff import Actor, Role, Scope, Staff
from models.tasks import Outcome, TaskKind, TaskStatus
from models.webhooks import LoanEvent, Webhook, WebhookDelivery
from services import audit, staff, staff_changes, tasks, webhooks
from services.errors import NotAllowed
from services.permissions import MAY_DECIDE
from services.webhooks import BadAddress, Sent, TooManyWebhooks, UnknownWebhook
from tests.services.damage import damage_one
from tests.services.people import add as add_staff
from tests.services.procedure import ADMIN, AGENT, FINANCE, INTEGRATOR, MANAGER, RISK, Procedure

URL = "https://receiver.example/in"
OTHER_MACHINE = Actor("integrator-other", Role.INTEGRATOR)


def listening(procedure: Procedure, *events: LoanEvent, actor: Actor = INTEGRATOR) -> str:
    """The id of an address that is told of these events."""
    with procedure.books.begin() as work:
        if work.staff.get(actor.id) is None:
            add_staff(work, Staff(id=actor.id, name="另一接口", role=Role.INTEGRATOR, key_hash=actor.id))
        webhook, _ = webhooks.register(work, actor, URL, list(events), "", plain_http=False)
        return webhook.id


def collect(procedure: Procedure, webhook_id: str, after: str | None = None) -> str | None:
    """One look through the audit log."""
    with procedure.books.begin() as work:
        return webhooks.collect(work, webhook_id, after)


def told(procedure: Procedure, webhook_id: str) -> list[WebhookDelivery]:
    """What is or was to be sent, oldest first."""
    with procedure.books.read() as work:
        return work.webhooks.deliveries(webhook_id, None, 200)[::-1]


def bodies(procedure: Procedure, webhook_id: str) -> list[tuple[str, dict[str, Any]]]:
    """Type and data of each."""
    read = [json.loads(one.body) for one in told(procedure, webhook_id)]
    return [(one["type"], one["data"]) for one in read]


def row_of(work: UnitOfWork, webhook_id: str) -> Webhook:
    """The address as the books have it."""
    found = work.webhooks.get(webhook_id)
    assert found is not None
    return found


def later(procedure: Procedure, **passed: float) -> Any:
    """A unit of work some time from now."""
    return procedure.books.begin(datetime.now(UTC) + timedelta(**passed))


def give_up(procedure: Procedure, **passed: float) -> None:
    """Looks after addresses that fail, as the desk does."""
    with later(procedure, **passed) as work:
        for webhook_id in webhooks.fails_for_long(work):
            webhooks.give_up(work, webhook_id)


def fail_at(procedure: Procedure, webhook_id: str, status: int = 500, **passed: float) -> int:
    """Claims what is due by then and has it fail; how much that was."""
    with later(procedure, **passed) as work:
        letters = webhooks.claim(work, webhook_id)
        webhooks.settle(work, webhook_id, [Sent(one.delivery_id, status, "refused") for one in letters])
        return len(letters)


def test_a_loan_is_told_of_from_its_application_to_its_payout(procedure: Procedure) -> None:
    webhook = listening(procedure)
    loan = procedure.running()
    collect(procedure, webhook)
    events = bodies(procedure, webhook)
    assert {data["loan"] for _, data in events} == {loan}
    assert [one.number for one in told(procedure, webhook)] == list(range(1, len(events) + 1))
    order = list(dict.fromkeys(event for event, _ in events))
    wanted = ["loan.application_received", "loan.graded", "loan.decided", "loan.contract_signed", "loan.accepted"]
    assert [event for event in order if event in wanted] == wanted
    assert order.index("loan.paid_out") > order.index("loan.accepted")
    of_type = dict(reversed(events))
    assert of_type["loan.decided"] == {
        "loan": loan,
        "outcome": "approve",
        "stage": "acceptance",
        "amount": of_type["loan.paid_out"]["amount"],
    }
    assert of_type["loan.graded"]["grade"] == "A"


def test_nothing_about_a_person_a_reason_or_a_policy_is_told(procedure: Procedure) -> None:
    webhook = listening(procedure)
    loan = procedure.graded()
    procedure.decide(loan, Outcome.REFUSE, reason="the reason of a person")
    collect(procedure, webhook)
    with procedure.books.read() as work:
        form = work.loans.application(loan).form
    text = "".join(one.body for one in told(procedure, webhook))
    personal = {str(form[name]) for name in ("name", "id_number", "mobile", "bank_card")}
    assert {value for value in personal | {"the reason of a person", "knockout", RISK.id} if value in text} == set()


def test_a_refusal_by_the_rules_is_a_decision(procedure: Procedure) -> None:
    webhook = listening(procedure, LoanEvent.DECIDED)
    loan = procedure.apply(amount="30000", term="6", monthly_income="10000")
    procedure.verify(loan, bureau={"monthly_income_fen": 1_000_000, "monthly_payment_fen": 300_000})
    assert procedure.grade(loan).stage is Stage.REFUSED
    collect(procedure, webhook)
    [(event, data)] = bodies(procedure, webhook)
    assert (event, data["loan"], data["outcome"]) == ("loan.decided", loan, "refuse")


def test_only_the_owners_loans_are_told_of_and_only_what_he_wants(procedure: Procedure) -> None:
    of_all, of_grades = listening(procedure), listening(procedure, LoanEvent.GRADED)
    of_others = listening(procedure, actor=OTHER_MACHINE)
    procedure.graded(actor=AGENT)
    loan = procedure.graded()
    for one in (of_all, of_grades, of_others):
        collect(procedure, one)
    assert {data["loan"] for _, data in bodies(procedure, of_all)} == {loan}
    assert [event for event, _ in bodies(procedure, of_grades)] == ["loan.graded"]
    assert bodies(procedure, of_others) == []


def test_what_was_refused_is_not_told(procedure: Procedure) -> None:
    webhook = listening(procedure)
    loan = procedure.apply()
    with procedure.books.begin() as work:
        audit.record(work, RISK, "approval_decided", loan=loan, refused=True)
    collect(procedure, webhook)
    assert [event for event, _ in bodies(procedure, webhook)] == ["loan.application_received"]


def test_what_happened_before_is_not_told_and_nothing_is_told_twice(procedure: Procedure) -> None:
    early = procedure.apply()
    webhook = listening(procedure)
    loan = procedure.apply()
    last = collect(procedure, webhook)
    assert last is not None
    # The last minutes are looked through again; what was told before stays told.
    assert collect(procedure, webhook) == last
    assert collect(procedure, webhook, last) is None
    assert [data["loan"] for _, data in bodies(procedure, webhook)] == [loan]
    assert early != loan


def test_an_entry_that_is_committed_late_is_told_when_the_last_minutes_are_looked_through_again(
    procedure: Procedure,
) -> None:
    webhook = listening(procedure)
    slow_id = first_id_at(datetime.now(UTC) + timedelta(milliseconds=50))[:-1] + "1"
    loan = procedure.apply()
    last = collect(procedure, webhook)
    with procedure.books.begin() as work:
        work.audit.add(
            id=slow_id, at=work.now, actor_id="system", role=Role.SYSTEM, act="case_completed", loan=loan, refused=False
        )
    collect(procedure, webhook, last)
    collect(procedure, webhook)
    assert [event for event, _ in bodies(procedure, webhook)].count("loan.completed") == 1


def test_overdue_and_settled_accounts_are_events_of_their_own(procedure: Procedure) -> None:
    webhook = listening(procedure)
    loan = procedure.apply()
    for after in ({"stage": "repayment", "dpd": 0}, {"stage": "repayment", "dpd": 4}, {"stage": "settled", "dpd": 0}):
        with procedure.books.begin() as work:
            audit.record(work, audit.SYSTEM, "account_advanced", loan=loan, after=after | {"outstanding_fen": 120_050})
    collect(procedure, webhook)
    events = bodies(procedure, webhook)[1:]
    assert [event for event, _ in events] == ["loan.account_advanced", "loan.overdue", "loan.settled"]
    assert events[1][1] == {"loan": loan, "stage": "repayment", "dpd": 4, "outstanding": "1200.50"}


def test_a_letter_is_claimed_once_until_its_lease_ends(procedure: Procedure) -> None:
    webhook = listening(procedure)
    procedure.apply()
    collect(procedure, webhook)
    with procedure.books.begin() as work:
        (first,) = webhooks.claim(work, webhook)
        assert webhooks.claim(work, webhook) == []
    with later(procedure, seconds=61) as work:
        (again,) = webhooks.claim(work, webhook)
    assert (again.delivery_id, again.body) == (first.delivery_id, first.body)


def test_a_delivered_letter_is_done_with(procedure: Procedure) -> None:
    webhook = listening(procedure)
    procedure.apply()
    collect(procedure, webhook)
    with procedure.books.begin() as work:
        (letter,) = webhooks.claim(work, webhook)
        webhooks.settle(work, webhook, [Sent(letter.delivery_id, 204)])
    (row,) = told(procedure, webhook)
    assert (row.status, row.not_before, row.attempts) == (204, None, 1)
    assert row.delivered_at is not None
    with later(procedure, days=1) as work:
        assert not webhooks.has_letters(work, webhook)


def test_a_letter_that_is_not_taken_comes_back_with_growing_pauses_for_three_days(procedure: Procedure) -> None:
    webhook = listening(procedure)
    procedure.apply()
    collect(procedure, webhook)
    assert fail_at(procedure, webhook) == 1
    assert fail_at(procedure, webhook, seconds=3) == 0
    assert fail_at(procedure, webhook, seconds=6) == 1
    assert fail_at(procedure, webhook, seconds=30) == 0
    hours, tries = 1.0, 2
    while hours < 24 * 5:
        tries += fail_at(procedure, webhook, hours=hours)
        hours += 1
    (row,) = told(procedure, webhook)
    assert row.not_before is None
    assert row.delivered_at is None
    assert row.attempts == tries
    assert 10 < tries < 25


def test_an_address_that_takes_nothing_for_five_days_is_disabled_and_a_person_is_asked(procedure: Procedure) -> None:
    webhook = listening(procedure)
    procedure.apply()
    collect(procedure, webhook)
    fail_at(procedure, webhook)
    procedure.apply()
    collect(procedure, webhook)
    fail_at(procedure, webhook, days=4.9)
    give_up(procedure, days=4.9)
    with procedure.books.read() as work:
        assert row_of(work, webhook).disabled_at is None
    give_up(procedure, days=5.1)
    with procedure.books.read() as work:
        assert row_of(work, webhook).disabled_at is not None
        (task,) = [one for one in work.tasks.page(ADMIN, mine=True) if webhook in one.about]
        assert (task.kind, task.role, task.loan) == (TaskKind.TROUBLE, Role.ADMIN, None)
        assert work.webhooks.disabled() == 1
        assert work.webhooks.waiting() == 0
    assert fail_at(procedure, webhook, days=6) == 0


def test_who_is_asked_about_a_disabled_address_can_take_it_up_again_and_end_the_task(procedure: Procedure) -> None:
    webhook = listening(procedure)
    procedure.apply()
    collect(procedure, webhook)
    fail_at(procedure, webhook)
    give_up(procedure, days=5.1)
    with procedure.books.read() as work:
        (asked,) = [one.id for one in work.tasks.page(ADMIN, mine=True) if webhook in one.about]

    for other in (RISK, MANAGER, FINANCE):
        with procedure.books.begin() as work, pytest.raises(NotAllowed):
            tasks.finish(work, other, work.tasks.get(asked), "looked at")
    with later(procedure, days=5.2) as work:
        assert webhooks.webhook_of(work, ADMIN, webhook).disabled_at is not None
        webhooks.enable(work, ADMIN, webhook)
        tasks.finish(work, ADMIN, work.tasks.get(asked), "the receiver is back")

    with procedure.books.read() as work:
        assert work.tasks.get(asked).status is TaskStatus.DONE
        assert row_of(work, webhook).disabled_at is None


def test_an_administrator_decides_no_task_of_others() -> None:
    assert [role for role, deciders in MAY_DECIDE.items() if Role.ADMIN in deciders] == [Role.ADMIN]


def test_an_address_is_disabled_even_if_its_only_event_was_given_up_and_gets_it_once_it_is_enabled(
    procedure: Procedure,
) -> None:
    webhook = listening(procedure)
    procedure.apply()
    collect(procedure, webhook)
    for day in range(30):
        fail_at(procedure, webhook, days=day / 8)
    assert fail_at(procedure, webhook, days=4) == 0
    give_up(procedure, days=6)
    with procedure.books.read() as work:
        assert row_of(work, webhook).disabled_at is not None
        assert any(webhook in one.about for one in work.tasks.page(ADMIN, mine=True))
    with later(procedure, days=7) as work:
        webhooks.enable(work, ADMIN, webhook)
    with later(procedure, days=7) as work:
        (letter,) = webhooks.claim(work, webhook)
        webhooks.settle(work, webhook, [Sent(letter.delivery_id, 200)])
    assert [one.attempts for one in told(procedure, webhook)] == [1]


def is_told_nothing(procedure: Procedure, webhook: str) -> None:
    with procedure.books.begin() as work:
        assert work.webhooks.active() == []
        assert work.webhooks.waiting() == 0
        assert not webhooks.has_news(work, webhook, None)
        assert webhooks.collect(work, webhook) is None
        assert webhooks.claim(work, webhook) == []


def test_a_disabled_machine_is_told_nothing_until_it_is_enabled(procedure: Procedure) -> None:
    webhook = listening(procedure)
    procedure.apply()
    collect(procedure, webhook)
    with procedure.books.begin() as work:
        staff.disable(work, ADMIN, INTEGRATOR.id)
    is_told_nothing(procedure, webhook)
    with procedure.books.begin() as work:
        staff.enable(work, ADMIN, INTEGRATOR.id)
    with procedure.books.begin() as work:
        assert len(webhooks.claim(work, webhook)) == 1


def test_a_machine_without_the_scope_is_told_nothing_until_it_has_it_again(procedure: Procedure) -> None:
    machine = Actor("dealer-news", Role.INTEGRATOR)
    with procedure.books.begin() as work:
        staff.add_machine(work, ADMIN, machine.id, "经销商", frozenset({Scope.WEBHOOKS, Scope.APPLICATIONS}))
    webhook = listening(procedure, actor=machine)
    procedure.apply(actor=machine)
    collect(procedure, webhook)
    with procedure.books.begin() as work:
        staff_changes.change_machine(work, ADMIN, machine.id, "leaked", scopes=frozenset({Scope.APPLICATIONS}))
    procedure.apply(actor=machine)
    is_told_nothing(procedure, webhook)
    with procedure.books.begin() as work:
        staff_changes.change_machine(
            work, ADMIN, machine.id, "mended", scopes=frozenset({Scope.WEBHOOKS, Scope.LOANS_READ})
        )
    collect(procedure, webhook)
    with procedure.books.begin() as work:
        assert work.webhooks.active() == [webhook]
        assert len(webhooks.claim(work, webhook)) == 2


def test_an_address_that_cannot_be_opened_fails_like_any_other_and_is_mended_by_a_new_secret(
    procedure: Procedure,
) -> None:
    webhook, other = listening(procedure), listening(procedure)
    procedure.apply()
    for one in (webhook, other):
        collect(procedure, one)
    damage_one(procedure.books, "webhook", "secret", webhook)
    with pytest.raises(SealBroken), procedure.books.begin() as work:
        webhooks.claim(work, webhook)
    with procedure.books.begin() as work:
        webhooks.not_opened(work, webhook, "seal_broken")
        assert len(webhooks.claim(work, other)) == 1
    (row,) = told(procedure, webhook)
    assert (row.attempts, row.last_error, row.delivered_at) == (1, "seal_broken", None)
    with later(procedure, days=5) as work:
        assert webhooks.fails_for_long(work) == [webhook]
        webhooks.give_up(work, webhook)
        assert work.webhooks.disabled() == 1
    with procedure.books.begin() as work:
        _, secret = webhooks.renew_secret(work, INTEGRATOR, webhook)
        webhooks.enable(work, INTEGRATOR, webhook)
        assert row_of(work, webhook).old_secret_ends is None
    with later(procedure, minutes=1) as work:
        (letter,) = webhooks.claim(work, webhook)
        assert letter.secrets == (secret,)


def test_one_that_cannot_be_opened_can_be_removed_and_keeps_nobody_from_another(procedure: Procedure) -> None:
    webhook = listening(procedure)
    damage_one(procedure.books, "webhook", "url", webhook)
    other = listening(procedure)
    with procedure.books.begin() as work:
        webhooks.remove(work, INTEGRATOR, webhook)
        assert work.webhooks.active() == [other]


def test_one_success_ends_the_count_of_days(procedure: Procedure) -> None:
    webhook = listening(procedure)
    for _ in range(2):
        procedure.apply()
    collect(procedure, webhook)
    fail_at(procedure, webhook)
    with later(procedure, days=2) as work:
        first, second = webhooks.claim(work, webhook)
        webhooks.settle(work, webhook, [Sent(first.delivery_id, 200), Sent(second.delivery_id, 500, "refused")])
    with procedure.books.read() as work:
        assert row_of(work, webhook).failing_since is None


def test_a_receiver_that_says_it_is_gone_is_disabled_at_once_and_told_later_what_it_missed(
    procedure: Procedure,
) -> None:
    webhook = listening(procedure)
    procedure.apply()
    collect(procedure, webhook)
    fail_at(procedure, webhook, 410)
    missed = procedure.apply()
    assert collect(procedure, webhook) is None
    with procedure.books.begin() as work:
        webhooks.enable(work, ADMIN, webhook)
    collect(procedure, webhook)
    assert missed in {data["loan"] for _, data in bodies(procedure, webhook)}


def test_a_renewed_secret_signs_beside_the_old_one_for_a_day(procedure: Procedure) -> None:
    with procedure.books.begin() as work:
        found, old = webhooks.register(work, INTEGRATOR, URL, [], "", plain_http=False)
        webhook = found.id
        _, new = webhooks.renew_secret(work, INTEGRATOR, webhook)
    procedure.apply()
    collect(procedure, webhook)
    with later(procedure, hours=23) as work:
        (letter,) = webhooks.claim(work, webhook)
        assert letter.secrets == (new, old)
    with later(procedure, hours=25) as work:
        (letter,) = webhooks.claim(work, webhook)
        assert letter.secrets == (new,)


def test_events_are_sent_once_more_under_their_ids(procedure: Procedure) -> None:
    webhook = listening(procedure)
    for _ in range(3):
        procedure.apply()
    collect(procedure, webhook)
    with procedure.books.begin() as work:
        letters = webhooks.claim(work, webhook)
        webhooks.settle(work, webhook, [Sent(one.delivery_id, 200) for one in letters])
        assert webhooks.replay(work, INTEGRATOR, webhook, 2, 9) == 2
        again = webhooks.claim(work, webhook)
    assert [one.delivery_id for one in again] == [one.delivery_id for one in letters[1:]]


@pytest.mark.parametrize(
    "url",
    [
        "http://receiver.example/in",
        "ftp://receiver.example/in",
        "https:///in",
        "https://user:secret@receiver.example/in",
        "https://receiver.example/in#part",
        "https://[receiver/in",
        "https://receiver.example:99999/in",
        "https://127.0.0.1/in",
        "https://10.0.0.1/in",
        "https://[::1]/in",
        "https://localhost/in",
        "https://receiver.localhost./in",
    ],
)
def test_an_address_that_events_must_not_go_to_is_refused(procedure: Procedure, url: str) -> None:
    with procedure.books.begin() as work, pytest.raises(BadAddress) as refused:
        webhooks.register(work, INTEGRATOR, url, [], "", plain_http=False)
    assert "secret" not in str(refused.value)


def test_only_machines_have_addresses_and_each_a_few(procedure: Procedure) -> None:
    with procedure.books.begin() as work:
        with pytest.raises(NotAllowed):
            webhooks.register(work, RISK, URL, [], "", plain_http=False)
        for _ in range(webhooks.MOST_A_MACHINE):
            webhooks.register(work, INTEGRATOR, URL, [], "", plain_http=False)
        with pytest.raises(TooManyWebhooks):
            webhooks.register(work, INTEGRATOR, URL, [], "", plain_http=False)


def test_anothers_address_is_unknown_to_a_machine_and_known_to_an_administrator(procedure: Procedure) -> None:
    webhook = listening(procedure)
    with procedure.books.begin() as work:
        for act in (webhooks.remove, webhooks.renew_secret, webhooks.test, webhooks.enable):
            with pytest.raises(UnknownWebhook):
                act(work, OTHER_MACHINE, webhook)
        webhooks.remove(work, ADMIN, webhook)
        with pytest.raises(UnknownWebhook):
            webhooks.webhook_of(work, INTEGRATOR, webhook)
        assert work.webhooks.active() == []
