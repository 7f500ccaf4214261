"""Long lists of keys, asked for by several queries: databases limit the parameters of a statement."""

from collections.abc import Iterable, Iterator

MOST_NAMED = 500
"""How many keys one query names at most."""


def in_portions(keys: Iterable[str]) -> Iterator[list[str]]:
    """The different keys in their order, so many at a time as one query may name."""
    waiting = sorted(set(keys))
    for start in range(0, len(waiting), MOST_NAMED):
        yield waiting[start : start + MOST_NAMED]
