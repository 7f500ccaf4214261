"""A declined borrower: what would change it, and a person's look at what the rules refused by themselves."""

from copy import deepcopy
from datetime import timedelta

import pytest
from alembic import command
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from books.schema import alembic_config, migrate
from lending.terms import Terms
from models.grading import Grading
from models.keys import new_id
from models.loans import Stage
from models.messages import VerificationOrder
from models.outbox import Topic
from models.second_looks import SecondLook
from models.staff import Actor, Role
from models.status import Possible, Remedies
from models.tasks import Outcome, TaskKind
from services import grading, second_looks
from services.dealers import set_standing
from services.errors import ClosedByLaw, InvalidDecision, NotAllowed, WrongStage
from services.loans import order_from_books, price_of
from services.policy_names import shipped_by
from services.policy_replay import all_agree, replay_looks
from services.remedies import remedies
from services.second_looks import NotRefusedByRules, TooLateToAsk
from services.status import status_of
from services.verification import send_back
from tests.modules.applications import CATALOGUE, id_number
from tests.modules.test_auto import GUARANTOR
from tests.services.policies import MICRO_PRICES, OTHER_RISK, micro_rules, put_in_force, table_of
from tests.services.procedure import AGENT, BORN, FINANCE, INTEGRATOR, RISK, Procedure
from tests.services.test_collateral_checks import invoiced


@pytest.fixture
def refused(procedure: Procedure) -> str:
    """A microloan of 30,000 yuan for six months, which would take more than 70 % of the income."""
    loan = procedure.apply(amount="30000", term="6", monthly_income="10000")
    procedure.verify(loan, bureau={"monthly_income_fen": 1_000_000, "monthly_payment_fen": 300_000})
    assert procedure.grade(loan).stage is Stage.REFUSED
    return loan


def ask(procedure: Procedure, loan: str, actor: Actor | None = None, words: str = "我的收入已增加") -> None:
    with procedure.at() as work:
        asking = actor or procedure.borrower_of(loan)
        second_looks.ask(work, asking, work.loans.get(loan), procedure.day, words)


def helped(procedure: Procedure, loan: str) -> Remedies:
    with procedure.books.read() as work:
        found = remedies(work, work.loans.get(loan))
    assert found is not None
    return found


def outbox(procedure: Procedure, loan: str) -> list[str]:
    with procedure.books.read() as work:
        query = text("SELECT topic FROM outbox WHERE loan = :loan")
        return [topic for (topic,) in work.session.connection().execute(query, {"loan": loan})]


# -- what would change it ----------------------------------------------------------------------------------------------


