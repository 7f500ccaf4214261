"""What the single steps of an explanation say: component, day, event and the other installment."""

from datetime import date
from fractions import Fraction

from lending.components import FEE, INTEREST, PRINCIPAL
from lending.events import Event
from lending.explain import explain, explain_settlement
from lending.servicing import service
from lending.steps import Step, StepKind
from lending.terms import Terms
from lending.tracing import Solved
from tests.lending.builders import event, terms_of

EQUAL = terms_of(method="equal_principal")
PAID = event("repayment", "2024-02-01", amount="1120")


def steps(terms: Terms, events: list[Event], day: str, n: int) -> tuple[Step, ...]:
    return explain(terms, events, date.fromisoformat(day), n).steps


def test_interest_to_date_leaves_out_what_a_prepayment_of_the_same_period_has_paid() -> None:
    prepaid = [event("prepayment", "2024-01-11", amount="1038.71")]
    found = explain_settlement(EQUAL, prepaid, date(2024, 1, 21)).steps
    # 12,000 and then 11,000 at 1 % for 10 of 31 days each: 38.71 + 35.48 = 74.19, of which 38.71 are paid.
    assert [(step.kind, step.amount_fen, step.before_fen) for step in found] == [
        (StepKind.PRINCIPAL_LEFT, 1_100_000, 0),
        (StepKind.INTEREST_TO_DATE, 3548, 3871),
    ]


def test_planned_principal_of_an_equal_share_is_named_so_and_the_last_one_the_rest() -> None:
    interest, share = steps(EQUAL, [], "2024-01-05", 2)
    assert (interest.kind, share.kind) == (StepKind.INTEREST, StepKind.PRINCIPAL_SHARE)
    assert share.solved == Solved(level=100_000, balance=1_200_000, periods=12, rate=Fraction(1, 100))
    assert [step.kind for step in steps(EQUAL, [], "2024-01-05", 12)] == [StepKind.INTEREST, StepKind.PRINCIPAL_REST]


def test_flat_interest_is_interest() -> None:
    (step,) = [step for step in steps(terms_of(method="flat"), [], "2024-01-05", 1) if step.component is INTEREST]
    assert (step.kind, step.amount_fen) == (StepKind.FLAT_INTEREST, 12_000)


def test_a_fee_ahead_names_its_own_day() -> None:
    terms = terms_of(fees=[{"amount": "60", "due": "2024-03-15", "name": "service"}])
    (fee,) = [step for step in steps(terms, [], "2024-01-05", 3) if step.component is FEE]
    assert (fee.kind, fee.amount_fen, fee.on, fee.name) == (StepKind.FEE, 6000, date(2024, 3, 15), "service")


def test_a_fee_of_an_event_names_it() -> None:
    (fee,) = [
        step
        for step in steps(EQUAL, [event("fee", "2024-01-20", "f", amount="30")], "2024-01-20", 1)
        if step.component is FEE
    ]
    assert (fee.amount_fen, fee.on, fee.event_id) == (3000, date(2024, 1, 20), "f")


def test_principal_paid_in_advance_says_from_which_installments_a_settlement_took_it() -> None:
    ahead = event("prepayment", "2024-02-01", "a", amount="1500", effect="advance_due")
    found = steps(EQUAL, [PAID, ahead, event("settlement", "2024-02-01", "s")], "2024-02-01", 1)
    # The second installment was paid ahead in full, the third by half.
    assert [
        (s.component, s.amount_fen, s.on, s.event_id, s.other_n) for s in found if s.kind is StepKind.MOVED_HERE
    ] == [
        (PRINCIPAL, 100_000, date(2024, 2, 1), "s", 2),
        (PRINCIPAL, 50_000, date(2024, 2, 1), "s", 3),
    ]


