"""`loanwright import`: good lines are kept, bad ones named, and a second run doubles nothing."""

import csv
import json
from collections.abc import Iterator, Mapping
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from sqlmodel import col, select

from books.session import Books
from console.connections import books_of, migrate_books
from console.imports import UnreadableFile, import_applications
from console.seed import seed
from models.loans import Application
from models.outbox import OutboxRow, Topic
from models.staff import Actor, Role
from models.verification import Authorisation, AuthorisationKind
from services.products import UnknownProduct, catalogue
from settings import Settings
from tests.books.migrated import migrated_file
from tests.console.running import loanwright
from tests.crash.house import APPLICANTS, micro_application
from tests.servers.shared import SharedServers

DAY = date(2026, 1, 5)
ACTOR = Actor("integrator-demo", Role.INTEGRATOR)


@pytest.fixture
def books(servers: SharedServers, tmp_path: Path) -> Iterator[Books]:
    settings = Settings(database_url=migrated_file(servers, tmp_path))
    found = Books(settings.database_url)
    seed(found, settings)
    yield found
    found.close()


def row(n: int, **changes: str) -> dict[str, str]:
    """One good line, with these fields changed."""
    body = micro_application(APPLICANTS[n])
    plain: dict[str, str] = {"product": body["product"], "consent": body["consent"], "reference": f"old-system-{n}"}
    form: dict[str, str] = body["form"]
    return plain | form | changes


def body(n: int, **changes: Any) -> dict[str, Any]:
    """The same as a line of JSON."""
    return micro_application(APPLICANTS[n]) | {"reference": f"old-system-{n}"} | changes


def as_csv(path: Path, *rows: Mapping[str, str]) -> Path:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    return path


def as_json_lines(path: Path, *lines: object) -> Path:
    path.write_text("\n".join(one if isinstance(one, str) else json.dumps(one, ensure_ascii=False) for one in lines))
    return path


def in_the_books(books: Books) -> list[str]:
    with books.read() as work:
        return list(work.session.exec(select(Application.loan).order_by(col(Application.loan))))


def to_be_started(books: Books) -> list[str | None]:
    with books.read() as work:
        query = select(OutboxRow.loan).where(OutboxRow.topic == Topic.START_LOAN).order_by(col(OutboxRow.loan))
        return list(work.session.exec(query))


def test_good_lines_of_a_csv_are_kept_and_bad_ones_are_named_by_their_number(books: Books, tmp_path: Path) -> None:
    file = as_csv(
        tmp_path / "applications.csv",
        row(0),
        row(1, term="36个月"),
        row(2),
        row(3, product="yacht"),
        row(4, id_number="110101199003070000"),
        row(5, consent=""),
        row(6),
    )
    report = import_applications(books, ACTOR, file, DAY, quiet=True)
    assert in_the_books(books) == report.accepted == to_be_started(books)
    assert len(report.accepted) == 3
    assert [number for number, _ in report.refused] == [3, 5, 6, 7]
    why = dict(report.refused)
    assert why[3].startswith("term: ")
    assert why[5].startswith("product: ")
    assert why[6].startswith("id_number: ")
    assert why[7].startswith("consent: ")


def test_a_csv_may_have_the_word_on_sensitive_data_in_a_column_of_its_own(books: Books, tmp_path: Path) -> None:
    newer = {"consent": "2026-11"}
    file = as_csv(
        tmp_path / "applications.csv",
        row(0, **newer, consent_sensitive="true"),
        row(1, **newer, consent_sensitive="FALSE"),
        row(2, **newer, consent_sensitive=""),
        row(3, **newer, consent_sensitive="perhaps"),
        row(4, consent="2026-01", consent_sensitive=""),
        row(5, consent="2026-01", consent_sensitive="false"),
    )
    report = import_applications(books, ACTOR, file, DAY, quiet=True)
    assert [number for number, _ in report.refused] == [4, 5, 7]
    assert {why.partition(":")[0] for _, why in report.refused} == {"consent.sensitive"}
    with books.read() as work:
        rows = work.session.exec(select(Authorisation).where(Authorisation.kind == AuthorisationKind.SENSITIVE))
        assert sorted(one.loan for one in rows) == [report.accepted[0], report.accepted[2]]


