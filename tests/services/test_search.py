"""Who is found by what somebody types, by whom, and what is left of it in the tables."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from threading import Barrier

import pytest
from sqlalchemy import text

from models.customers import Customer
from models.staff import Actor, Role
from services import search as searching
from services.errors import NotAllowed
from services.reveals import MOST_AN_HOUR, ReasonMissing, Revealed, TooManyReveals, reveal
from services.search import NothingToSearch, TooManySearches, make_findable, search
from services.search_words import read_query, tokens_of, words_of
from tests.services.damage import damage_one
from tests.services.procedure import AGENT, AUDITOR, FINANCE, INTEGRATOR, MANAGER, OTHER_AGENT, RISK, Procedure

MOBILE, ID_NUMBER = "13812345678", "11010519900517001X"


def finds(query: str, name: str, mobile: str = MOBILE, id_number: str = ID_NUMBER) -> bool:
    """Whether somebody is found by what was typed."""
    return bool(read_query(query).words & words_of(name, mobile, id_number))


@pytest.mark.parametrize(
    ("query", "name"),
    [
        ("王小明", "王小明"),
        ("王小", "王小明"),
        ("小明", "王小明"),
        (" 王 小明 ", "王小明"),
        ("wangxiaoming", "王小明"),
        ("Wang Xiaoming", "王小明"),
        ("xiaoming", "王小明"),
        ("wxm", "王小明"),
        ("wangxm", "王小明"),
        ("shanxiongxin", "单雄信"),
        ("zengguofan", "曾国藩"),
        ("yuchigong", "尉迟恭"),
        ("ouyangx", "欧阳修"),
        ("ouyang", "欧阳修"),
        ("oyx", "欧阳修"),
        ("lvbu", "吕布"),
        ("阿卜杜拉", "阿卜杜拉·买买提"),
        ("买买提", "阿卜杜拉·买买提"),
        ("smith", "John Smith"),
        ("john smith", "JOHN SMITH"),
        ("138 1234 5678", "王小明"),
        ("5678", "王小明"),
        ("11010519900517001x", "王小明"),
        ("１１０１０５１９９００５１７００１Ｘ", "王小明"),
        ("001x", "王小明"),
    ],
)
def test_a_customer_is_found_by(query: str, name: str) -> None:
    assert finds(query, name)


@pytest.mark.parametrize(
    "query", ["王明", "小", "王", "ming", "w", "wx", "1381234567", "567", "9999", "", "%", "王*", "danxx"]
)
def test_a_customer_is_not_found_by(query: str) -> None:
    assert not finds(query, "王小明")


def test_the_last_four_of_a_mobile_and_of_an_id_number_are_two_words() -> None:
    assert finds("5678", "王小明") is True
    assert set(tokens_of("王小明", "13800005678", "110105199005170010")).isdisjoint(
        tokens_of("李大山", "13900000000", "110105199005175678")
    )


def named(procedure: Procedure, name: str, actor: Actor = INTEGRATOR) -> str:
    """A loan of somebody of this name."""
    return procedure.apply(actor=actor, name=name)


def found_by(procedure: Procedure, actor: Actor, query: str) -> list[str]:
    """Numbers of the loans that somebody finds."""
    with procedure.books.begin() as work:
        return [loan.number for loan in search(work, actor, query).loans]


def test_everybody_finds_what_he_may_see_and_nothing_else(procedure: Procedure) -> None:
    mine, others = named(procedure, "欧阳晓光", AGENT), named(procedure, "欧阳晓晨", OTHER_AGENT)
    assert found_by(procedure, AGENT, "欧阳晓") == [mine]
    assert found_by(procedure, OTHER_AGENT, "ouyang") == [others]
    assert found_by(procedure, INTEGRATOR, "欧阳") == []
    assert sorted(found_by(procedure, RISK, "oyxg") + found_by(procedure, RISK, "oyxc")) == [mine, others]


def test_a_digest_that_two_share_shows_only_who_is_meant(procedure: Procedure) -> None:
    loan, other = named(procedure, "诸葛明亮"), named(procedure, "司马光远")
    with procedure.books.begin() as work:
        # As if two words had the same digest.
        tokens = tokens_of("诸葛明亮", "", "")
        work.search.put(work.loans.get(other).customer_id, tokens)
    assert found_by(procedure, RISK, "诸葛明亮") == [loan]


def test_pages_of_customers_follow_each_other(procedure: Procedure) -> None:
    loans = {named(procedure, f"端木{sign}光") for sign in "甲乙丙"}
    after, seen = "", set()
    for _ in range(3):
        with procedure.books.begin() as work:
            found = search(work, RISK, "端木", after, 1)
            assert len(found.customers) == 1
            seen |= {loan.number for loan in found.loans}
            after = found.after or ""
    assert (seen, after) == (loans, "")


def test_what_was_typed_is_kept_nowhere(procedure: Procedure) -> None:
    named(procedure, "闻人立夏")
    found_by(procedure, AUDITOR, "闻人立夏")
    with procedure.books.read() as work:
        entry = work.audit.page()[-1]
        assert (entry.act, entry.actor_id, entry.after) == (
            "customers_searched",
            AUDITOR.id,
            {"by": ["name"], "customers": 1, "loans": 1},
        )
        tokens = work.session.connection().execute(text("SELECT token FROM search_token")).scalars().all()
        assert all(len(token) == 64 and "闻" not in token for token in tokens)


def test_nobody_searches_faster_than_he_types(procedure: Procedure, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(searching, "MOST_A_MINUTE", 3)
    for _ in range(3):
        found_by(procedure, RISK, "王小")
    with pytest.raises(TooManySearches):
        found_by(procedure, RISK, "王小")
    found_by(procedure, MANAGER, "王小")
    with procedure.books.begin(datetime.now(UTC) + timedelta(minutes=2)) as work:
        search(work, RISK, "王小")


def test_the_hidden_digits_of_a_number_cannot_be_tried_out(
    procedure: Procedure, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(searching, "MOST_MISSES_AN_HOUR", 3)
    loan = named(procedure, "闻人立夏")
    with procedure.books.read() as work:
        customer = work.customers.get(work.loans.get(loan).customer_id)
        assert customer is not None
        mobile = customer.mobile
    for tried in range(3):
        assert found_by(procedure, AUDITOR, f"1880000000{tried}") == []
    for number in (mobile, mobile[-4:]):
        with pytest.raises(TooManySearches):
            found_by(procedure, AUDITOR, number)
    # Names go on, other people do, and so does he an hour later.
    assert found_by(procedure, AUDITOR, "闻人立夏") == [loan]
    assert found_by(procedure, RISK, mobile) == [loan]
    with procedure.books.begin(datetime.now(UTC) + timedelta(minutes=61)) as work:
        assert [one.number for one in search(work, AUDITOR, mobile).loans] == [loan]


def test_values_asked_for_at_the_same_moment_are_counted_one_after_the_other(procedure: Procedure) -> None:
    loan = procedure.apply()
    with procedure.books.begin() as work:
        for _ in range(MOST_AN_HOUR - 1):
            reveal(work, MANAGER, work.loans.get(loan), Revealed.MOBILE, "calls the borrower")
    together = Barrier(6)

    def ask(_: int) -> bool:
        together.wait()
        try:
            with procedure.books.begin() as work:
                reveal(work, MANAGER, work.loans.get(loan), Revealed.MOBILE, "calls the borrower")
        except TooManyReveals:
            return False
        return True

    with ThreadPoolExecutor(6) as threads:
        assert sum(threads.map(ask, range(6))) == 1


def test_what_nobody_can_be_found_by_is_said(procedure: Procedure) -> None:
    for query in ("王", "12345", "%%"):
        with pytest.raises(NothingToSearch):
            found_by(procedure, RISK, query)


def test_customers_of_before_are_made_findable(procedure: Procedure) -> None:
    loans = [named(procedure, f"东方{sign}海") for sign in "甲乙"]
    with procedure.books.begin() as work:
        work.session.connection().execute(text("DELETE FROM search_token"))
    assert found_by(procedure, RISK, "东方") == []
    with procedure.books.begin() as work:
        last = make_findable(work, "")
        assert last is not None
        assert make_findable(work, last) is None
    assert sorted(found_by(procedure, RISK, "东方")) == loans


def test_a_value_in_full_needs_a_reason_and_is_recorded_without_it(procedure: Procedure) -> None:
    loan = procedure.apply()
    with procedure.books.begin() as work:
        row = work.loans.get(loan)
        customer = work.session.get(Customer, row.customer_id)
        assert customer is not None
        with pytest.raises(ReasonMissing):
            reveal(work, RISK, row, Revealed.MOBILE, " a ")
        assert reveal(work, RISK, row, Revealed.MOBILE, "the bank asks back") == customer.mobile
        assert reveal(work, RISK, row, Revealed.ID_NUMBER, "the bank asks back") == customer.id_number
        entries = [one for one in work.audit.page() if one.act == "personal_value_shown"]
    assert [(one.actor_id, one.loan, one.subject, one.reason) for one in entries] == [
        (RISK.id, loan, "mobile", "the bank asks back"),
        (RISK.id, loan, "id_number", "the bank asks back"),
    ]
    assert customer.mobile not in str(entries)


@pytest.mark.parametrize("reason", ["the bank\x00asks", "the bank \x1b[2J asks", "the bank asks back " * 30])
def test_a_reason_that_the_books_do_not_take_is_none(procedure: Procedure, reason: str) -> None:
    loan = procedure.apply()
    with procedure.books.begin() as work, pytest.raises(ReasonMissing):
        reveal(work, RISK, work.loans.get(loan), Revealed.MOBILE, reason)


def test_roles_see_in_full_what_they_work_with(procedure: Procedure) -> None:
    loan = procedure.apply()
    with procedure.books.begin() as work:
        row = work.loans.get(loan)
        assert reveal(work, FINANCE, row, Revealed.ACCOUNT, "a payment came back")
        for actor, field in ((FINANCE, Revealed.MOBILE), (AUDITOR, Revealed.ACCOUNT), (INTEGRATOR, Revealed.MOBILE)):
            with pytest.raises(NotAllowed):
                reveal(work, actor, row, field, "a payment came back")


def test_nobody_copies_all_values(procedure: Procedure) -> None:
    loan = procedure.apply()
    with procedure.books.begin() as work:
        for _ in range(MOST_AN_HOUR):
            reveal(work, MANAGER, work.loans.get(loan), Revealed.MOBILE, "calls the borrower")
        with pytest.raises(TooManyReveals):
            reveal(work, MANAGER, work.loans.get(loan), Revealed.MOBILE, "calls the borrower")
        other = Actor("manager-feng", Role.MANAGER)
        assert reveal(work, other, work.loans.get(loan), Revealed.MOBILE, "calls the borrower")


def test_who_cannot_be_opened_keeps_nobody_else_from_being_made_findable(procedure: Procedure) -> None:
    loans = [named(procedure, f"东方{sign}海") for sign in "甲乙丙"]
    with procedure.books.begin() as work:
        work.session.connection().execute(text("DELETE FROM search_token"))
    damage_one(procedure.books, "customer", "name", procedure.loan(loans[0]).customer_id)
    with procedure.books.begin() as work:
        last = make_findable(work, "")
        assert last is not None
        assert make_findable(work, last) is None
        assert len(work.search.not_found_by_any("", 10)) == 1
    with procedure.books.begin() as work, work.showing():
        assert {one.number for one in search(work, RISK, "东方").loans} == set(loans[1:])
