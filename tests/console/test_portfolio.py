"""`loanwright import --portfolio`: what becomes of each line, the report beside the file, and a run that is killed."""

import csv
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlmodel import func, select

from books.session import Books
from console.audits import audit_books
from console.imports import UnreadableFile
from console.portfolio import BATCH, PortfolioReport, import_portfolio
from models.loans import Loan
from models.outbox import OutboxRow, Topic
from models.portfolio import TakenOverLoan
from services.errors import NotAllowed
from services.takeover_check import DifferencePolicy
from simulators.people import DEFAULT_PEOPLE, DEFAULT_SEED, population
from tests.books.migrated import seeded_file
from tests.console.running import ENVIRONMENT, ROOT, loanwright, wait_until
from tests.console.test_imports import as_json_lines
from tests.modules.applications import DAY
from tests.servers.shared import SharedServers
from tests.services.portfolios import TERMS, customer, running_loan
from tests.services.procedure import FINANCE, INTEGRATOR, RISK
from tools.make_examples import portfolio_text

DAY_BEFORE = DAY - timedelta(days=1)
REFUSE, ADOPT = DifferencePolicy.REFUSE, DifferencePolicy.ADOPT


@pytest.fixture
def books(servers: SharedServers, tmp_path: Path) -> Iterator[Books]:
    """Books that open on the day of the examples."""

    with seeded_file(servers, tmp_path) as found:
        yield found


def take(books: Books, path: Path, policy: DifferencePolicy = REFUSE) -> PortfolioReport:
    return import_portfolio(books, INTEGRATOR, RISK, path, policy, quiet=True)


def portfolio(path: Path, *bodies: object) -> Path:
    return as_json_lines(path / "old.jsonl", *bodies)


def in_the_books(books: Books) -> list[str]:
    with books.read() as work:
        return work.loans.all_numbers(limit=10_000)


