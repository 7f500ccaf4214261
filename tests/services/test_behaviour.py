"""The behaviour of running loans, scored month by month on the books, and the warnings that follow."""

from datetime import date, timedelta
from typing import Any

import pytest
from sqlalchemy import event
from sqlalchemy.exc import IntegrityError

from books.behaviour import WarningFilter
from books.session import UnitOfWork
from lending.behaviour import FACTS, Foresight
from models.behaviour import BehaviourMonth, BehaviourScore, EarlyWarning, Urgency
from models.loans import Loan
from models.messages import StepKind
from models.months import Month
from models.recurring import DueMonthOrder, MonthPage, MonthPageOrder
from models.staff import Actor, Role
from models.tasks import TaskKind
from models.verification import ANSWERED, Verdict
from services import tasks, verification
from services.behaviour import look_at_page, month_to_score, write_page
from services.early_warnings import csv_lines, early_warnings, how_good, newest_month
from services.errors import NotAllowed
from services.policy_kinds import BEHAVIOUR_CARD
from services.warning_words import CAUSES
from tests.services.month_ends import do_months, scores_of, warnings_of
from tests.services.policies import put_in_force
from tests.services.procedure import AGENT, AUDITOR, FINANCE, MANAGER, OTHER_AGENT, RISK, Procedure

PAID_OUT = date(2026, 1, 5)
FIRST_DUE = date(2026, 2, 5)
MARCH = date(2026, 3, 4)
"""The first day on which nobody waits any more for loans whose days these tests leave out."""


def score_months(procedure: Procedure, day: date) -> list[str]:
    """What the schedule does on a day; returns the months that it completed."""
    return do_months(procedure, day, month_to_score, score_page)


def score_page(procedure: Procedure, order: MonthPageOrder) -> MonthPage:
    """One page of it."""
    with procedure.at(order.day) as work:
        return write_page(work, order, look_at_page(work, order))


def scores(procedure: Procedure, loan: str) -> list[BehaviourScore]:
    with procedure.books.read() as work:
        return scores_of(work, loan)


def warnings(procedure: Procedure, loan: str) -> list[EarlyWarning]:
    with procedure.books.read() as work:
        return warnings_of(work, loan)


def misses(procedure: Procedure, loan: str, *days: int) -> None:
    """The first installment is drawn on these days past due, and the account is empty each time."""
    for late in days:
        procedure.day = FIRST_DUE + timedelta(days=late)
        payment = procedure.collection(loan)
        assert payment is not None
        procedure.decline(payment.key)
        procedure.advance(loan, StepKind.OVERDUE if late else StepKind.DUE)


def pays(procedure: Procedure, loan: str) -> None:
    procedure.day = FIRST_DUE
    procedure.collect(loan)
    procedure.advance(loan, StepKind.DUE)


def test_a_month_is_scored_when_it_is_over_once_and_for_every_running_loan(procedure: Procedure) -> None:
    loans = [procedure.running(), procedure.running("student")]
    closed = procedure.graded()
    assert score_months(procedure, date(2026, 1, 31)) == []
    assert score_months(procedure, date(2026, 2, 1)) == ["2026-01"]
    assert score_months(procedure, date(2026, 2, 1)) == []
    for loan in loans:
        (row,) = scores(procedure, loan)
        assert (row.month, row.as_of, row.band, row.signs) == ("2026-01", date(2026, 1, 31), "A", [])
        assert {name: type(value).__name__ for name, value in row.facts.items()} == {
            name: {"integer": "int", "boolean": "bool"}[kind] for name, kind in FACTS.items()
        }
    assert scores(procedure, closed) == []


def test_books_without_a_loan_have_no_month_to_score(procedure: Procedure) -> None:
    procedure.graded()
    with procedure.at() as work:
        assert month_to_score(work, DueMonthOrder(day=date(2027, 1, 1))).month is None


def test_facts_come_from_the_books_as_of_the_last_day(procedure: Procedure) -> None:
    loan = procedure.running()
    misses(procedure, loan, 0, 1)
    procedure.day = FIRST_DUE + timedelta(days=2)
    procedure.deposit(loan, procedure.account(loan).due_fen)
    procedure.advance(loan)
    score_months(procedure, MARCH)
    january, february = scores(procedure, loan)
    assert january.facts["failed_debits_1m"] == 0
    facts = february.facts
    assert (facts["failed_debits_1m"], facts["times_late_3m"], facts["worst_dpd_3m"], facts["dpd"]) == (2, 1, 2, 0)
    assert (facts["months_on_book"], facts["unanswered_3m"], facts["bureau_known"]) == (1, 0, True)
    assert (february.signs, february.worst_dpd) == (["two_failed_debits"], 2)
    assert february.points < january.points
    assert "debits_failed" in february.reasons


