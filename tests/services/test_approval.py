"""Maker and checker: who may decide what, every refusal, and the offer that follows."""

import re
from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy.exc import DBAPIError

from lending.caps import CostAboveCap
from lending.entrusted import EntrustedPaymentRequired
from lending.terms import Terms
from models.customers import PartyRole
from models.limits import LimitKind
from models.loans import Stage
from models.messages import BooksOrder
from models.payments import PaymentStatus
from models.products import LoanCase, Payee
from models.staff import Actor, Role
from models.tasks import Outcome, TaskKind
from modules.micro.product import terms as micro_terms
from services import approval, disbursement, payments, staff, tasks
from services.errors import InvalidDecision, NotAllowed, OwnCase, PayoutDoesNotAddUp, TaskClosed, TaskTaken
from services.products import Catalogue, PayeeUnknown, _Installed, catalogue
from services.staff_changes import change_person
from tests.services.limits import SOURCE, enter
from tests.services.procedure import (
    ADMIN,
    AGENT,
    AUDITOR,
    FINANCE,
    INTEGRATOR,
    MANAGER,
    RISK,
    Procedure,
)


def refused(
    procedure: Procedure, loan: str, error: type[Exception], outcome: Outcome = Outcome.APPROVE, **further: Any
) -> Any:
    """The refusal of a decision, after which nothing has changed."""
    before = (procedure.loan(loan), procedure.open_tasks(loan), procedure.acts(loan))
    with pytest.raises(error) as caught:
        procedure.decide(loan, outcome, **further)
    assert (procedure.loan(loan), procedure.open_tasks(loan), procedure.acts(loan)) == before
    return caught.value


def test_an_approval_makes_terms_payees_and_an_offer(procedure: Procedure) -> None:
    loan = procedure.graded("student")
    procedure.complete(loan)
    progress = procedure.decide(loan, actor=MANAGER, reason="enrolled and in need")
    assert (progress.stage, progress.task_id) == (Stage.ACCEPTANCE, None)
    assert procedure.open_tasks(loan) == []
    assert procedure.messages(loan)[-1] == "offer"
    with procedure.books.read() as work:
        (decision,) = work.tasks.decisions(loan)
        terms = work.loans.terms(loan)
        payees = work.customers.payees(loan)
        assert terms is not None
        assert (terms.version, terms.decision_id, terms.effective_from) == (1, decision.id, procedure.day)
        assert (decision.decided_by, decision.decided_as, decision.reason) == (
            MANAGER.id,
            Role.MANAGER,
            "enrolled and in need",
        )
        assert work.tasks.decision(decision.task_id) == decision
        assert [(payee.name, payee.amount_fen) for payee in payees] == [("云川大学", 600_000), ("欧阳测试", 900_000)]
        assert Terms.parse(terms.body).principal_fen == 1_500_000
    assert procedure.loan(loan).approved_fen == 1_500_000


def test_less_than_asked_for_can_be_approved_and_is_what_terms_and_payout_carry(procedure: Procedure) -> None:
    loan = procedure.graded()
    procedure.decide(loan, amount_fen=500_000)
    with procedure.books.read() as work:
        terms = work.loans.terms(loan)
        assert terms is not None
        assert Terms.parse(terms.body).principal_fen == 500_000
        assert [payee.amount_fen for payee in work.customers.payees(loan)] == [500_000]
    assert procedure.loan(loan).approved_fen == 500_000


@pytest.mark.parametrize("amount", [0, -1, 1_200_001])
def test_an_amount_above_the_application_or_below_one_fen_is_refused(procedure: Procedure, amount: int) -> None:
    refusal = refused(procedure, procedure.graded(), InvalidDecision, amount_fen=amount)
    assert refusal.fields == {"amount": "above zero, at most 12000.00"}


def test_the_limit_of_the_grade_binds_even_where_no_amount_is_named(procedure: Procedure) -> None:
    loan = procedure.apply(amount="30000")
    procedure.verify(loan, bureau={"history_months": 6})
    procedure.grade(loan)
    assert procedure.loan(loan).grade == "D"
    assert refused(procedure, loan, InvalidDecision).fields == {"amount": "above zero, at most 20000.00"}
    assert procedure.decide(loan, amount_fen=2_000_000).stage is Stage.ACCEPTANCE


