"""Documents by API: the content says what it is, the same one is kept once, and papers are made on asking."""

import hashlib
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest
from PIL import Image

from activities.papers import PaperPress
from models.tasks import TaskKind
from services.documents import FOLDERS_IN_NAME, MOST_DOCUMENTS, hand_in
from services.documents_intake import LARGEST_BYTES
from services.documents_reading import conclude
from tests.api.serving import Caller
from tests.modules.test_student import PARENT
from tests.services.document_files import A_PDF, png, taken
from tests.services.papers import squeezed
from tests.services.procedure import AGENT, Procedure
from tests.services.test_document_people import nobodys
from tests.services.test_documents_comparing import read
from tests.services.test_documents_reading import concluded

PDF = A_PDF
CARD = png(Image.new("L", (8, 8)))


def another(n: int) -> bytes:
    """Another picture for every number."""
    return png(Image.new("L", (8, 9 + n)))


def upload(
    api: Caller,
    loan: str,
    content: bytes = PDF,
    *,
    kind: str = "id_card",
    who: str = "integrator-demo",
    name: str = "card.pdf",
    **further: str,
) -> httpx.Response:
    """The answer to an upload."""
    fields = {"kind": kind, **further}
    return api.call("POST", f"/loans/{loan}/documents", who, data=fields, files={"file": (name, content)})


def test_a_document_is_kept_and_listed(api: Caller, procedure: Procedure) -> None:
    loan = procedure.apply()

    answer = upload(api, loan)

    assert answer.status_code == 201
    kept = answer.json()
    assert (kept["media_type"], kept["size_bytes"]) == ("application/pdf", len(PDF))
    assert kept["sha256"] == hashlib.sha256(PDF).hexdigest()
    waiting = {"verdict": None, "confidence": None, "doubtful": False, "outcome": None}
    # Until it is read nobody knows what it says.
    needed = [{"kind": "id_card", "standing": "unread"}, {"kind": "income_proof", "standing": "missing"}]
    listed = {"items": [kept | {"reading": waiting}], "doubtful": 0, "needed": needed, "again": []}
    assert api.get(f"/loans/{loan}/documents").json() == listed


def test_the_same_document_is_kept_once(api: Caller, procedure: Procedure) -> None:
    loan = procedure.apply()

    first, second = upload(api, loan), upload(api, loan)

    assert (first.status_code, second.status_code) == (201, 200)
    assert first.json() == second.json()


def test_the_same_document_at_the_same_moment_is_kept_once(api: Caller, procedure: Procedure) -> None:
    loan = procedure.apply()

    with ThreadPoolExecutor(8) as senders:
        answers = list(senders.map(lambda _: upload(api, loan), range(8)))

    assert {one.status_code for one in answers} <= {200, 201, 409}
    assert {one.json()["code"] for one in answers if one.status_code == 409} <= {"done_meanwhile"}
    assert len(api.get(f"/loans/{loan}/documents").json()["items"]) == 1


def test_a_document_is_of_the_borrower_unless_the_sender_names_another_person(
    api: Caller, procedure: Procedure
) -> None:
    loan = procedure.apply("student", **PARENT)
    people = api.get(f"/loans/{loan}/authorisations").json()["people"]
    party = {one["role"]: one["party"] for one in people}
    own, parents = upload(api, loan), upload(api, loan, CARD, name="card.png", party=party["joint_borrower"])
    assert [own.json()["party"], parents.json()["party"]] == [party["borrower"], party["joint_borrower"]]
    listed = api.get(f"/loans/{loan}/documents").json()
    assert [one["party"] for one in listed["items"]] == [party["borrower"], party["joint_borrower"]]
    for wrong in (
        upload(api, loan, party=party["joint_borrower"]),
        upload(api, loan, another(1), name="x.png", party="0" * 32),
    ):
        assert (wrong.status_code, list(wrong.json()["fields"])) == (422, ["party"])