def test_what_happened_after_the_month_does_not_count_however_late_it_is_scored(procedure: Procedure) -> None:
    loan = procedure.running()
    misses(procedure, loan, 0, 1, 4)
    score_months(procedure, MARCH)
    assert [row.facts["failed_debits_12m"] for row in scores(procedure, loan)] == [0, 3]
    assert [row.facts["times_late_12m"] for row in scores(procedure, loan)] == [0, 1]


def test_other_loans_of_the_same_person_count_and_those_of_others_do_not(procedure: Procedure) -> None:
    first = procedure.running()
    with procedure.books.read() as work:
        person = work.loans.application(first).form["id_number"]
    second = procedure.running("auto", id_number=person)
    alone = procedure.running()
    score_months(procedure, date(2026, 2, 1))
    owed = procedure.loan(second).outstanding_fen
    (row,) = scores(procedure, first)
    assert (row.facts["other_loans"], row.facts["other_outstanding_fen"]) == (1, owed)
    (row,) = scores(procedure, alone)
    assert (row.facts["other_loans"], row.facts["other_outstanding_fen"], row.facts["other_dpd"]) == (0, 0, 0)


def test_who_applies_with_another_mobile_has_changed_his_contact(procedure: Procedure) -> None:
    first = procedure.running()
    with procedure.books.read() as work:
        form = work.loans.application(first).form
    procedure.day = date(2026, 2, 3)
    procedure.running("auto", id_number=form["id_number"], mobile="19900000077")
    score_months(procedure, MARCH)
    assert [row.facts["contact_changed_12m"] for row in scores(procedure, first)] == [False, True]


def test_a_past_loan_that_has_no_account_here_is_neither_scored_nor_in_the_way(procedure: Procedure) -> None:
    loan = procedure.running()
    with procedure.at() as work:
        known = work.loans.get(loan).model_dump()
        work.session.add(Loan(**known | {"number": "L25000001", "next_date": None}))
    assert score_months(procedure, date(2026, 2, 1)) == ["2026-01"]
    (row,) = scores(procedure, loan)
    assert row.facts["other_loans"] == 0
    assert scores(procedure, "L25000001") == []


def test_the_last_answer_of_the_bureau_before_the_day_counts(procedure: Procedure) -> None:
    loan = procedure.running()
    body = {"found": True, "monthly_payment_fen": 100_000, "monthly_income_fen": 1_000_000, "blacklisted": True}
    pays(procedure, loan)
    with procedure.at(date(2026, 2, 10)) as work:
        verification_store(work, loan, body)
    score_months(procedure, MARCH)
    january, february = scores(procedure, loan)
    assert (january.facts["bureau_blacklisted"], february.facts["bureau_blacklisted"]) == (False, True)
    assert (february.facts["bureau_debt_bp"], february.facts["bureau_months"]) == (1000, 0)
    assert warnings(procedure, loan)[-1].causes == ["blacklisted"]


NOT_FOUND = {"found": False}


@pytest.mark.parametrize(
    ("verdict", "answer"),
    [
        (Verdict.MALFORMED, {}),
        (Verdict.NOT_AUTHORISED, {}),
        (Verdict.UNAVAILABLE, {}),
        (Verdict.FAILED, NOT_FOUND),
        (Verdict.DOUBTFUL, NOT_FOUND),
        (Verdict.PASSED, NOT_FOUND),
    ],
)
def test_what_is_no_report_says_nothing_of_debts_and_hides_no_earlier_one(
    procedure: Procedure, verdict: Verdict, answer: dict[str, Any]
) -> None:
    known, unknown = procedure.running(), procedure.running("student")
    listed = {"found": True, "monthly_payment_fen": 100_000, "monthly_income_fen": 1_000_000, "blacklisted": True}
    with procedure.at(date(2026, 1, 10)) as work:
        verification_store(work, known, listed)
    with procedure.at(date(2026, 1, 20)) as work:
        for loan in (known, unknown):
            verification.store_answer(work, loan, "bureau", 3, verdict, None, answer)
    score_months(procedure, date(2026, 2, 1))
    (row,) = scores(procedure, known)
    assert (row.facts["bureau_known"], row.facts["bureau_debt_bp"], row.signs) == (True, 1000, ["blacklisted"])
    (row,) = scores(procedure, unknown)
    facts = {name: row.facts[name] for name in ("bureau_known", "bureau_months", "bureau_debt_bp")}
    assert facts == {"bureau_known": False, "bureau_months": 0, "bureau_debt_bp": 0}
    assert row.facts["bureau_blacklisted"] is False
    assert "debts_high" not in row.reasons