def test_a_refusal_closes_the_case_and_tells_the_borrower(procedure: Procedure) -> None:
    loan = procedure.graded()
    assert procedure.decide(loan, Outcome.REFUSE, reason="income cannot be explained").stage is Stage.REFUSED
    found = procedure.loan(loan)
    assert (found.closed_on, found.approved_fen) == (procedure.day, None)
    assert procedure.messages(loan)[-1] == "refused"
    with procedure.books.read() as work:
        assert work.loans.terms(loan) is None


def test_a_returned_case_asks_the_agent_to_complete_it(procedure: Procedure) -> None:
    loan = procedure.graded()
    progress = procedure.decide(loan, Outcome.RETURN, reason="payslip of December is missing")
    task = procedure.task(loan, TaskKind.COMPLETION)
    assert (progress.stage, progress.task_id, task.role) == (Stage.RETURNED, task.id, Role.AGENT)
    assert procedure.messages(loan)[-1] == "returned"


@pytest.mark.parametrize(
    "actor", [AGENT, FINANCE, AUDITOR, ADMIN, INTEGRATOR, Actor("c", Role.BORROWER)], ids=lambda a: a.role
)
def test_who_has_no_authority_decides_nothing(procedure: Procedure, actor: Actor) -> None:
    loan = procedure.graded()
    for outcome in Outcome:
        refused(procedure, loan, NotAllowed, outcome, actor=actor)


def test_a_manager_does_not_decide_what_went_up_to_risk(procedure: Procedure) -> None:
    loan = procedure.graded()
    task = procedure.task(loan, TaskKind.APPROVAL)
    procedure.day = task.due_on + timedelta(days=1)
    procedure.act(tasks.escalate, BooksOrder(**procedure.order(loan, task_id=task.id)))
    refused(procedure, loan, NotAllowed, actor=MANAGER)
    assert procedure.decide(loan, actor=RISK).stage is Stage.ACCEPTANCE


def test_whoever_entered_a_case_does_not_decide_it(procedure: Procedure) -> None:
    loan = procedure.graded(actor=MANAGER)
    for outcome in Outcome:
        refused(procedure, loan, OwnCase, outcome, actor=MANAGER)


def test_a_task_in_another_persons_hands_is_his_to_decide_but_risk_may_step_in(procedure: Procedure) -> None:
    loan = procedure.graded()
    with procedure.at() as work:
        staff.add_person(work, ADMIN, "manager-two", "另一位经理", Role.MANAGER)
    with procedure.at() as work:
        tasks.claim(work, Actor("manager-two", Role.MANAGER), work.tasks.open_of(loan)[0])
    refused(procedure, loan, TaskTaken, actor=MANAGER)
    assert procedure.decide(loan, actor=RISK).stage is Stage.ACCEPTANCE


@pytest.mark.parametrize("reason", ["", "  \n "])
def test_a_decision_needs_a_reason(procedure: Procedure, reason: str) -> None:
    assert list(refused(procedure, procedure.graded(), InvalidDecision, reason=reason).fields) == ["reason"]


@pytest.mark.parametrize("outcome", [Outcome.REFUSE, Outcome.RETURN])
def test_an_amount_goes_with_an_approval_only(procedure: Procedure, outcome: Outcome) -> None:
    assert list(refused(procedure, procedure.graded(), InvalidDecision, outcome, amount_fen=100).fields) == ["amount"]


def test_a_task_is_decided_once(procedure: Procedure) -> None:
    loan = procedure.graded()
    first, second = procedure.decision(loan), procedure.decision(loan, Outcome.REFUSE)
    procedure.act(approval.decide, first)
    with pytest.raises(TaskClosed):
        procedure.act(approval.decide, second)
    assert procedure.loan(loan).stage is Stage.ACCEPTANCE


def test_a_task_of_another_loan_does_not_decide_this_one(procedure: Procedure) -> None:
    loan, other = procedure.graded(), procedure.graded()
    order = procedure.decision(loan, task_id=procedure.task(other, TaskKind.APPROVAL).id)
    with pytest.raises(TaskClosed):
        procedure.act(approval.decide, order)
    assert (procedure.loan(loan).stage, procedure.loan(other).stage) == (Stage.APPROVAL, Stage.APPROVAL)


def test_a_follow_up_cannot_be_decided(procedure: Procedure) -> None:
    """An approval on a task about arrears would otherwise make an offer out of a running loan."""
    loan = procedure.running()
    with procedure.at() as work:
        tasks.open_task(work, work.loans.get(loan), TaskKind.OVERDUE, Role.AGENT, procedure.day, "4 days past due")
    refused(procedure, loan, InvalidDecision, actor=AGENT, kind=TaskKind.OVERDUE)
    with procedure.at() as work:
        money = tasks.open_task(work, None, TaskKind.UNMATCHED_MONEY, Role.FINANCE, procedure.day, "whose").id
    with pytest.raises(TaskClosed):
        procedure.act(approval.decide, procedure.decision(loan, task_id=money, actor=FINANCE))


