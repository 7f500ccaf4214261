"""The outbox: claimed under a lease, delivered at least once, put back when it failed."""

from datetime import UTC, datetime, timedelta

import pytest

from books.session import Books
from models.outbox import OutboxRow, Topic

NOW = datetime(2026, 1, 5, 2, tzinfo=UTC)
LEASE = timedelta(seconds=30)


def put(books: Books, *keys: str, at: datetime = NOW) -> None:
    with books.begin() as work:
        for key in keys:
            work.outbox.put(Topic.SMS, key, {"contact": key}, at)


def claim(books: Books, now: datetime = NOW, limit: int = 50) -> list[OutboxRow]:
    with books.begin() as work:
        return work.outbox.claim(now, limit, LEASE)


def keys(rows: list[OutboxRow]) -> list[str]:
    return [row.key for row in rows]


def test_the_oldest_message_leaves_first_and_none_twice_within_the_lease(books: Books) -> None:
    put(books, "c", at=NOW - timedelta(seconds=1))
    put(books, "a", "b")
    assert keys(claim(books, limit=2)) == ["c", "a"]
    assert keys(claim(books, NOW + LEASE - timedelta(seconds=1))) == ["b"]
    assert claim(books, NOW + LEASE - timedelta(seconds=1)) == []


def test_two_dispatchers_that_claim_at_the_same_moment_get_different_messages(books: Books) -> None:
    if books.is_sqlite:
        put(books, "a", "b")
        other = Books(books.url)
        assert keys(claim(books, limit=1)) + keys(claim(other, limit=1)) == ["a", "b"]
        other.close()
        return
    put(books, "a", "b", "c")
    with books.begin() as first:
        mine = first.outbox.claim(NOW, 2, LEASE)
        # Claimed but not yet committed: the other one neither waits for these rows nor gets them.
        theirs = claim(books)
    assert (keys(mine), keys(theirs)) == (["a", "b"], ["c"])


def test_the_messages_of_a_dead_dispatcher_come_back_after_the_lease(books: Books) -> None:
    put(books, "a")
    assert [row.attempts for row in claim(books)] == [1]
    again = claim(books, NOW + LEASE)
    assert [(row.key, row.attempts) for row in again] == [("a", 2)]


def test_a_claim_that_was_not_committed_takes_nothing(books: Books) -> None:
    put(books, "a")

    def die() -> None:
        with books.begin() as work:
            assert keys(work.outbox.claim(NOW, 50, LEASE)) == ["a"]
            raise RuntimeError

    with pytest.raises(RuntimeError):
        die()
    assert keys(claim(books)) == ["a"]


def test_a_delivered_message_never_comes_back(books: Books) -> None:
    put(books, "a")
    (row,) = claim(books)
    with books.begin() as work:
        work.outbox.done([row.id], NOW)
    assert claim(books, NOW + timedelta(days=1)) == []
    with books.read() as work:
        assert work.outbox.waiting() == 0
        assert not work.outbox.is_due(NOW + timedelta(days=1))
        assert work.outbox.has("a")


def test_a_message_that_failed_waits_until_its_time_and_says_why(books: Books) -> None:
    put(books, "a")
    (row,) = claim(books)
    with books.begin() as work:
        work.outbox.later(row.id, NOW + timedelta(minutes=5), "x" * 100)
    assert claim(books, NOW + timedelta(minutes=4)) == []
    (row,) = claim(books, NOW + timedelta(minutes=5))
    assert (row.attempts, row.last_error) == (2, "x" * 64)


def test_a_message_for_later_is_not_due_before(books: Books) -> None:
    put(books, "a", at=NOW + timedelta(hours=1))
    with books.read() as work:
        assert not work.outbox.is_due(NOW)
        assert work.outbox.is_due(NOW + timedelta(hours=1))
        assert work.outbox.waiting() == 1
    assert claim(books) == []
