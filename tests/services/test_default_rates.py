"""Rates of default follow what became of the loans, and not the letter that a draft gives them."""

from services.default_rates import FEWEST_LOANS, DefaultRates

STATED = {"A": 50, "C": 600}
MANY = FEWEST_LOANS
BEFORE, AFTER = 0, 1


def test_a_class_with_enough_known_outcomes_has_the_rate_of_its_own_loans() -> None:
    rates = DefaultRates({("A", "A"): (MANY, 3)}, STATED)
    assert (rates.is_observed(BEFORE, "A"), rates.basis_points(BEFORE, ("A", "A"))) == (True, 1000)
    almost = DefaultRates({("A", "A"): (MANY - 1, 3)}, STATED)
    assert (almost.is_observed(BEFORE, "A"), almost.basis_points(BEFORE, ("A", "A"))) == (False, 50)


def test_a_draft_that_calls_a_c_an_a_has_the_defaults_of_the_c_among_its_as() -> None:
    rates = DefaultRates({("A", "A"): (50, 0), ("C", "A"): (50, 50)}, STATED)
    assert rates.basis_points(BEFORE, ("A", "A")) == 0
    assert rates.basis_points(BEFORE, ("C", "A")) == 10_000
    assert rates.basis_points(AFTER, ("A", "A")) == rates.basis_points(AFTER, ("C", "A")) == 5000
    sums = {("A", "A"): 1_000_000, ("C", "A"): 1_000_000}
    assert rates.loss_fen(BEFORE, sums) == rates.loss_fen(AFTER, sums) == 1_000_000


def test_without_outcomes_a_case_keeps_the_rate_of_its_grade_as_it_is_in_force() -> None:
    rates = DefaultRates({}, STATED)
    assert rates.basis_points(AFTER, ("C", "A")) == 600
    few_of_the_draft = DefaultRates({("C", "C"): (MANY, 6), ("C", "B"): (2, 0)}, STATED)
    assert few_of_the_draft.basis_points(AFTER, ("C", "B")) == 6 * 10_000 // (MANY + 2)


def test_of_what_is_refused_as_it_is_in_force_the_drafts_class_is_all_that_is_known() -> None:
    assert DefaultRates({}, STATED).basis_points(AFTER, ("refused", "C")) == 600
    assert DefaultRates({("C", "C"): (MANY, MANY)}, STATED).basis_points(AFTER, ("refused", "C")) == 10_000


def test_a_grade_without_any_rate_has_no_loss() -> None:
    rates = DefaultRates({}, STATED)
    assert rates.loss_fen(BEFORE, {("A", "A"): 10_000, ("E", "E"): 1}) is None
    assert rates.loss_fen(BEFORE, {("A", "A"): 10_000}) == 50
    assert rates.loss_fen(BEFORE, {}) == 0
