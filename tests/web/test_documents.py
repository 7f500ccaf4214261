"""The page of a loan's documents: handing one in, the picture beside the fields, and a decision by somebody else."""

import re
from dataclasses import replace

import httpx
import pytest
from PIL import Image

from gateways.document_reader import DocumentReader
from models.customers import PartyRole
from models.documents import Reading, ReadingVerdict
from models.tasks import TaskKind
from services.documents import hand_in
from services.documents_comparing import FieldState
from services.documents_intake import PDF, PNG, REFUSALS
from services.documents_reading import conclude
from tests.gateways.test_document_reader import with_text
from tests.modules.applications import id_number
from tests.modules.test_student import PARENT
from tests.services.document_files import A_PDF, jpeg, letter, png, taken
from tests.services.procedure import AGENT, Procedure
from tests.services.test_document_kinds import BACK
from tests.services.test_document_people import card_of, give, nobodys, party_of
from tests.services.test_documents_comparing import read
from tests.services.test_documents_reading import concluded, good
from tests.web.conftest import Come
from tests.web.serving import Visitor, words
from web import document_words
from web.language import language

CARD = png(Image.new("L", (8, 8)))
NUMBER = id_number(sequence=999)


def doubtful(procedure: Procedure, loan: str, *, content: bytes = CARD) -> str:
    """A card with another name and number than the form has, as it was read."""
    page = read("姓名 王伟", f"公民身份号码 {NUMBER}", "2026年1月3日")
    reading = Reading("scan", 1, page.lines, jpeg(letter("card")), (778, 1100))
    with procedure.books.begin() as work:
        document = hand_in(work, AGENT, work.loans.get(loan), "id_card", "card.png", taken(content, PNG))
        work.session.flush()
        conclude(work, document.id, reading)
    return document.id


def upload(
    visitor: Visitor, page: str, content: bytes, name: str = "card.png", kind: str = "id_card", **further: str
) -> httpx.Response:
    """What comes of handing a file in on a page."""
    fields = {"csrf": visitor.token(page), "kind": kind, **further}
    return visitor.client.post(page, data=fields, files={"file": (name, content)})


def test_an_agent_and_the_borrower_hand_documents_in(come: Come, procedure: Procedure) -> None:
    loan = procedure.apply(actor=AGENT)
    agent = come("agent-lin")
    page = f"/loans/{loan}/documents"
    assert "Missing ID card" in words(agent.get(page).text)
    answer = upload(agent, page, CARD)
    said = words(answer.text)
    assert (answer.url.path, "ID card" in said, "Is being read" in said) == (page, True, True)
    assert "Missing ID card" not in said

    borrower = come()
    borrower.sign_in_as_borrower(loan, "0001")
    mine = f"/my/{loan}/documents"
    assert f'href="{mine}"' in borrower.get(f"/my/{loan}").text
    answer = upload(borrower, mine, A_PDF, "proof.pdf", "income_proof")
    assert (answer.status_code, answer.url.path) == (200, mine)
    said = words(answer.text)
    assert "Proof of income" in said
    assert "Is being read" not in said
    assert procedure.acts(loan).count("document_handed_in") == 2


@pytest.mark.parametrize(
    ("content", "name", "why"),
    [
        (CARD[:-20], "card.png", "cut off or damaged"),
        (CARD, "card.pdf", "ends like that of another type"),
        (b"MZ", "card.png", "no PDF, PNG or JPEG"),
        (b"", "", "empty or larger than 5 MiB"),
    ],
    ids=["cut off", "wrong name", "a program", "no file"],
)
def test_a_file_that_is_not_taken_says_why_at_the_field(
    come: Come, procedure: Procedure, content: bytes, name: str, why: str
) -> None:
    loan = procedure.apply()
    answer = upload(come("manager-zhao"), f"/loans/{loan}/documents", content, name)
    assert answer.status_code == 422
    problem = re.search(r'id="file-problem">.*?</div>', answer.text, re.DOTALL)
    assert problem is not None
    assert why in problem[0]


def test_every_reason_not_to_take_a_file_has_words_of_its_own() -> None:
    assert set(REFUSALS.values()) <= document_words.FILE_PROBLEMS.keys()
    assert set(document_words.VERDICTS) == set(document_words.VERDICT_COLOURS) == set(ReadingVerdict)
    assert set(document_words.STATES) == set(document_words.STATE_COLOURS) == set(FieldState)
    assert document_words.file_problem(REFUSALS["encrypted"], language("zh")) == "文件设有密码，请去除密码后上传。"


