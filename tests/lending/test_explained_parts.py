"""What the single steps of an explanation say: component, day, event and the other installment."""

from datetime import date

from lending.components import FEE, INTEREST, PRINCIPAL
from lending.events import Event
from lending.explain import explain, explain_settlement
from lending.steps import Step, StepKind
from lending.terms import Terms
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
    assert [step.kind for step in steps(EQUAL, [], "2024-01-05", 2)] == [StepKind.INTEREST, StepKind.PRINCIPAL_SHARE]
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
