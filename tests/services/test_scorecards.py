"""The score of a case by the card in force, and what became of past cases."""

from datetime import date, timedelta
from typing import Any

import pytest
from sqlalchemy import event as database_event
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from books.session import Books
from console.score_rules import with_score
from models.performance import LoanPerformance
from models.policies import PolicyKind
from models.staff import Actor, Role
from services.errors import NotAllowed
from services.performance import PastCase, age_band, has_defaulted, past_cases, sex_of
from services.policy_checks import problems_of
from services.policy_names import draft_problems
from services.policy_publishing import draft, life_of
from services.scorecards import score_by, score_of, scorecard
from tests.lending.builders import account, event, terms_of
from tests.lending.test_scorecard import CARD
from tests.modules.applications import DAY
from tests.services.policies import MICRO_RULES, OTHER_RISK, micro_rules, put_in_force
from tests.services.procedure import Procedure

NAME = "scorecard-micro"
AUDITOR = Actor("auditor-wei", Role.AUDITOR)


def overdue_card(points: int) -> dict[str, Any]:
    """A card of one fact that the microloan gives, with these points for a clean record."""
    return {
        "base_points": 500,
        "variables": [
            {
                "fact": "overdue_count_24m",
                "type": "integer",
                "known_by": ["bureau_found"],
                "monotone": "falling",
                "reason": "late",
                "missing": {"points": 5},
                "bins": [{"from": None, "to": 0, "points": points}, {"from": 1, "to": None, "points": 0}],
            }
        ],
        "reasons": {"late": {"en": "Payments were late.", "zh": "曾有逾期。"}},
    }


def test_the_card_in_force_on_the_day_scores_and_none_scores_nothing(books: Books) -> None:
    facts = {"overdue_count_24m": 0, "bureau_found": True}
    with books.begin() as work:
        assert score_of(work, "micro", DAY, facts) is None
        first = put_in_force(work, NAME, 1, overdue_card(40))
        put_in_force(work, NAME, 2, overdue_card(60), starts_on=DAY + timedelta(days=1))
        scored = score_of(work, "micro", DAY, facts)
        later = score_of(work, "micro", DAY + timedelta(days=1), {**facts, "overdue_count_24m": 3})
        assert scored is not None
        assert later is not None
        assert (scored.points, scored.reasons, scored.policy_id) == (540, (), first.id)
        assert (later.points, later.reasons) == (500, ("late",))
        assert score_by(work, first.id, {}).points == 505
        assert score_of(work, "student", DAY, facts) is None
        assert scorecard(work, first.id).sentences["late"] == {"en": "Payments were late.", "zh": "曾有逾期。"}


def test_a_case_is_graded_by_its_score_and_keeps_it(books: Books, procedure: Procedure) -> None:
    by_score = with_score(micro_rules())
    assert draft_problems(MICRO_RULES, by_score) == []
    graded = [procedure.graded()]
    with books.begin() as work:
        put_in_force(work, MICRO_RULES, 2, by_score)
    cards = []
    for version, points in enumerate((39, 40, 60), 1):
        with books.begin() as work:
            cards.append(put_in_force(work, NAME, version, overdue_card(points)).id)
        graded.append(procedure.graded())
    with books.read() as work:
        found = [one for loan in graded if (one := work.policies.grading(loan)) is not None]
    assert [(one.grade, one.facts["score"], one.facts["score_known"]) for one in found] == [
        ("A", 0, False),
        ("E", 539, True),
        ("D", 540, True),
        ("A", 560, True),
    ]
    (step,) = [step for step in found[1].steps if step["kind"] == "scorecard"]
    assert (step["policy"], step["values"]["points"]) == (cards[0], 539)
    assert found[1].reasons == ["score_low"]


