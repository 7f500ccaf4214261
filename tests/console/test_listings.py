"""`loanwright screening`: the lender's own list by two people of risk, from the operator's command."""

from books.session import Books
from models.screening import ListingStatus
from services.listings import listing_states, propose_entry
from tests.console.running import Ended, loanwright
from tests.services.procedure import RISK


def run(*arguments: str) -> Ended:
    return loanwright("screening", *arguments)


def statuses(books: Books) -> list[ListingStatus]:
    with books.begin() as work:
        return [one.status for one in listing_states(work, RISK)]


def test_a_firm_is_put_on_the_list_and_taken_off_by_two(books: Books) -> None:
    firm = ("--name", "某某贸易有限公司", "--since", "2026-11-20", "--until", "2027-11-20")
    proposed = run("add", *firm, "--actor", "risk-qian", "--reason", "unpaid invoices")
    assert proposed.code == 0, proposed.err
    (entry,) = proposed.out.split()
    own = run("confirm", entry, "--actor", "risk-qian", "--reason", "sure")
    assert (own.code, own.out) == (1, "")
    assert "another person of risk" in own.err
    assert run("confirm", entry, "--actor", "risk-shen", "--reason", "looked").out.split() == [entry]
    assert statuses(books) == [ListingStatus.IN_FORCE]
    listed = run("list", "--actor", "auditor-wei")
    assert "2026-11-20" in listed.out
    assert run("remove", entry, "--actor", "risk-shen", "--reason", "paid").out.split() == [entry]
    assert statuses(books) == [ListingStatus.REMOVING]


def test_brackets_in_what_somebody_wrote_are_shown_as_they_are(books: Books) -> None:
    with books.begin() as work:
        said = {"name": "某某[上海]贸易公司", "reason": "see [1] and [/red]"}
        entry = propose_entry(work, RISK, **said, id_number=None, valid_from=None, valid_until=None).id

    listed = run("list", "--actor", "auditor-wei")

    assert listed.code == 0, listed.err
    assert entry in listed.out
    assert "某某[上海]贸易公司" in listed.out
    assert "see [1] and [/red]" in listed.out
