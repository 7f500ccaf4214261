"""How often a door may be tried, and by whom; counted in the books, where every process sees it."""

from datetime import datetime, timedelta

import pytest

from books.session import Books
from services.sign_in_tries import (
    FREE_TRIES,
    LONGEST_WAIT_SECONDS,
    Door,
    TooManyTries,
    Try,
    forget_messages,
    give_back,
    give_back_asked,
    may_send,
    note_asked,
    take,
)

NOW = datetime.fromisoformat("2026-11-23T08:00:00+00:00")
LOAN = "L26000001"
HERE, ELSEWHERE = "10.0.0.1", "10.0.0.2"
MOBILE = "19912345678"
BROWSER = "b" * 64
MINUTE = timedelta(minutes=1)


def taken(
    books: Books, address: str | None = HERE, *, door: Door = Door.DEMO, of: str = LOAN, at: datetime = NOW
) -> Try:
    with books.begin(at) as work:
        return take(work, door, of, address)


def test_five_tries_lock_an_account_for_the_address_that_they_came_from(books: Books) -> None:
    for _ in range(5):
        taken(books)

    with pytest.raises(TooManyTries) as refused:
        taken(books)
    assert refused.value.seconds == 15 * 60
    taken(books, ELSEWHERE)


def test_the_wait_grows_to_an_hour_and_to_a_day(books: Books) -> None:
    for again in (NOW, NOW + 16 * MINUTE):
        for _ in range(5):
            taken(books, at=again)
    with pytest.raises(TooManyTries) as refused:
        taken(books, at=NOW + 32 * MINUTE)
    assert refused.value.seconds == 28 * 60

    for again in (NOW + 61 * MINUTE, NOW + 77 * MINUTE):
        for _ in range(5):
            taken(books, at=again)
    with pytest.raises(TooManyTries) as refused:
        taken(books, at=NOW + timedelta(hours=3))
    assert refused.value.seconds == 21 * 3600
    taken(books, at=NOW + timedelta(days=1))


def test_an_address_that_tries_one_account_after_another_is_locked_for_all(books: Books) -> None:
    for n in range(20):
        taken(books, of=f"L2600{n:04}")

    with pytest.raises(TooManyTries):
        taken(books)
    taken(books, ELSEWHERE)


def test_a_refused_try_does_not_make_the_wait_longer(books: Books) -> None:
    for _ in range(5):
        taken(books)
    for _ in range(20):
        with pytest.raises(TooManyTries):
            taken(books)

    taken(books, at=NOW + 15 * MINUTE)


def test_tries_from_everywhere_slow_an_account_down_and_never_lock_it(books: Books) -> None:
    waits = [taken(books, f"10.0.1.{n}").wait_seconds for n in range(FREE_TRIES + 20)]

    assert waits[:FREE_TRIES] == [0] * FREE_TRIES
    assert waits[FREE_TRIES : FREE_TRIES + 3] == [1, 2, 3]
    assert waits[-1] == LONGEST_WAIT_SECONDS
    assert taken(books, of="L26000002").wait_seconds == 0


@pytest.mark.parametrize("door", [Door.MOBILE, Door.MOBILE_CODE, Door.PROVIDER])
def test_visitors_who_name_nobody_do_not_slow_each_other_down(books: Books, door: Door) -> None:
    waits = [taken(books, f"10.0.1.{n}", door=door, of="").wait_seconds for n in range(2 * FREE_TRIES)]

    assert set(waits) == {0}


def test_who_knows_the_password_is_locked_at_the_second_factor_from_wherever_he_comes(books: Books) -> None:
    for n in range(5):
        taken(books, f"10.0.1.{n}", door=Door.SECOND_FACTOR, of="agent-lin")

    with pytest.raises(TooManyTries):
        taken(books, "10.0.1.9", door=Door.SECOND_FACTOR, of="agent-lin")


def test_a_try_that_was_right_is_not_counted(books: Books) -> None:
    for _ in range(12):
        right = taken(books)
        with books.begin(NOW) as work:
            give_back(work, right)


def test_doors_are_counted_apart(books: Books) -> None:
    for _ in range(5):
        taken(books)

    taken(books, door=Door.STAFF)


@pytest.mark.parametrize(
    ("first", "second", "same"),
    [
        ("2001:db8::1", "2001:db8::ffff:2", True),
        ("2001:db8::1", "2001:db8:0:ff::1", True),
        ("2001:db8::1", "2001:db8:0:100::1", False),
        ("::ffff:10.0.0.1", "10.0.0.1", True),
        ("::ffff:10.0.0.1", "::ffff:10.0.0.2", False),
        (None, None, True),
    ],
)
def test_a_subscribers_addresses_are_counted_as_one(
    books: Books, first: str | None, second: str | None, same: bool
) -> None:
    for _ in range(5):
        taken(books, first)

    if same:
        with pytest.raises(TooManyTries):
            taken(books, second)
    else:
        taken(books, second)


