"""Webhooks by API."""

from tests.api.serving import Caller
from tests.services.procedure import Procedure

ADDRESS = {"url": "https://receiver.example/in", "events": ["loan.settled"], "description": "the shop's system"}
MACHINE = "integrator-demo"


def test_a_machine_registers_an_address_and_sees_its_secret_once(api: Caller) -> None:
    made = api.post("/webhooks", ADDRESS, MACHINE)
    assert made.status_code == 201, made.text
    secret = made.json().pop("secret")
    assert secret.startswith("whsec_")
    (listed,) = api.get("/webhooks", MACHINE).json()["items"]
    assert listed == {name: value for name, value in made.json().items() if name != "secret"}
    assert secret not in api.get("/webhooks", MACHINE).text
    renewed = api.post(f"/webhooks/{listed['id']}/secret", None, MACHINE).json()
    assert renewed["secret"] != secret
    assert renewed["old_secret_ends"] is not None


def test_a_test_event_is_listed_and_can_be_sent_again(api: Caller) -> None:
    webhook = api.post("/webhooks", ADDRESS, MACHINE).json()["id"]
    tested = api.post(f"/webhooks/{webhook}/test", None, MACHINE)
    assert (tested.status_code, tested.json()["event"]) == (202, "webhook.test")
    (row,) = api.get(f"/webhooks/{webhook}/deliveries", MACHINE).json()["items"]
    assert row == tested.json()
    assert api.post(f"/webhooks/{webhook}/replay", {"first": 1, "last": 1}, MACHINE).json() == {"events": 1}
    assert api.call("DELETE", f"/webhooks/{webhook}", MACHINE).status_code == 204
    assert api.get(f"/webhooks/{webhook}/deliveries", MACHINE).json()["code"] == "unknown_webhook"


def test_deliveries_follow_each_other_page_by_page(api: Caller) -> None:
    webhook = api.post("/webhooks", ADDRESS, MACHINE).json()["id"]
    for _ in range(3):
        api.post(f"/webhooks/{webhook}/test", None, MACHINE)
    first = api.get(f"/webhooks/{webhook}/deliveries?limit=2", MACHINE).json()
    assert [one["number"] for one in first["items"]] == [3, 2]
    rest = api.get(f"/webhooks/{webhook}/deliveries?limit=2&before={first['before']}", MACHINE).json()
    assert ([one["number"] for one in rest["items"]], rest["before"]) == ([1], None)


def test_bad_addresses_and_events_are_refused_at_their_field(api: Caller, procedure: Procedure) -> None:
    for change in ({"url": "http://receiver.example"}, {"url": "nonsense"}, {"events": ["loan.nothing"]}, {"more": 1}):
        refused = api.post("/webhooks", ADDRESS | change, MACHINE)
        assert refused.status_code == 422, refused.text
        assert refused.json()["fields"], refused.text
    with procedure.books.read() as work:
        assert work.webhooks.page() == []


def test_staff_have_no_addresses(api: Caller) -> None:
    for who in ("agent-lin", "risk-qian", "finance-sun", "auditor-wei"):
        assert api.post("/webhooks", ADDRESS, who).status_code == 403
    assert api.post("/webhooks", ADDRESS, "admin-gu").status_code == 403
    api.post("/webhooks", ADDRESS, MACHINE)
    assert len(api.get("/webhooks", "admin-gu").json()["items"]) == 1


def test_what_waits_to_be_told_is_a_gauge(api: Caller) -> None:
    webhook = api.post("/webhooks", ADDRESS, MACHINE).json()["id"]
    api.post(f"/webhooks/{webhook}/test", None, MACHINE)
    figures = api.client.get(f"{api.inner_url}/metrics").text.splitlines()
    assert "loanwright_webhook_events_waiting 1" in figures
    assert "loanwright_webhooks_disabled 0" in figures


def test_an_auditor_sees_whose_events_go_to_which_host_and_changes_nothing(api: Caller) -> None:
    webhook = api.post("/webhooks", ADDRESS | {"url": "https://example.com/in/a-secret-path?token=1"}, MACHINE).json()
    api.post(f"/webhooks/{webhook['id']}/test", None, MACHINE)
    (seen,) = api.get("/webhooks", "auditor-wei").json()["items"]
    assert (seen["id"], seen["owner_id"], seen["url"]) == (webhook["id"], webhook["owner_id"], "https://example.com")
    (row,) = api.get(f"/webhooks/{webhook['id']}/deliveries", "auditor-wei").json()["items"]
    assert row["event"] == "webhook.test"
    for verb, what in (("DELETE", ""), ("POST", "/secret"), ("POST", "/test"), ("POST", "/enable")):
        refused = api.call(verb, f"/webhooks/{webhook['id']}{what}", "auditor-wei")
        assert (refused.status_code, refused.json()["code"]) == (403, "not_allowed")
    assert api.get("/webhooks", "agent-lin").status_code == 403
