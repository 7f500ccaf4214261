"""What became of past cases, case by case, and the losses that a back-test expects from it."""

import csv
import io
from datetime import date, timedelta
from typing import Any

import pytest

from lending.account import Classification, LoanAccount
from lending.events import Event, EventType
from lending.servicing import service
from lending.terms import Terms
from models.changes import ChangeKind
from models.performance import LoanPerformance
from models.periods import LoanMonthEnd
from models.policies import Policy
from services import backtests, default_rates
from services.backtest_findings import Findings
from services.performance import LoanOutcome, has_defaulted, outcomes
from services.policy_publishing import draft
from tests.modules.applications import DAY
from tests.services.policies import MICRO_PRICES, MICRO_RULES, OTHER_RISK, micro_rules, put_in_force
from tests.services.procedure import AUDITOR, Procedure
from tests.services.proposals import change
from tests.services.test_backtests import a_draft

YEAR_LATER = date(2027, 2, 1)
CS = {11: {"grade": '"A"'}}
"""What had arrears and was a C by the shipped rules becomes an A."""


def went(procedure: Procedure, *, defaulted: bool, **bureau: int) -> str:
    """A loan that was paid out on the day, and what is put into the books about its twelve months."""
    loan = procedure.apply()
    procedure.verify(loan, bureau=dict(bureau))
    procedure.grade(loan)
    with procedure.at() as work:
        work.loans.get(loan).disbursed_on = procedure.day
        work.write(
            LoanPerformance(
                loan=loan,
                worst_dpd=120 if defaulted else 0,
                defaulted_on=procedure.day + timedelta(days=200) if defaulted else None,
                observed_to=YEAR_LATER,
                simulated=True,
            )
        )
    return loan


def tried(procedure: Procedure, policy: Policy) -> Findings:
    with procedure.at() as work:
        return backtests.run(work, OTHER_RISK, policy, DAY, procedure.day)


def outcome(procedure: Procedure, loan: str) -> LoanOutcome:
    with procedure.at() as work:
        rows = work.policies.graded_cases(["micro"], DAY, procedure.day, "", 50)
        return outcomes(work, rows)[loan]