def test_a_csv_may_attest_for_a_co_signer(books: Books, tmp_path: Path) -> None:
    line = row(0, consent="2026-11", consent_sensitive="true", consent_guarantor="true")
    report = import_applications(books, ACTOR, as_csv(tmp_path / "a.csv", line), DAY, quiet=True)
    assert report.accepted == []
    assert [why.partition(":")[0] for _, why in report.refused] == ["consent.co_signers"]


def test_after_its_last_day_the_older_text_is_refused(books: Books, tmp_path: Path) -> None:
    file = as_csv(tmp_path / "a.csv", row(0))
    report = import_applications(books, ACTOR, file, date(2027, 1, 1), quiet=True)
    assert [why.partition(":")[0] for _, why in report.refused] == ["consent"]


def test_a_second_run_doubles_nothing(books: Books, tmp_path: Path) -> None:
    file = as_csv(tmp_path / "applications.csv", *(row(n) for n in range(5)))
    first = import_applications(books, ACTOR, file, DAY, quiet=True)
    second = import_applications(books, ACTOR, file, DAY, quiet=True)
    assert second.accepted == []
    assert second.refused == []
    assert second.repeated == first.accepted == in_the_books(books) == to_be_started(books)


def test_a_second_run_of_lines_without_references_doubles_nothing(books: Books, tmp_path: Path) -> None:
    lines = [{**micro_application(APPLICANTS[n])} for n in range(3)]
    file = as_json_lines(tmp_path / "applications.jsonl", *lines)
    first = import_applications(books, ACTOR, file, DAY, quiet=True)
    second = import_applications(books, ACTOR, file, DAY, quiet=True)
    assert (second.accepted, second.repeated) == ([], first.accepted)
    assert len(in_the_books(books)) == 3


def test_a_corrected_file_adds_only_what_was_refused_before(books: Books, tmp_path: Path) -> None:
    first = import_applications(
        books, ACTOR, as_csv(tmp_path / "a.csv", row(0), row(1, amount="a lot")), DAY, quiet=True
    )
    second = import_applications(books, ACTOR, as_csv(tmp_path / "a.csv", row(0), row(1)), DAY, quiet=True)
    assert [number for number, _ in first.refused] == [3]
    assert (second.repeated, len(second.accepted), second.refused) == (first.accepted, 1, [])


def test_a_line_with_a_known_reference_and_other_content_is_refused(books: Books, tmp_path: Path) -> None:
    import_applications(books, ACTOR, as_csv(tmp_path / "a.csv", row(0)), DAY, quiet=True)
    report = import_applications(books, ACTOR, as_csv(tmp_path / "a.csv", row(0, amount="9000")), DAY, quiet=True)
    assert (report.accepted, report.repeated) == ([], [])
    ((number, why),) = report.refused
    assert (number, why.partition(":")[0]) == (2, "reference")
    assert "idempotency" not in why
    assert len(in_the_books(books)) == 1


def test_a_line_that_stands_twice_in_a_file_is_one_loan(books: Books, tmp_path: Path) -> None:
    report = import_applications(books, ACTOR, as_csv(tmp_path / "a.csv", row(0), row(0)), DAY, quiet=True)
    assert report.repeated == report.accepted == in_the_books(books)


def test_more_lines_than_one_batch_are_all_kept(books: Books, tmp_path: Path) -> None:
    file = as_csv(tmp_path / "a.csv", *(row(n) for n in range(250)))
    report = import_applications(books, ACTOR, file, DAY, quiet=True)
    assert report.refused == []
    assert sorted(report.accepted) == in_the_books(books)
    assert len(set(report.accepted)) == 250


