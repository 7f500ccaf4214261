"""Quotes for prepayments: what they name, how long they hold, and the transfer that takes one."""

from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal

import pytest

from lending.events import EventType, PrepaymentEffect
from lending.terms import PrepaymentFee, Terms
from models.loans import Stage
from models.prepayments import PrepaymentQuote
from models.products import LoanCase
from models.staff import Actor
from services.errors import InvalidPrepayment, NotAllowed, WrongStage
from services.prepayments import MOST_VALID_QUOTES, TooManyQuotes, clearing_figures, figures, quote
from services.products import Catalogue, _Installed, catalogue
from tests.services.procedure import AUDITOR, INTEGRATOR, Procedure

SHORTER = PrepaymentEffect.REDUCE_TERM
LESS = PrepaymentEffect.REDUCE_INSTALLMENT

Quoted = Callable[..., PrepaymentQuote]


@pytest.fixture
def loan(procedure: Procedure) -> str:
    """A microloan of 12,000 yuan at 7.2 %, paid out on 5 January 2026, looked at ten days later."""
    number = procedure.running()
    procedure.day = date(2026, 1, 15)
    return number


@pytest.fixture
def costly_loan(procedure: Procedure, monkeypatch: pytest.MonkeyPatch) -> str:
    """The same under a contract that asks 2 % of principal that comes back before 2027."""
    micro = catalogue().product("micro")

    def terms(case: LoanCase) -> Terms:
        return replace(micro.terms(case), prepayment_fee=PrepaymentFee(Decimal(2), date(2026, 12, 31)))

    monkeypatch.setattr(_Installed, "catalogue", Catalogue((replace(micro, terms=terms),)))
    number = procedure.running()
    procedure.day = date(2026, 1, 15)
    return number


@pytest.fixture
def quoted(procedure: Procedure) -> Quoted:
    """Asks for a quote, as the integrator and for ten days unless said otherwise."""

    def ask(
        number: str,
        fen: int | None = None,
        *,
        effect: PrepaymentEffect = LESS,
        days: int = 10,
        actor: Actor = INTEGRATOR,
    ) -> PrepaymentQuote:
        with procedure.at() as work:
            return quote(work, actor, work.loans.get(number), fen, effect, procedure.day + timedelta(days=days))[0]

    return ask


def test_a_quote_names_what_clears_the_loan_on_its_dearest_day(procedure: Procedure, loan: str, quoted: Quoted) -> None:
    kept = quoted(loan)
    with procedure.at() as work:
        days = clearing_figures(work, work.loans.get(loan), procedure.day, procedure.day + timedelta(days=10))
        today = figures(work, work.loans.get(loan), None, LESS)
    assert kept.settles
    assert kept.amount_fen == days[-1][1] > days[0][1] == today.amount_fen
    assert "prepayment_quoted" in procedure.acts(loan)


def test_a_transfer_of_the_sum_quoted_settles_and_what_was_too_much_comes_back(
    procedure: Procedure, loan: str, quoted: Quoted
) -> None:
    kept = quoted(loan)
    procedure.day += timedelta(days=4)
    owed = procedure.account(loan).settlement_fen
    procedure.deposit(loan, kept.amount_fen)
    procedure.advance(loan)
    assert procedure.loan(loan).stage is Stage.SETTLED
    assert procedure.account(loan).credit_fen == kept.amount_fen - owed > 0
    assert next(one.quote_id for one in procedure.payments(loan) if one.effect) == kept.id


@pytest.mark.parametrize(("fen_more", "days"), [(1, 4), (-1, 4), (0, 11)])
def test_another_sum_or_a_later_day_is_an_ordinary_repayment(
    procedure: Procedure, loan: str, quoted: Quoted, fen_more: int, days: int
) -> None:
    kept = quoted(loan)
    procedure.day += timedelta(days=days)
    procedure.deposit(loan, kept.amount_fen + fen_more)
    procedure.advance(loan)
    assert procedure.loan(loan).stage is Stage.REPAYMENT
    assert procedure.account(loan).credit_fen == kept.amount_fen + fen_more


