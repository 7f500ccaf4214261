"""Scorecards trained on a made-up history in the books: what they are, how they are checked, drafted and reported."""

import json
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import pytest
from sqlalchemy import text
from sqlmodel import select
from typer.testing import CliRunner

from books.rows import write_many
from books.session import Books, UnitOfWork
from console import scorecards
from console.scorecard_figures import auc, default_chance, strength
from console.scorecard_history import HistoryThere, RealCases, SimulatorFailed, put_history, simulated
from console.scorecard_learning import Learnt, gather, inputs, learn, split
from console.scorecard_sample import Cases
from console.scorecard_training import TooLittleHistory, train
from console.scorecards import TrainingNotInstalled, UnknownScope, train_and_draft
from lending.behaviour import FACTS
from lending.errors import LendingError
from lending.scorecard import Scorecard, is_refused, problems
from models.behaviour import BehaviourMonth, BehaviourScore
from models.customers import Customer
from models.policies import PolicyState
from models.staff import Actor, Role
from services.errors import NotAllowed
from services.performance import PastCase, past_cases
from services.policy_names import draft_problems
from services.policy_publishing import lives
from services.scorecard_report import NoFigures, report_html
from services.scorecards import score_by
from settings import settings
from tests.books.migrated import seeded_file
from tests.modules.applications import DAY
from tests.servers.shared import SharedServers
from tests.services.audit_log import of_act
from tests.services.procedure import Procedure

RISK = Actor("risk-shen", Role.RISK)
APPLICATIONS = 4_000
ROOT = Path(__file__).resolve().parents[2]


def _filled(servers: SharedServers) -> Path:
    """Seeded books with a made-up history, filled once for all test processes."""

    def make() -> str:
        folder = servers.folder / "history"
        folder.mkdir()
        with seeded_file(servers, folder) as books:
            put_history(books, simulated(APPLICATIONS, DAY))
        return str(folder / "books.db")

    return Path(servers.once("history", make))


@pytest.fixture
def books(servers: SharedServers, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Books]:
    """Books with a made-up history that the command finds by its setting."""
    filled = _filled(servers)
    with seeded_file(servers, tmp_path) as made:
        made.engine.dispose()
        shutil.copy(filled, tmp_path / "books.db")
        monkeypatch.setenv("LOANWRIGHT_DATABASE_URL", made.url)
        settings.cache_clear()
        yield made
    settings.cache_clear()


@pytest.fixture(scope="module")
def learnt(servers: SharedServers, tmp_path_factory: pytest.TempPathFactory) -> Learnt:
    """A scorecard trained on that history."""
    with seeded_file(servers, tmp_path_factory.mktemp("learnt")):
        books = Books(f"sqlite:///{_filled(servers)}")
    try:
        with books.read() as work:
            return learn(work, RISK, "micro")
    finally:
        books.close()


def run(*words: str, ends: int = 0) -> str:
    result = CliRunner().invoke(scorecards.app, list(words))
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    assert result.exit_code == ends, result.output
    return result.output


def test_the_same_history_and_seed_give_the_same_card(books: Books, learnt: Learnt) -> None:
    with books.read() as work:
        assert learn(work, RISK, "micro").content == learnt.content


def test_a_trained_card_is_one_that_may_be_published(learnt: Learnt) -> None:
    assert draft_problems("scorecard-micro", learnt.content) == []
    json.dumps(learnt.content, allow_nan=False)


def test_its_points_follow_the_defaults_of_each_variable(learnt: Learnt) -> None:
    variables = {one["fact"]: one for one in learnt.content["variables"]}
    assert variables["overdue_count_24m"]["monotone"] == "falling"
    assert variables["debt_ratio_bp"]["monotone"] == "falling"
    assert variables["history_months"]["monotone"] == "rising"
    for one in variables.values():
        points = [bin_["points"] for bin_ in one["bins"]]
        assert points == sorted(set(points), reverse=one["monotone"] == "falling")
        assert min(*points, one["missing"]["points"]) == 0


def test_exported_points_are_those_of_the_trained_model(learnt: Learnt) -> None:
    card = Scorecard.parse(json.loads(json.dumps(learnt.content)))
    facts = [*learnt.trained_on.facts, *learnt.held_out.facts]
    model = learnt.trained.model
    points = [*model.points(learnt.trained_on).tolist(), *model.points(learnt.held_out).tolist()]
    assert len(facts) > 2_000
    assert [card.score(one).points for one in facts] == points
    exact = [*model.exact_points(learnt.trained_on).tolist(), *model.exact_points(learnt.held_out).tolist()]
    roundings = (len(learnt.content["variables"]) + 1) / 2
    assert max(abs(one - other) for one, other in zip(points, exact, strict=True)) <= roundings