def test_problems_name_the_variable_and_its_bin_in_both_languages(books: Books) -> None:
    content = overdue_card(40)
    content["variables"][0]["bins"][1]["from"] = 2
    (problem,) = problems_of(content, kind=PolicyKind.SCORECARD)
    assert (problem.column, str(problem.sentence)) == ("overdue_count_24m", "bin 2 leaves a gap before it: 1 to 1")
    assert problem.sentence.zh.startswith("第2个分箱：")
    with books.begin() as work:
        bad = draft(work, OTHER_RISK, NAME, content, "a gap")
        unknown = draft(work, OTHER_RISK, NAME, CARD, "facts of nobody")
        good = draft(work, OTHER_RISK, NAME, overdue_card(40), "good")
        states = [life_of(work, one, DAY).state.value for one in (bad, unknown, good)]
        assert states == ["draft", "draft", "checked"]


def test_a_running_loan_becomes_a_past_case_after_twelve_months(books: Books, procedure: Procedure) -> None:
    loan = procedure.running()
    with books.read() as work:
        (now,) = past_cases(work, OTHER_RISK, "micro")
    assert now.defaulted is None
    assert now.facts["overdue_count_24m"] == 0
    assert now.simulated is False
    with procedure.at(DAY + timedelta(days=380)) as work:
        (then,) = past_cases(work, OTHER_RISK, "micro")
    # Nothing was ever paid.
    assert (then.defaulted, then.applied_on) == (True, now.applied_on)
    assert loan.startswith("L")


def test_what_became_of_past_cases_is_asked_for_many_at_once(procedure: Procedure) -> None:
    asked: list[str] = []

    def count(_c: object, _cursor: object, statement: str, *_: object) -> None:
        asked.append(statement)

    def queries(cases: int) -> int:
        with procedure.at(DAY + timedelta(days=380)) as work:
            asked.clear()
            assert len(list(past_cases(work, OTHER_RISK, "micro"))) == cases
        return len(asked)

    database_event.listen(procedure.books.engine, "before_cursor_execute", count)
    procedure.running()
    queries(1)
    few = queries(1)
    for _ in range(3):
        procedure.running()
    queries(4)
    assert queries(4) == few
    database_event.remove(procedure.books.engine, "before_cursor_execute", count)


def test_only_risk_reads_past_cases(books: Books) -> None:
    with books.read() as work, pytest.raises(NotAllowed):
        next(past_cases(work, AUDITOR, "micro"))


def test_what_became_of_a_loan_is_never_rewritten(books: Books, procedure: Procedure) -> None:
    loan = procedure.running()
    with books.begin() as work:
        work.write(LoanPerformance(loan=loan, worst_dpd=0, observed_to=DAY, simulated=True))
    for statement in ("UPDATE loan_performance SET worst_dpd = 1", "DELETE FROM loan_performance"):
        with pytest.raises(DBAPIError, match="insert-only"), books.begin() as work:
            work.session.connection().execute(text(statement))


PAID = [event("repayment", f"2024-{month:02d}-01", amount="1066.19") for month in range(2, 13)]


@pytest.mark.parametrize(
    ("events", "day", "defaulted"),
    [
        ([], "2024-05-01", False),
        ([], "2024-05-02", True),
        (PAID, "2024-12-31", False),
        ([event("repayment", "2024-06-30", amount="12000.00")], "2024-12-31", True),
        ([event("write_off", "2024-02-20")], "2024-02-20", True),
    ],
)
def test_more_than_ninety_days_late_or_written_off_is_a_default(events: list[Any], day: str, defaulted: bool) -> None:
    paid_out = event("disbursement", "2024-01-01", amount="12000.00")
    # The first installment is due on 1 February; 1 May is its 90th day past due.
    assert has_defaulted(account(terms_of(), [paid_out, *events], day)) is defaulted


def test_sex_and_age_come_from_the_id_number_alone() -> None:
    assert sex_of("11000019900101003X") == "male"
    assert sex_of("110000199001010021") == "female"
    assert [age_band(age) for age in (18, 25, 26, 45, 46, 80)] == ["18-25", "18-25", "26-35", "36-45", "46-55", "56+"]
    case = PastCase(date(2025, 1, 1), {}, None, False, "male", "18-25")
    assert "sex" not in case.facts