def test_a_form_of_another_site_or_too_large_keeps_nothing(come: Come, procedure: Procedure) -> None:
    loan = procedure.apply()
    manager, page = come("manager-zhao"), f"/loans/{loan}/documents"
    forged = manager.client.post(page, data={"csrf": "guessed", "kind": "id_card"}, files={"file": ("x.png", CARD)})
    plain = manager.post(page, seen_at=page, kind="id_card")
    large = upload(manager, page, b"x" * 5_400_000)
    assert (forged.status_code, plain.status_code, large.status_code) == (403, 403, 413)
    assert "empty or larger than 5 MiB" in words(large.text)
    assert "document_handed_in" not in procedure.acts(loan)


def test_a_document_in_doubt_shows_its_picture_beside_the_fields_and_is_decided(
    come: Come, procedure: Procedure
) -> None:
    loan = procedure.apply(actor=AGENT)
    document = doubtful(procedure, loan)
    task = procedure.task(loan, TaskKind.DOCUMENT).id
    manager, page = come("manager-zhao"), f"/loans/{loan}/documents"
    assert "could not match these documents" in words(manager.get(f"/tasks/{task}").text)
    assert "Documents in doubt" in words(manager.get("/inbox").text)

    shown = manager.get(page).text
    assert f'<image href="{page}/{document}/picture"' in shown
    assert shown.count("<rect") == 2
    said = words(shown)
    for part in ("王伟", NUMBER, "欧阳测试", "Differs", "2026年1月3日", "93% sure"):
        assert part in said
    picture = manager.get(f"{page}/{document}/picture")
    assert (picture.headers["content-type"], picture.content[:3]) == ("image/jpeg", b"\xff\xd8\xff")
    viewed = [entry.after for entry in procedure.entries(loan) if entry.act == "document_viewed"]
    assert viewed == [{"kind": "id_card", "part": "fields in full"}, {"part": "pages"}]

    without = manager.post(f"{page}/{document}/decision", seen_at=page, outcome="approve", reason="")
    assert without.status_code == 422
    decided = words(
        manager.post(f"{page}/{document}/decision", seen_at=page, outcome="refuse", reason="another person's").text
    )
    for part in ("Not taken", "another person's", "赵明远"):
        assert part in decided, part
    assert "This task is done" in words(manager.get(f"/tasks/{task}").text)
    again = manager.post(f"{page}/{document}/decision", seen_at=page, outcome="approve", reason="or not")
    assert again.status_code == 409


def test_who_does_not_decide_sees_numbers_masked_and_no_picture(come: Come, procedure: Procedure) -> None:
    loan = procedure.apply(actor=AGENT)
    document = doubtful(procedure, loan)
    page = f"/loans/{loan}/documents"
    for who in ("agent-lin", "auditor-wei"):
        visitor = come(who)
        shown = visitor.get(page).text
        assert "Differs" in shown
        assert NUMBER not in shown
        assert "<svg" not in shown.partition("<main")[2]
        refused = visitor.post(f"{page}/{document}/decision", seen_at=page, outcome="approve", reason="mine")
        assert refused.status_code == 403


@pytest.mark.parametrize("who", ["auditor-wei", "finance-sun", "admin-gu"])
def test_who_has_no_business_with_a_document_sees_how_it_stands_and_not_what_it_says(
    come: Come, procedure: Procedure, who: str
) -> None:
    loan = procedure.apply(actor=AGENT)
    document = doubtful(procedure, loan)
    visitor, page = come(who), f"/loans/{loan}/documents"
    shown = visitor.get(page).text
    assert "Differs" in shown
    assert "王伟" not in shown
    assert "欧阳测试" not in shown.partition("<main")[2]
    assert f"/{document}/" not in shown
    for address in ("picture", "file"):
        assert visitor.get(f"{page}/{document}/{address}").status_code == 403
    assert "document_viewed" not in procedure.acts(loan)


def test_a_stranger_to_the_loan_sees_nothing_of_it(come: Come, procedure: Procedure) -> None:
    loan = procedure.apply(actor=AGENT)
    document = doubtful(procedure, loan)
    for address in ("", f"/{document}/picture", f"/{document}/file"):
        assert come("agent-he").get(f"/loans/{loan}/documents{address}").status_code == 404
    borrower = come()
    borrower.sign_in_as_borrower(loan, "0001")
    assert borrower.get(f"/loans/{loan}/documents/{document}/picture").status_code == 403
    said = words(borrower.get(f"/my/{loan}/documents").text)
    assert "Differs" not in said
    assert "王伟" not in said