@pytest.mark.parametrize("verdict", sorted(ANSWERED))
def test_a_report_counts_whatever_came_of_it_for_the_case(procedure: Procedure, verdict: Verdict) -> None:
    loan = procedure.running("student")
    report = {"found": True, "monthly_payment_fen": 700_000, "monthly_income_fen": 1_000_000, "blacklisted": False}
    with procedure.at(date(2026, 1, 10)) as work:
        verification.store_answer(work, loan, "bureau", 3, verdict, "ref", report)
    score_months(procedure, date(2026, 2, 1))
    (row,) = scores(procedure, loan)
    assert (row.facts["bureau_known"], row.facts["bureau_debt_bp"]) == (True, 7000)


def verification_store(work: UnitOfWork, loan: str, body: dict[str, Any]) -> None:
    verification.store_answer(work, loan, "bureau", 2, Verdict.PASSED, "again", body)


def test_a_loan_that_has_not_lived_through_the_month_waits_for_three_days(procedure: Procedure) -> None:
    loan = procedure.running()
    with procedure.at() as work:
        row = work.loans.get(loan)
        row.next_date = date(2026, 1, 31)
        work.session.add(row)
    assert score_months(procedure, date(2026, 2, 3)) == []
    assert scores(procedure, loan) == []
    assert score_months(procedure, date(2026, 2, 4)) == ["2026-01"]


def test_a_page_that_is_asked_for_again_writes_nothing_twice(procedure: Procedure) -> None:
    loan = procedure.running()
    order = MonthPageOrder(month="2026-01", day=date(2026, 2, 1))
    assert score_page(procedure, order).after == loan
    assert score_page(procedure, order).complete
    assert score_page(procedure, order).complete
    assert len(scores(procedure, loan)) == 1
    assert [entry.act for entry in audit_of_system(procedure)].count("behaviour_scored") == 1


def audit_of_system(procedure: Procedure) -> list[Any]:
    with procedure.books.read() as work:
        return work.audit.page(limit=1000)


def test_two_runs_at_once_score_a_loan_once(procedure: Procedure) -> None:
    procedure.running()
    order = MonthPageOrder(month="2026-01", day=date(2026, 2, 1))
    with procedure.books.read() as work:
        found = look_at_page(work, order)
    score_page(procedure, order)
    with pytest.raises(IntegrityError), procedure.at(order.day) as work:
        write_page(work, order, found)


def test_the_version_in_force_on_the_last_day_of_the_month_scores_it(procedure: Procedure) -> None:
    loan = procedure.running()
    with procedure.at() as work:
        champion = work.policies.in_force(BEHAVIOUR_CARD, procedure.day).champion
        assert champion is not None
        content = dict(work.policies.get(champion.policy_id).content)
        newer = put_in_force(work, BEHAVIOUR_CARD, 2, content | {"base_points": 400}, starts_on=date(2026, 2, 10))
    pays(procedure, loan)
    score_months(procedure, MARCH)
    january, february = scores(procedure, loan)
    assert (january.policy_id, february.policy_id) == (champion.policy_id, newer.id)
    assert february.points - january.points >= 100
    assert warnings(procedure, loan) == []


def test_many_loans_take_as_many_queries_as_few(procedure: Procedure) -> None:
    asked: list[str] = []

    def count(_c: object, _cursor: object, statement: str, *_: object) -> None:
        asked.append(statement)

    def look() -> int:
        asked.clear()
        with procedure.books.read() as work:
            found = look_at_page(work, MonthPageOrder(month="2026-01", day=date(2026, 2, 1)))
        assert len(found.loans) == loans
        return len(asked)

    event.listen(procedure.books.engine, "before_cursor_execute", count)
    loans = 1
    procedure.running()
    look()
    few = look()
    for _ in range(3):
        procedure.running()
    loans = 4
    assert look() == few
    event.remove(procedure.books.engine, "before_cursor_execute", count)


# -- warnings ------------------------------------------------------------------------------------------------------


