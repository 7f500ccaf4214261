"""Every amount of a row is explained: steps with numbers that add up to it, in words of both languages."""

from datetime import date, timedelta
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from lending.components import BORROWER_COMPONENTS, Component
from lending.events import Event, EventType, InvalidEvent
from lending.explain import Explanation, UnknownInstallment, explain, explain_rows, explain_settlement
from lending.money import round_ratio
from lending.servicing import run, service
from lending.statement import account_of
from lending.steps import Step, StepKind
from lending.terms import Terms
from lending.tracing import TracedReplay
from lending.wording import Language, names_of
from tests.lending.builders import FIRST, any_events, any_terms, days, event, terms_of

BY_PIECES = (StepKind.INTEREST, StepKind.PENALTY)


def explained(terms: Terms, events: list[Event], day: str, n: int) -> Explanation:
    return explain(terms, events, date.fromisoformat(day), n)


def kinds(explanation: Explanation) -> list[StepKind]:
    return [step.kind for step in explanation.steps]


def step_of(explanation: Explanation, kind: StepKind) -> Step:
    (step,) = [step for step in explanation.steps if step.kind is kind]
    return step


def assert_adds_up(explanation: Explanation, terms: Terms, day: date) -> None:
    row = explanation.row
    for component in Component:
        assert explanation.amount(component) == getattr(row, component.value), component
        due = getattr(row, f"{component.value}_due")
        assert explanation.amount(component) - explanation.taken_off(component) == due, component
    paid = [s.amount_fen for s in explanation.steps if s.kind is StepKind.PAID and s.component in BORROWER_COMPONENTS]
    assert sum(paid) == row.paid
    for step in explanation.steps:
        if step.kind in BY_PIECES:
            exact = sum((piece.base * piece.rate * piece.span for piece in step.pieces), Fraction(0))
            rule = terms.rounding
            rounded = round_ratio(exact.numerator, exact.denominator, rule.mode, rule.to_fen)
            assert rounded - step.before_fen == step.amount_fen, step
        if step.kind is StepKind.PRINCIPAL_OF_LEVEL:
            assert step.level_fen is not None
            assert step.interest_fen is not None
            assert step.level_fen - step.interest_fen == step.amount_fen
        for earlier, later in zip(step.pieces, step.pieces[1:], strict=False):
            assert earlier.until <= later.since
        assert all(piece.until <= max(day, row.due) for piece in step.pieces)
    for language in Language:
        assert len(explanation.sentences(language)) == len(explanation.steps)


@st.composite
def eventful(draw: st.DrawFn) -> list[Event]:
    events = draw(any_events())
    if draw(st.booleans()):
        whole = "all" if draw(st.booleans()) else "principal"
        events.append(event("deferral", draw(days), "put-off", periods=draw(st.integers(1, 3)), component=whole))
    if draw(st.booleans()):
        day = draw(days)
        reage = draw(st.booleans())
        moved = {"due": draw(days)} if draw(st.booleans()) else {}
        extra = draw(st.integers(0, 2))
        events.append(event("reschedule", day, "spread", from_=day, extra_periods=extra, reage=reage, **moved))
    return events


@settings(max_examples=300, deadline=None)
@given(any_terms(), eventful(), st.integers(0, 900))
def test_the_steps_of_every_row_add_up_to_it_exactly(terms: Terms, events: list[Event], offset: int) -> None:
    day = FIRST + timedelta(days=offset)
    try:
        account = service(terms, events, day)
    except InvalidEvent:
        assume(False)
    traced = TracedReplay(terms)
    run(traced, events, day)
    assert account_of(traced, day) == account
    for row in account.rows:
        explanation = explain(terms, events, day, row.n)
        assert explanation.row == row
        assert_adds_up(explanation, terms, day)