def reported(path: Path) -> list[dict[str, str]]:
    with path.with_suffix(".differences.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_good_lines_are_kept_and_bad_ones_named_by_line_and_field(books: Books, tmp_path: Path) -> None:
    file = portfolio(
        tmp_path,
        running_loan(1),
        "{not json",
        running_loan(2, currency="USD"),
        running_loan(3, customer=customer(3, id_number="110101199003070000")),
        "[1]",
        running_loan(4),
        {"product": "micro"},
    )
    report = take(books, file)
    assert report.accepted == in_the_books(books)
    assert len(report.accepted) == 2
    why = dict(report.refused)
    assert list(why) == [2, 3, 4, 5, 7]
    assert (why[2], why[5]) == ("this line is not JSON", "this line is not a JSON object")
    assert why[3].startswith("currency: ")
    assert why[4].startswith("customer.id_number: ")
    assert why[7].startswith("source: ")
    assert list(audit_books(books)) == []


def test_a_second_run_changes_nothing_and_a_corrected_line_is_taken(books: Books, tmp_path: Path) -> None:
    first = take(books, portfolio(tmp_path, running_loan(1), running_loan(2, currency="USD")))
    second = take(books, portfolio(tmp_path, running_loan(1), running_loan(2)))
    assert (second.repeated, len(second.accepted), second.refused) == (first.accepted, 1, [])
    third = take(books, portfolio(tmp_path, running_loan(1, remark=None), running_loan(2)))
    assert [number for number, _ in third.refused] == [1]
    assert "different content" in third.refused[0][1]
    assert len(in_the_books(books)) == 2


def test_a_loan_that_stands_twice_in_a_file_is_refused_the_second_time_in_every_run(
    books: Books, tmp_path: Path
) -> None:
    others = [running_loan(n) for n in range(2, BATCH + 5)]
    file = portfolio(tmp_path, running_loan(1), *others, running_loan(1), running_loan(2, currency="USD"))
    for _ in range(2):
        refused = take(books, file).refused
        assert refused == [
            (BATCH + 5, "source_loan: stands in line 1 already"),
            (BATCH + 6, "source_loan: stands in line 2 already"),
        ]
    assert len(in_the_books(books)) == BATCH + 4


def test_differences_stand_in_the_report_and_keep_the_loan_out(books: Books, tmp_path: Path) -> None:
    file = portfolio(tmp_path, running_loan(1), running_loan(2, claimed={"fee": "12.00", "dpd": 3}))
    report = take(books, file)
    assert (len(report.accepted), report.refused) == (1, [(2, "differs from what we compute: fee, dpd")])
    assert [list(row.values()) for row in reported(file)] == [
        ["2", "oldbank", "OB-00002", "", "dpd", "3", "0", "3", "refused"],
        ["2", "oldbank", "OB-00002", "", "fee", "12.00", "0.00", "12.00", "refused"],
    ]


def test_what_is_adopted_stands_in_the_report_of_every_run(books: Books, tmp_path: Path) -> None:
    file = portfolio(
        tmp_path,
        running_loan(1, cut_off=DAY_BEFORE, claimed={"fee": "12.00"}),
        running_loan(2, cut_off=DAY_BEFORE, claimed={"fee": "12.00", "interest": "1.00"}),
    )
    for _ in range(2):
        report = take(books, file, ADOPT)
        assert [number for number, _ in report.refused] == [2]
        (loan,) = in_the_books(books)
        assert [(row["line"], row["loan"], row["field"], row["outcome"]) for row in reported(file)] == [
            ("1", loan, "fee", "adopted"),
            ("2", "", "fee", "refused"),
            ("2", "", "interest", "not adoptable"),
        ]
    assert list(audit_books(books)) == []


def as_csv(path: Path, *bodies: dict[str, Any]) -> Path:
    """The same loans in the flat form."""

    def flat(value: object, name: str = "") -> Iterator[tuple[str, str]]:
        if isinstance(value, dict):
            for key, inner in value.items():
                yield from flat(inner, f"{name}.{key}" if name else key)
        else:
            yield name, str(value)

    rows = []
    for body in bodies:
        payments = "; ".join(f"{one['date']} {one['amount']}" for one in body["events"])
        rows.append(dict(flat({name: body[name] for name in body if name not in ("events", "schedule")})))
        rows[-1]["payments"] = payments
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    return path


def test_a_csv_holds_the_same_in_columns(books: Books, tmp_path: Path) -> None:
    plain = {name: value for name, value in TERMS.items() if name != "allocation_order"}
    bodies = [running_loan(n, terms={"allocation_order": None}, without=(6,)) for n in (1, 2)]
    bodies = [body | {"terms": plain} for body in bodies]
    bodies[1] = bodies[1] | {"claimed": bodies[1]["claimed"] | {"dpd": 31}}
    report = take(books, as_csv(tmp_path / "old.csv", *bodies))
    assert (len(report.accepted), [number for number, _ in report.refused]) == (1, [3])
    assert [(one.field, one.computed) for one in report.differences] == [("dpd", "0")]
    with books.read() as work:
        (loan,) = work.session.exec(select(Loan))
        assert loan.overdue_fen == 0
        assert len(work.loans.events(loan.number)) == 6


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("old.csv", "source,product\noldbank,micro\n", "no header with source_loan and source and product and cut_off"),
        ("old.xlsx", "PK", "neither a .csv nor a .jsonl file"),
    ],
)
def test_a_file_of_which_nothing_can_be_read_is_refused(
    books: Books, tmp_path: Path, name: str, content: str, says: str
) -> None:
    (tmp_path / name).write_text(content, encoding="utf-8")
    with pytest.raises(UnreadableFile, match=says):
        take(books, tmp_path / name)


def test_a_file_that_is_not_there_is_refused_and_leaves_no_report(books: Books, tmp_path: Path) -> None:
    with pytest.raises(UnreadableFile, match="No such file"):
        take(books, tmp_path / "nowhere.jsonl")
    assert not (tmp_path / "nowhere.differences.csv").exists()


def test_a_report_that_cannot_be_written_is_found_before_anything_is_booked(books: Books, tmp_path: Path) -> None:
    file = portfolio(tmp_path, running_loan())
    file.with_suffix(".differences.csv").mkdir()
    with pytest.raises(UnreadableFile, match="cannot be written"):
        take(books, file)
    assert in_the_books(books) == []


def test_whoever_may_not_leaves_nothing_behind(books: Books, tmp_path: Path) -> None:
    file = portfolio(tmp_path, running_loan())
    with pytest.raises(NotAllowed):
        import_portfolio(books, INTEGRATOR, FINANCE, file, REFUSE, quiet=True)
    assert in_the_books(books) == []
    assert not file.with_suffix(".differences.csv").exists()