def warned(procedure: Procedure) -> str:
    """A loan whose first two debits failed in February, scored."""
    loan = procedure.running()
    misses(procedure, loan, 0, 1)
    score_months(procedure, MARCH)
    return loan


def test_a_loan_is_warned_of_in_the_month_in_which_it_changed_and_not_again(procedure: Procedure) -> None:
    loan = warned(procedure)
    (found,) = warnings(procedure, loan)
    before, now = scores(procedure, loan)
    assert (found.month, found.urgency) == ("2026-02", Urgency.SERIOUS)
    assert found.causes[0] == "two_failed_debits"
    assert (found.points, found.points_before) == (now.points, before.points)
    assert (found.band, found.band_before) == (now.band, before.band)
    assert found.reasons == now.reasons


def test_a_serious_warning_is_a_task_of_the_owner_that_ends_with_a_note(procedure: Procedure) -> None:
    loan = warned(procedure)
    task = procedure.task(loan, TaskKind.EARLY_WARNING)
    assert (task.id, task.role, task.due_on) == (warnings(procedure, loan)[0].task_id, Role.AGENT, date(2026, 3, 9))
    assert task.about.startswith("early warning: two_failed_debits")
    procedure.own(loan, AGENT.id)
    with procedure.at(MARCH) as work:
        tasks.finish(work, AGENT, work.tasks.seen_by(AGENT, task.id), "called; the salary comes on the 10th")
    assert procedure.open_tasks(loan) == []
    assert "early_warning_finished" in procedure.acts(loan)


def test_a_loan_that_somebody_follows_up_already_gets_no_second_task(procedure: Procedure) -> None:
    loan = procedure.running()
    misses(procedure, loan, 0, 1, 4)
    overdue = procedure.task(loan, TaskKind.OVERDUE)
    score_months(procedure, MARCH)
    assert procedure.open_tasks(loan) == [TaskKind.OVERDUE]
    assert warnings(procedure, loan)[0].task_id == overdue.id


def test_a_warning_of_a_month_long_past_opens_no_task(procedure: Procedure) -> None:
    loan = procedure.running()
    misses(procedure, loan, 0, 1)
    procedure.day = date(2026, 4, 2)
    procedure.deposit(loan, procedure.account(loan).due_fen)
    procedure.advance(loan)
    score_months(procedure, procedure.day)
    (found,) = [one for one in warnings(procedure, loan) if one.month == "2026-02"]
    assert found.task_id is None
    assert procedure.open_tasks(loan) == []


def test_a_loan_that_is_late_already_is_not_warned_of(procedure: Procedure) -> None:
    loan = procedure.running()
    misses(procedure, loan, 0, 1)
    score_months(procedure, date(2026, 4, 4))
    assert [one.month for one in warnings(procedure, loan)] == ["2026-02"]
    assert [row.worst_dpd for row in scores(procedure, loan)] == [0, 23, 54]


def test_the_list_shows_each_person_his_own_loans(procedure: Procedure) -> None:
    mine, others = warned_pair(procedure)
    wanted = WarningFilter("2026-02")

    def seen(actor: Actor) -> set[str]:
        with procedure.books.read() as work:
            return {one.loan.number for one in early_warnings(work, actor, wanted)}

    assert seen(AGENT) == {mine}
    assert seen(OTHER_AGENT) == {others}
    assert seen(RISK) == seen(AUDITOR) == {mine, others}
    assert mine in seen(MANAGER)
    for actor in (FINANCE, Actor("c", Role.BORROWER, customer_id="c"), Actor("i", Role.INTEGRATOR)):
        with pytest.raises(NotAllowed), procedure.books.read() as work:
            early_warnings(work, actor, wanted)


def warned_pair(procedure: Procedure) -> tuple[str, str]:
    """Two loans of two agents' customers that are warned of."""
    mine, others = procedure.running(), procedure.running("auto")
    for loan, owner in ((mine, AGENT.id), (others, OTHER_AGENT.id)):
        procedure.day = PAID_OUT
        misses(procedure, loan, 0, 1)
        procedure.own(loan, owner)
    score_months(procedure, MARCH)
    return mine, others