def test_it_tells_defaults_in_months_that_it_has_not_seen(learnt: Learnt) -> None:
    figures = learnt.content["figures"]
    assert figures["strength"]["held_out"]["gini_bp"] > 3_000
    assert figures["cases"]["trained_on"]["to"] < figures["cases"]["held_out"]["from"]
    assert len([one for one in figures["months"] if one["psi_bp"] is not None]) == 6
    assert figures["cases"]["simulated"] == len(learnt.trained_on) + len(learnt.held_out)
    expected = float(default_chance(learnt.trained.model.points(learnt.trained_on)).mean())
    assert expected == pytest.approx(learnt.trained_on.bad.mean(), rel=0.1)


def test_neither_sex_nor_age_nor_origin_is_an_input_and_both_are_told_in_the_figures(learnt: Learnt) -> None:
    assert "age_years" in learnt.trained_on.facts[0]
    assert learnt.content["figures"]["dropped"]["age_years"] == "refused"
    asked = Scorecard.parse(learnt.content).facts
    assert not [fact for fact in asked if is_refused(fact)]
    fairness = learnt.content["figures"]["fairness"]
    assert [one["group"] for one in fairness["sex"]] == ["female", "male"]
    assert sum(one["cases"] for one in fairness["sex"]) == len(learnt.trained_on) + len(learnt.held_out)
    assert max(one["to_best_bp"] for one in fairness["age"]) == 10_000


def test_what_follows_from_later_tables_is_no_input(books: Books) -> None:
    known = {
        **dict.fromkeys(("amount_fen", "fees_fen", "living_costs_fen", "household_income_fen", "household_size"), 100),
        **{"living_costs_known": True, "household_size_known": True, "lent_this_year_fen": 0},
        **{"hardship_level": "some", "share_bp": 5_000, "yearly_limit_fen": 2_000_000},
    }
    for facts in (known, {}):
        cases = Cases([DAY], [facts], np.array([False]), {})
        kinds = inputs("student", cases)
        assert "full_time_student" in kinds
        assert kinds.keys().isdisjoint({"hardship_level", "share_bp", "yearly_limit_fen"})
        assert ("hardship_fen" in kinds) is (not facts)
    del books


def test_groups_change_nothing_of_what_is_learnt(learnt: Learnt) -> None:
    cases = learnt.trained_on
    swapped = Cases(cases.days, cases.facts, cases.bad, cases.known_by, {"sex": ["male"] * len(cases)})
    kinds = {"overdue_count_24m": "integer", "debt_ratio_bp": "integer"}
    assert train(cases, kinds).content == train(swapped, kinds).content


def test_auc_gini_and_ks_are_those_of_a_case_by_hand() -> None:
    points, bad = np.array([1, 2, 2, 3, 4]), np.array([True, True, False, False, False])
    # Of the six pairs of a good case and a default five are in order and one is equal.
    assert auc(points, bad) == pytest.approx(5.5 / 6)
    assert strength(points, bad) == {"auc_bp": 9_167, "gini_bp": 8_333, "ks_bp": 6_667}


def test_600_points_are_odds_of_30_and_20_more_are_twice_as_many() -> None:
    assert default_chance(np.array([600, 620])).tolist() == pytest.approx([1 / 31, 1 / 61])


@pytest.mark.parametrize(
    ("count", "sentence"),
    [(100, "100 cases with a known outcome, and 500"), (700, "10 defaults, and 50 are needed")],
)
def test_too_little_history_is_refused_with_what_is_missing(learnt: Learnt, count: int, sentence: str) -> None:
    cases = learnt.trained_on
    few = Cases(cases.days[:count], cases.facts[:count], np.arange(count) < 10, cases.known_by)
    with pytest.raises(TooLittleHistory, match=sentence):
        split(few, 6)


def test_too_few_months_are_refused(learnt: Learnt) -> None:
    with pytest.raises(TooLittleHistory, match="months with a known outcome"):
        split(learnt.trained_on, 60)


def test_loans_that_were_not_watched_for_twelve_months_are_left_out() -> None:
    def case(day: int, defaulted: bool | None) -> PastCase:
        return PastCase(date(2025, 1, day), {}, defaulted, False, "male", "26-35")

    gathered = gather([case(3, True), case(2, None), case(1, False)])
    assert gathered.too_short == 1
    assert [day.day for day in gathered.cases.days] == [1, 3]
    assert gathered.cases.bad.tolist() == [False, True]