def test_the_command_needs_a_second_person_and_says_what_became_of_each_line(books: Books, tmp_path: Path) -> None:
    differing = running_loan(1, cut_off=DAY_BEFORE, claimed={"fee": "12.00"})
    file = portfolio(tmp_path, differing, running_loan(2, currency="USD"))
    environment = {"LOANWRIGHT_DATABASE_URL": books.url}
    command = ("import", str(file), "--portfolio")
    for wrong, says in (
        ((), "--approved-by"),
        (("--approved-by", "nobody"), "nobody"),
        (("--approved-by", "finance-sun"), "the role finance may not approve the takeover of a portfolio"),
        (("--approved-by", "risk-qian", "--actor", "risk-qian"), "another person"),
        (("--approved-by", "risk-qian", "--differences", "ignore"), "--differences"),
    ):
        ended = loanwright(*command, *wrong, environment=environment)
        assert (ended.code in (1, 2), says in ended.err, "Traceback" in ended.err) == (True, True, False), ended
    assert in_the_books(books) == []
    ended = loanwright(*command, "--approved-by", "risk-qian", "--differences", "adopt", environment=environment)
    assert ended.code == 1
    assert "line 2: currency: " in ended.err
    assert "1 accepted, 0 known already, 1 refused" in ended.err
    assert "OB-00001" in ended.err
    assert "old.differences.csv" in ended.err
    assert customer(1)["name"] not in ended.out + ended.err
    plain = loanwright("import", str(file), "--approved-by", "risk-qian", environment=environment)
    assert (plain.code, "--portfolio" in plain.err) == (2, True)


@pytest.mark.parametrize("end", [signal.SIGKILL, signal.SIGINT])
def test_a_run_that_is_ended_in_the_middle_is_taken_up_by_the_next(
    books: Books, tmp_path: Path, end: signal.Signals
) -> None:
    count = 6 * BATCH
    file = portfolio(tmp_path, *(running_loan(n) for n in range(1, count + 1)))
    arguments = ("import", str(file), "--portfolio", "--approved-by", "risk-qian")
    environment = {"LOANWRIGHT_DATABASE_URL": books.url}
    process = subprocess.Popen(
        [sys.executable, str(ROOT / "cli.py"), *arguments],
        env={**os.environ, **ENVIRONMENT, **environment},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        # Whoever runs the tests in the background may have told them to ignore Ctrl-C, which is inherited.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    try:
        wait_until(lambda: _count(books) > 0, "the first batch is in the books")
        process.send_signal(end)
        process.wait(timeout=30)
    finally:
        process.kill()
        process.wait()
    before = in_the_books(books)
    assert 0 < len(before) < count
    assert len(before) % BATCH == 0
    ended = loanwright(*arguments, environment=environment)
    assert (ended.code, f"{count - len(before)} accepted, {len(before)} known already, 0 refused" in ended.err) == (
        0,
        True,
    ), ended
    assert before == in_the_books(books)[: len(before)]
    with books.read() as work:
        starts = select(func.count()).select_from(OutboxRow).where(OutboxRow.topic == Topic.START_LOAN)
        assert work.session.exec(starts).one() == count
        assert work.session.exec(select(func.count()).select_from(TakenOverLoan)).one() == count
    assert list(audit_books(books)) == []


def _count(books: Books) -> int:
    with books.read() as work:
        return work.session.exec(select(func.count()).select_from(Loan)).one()


def test_the_example_is_as_its_tool_writes_it_and_says_what_its_page_says(books: Books, tmp_path: Path) -> None:
    text = portfolio_text(population(DEFAULT_SEED, DEFAULT_PEOPLE))
    assert (ROOT / "examples" / "portfolio.jsonl").read_text(encoding="utf-8") == text
    file = tmp_path / "portfolio.jsonl"
    file.write_text(text, encoding="utf-8")
    strict = take(books, file)
    assert (len(strict.accepted), [number for number, _ in strict.refused]) == (9, [10, 11, 12])
    lenient = take(books, file, ADOPT)
    assert (len(lenient.repeated), len(lenient.accepted)) == (9, 1)
    assert [number for number, _ in lenient.refused] == [11, 12]
    assert list(audit_books(books)) == []
    assert json.loads(text.splitlines()[0])["source"] == "oldbank"