def test_the_list_is_filtered_and_paged_by_urgency_and_points(procedure: Procedure) -> None:
    loans = set(warned_pair(procedure))
    with procedure.books.read() as work:
        everything = early_warnings(work, RISK, WarningFilter("2026-02"))
        assert [one.place for one in everything] == sorted(one.place for one in everything)
        (first,) = early_warnings(work, RISK, WarningFilter("2026-02"), limit=1)
        (second,) = early_warnings(work, RISK, WarningFilter("2026-02"), first.place, 1)
        assert {first.loan.number, second.loan.number} == loans
        assert early_warnings(work, RISK, WarningFilter("2026-02"), second.place) == []
        (auto,) = early_warnings(work, RISK, WarningFilter("2026-02", product="auto"))
        assert auto.loan.product == "auto"
        assert early_warnings(work, RISK, WarningFilter("2026-02", urgency=Urgency.WATCH)) == []
        assert early_warnings(work, RISK, WarningFilter("2026-01")) == []
        assert newest_month(work, RISK) == "2026-02"


def test_each_warning_says_why_and_what_to_do_in_both_languages(procedure: Procedure) -> None:
    warned(procedure)
    with procedure.books.read() as work:
        (found,) = early_warnings(work, RISK, WarningFilter("2026-02"))
    assert found.urgency == "serious"
    for cause in found.causes:
        assert all((cause.en, cause.zh, cause.next_en, cause.next_zh))
    assert found.reasons
    assert all(reason.en and reason.zh for reason in found.reasons)


def test_every_cause_has_words() -> None:
    from lending.behaviour import CAUSES as CODES

    assert set(CAUSES) == set(CODES)


def test_the_file_has_a_line_for_each_warning_and_no_name(procedure: Procedure) -> None:
    loans = warned_pair(procedure)
    with procedure.books.read() as work:
        names = work.customers.names(work.loans.get(loan).customer_id for loan in loans)
        for locale in ("zh", "en"):
            lines = "".join(csv_lines(work, RISK, WarningFilter("2026-02"), locale)).splitlines()
            assert len(lines) == 3
            assert not any(name in "".join(lines) for name in names.values())
            assert ("扣款失败" in lines[1]) is (locale == "zh")


def test_no_word_of_a_card_is_a_formula_to_a_spreadsheet(procedure: Procedure) -> None:
    with procedure.at() as work:
        champion = work.policies.in_force(BEHAVIOUR_CARD, procedure.day).champion
        assert champion is not None
        content = dict(work.policies.get(champion.policy_id).content)
        sentences = {code: {"en": "=HYPERLINK(1)", "zh": "@SUM(1)"} for code in content["reasons"]}
        put_in_force(work, BEHAVIOUR_CARD, 2, content | {"reasons": sentences}, starts_on=date(2026, 1, 6))
    warned_pair(procedure)
    with procedure.books.read() as work:
        for locale, formula in (("zh", "@SUM"), ("en", "=HYPERLINK")):
            lines = "".join(csv_lines(work, RISK, WarningFilter("2026-02"), locale)).splitlines()
            assert all(f",'{formula}" in line for line in lines[1:])


# -- how good they were --------------------------------------------------------------------------------------------


def test_how_good_warnings_were_is_counted_from_the_books(procedure: Procedure) -> None:
    with procedure.books.read() as work:
        assert how_good(work, RISK) == Foresight(0, 0, 0, 0)
    caught, missed, false_alarm = procedure.running(), procedure.running(), procedure.running()
    with procedure.at() as work:
        champion = work.policies.in_force(BEHAVIOUR_CARD, procedure.day).champion
        assert champion is not None
        for month in range(1, 8):
            for loan in (caught, missed, false_alarm):
                dpd = 35 if month == 5 and loan in (caught, missed) else 0
                work.write(
                    BehaviourScore(
                        loan=loan,
                        month=f"2026-0{month}",
                        as_of=Month.parse(f"2026-0{month}").last,
                        policy_id=champion.policy_id,
                        points=700,
                        band="A",
                        signs=[],
                        reasons=[],
                        worst_dpd=dpd,
                        facts={},
                        scored_at=work.now,
                    )
                )
            work.write(BehaviourMonth(month=f"2026-0{month}", completed_at=work.now))
        for loan in (caught, false_alarm):
            work.write(
                EarlyWarning(
                    loan=loan,
                    month="2026-03",
                    urgency=1,
                    points=500,
                    band="E",
                    causes=["band_fell"],
                    reasons=[],
                    policy_id=champion.policy_id,
                    raised_at=work.now,
                )
            )
    with procedure.books.read() as work:
        found = how_good(work, RISK)
        assert found == Foresight(warned=2, warned_became=1, became=2, became_warned=1)
        assert (found.precision_bp, found.recall_bp) == (None, None)
        with pytest.raises(NotAllowed):
            how_good(work, FINANCE)
