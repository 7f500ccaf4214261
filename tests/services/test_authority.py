"""Bands of amounts: who decides how much, from which day on."""

from datetime import date

import pytest

from models.changes import ChangeKind
from models.staff import Role
from services.authority import Authority, authority
from services.errors import BeyondAuthority

DAY = date(2026, 1, 20)
TABLE = Authority.parse(
    {
        "expires_after_days": 3,
        "bands": [
            {"valid_from": "2020-01-01", "kind": "fee", "up_to": "100.00", "decided_by": "risk", "people": 1},
            {"valid_from": "2020-01-01", "kind": "fee", "up_to": "500.00", "decided_by": "risk", "people": 2},
            {"valid_from": "2026-02-01", "kind": "fee", "up_to": "200.00", "decided_by": "risk", "people": 1},
            {"valid_from": "2020-01-01", "kind": "waiver", "up_to": None, "decided_by": "risk", "people": 2},
            {"valid_from": "2020-01-01", "kind": "waiver", "up_to": "9.00", "decided_by": "risk", "people": 1},
        ],
    }
)


def test_an_amount_is_decided_in_the_smallest_band_that_holds_it() -> None:
    assert TABLE.band(ChangeKind.FEE, 10_000, DAY).people == 1
    assert TABLE.band(ChangeKind.FEE, 10_001, DAY).people == 2
    assert TABLE.band(ChangeKind.WAIVER, 900, DAY).people == 1
    assert TABLE.band(ChangeKind.WAIVER, 10**12, DAY).people == 2


def test_what_no_band_holds_is_beyond_everybodys_authority() -> None:
    with pytest.raises(BeyondAuthority, match=r"more than 500\.00"):
        TABLE.band(ChangeKind.FEE, 50_001, DAY)
    with pytest.raises(BeyondAuthority, match=r"more than 0\.00"):
        TABLE.band(ChangeKind.WRITE_OFF, 1, DAY)


def test_bands_of_a_later_date_take_the_place_of_all_before_them() -> None:
    assert TABLE.band(ChangeKind.FEE, 20_000, date(2026, 2, 1)).people == 1
    with pytest.raises(BeyondAuthority, match=r"more than 200\.00"):
        TABLE.band(ChangeKind.FEE, 30_000, date(2026, 2, 1))


def test_the_shipped_table_lets_risk_decide_changes_and_finance_nothing_but_corrections() -> None:
    assert {band.kind for band in authority().bands} == set(ChangeKind)
    for band in authority().bands:
        assert band.decided_by is (Role.FINANCE if band.kind is ChangeKind.CORRECTION else Role.RISK)