def test_who_takes_a_document_of_nobody_says_whose_it_is(api: Caller, procedure: Procedure) -> None:
    loan = procedure.apply("student", **PARENT)
    document = upload(api, loan).json()["id"]
    nobodys(procedure, document)
    concluded(procedure, document, read("公民身份号码", "姓名 无人"))
    people = api.get(f"/loans/{loan}/authorisations").json()["people"]
    address = f"/loans/{loan}/documents/{document}/decision"
    word = {"outcome": "approve", "reason": "seen by eye"}
    refused = api.post(address, word, "manager-zhao")
    assert (refused.status_code, list(refused.json()["fields"])) == (422, ["party"])
    decided = api.post(address, word | {"party": people[1]["party"]}, "manager-zhao")
    assert (decided.status_code, decided.json()["party"]) == (200, people[1]["party"])


WRONG: list[tuple[bytes, str, str]] = [
    (b"GIF89a", "id_card", "file"),
    (b"<html>%PDF-", "id_card", "file"),
    (b"", "id_card", "file"),
    (PDF, "love_letter", "kind"),
    (PDF, "ID CARD", "kind"),
    (PDF.ljust(LARGEST_BYTES + 1), "id_card", "file"),
    (PDF[:-9], "id_card", "file"),
    (CARD[:-20], "id_card", "file"),
    (CARD + b"PK", "id_card", "file"),
]


def test_what_is_no_document_of_the_product_is_refused(api: Caller, procedure: Procedure) -> None:
    loan = procedure.apply()

    for content, kind, field in WRONG:
        answer = upload(api, loan, content, kind=kind, name="card")
        assert (answer.status_code, list(answer.json()["fields"])) == (422, [field]), (content[:9], kind)


def test_an_upload_far_too_large_is_refused_before_it_is_read(api: Caller, procedure: Procedure) -> None:
    answer = upload(api, procedure.apply(), b"x" * (LARGEST_BYTES + 200_000))

    assert (answer.status_code, answer.json()["code"]) == (413, "body_too_large")


def test_a_document_for_anothers_loan_is_refused(api: Caller, procedure: Procedure) -> None:
    loan = procedure.apply(actor=AGENT)

    assert upload(api, loan, who="agent-he").status_code == 404
    assert upload(api, loan, who="finance-sun").status_code == 403


def test_a_file_name_keeps_no_sign_that_cannot_be_printed(api: Caller, procedure: Procedure) -> None:
    loan = procedure.apply()

    def sent(name: str, content: bytes) -> httpx.Response:
        part = f'--b\r\nContent-Disposition: form-data; name="file"; filename="{name}"\r\n\r\n'.encode()
        kind = b'\r\n--b\r\nContent-Disposition: form-data; name="kind"\r\n\r\nid_card\r\n--b--\r\n'
        headers = {"Content-Type": "multipart/form-data; boundary=b"}
        body = part + content + kind
        return api.call("POST", f"/loans/{loan}/documents", "integrator-demo", headers=headers, content=body)

    assert sent("身份证\x07\x7f.png", CARD).json()["filename"] == "身份证.png"
    assert sent("\t", another(2)).json()["filename"] == "document"


@pytest.mark.parametrize("name", ["../../../etc/card.png", "folder/card.png", "folder\\card.png"])
def test_a_file_name_with_folders_is_refused_and_on_record(api: Caller, procedure: Procedure, name: str) -> None:
    loan = procedure.apply()

    answer = upload(api, loan, CARD, name=name)

    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_document")
    assert answer.json()["fields"] == {"file": FOLDERS_IN_NAME}
    assert api.get(f"/loans/{loan}/documents", "integrator-demo").json()["items"] == []
    refused = [one for one in procedure.entries(loan) if one.refused]
    assert [(one.act, one.actor_id) for one in refused] == [("upload_document", "integrator-demo")]
    assert "etc" not in str(refused)