def test_the_same_file_of_another_customer_is_told_without_naming_him(come: Come, procedure: Procedure) -> None:
    loan, other = procedure.apply(actor=AGENT), procedure.apply(actor=AGENT)
    for number in (loan, other):
        doubtful(procedure, number)
    page = f"/loans/{loan}/documents"
    manager = words(come("manager-zhao").get(page).text)
    assert "Another customer handed in the same: the very file" in manager
    assert other not in manager
    assert other in words(come("risk-qian").get(page).text)
    borrower = come()
    borrower.sign_in_as_borrower(loan, "0001")
    assert "Another customer" not in words(borrower.get(f"/my/{loan}/documents").text)


def test_the_file_itself_is_saved_and_never_shown(come: Come, procedure: Procedure) -> None:
    loan = procedure.apply(actor=AGENT)
    document = doubtful(procedure, loan)
    answer = come("manager-zhao").get(f"/loans/{loan}/documents/{document}/file")
    assert answer.content == CARD
    assert answer.headers["content-disposition"] == "attachment; filename*=UTF-8''card.png"
    assert answer.headers["x-content-type-options"] == "nosniff"


def test_the_page_speaks_chinese(come: Come, procedure: Procedure) -> None:
    loan = procedure.apply(actor=AGENT)
    doubtful(procedure, loan)
    said = words(come("risk-qian", language="zh").get(f"/loans/{loan}/documents").text)
    for part in ("不一致", "是否采信该材料？", "材料所载", "缺少 收入证明", "置信度93%"):
        assert part in said, part


def test_a_document_is_handed_in_for_one_of_several_people_and_shown_as_his(come: Come, procedure: Procedure) -> None:
    loan, alone = procedure.apply("student", actor=AGENT, **PARENT), procedure.apply(actor=AGENT)
    agent, page = come("agent-lin"), f"/loans/{loan}/documents"
    assert "Whose document is it?" not in words(agent.get(f"/loans/{alone}/documents").text)
    parent = party_of(procedure, loan, PartyRole.JOINT_BORROWER)
    said = words(upload(agent, page, CARD, party=parent).text)
    assert f"ID card Joint borrower {PARENT['joint_borrower_name']}" in said
    assert "Missing ID card" in said
    for party, why in (("", "was handed in for another person"), ("0" * 32, "Choose a person of this loan")):
        answer = upload(agent, page, CARD, party=party)
        problem = re.search(r'id="party-problem">.*?</div>', answer.text, re.DOTALL)
        assert problem is not None
        assert (answer.status_code, why in problem[0]) == (422, True)


def test_the_borrower_hands_in_the_card_of_who_signs_with_him(come: Come, procedure: Procedure) -> None:
    loan = procedure.apply("student", **PARENT)
    borrower, mine = come(language="zh"), f"/my/{loan}/documents"
    borrower.sign_in_as_borrower(loan, "0001")
    assert "这是谁的材料？" in words(borrower.get(mine).text)
    answer = upload(borrower, mine, CARD, party=party_of(procedure, loan, PartyRole.JOINT_BORROWER))
    assert (answer.url.path, f"共同借款人 {PARENT['joint_borrower_name']}" in words(answer.text)) == (mine, True)


def test_who_takes_a_document_of_nobody_chooses_whose_it_is(come: Come, procedure: Procedure) -> None:
    loan = procedure.apply("student", actor=AGENT, **PARENT)
    document = give(procedure, loan, "id_card")
    nobodys(procedure, document)
    concluded(procedure, document, card_of(PARENT, "joint_borrower_"))
    manager, page = come("manager-zhao"), f"/loans/{loan}/documents"
    shown = manager.get(page).text
    assert "Nobody has said whose it is" in words(shown)
    assert f'<select class="form-select" id="party-{document}" name="party"' in shown
    word = {"outcome": "approve", "reason": "her mother's"}
    assert manager.post(f"{page}/{document}/decision", seen_at=page, **word).status_code == 422
    parent = party_of(procedure, loan, PartyRole.JOINT_BORROWER)
    said = words(manager.post(f"{page}/{document}/decision", seen_at=page, party=parent, **word).text)
    assert f"Joint borrower {PARENT['joint_borrower_name']}" in said
    assert "Nobody has said whose it is" not in said


