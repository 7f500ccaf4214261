"""Invoices and vehicles that come twice, dealers that are blocked, and what the facts of a case say of them."""

from datetime import date
from typing import Any

import pytest

from models.documents import DocumentReading, ReadingVerdict
from models.products import LoanCase
from models.staff import Actor
from models.tasks import TaskKind
from services import acceptance
from services.collateral_checks import elsewhere, with_security
from services.dealers import InvalidDealer, set_standing
from services.documents import hand_in
from services.documents_comparing import compare
from services.documents_reading import conclude
from services.errors import NotAllowed
from services.loans import case_of
from services.products import catalogue
from tests.services.document_files import taken
from tests.services.procedure import AGENT, FINANCE, MANAGER, RISK, Procedure
from tests.services.test_documents_comparing import FORM, read

NUMBER = "25112000000012345678"
DEALER = "远帆汽车销售服务有限公司"


def invoiced(procedure: Procedure, loan: str, *, number: str = NUMBER, price: str = "100,000.00") -> DocumentReading:
    """A vehicle's invoice, handed in and read."""
    with procedure.at() as work:
        form = work.loans.application(loan).form
        document = hand_in(work, AGENT, work.loans.get(loan), "vehicle_invoice", "x.pdf", taken(loan.encode())).id
    reading = read(
        "机动车销售统一发票",
        f"发票号码：{number}",
        "开票日期：2026年1月3日",
        f"购买方名称：{form['name']} {form['id_number']}",
        str(form["vin"]),
        f"价税合计 ￥{price}",
        DEALER,
    )
    with procedure.at() as work:
        conclude(work, document, reading)
    with procedure.books.read() as work:
        found = work.documents.reading(document)
    assert found is not None
    return found


def case(procedure: Procedure, loan: str) -> LoanCase:
    """The case as its facts are made from it."""
    with procedure.books.read() as work:
        row = work.loans.get(loan)
        return with_security(work, catalogue().product(row.product), row, case_of(work, row, procedure.day))


def facts(procedure: Procedure, loan: str) -> dict[str, Any]:
    """The product's facts of a case."""
    return catalogue().product("auto").facts(case(procedure, loan))


def test_an_invoice_that_agrees_is_kept_and_asks_nobody(procedure: Procedure) -> None:
    loan = procedure.graded("auto", actor=AGENT)
    row = invoiced(procedure, loan)
    assert (row.verdict, row.doubtful) == (ReadingVerdict.AGREES, False)
    assert row.found is not None
    read_fields = {one["field"]: one["read"] for one in row.found["checks"]}
    assert read_fields["invoice_number"] == NUMBER
    assert read_fields["invoice_date"] == "2026年1月3日"
    with procedure.books.read() as work:
        (kept,) = work.collateral.invoices(loan)
    assert (kept.number, kept.amount_fen, str(kept.dated)) == (NUMBER, 10_000_000, "2026-01-03")


def test_a_lower_invoice_lowers_what_the_vehicle_is_worth(procedure: Procedure) -> None:
    loan = procedure.graded("auto", actor=AGENT)
    assert facts(procedure, loan)["value_fen"] == 10_000_000
    row = invoiced(procedure, loan, price="90,000.00")
    assert (row.verdict, row.doubtful) == (ReadingVerdict.DIFFERS, True)
    assert (facts(procedure, loan)["value_fen"], facts(procedure, loan)["ltv_bp"]) == (9_000_000, 8_889)


def test_an_invoice_that_comes_on_a_second_loan_is_a_doubt(procedure: Procedure) -> None:
    first, second = (procedure.graded("auto", actor=AGENT) for _ in range(2))
    assert invoiced(procedure, first).doubtful is False
    row = invoiced(procedure, second)
    assert (row.verdict, row.doubtful, row.duplicated) == (ReadingVerdict.AGREES, True, False)
    assert row.found is not None
    assert row.found["reused"] is True
    assert procedure.open_tasks(second).count(TaskKind.DOCUMENT) == 1
    assert facts(procedure, second)["vehicle_elsewhere"] is True
    with procedure.books.read() as work:
        assert elsewhere(work, work.loans.get(first)) == [second]