def test_a_document_beyond_the_number_of_a_loan_is_refused(api: Caller, procedure: Procedure) -> None:
    loan = procedure.apply()
    with procedure.at() as work:
        for n in range(MOST_DOCUMENTS - 1):
            hand_in(work, AGENT, work.loans.get(loan), "id_card", "card.pdf", taken(b"%d" % n))

    with ThreadPoolExecutor(4) as senders:
        answers = list(senders.map(lambda n: upload(api, loan, another(n), name="card.png"), range(4)))

    assert sorted(one.status_code for one in answers) == [201, 409, 409, 409]
    assert {one.json().get("code") for one in answers if one.status_code == 409} == {"too_many_documents"}


def test_an_upload_without_file_or_kind_names_both(api: Caller, procedure: Procedure) -> None:
    answer = api.call("POST", f"/loans/{procedure.apply()}/documents", "integrator-demo", data={})

    assert answer.status_code == 422
    assert answer.json()["fields"].keys() == {"kind", "file"}


def test_a_document_in_doubt_is_listed_and_decided_by_another_person(api: Caller, procedure: Procedure) -> None:
    loan = procedure.apply(actor=AGENT)
    document = upload(api, loan, CARD, who="agent-lin", name="card.png").json()["id"]
    with procedure.books.begin() as work:
        conclude(work, document, read("录取通知书", "一份与身份证无关的材料"))

    listed = api.get(f"/loans/{loan}/documents").json()
    assert listed["doubtful"] == 1
    assert listed["items"][0]["reading"] == {
        "verdict": "wrong_kind",
        "confidence": 93,
        "doubtful": True,
        "outcome": None,
    }
    task = procedure.task(loan, TaskKind.DOCUMENT).id
    past = api.post(f"/tasks/{task}/decision", {"outcome": "done", "reason": "seen"})
    assert (past.status_code, past.json()["code"]) == (403, "not_allowed")

    address = f"/loans/{loan}/documents/{document}/decision"
    body = {"outcome": "refuse", "reason": "a letter of admission, not the card"}
    assert api.post(address, body, "agent-lin").status_code == 403
    assert api.post(address, {"outcome": "return", "reason": "x"}).status_code == 422
    decided = api.post(address, body)
    assert (decided.status_code, decided.json()["reading"]["outcome"]) == (200, "refuse")
    assert api.post(address, body).json()["code"] == "nothing_doubtful"
    assert api.post(f"/loans/{loan}/documents/{'0' * 32}/decision", body).status_code == 404
    assert api.get(f"/tasks/{task}").json()["status"] == "done"


def test_a_document_that_was_not_taken_is_listed_as_wanted_again(api: Caller, procedure: Procedure) -> None:
    loan = procedure.graded(actor=AGENT)
    document = upload(api, loan, CARD, who="agent-lin", name="card.png").json()
    with procedure.books.begin() as work:
        conclude(work, document["id"], read("录取通知书", "一份与身份证无关的材料"))
    assert api.get(f"/loans/{loan}/documents").json()["again"] == []
    body = {"outcome": "refuse", "reason": "a letter of admission, not the card"}
    assert api.post(f"/loans/{loan}/documents/{document['id']}/decision", body).status_code == 200

    listed = api.get(f"/loans/{loan}/documents", "agent-lin").json()
    assert listed["again"] == [{"kind": "id_card", "party": document["party"]}]
    assert {"kind": "id_card", "standing": "refused"} in listed["needed"]
    (task,) = [one for one in api.get("/tasks", "agent-lin").json()["items"] if one["kind"] == "document_again"]
    assert (task["loan"], task["role"]) == (loan, "agent")

    upload(api, loan, another(1), who="agent-lin", name="card.png")
    listed = api.get(f"/loans/{loan}/documents", "agent-lin").json()
    assert listed["again"] == []
    assert {"kind": "id_card", "standing": "unread"} in listed["needed"]


def ask(api: Caller, loan: str, kind: str, body: object = None, who: str = "integrator-demo") -> httpx.Response:
    """The answer to asking for a paper."""
    return api.post(f"/loans/{loan}/papers/{kind}", {} if body is None else body, who)