def test_without_the_schools_account_a_student_loan_is_not_approved(procedure: Procedure) -> None:
    loan = procedure.apply("student")
    procedure.verify(loan, enrolment=None)
    procedure.grade(loan)
    refused(procedure, loan, PayeeUnknown)


# -- a payout that failed --------------------------------------------------------------------------------------------


def failed_payout(procedure: Procedure, *, outcome_known: bool = True) -> tuple[str, str]:
    loan = procedure.offered()
    (key,) = procedure.accept(loan).payouts
    if outcome_known:
        procedure.decline(key, "account_closed")
    else:
        with procedure.at() as work:
            payments.begin_sending(work, key)
    procedure.act(disbursement.record_payout_failure, BooksOrder(**procedure.order(loan)))
    return loan, key


def test_finance_tries_a_declined_payout_again_under_a_new_key(procedure: Procedure) -> None:
    loan, first = failed_payout(procedure)
    progress = procedure.decide(loan, actor=FINANCE, kind=TaskKind.PAYOUT_PROBLEM, reason="new card given")
    assert progress.stage is Stage.DISBURSEMENT
    assert len(progress.payouts) == 1
    assert progress.payouts[0] != first


def test_a_payout_of_unknown_outcome_is_tried_again_under_its_own_key_and_not_given_up(procedure: Procedure) -> None:
    loan, key = failed_payout(procedure, outcome_known=False)
    refusal = refused(procedure, loan, InvalidDecision, Outcome.REFUSE, actor=FINANCE, kind=TaskKind.PAYOUT_PROBLEM)
    assert list(refusal.fields) == ["outcome"]
    assert procedure.decide(loan, actor=FINANCE, kind=TaskKind.PAYOUT_PROBLEM).payouts == (key,)
    assert [payment.status for payment in procedure.payments(loan)] == [PaymentStatus.SENT]


def test_finance_gives_up_a_payout_of_which_no_money_is_out(procedure: Procedure) -> None:
    loan, _ = failed_payout(procedure)
    assert procedure.decide(loan, Outcome.REFUSE, actor=FINANCE, kind=TaskKind.PAYOUT_PROBLEM).stage is Stage.REFUSED


def test_a_payout_problem_is_not_returned_takes_no_amount_and_is_nobodys_but_finances(procedure: Procedure) -> None:
    loan, _ = failed_payout(procedure)
    problem: dict[str, Any] = {"kind": TaskKind.PAYOUT_PROBLEM}
    refused(procedure, loan, InvalidDecision, Outcome.RETURN, actor=FINANCE, **problem)
    assert list(refused(procedure, loan, InvalidDecision, actor=FINANCE, amount_fen=1, **problem).fields) == ["amount"]
    for actor in (RISK, MANAGER, ADMIN):
        refused(procedure, loan, NotAllowed, actor=actor, **problem)


def test_finances_decision_never_makes_terms(procedure: Procedure) -> None:
    loan, _ = failed_payout(procedure)
    procedure.decide(loan, actor=FINANCE, kind=TaskKind.PAYOUT_PROBLEM)
    with procedure.books.read() as work:
        decision = next(one for one in work.tasks.decisions(loan) if one.decided_as is Role.FINANCE)
        terms = work.loans.terms(loan)
        assert terms is not None
        assert terms.version == 1
    changed = terms.model_dump() | {"id": "by-finance", "version": 2, "decision_id": decision.id}
    with pytest.raises(DBAPIError, match="approving decision"), procedure.at() as work:
        work.session.add(type(terms)(**changed))


# -- what the law allows ---------------------------------------------------------------------------------------------


def offering(monkeypatch: pytest.MonkeyPatch, **changes: Any) -> None:
    """Makes the microloan another product, as a module could bring it."""
    product = replace(catalogue().product("micro"), **changes)
    monkeypatch.setattr(_Installed, "catalogue", Catalogue((product,)))


def with_fees(*fees: dict[str, Any]) -> Callable[[LoanCase], Terms]:
    return lambda case: Terms.parse(micro_terms(case).to_json() | {"fees": list(fees)})