def test_a_pdf_with_a_text_layer_shows_its_page_beside_the_fields(come: Come, procedure: Procedure) -> None:
    loan = procedure.apply(actor=AGENT)
    with procedure.at() as work:
        document = hand_in(work, AGENT, work.loans.get(loan), "income_proof", "x.pdf", taken(with_text())).id
    concluded(procedure, document, DocumentReader().read(with_text(), PDF))
    manager, page = come("manager-zhao"), f"/loans/{loan}/documents"
    assert f'<image href="{page}/{document}/picture"' in manager.get(page).text
    picture = manager.get(f"{page}/{document}/picture")
    assert (picture.status_code, picture.headers["content-type"]) == (200, "image/jpeg")


def test_what_stands_on_the_second_page_is_framed_there(come: Come, procedure: Procedure) -> None:
    loan = procedure.apply(actor=AGENT)
    second = read("姓名 王伟", f"公民身份号码 {NUMBER}")
    lines = tuple(tuple(replace(word, page=2) for word in line) for line in second.lines)
    sizes = ((1000, 500), (400, 1000), (0, 0))
    concluded(procedure, give(procedure, loan, "id_card"), Reading("scan", 3, lines, CARD, (1000, 1500), sizes))
    shown = come("manager-zhao").get(f"/loans/{loan}/documents").text
    assert re.findall(r'<svg class="lw-document" viewBox="([0-9 ]+)"', shown) == ["0 0 1000 500", "0 500 400 1000"]
    first, _, other = shown.partition('viewBox="0 500 400 1000"')
    assert (first.count("<rect"), other.count("<rect")) == (0, 2)
    # The name stands at 160 thousandths from the left and 100 from the top, two signs wide.
    assert 'x="64" y="600" width="15" height="40"' in other


def test_what_agrees_can_be_looked_at_as_well(come: Come, procedure: Procedure) -> None:
    loan = procedure.apply(actor=AGENT)
    document = give(procedure, loan, "income_proof")
    concluded(procedure, document, good(procedure, loan))
    manager, page = come("manager-zhao"), f"/loans/{loan}/documents"
    shown = manager.get(page).text
    assert f'<a href="{page}/{document}/picture">' in shown
    assert "<svg" not in shown.partition("<main")[2]


def test_the_borrower_reads_that_the_back_of_his_card_is_not_the_front(come: Come, procedure: Procedure) -> None:
    loan = procedure.apply(actor=AGENT)
    concluded(procedure, give(procedure, loan, "id_card"), read(*BACK))
    borrower = come()
    borrower.sign_in_as_borrower(loan, "0001")
    said = words(borrower.get(f"/my/{loan}/documents").text)
    assert "The back, which does not stand for the front" in said
    assert "Missing ID card" in said
    assert "% sure" not in said


def test_what_was_not_taken_stands_so_on_the_borrowers_pages_until_another_one_is_there(
    come: Come, procedure: Procedure
) -> None:
    loan = procedure.graded(actor=AGENT)
    document = doubtful(procedure, loan)
    manager, page = come("risk-qian"), f"/loans/{loan}/documents"
    reason = "the name of somebody else stands on it"
    manager.post(f"{page}/{document}/decision", seen_at=page, outcome="refuse", reason=reason)
    assert "It has to be handed in again: ID card" in words(manager.get(page).text)

    mine = f"/my/{loan}/documents"
    for code, again, refused in (
        ("en", "We looked at this and could not take it. Please hand it in again: ID card", "Not taken: to be handed"),
        ("zh", "以下材料经审核未被采用，请重新提交： 身份证", "不予采信"),
    ):
        borrower = come(language=code)
        borrower.sign_in_as_borrower(loan, "0001")
        assert again in words(borrower.get(f"/my/{loan}").text)
        listed = words(borrower.get(mine).text)
        assert again in listed
        assert refused in listed
        # Why, is for the lender's own people.
        assert (reason in listed, "Handed in ID card" in listed, "93% sure" in listed) == (False, False, False)
    assert "was not taken: please hand it in again" in words(borrower.get(f"/my/{loan}").text)

    task = procedure.task(loan, TaskKind.DOCUMENT_AGAIN).id
    agent = come("agent-lin")
    said = words(agent.get(f"/tasks/{task}").text)
    assert "Get it anew from the borrower" in said
    assert "To be handed in again: ID card (Borrower)" in said
    assert "To be handed in again: ID card (Borrower)" in words(agent.get("/inbox").text)

    upload(borrower, mine, png(Image.new("L", (9, 9))))
    listed = words(borrower.get(mine).text)
    assert "请重新提交：" not in listed
    assert "请重新提交： 身份证" not in words(borrower.get(f"/my/{loan}").text)
