"""Many writers at once, in threads and in processes: none waits for ever, none loses what another wrote."""

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

from books.session import Books
from models.outbox import NumberSeries
from tests.servers.shared import ROOT

ROUNDS = 15
WRITERS = 4

# A writer of another process: takes numbers of a series, one unit of work each, and prints what it got.
WRITER = """
import sys
from books.session import Books
url, series, rounds = sys.argv[1], sys.argv[2], int(sys.argv[3])
books = Books(url)
books.clock
sys.stdout.write("ready\\n")
sys.stdout.flush()
sys.stdin.readline()
for size in range(1, rounds + 1):
    with books.begin() as work:
        first = work.outbox.next_numbers(series, size % 3 + 1)
    print(*range(first, first + size % 3 + 1))
books.close()
"""


def take(books: Books, series: str) -> list[int]:
    taken: list[int] = []
    for _ in range(ROUNDS):
        with books.begin() as work:
            first = work.outbox.next_numbers(series, 2)
        taken += [first, first + 1]
    return taken


def in_processes(books: Books, series: str) -> list[int]:
    command = [sys.executable, "-c", WRITER, books.url, series, str(ROUNDS)]
    writers = [
        subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) for _ in range(2)
    ]
    for writer in writers:
        assert writer.stdout is not None
        assert writer.stdout.readline() == "ready\n"
    for writer in writers:
        assert writer.stdin is not None
        writer.stdin.write("go\n")
        writer.stdin.flush()
    written = [writer.communicate(timeout=60)[0] for writer in writers]
    assert [writer.returncode for writer in writers] == [0, 0]
    return [int(number) for text in written for number in text.split()]


def test_threads_share_a_number_series_without_gap_or_double(books: Books) -> None:
    with ThreadPoolExecutor(WRITERS) as pool:
        taken = [number for numbers in pool.map(lambda _: take(books, "fresh"), range(WRITERS)) for number in numbers]
    assert sorted(taken) == list(range(1, WRITERS * ROUNDS * 2 + 1))


def test_processes_share_a_number_series_without_gap_or_double(books: Books) -> None:
    taken = in_processes(books, "fresh")
    assert sorted(taken) == list(range(1, len(taken) + 1))
    with books.read() as work:
        series = work.session.get(NumberSeries, "fresh")
        assert series is not None
        assert series.next == len(taken) + 1


def test_writers_that_read_first_and_write_then_lose_no_update(books: Books) -> None:
    """Such writers take the write lock too late in SQLite's own mode, and die of a deadlock that no waiting cures."""
    with books.begin() as work:
        work.outbox.next_numbers("read", 1)

    def raise_by_one(_: int) -> None:
        for _ in range(ROUNDS):
            with books.begin() as work:
                series = work.session.get(NumberSeries, "read", with_for_update=True)
                assert series is not None
                series.next += 1

    with ThreadPoolExecutor(WRITERS) as pool:
        list(pool.map(raise_by_one, range(WRITERS)))
    with books.read() as work:
        series = work.session.get(NumberSeries, "read")
        assert series is not None
        assert series.next == WRITERS * ROUNDS + 2
