"""What the end of a demonstration counts, who plays which part, and what it says is missing."""

import csv
from collections import Counter
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path

import pytest

from console.demo import SHIPPED_APPLICATIONS, START, DemoPlan
from console.parts import PARTS, Part, part_of
from console.people import MADE_UP_RATES_ON
from console.servicing import WRITTEN_OFF_AT_DPD
from console.tally import KINDS, Tally, tally
from models.changes import ChangeKind
from models.messages import StepKind
from models.policies import PolicyPart
from services.grading import is_in_share
from simulators.people import DEFAULT_PEOPLE, DEFAULT_SEED, population
from simulators.records import PayingHabit
from tests.books.migrated import seeded_file
from tests.docs.pages import ROOT
from tests.servers.shared import SharedServers
from tests.services.limits import publish
from tests.services.papers import GUARANTOR, JOINT
from tests.services.policies import MICRO_RULES, micro_rules, put_in_force
from tests.services.procedure import Procedure
from tests.services.proposals import change

FIRST_DUE = date(2026, 2, 5)


@pytest.fixture
def house(servers: SharedServers, tmp_path: Path) -> Iterator[Procedure]:
    """On SQLite alone, as a demonstration is."""

    with seeded_file(servers, tmp_path) as books:
        yield Procedure(books)


def counted(house: Procedure) -> dict[str, dict[str, int]]:
    """The counts that are not zero, by row."""
    found = tally(house.books, house.day).counts
    return {row: counts for row in KINDS if (counts := {kind: n for (of, kind), n in found.items() if of == row and n})}


def test_loans_are_counted_by_method_period_and_price(house: Procedure) -> None:
    house.running("micro", method="interest_only", period="quarter", term="12")
    house.running("micro", method="bullet", period="week")
    house.running("auto", method="flat", tracking="yes")
    house.running("auto", method="equal_principal", rate_type="floating", **GUARANTOR)
    house.running("student", granted="at_home", **JOINT)
    house.offered("micro")
    found = counted(house)
    # The one that is only offered counts as well; the student's form says nothing of his household's size.
    assert found.pop("graded") == {"A": 5, "C": 1}
    assert found == {
        "repaid by": {"level payment": 1, "equal principal": 1, "flat": 1, "interest only": 1, "bullet": 1},
        "due every": {"month": 3, "week": 1, "quarter": 1},
        "priced": {"fixed rate": 4, "floating rate": 1, "with a fee": 1},
        "signed by": {"the borrower alone": 3, "a joint borrower": 1, "a guarantor": 1},
    }


def test_a_rate_that_is_set_anew_is_counted(house: Procedure) -> None:
    loan = house.running("auto", rate_type="floating")
    publish(house.books, "2026-01-05", "2.80")
    for day in (date(2026, 2, 5), date(2027, 1, 1)):
        house.day = day
        house.advance(loan)
    assert counted(house)["priced"] == {"floating rate": 1, "rate set anew": 1}


def test_the_shipped_applications_bring_every_signer_and_rates_that_outlive_the_year() -> None:
    with (ROOT / SHIPPED_APPLICATIONS).open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    for field in ("guarantor_mobile", "joint_borrower_mobile"):
        assert sum(bool(row[field]) for row in rows) >= 2
    floating = [row for row in rows if row["rate_type"] == "floating"]
    # Who prepays does so by the number of the loan, which is even for half of them.
    assert [int(row["term"]) for row in floating] == [24] * 4
    assert {int(row["reference"][-1]) % 2 for row in floating} == {0, 1}
    assert START.year == MADE_UP_RATES_ON.year


def test_who_decided_and_what_ran_in_the_shadow_is_counted(house: Procedure) -> None:
    with house.at() as work:
        rules = put_in_force(work, MICRO_RULES, 2, micro_rules(), part=PolicyPart.CHALLENGER, share_percent=50)
    loans = [house.graded() for _ in range(8)]
    mine = sum(is_in_share(loan, rules.id, 50) for loan in loans)
    assert counted(house)["rules"] == {"in the shadow": 8 - mine, "by a challenger": mine}