def test_re_aged_arrears_name_the_day_with_both_installments() -> None:
    reaged = [event("reschedule", "2024-02-11", "r", from_="2024-03-01", reage=True)]
    moved = [
        [(s.component, s.amount_fen, s.on, s.event_id, s.other_n) for s in steps(EQUAL, reaged, "2024-02-20", n)]
        for n in (1, 2)
    ]
    day = date(2024, 2, 11)
    assert moved[0][-2:] == [(INTEREST, -12_000, day, "r", 2), (PRINCIPAL, -100_000, day, "r", 2)]
    assert moved[1][-1] == (INTEREST, 12_000, day, "r", 1)


def test_what_was_waived_or_written_off_names_its_day() -> None:
    waiver = event("waiver", "2024-02-03", "w", amount="20", component="interest")
    gone = event("write_off", "2024-02-11", "x")
    found = {
        (s.kind, s.component): (s.amount_fen, s.on, s.event_id) for s in steps(EQUAL, [waiver, gone], "2024-03-01", 1)
    }
    assert found[StepKind.WAIVED, INTEREST] == (2000, date(2024, 2, 3), "w")
    assert found[StepKind.WRITTEN_OFF, INTEREST] == (10_000, date(2024, 2, 11), "x")
    assert found[StepKind.WRITTEN_OFF, PRINCIPAL] == (100_000, date(2024, 2, 11), "x")


def test_the_days_of_a_flat_period_earn_no_more_than_it_bears() -> None:
    found = explain_settlement(terms_of(method="flat", first_due_date="2024-02-15"), [], date(2024, 2, 14)).steps
    # 120.00 x (1 + 13/31) by the days, of a twelfth of 120.00 x (12 + 14/31).
    assert [(step.kind, step.amount_fen) for step in found] == [
        (StepKind.PRINCIPAL_LEFT, 1_200_000),
        (StepKind.INTEREST_TO_DATE, 17_032),
        (StepKind.INTEREST_LIMITED, 12_452 - 17_032),
    ]


def test_deferred_interest_that_is_charged_in_two_parts_is_one_step() -> None:
    terms = terms_of(method="equal_principal", interest_deferral_periods=1)
    waived = event("waiver", "2024-02-11", amount="50", component="interest")
    carried = [s for s in steps(terms, [waived], "2024-03-01", 2) if s.kind is StepKind.INTEREST_CARRIED]
    # January's 120.00: 50.00 on the day of the waiver, 70.00 when the installment falls due.
    assert [step.amount_fen for step in carried] == [12_000]


def test_a_step_as_json_holds_what_it_has_and_nothing_else() -> None:
    fee = terms_of(fees=[{"amount": "60", "due": "2024-03-15", "name": "service"}])
    assert [step.to_json() for step in steps(fee, [], "2024-01-05", 3) if step.component is FEE] == [
        {"kind": "fee", "component": "fee", "amount": "60.00", "on": "2024-03-15", "name": "service"}
    ]
    reaged = [event("reschedule", "2024-02-11", "r", from_="2024-03-01", reage=True)]
    assert steps(EQUAL, reaged, "2024-02-20", 2)[-1].to_json() == {
        "kind": "moved_here",
        "component": "interest",
        "amount": "120.00",
        "on": "2024-02-11",
        "event_id": "r",
        "other_n": 1,
    }


def test_an_installment_explains_the_interest_that_was_prepaid_within_its_period_as_its_own() -> None:
    prepaid = [event("prepayment", "2024-01-11", amount="1038.71")]
    for day in ("2024-01-12", "2024-02-01"):
        (interest, *_) = steps(EQUAL, prepaid, day, 1)
        # 12,000 for 10 of 31 days, then 11,000 for 21: 38.71 + 74.52.
        assert (interest.kind, interest.amount_fen, interest.before_fen) == (StepKind.INTEREST, 11_323, 0)
        assert [piece.base for piece in interest.pieces] == [1_200_000, 1_100_000]


def test_a_bullets_installments_before_the_last_have_nothing_to_explain() -> None:
    bullet = terms_of(method="bullet", n_periods=3)
    assert [len(steps(bullet, [], "2024-01-05", n)) for n in (1, 2, 3)] == [0, 0, 2]