def test_what_was_handed_in_comes_back_as_it_was_and_that_is_recorded(api: Caller, procedure: Procedure) -> None:
    loan = procedure.apply()
    kept = upload(api, loan, name="我的 card.pdf").json()

    answer = api.get(f"/loans/{loan}/documents/{kept['id']}/content", "risk-qian")

    assert (answer.status_code, answer.content) == (200, PDF)
    assert answer.headers["content-type"] == "application/pdf"
    assert answer.headers["content-disposition"] == "attachment; filename*=UTF-8''%E6%88%91%E7%9A%84%20card.pdf"
    assert answer.headers["content-security-policy"] == "default-src 'none'; sandbox"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["x-document-sha256"] == kept["sha256"]
    entry = procedure.entries(loan)[-1]
    assert (entry.act, entry.actor_id, entry.subject) == ("document_viewed", "risk-qian", kept["id"])


def test_what_was_handed_in_is_opened_by_who_works_on_the_case_and_listed_for_the_others(
    api: Caller, procedure: Procedure
) -> None:
    loan = procedure.offered()
    kept = upload(api, loan).json()["id"]
    order = ask(api, loan, "contract").json()["id"]
    PaperPress(procedure.books).make_all()

    for who in ("auditor-wei", "finance-sun", "admin-gu"):
        refused = api.get(f"/loans/{loan}/documents/{kept}/content", who)
        assert (refused.status_code, refused.json()["code"]) == (403, "not_allowed")
        entry = procedure.entries(loan)[-1]
        assert (entry.act, entry.actor_id, entry.refused) == ("show_document", who, True)
        assert kept in {one["id"] for one in api.get(f"/loans/{loan}/documents", who).json()["items"]}
        assert api.get(f"/loans/{loan}/documents/{order}/content", who).status_code == 200
    for who in ("manager-zhao", "risk-qian", "integrator-demo"):
        assert api.get(f"/loans/{loan}/documents/{kept}/content", who).content == PDF


def test_who_has_no_business_with_a_document_is_not_told_what_its_file_is_called(
    api: Caller, procedure: Procedure
) -> None:
    loan = procedure.offered()
    kept = upload(api, loan, name="张三 110101199003074512.pdf").json()["id"]
    paper = ask(api, loan, "contract").json()
    PaperPress(procedure.books).make_all()

    def names(who: str) -> dict[str, str | None]:
        return {one["id"]: one["filename"] for one in api.get(f"/loans/{loan}/documents", who).json()["items"]}

    for who in ("auditor-wei", "finance-sun", "admin-gu"):
        assert names(who)[kept] is None
        assert "110101199003074512" not in api.get(f"/loans/{loan}/documents", who).text
    for who in ("manager-zhao", "risk-qian", "integrator-demo"):
        assert names(who)[kept] == "张三 110101199003074512.pdf"
    assert names("auditor-wei")[paper["id"]] == f"{paper['number']}.zh.pdf"


def test_a_document_is_shown_to_those_who_see_its_loan_and_under_its_own_loan_only(
    api: Caller, procedure: Procedure
) -> None:
    loan, other = procedure.apply(actor=AGENT), procedure.apply(actor=AGENT)
    kept = upload(api, loan, who="agent-lin").json()["id"]

    for number, document, who in ((loan, kept, "agent-he"), (other, kept, "agent-lin"), (loan, "0" * 32, "agent-lin")):
        assert api.get(f"/loans/{number}/documents/{document}/content", who).status_code == 404
    assert api.get(f"/loans/{loan}/documents/nothing/content", "agent-lin").status_code == 404
    assert "document_viewed" not in procedure.acts(loan)