def test_lines_of_json_that_are_none_are_named_by_their_number(books: Books, tmp_path: Path) -> None:
    file = as_json_lines(
        tmp_path / "a.jsonl", body(0), "{not json", "", "[1]", body(1), body(2, form="none"), body(3, form={"name": 5})
    )
    report = import_applications(books, ACTOR, file, DAY, quiet=True)
    assert len(report.accepted) == 2
    assert [number for number, _ in report.refused] == [2, 4, 6, 7]
    assert dict(report.refused)[2] == "this line is not JSON"
    assert dict(report.refused)[4] == "this line is not a JSON object"


def test_a_json_line_that_is_nested_too_deeply_is_named_and_the_others_are_kept(books: Books, tmp_path: Path) -> None:
    deep = ["[" * depth + "]" * depth for depth in (200, 900, 990, 100_000)]
    nested = [f'{{"product": "micro", "form": {one}}}' for one in deep]
    report = import_applications(
        books, ACTOR, as_json_lines(tmp_path / "a.jsonl", body(0), *deep, *nested, body(1)), DAY, quiet=True
    )
    assert len(report.accepted) == 2
    assert [number for number, _ in report.refused] == list(range(2, 10))


def test_a_json_line_with_a_field_twice_is_refused_by_the_name_of_the_field(books: Books, tmp_path: Path) -> None:
    good = json.dumps(body(0))
    assert good.count('"amount": ') == good.count('"product": ') == 1
    file = as_json_lines(
        tmp_path / "a.jsonl",
        good.replace('"amount": ', '"amount": "9000", "amount": '),
        good.replace('"amount": ', '"\\u0061mount": "9000", "amount": '),
        good.replace('"product": ', '"product": "micro", "product": '),
        body(1),
    )
    report = import_applications(books, ACTOR, file, DAY, quiet=True)
    assert len(report.accepted) == 1
    assert [(number, why.partition(":")[0]) for number, why in report.refused] == [
        (1, "amount"),
        (2, "amount"),
        (3, "product"),
    ]


def test_a_json_line_with_half_a_sign_or_an_unprintable_reference_does_not_end_the_import(
    books: Books, tmp_path: Path
) -> None:
    lines = [body(0, reference="\ud800"), body(1, reference="a\x00"), body(2, remark="\udfff"), body(3)]
    file = tmp_path / "a.jsonl"
    file.write_text("\n".join(json.dumps(one) for one in lines))
    report = import_applications(books, ACTOR, file, DAY, quiet=True)
    assert len(report.accepted) == 1
    assert [number for number, _ in report.refused] == [1, 2, 3]


@pytest.mark.parametrize("again", ["amount", " amount", "ａｍｏｕｎｔ", "amount\u3000"])
def test_a_csv_with_a_column_twice_is_refused_by_the_name_of_the_column(
    books: Books, tmp_path: Path, again: str
) -> None:
    file = as_csv(tmp_path / "a.csv", row(0) | {again + "!": "99999"})
    file.write_text(file.read_text(encoding="utf-8").replace("!", "", 1), encoding="utf-8")
    with pytest.raises(UnreadableFile, match=r"more than one column of the name amount$"):
        import_applications(books, ACTOR, file, DAY, quiet=True)
    assert in_the_books(books) == []


def test_a_csv_line_with_too_few_or_too_many_fields_is_named(books: Books, tmp_path: Path) -> None:
    file = as_csv(tmp_path / "a.csv", row(0), row(1))
    with file.open("a", encoding="utf-8") as more:
        more.write("micro,2026-01\n" + ",".join(row(2).values()) + ",one more\n")
    report = import_applications(books, ACTOR, file, DAY, quiet=True)
    assert len(report.accepted) == 2
    assert [number for number, _ in report.refused] == [4, 5]


def test_what_stands_before_a_broken_quotation_is_kept(books: Books, tmp_path: Path) -> None:
    file = as_csv(tmp_path / "a.csv", row(0), row(1))
    with file.open("a", encoding="utf-8") as more:
        more.write('micro,"2026-01"x,broken\n')
    report = import_applications(books, ACTOR, file, DAY, quiet=True)
    assert len(report.accepted) == 2
    assert [number for number, _ in report.refused] == [4]
    assert "not CSV" in report.refused[0][1]