def test_a_bullets_interest_is_explained_up_to_the_day_that_its_principal_falls_due() -> None:
    fee = event("fee", "2024-01-05", amount="20", due="2024-02-15")
    longer = event("reschedule", "2024-01-05", from_="2024-02-15", extra_periods=1)
    bullet = terms_of(method="bullet", n_periods=1, day_count="actual/365")
    (interest, *_) = steps(bullet, [fee, longer], "2024-01-06", 2)
    assert interest.amount_fen == round(sum(piece.exact for piece in interest.pieces)) == 12_230
    assert sum((piece.until - piece.since).days for piece in interest.pieces if piece.base) == 31


def test_a_rate_that_was_agreed_twice_for_one_day_makes_one_piece() -> None:
    daily = terms_of(method="equal_principal", day_count="actual/365")
    agreed = [
        event("reschedule", "2024-01-05", name, from_="2024-01-11", annual_rate_percent=rate)
        for name, rate in (("a", "6"), ("b", "8"))
    ]
    (interest, *_) = steps(daily, agreed, "2024-01-05", 1)
    assert [(piece.since.day, piece.rate) for piece in interest.pieces] == [
        (1, Fraction(12, 100)),
        (5, Fraction(12, 100)),
        (11, Fraction(8, 100)),
    ]


def test_principal_of_which_a_part_was_paid_in_advance_is_as_planned() -> None:
    ahead = event("prepayment", "2024-02-01", "a", amount="1500", effect="advance_due")
    planned = [s for s in steps(EQUAL, [PAID, ahead], "2024-02-01", 3) if s.kind is StepKind.PRINCIPAL_AS_PLANNED]
    assert [step.amount_fen for step in planned] == [50_000]


def test_deferred_interest_is_a_step_of_what_ends_the_loan() -> None:
    terms = terms_of(method="equal_principal", interest_deferral_periods=1)
    carried = [s for s in explain_settlement(terms, [], date(2024, 2, 11)).steps if s.kind is StepKind.INTEREST_CARRIED]
    assert [(step.component, step.amount_fen) for step in carried] == [(INTEREST, 12_000)]


def test_a_level_payment_that_was_kept_names_what_it_was_solved_from() -> None:
    put_off = event("deferral", "2024-02-10", periods=1)
    (principal,) = [s for s in steps(terms_of(), [put_off], "2024-02-10", 5) if s.kind is StepKind.PRINCIPAL_OF_LEVEL]
    assert principal.solved == Solved(level=106_619, balance=1_200_000, periods=12, rate=Fraction(1, 100))


def test_a_bullets_interest_charged_before_a_settlement_was_charged_in_part() -> None:
    events = [event("prepayment", "2024-01-11", amount="1000"), event("settlement", "2024-02-11")]
    (interest, *_) = steps(terms_of(method="bullet", n_periods=3), events, "2024-02-11", 1)
    # 12,000 x 1 % x 10/31
    assert (interest.kind, interest.amount_fen) == (StepKind.INTEREST_IN_PART, 3871)


def test_a_plan_that_keeps_its_payment_is_explained_with_that_payment() -> None:
    events = [event("prepayment", "2024-01-01", "p", amount="6000", effect="reduce_term")]
    terms = terms_of()
    found = explain(terms, events, date(2024, 1, 5), 2)
    # 1,066.19 stay what is paid: 59.99 of interest on 5,999.x is less than before, and principal the rest.
    assert found.row == service(terms, events, date(2024, 1, 5)).row(2)
    assert found.row.principal + found.row.interest == 106_619


def test_a_fee_of_one_fen_that_re_ageing_moves_is_told_on_both_sides() -> None:
    events = [
        event("fee", "2024-01-05", "f", amount="0.01", due="2024-02-01"),
        event("reschedule", "2024-02-11", "r", from_="2024-03-01", extra_periods=1, reage=True),
    ]
    here = [step for step in steps(EQUAL, events, "2024-02-11", 2) if step.component is FEE]
    assert [(step.kind, step.amount_fen) for step in here] == [(StepKind.MOVED_HERE, 1)]