def test_a_loan_paid_out_today_is_no_proof_of_anything(procedure: Procedure, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(default_rates, "FEWEST_LOANS", 1)
    loans = [procedure.running() for _ in range(3)]
    report = tried(procedure, a_draft(procedure, {})).report()
    assert {outcome(procedure, loan) for loan in loans} == {LoanOutcome.UNSEASONED}
    assert report["outcomes"]["before"]["A"] == {"loans": 0, "defaulted": 0, "observed": False, "basis_points": 100}
    assert report["before"]["expected_loss_fen"] == report["before"]["lendable_fen"] * 100 // 10_000 > 0


def test_a_draft_that_calls_a_c_an_a_does_not_lose_less_by_it(
    procedure: Procedure, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(default_rates, "FEWEST_LOANS", 2)
    for _ in range(2):
        went(procedure, defaulted=False)
        went(procedure, defaulted=True, overdue_count_24m=3)
    policy = a_draft(procedure, CS)
    young = tried(procedure, policy).report()
    # While nothing is known, the rates are those that the rules in force state of what the cases are in force.
    assert (
        young["before"]["expected_loss_fen"]
        == young["after"]["expected_loss_fen"]
        == 2 * 1_200_000 * (100 + 500) // 10_000
    )
    procedure.day = YEAR_LATER
    report = tried(procedure, policy).report()
    before, after = report["outcomes"]["before"], report["outcomes"]["after"]
    assert before["A"] == {"loans": 2, "defaulted": 0, "observed": True, "basis_points": 0}
    assert before["C"] == {"loans": 2, "defaulted": 2, "observed": True, "basis_points": 10_000}
    assert after["A"] == {"loans": 4, "defaulted": 2, "observed": True, "basis_points": 5_000}
    assert after["C"] == {"loans": 0, "defaulted": 0, "observed": False, "basis_points": None}
    assert report["before"]["expected_loss_fen"] == report["after"]["expected_loss_fen"] == 2 * 1_200_000
    assert report["simulated_loans"] == 4
    (month,) = report["months"]
    assert month["after"]["expected_loss_fen"] == 2 * 1_200_000


def test_what_a_draft_would_have_refused_is_counted_with_its_defaults(procedure: Procedure) -> None:
    went(procedure, defaulted=True, overdue_count_24m=3)
    went(procedure, defaulted=False)
    procedure.day = YEAR_LATER
    policy = a_draft(procedure, {11: {"outcome": '"refuse"'}})
    report = tried(procedure, policy).report()
    assert report["outcomes"]["after"]["refused"] == {
        "loans": 1,
        "defaulted": 1,
        "observed": False,
        "basis_points": None,
    }
    assert report["outcomes"]["after"]["C"]["loans"] == 0


def test_a_draft_does_not_lose_less_by_stating_lower_rates(procedure: Procedure) -> None:
    went(procedure, defaulted=False)
    content = micro_rules() | {"default_basis_points": dict.fromkeys("ABCDE", 0)}
    with procedure.at() as work:
        policy = draft(work, OTHER_RISK, MICRO_RULES, content, "no losses any more")
    report = tried(procedure, policy).report()
    assert report["after"]["expected_loss_fen"] == report["before"]["expected_loss_fen"] == 1_200_000 * 100 // 10_000


def test_what_is_let_in_anew_has_the_rate_of_the_grade_that_it_gets(procedure: Procedure) -> None:
    with procedure.at() as work:
        put_in_force(work, MICRO_RULES, 2, micro_rules({9: {"outcome": '"refuse"'}}))
    went(procedure, defaulted=False)
    report = tried(procedure, a_draft(procedure, {})).report()
    assert report["matrix"]["refused"]["A"] == 1
    assert (report["before"]["expected_loss_fen"], report["after"]["expected_loss_fen"]) == (
        0,
        1_200_000 * 100 // 10_000,
    )
    assert report["swapped_in"] == {"cases": 1, "lendable_fen": 1_200_000}


def test_the_outcome_of_each_case_stands_in_the_list(procedure: Procedure) -> None:
    known = {went(procedure, defaulted=True): "defaulted", went(procedure, defaulted=False): "performed"}
    procedure.day = DAY + timedelta(days=40)
    known |= {procedure.running(): "unseasoned", procedure.graded(): "not_paid_out"}
    procedure.day = YEAR_LATER
    policy = a_draft(procedure, {12: {"limit_fen": "600000"}}, MICRO_PRICES)
    found = tried(procedure, policy)
    with procedure.at() as work:
        kept = backtests.store(work, OTHER_RISK, found)
    with procedure.books.read() as work:
        listed = list(csv.DictReader(io.StringIO("".join(backtests.csv_lines(work, AUDITOR, kept.id)))))
    assert {case["loan"]: case["outcome"] for case in listed} == known


def test_a_default_that_was_cured_is_one_and_a_loan_paid_back_in_time_is_none(procedure: Procedure) -> None:
    cured, paid = procedure.running(), procedure.running()
    procedure.day = DAY + timedelta(days=20)
    procedure.settle(procedure.prepayment(paid).payment_key or "")
    procedure.advance(paid)
    procedure.day = DAY + timedelta(days=150)
    procedure.advance(cured)
    assert procedure.loan(cured).dpd > 90
    procedure.settle(procedure.prepayment(cured).payment_key or "")
    procedure.advance(cured)
    procedure.day = YEAR_LATER
    assert (procedure.loan(cured).dpd, outcome(procedure, cured)) == (0, LoanOutcome.DEFAULTED)
    assert outcome(procedure, paid) is LoanOutcome.PERFORMED


def test_a_loan_that_was_written_off_before_it_was_ninety_days_late_is_a_default(procedure: Procedure) -> None:
    lost = procedure.running()
    procedure.day = DAY + timedelta(days=50)
    procedure.advance(lost)
    change(procedure, lost, ChangeKind.WRITE_OFF)
    assert procedure.account(lost).dpd <= 90
    with procedure.at() as work:
        work.loans.get(lost).dpd = 0
    assert outcome(procedure, lost) is LoanOutcome.UNSEASONED
    account = procedure.account(lost)
    assert (account.written_off_on, has_defaulted(account)) == (procedure.day, True)
    procedure.day = YEAR_LATER
    assert outcome(procedure, lost) is LoanOutcome.DEFAULTED


def post_month_ends(procedure: Procedure, loan: str, months: int, dpd: int = 0) -> None:
    sums: dict[str, Any] = {name: 0 for name in LoanMonthEnd.model_fields if name.endswith("_fen")}
    with procedure.at() as work:
        for at in range(months):
            work.write(
                LoanMonthEnd(
                    loan=loan,
                    month=f"{DAY.year}-{DAY.month + at:02d}",
                    position=1,
                    terms_version=1,
                    dpd=dpd,
                    classification=Classification.NORMAL,
                    non_accrual=False,
                    made_at=work.now,
                    **sums,
                )
            )


@pytest.mark.parametrize(("months", "dpd", "computed"), [(12, 0, 0), (12, 58, 0), (12, 59, 1), (11, 0, 1)])
def test_the_account_is_left_out_where_all_month_ends_say_that_it_could_not_default(
    procedure: Procedure, monkeypatch: pytest.MonkeyPatch, months: int, dpd: int, computed: int
) -> None:
    loan = procedure.running()
    post_month_ends(procedure, loan, months, dpd)
    accounts: list[date] = []

    def counted(terms: Terms, events: list[Event], day: date) -> LoanAccount:
        accounts.append(day)
        return service(terms, events, day)

    monkeypatch.setattr("services.performance.service", counted)
    procedure.day = YEAR_LATER
    found = outcome(procedure, loan)
    # Nothing was ever paid; what was posted here is made up.
    assert (found, len(accounts)) == (LoanOutcome.DEFAULTED if computed else LoanOutcome.PERFORMED, computed)


def test_month_ends_before_a_payment_was_taken_back_are_not_relied_on(procedure: Procedure) -> None:
    loan = procedure.running()
    procedure.deposit(loan, 30_000)
    procedure.day = DAY + timedelta(days=40)
    procedure.advance(loan)
    with procedure.books.read() as work:
        key = next(event.key for event in work.loans.events(loan) if event.type == EventType.REPAYMENT)
    change(procedure, loan, ChangeKind.CORRECTION, {"of": key})
    post_month_ends(procedure, loan, 12)
    procedure.day = YEAR_LATER
    assert outcome(procedure, loan) is LoanOutcome.DEFAULTED


def test_a_loan_that_was_paid_back_needs_no_month_ends_after_that(
    procedure: Procedure, monkeypatch: pytest.MonkeyPatch
) -> None:
    loan = procedure.running()
    procedure.day = DAY + timedelta(days=20)
    procedure.settle(procedure.prepayment(loan).payment_key or "")
    procedure.advance(loan)
    post_month_ends(procedure, loan, 1)
    monkeypatch.setattr("services.performance.service", None)
    procedure.day = YEAR_LATER
    assert outcome(procedure, loan) is LoanOutcome.PERFORMED


def test_what_was_not_watched_for_twelve_months_is_not_known(procedure: Procedure) -> None:
    loan = procedure.graded()
    with procedure.at() as work:
        work.loans.get(loan).disbursed_on = DAY
        work.write(LoanPerformance(loan=loan, worst_dpd=0, observed_to=DAY + timedelta(days=364), simulated=False))
    procedure.day = YEAR_LATER
    assert outcome(procedure, loan) is LoanOutcome.UNSEASONED