def test_a_byte_order_mark_is_no_part_of_the_first_column(books: Books, tmp_path: Path) -> None:
    file = as_csv(tmp_path / "a.csv", row(0))
    file.write_bytes(b"\xef\xbb\xbf" + file.read_bytes())
    assert len(import_applications(books, ACTOR, file, DAY, quiet=True).accepted) == 1


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("a.csv", "name,amount\n张三,100\n".encode(), "no header with product and consent"),
        ("a.csv", b"", "no header with product and consent"),
        ("a.csv", "product,consent,name\nmicro,2026-01,张三\n".encode("gb18030"), "cannot be read as UTF-8"),
        ("a.csv", b'product,"consent"x,name\n', "header that is not CSV"),
        ("a.csv", b"product,consent,,\n", r"name \(none\)"),
        ("a.xlsx", b"PK\x03\x04", "neither a .csv nor a .jsonl file"),
    ],
)
def test_a_file_of_which_nothing_can_be_read_is_refused(
    books: Books, tmp_path: Path, name: str, content: bytes, says: str
) -> None:
    file = tmp_path / name
    file.write_bytes(content)
    with pytest.raises(UnreadableFile, match=says):
        import_applications(books, ACTOR, file, DAY, quiet=True)
    assert in_the_books(books) == []


def test_a_file_that_is_not_there_is_refused(books: Books, tmp_path: Path) -> None:
    with pytest.raises(UnreadableFile, match=r"nowhere\.csv cannot be read: No such file or directory$"):
        import_applications(books, ACTOR, tmp_path / "nowhere.csv", DAY, quiet=True)


def test_a_folder_in_place_of_a_file_is_refused(books: Books, tmp_path: Path) -> None:
    with pytest.raises(UnreadableFile, match=r"cannot be read: Is a directory$"):
        import_applications(books, ACTOR, tmp_path, DAY, quiet=True)


def test_an_unknown_product_is_repeated_only_if_it_looks_like_a_code(books: Books, tmp_path: Path) -> None:
    lines = [body(0, product=one) for one in ("yacht", APPLICANTS[0].id_number, APPLICANTS[0].name)]
    for line in lines:
        with pytest.raises(UnknownProduct) as refusal:
            catalogue().product(line["product"])
        assert (line["product"] in str(refusal.value)) is (line["product"] == "yacht")
    report = import_applications(books, ACTOR, as_json_lines(tmp_path / "a.jsonl", *lines), DAY, quiet=True)
    assert [number for number, _ in report.refused] == [1, 2, 3]


def test_the_command_takes_the_books_of_a_data_folder(tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    settings = Settings(database_url=books_of(folder))
    migrate_books(settings)
    found = Books(settings.database_url)
    seed(found, settings)
    file = as_csv(tmp_path / "a.csv", row(0))
    ended = loanwright("import", str(file), "--data-dir", str(folder))
    assert (ended.code, "1 accepted" in ended.err) == (0, True), ended
    assert len(in_the_books(found)) == 1
    found.close()
    both = loanwright(
        "import", str(file), "--data-dir", str(folder), environment={"LOANWRIGHT_DATABASE_URL": found.url}
    )
    assert both.code == 1
    assert "leave one of them out" in both.err


def test_the_command_says_what_became_of_each_line_and_repeats_nothing_personal(books: Books, tmp_path: Path) -> None:
    file = as_csv(tmp_path / "a.csv", row(0), row(1, mobile="12"))
    environment = {"LOANWRIGHT_DATABASE_URL": books.url}
    ended = loanwright("import", str(file), environment=environment)
    assert ended.code == 1
    assert "line 3: mobile: " in ended.err
    assert "1 accepted, 0 known already, 1 refused" in ended.err
    assert APPLICANTS[1].name not in ended.out + ended.err
    nobody = loanwright("import", str(file), "--actor", "nobody", environment=environment)
    assert nobody.code == 1
    assert "nobody" in nobody.err
    assert "Traceback" not in nobody.err
