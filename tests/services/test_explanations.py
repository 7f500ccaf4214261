"""Every figure of a served loan is explained by steps that add up to it, whatever has happened to the loan."""

from dataclasses import replace
from datetime import date

import pytest

from books.errors import UnknownLoan
from lending.components import BORROWER_COMPONENTS, Component
from lending.explain import UnknownInstallment
from lending.steps import StepKind
from lending.terms import Terms
from lending.wording import Language
from models.changes import ChangeKind
from models.messages import StepKind as Why
from models.products import LoanCase
from services.errors import WrongStage
from services.explanations import explain_clearing, explain_installment
from services.products import Catalogue, _Installed, catalogue
from services.status import schedule_of, status_of
from tests.services.procedure import AGENT, OTHER_AGENT, RISK, Procedure
from tests.services.proposals import change


def add_up(procedure: Procedure, loan: str) -> set[StepKind]:
    """Holds every row and the settlement figure against their steps; returns the kinds of steps that were met."""
    met = set()
    with procedure.at() as work:
        for row in schedule_of(work, RISK, loan):
            found = explain_installment(work, RISK, loan, row.n)
            steps = found.steps
            for component in Component:
                assert steps.amount(component) == getattr(row, f"{component.value}_fen"), (row.n, component)
            charged = sum(steps.amount(component) for component in BORROWER_COMPONENTS)
            cleared = sum(steps.taken_off(component) for component in BORROWER_COMPONENTS)
            assert (charged, charged - cleared) == (row.total_fen, row.outstanding_fen)
            met |= {step.kind for step in steps.steps}
            for language in Language:
                said = " ".join(steps.sentences(language, found.names(language)))
                assert loan not in said
        status = status_of(work, RISK, loan)
        if status.stage == "repayment":
            clearing = explain_clearing(work, RISK, loan).steps
            assert sum(step.amount_fen for step in clearing.steps) == clearing.amount_fen == status.settlement_fen
            met |= {step.kind for step in clearing.steps}
    return met


def lived(procedure: Procedure) -> str:
    """A microloan that was paid in part and late."""
    loan = procedure.running()
    procedure.day = date(2026, 2, 5)
    procedure.collect(loan, fen=50_000)
    procedure.advance(loan, Why.DUE)
    procedure.day = date(2026, 2, 20)
    procedure.advance(loan, Why.OVERDUE)
    return loan


def test_the_plan_is_explained_before_the_payout(procedure: Procedure) -> None:
    loan = procedure.offered("student")
    procedure.day = date(2026, 12, 1)
    assert add_up(procedure, loan) >= {StepKind.SUBSIDY, StepKind.INTEREST_OF_STATE, StepKind.PRINCIPAL_OF_LEVEL}


def test_partial_payments_penalties_prepayment_deferral_rate_and_fees_add_up(procedure: Procedure) -> None:
    loan = lived(procedure)
    met = add_up(procedure, loan)
    assert met >= {StepKind.PAID, StepKind.PENALTY, StepKind.PENALTY_UNPAID, StepKind.INTEREST_TO_DATE}
    change(procedure, loan, ChangeKind.WAIVER, {"amount": "1.00", "component": "penalty"})
    procedure.collect(loan)
    procedure.prepayment(loan, 200_000)
    procedure.settle(procedure.payments(loan)[-1].key)
    procedure.advance(loan)
    assert StepKind.WAIVED in add_up(procedure, loan)
    change(procedure, loan, ChangeKind.DEFERRAL, {"periods": 1, "component": "all"})
    change(procedure, loan, ChangeKind.RATE_CHANGE, {"annual_rate_percent": "9.6"})
    change(procedure, loan, ChangeKind.FEE, {"amount": "30.00", "due": "2026-04-05"})
    procedure.deposit(loan, 1_234)
    procedure.advance(loan)
    met = add_up(procedure, loan)
    assert met >= {StepKind.FEE, StepKind.FEES_AHEAD, StepKind.INTEREST_CARRIED, StepKind.INTEREST_DEFERRED}
    procedure.day = date(2026, 4, 20)
    procedure.advance(loan, Why.DUE)
    change(procedure, loan, ChangeKind.RESTRUCTURING, {"extra_periods": 3, "reage": True})
    assert add_up(procedure, loan) >= {StepKind.MOVED_AWAY, StepKind.MOVED_HERE}


def test_a_settled_loan_explains_its_rows_and_has_nothing_to_clear(procedure: Procedure) -> None:
    loan = lived(procedure)
    procedure.prepayment(loan)
    procedure.settle(procedure.payments(loan)[-1].key)
    procedure.advance(loan)
    add_up(procedure, loan)
    with procedure.at() as work, pytest.raises(WrongStage):
        explain_clearing(work, RISK, loan)


def test_what_the_contract_asks_for_paying_early_stands_beside_what_clears_the_loan(
    procedure: Procedure, monkeypatch: pytest.MonkeyPatch
) -> None:
    micro = catalogue().product("micro")

    def terms(case: LoanCase) -> Terms:
        return Terms.parse(micro.terms(case).to_json() | {"prepayment_fee": {"percent": "1"}})

    monkeypatch.setattr(_Installed, "catalogue", Catalogue((replace(micro, terms=terms),)))
    loan = procedure.running()
    with procedure.at() as work:
        found = explain_clearing(work, RISK, loan)
    assert (found.steps.amount_fen, found.fee_fen) == (1_200_000, 12_000)


def test_only_who_may_see_a_loan_has_it_explained(procedure: Procedure) -> None:
    loan = procedure.graded(actor=AGENT)
    with procedure.at() as work:
        with pytest.raises(UnknownInstallment):
            explain_installment(work, AGENT, loan, 1)
        with pytest.raises(UnknownLoan):
            explain_installment(work, OTHER_AGENT, loan, 1)
        with pytest.raises(UnknownLoan):
            explain_clearing(work, OTHER_AGENT, loan)