def test_a_loan_that_costs_more_than_the_cap_is_refused_with_figures_source_and_day(
    procedure: Procedure, monkeypatch: pytest.MonkeyPatch
) -> None:
    loan = procedure.graded()
    fee = {"amount": "1100", "due": procedure.day.isoformat()}
    offering(monkeypatch, terms=with_fees(fee))
    refusal = refused(procedure, loan, CostAboveCap)
    assert (refusal.cost_percent, refusal.cap.percent) == (Decimal("25.65"), 24)
    assert re.search(r"25\.65 % a year.*at most 24 % .*rule of 2020-08-20.*microloan companies", str(refusal))
    assert refusal.fields == {}


def test_the_cap_is_that_of_the_licence_and_a_cost_up_to_it_is_approved(
    procedure: Procedure, monkeypatch: pytest.MonkeyPatch
) -> None:
    dear, cheap = procedure.graded(), procedure.graded()
    offering(monkeypatch, licence=None, terms=with_fees({"amount": "320", "n": 1}))
    # Without a licence four times the loan prime rate of 3.00 % is the most: 7.2 % and the fee are 12.25 %.
    assert refused(procedure, dear, CostAboveCap).cap.percent == Decimal("12.00")
    offering(monkeypatch, licence=None, terms=with_fees({"amount": "200", "n": 1}))
    assert procedure.decide(cheap).stage is Stage.ACCEPTANCE


def test_a_refusal_of_a_loan_needs_no_cap(procedure: Procedure, monkeypatch: pytest.MonkeyPatch) -> None:
    loan = procedure.graded()
    offering(monkeypatch, terms=with_fees({"amount": "5000", "n": 1}))
    assert procedure.decide(loan, Outcome.REFUSE).stage is Stage.REFUSED


def test_payees_receive_the_principal_to_the_fen(procedure: Procedure, monkeypatch: pytest.MonkeyPatch) -> None:
    loan = procedure.graded()
    for parts in ((1_190_000,), (1_200_001,), (1_200_000, 0), (), (1_300_000, -100_000)):
        payees = [Payee("某某商户", "6990000000000009", part) for part in parts]
        offering(monkeypatch, payees=lambda _case, payees=payees: payees)
        assert "nothing may be taken out of a payout" in str(refused(procedure, loan, PayoutDoesNotAddUp))


def test_terms_of_another_principal_than_the_approved_one_are_refused(
    procedure: Procedure, monkeypatch: pytest.MonkeyPatch
) -> None:
    loan = procedure.graded()
    offering(monkeypatch, terms=lambda case: micro_terms(replace(case, amount_fen=case.amount_fen + 100)))
    refused(procedure, loan, PayoutDoesNotAddUp)


@pytest.mark.parametrize("role", [PartyRole.BORROWER, PartyRole.PAYEE])
def test_much_money_does_not_go_to_the_borrowers_own_card(
    procedure: Procedure, monkeypatch: pytest.MonkeyPatch, role: PartyRole
) -> None:
    """Whoever calls his own card a payee is asked the same."""
    loan = procedure.graded()
    enter(procedure.books, LimitKind.OWN_CARD, {"since": "2024-07-01", "most": "8000", "source": SOURCE})
    offering(
        monkeypatch,
        payees=lambda case: [
            Payee(case.form["name"], case.form["bank_card"], 800_001, role),
            Payee("某某商户", "6990000000000009", case.amount_fen - 800_001),
        ],
    )
    refusal = refused(procedure, loan, EntrustedPaymentRequired)
    assert (refusal.own_fen, refusal.rule.scope.since) == (800_001, date(2024, 7, 1))
    offering(
        monkeypatch,
        payees=lambda case: [
            Payee(case.form["name"], case.form["bank_card"], 800_000, role),
            Payee("某某商户", "6990000000000009", case.amount_fen - 800_000),
        ],
    )
    assert procedure.decide(loan).stage is Stage.ACCEPTANCE


@pytest.mark.parametrize("what", ["disabled", "another role"])
def test_a_decision_that_waited_is_refused_if_its_person_may_not_decide_any_more(
    procedure: Procedure, what: str
) -> None:
    """The engine may have been away for hours between the decision and its entry in the books."""
    loan = procedure.graded()
    order = procedure.decision(loan, actor=RISK)
    with procedure.at() as work:
        if what == "disabled":
            staff.disable(work, ADMIN, RISK.id)
        else:
            change_person(work, ADMIN, RISK.id, "works elsewhere", role=Role.AUDITOR)
    with pytest.raises(NotAllowed, match="any more"):
        procedure.act(approval.decide, order)
    assert procedure.loan(loan).stage is Stage.APPROVAL
