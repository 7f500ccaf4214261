"""`loanwright limits`: publications and caps by two people of risk, and what is in force."""

import json
from pathlib import Path

import pytest

from books.session import Books
from console.limits import read_rows
from lending.floating import published_rate
from lending.floating_clause import Tenor
from services.limit_changes import InvalidLimit
from services.limits import SHIPPED, limits_of, shipped_rows
from tests.console.running import Ended, loanwright
from tests.modules.applications import DAY
from tests.services.limits import SOURCE


def run(*arguments: str) -> Ended:
    return loanwright("limits", *arguments)


def rates(books: Books) -> list[str]:
    with books.read() as work:
        return [str(published_rate(limits_of(work).rates, tenor, DAY)) for tenor in Tenor]


def test_a_publication_of_both_rates_is_proposed_by_one_and_confirmed_by_another(books: Books) -> None:
    figures = ("--one-year", "2.90", "--over-five-years", "3.40")
    proposed = run("rate", str(DAY), *figures, "--actor", "risk-qian")
    assert proposed.code == 0, proposed.err
    ids = proposed.out.split()
    assert len(ids) == 2
    assert rates(books) == ["3.00", "3.50"]

    own = run("confirm", *ids, "--actor", "risk-qian")
    assert (own.code, own.out) == (1, "")
    assert "another person of risk" in own.err
    assert rates(books) == ["3.00", "3.50"]

    assert run("confirm", *ids, "--actor", "risk-shen").out.split() == ids
    assert rates(books) == ["2.90", "3.40"]
    with books.read() as work:
        refused = [(one.act, one.actor_id) for one in work.audit.page(limit=1000) if one.refused]
    assert refused == [("limit_decided", "risk-qian")]

    shown = run("show").out
    assert all(one in shown for one in ids)
    assert "open" not in shown


@pytest.mark.usefixtures("books")
def test_a_file_of_rows_is_proposed_as_a_whole_or_not_at_all(tmp_path: Path) -> None:
    file = tmp_path / "rows.json"
    good = {"since": "2027-01-01", "licence": "microloan", "lpr_multiple": "4", "source": SOURCE}
    file.write_text(json.dumps({"cost_caps": [good, good | {"licence": "microlaon"}]}), encoding="utf-8")
    arguments = ("propose", str(file), "--actor", "risk-qian", "--reason", "the way to four times the rate")
    refused = run(*arguments)
    assert (refused.code, refused.out) == (1, "")
    assert "no product is lent under this licence" in refused.err

    file.write_text(json.dumps({"cost_caps": [good]}), encoding="utf-8")
    (proposed,) = run(*arguments).out.split()
    refuse = ("refuse", proposed, "--actor", "risk-shen", "--reason", "not decided yet")
    assert run(*refuse).out.split() == [proposed]
    assert proposed not in run("show").out
    assert proposed in run("show", "--all").out


def test_the_shipped_file_has_the_form_that_is_read(tmp_path: Path) -> None:
    assert len(read_rows(SHIPPED)) == len(list(shipped_rows()))
    for text, why in (("[]", "form"), ("{", "form"), ("{}", "no rows")):
        file = tmp_path / "rows.json"
        file.write_text(text)
        with pytest.raises(InvalidLimit, match=why):
            read_rows(file)
    with pytest.raises(InvalidLimit, match="cannot be read"):
        read_rows(tmp_path / "nowhere.json")
