"""Finding customers and their loans by name, pinyin, mobile or ID number, without either lying in clear anywhere."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from books.session import UnitOfWork
from lending.errors import LendingError
from models.columns import Unopened
from models.customers import Customer
from models.loans import Loan
from models.staff import Actor
from services import audit
from services.search_words import Kind, read_query, tokens_of

MOST = 50
LOOKED_AT = 200
"""So many customers with the right digest are opened for one answer at most."""
PORTION = 200
SEARCHED = "customers_searched"
MOST_A_MINUTE = 60
"""More than a person types; who goes through all names by machine gets no further."""
MISSED = "customers_searched_in_vain"
MOST_MISSES_AN_HOUR = 20
"""Searches by number that find nobody: otherwise the hidden digits of a masked number could be tried out."""
BY_NUMBER = frozenset({Kind.MOBILE, Kind.ID_NUMBER, Kind.LAST_OF_MOBILE, Kind.LAST_OF_ID_NUMBER})


class NothingToSearch(LendingError):
    """What was typed is no name, pinyin or number that anybody could be found by."""

    code = "nothing_to_search"
    http_status = 422

    def __init__(self) -> None:
        super().__init__(
            "search by a name or part of it (two characters), by pinyin, by a whole mobile or ID number, or by the "
            "last four of either",
            fields={"query": "two characters of a name, pinyin, a whole number or its last four"},
        )


class TooManySearches(LendingError):
    """Somebody searches faster than a person types."""

    code = "too_many_searches"
    http_status = 429

    def __init__(self) -> None:
        super().__init__(
            f"at most {MOST_A_MINUTE} searches a minute, and {MOST_MISSES_AN_HOUR} an hour by numbers that nobody has; "
            "wait a little"
        )


@dataclass(frozen=True)
class Found:
    """Customers that are meant, and the loans of theirs that the searcher may see."""

    customers: Sequence[Customer]
    loans: Sequence[Loan]
    after: str | None


def search(work: UnitOfWork, actor: Actor, text: str, after: str = "", limit: int = MOST) -> Found:
    """Customers of whom the actor may see a loan, by what he typed; `after` is the last customer of the page before.

    Recorded with how many were found, not with what was typed. Raises NothingToSearch and TooManySearches.
    """
    query = read_query(text)
    if not query.words:
        raise NothingToSearch
    kinds = {kind for kind, _ in query.words}
    _check_pace(work, actor, kinds)
    candidates = work.search.customers(actor, query.tokens, after, min(limit, MOST) + 1)
    page = candidates[: min(limit, MOST)]
    customers = [one for one in page if query.means(one)]
    loans = work.search.loans(actor, [one.id for one in customers], LOOKED_AT) if customers else []
    act = MISSED if not customers and kinds <= BY_NUMBER else SEARCHED
    audit.record(work, actor, act, after={"by": sorted(kinds), "customers": len(customers), "loans": len(loans)})
    return Found(customers, loans, page[-1].id if len(candidates) > len(page) else None)


def _check_pace(work: UnitOfWork, actor: Actor, kinds: set[Kind]) -> None:
    # Held until the end: searches of the same moment are counted one after the other.
    work.staff.hold(actor.id)
    minute, hour = work.now - timedelta(minutes=1), work.now - timedelta(hours=1)
    if sum(work.audit.count_since(actor.id, act, minute) for act in (SEARCHED, MISSED)) >= MOST_A_MINUTE:
        raise TooManySearches
    if kinds <= BY_NUMBER and work.audit.count_since(actor.id, MISSED, hour) >= MOST_MISSES_AN_HOUR:
        raise TooManySearches


def make_findable(work: UnitOfWork, after: str) -> str | None:
    """Adds the digests of customers who have none, a portion of them; the last of them, None if there are no more.

    Who cannot be opened is left out: he is found once he can be and this runs again.
    """
    found = work.search.not_found_by_any(after, PORTION)
    with work.showing():
        for one in work.customers.by_id(found):
            values = (one.name, one.mobile, one.id_number)
            if not any(isinstance(value, Unopened) for value in values):
                work.search.put(one.id, tokens_of(*values))
    return found[-1] if found else None
