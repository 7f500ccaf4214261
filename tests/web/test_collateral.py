"""The vehicle's pages: what is asked, a proof entered by one person and confirmed by another, signing, dealers."""

from models.collateral import ConditionKind
from models.tasks import TaskKind
from tests.services.procedure import AGENT, INTEGRATOR, Procedure
from tests.services.test_collateral_checks import invoiced
from tests.services.vehicles import confirmed, entered, paper, used_car
from tests.web.conftest import Come
from tests.web.serving import words
from tests.web.test_signing import HTMX, Desk

REGISTRATION = {"number": "110000123456", "issuer": "云川市车管所", "dated": "2026-01-05"}
INSURANCE = {
    "number": "PZ-1",
    "issuer": "示例财产保险公司",
    "dated": "2026-01-05",
    "until": "2027-01-04",
    "insured": "100,000",
    "lender_first": "yes",
}


def test_one_person_enters_a_registration_and_another_confirms_it(come: Come, procedure: Procedure) -> None:
    loan = used_car(procedure)
    page = f"/loans/{loan}/collateral"
    agent, manager = come("agent-lin"), come("manager-zhao")
    task = procedure.task(loan, TaskKind.REGISTRATION).id
    assert "See the vehicle" in words(agent.get(f"/tasks/{task}").text)
    assert "The mortgage is registered" in words(agent.get(f"/loans/{loan}").text)

    without = agent.post(f"{page}/registration", seen_at=f"{page}/registration", **REGISTRATION)
    assert (without.status_code, "Hand in the document first" in words(without.text)) == (422, True)
    paper(procedure, loan, "vehicle_registration")
    wrong = agent.post(f"{page}/registration", seen_at=f"{page}/registration", **REGISTRATION | {"dated": "2999-01-01"})
    assert (wrong.status_code, "not in the future" in words(wrong.text)) == (422, True)
    shown = agent.post(f"{page}/registration", seen_at=f"{page}/registration", **REGISTRATION)
    assert (shown.url.path, "waits for a second person" in words(shown.text)) == (page, True)
    assert "Does the document say so?" not in words(shown.text)

    with procedure.books.read() as work:
        ((evidence, _),) = work.collateral.evidence(loan)
    word = {"outcome": "approve", "reason": "compared with the document"}
    empty = manager.post(f"{page}/evidence/{evidence.id}", seen_at=page, **word | {"reason": " "})
    assert empty.status_code == 422
    shown = manager.post(f"{page}/evidence/{evidence.id}", seen_at=page, **word)
    assert "confirmed" in words(shown.text)
    assert "registered on" in words(shown.text)


def test_the_borrower_enters_his_insurance_and_sees_what_is_missing(come: Come, procedure: Procedure) -> None:
    loan = used_car(procedure)
    visitor = come(language="zh")
    visitor.sign_in_as_borrower(loan, "0001")
    assert "各方签署并满足以下条件后自动放款" in words(visitor.get(f"/my/{loan}").text)
    page = f"/my/{loan}/collateral"
    assert visitor.get(f"{page}/registration").status_code == 404
    paper(procedure, loan, "insurance_policy")
    shown = visitor.post(f"{page}/insurance", seen_at=f"{page}/insurance", **INSURANCE)
    assert (shown.url.path, "待他人复核" in words(shown.text)) == (page, True)
    with procedure.books.read() as work:
        ((evidence, _),) = work.collateral.evidence(loan)
    assert (evidence.insured_fen, evidence.lender_first) == (10_000_000, True)


def test_with_the_last_signature_the_borrower_learns_what_is_awaited(come: Come, procedure: Procedure) -> None:
    desk = Desk(come, procedure, loan=used_car(procedure))
    (party,) = desk.parties()
    desk.ask(party)
    status, said = desk.sign(party, desk.code(), **HTMX)
    assert (status, "The money goes out as soon as everything that it waits for is there" in said) == (200, True)
    assert "All have signed" in words(desk.page())
    assert "Accept the offer" not in words(desk.page())


def test_a_settled_loan_is_released_on_its_page(come: Come, procedure: Procedure) -> None:
    loan = procedure.running("auto", actor=AGENT)
    confirmed(procedure, loan, ConditionKind.REGISTRATION)
    key = procedure.prepayment(loan).payment_key
    assert key is not None
    procedure.settle(key)
    procedure.advance(loan)
    page = f"/loans/{loan}/collateral"
    agent = come("agent-lin")
    assert "Enter the release" in words(agent.get(page).text)
    shown = agent.post(f"{page}/release", seen_at=f"{page}/release", number="JC-1", dated="2026-01-05")
    assert (shown.url.path, "released on" in words(shown.text)) == (page, True)
    borrower = come()
    borrower.sign_in_as_borrower(loan, "0001")
    assert "released on" in words(borrower.get(f"/my/{loan}").text)


def test_only_who_may_is_given_a_form(come: Come, procedure: Procedure) -> None:
    loan = used_car(procedure)
    entered(procedure, loan, ConditionKind.REGISTRATION)
    auditor = come("auditor-wei")
    text = words(auditor.get(f"/loans/{loan}/collateral").text)
    assert "110000123456" in text
    assert "Does the document say so?" not in text
    assert "Enter the insurance" not in text
    assert auditor.get(f"/loans/{loan}/collateral/insurance").status_code == 403
    assert auditor.get(f"/loans/{loan}/collateral/plates").status_code == 403
    assert come("manager-zhao").get(f"/loans/{loan}/collateral/plates").status_code == 404
    assert auditor.get(f"/loans/{procedure.apply(actor=INTEGRATOR)}/collateral").status_code == 404


def test_risk_blocks_dealers_on_a_page(come: Come, procedure: Procedure) -> None:  # noqa: ARG001 seeds the books
    fields = {"dealer": "远帆汽车销售服务有限公司", "verdict": "block", "reason": "cars that do not exist"}
    risk, manager = come("risk-qian"), come("manager-zhao")
    shown = words(risk.post("/dealers", seen_at="/dealers", **fields).text)
    assert "远帆汽车销售服务有限公司 blocked" in shown
    assert risk.post("/dealers", seen_at="/dealers", **fields | {"verdict": "so"}).status_code == 422
    assert "cars that do not exist" in words(manager.get("/dealers").text)
    assert manager.post("/dealers", seen_at="/dealers", **fields).status_code == 403


def test_an_invoice_after_the_grade_counts_on_the_page_at_once(come: Come, procedure: Procedure) -> None:
    loan = procedure.graded("auto", actor=AGENT)
    manager = come("manager-zhao")
    before = words(manager.get(f"/loans/{loan}/collateral").text)
    invoiced(procedure, loan, price="90,000.00")
    after = words(manager.get(f"/loans/{loan}/collateral").text)
    assert "Value that is lent on ¥100,000.00" in before
    assert "Value that is lent on ¥90,000.00 Loan to value 88.89" in after
