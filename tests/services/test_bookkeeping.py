"""The ledger as people read it: the trial balance, an account's postings page by page, and how far each month is."""

from datetime import date, timedelta

import pytest

from models import ledger as chart
from models.staff import Actor
from services.bookkeeping import UnknownLedgerAccount, months, postings_of, trial_balance_on
from services.errors import InvalidPeriod, NotAllowed
from services.periods import close_period
from tests.modules.applications import DAY
from tests.services.month_ends import booked_in_december, end_months
from tests.services.procedure import ADMIN, AGENT, AUDITOR, FINANCE, MANAGER, RISK, Procedure

FEBRUARY, MARCH = date(2026, 2, 1), date(2026, 3, 1)


def test_postings_of_an_account_come_newest_first_a_page_at_a_time(procedure: Procedure) -> None:
    loan = procedure.running()
    for fen in (100, 200, 300):
        procedure.deposit(loan, fen)
        procedure.advance(loan)
    with procedure.at() as work:
        every = postings_of(work, AUDITOR, chart.UNALLOCATED, DAY, DAY)
        assert {chart.UNALLOCATED in (one.debit, one.credit) for one in every} == {True}
        assert sum(one.amount_fen for one in every if one.credit == chart.UNALLOCATED) == 600
        first = postings_of(work, FINANCE, chart.UNALLOCATED, DAY, DAY, limit=2)
        rest = postings_of(work, FINANCE, chart.UNALLOCATED, DAY, DAY, after=first[-1].id)
        assert [*first, *rest] == every
        assert [one.id for one in every] == sorted((one.id for one in every), reverse=True)
        before = DAY - timedelta(days=1)
        assert postings_of(work, FINANCE, chart.UNALLOCATED, before, before) == []


def test_an_account_that_is_none_and_a_period_that_is_none_are_refused(procedure: Procedure) -> None:
    with procedure.at() as work:
        with pytest.raises(UnknownLedgerAccount):
            postings_of(work, FINANCE, "777", DAY, DAY)
        for first, last in ((MARCH, FEBRUARY), (date(2020, 1, 1), MARCH)):
            with pytest.raises(InvalidPeriod):
                postings_of(work, FINANCE, chart.BANK, first, last)


def test_a_month_goes_from_open_to_ended_to_closed(procedure: Procedure) -> None:
    procedure.running()
    with procedure.at(FEBRUARY) as work:
        february, january = months(work, RISK)
        assert (str(february.month), str(january.month)) == ("2026-02", "2026-01")
        assert (january.ended, january.can_be_closed) == (None, False)
    end_months(procedure, FEBRUARY)
    with procedure.at(FEBRUARY) as work:
        february, january = months(work, FINANCE)
        assert (january.can_be_closed, february.can_be_closed, january.closed) == (True, False, None)
        assert january.ended is not None
        close_period(work, FINANCE, "2026-01")
    with procedure.at(FEBRUARY) as work:
        _, january = months(work, AUDITOR)
        assert january.closed is not None
        assert (january.closed.closed_by, january.can_be_closed) == (FINANCE.id, False)


def test_the_running_month_is_not_closed_even_if_nothing_is_to_be_posted_at_its_end(procedure: Procedure) -> None:
    booked_in_december(procedure)
    with procedure.at() as work:
        assert [one.can_be_closed for one in months(work, FINANCE)] == [False, True]
        close_period(work, FINANCE, "2025-12")
    with procedure.at() as work:
        assert [one.can_be_closed for one in months(work, FINANCE)] == [False, False]


def test_a_month_shows_its_tax_provisions_and_loans_that_do_not_accrue(procedure: Procedure) -> None:
    loan = procedure.running()
    for month in (2, 3, 4, 5):
        procedure.day = date(2026, month, 5)
        procedure.advance(loan)
    procedure.day = date(2026, 5, 31)
    procedure.advance(loan)
    procedure.day = date(2026, 6, 1)
    end_months(procedure)
    with procedure.at() as work:
        shown = {str(one.month): one for one in months(work, FINANCE)}
        rows = {month: work.periods.month_ends(month, [loan])[loan] for month in ("2026-04", "2026-05")}
        tax = {
            month: sum(
                (one.amount_fen if one.credit == chart.VAT_PAYABLE else -one.amount_fen)
                for one in postings_of(work, FINANCE, chart.VAT_PAYABLE, shown[month].month.first, day)
            )
            for month, day in (("2026-04", date(2026, 4, 30)), ("2026-05", date(2026, 5, 31)))
        }
    assert (shown["2026-04"].figures.non_accrual, shown["2026-05"].figures.non_accrual) == (0, 1)
    for name, row in rows.items():
        figures = shown[name].figures
        assert (figures.loans, figures.provision_fen) == (1, row.provision_fen)
        assert figures.suspended_fen == row.suspended_interest_fen + row.suspended_penalty_fen
        assert shown[name].vat_fen == tax[name] > 0
    assert shown["2026-05"].figures.suspended_fen > 0


@pytest.mark.parametrize("actor", [AGENT, MANAGER, ADMIN], ids=lambda actor: actor.role)
def test_the_ledger_is_for_who_may_see_the_funds(procedure: Procedure, actor: Actor) -> None:
    with procedure.at() as work:
        for read in (
            lambda: trial_balance_on(work, actor, DAY),
            lambda: postings_of(work, actor, chart.BANK, DAY, DAY),
            lambda: months(work, actor),
        ):
            with pytest.raises(NotAllowed):
                read()
