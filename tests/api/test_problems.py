"""Problem details: what was sent in place of a field's name is not repeated, and who comes second is told so."""

from pathlib import Path

import pytest
from sqlalchemy import inspect, text

from services.forms import UNREADABLE_NAME
from tests.api.serving import Caller, serving
from tests.api.test_permissions import refusals
from tests.books.migrated import seeded_file
from tests.modules.applications import application, id_number
from tests.servers.shared import SharedServers
from tests.services.document_files import A_PDF
from tests.services.procedure import Procedure

APPLICATION = {"product": "micro", "form": application("micro"), "consent": "2026-01"}


@pytest.mark.parametrize(
    ("name", "shown"), [(id_number(), UNREADABLE_NAME), ("张三", UNREADABLE_NAME), ("remark", "remark")]
)
def test_an_unknown_field_is_named_only_if_it_looks_like_a_field(
    api: Caller, procedure: Procedure, name: str, shown: str
) -> None:
    loan = procedure.apply()
    key = {"Idempotency-Key": "wrong"}

    in_form = APPLICATION | {"form": application("micro") | {name: "x"}}
    for path, body in (
        ("/applications", APPLICATION | {name: "x"}),
        ("/applications", in_form),
        (f"/loans/{loan}/withdrawal", {name: "x"}),
    ):
        answer = api.post(path, body, "integrator-demo", headers=key)
        assert answer.status_code == 422, answer.text
        assert answer.json()["fields"].keys() == {shown}
        assert shown == name or name not in answer.text


def test_who_comes_second_is_told_so_and_that_is_on_record(servers: SharedServers, tmp_path: Path) -> None:
    with seeded_file(servers, tmp_path) as books, serving(books) as api:
        loan = Procedure(books).apply()
        with books.begin() as work:
            connection = work.session.connection()
            columns = [column["name"] for column in inspect(connection).get_columns("document")]
            # Somebody writes the same row at the very last moment.
            values = ", ".join(f"NEW.{column}" for column in columns)
            write = f"INSERT INTO document ({', '.join(columns)}) VALUES ({values})"
            connection.execute(text(f"CREATE TRIGGER other AFTER INSERT ON document BEGIN {write}; END"))
        file = {"file": ("card.pdf", A_PDF)}
        answer = api.call("POST", f"/loans/{loan}/documents", "integrator-demo", data={"kind": "id_card"}, files=file)
        assert (answer.status_code, answer.json()["code"]) == (409, "done_meanwhile")
        (entry,) = refusals(books)
        assert (entry.act, entry.loan, entry.actor_id) == ("upload_document", loan, "integrator-demo")
        assert (entry.reason or "").startswith("done_meanwhile: ")
