"""No debit goes without a mandate."""

from collections.abc import Iterator

import pytest

from simulators.bank.store import TREASURY_ACCOUNT, TREASURY_NAME
from tests.simulators.orders import debit, holder
from tests.simulators.running import Outside, running_outside

DAY = "2026-01-06"


@pytest.fixture(scope="module")
def bank(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Outside]:
    with running_outside(tmp_path_factory.mktemp("strict") / "bank") as outside:
        yield outside


def mandate(key: str, **changes: object) -> dict[str, object]:
    facts = {
        "key": key,
        "account": holder().account,
        "name": holder().name,
        "signed_on": DAY,
        "document_sha256": "b" * 64,
    }
    return facts | changes


def test_a_debit_without_a_mandate_is_declined_and_with_one_carried_out(bank: Outside) -> None:
    without = bank.answer("POST", "/bank/debits", debit(holder(), 500, DAY))
    assert (without["status"], without["reason_code"]) == ("declined", "mandate_missing")
    entered = bank.answer("POST", "/bank/mandates", mandate("L26000001:mandate:1"))
    order = debit(holder(), 500, DAY, mandate_id=entered["mandate_id"], mandate_signed_on=DAY)
    assert bank.answer("POST", "/bank/debits", order)["status"] == "settled"


def test_the_state_pays_under_an_agreement_of_its_own(bank: Outside) -> None:
    order = debit(holder(), 500, DAY, from_account=TREASURY_ACCOUNT, from_name=TREASURY_NAME)
    assert bank.answer("POST", "/bank/debits", order)["status"] == "settled"


def test_a_mandate_is_entered_once_per_key_and_survives_the_killed_bank(bank: Outside) -> None:
    first = bank.answer("POST", "/bank/mandates", mandate("L26000002:mandate:1"))
    bank.kill()
    bank.start()
    again = bank.answer("POST", "/bank/mandates", mandate("L26000002:mandate:1"))
    assert again == first | {"duplicate": True}
    other = bank.call("POST", "/bank/mandates", mandate("L26000002:mandate:1", document_sha256="c" * 64))
    assert (other.status_code, other.json()["code"]) == (409, "content_differs")


@pytest.mark.parametrize("mandate_id", ["MD0000009999", "MD", "", "MD-1", "MD1; DROP", "MD²"])
def test_a_number_that_no_mandate_has_is_unknown(bank: Outside, mandate_id: str) -> None:
    order = debit(holder(), 500, DAY, mandate_id=mandate_id, mandate_signed_on=DAY)
    assert bank.answer("POST", "/bank/debits", order)["reason_code"] == "mandate_unknown"