def sent(
    books: Books, at: datetime = NOW, *, mobile: str = MOBILE, address: str = HERE, known: str | None = None
) -> bool:
    with books.begin(at) as work:
        return may_send(work, mobile, address, known)


def test_a_mobile_is_sent_a_code_a_minute_and_ten_a_day_for_one_address(books: Books) -> None:
    assert [sent(books), sent(books), sent(books, mobile="19912345679")] == [True, False, True]
    assert [sent(books, NOW + n * MINUTE) for n in range(1, 12)] == [True] * 9 + [False] * 2
    assert not sent(books, NOW + timedelta(hours=23, minutes=59))
    assert sent(books, NOW + timedelta(days=1))


def test_a_stranger_does_not_keep_a_borrower_from_his_codes(books: Books) -> None:
    """Neither by asking often at once nor by asking all day: at most for a minute, ten times a day."""
    asked = [sent(books) for _ in range(50)]
    assert asked == [True] + [False] * 49
    assert sent(books, NOW + MINUTE, address=ELSEWHERE)
    assert sum(sent(books, NOW + n * MINUTE) for n in range(2, 60)) == 9

    assert sent(books, NOW + timedelta(hours=1), address=ELSEWHERE)


def test_strangers_everywhere_have_thirty_codes_a_day_of_a_mobile_and_none_of_its_owners_browser(books: Books) -> None:
    asked = [sent(books, NOW + n * MINUTE, address=f"10.0.1.{n}") for n in range(40)]
    assert asked == [True] * 30 + [False] * 10
    later = NOW + timedelta(hours=1)

    assert not sent(books, later, address=ELSEWHERE)
    assert [sent(books, later, known="aa"), sent(books, later, known="aa")] == [True, False]
    assert sum(sent(books, later + n * MINUTE, known="aa") for n in range(1, 20)) == 9


def test_a_mobile_is_sent_codes_again_once_somebody_saw_to_it(books: Books) -> None:
    for n in range(30):
        assert sent(books, NOW + n * MINUTE, address=f"10.0.1.{n}")
    later = NOW + timedelta(hours=1)
    assert not sent(books, later)
    with books.begin(later) as work:
        forget_messages(work, MOBILE)

    assert sent(books, later)


@pytest.mark.parametrize(
    ("address", "door", "bound"),
    [
        ("10.0.0.1", Door.MOBILE, 100),
        ("::ffff:10.0.0.1", Door.MOBILE, 100),
        ("2001:db8::1", Door.MOBILE, 20),
        (None, Door.MOBILE, 20),
        ("10.0.0.1", Door.MOBILE_CODE, 50),
        ("2001:db8::1", Door.MOBILE_CODE, 20),
        ("10.0.0.1", Door.MACHINE, 20),
    ],
)
def test_an_address_that_a_mobile_network_shares_has_more_tries(
    books: Books, address: str | None, door: Door, bound: int
) -> None:
    with books.begin(NOW) as work:
        for n in range(bound):
            take(work, door, f"one {n}" if door is Door.MACHINE else "", address)

    with pytest.raises(TooManyTries):
        taken(books, address, door=door, of="")


def asks(books: Books, visitor: str, address: str = HERE) -> None:
    with books.begin(NOW) as work:
        take(work, Door.MOBILE, "", address)
        note_asked(work, visitor, address, 5 * MINUTE)


def gives_back(books: Books, visitor: str, address: str = HERE, at: datetime = NOW) -> None:
    with books.begin(at) as work:
        give_back_asked(work, visitor, address)


def left(books: Books) -> int:
    """How often somebody may still ask from here."""
    for n in range(200):
        try:
            taken(books, door=Door.MOBILE, of="")
        except TooManyTries:
            return n
    return 200


def test_borrowers_who_come_in_use_up_nothing_of_an_address(books: Books) -> None:
    for n in range(150):
        asks(books, f"{n:064}")
        gives_back(books, f"{n:064}")

    assert left(books) == 100


def test_one_right_code_gives_one_try_back_and_only_where_it_was_asked_for(books: Books) -> None:
    for _ in range(10):
        asks(books, BROWSER)
    asks(books, "c" * 64)
    gives_back(books, "c" * 64, ELSEWHERE)
    gives_back(books, BROWSER)
    gives_back(books, BROWSER)
    gives_back(books, "c" * 64, at=NOW + 6 * MINUTE)

    assert left(books) == 90


def test_the_books_hold_neither_account_nor_address_of_a_try(books: Books) -> None:
    taken(books)
    with books.engine.connect() as connection:
        rows = connection.exec_driver_sql("SELECT key FROM try_count").scalars().all()

    assert len(rows) == 6
    assert all(LOAN not in row and HERE not in row for row in rows)


def test_tries_at_the_same_time_cannot_exceed_a_bound_together(books: Books, monkeypatch: pytest.MonkeyPatch) -> None:
    # As if each had looked before any of the others was counted.
    monkeypatch.setattr("limits.strategies.FixedWindowRateLimiter.test", lambda *_: True)
    for _ in range(5):
        taken(books)

    with pytest.raises(TooManyTries):
        taken(books)