@settings(max_examples=80, deadline=None)
@given(any_terms(), st.integers(0, 200))
def test_the_steps_of_a_loan_in_tranches_add_up(terms: Terms, offset: int) -> None:
    half = Decimal(terms.principal_fen // 2).scaleb(-2)
    later = FIRST + timedelta(days=offset)
    assume(later < terms.dues[-1])
    tranches = [event("disbursement", FIRST.isoformat(), "t1", amount=str(half))]
    tranches.append(event("disbursement", later.isoformat(), "t2", amount=str(half)))
    day = FIRST + timedelta(days=offset + 40)
    account = service(terms, tranches, day)
    for row in account.rows:
        assert_adds_up(explain(terms, tranches, day, row.n), terms, day)


def test_interest_is_balance_times_rate_times_time_and_principal_the_rest_of_the_payment() -> None:
    first = explained(terms_of(), [], "2024-01-01", 1)
    assert first.sentences(Language.EN) == [
        "Interest 120.00: 2024-01-01 to 2024-02-01: 12,000.00 × 12% × 1/12 = 120.000000, rounded once.",
        "Principal 946.19: the level payment 1,066.19 less interest 120.00 (12,000.00 over 12 periods at 1% a period).",
    ]
    assert first.sentences(Language.ZH) == [
        "利息120.00元：2024-01-01至2024-02-01：12,000.00 × 12% × 1/12 = 120.000000，合计后舍入一次。",
        "本金946.19元：每期还款额1,066.19元减去利息120.00元（12,000.00元分12期，每期利率1%）。",
    ]


def test_a_rate_change_splits_the_interest_into_two_pieces() -> None:
    daily = terms_of(method="equal_principal", day_count="actual/365")
    change = [event("rate_change", "2024-01-11", annual_rate_percent="24")]
    pieces = step_of(explained(daily, change, "2024-01-20", 1), StepKind.INTEREST).pieces
    # 12,000 for 10 days at 12 % and for 21 days at 24 %
    assert [(piece.base, piece.rate, piece.span) for piece in pieces] == [
        (1_200_000, Fraction(12, 100), Fraction(10, 365)),
        (1_200_000, Fraction(24, 100), Fraction(21, 365)),
    ]


def test_a_penalty_names_each_stretch_of_days_with_its_base_and_rate() -> None:
    terms = terms_of(method="equal_principal", day_count="actual/365", late={"penalty_multiple": "1.5"})
    paid = [event("repayment", "2024-02-11", amount="500")]
    looks = [event("as_of", "2024-02-05"), event("as_of", "2024-02-15")]
    penalty = step_of(explained(terms, [*paid, *looks], "2024-02-21", 1), StepKind.PENALTY)
    # 1,000 for ten days; the 500 first clear the penalty of 4.93 and the interest of 122.30, then principal.
    left = 100_000 - (50_000 - 493 - 12_230)
    assert [(str(p.since), str(p.until), p.base, p.rate) for p in penalty.pieces] == [
        ("2024-02-01", "2024-02-11", 100_000, Fraction(18, 100)),
        ("2024-02-11", "2024-02-21", left, Fraction(18, 100)),
    ]


def test_within_the_days_of_grace_the_penalty_is_counted_but_not_charged() -> None:
    terms = terms_of(late={"penalty_multiple": "1.5", "grace_days": 5})
    step = step_of(explained(terms, [], "2024-02-04", 1), StepKind.PENALTY_IN_GRACE)
    assert (step.amount_fen, len(step.pieces)) == (0, 1)
    assert "within the days of grace" in explained(terms, [], "2024-02-04", 1).sentences(Language.EN)[-1]


def test_a_ceiling_on_the_penalty_is_a_step_of_its_own() -> None:
    terms = terms_of(late={"penalty_annual_rate_percent": "100", "max_percent_of_overdue": "5"})
    explanation = explained(terms, [], "2024-12-01", 1)
    ceiling = step_of(explanation, StepKind.PENALTY_CEILING)
    assert explanation.row.penalty == 4730  # 5 % of 946.19, rounded down
    assert step_of(explanation, StepKind.PENALTY).amount_fen + ceiling.amount_fen == 4730


def test_what_the_state_bears_and_what_was_deferred_are_steps() -> None:
    terms = terms_of(subsidised_until="2024-01-16", interest_deferral_periods=1)
    first, second = (explained(terms, [], "2024-01-01", n) for n in (1, 2))
    # 15 of 31 days are the state's: 58.0645…; the rest of the 120.00 falls due with the second installment.
    assert [(step.kind, step.amount_fen) for step in first.steps[:4]] == [
        (StepKind.INTEREST, 12_000),
        (StepKind.INTEREST_OF_STATE, -5806),
        (StepKind.INTEREST_DEFERRED, -6194),
        (StepKind.SUBSIDY, 5806),
    ]
    assert step_of(second, StepKind.INTEREST_CARRIED).amount_fen == 6194


def test_fees_are_named_and_payments_say_by_which_event() -> None:
    terms = terms_of(fees=[{"percent": "0.5", "due": "2024-01-01", "name": "service"}])
    paid = [event("repayment", "2024-01-02", "r1", amount="60"), event("waiver", "2024-02-03", "w", amount="1",
            component="interest")]  # fmt: skip
    explanation = explained(terms, paid, "2024-02-03", 1)
    fee = step_of(explanation, StepKind.FEE)
    assert (fee.name, fee.amount_fen, str(fee.on)) == ("service", 6000, "2024-01-01")
    assert (step_of(explanation, StepKind.PAID).event_id, step_of(explanation, StepKind.WAIVED).event_id) == ("r1", "w")
    assert "Fee 60.00 (service), due on 2024-01-01." in explanation.sentences(Language.EN)


def test_re_aged_arrears_say_where_they_went_and_whence_they_came() -> None:
    terms = terms_of(method="equal_principal")
    reaged = [event("reschedule", "2024-02-11", "r", from_="2024-03-01", extra_periods=1, reage=True)]
    gone, come = (explained(terms, reaged, "2024-02-11", n) for n in (1, 2))
    assert [(s.component.value, s.amount_fen, s.other_n) for s in gone.steps if s.kind is StepKind.MOVED_AWAY] == [
        ("interest", -12_000, 2),
        ("principal", -100_000, 2),
    ]
    assert {step.event_id for step in gone.steps if step.kind is StepKind.MOVED_AWAY} == {"r"}
    moved = step_of(come, StepKind.MOVED_HERE)
    assert (moved.component.value, moved.amount_fen, moved.other_n) == ("interest", 12_000, 1)


def test_principal_names_its_event_its_formula_or_neither() -> None:
    paid = [
        event("repayment", "2024-02-01", amount="1066.19"),
        event("prepayment", "2024-02-01", "p", amount="500", effect="advance_due"),
    ]
    first, second, third = (explained(terms_of(), paid, "2024-03-05", n) for n in (1, 2, 3))
    assert kinds(first)[:2] == [StepKind.INTEREST, StepKind.PRINCIPAL_OF_LEVEL]
    solved = step_of(first, StepKind.PRINCIPAL_OF_LEVEL).solved
    assert solved is not None
    assert (solved.level, solved.balance, solved.periods, solved.rate) == (106_619, 1_200_000, 12, Fraction(1, 100))
    ahead = step_of(second, StepKind.PRINCIPAL_BY_EVENT)
    assert (ahead.event_id, ahead.amount_fen, str(ahead.on)) == ("p", 50_000, "2024-02-01")
    assert step_of(second, StepKind.PRINCIPAL_AS_PLANNED).amount_fen == 95_565 - 50_000
    assert step_of(third, StepKind.PRINCIPAL_OF_LEVEL).amount_fen == 96_521
    share = step_of(explained(terms_of(method="equal_principal"), [], "2024-02-05", 1), StepKind.PRINCIPAL_SHARE)
    assert (share.level_fen, share.amount_fen) == (100_000, 100_000)


def test_deferred_interest_that_is_settled_early_is_explained_where_it_was_charged() -> None:
    events = [
        event("deferral", "2024-02-01", "d", periods=2, component="all"),
        event("settlement", "2024-03-11", "end"),
    ]
    explanation = explained(terms_of(), events, "2024-03-11", 3)
    # February's 110.54 was deferred; ten of 31 days of March are charged with the settlement.
    assert step_of(explanation, StepKind.INTEREST_CARRIED).amount_fen == 11_054
    assert step_of(explanation, StepKind.INTEREST).amount_fen == 3566
    assert explanation.row.interest == 11_054 + 3566


@pytest.mark.parametrize("n", [1, 3, 5, 14])
def test_an_explained_row_is_the_serviced_one_after_a_later_part_was_rescheduled(n: int) -> None:
    terms = terms_of(payment_basis="schedule", day_count="actual/365")
    change = [event("reschedule", "2024-01-05", "x", from_="2024-04-01", extra_periods=3)]
    assert explained(terms, change, "2024-01-05", n).row == service(terms, change, date(2024, 1, 5)).row(n)


def test_a_bullets_interest_charged_early_is_taken_off_where_it_falls_due() -> None:
    terms = terms_of(method="bullet", n_periods=3)
    prepaid = [event("prepayment", "2024-02-11", "p", amount="165.52")]
    early, last = (explained(terms, prepaid, "2024-02-11", n) for n in (2, 3))
    # 120.00 and 10 of 29 days: 161.38 are charged, 4.14 repay principal.
    assert step_of(early, StepKind.INTEREST_IN_PART).amount_fen == 16_138
    whole = step_of(last, StepKind.INTEREST)
    assert whole.before_fen == 16_138
    # 11,995.86 for 19 days and a month: 78.5936 and 119.9586
    assert whole.amount_fen == last.row.interest == 19_855


def test_flat_interest_names_the_amount_first_lent_and_the_periods() -> None:
    fallen_due = explained(terms_of(method="flat"), [], "2024-02-05", 1)
    step = step_of(fallen_due, StepKind.FLAT_INTEREST)
    assert step.solved is not None
    assert (step.amount_fen, step.solved.balance, step.solved.periods) == (12_000, 1_200_000, 12)
    planned = explained(terms_of(method="flat"), [], "2024-02-05", 2).sentences(Language.EN)[0]
    # What the interest was reckoned on stays the amount first lent, over the eleven periods that are left.
    expected = "on the amount first lent, spread evenly (12,000.00 over 11 periods at 1% a period)."
    assert planned == f"Interest 120.00: {expected}"


def test_before_the_payout_the_plan_of_the_terms_is_explained() -> None:
    payout = [event("disbursement", "2024-03-01", amount="12000")]
    explanation = explained(terms_of(), payout, "2024-01-15", 12)
    assert kinds(explanation) == [StepKind.INTEREST, StepKind.PRINCIPAL_REST]
    assert explanation.row.principal == 105_558  # the level payment is 0.0045 too high, which makes 0.05 over the year


@pytest.mark.parametrize("n", [0, -1, 13])
def test_an_installment_that_is_not_there_cannot_be_explained(n: int) -> None:
    with pytest.raises(UnknownInstallment, match="1 to 12"):
        explained(terms_of(), [], "2024-01-01", n)


def test_the_json_form_holds_numbers_and_words() -> None:
    body = explained(terms_of(), [], "2024-01-01", 1).to_json()
    steps = body["steps"]
    assert isinstance(steps, list)
    assert (body["n"], body["due"], body["total"]) == (1, "2024-02-01", "1066.19")
    assert steps[0]["pieces"] == [
        {"from": "2024-01-01", "to": "2024-02-01", "base_fen": "1200000", "rate": "3/25", "span": "1/12",
         "exact_fen": "12000"}
    ]  # fmt: skip
    assert steps[1]["solved"] == {"balance": "12000.00", "periods": 12, "rate_per_period": "1/100"}
    assert (steps[1]["level"], steps[1]["interest"], steps[1]["amount"]) == ("1066.19", "120.00", "946.19")
    assert steps[0]["zh"].startswith("利息120.00元")


@settings(max_examples=300, deadline=None)
@given(any_terms(), eventful(), st.integers(0, 900))
def test_the_steps_of_what_ends_the_loan_add_up_to_it_exactly(terms: Terms, events: list[Event], offset: int) -> None:
    day = FIRST + timedelta(days=offset)
    try:
        account = service(terms, events, day)
    except InvalidEvent:
        assume(False)
    explanation = explain_settlement(terms, events, day)
    assert explanation.amount_fen == account.settlement_fen == sum(step.amount_fen for step in explanation.steps)
    for step in explanation.steps:
        if step.kind is StepKind.INTEREST_TO_DATE:
            exact = sum((piece.exact for piece in step.pieces), Fraction(0))
            rule = terms.rounding
            rounded = round_ratio(exact.numerator, exact.denominator, rule.mode, rule.to_fen)
            assert rounded - step.before_fen == step.amount_fen
        if step.kind is StepKind.CREDIT_KEPT:
            assert -account.credit_fen <= step.amount_fen < 0
    for language in Language:
        assert all("{" not in one for one in explanation.sentences(language))


def test_what_ends_the_loan_is_principal_interest_penalty_and_the_days_since_less_what_was_kept() -> None:
    terms = terms_of(late={"penalty_multiple": "1.5"})
    late = explain_settlement(terms, [], date(2024, 2, 11))
    assert [(step.kind, step.amount_fen) for step in late.steps] == [
        (StepKind.PRINCIPAL_LEFT, 1_200_000),
        (StepKind.INTEREST_UNPAID, 12_000),
        (StepKind.INTEREST_TO_DATE, 3_812),  # 11,053.81 at 1 % a month for 10 of 29 days
        (StepKind.PENALTY_UNPAID, 489),  # 946.19 at 1.5 % a month for the same days
    ]
    early = explain_settlement(terms, [event("repayment", "2024-01-11", "r", amount="500")], date(2024, 1, 11))
    assert early.steps[-1].kind is StepKind.CREDIT_KEPT
    assert early.steps[-1].amount_fen == -50_000
    assert early.sentences(Language.EN)[-1] == "Less money that was kept: 500.00."


def test_several_installments_are_explained_in_the_order_asked_for() -> None:
    both = explain_rows(terms_of(), [], date(2024, 1, 1), [3, 1])
    assert [one.row.n for one in both] == [3, 1]
    assert both[1].steps == explained(terms_of(), [], "2024-01-01", 1).steps


def test_events_are_called_by_what_they_are() -> None:
    events = [event("repayment", "2024-01-20", "L1:collect:3", amount="60"), event("write_off", "2024-02-10", "w")]
    row = explained(terms_of(), events, "2024-02-10", 1)
    assert "60.00 of interest was paid on 2024-02-01 by L1:collect:3." in row.sentences(Language.EN)
    named = row.sentences(Language.EN, names_of(events, Language.EN))
    assert "60.00 of interest was paid on 2024-02-01 by the repayment of 60.00 of 2024-01-20." in named
    assert "by the write-off of 2024-02-10." in " ".join(named)
    assert "2024-02-01以“2024-01-20还款60.00元”支付利息60.00元。" in row.sentences(
        Language.ZH, names_of(events, Language.ZH)
    )


@pytest.mark.parametrize("kind", EventType)
def test_every_kind_of_event_has_a_name_in_both_languages(kind: EventType) -> None:
    for language in Language:
        assert names_of([Event("x", kind, FIRST)], language)["x"]