def test_an_outcome_is_open_until_twelve_months_are_over(books: Books) -> None:
    with books.begin() as work:
        work.session.connection().execute(text("DROP TRIGGER loan_performance_no_update"))
        last = "SELECT loan FROM loan_performance WHERE defaulted_on IS {} NULL ORDER BY loan DESC LIMIT 1"
        for found in ("NOT", ""):
            work.session.connection().execute(
                text(f"UPDATE loan_performance SET observed_to = :day WHERE loan = ({last.format(found)})"),
                {"day": (DAY - timedelta(days=375)).isoformat()},
            )
    with books.read() as work:
        known = [one.defaulted for one in past_cases(work, RISK, "micro")]
    # The good loan may have defaulted since; the one that had defaulted stays so.
    assert known.count(None) == 1
    month_before = datetime.now(UTC) - timedelta(days=60)
    with books.begin(month_before) as work:
        young = [one for one in past_cases(work, RISK, "micro") if one.applied_on > DAY - timedelta(days=400)]
    # Of months that are too young the defaults are not counted either.
    assert young
    assert {one.defaulted for one in young} == {None}


def test_the_behaviour_score_is_trained_on_months_of_behaviour(books: Books) -> None:
    months = [f"2025-{month:02d}" for month in range(1, 13)]
    with books.begin() as work:
        _behave(work, months)
    policy = train_and_draft(books, RISK, "behaviour", reason="learnt from the past", held_out_months=3)
    assert draft_problems("scorecard-behaviour", policy.content) == []
    with books.read() as work:
        life = lives(work, RISK, "scorecard-behaviour")[0]
    assert (life.policy.id, life.state) == (policy.id, PolicyState.CHECKED)
    content = policy.content
    # Nine months are old enough to look three months ahead, of which three are kept back.
    assert [content["figures"]["cases"][name]["to"] for name in ("trained_on", "held_out")] == [
        "2025-06-28",
        "2025-09-28",
    ]
    assert content["variables"][0]["fact"] == "failed_debits_3m"
    assert content["variables"][0]["monotone"] == "falling"
    bands = [one["from"] for one in content["warnings"]["bands"]]
    assert bands[:-1] == sorted(bands[:-1], reverse=True)
    assert bands[-1] is None


def _behave(work: UnitOfWork, months: list[str]) -> None:
    """Months of behaviour in which failed debits come before arrears."""
    chance = Random(1)
    champion = work.policies.in_force("scorecard-behaviour", work.today).champion
    assert champion is not None
    usual: dict[str, Any] = {fact: False if kind == "boolean" else 0 for fact, kind in FACTS.items()}
    loans = work.session.connection().execute(text("SELECT loan FROM loan_performance LIMIT 300")).scalars()
    rows = []
    for loan in loans:
        late = 0
        for number, month in enumerate(months):
            failed = min(6, int(chance.expovariate(1.2)))
            rows.append(
                {
                    "loan": loan,
                    "month": month,
                    "as_of": date.fromisoformat(f"{month}-28"),
                    "policy_id": champion.policy_id,
                    "points": 600,
                    "band": "C",
                    "signs": [],
                    "reasons": [],
                    "worst_dpd": 40 if late == number and number else 0,
                    "facts": {**usual, "failed_debits_3m": failed, "paid_early_bp": chance.randrange(10_000)},
                    "scored_at": work.now,
                }
            )
            if chance.random() < 0.02 + 0.1 * failed:
                late = number + 1
    write_many(work.session, BehaviourScore, rows)
    work.behaviour.complete(BehaviourMonth(month=months[-1], completed_at=work.now))


def test_without_months_of_behaviour_there_is_nothing_to_learn(books: Books) -> None:
    with pytest.raises(TooLittleHistory, match="it has 0 cases"):
        train_and_draft(books, RISK, "behaviour", reason="learnt from the past")


def test_only_risk_learns_from_the_books(books: Books) -> None:
    with books.read() as work, pytest.raises(NotAllowed):
        learn(work, Actor("manager-zhao", Role.MANAGER), "micro")


def test_a_history_goes_into_the_books_of_a_demonstration_once(books: Books) -> None:
    with pytest.raises(HistoryThere, match="made-up history"):
        put_history(books, simulated(10, DAY))


def test_a_history_is_refused_by_books_that_hold_real_people(servers: SharedServers, tmp_path: Path) -> None:
    with seeded_file(servers, tmp_path) as made:
        Procedure(made).graded()
        with made.begin() as work:
            for customer in work.session.exec(select(Customer)):
                customer.id_number = "11010519491231002X"
                work.session.add(customer)
        with pytest.raises(RealCases, match="demonstration only"):
            put_history(made, simulated(10, DAY))
        with made.read() as work:
            assert work.performance.simulated_count() == 0


def test_a_simulator_that_refuses_puts_nothing_into_the_books(servers: SharedServers, tmp_path: Path) -> None:
    with seeded_file(servers, tmp_path) as made:
        with pytest.raises(SimulatorFailed, match="1 to 140000 borrowers"):
            put_history(made, simulated(140_001, DAY))
        with made.read() as work:
            assert list(work.performance.id_numbers()) == []