def test_a_vehicle_that_secures_another_loan_is_found_without_any_invoice(procedure: Procedure) -> None:
    vin = "1M8GDM9AXKP042788"
    first, second = (procedure.apply("auto", vin=vin) for _ in range(2))
    procedure.verify(second)
    assert facts(procedure, second)["vehicle_elsewhere"] is True
    procedure.act(acceptance.withdraw, procedure.command(first, MANAGER))
    assert facts(procedure, second)["vehicle_elsewhere"] is False


def test_loans_without_collateral_have_no_such_facts(procedure: Procedure) -> None:
    loan = procedure.graded("micro")
    with procedure.books.read() as work:
        assert elsewhere(work, work.loans.get(loan)) == []
    assert case(procedure, loan).security == LoanCase({}, {}, procedure.day, 1, 1).security


def test_a_blocked_dealer_is_a_fact_of_the_case(procedure: Procedure) -> None:
    loan = procedure.graded("auto")
    assert facts(procedure, loan)["dealer_blocked"] is False
    with procedure.at() as work:
        set_standing(work, RISK, f" {DEALER} ", blocked=True, reason="invoices of cars that do not exist")
        again = set_standing(work, RISK, DEALER, blocked=True, reason="once more")
        assert [one.id for one in work.collateral.standings()] == [again.id]
    assert facts(procedure, loan)["dealer_blocked"] is True
    with procedure.at() as work:
        set_standing(work, RISK, DEALER, blocked=False, reason="it was another of that name")
    assert facts(procedure, loan)["dealer_blocked"] is False


@pytest.mark.parametrize(
    ("actor", "dealer", "reason", "error"),
    [
        (MANAGER, DEALER, "so", NotAllowed),
        (FINANCE, DEALER, "so", NotAllowed),
        (RISK, "  ", "so", InvalidDealer),
        (RISK, "车" * 101, "so", InvalidDealer),
        (RISK, DEALER, " ", InvalidDealer),
    ],
)
def test_risk_blocks_dealers_by_name_and_with_a_reason(
    procedure: Procedure, actor: Actor, dealer: str, reason: str, error: type[Exception]
) -> None:
    with procedure.at() as work, pytest.raises(error):
        set_standing(work, actor, dealer, blocked=True, reason=reason)


@pytest.mark.parametrize(
    ("lines", "field", "state"),
    [
        (("开票日期：2026年1月3日",), "invoice_number", "missing"),
        (("发票号码：12345678",), "invoice_date", "missing"),
        (("发票号码：12345678", "开票日期：2024年1月3日"), "invoice_date", "differs"),
        (("发票号码：12345678", "开票日期：2026年1月6日"), "invoice_date", "differs"),
        (("发票号码：12345678", "开票日期：2026年1月5日"), "invoice_date", "agrees"),
        (("发票号码：12345678",), "invoice_number", "agrees"),
    ],
)
def test_an_invoice_has_a_number_and_a_day_of_the_last_year(lines: tuple[str, ...], field: str, state: str) -> None:
    found = compare("vehicle_invoice", read("机动车销售统一发票", *lines), FORM, {}, date(2026, 1, 5))
    assert {one.field: one.state.value for one in found.checks}[field] == state


def test_the_number_that_the_form_states_has_to_be_the_invoices() -> None:
    invoice = read("机动车销售统一发票", "发票号码：12345678")
    checks = compare("vehicle_invoice", invoice, {**FORM, "invoice_number": "12345679"}, {}).checks
    assert [(one.state.value, one.read) for one in checks if one.field == "invoice_number"] == [("differs", "12345678")]


def test_the_dealer_of_the_register_is_compared_where_he_is_another() -> None:
    invoice = read("机动车销售统一发票", DEALER)
    answers = {"vehicle": {"dealer": {"name": "大江二手车交易市场"}}}
    checks = compare("vehicle_invoice", invoice, {**FORM, "dealer": DEALER}, answers).checks
    assert [(one.source, one.state.value) for one in checks if one.field == "dealer"] == [
        ("form", "agrees"),
        ("vehicle", "missing"),
    ]
