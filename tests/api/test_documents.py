"""Documents by API: the content says what it is, and the same one is kept once."""

import hashlib
from concurrent.futures import ThreadPoolExecutor

import httpx

from services.documents import LARGEST_BYTES, MOST_DOCUMENTS, hand_in
from tests.api.serving import Caller
from tests.services.procedure import AGENT, Procedure

PDF = b"%PDF-1.7\n% made up\n"


def upload(
    api: Caller,
    loan: str,
    content: bytes = PDF,
    *,
    kind: str = "id_card",
    who: str = "integrator-demo",
    name: str = "card.pdf",
) -> httpx.Response:
    """The answer to an upload."""
    return api.call("POST", f"/loans/{loan}/documents", who, data={"kind": kind}, files={"file": (name, content)})


def test_a_document_is_kept_and_listed(api: Caller, procedure: Procedure) -> None:
    loan = procedure.apply()

    answer = upload(api, loan)

    assert answer.status_code == 201
    kept = answer.json()
    assert (kept["media_type"], kept["size_bytes"]) == ("application/pdf", len(PDF))
    assert kept["sha256"] == hashlib.sha256(PDF).hexdigest()
    assert api.get(f"/loans/{loan}/documents").json()["items"] == [kept]


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


WRONG: list[tuple[bytes, str, str]] = [
    (b"GIF89a", "id_card", "file"),
    (b"<html>%PDF-", "id_card", "file"),
    (b"", "id_card", "file"),
    (PDF, "love_letter", "kind"),
    (PDF, "ID CARD", "kind"),
    (PDF + b"x" * LARGEST_BYTES, "id_card", "file"),
]


def test_what_is_no_document_of_the_product_is_refused(api: Caller, procedure: Procedure) -> None:
    loan = procedure.apply()

    for content, kind, field in WRONG:
        answer = upload(api, loan, content, kind=kind)
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

    def name_kept(name: str, content: bytes) -> str:
        part = f'--b\r\nContent-Disposition: form-data; name="file"; filename="{name}"\r\n\r\n'.encode()
        kind = b'\r\n--b\r\nContent-Disposition: form-data; name="kind"\r\n\r\nid_card\r\n--b--\r\n'
        headers = {"Content-Type": "multipart/form-data; boundary=b"}
        sent = part + content + kind
        answer = api.call("POST", f"/loans/{loan}/documents", "integrator-demo", headers=headers, content=sent)
        return str(answer.json()["filename"])

    assert name_kept("身份证\x07\x7f.pdf", PDF) == "身份证.pdf"
    assert name_kept("\t", PDF + b"2") == "document"
    assert name_kept("../../../etc/card.pdf", PDF + b"3") == "card.pdf"


def test_a_document_beyond_the_number_of_a_loan_is_refused(api: Caller, procedure: Procedure) -> None:
    loan = procedure.apply()
    with procedure.at() as work:
        for n in range(MOST_DOCUMENTS - 1):
            hand_in(work, AGENT, work.loans.get(loan), "id_card", "card.pdf", PDF + b"%d" % n)

    with ThreadPoolExecutor(4) as senders:
        answers = list(senders.map(lambda n: upload(api, loan, PDF + b"last %d" % n), range(4)))

    assert sorted(one.status_code for one in answers) == [201, 409, 409, 409]
    assert {one.json().get("code") for one in answers if one.status_code == 409} == {"too_many_documents"}


def test_an_upload_without_file_or_kind_names_both(api: Caller, procedure: Procedure) -> None:
    answer = api.call("POST", f"/loans/{procedure.apply()}/documents", "integrator-demo", data={})

    assert answer.status_code == 422
    assert answer.json()["fields"].keys() == {"kind", "file"}