def test_the_command_puts_a_history_into_new_books(
    servers: SharedServers, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with seeded_file(servers, tmp_path) as made:
        monkeypatch.setenv("LOANWRIGHT_DATABASE_URL", made.url)
        settings.cache_clear()
        assert "200 made-up applications" in run("simulate", "--count", "200")
        with made.read() as work:
            days = [one.applied_on for one in past_cases(work, RISK, "micro")]
            assert max(days) < DAY - timedelta(days=365)
            assert of_act(work, "history_simulated")
    settings.cache_clear()


def test_a_past_case_is_read_like_any_other(books: Books) -> None:
    with books.read() as work:
        number = work.session.connection().execute(text("SELECT loan FROM loan_performance LIMIT 1")).scalar_one()
        grading = work.policies.grading(number)
        assert grading is not None
        assert grading.policy_id in [step["policy"] for step in grading.steps]
        assert work.policies.get(grading.policy_id).name == "grading-micro"
        assert grading.facts["screening_known"] is True


def test_a_card_is_trained_drafted_and_reported_by_the_command(books: Books, tmp_path: Path) -> None:
    card, report, again = tmp_path / "card.json", tmp_path / "report.html", tmp_path / "again.html"
    told = run(
        *("train", "micro", "--actor", "risk-shen", "--out", str(card), "--report", str(report)),
        *("--draft", "--reason", "our first own card"),
    )
    assert "scorecard-micro/1 is drafted" in told
    assert "made up by a simulator" in told
    assert "kept back" in told
    assert problems(json.loads(card.read_text(encoding="utf-8"))) == []
    run("report", "1", str(again))
    assert again.read_text(encoding="utf-8") == report.read_text(encoding="utf-8")
    with books.read() as work:
        (life,) = lives(work, RISK, "scorecard-micro")
        assert life.state is PolicyState.CHECKED
        facts = next(past_cases(work, RISK, "micro")).facts
        scored = score_by(work, life.policy.id, facts)
    assert 300 < scored.points < 700
    assert scored.policy_id == life.policy.id


def test_a_draft_needs_a_reason_and_a_person_of_risk(books: Books) -> None:
    assert "--reason" in run("train", "--actor", "risk-shen", "--draft", ends=2)
    with pytest.raises(LendingError):
        run("train", "--actor", "nobody", ends=1)
    with pytest.raises(UnknownScope, match="no product"):
        run("train", "bicycles", "--actor", "risk-shen", ends=1)
    del books


def test_the_function_for_a_demonstration_drafts_a_card(books: Books) -> None:
    policy = train_and_draft(books, RISK, reason="learnt from the past")
    assert (policy.name, policy.version, policy.drafted_by) == ("scorecard-micro", 1, "risk-shen")


def test_without_the_training_libraries_the_command_says_what_to_install(
    books: Books, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delitem(sys.modules, "console.scorecard_learning")
    monkeypatch.delitem(sys.modules, "console.scorecard_training")
    monkeypatch.setitem(sys.modules, "sklearn.linear_model", None)
    with pytest.raises(TrainingNotInstalled, match=re.escape(".[scorecard]")):
        run("train", "--actor", "risk-shen", ends=1)
    del books


def test_scoring_needs_no_training_library(learnt: Learnt, tmp_path: Path) -> None:
    card = tmp_path / "card.json"
    card.write_text(json.dumps(learnt.content), encoding="utf-8")
    program = (
        "import json, sys\n"
        "for name in ('numpy', 'scipy', 'sklearn'): sys.modules[name] = None\n"
        "import services.scorecards, services.scorecard_report, web.scorecards, console.scorecards\n"
        "from lending.scorecard import Scorecard\n"
        f"print(Scorecard.parse(json.load(open({str(card)!r}))).score({{}}).points)\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False, cwd=ROOT)
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) == Scorecard.parse(learnt.content).score({}).points


def test_the_report_is_one_page_in_both_languages_with_pictures_and_nothing_from_outside(learnt: Learnt) -> None:
    report = report_html("scorecard-micro/1", learnt.content)
    assert report.count("<svg") == 4
    assert not re.search(r"(src|href)=|https?://|@import|<script", report)
    for said in ("Fairness", "公平性", "Calibration", "校准", "made up by a simulator", "模拟器", "PSI", "KS"):
        assert said in report
    for variable in learnt.content["variables"]:
        assert variable["fact"] in report
        assert learnt.content["reasons"][variable["reason"]]["zh"] in report


def test_a_card_that_was_not_trained_has_no_report(learnt: Learnt) -> None:
    content: dict[str, Any] = {name: part for name, part in learnt.content.items() if name != "figures"}
    with pytest.raises(NoFigures):
        report_html("scorecard-micro/1", content)
