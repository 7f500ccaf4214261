"""Limits and published rates: who brings them in, when they count, and what is refused."""

from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from lending.floating import published_rate
from lending.floating_clause import Tenor
from models.audit import AuditEntry
from models.limits import LimitKind, LimitOutcome, LimitStatus
from services.errors import NotAllowed
from services.limit_changes import (
    InvalidLimit,
    LimitDecided,
    LimitRepeated,
    LimitState,
    OwnLimit,
    UnknownLimit,
    decide_limit,
    limit_states,
    propose_limit,
    ship_limits,
)
from services.limits import limits_of, shipped_rows
from services.products import UnknownProduct, catalogue
from tests.modules.applications import DAY
from tests.services.limits import FIRST, SECOND, SOURCE, cap, enter, publish
from tests.services.procedure import ADMIN, AGENT, FINANCE, MANAGER, Procedure

RATE = {"tenor": "one_year", "on": "2026-01-05", "percent": "2.90"}
CAP = {"since": "2027-01-01", "licence": "microloan", "lpr_multiple": "4", "source": SOURCE}


def proposed(procedure: Procedure, row: dict[str, Any], kind: LimitKind = LimitKind.PRIME_RATE) -> LimitState:
    with procedure.at() as work:
        return propose_limit(work, FIRST, kind, row, "published today")


def one_year(procedure: Procedure, day: date) -> str:
    with procedure.books.read() as work:
        return str(published_rate(limits_of(work).rates, Tenor.ONE_YEAR, day))


def entries_about(procedure: Procedure, limit: LimitState) -> list[AuditEntry]:
    with procedure.books.read() as work:
        return [one for one in work.audit.page(limit=1000) if one.subject == limit.id]


def test_the_shipped_rows_are_in_the_books_once_however_often_they_are_seeded(procedure: Procedure) -> None:
    with procedure.at() as work:
        ship_limits(work)
        states = limit_states(work)
        assert len(states) == len(list(shipped_rows())) > 30
        assert {(one.status, one.proposed_by, one.decided_by) for one in states} == {
            (LimitStatus.IN_FORCE, "shipped", "system")
        }
        (shipped,) = [one for one in work.audit.page(limit=1000) if one.act == "limits_shipped"]
        assert shipped.after == {"rows": len(states)}
        limits = limits_of(work)
        auto, micro = catalogue().product("auto"), catalogue().product("micro")
        assert {limits.cost_cap(one, DAY).percent for one in (auto, micro)} == {Decimal(24)}
        assert limits.own_card(micro, DAY).scope.since == date(2024, 7, 1)
    assert one_year(procedure, DAY) == "3.00"
    assert one_year(procedure, date(2024, 10, 20)) == "3.35"


def test_a_rate_counts_once_a_second_person_has_put_it_in_force_and_each_act_is_recorded(procedure: Procedure) -> None:
    waiting = proposed(procedure, RATE)
    assert (waiting.status, waiting.corrects) == (LimitStatus.OPEN, None)
    assert one_year(procedure, DAY) == "3.00"
    with procedure.at() as work:
        entered = decide_limit(work, SECOND, waiting.id, LimitOutcome.APPROVE, "as on the bank's page")
    assert (entered.status, entered.decided_by) == (LimitStatus.IN_FORCE, SECOND.id)
    assert one_year(procedure, DAY) == "2.90"
    assert one_year(procedure, date(2026, 1, 4)) == "3.00"
    with procedure.books.read() as work:
        acts = [
            (one.act, one.actor_id, one.subject) for one in work.audit.page(limit=1000) if one.subject == waiting.id
        ]
    assert sorted(acts) == [
        ("limit_decided", SECOND.id, waiting.id),
        ("limit_proposed", FIRST.id, waiting.id),
    ]


def test_a_refused_row_never_counts_and_may_be_proposed_anew(procedure: Procedure) -> None:
    waiting = proposed(procedure, RATE)
    with procedure.at() as work:
        refused = decide_limit(work, SECOND, waiting.id, LimitOutcome.REFUSE, "it says 2.95")
    assert (refused.status, refused.corrects) == (LimitStatus.REFUSED, None)
    assert one_year(procedure, DAY) == "3.00"
    assert proposed(procedure, RATE).status is LimitStatus.OPEN


def test_a_row_of_the_same_day_and_scope_corrects_the_earlier_one(procedure: Procedure) -> None:
    wrong = publish(procedure.books, "2026-01-05", "29.0")
    right = proposed(procedure, RATE)
    assert right.corrects == wrong.id
    with procedure.at() as work:
        decide_limit(work, SECOND, right.id, LimitOutcome.APPROVE, "a slip of the comma")
        status = {one.id: one.status for one in limit_states(work)}
        assert (status[wrong.id], status[right.id]) == (LimitStatus.REPLACED, LimitStatus.IN_FORCE)
        (entry,) = [
            one for one in work.audit.page(limit=1000) if one.act == "limit_decided" and one.subject == right.id
        ]
        assert entry.before == {"in_force": wrong.id}
    assert one_year(procedure, DAY) == "2.90"


def test_a_later_version_of_the_code_does_not_undo_what_the_house_entered_itself(procedure: Procedure) -> None:
    publish(procedure.books, "2025-05-20", "3.05")
    with procedure.at() as work:
        ship_limits(work)
    assert one_year(procedure, DAY) == "3.05"


