"""Risk in the demonstration: a draft tried on past cases, a challenger on live ones, and what is said of it."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from books.session import Books
from console.decided import decided
from console.letters import id_card, income_proof
from console.risk_leads import AUTUMN, DRAFTED_ON, RULES, SPRING, SPRING_ON, STRICTER_REASON, WITH_LETTERS, stricter
from console.seed import seed
from console.servicing import RISK
from gateways.document_reader import DocumentReader
from lending.calendar import BusinessClock
from models.documents import ReadingVerdict
from models.policies import PolicyPart, PolicyState
from services.documents_comparing import compare
from services.documents_intake import PNG
from services.policy_differences import differences
from services.policy_names import draft_problems
from services.policy_publishing import life_of
from services.products import install
from settings import Settings
from tests.books.migrated import migrated_file
from tests.console.test_demo import scripted
from tests.docs.pages import ROOT
from tests.modules.applications import CATALOGUE
from tests.servers.shared import SharedServers
from tests.services.policies import put_in_force
from tests.services.procedure import Procedure


@pytest.fixture
def house(servers: SharedServers, tmp_path: Path) -> Iterator[Procedure]:
    """Books on the day of the draft, of which each lasts an hour."""
    settings = Settings(database_url=migrated_file(servers, tmp_path))
    books = Books(settings.database_url)
    books.set_clock(BusinessClock(3600, datetime.now(UTC), DRAFTED_ON))
    seed(books, settings)
    found = Procedure(books)
    found.day = DRAFTED_ON
    yield found
    books.close()


def test_the_stricter_rules_ask_for_fewer_debts_for_the_best_grade_and_change_nothing_else() -> None:
    install(CATALOGUE)
    shipped = CATALOGUE.product("micro").grading
    told = stricter(dict(shipped))
    assert draft_problems(RULES, told) == []
    changed = differences(shipped, told)
    assert {one.column for one in changed} == {"debt_ratio_bp", "reasons"}
    assert {one.after for one in changed if one.column == "debt_ratio_bp"} == {"<= 2500"}
    assert STRICTER_REASON not in shipped["reasons"]


def test_rules_without_a_row_for_the_best_grade_are_no_example() -> None:
    with pytest.raises(ValueError, match="no row of these rules"):
        stricter(dict(CATALOGUE.product("student").grading))


def test_one_drafts_and_the_other_publishes_beside_the_rules_in_force_and_later_in_their_place(
    house: Procedure,
) -> None:
    indebted = {"bureau": {"monthly_payment_fen": 250_000}}
    for answers in ({}, indebted):
        loan = house.apply()
        house.verify(loan, **answers)
        house.grade(loan)
    with scripted(house.books) as (people, runner):
        runner.run(people._draft_and_try())
        people.done |= {"rules drafted", "spring"}
        runner.run(people._change_rules())
        assert "rules judged" not in people.done
        with house.books.read() as work:
            policy = work.policies.version(RULES, 2)
            (test,) = work.policies.backtests(policy.id)
            assert (policy.drafted_by, test.run_by, test.cases, test.changed) == (RISK[0], RISK[0], 2, 1)
            after = house.day.replace(day=house.day.day + 2)
            assert life_of(work, policy, house.day).state is PolicyState.SCHEDULED
            assert life_of(work, policy, after).state is PolicyState.CHALLENGER
            lines = list(decided(work))
    assert any(
        f"{RULES}/2 back-tested on 2 past cases: 1 change; not refused 100% before, 100% after; expected loss" in line
        for line in lines
    )
    assert not any("beside the rules in force on" in line for line in lines)
    assert any("grade A" in line and "income" in line for line in lines)
    assert any(f"{RULES}/2 back-tested on 2 past cases: 1 change" in line for line in lines)
    assert any(f"{RULES}/2 published as challenger" in line and RISK[1] in line for line in lines)


def test_what_a_challenger_made_of_live_cases_is_told_beside_the_rules_in_force(house: Procedure) -> None:
    with house.at() as work:
        content = stricter(dict(work.policies.version(RULES, 1).content))
        put_in_force(work, RULES, 2, content, part=PolicyPart.CHALLENGER)
    for answers in ({}, {"bureau": {"monthly_payment_fen": 250_000}}):
        loan = house.apply()
        house.verify(loan, **answers)
        house.grade(loan)
    with house.books.read() as work:
        (line,) = [line for line in decided(work) if "beside the rules in force" in line]
    assert f"{RULES}/2 beside the rules in force on 2 live cases: it decided 0 of them, and 1 came out alike" in line
    assert line.endswith("24000.00 by the rules in force, 24000.00 by it")


def test_the_springs_borrowers_bring_their_papers_with_the_application(house: Procedure) -> None:
    with scripted(house.books) as (people, runner):
        runner.run(people._take_spring_in())
        runner.run(people._bring_autumn())
    lines = [(ROOT / file).read_text(encoding="utf-8").splitlines()[1:] for file in (SPRING, AUTUMN)]
    loans = [f"L26{n:06d}" for n, _ in enumerate((line for file in lines for line in file), 1)]
    with house.books.read() as work:
        brought = [[document.kind for document in work.documents.of_loan(loan)] for loan in loans]
    spring, autumn = brought[: len(lines[0])], brought[len(lines[0]) :]
    assert spring[:WITH_LETTERS] == [["id_card", "income_proof"]] * WITH_LETTERS
    assert not any(spring[WITH_LETTERS:])
    assert autumn == [["id_card"]] * 4


@pytest.mark.parametrize(("earned", "verdict"), [(900_000, "agrees"), (600_000, "differs")])
def test_a_letter_can_be_read_and_an_income_that_was_exaggerated_shows(earned: int, verdict: str) -> None:
    form = {"name": "杨雨", "id_number": "110000197210130047", "monthly_income": 900_000}
    reading = DocumentReader().read(income_proof("杨雨", "110000197210130047", earned, SPRING_ON), PNG)
    proof = compare("income_proof", reading, form, {}, SPRING_ON)
    assert (proof.verdict, proof.is_doubtful) == (ReadingVerdict(verdict), verdict != "agrees")
    card = DocumentReader().read(id_card("杨雨", "110000197210130047"), PNG)
    found = compare("id_card", card, form, {}, SPRING_ON)
    assert (found.verdict, found.is_doubtful) == (ReadingVerdict.AGREES, False)
