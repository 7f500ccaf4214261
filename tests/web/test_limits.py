"""The page of limits and published rates: anybody of the staff reads it, two people of risk bring a row in."""

import pytest
from sqlalchemy import text

from books.session import Books, UnitOfWork
from lending.floating_clause import Tenor
from models.limits import LimitStatus
from services.limit_changes import limit_states
from services.limits import limits_of
from tests.modules.applications import DAY
from tests.web.conftest import Come
from tests.web.serving import words

RATE = {"tenor": "one_year", "on": DAY.isoformat(), "percent": "2.9", "reason": "published today"}
CAP = {
    "since": "2027-01-01",
    "product": "micro",
    "source_zh": "测试规定",
    "source_en": "a made-up rule",
    "reason": "new",
}


def waiting(books: Books) -> str:
    """The id of the one row that waits."""
    with books.read() as work:
        (row,) = [one.id for one in limit_states(work) if one.status is LimitStatus.OPEN]
        return row


def newest_rate(books: Books) -> str:
    """The one-year rate that was published last."""
    with books.read() as work:
        return str(limits_of(work).rates[Tenor.ONE_YEAR][-1].percent)


@pytest.mark.parametrize(
    ("spoken", "said"),
    [
        ("en", ("2025-05-20 3.0% One year", "Highest cost a year", "Nothing waits")),
        ("zh", ("2025-05-20 3.0% 一年期", "综合年化成本上限", "暂无待决定事项")),
    ],
)
def test_risk_finds_what_is_in_force_from_its_first_page(come: Come, spoken: str, said: tuple[str, ...]) -> None:
    risk = come("risk-qian", language=spoken)
    assert 'href="/limits"' in risk.get("/").text

    text = words(risk.get("/limits").text)

    for sentence in said:
        assert sentence in text


def test_a_published_rate_is_proposed_by_one_and_put_in_force_by_another(come: Come, books: Books) -> None:
    first, second = come("risk-qian"), come("risk-shen")
    form = "/limits/prime_rate"
    proposed = words(first.post(form, seen_at=form, **RATE).text)
    assert "Loan prime rate: 2.9% · One year" in proposed
    assert "Another person of risk decides." in proposed
    assert newest_rate(books) == "3.00"
    verdict = f"/limits/rows/{waiting(books)}/decision"

    own = first.post(verdict, seen_at="/limits", verdict="confirm", reason="sure")
    assert (own.status_code, "another person of risk must decide it" in words(own.text)) == (403, True)
    done = words(second.post(verdict, seen_at="/limits", verdict="confirm", reason="looked it up").text)

    assert f"{DAY} 2.9% One year" in done
    assert "Nothing waits" in done
    assert newest_rate(books) == "2.9"


def test_a_refused_row_counts_for_nothing(come: Come, books: Books) -> None:
    come("risk-qian").post("/limits/prime_rate", seen_at="/limits/prime_rate", **RATE)
    verdict = f"/limits/rows/{waiting(books)}/decision"

    answer = come("risk-shen").post(verdict, seen_at="/limits", verdict="refuse", reason="not published")

    assert "Nothing waits" in words(answer.text)
    assert newest_rate(books) == "3.00"


def test_a_cap_and_an_own_card_limit_can_be_proposed(come: Come) -> None:
    risk = come("risk-qian")
    text = words(risk.post("/limits/cost_cap", seen_at="/limits/cost_cap", **CAP, lpr_multiple="4").text)
    assert "Highest cost a year: 4 times the one-year loan prime rate · " in text
    assert "made-up" in words(risk.get("/limits").text)
    text = words(risk.post("/limits/own_card", seen_at="/limits/own_card", **CAP, most="200,000").text)
    assert "Most to the borrower's own card: ¥200,000.00 · " in text


@pytest.mark.parametrize(
    ("kind", "fields", "said"),
    [
        ("prime_rate", RATE | {"percent": "much"}, "A rate in per cent, such as 6.5."),
        ("prime_rate", RATE | {"on": "2030-01-01"}, "A day up to today."),
        ("prime_rate", RATE | {"reason": " "}, "A sentence of at most 300 characters."),
        ("cost_cap", CAP, "Give either a percentage or a multiple"),
        ("cost_cap", CAP | {"percent": "20", "source_zh": "法" * 301}, "A sentence of at most 300 characters."),
        ("own_card", CAP | {"most": "0"}, "An amount above zero."),
    ],
)
def test_what_is_wrong_with_a_row_stands_on_its_form(come: Come, kind: str, fields: dict[str, str], said: str) -> None:
    answer = come("risk-qian").post(f"/limits/{kind}", seen_at=f"/limits/{kind}", **fields)

    assert answer.status_code == 422
    assert said in words(answer.text)


def test_others_read_and_change_nothing(come: Come) -> None:
    auditor = come("auditor-wei")
    text = auditor.get("/limits").text
    assert "Propose a row" not in text
    assert auditor.get("/limits/prime_rate").status_code == 403
    assert auditor.post("/limits/prime_rate", seen_at="/limits", **RATE).status_code == 403
    assert auditor.get("/limits/nonsense").status_code == 403


@pytest.mark.parametrize(("spoken", "said"), [("en", "at the same moment"), ("zh", "有人在同一时刻进行了相同操作")])
def test_who_comes_second_at_the_same_moment_is_told_so(
    come: Come, monkeypatch: pytest.MonkeyPatch, spoken: str, said: str
) -> None:
    """On PostgreSQL the database may be the one that notices; SQLite lets one write at a time."""

    def written_twice(work: UnitOfWork, *_: object) -> None:
        for _again in range(2):
            work.session.execute(text("INSERT INTO number_series (name, next) VALUES ('twice', 1)"))

    monkeypatch.setattr("web.limits.propose_limit", written_twice)
    answer = come("risk-qian", language=spoken).post("/limits/prime_rate", seen_at="/limits/prime_rate", **RATE)
    assert (answer.status_code, said in words(answer.text)) == (409, True)