def test_a_refusal_says_what_would_change_it_and_what_the_rules_would_lend(procedure: Procedure, refused: str) -> None:
    found = helped(procedure, refused)
    assert list(found.sentences) == ["debt_ratio_too_high"]
    assert all(found.sentences["debt_ratio_too_high"][language] for language in ("en", "zh"))
    assert found.possible is not None
    assert found.possible.term == 6
    assert 0 < found.possible.amount_fen < 3_000_000
    assert found.with_other_term == Possible(amount_fen=3_000_000, term=12)
    assert found.look_until == procedure.day + timedelta(days=30)
    # The same rules say so when they are asked for it, and would not for more.
    for step in (0, 10_000):
        amount_fen = found.possible.amount_fen + step
        again = procedure.apply(amount=str(amount_fen // 100), term="6", monthly_income="10000")
        procedure.verify(again, bureau={"monthly_income_fen": 1_000_000, "monthly_payment_fen": 300_000})
        procedure.grade(again)
        with procedure.books.read() as work:
            lent = price_of(work, work.loans.get(again))[0] >= amount_fen
        assert lent is (step == 0)


def lent_for(procedure: Procedure, possible: Possible, **form: object) -> bool:
    """Whether the same vehicle is lent upon when somebody asks for just that and pays down the rest."""
    loan = procedure.apply("auto", actor=INTEGRATOR, amount=str(possible.amount_fen // 100), term=possible.term, **form)
    procedure.verify(loan)
    procedure.grade(loan)
    with procedure.books.read() as work:
        return price_of(work, work.loans.get(loan))[0] >= possible.amount_fen


def test_who_borrows_less_on_a_vehicle_pays_down_more(procedure: Procedure) -> None:
    loan = procedure.apply("auto", amount="85000", down_payment="15000", **GUARANTOR)
    procedure.verify(loan)
    assert procedure.grade(loan).stage is Stage.REFUSED
    found = helped(procedure, loan)
    assert (list(found.sentences), found.possible) == (["ltv_above_cap"], Possible(amount_fen=8_000_000, term=36))
    assert lent_for(procedure, Possible(amount_fen=8_000_000, term=36), down_payment="20000")
    assert not lent_for(procedure, Possible(amount_fen=8_010_000, term=36), down_payment="19900", **GUARANTOR)


def test_a_lower_invoice_counts_in_what_would_be_lent(procedure: Procedure) -> None:
    loan = procedure.apply("auto", amount="78000", down_payment="22000")
    invoiced(procedure, loan, price="90,000.00")
    procedure.verify(loan)
    assert procedure.grade(loan).stage is Stage.REFUSED
    assert helped(procedure, loan).possible == Possible(amount_fen=7_200_000, term=36)


def test_no_amount_is_named_where_the_dealer_is_what_is_wrong(procedure: Procedure) -> None:
    loan = procedure.apply("auto")
    with procedure.at() as work:
        set_standing(work, RISK, work.loans.application(loan).form["dealer"], blocked=True, reason="no cars there")
    procedure.verify(loan)
    assert procedure.grade(loan).stage is Stage.REFUSED
    found = helped(procedure, loan)
    assert list(found.sentences) == ["dealer_blocked"]
    assert (found.possible, found.with_other_term) == (None, None)


def test_where_no_amount_or_term_helps_none_is_named(procedure: Procedure) -> None:
    loan = procedure.apply()
    procedure.verify(loan, bureau={"blacklisted": True})
    procedure.grade(loan)
    found = helped(procedure, loan)
    assert (found.possible, found.with_other_term) == (None, None)
    assert list(found.sentences) == ["blacklisted"]


def test_a_persons_refusal_is_explained_by_the_reasons_that_he_chose(procedure: Procedure) -> None:
    loan = procedure.graded()
    procedure.decide(loan, Outcome.REFUSE, reason_codes=("credit_record", "income_not_shown", "credit_record"))
    found = helped(procedure, loan)
    assert list(found.reasons) == list(found.sentences) == ["income_not_shown", "credit_record"]
    for code in found.reasons:
        texts = [found.reasons[code], found.sentences[code]]
        assert all(one["en"] and one["zh"] and one["en"] != one["zh"] for one in texts)
        assert texts[0] != texts[1]
    assert (found.possible, found.with_other_term, found.look_until) == (None, None, None)
    with procedure.books.read() as work:
        (entry,) = [one for one in work.audit.of_loan(loan) if one.act == "approval_decided"]
    assert (entry.after or {})["reason_codes"] == ["credit_record", "income_not_shown"]


@pytest.mark.parametrize(
    ("outcome", "codes"),
    [
        (Outcome.REFUSE, ("debt_ratio_too_high",)),
        (Outcome.REFUSE, ("income_not_shown", "vehicle_not_suitable")),
        (Outcome.RETURN, ("income_not_shown",)),
        (Outcome.APPROVE, ("income_not_shown",)),
    ],
)
def test_only_the_refusal_of_a_case_has_reasons_and_only_its_products(
    procedure: Procedure, outcome: Outcome, codes: tuple[str, ...]
) -> None:
    loan = procedure.graded()
    procedure.complete(loan)
    with pytest.raises(InvalidDecision) as wrong:
        procedure.decide(loan, outcome, reason_codes=codes)
    assert list(wrong.value.fields) == ["reason_codes"]
    assert procedure.loan(loan).stage is Stage.APPROVAL
    assert procedure.open_tasks(loan) == [TaskKind.APPROVAL]


def test_an_upheld_refusal_is_explained_by_people_too(procedure: Procedure, refused: str) -> None:
    ask(procedure, refused)
    procedure.decide(refused, Outcome.REFUSE, actor=RISK, reason_codes=("installments_too_heavy",))
    assert list(helped(procedure, refused).reasons) == ["installments_too_heavy"]


def test_a_persons_refusal_without_reasons_of_the_list_is_explained_by_his_words(procedure: Procedure) -> None:
    loan = procedure.graded()
    procedure.decide(loan, Outcome.REFUSE)
    assert helped(procedure, loan) == Remedies()
    with procedure.books.read() as work:
        assert remedies(work, work.loans.get(procedure.graded())) is None


def test_the_status_tells_the_borrower(procedure: Procedure, refused: str) -> None:
    with procedure.books.read() as work:
        status = status_of(work, procedure.borrower_of(refused), refused)
    assert status.remedies is not None
    assert status.remedies.look_until == procedure.day + timedelta(days=30)
    assert status.actions == ["ask_for_a_person"]


def test_a_refusal_from_before_the_core_had_facts_is_told_in_words_and_can_be_looked_at(
    procedure: Procedure, refused: str
) -> None:
    with procedure.at() as work:
        first = work.policies.grading(refused)
        assert first is not None
        work.write(Grading(**first.model_dump() | {"id": new_id(), "round": 2, "facts": {"day": 20260105}}))
    found = helped(procedure, refused)
    assert (list(found.sentences), found.possible) == (["debt_ratio_too_high"], None)
    ask(procedure, refused)
    with pytest.raises(InvalidDecision):
        procedure.decide(refused, actor=RISK, amount_fen=100)
    assert procedure.decide(refused, Outcome.RETURN, actor=RISK).stage is Stage.RETURNED


def test_a_students_refusal_from_before_there_was_hardship_is_told_in_words(procedure: Procedure) -> None:
    loan = procedure.apply("student")
    procedure.verify(loan, enrolment={"full_time": False})
    procedure.grade(loan)
    with procedure.at() as work:
        first = work.policies.grading(loan)
        assert first is not None
        facts = {name: value for name, value in first.facts.items() if name != "lent_this_year_fen"}
        work.write(Grading(**first.model_dump() | {"id": new_id(), "round": 2, "facts": facts}))
    found = helped(procedure, loan)
    assert (list(found.sentences), found.possible) == (["not_full_time_student"], None)


# -- a person's look ---------------------------------------------------------------------------------------------------


def test_the_borrower_has_two_people_look_at_it_and_the_loan_starts_anew(procedure: Procedure, refused: str) -> None:
    ask(procedure, refused)
    loan, task = procedure.loan(refused), procedure.task(refused, TaskKind.APPROVAL)
    assert (loan.stage, loan.closed_on) == (Stage.APPROVAL, None)
    assert (task.role, task.people) == (Role.RISK, 2)
    assert Topic.REOPEN_LOAN in outbox(procedure, refused)
    assert procedure.messages(refused)[-1] == "second_look"
    entry = procedure.entries(refused)[-1]
    assert (entry.act, entry.reason, (entry.after or {})["reasons"]) == (
        "second_look_asked",
        None,
        ["debt_ratio_too_high"],
    )
    with procedure.books.read() as work:
        look = work.tasks.second_look(refused)
        order = order_from_books(work, work.loans.get(refused))
    assert look is not None
    assert (look.words, look.asked_as) == ("我的收入已增加", Role.BORROWER)
    assert (order.stage, order.task_id) == (Stage.APPROVAL, task.id)


def test_they_may_approve_within_what_the_worst_grade_gets(procedure: Procedure, refused: str) -> None:
    ask(procedure, refused, INTEGRATOR)
    with procedure.books.read() as work:
        look = work.tasks.second_look(refused)
    assert look is not None
    assert (look.grade, look.limit_fen, look.annual_rate_percent) == ("E", 1_000_000, "23.4")
    with pytest.raises(InvalidDecision):
        procedure.decide(refused, actor=RISK, amount_fen=1_000_001)
    procedure.decide(refused, actor=RISK, amount_fen=1_000_000)
    assert procedure.decide(refused, actor=OTHER_RISK).stage is Stage.ACCEPTANCE
    with procedure.books.read() as work:
        terms = work.loans.terms(refused)
    assert terms is not None
    found = Terms.parse(terms.body)
    assert (found.principal_fen, str(found.annual_rate_percent)) == (1_000_000, "23.4")
    procedure.pay_out(refused)
    assert procedure.loan(refused).stage is Stage.REPAYMENT


def test_the_price_is_that_of_the_version_that_was_in_force_when_the_rules_refused(
    procedure: Procedure, refused: str
) -> None:
    cheaper = micro_rules({20: {"annual_rate_percent": '"9.9"', "limit_fen": "3000000"}}, MICRO_PRICES)
    with procedure.at() as work:
        put_in_force(work, MICRO_PRICES, 2, cheaper)
    ask(procedure, refused)
    with procedure.books.read() as work:
        look = work.tasks.second_look(refused)
        assert look is not None
        assert (look.grade, look.limit_fen, look.annual_rate_percent) == ("E", 1_000_000, "23.4")
        kept = work.policies.get(look.policy_id or "")
        assert (kept.name, kept.version) == (MICRO_PRICES, 1)
        assert table_of(kept.content)["rules"][(look.fired_row or 0) - 1]["annual_rate_percent"] == '"23.4"'
        (again,) = replay_looks(work, RISK, refused)
    assert (again.label, again.row, again.was_in_force, again.differing) == (
        f"{MICRO_PRICES}/1",
        look.fired_row,
        True,
        (),
    )
    assert dict(again.says) == {"grade": "E", "limit_fen": 1_000_000, "annual_rate_percent": "23.4"}


def test_a_price_that_another_version_gave_is_found_at_the_replay(procedure: Procedure, refused: str) -> None:
    with procedure.at() as work:
        other = put_in_force(work, MICRO_PRICES, 2, micro_rules({20: {"limit_fen": "3000000"}}, MICRO_PRICES)).id
        work.write(
            SecondLook(
                loan=refused,
                round=1,
                grade="E",
                limit_fen=3_000_000,
                annual_rate_percent="9.9",
                policy_id=other,
                fired_row=20,
                asked_by=RISK.id,
                asked_as=RISK.role,
                asked_on=procedure.day,
                asked_at=work.now,
            )
        )
    with procedure.books.read() as work:
        (again,) = replay_looks(work, RISK, refused)
        assert (again.was_in_force, again.agrees) == (False, False)
        assert "annual_rate_percent" in again.differing
        assert not all_agree([again])
        with pytest.raises(NotAllowed):
            replay_looks(work, FINANCE, refused)


def test_a_look_from_before_its_version_was_kept_is_left_out_of_the_replay(procedure: Procedure, refused: str) -> None:
    ask(procedure, refused)
    url = procedure.books.url
    procedure.books.engine.dispose()
    command.downgrade(alembic_config(url), "0032")
    migrate(url)
    with procedure.books.read() as work:
        look = work.tasks.second_look(refused)
        assert look is not None
        assert (look.limit_fen, look.policy_id, look.fired_row) == (1_000_000, None, None)
        assert replay_looks(work, RISK, refused) == []


def test_a_look_is_held_to_what_is_left_of_the_year_by_then(procedure: Procedure) -> None:
    knockout = deepcopy(dict(shipped_by(CATALOGUE.product("student"))["knockout-student"]))
    own = {"_id": "own", "term": "> 59", "outcome": '"refuse"', "reasons": '["own_arrears_over_90_days"]'}
    table_of(knockout)["rules"].insert(5, own)
    with procedure.at() as work:
        put_in_force(work, "knockout-student", 2, knockout)
    him = id_number(BORN["student"], 902)
    first = procedure.apply("student", id_number=him, amount="15000", term=60)
    second = procedure.apply("student", id_number=him, amount="14000", term=54)
    for loan in (first, second):
        procedure.verify(loan)
        procedure.grade(loan)
    assert procedure.loan(first).stage is Stage.REFUSED
    procedure.decide(second)
    ask(procedure, first)
    with pytest.raises(InvalidDecision, match="at most 6000"):
        procedure.decide(first)
    procedure.decide(first, amount_fen=600_000)
    assert procedure.decide(first, actor=OTHER_RISK).stage is Stage.ACCEPTANCE


def test_they_may_uphold_it_once_and_for_all(procedure: Procedure, refused: str) -> None:
    ask(procedure, refused, AGENT)
    assert procedure.decide(refused, Outcome.REFUSE, actor=RISK, reason="无还款能力").stage is Stage.REFUSED
    assert helped(procedure, refused) == Remedies()
    with pytest.raises(NotRefusedByRules):
        ask(procedure, refused)


def test_they_may_send_it_back_and_a_new_refusal_may_be_looked_at_again(procedure: Procedure, refused: str) -> None:
    ask(procedure, refused)
    procedure.decide(refused, Outcome.RETURN, actor=RISK)
    procedure.grade(refused, round=2)
    assert procedure.loan(refused).stage is Stage.REFUSED
    ask(procedure, refused)
    assert procedure.loan(refused).stage is Stage.APPROVAL


def test_nobody_overrules_the_law(procedure: Procedure) -> None:
    loan = procedure.apply()
    procedure.verify(loan, enrolment={"enrolled": True, "full_time": True})
    procedure.grade(loan)
    ask(procedure, loan)
    with pytest.raises(ClosedByLaw):
        procedure.decide(loan, actor=RISK, amount_fen=100_000)
    assert procedure.decide(loan, Outcome.REFUSE, actor=RISK).stage is Stage.REFUSED


def test_it_is_asked_in_time_once_and_by_who_speaks_for_the_borrower(procedure: Procedure, refused: str) -> None:
    for actor in (FINANCE, RISK, Actor("other", Role.BORROWER, customer_id="other")):
        with pytest.raises(NotAllowed):
            ask(procedure, refused, actor)
    with pytest.raises(InvalidDecision):
        ask(procedure, refused, words="\x00")
    procedure.day += timedelta(days=31)
    with pytest.raises(TooLateToAsk):
        ask(procedure, refused)
    procedure.day -= timedelta(days=1)
    for _ in range(2):
        ask(procedure, refused, words="")
    assert procedure.messages(refused).count("second_look") == 1
    with pytest.raises(WrongStage):
        ask(procedure, refused, INTEGRATOR)


def test_it_is_not_asked_about_a_persons_refusal(procedure: Procedure) -> None:
    loan = procedure.graded()
    procedure.decide(loan, Outcome.REFUSE)
    with pytest.raises(NotRefusedByRules):
        ask(procedure, loan)


def test_what_was_asked_stays_as_it_was(procedure: Procedure, refused: str) -> None:
    ask(procedure, refused)
    for statement in ("UPDATE second_look SET limit_fen = 1", "DELETE FROM second_look"):
        with pytest.raises(DBAPIError, match="insert-only"), procedure.at() as work:
            work.session.connection().execute(text(statement))


def test_a_look_that_nobody_gave_yet_outlives_a_new_grade(procedure: Procedure, refused: str) -> None:
    ask(procedure, refused)
    first = procedure.task(refused, TaskKind.APPROVAL)
    with procedure.at() as work:
        send_back(work, work.loans.get(refused), ("bureau",), RISK)
    again = procedure.act(grading.grade, VerificationOrder(**procedure.order(refused, round=2)))
    assert (again.stage, procedure.open_tasks(refused)) == (Stage.APPROVAL, [TaskKind.APPROVAL])
    with procedure.books.read() as work:
        looks = work.tasks.second_looks(refused)
        assert [(one.round, one.words) for one in looks] == [(1, "我的收入已增加"), (2, "我的收入已增加")]
        assert work.loans.get(refused).closed_on is None
    assert again.task_id not in (None, first.id)
    procedure.decide(refused, Outcome.REFUSE, actor=RISK)
    assert procedure.loan(refused).stage is Stage.REFUSED