def test_a_statement_is_made_on_asking_and_asked_for_again_it_is_the_same(api: Caller, procedure: Procedure) -> None:
    loan = procedure.running()

    first = ask(api, loan, "statement", {"language": "en"})
    assert first.status_code == 202
    view = first.json()
    assert (view["kind"], view["language"], view["ready"]) == ("statement", "en", False)
    assert first.headers["location"] == view["content"]
    path = view["content"].removeprefix("/api/v1")
    waiting = api.get(path, "integrator-demo")
    assert (waiting.status_code, waiting.json()["code"]) == (409, "paper_not_ready")

    assert PaperPress(procedure.books).make_all() == 1

    shown = api.get(path, "integrator-demo")
    assert shown.status_code == 200
    assert "AccountStatement" in squeezed(shown.content)
    assert view["number"] in squeezed(shown.content)
    again = ask(api, loan, "statement", {"language": "en"})
    assert (again.status_code, again.json()) == (200, view | {"ready": True})
    documents = api.get(f"/loans/{loan}/documents").json()["items"]
    (listed,) = (one for one in documents if one["kind"] == "statement")
    assert (listed["id"], listed["language"], listed["terms_version"]) == (view["id"], "en", 1)


def test_a_receipt_is_asked_for_by_the_key_that_the_transactions_list(api: Caller, procedure: Procedure) -> None:
    loan = procedure.running()
    procedure.deposit(loan, 12_345)
    procedure.advance(loan)
    keys = {one["kind"]: one["key"] for one in api.get(f"/loans/{loan}/transactions").json()["payments"]}

    asked = ask(api, loan, "receipt", {"payment": keys["deposit"]})
    refused = ask(api, loan, "receipt", {"payment": keys["disbursement"]})

    assert (asked.status_code, refused.status_code) == (202, 422)
    assert list(refused.json()["fields"]) == ["payment"]
    PaperPress(procedure.books).make_all()
    shown = squeezed(api.get(asked.json()["content"].removeprefix("/api/v1")).content)
    assert "¥123.45" in shown
    assert "人民币壹佰贰拾叁元肆角伍分" in shown


def test_a_certificate_is_refused_until_the_loan_is_settled(api: Caller, procedure: Procedure) -> None:
    loan = procedure.running()
    refused = ask(api, loan, "settlement_certificate")
    assert (refused.status_code, refused.json()["code"]) == (409, "wrong_stage")
    assert procedure.entries(loan)[-1].refused

    procedure.settle(procedure.prepayment(loan).payment_key or "")
    procedure.advance(loan)

    asked = ask(api, loan, "settlement_certificate")
    assert asked.status_code == 202
    PaperPress(procedure.books).make_all()
    assert "结清证明" in squeezed(api.get(asked.json()["content"].removeprefix("/api/v1")).content)


@pytest.mark.parametrize(
    ("kind", "body", "status"),
    [
        ("statement", {"from": "2026-01-05"}, 422),
        ("statement", {"from": "2026-01-06", "to": "2026-01-05"}, 422),
        ("statement", {"from": "2026-01-05", "to": "2027-01-05"}, 422),
        ("statement", {"language": "fr"}, 422),
        ("statement", {"since": "2026-01-05"}, 422),
        ("receipt", {}, 422),
        ("love_letter", {}, 404),
        ("contract", {}, 200),
        ("contract", {"language": "en"}, 202),
    ],
)
def test_a_paper_is_asked_for_in_full(
    api: Caller, procedure: Procedure, kind: str, body: dict[str, str], status: int
) -> None:
    assert ask(api, procedure.running(), kind, body).status_code == status


def test_nobody_asks_for_papers_of_anothers_loan(api: Caller, procedure: Procedure) -> None:
    loan = procedure.apply(actor=AGENT)

    assert ask(api, loan, "contract", who="agent-he").status_code == 404
    assert ask(api, loan, "contract", who="agent-lin").status_code == 409


def test_the_same_paper_asked_for_at_the_same_moment_is_one(api: Caller, procedure: Procedure) -> None:
    loan = procedure.offered()

    with ThreadPoolExecutor(6) as senders:
        answers = list(senders.map(lambda _: ask(api, loan, "contract"), range(6)))

    assert {one.status_code for one in answers} <= {202, 409}
    assert len({one.json()["id"] for one in answers if one.status_code == 202}) == 1
    assert PaperPress(procedure.books).make_all() == 1
