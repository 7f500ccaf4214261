"""Problem details: what was sent in place of a field's name is not repeated."""

import pytest

from services.forms import UNREADABLE_NAME
from tests.api.serving import Caller
from tests.modules.applications import application, id_number
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