def test_a_cap_may_begin_on_a_day_to_come_and_end_an_earlier_one(procedure: Procedure) -> None:
    enter(procedure.books, LimitKind.COST_CAP, CAP)
    with procedure.books.read() as work:
        limits = limits_of(work)
    micro = catalogue().product("micro")
    assert limits.cost_cap(micro, date(2026, 12, 31)).percent == 24
    assert limits.cost_cap(micro, date(2027, 1, 1)).percent == 12


def test_a_cap_is_asked_for_the_moment_it_is_in_force(procedure: Procedure) -> None:
    first, second = procedure.graded(), procedure.graded()
    procedure.decide(first)
    cap(procedure.books, "5")
    with pytest.raises(Exception, match=r"at most 5 % are allowed"):
        procedure.decide(second)


@pytest.mark.parametrize(
    ("kind", "changed", "field"),
    [
        (LimitKind.PRIME_RATE, {"on": "2026-01-06"}, "on"),
        (LimitKind.PRIME_RATE, {"percent": "2,90"}, "percent"),
        (LimitKind.PRIME_RATE, {"percent": "-1"}, "percent"),
        (LimitKind.PRIME_RATE, {"tenor": "ten_years"}, "tenor"),
        (LimitKind.PRIME_RATE, {"rate": "2.90"}, "rate"),
        (LimitKind.COST_CAP, {"percent": "24"}, "row"),
        (LimitKind.COST_CAP, {"lpr_multiple": None}, "row"),
        (LimitKind.COST_CAP, {"until": "2026-12-31"}, "row"),
        (LimitKind.COST_CAP, {"licence": "microlaon"}, "licence"),
        (LimitKind.COST_CAP, {"source": {"en": "", "zh": "无"}}, "source.en"),
        (LimitKind.OWN_CARD, {"most": "about 5"}, "most"),
    ],
)
def test_a_row_that_cannot_be_is_refused_by_its_field(
    procedure: Procedure, kind: LimitKind, changed: dict[str, Any], field: str
) -> None:
    good = RATE if kind is LimitKind.PRIME_RATE else CAP
    if kind is LimitKind.OWN_CARD:
        good = {name: value for name, value in CAP.items() if name != "lpr_multiple"}
    with pytest.raises(InvalidLimit) as refused:
        proposed(procedure, good | changed, kind)
    assert field in refused.value.fields


def test_a_cap_for_a_product_that_nobody_offers_is_refused(procedure: Procedure) -> None:
    with pytest.raises(UnknownProduct):
        proposed(procedure, CAP | {"product": "yacht"}, LimitKind.COST_CAP)


def test_one_row_at_a_time_waits_for_a_day_and_scope_and_none_repeats_what_is_in_force(procedure: Procedure) -> None:
    waiting = proposed(procedure, RATE)
    for percent in ("2.90", "2.95"):
        with pytest.raises(LimitRepeated, match=waiting.id):
            proposed(procedure, RATE | {"percent": percent})
    with procedure.at() as work:
        decide_limit(work, SECOND, waiting.id, LimitOutcome.APPROVE, "so it is")
    with pytest.raises(LimitRepeated, match="in force"):
        proposed(procedure, RATE)


def test_nobody_puts_his_own_row_in_force_nor_one_that_is_decided_or_unknown(procedure: Procedure) -> None:
    waiting = proposed(procedure, RATE)
    with procedure.at() as work, pytest.raises(OwnLimit):
        decide_limit(work, FIRST, waiting.id, LimitOutcome.APPROVE, "mine")
    with procedure.at() as work, pytest.raises(InvalidLimit):
        decide_limit(work, SECOND, waiting.id, LimitOutcome.APPROVE, " ")
    with procedure.at() as work:
        decide_limit(work, SECOND, waiting.id, LimitOutcome.APPROVE, "so it is")
    with procedure.at() as work, pytest.raises(LimitDecided):
        decide_limit(work, SECOND, waiting.id, LimitOutcome.REFUSE, "after all")
    with procedure.at() as work, pytest.raises(UnknownLimit):
        decide_limit(work, SECOND, "0" * 32, LimitOutcome.APPROVE, "which")


@pytest.mark.parametrize("actor", [ADMIN, AGENT, FINANCE, MANAGER], ids=lambda actor: actor.role.value)
def test_risk_alone_proposes_and_decides(procedure: Procedure, actor: Any) -> None:
    waiting = proposed(procedure, RATE)
    with procedure.at() as work, pytest.raises(NotAllowed, match="keep limits"):
        propose_limit(work, actor, LimitKind.COST_CAP, CAP, "why not")
    with procedure.at() as work, pytest.raises(NotAllowed, match="keep limits"):
        decide_limit(work, actor, waiting.id, LimitOutcome.APPROVE, "why not")


def test_the_database_wants_two_people(procedure: Procedure) -> None:
    waiting = proposed(procedure, RATE)
    own = text(
        "INSERT INTO limit_decision (proposal_id, outcome, reason, decided_by, decided_at) "
        f"VALUES ('{waiting.id}', 'approve', 'x', '{FIRST.id}', '2026-01-05 00:00:00')"
    )
    with pytest.raises(DBAPIError, match="does not decide"), procedure.books.engine.begin() as connection:
        connection.execute(own)
