"""A table that is asked about very many cases: the engine answers once for all that no cell of it tells apart."""

import re
from bisect import bisect_right
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields
from functools import partial
from operator import itemgetter
from typing import Any

from books.session import UnitOfWork
from services.policies import Answer, Version
from services.policy_tables import INTEGER, STRING, DecisionTable, Dimension

MOST_KEPT = 50_000
"""So many answers of a table are kept; of a table that tells more cases apart all others are asked for."""
_WORD = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")

Sorter = Callable[[Any], object]
"""Gives the class of a fact's value."""


@dataclass(frozen=True)
class OfMany(Version):
    """A version that keeps its answers.

    The cells of a checked table compare one fact with constants, so that they cut its values into classes. Cases whose
    facts fall into the same classes are taken by the same row; a fact that an answer repeats or reckons with counts by
    its value. So an answer that the engine gave about one of them is its answer about all.

    `values` reads the declared facts in their order, `sorters` has one for each; a fact counts by its value where that
    is None. `engine_asked` counts the cases about which the engine was, by version.
    """

    values: Callable[[Mapping[str, Any]], tuple[Any, ...]]
    types: tuple[type, ...]
    sorters: tuple[Sorter | None, ...]
    engine_asked: Counter[str]
    kept: dict[tuple[object, ...], Answer] = field(default_factory=dict)

    def ask(self, facts: Mapping[str, Any]) -> Answer:
        """The same answer, or refusal, as that of the version itself."""
        try:
            values = self.values(facts)
        except KeyError:
            return super().ask(facts)
        if tuple(map(type, values)) != self.types:
            return super().ask(facts)
        key = tuple([sorter(one) if sorter else one for sorter, one in zip(self.sorters, values, strict=True)])
        answer = self.kept.get(key)
        if answer is None:
            answer = super().ask(facts)
            self.engine_asked[self.label] += 1
            if len(self.kept) < MOST_KEPT:
                self.kept[key] = answer
        return answer


def of_many(work: UnitOfWork, version: Version, engine_asked: Counter[str] | None = None) -> OfMany:
    """A version in the books, ready to be asked about very many cases; `engine_asked` goes on counting."""
    table = DecisionTable.read(work.policies.get(version.key).content)
    names = [fact for fact, _ in version.declared]
    repeated = set(_repeated(table))
    return OfMany(
        **{one.name: getattr(version, one.name) for one in fields(Version)},
        values=_reader(names),
        types=tuple(kind for _, kind in version.declared),
        engine_asked=Counter() if engine_asked is None else engine_asked,
        sorters=tuple(None if fact in repeated else _sorter(table.dimensions.get(fact)) for fact in names),
    )


def _reader(names: Sequence[str]) -> Callable[[Mapping[str, Any]], tuple[Any, ...]]:
    if len(names) == 1:
        return lambda facts: (facts[names[0]],)
    return itemgetter(*names)


def _repeated(table: DecisionTable) -> Iterator[str]:
    """The facts that stand in an answer. A word that only happens to be one of them does no harm."""
    for column in table.outputs:
        for row in table.rows:
            yield from (word for word in _WORD.findall(row.get(column.id, "")) if word in table.declared)


def _sorter(dimension: Dimension | None) -> Sorter | None:
    if dimension is None:
        return _any
    if dimension.kind == INTEGER:
        return partial(bisect_right, [one for one in dimension.classes[1:] if isinstance(one, int)])
    if dimension.kind == STRING:
        return {word: word for word in dimension.classes[:-1]}.get
    return None


def _any(_: object) -> None:
    """No cell asks for the fact."""