def test_a_part_shortens_what_was_quoted_and_only_once(procedure: Procedure, loan: str, quoted: Quoted) -> None:
    kept = quoted(loan, 300_000, effect=SHORTER)
    rows = len(procedure.account(loan).rows)
    for reference in ("b1", "b2"):
        procedure.deposit(loan, 300_000, reference=reference)
    procedure.advance(loan)
    with procedure.at() as work:
        types = [event.type for event in work.loans.events(loan)]
    after = procedure.account(loan)
    assert types == [EventType.DISBURSEMENT, EventType.PREPAYMENT, EventType.REPAYMENT]
    assert len(after.rows) < rows
    assert after.credit_fen == 300_000
    assert [one.quote_id for one in procedure.payments(loan) if one.quote_id] == [kept.id]


def test_the_contracts_fee_is_asked_for_principal_paid_early_alone(
    procedure: Procedure, costly_loan: str, quoted: Quoted
) -> None:
    with procedure.at() as work:
        whole = figures(work, work.loans.get(costly_loan), None, LESS)
        part = figures(work, work.loans.get(costly_loan), 300_000, LESS)
    assert (whole.principal_fen, whole.fee_fen) == (1_200_000, 24_000)
    # What is left after the interest to the day is parted 100 : 2.
    assert part.fee_fen == round(part.principal_fen * 0.02)
    assert part.principal_fen + part.interest_fen + part.fee_fen == 300_000
    kept = quoted(costly_loan)
    procedure.deposit(costly_loan, kept.amount_fen)
    procedure.advance(costly_loan)
    assert procedure.loan(costly_loan).stage is Stage.SETTLED
    assert sum(row.fee for row in procedure.account(costly_loan).rows) == 24_000


def test_a_drawn_prepayment_takes_the_fee_too(procedure: Procedure, costly_loan: str) -> None:
    key = procedure.prepayment(costly_loan).payment_key or ""
    payment = next(one for one in procedure.payments(costly_loan) if one.key == key)
    assert payment.fee_fen == 24_000
    assert payment.amount_fen == 24_000 + procedure.account(costly_loan).settlement_fen
    procedure.settle(key)
    procedure.advance(costly_loan)
    assert procedure.loan(costly_loan).stage is Stage.SETTLED
    assert procedure.account(costly_loan).credit_fen == 0


@pytest.mark.parametrize("days", [-1, 32])
def test_a_quote_holds_from_today_for_a_month_at_most(loan: str, quoted: Quoted, days: int) -> None:
    with pytest.raises(InvalidPrepayment) as refused:
        quoted(loan, days=days)
    assert "valid_until" in refused.value.fields


def test_who_may_not_speak_for_the_borrower_gets_no_quote(loan: str, quoted: Quoted) -> None:
    with pytest.raises(NotAllowed):
        quoted(loan, actor=AUDITOR)


def test_only_so_many_quotes_hold_at_once(procedure: Procedure, loan: str, quoted: Quoted) -> None:
    for count in range(MOST_VALID_QUOTES):
        quoted(loan, 100_000 + count)
    with pytest.raises(TooManyQuotes):
        quoted(loan, 200_000)
    procedure.day += timedelta(days=11)
    assert quoted(loan, 200_000).amount_fen == 200_000


def test_what_clears_the_loan_is_told_for_past_days_and_days_ahead(procedure: Procedure, loan: str) -> None:
    with procedure.at() as work:
        row = work.loans.get(loan)
        days = dict(clearing_figures(work, row, date(2026, 1, 5), date(2026, 2, 4)))
        with pytest.raises(InvalidPrepayment):
            clearing_figures(work, row, date(2026, 1, 4), date(2026, 1, 4))
    assert days[date(2026, 1, 5)] == 1_200_000
    assert list(days.values()) == sorted(days.values())
    number = procedure.offered()
    with procedure.at() as work, pytest.raises(WrongStage):
        clearing_figures(work, work.loans.get(number), date(2026, 1, 5), date(2026, 1, 5))