def test_a_loan_that_is_late_is_cured_and_one_that_is_written_off_brings_something_back(house: Procedure) -> None:
    cured, lost = house.running(), house.running()
    for loan in (cured, lost):
        house.day = FIRST_DUE
        house.advance(loan, StepKind.DUE)
    house.day = FIRST_DUE + timedelta(days=10)
    house.deposit(cured, house.account(cured).due_fen)
    for loan in (cured, lost):
        house.advance(loan)
    assert counted(house)["late"] == {"in arrears": 2, "cured": 1}

    house.day = FIRST_DUE + timedelta(days=25)
    change(house, lost, ChangeKind.WRITE_OFF)
    house.day += timedelta(days=2)
    house.deposit(lost, 10_000)
    house.advance(lost)
    assert counted(house)["late"] == {"in arrears": 2, "cured": 1, "written off": 1, "recovered": 1}


def test_each_change_and_each_kind_of_prepayment_is_counted(house: Procedure) -> None:
    one, two, three = house.running(), house.running(), house.running()
    house.day = date(2026, 1, 20)
    for loan, effect, fen in ((one, "reduce_installment", 100_000), (two, "reduce_term", 100_000), (three, "", None)):
        house.settle(house.prepayment(loan, fen, effect or "reduce_installment").payment_key or "")
        house.advance(loan)
    change(house, one, ChangeKind.DEFERRAL, {"periods": 2, "component": "principal"})
    change(house, one, ChangeKind.FEE, {"amount": "20.00"})
    change(house, one, ChangeKind.WAIVER, {"amount": "20.00", "component": "fee"})
    change(house, two, ChangeKind.RESTRUCTURING, {"extra_periods": 2})
    change(house, two, ChangeKind.CORRECTION, {"amount": "500.00", "channel": "cash"})
    house.deposit(one, 30_000)
    house.advance(one)
    with house.books.read() as work:
        key = work.loans.events(one)[-1].key
    change(house, one, ChangeKind.CORRECTION, {"of": key})
    found = counted(house)
    assert found["prepaid"] == {"in full": 1, "smaller installments": 1, "shorter term": 1}
    assert found["changed"] == dict.fromkeys(KINDS["changed"], 1)


def test_what_there_was_none_of_is_missing_and_shows_as_zero() -> None:
    everything = Counter((row, kind) for row, kinds in KINDS.items() for kind in kinds)
    assert Tally(everything).missing == []
    del everything["late", "written off"]
    assert Tally(everything).missing == ["late: written off"]
    lines = [line.plain for line in Tally(everything).lines()]
    assert len(lines) == len(KINDS)
    assert "  late        in arrears 1  cured 1  written off 0  recovered 1" in lines


@pytest.mark.parametrize(
    ("months", "applications", "all_of_it"),
    [
        (12, SHIPPED_APPLICATIONS, True),
        (24, SHIPPED_APPLICATIONS, True),
        (11, SHIPPED_APPLICATIONS, False),
        (12, Path("ours.csv"), False),
    ],
)
def test_a_whole_year_of_the_shipped_applications_has_to_show_everything(
    months: int, applications: Path, all_of_it: bool
) -> None:
    assert DemoPlan(Path("anywhere"), 8080, 0.5, months, applications, stay=False).shows_everything is all_of_it


def test_the_parts_are_played_by_people_who_live_so() -> None:
    with (ROOT / SHIPPED_APPLICATIONS).open(encoding="utf-8", newline="") as file:
        rows = {row["reference"]: row for row in csv.DictReader(file)}
    people = population(DEFAULT_SEED, DEFAULT_PEOPLE).person_by_id
    # Whoever is let off, charged, pays in cash or gets a new schedule is late whatever the day of the payout.
    late = {Part.IS_LET_OFF_PENALTY, Part.PAYS_IN_CASH, Part.GETS_A_NEW_SCHEDULE}
    for reference, part in PARTS.items():
        habit = people[rows[reference]["id_number"]].paying_habit
        if part is Part.STOPS_PAYING:
            assert habit is PayingHabit.BROKE
        elif part in late:
            assert habit is PayingHabit.PARTIAL
    assert set(PARTS.values()) == set(Part)
    large = [rows[reference] for reference, part in PARTS.items() if part is Part.STOPS_PAYING]
    # Above 50,000 two people have to agree to a write-off.
    assert any(int(row["amount"]) > 100_000 for row in large)
    assert WRITTEN_OFF_AT_DPD > 90


def test_a_part_goes_with_the_reference_of_the_import_alone() -> None:
    assert part_of("integrator-demo:import:EX-022") is Part.STOPS_PAYING
    assert part_of("integrator-demo:import:EX-001") is None
    assert part_of("integrator-demo:7d1c") is None
