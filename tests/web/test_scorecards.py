"""A scorecard on the page of its version, and its report as a file."""

from typing import Any

import pytest

from books.session import Books
from console.scorecard_history import put_history, simulated
from models.loans import Stage
from tests.modules.applications import DAY
from tests.services.policies import put_in_force
from tests.services.test_scorecards import overdue_card
from tests.web.conftest import Come
from tests.web.serving import words

AT = "/policies/scorecard-micro/1"
FIGURES: dict[str, Any] = {
    "target": {"en": "Late.", "zh": "逾期。"},
    "cases": {
        "trained_on": {"from": "2023-01-01", "to": "2023-12-31", "cases": 900, "defaults": 90},
        "held_out": {"from": "2024-01-01", "to": "2024-06-30", "cases": 400, "defaults": 41},
        "too_short": 3,
        "simulated": 1300,
    },
    "seed": 1,
    "dropped": {"age_years": "refused"},
    "strength": {which: {"auc_bp": 7_200, "gini_bp": 4_400, "ks_bp": 3_300} for which in ("trained_on", "held_out")},
    "months": [{"month": "2024-01", "cases": 400, "defaults": 41, "held_out": True, "psi_bp": 300}],
    "bands": [{"from": 500, "good": 159, "bad": 40}, {"from": 540, "good": 200, "bad": 1}],
    "calibration": [{"from": 500, "to": 540, "cases": 400, "expected_bp": 1_000, "observed_bp": 1_025}],
    "drift": [{"fact": "overdue_count_24m", "psi_bp": 120}],
    "fairness": {"sex": [], "age": []},
}


def trained() -> dict[str, Any]:
    """A small card with figures."""
    content = overdue_card(40)
    for one in (content["variables"][0]["missing"], *content["variables"][0]["bins"]):
        one |= {"cases": 300, "defaults": 30}
    scale = {"points": 600, "odds": 30, "points_to_double": 20}
    return content | {"scale": scale, "figures": FIGURES}


def test_a_trained_card_is_read_in_words_with_its_figures_and_its_report_is_a_file(come: Come, books: Books) -> None:
    with books.begin() as work:
        put_in_force(work, "scorecard-micro", 1, trained())
    risk = come("risk-shen")
    page = words(risk.get(AT).text)
    for said in (
        "From 500 to 540 points, 500 of them for everybody.",
        "1300 of the loans it was trained on are made up by a simulator of borrowers.",
        "Kept back to measure it 400 41 0.720 0.440 0.330",
        "Times overdue in 24 months",
        "Said where it costs points: Payments were late.",
        "≤ 0 40 300 10.0%",
        "Not known 5 300 10.0%",
    ):
        assert said in page
    chinese = words(come("auditor-wei", language="zh").get(AT).text)
    assert "扣分时的说明： 曾有逾期。" in chinese
    report = risk.get(f"{AT}/report")
    assert report.headers["content-type"] == "text/html; charset=utf-8"
    assert report.headers["content-disposition"] == 'attachment; filename="scorecard-micro-1.html"'
    assert report.text.count("<svg") == 4


def test_a_card_by_judgement_says_so_and_has_no_report(come: Come, books: Books) -> None:
    with books.begin() as work:
        put_in_force(work, "scorecard-micro", 1, overdue_card(40))
    risk = come("risk-shen")
    assert "set by people and not trained on past loans" in words(risk.get(AT).text)
    assert risk.get(f"{AT}/report").status_code == 404
    assert risk.get("/policies/scorecard-micro/9/report").status_code == 404


def test_the_report_is_for_those_who_see_the_rules(come: Come, books: Books) -> None:
    with books.begin() as work:
        put_in_force(work, "scorecard-micro", 1, trained())
    assert come("manager-zhao").get(f"{AT}/report").status_code == 403


def test_a_past_loan_opens_like_any_other(come: Come, books: Books) -> None:
    put_history(books, simulated(40, DAY))
    risk = come("risk-shen")
    with books.read() as work:
        loans = [work.loans.get(number) for number in work.loans.all_numbers()]
    for stage in (Stage.SETTLED, Stage.REFUSED):
        loan = next(one for one in loans if one.stage is stage)
        page = risk.get(f"/loans/{loan.number}")
        assert page.status_code == 200
        assert loan.number in words(page.text)
    assert risk.get("/loans").status_code == 200


@pytest.mark.parametrize(
    "figures", [5, "<script>", {"cases": {}}, FIGURES | {"strength": None}, FIGURES | {"bands": []}]
)
def test_figures_written_by_hand_spoil_neither_page_nor_report(come: Come, books: Books, figures: object) -> None:
    content = trained() | {"figures": figures}
    content["variables"][0]["bins"][0]["cases"] = "many"
    with books.begin() as work:
        put_in_force(work, "scorecard-micro", 1, content)
    risk = come("risk-shen")
    assert risk.get(AT).status_code == 200
    assert risk.get(f"{AT}/report").status_code == 404
