"""Events as a receiver gets them, and addresses that none is sent to."""

import base64

import pytest
from standardwebhooks import WebhookVerificationError

from gateways.errors import OutsideUnavailable
from gateways.webhooks import AddressInside, WebhookGateway, is_public
from tests.gateways.receiving import receiving

SECRET = "whsec_" + base64.b64encode(b"s" * 32).decode()
OTHER = "whsec_" + base64.b64encode(b"o" * 32).decode()
BODY = '{"type":"loan.settled","timestamp":"2026-01-05T01:00:00+00:00","data":{"loan":"L26000001"}}'


async def test_an_event_is_signed_so_that_its_receiver_can_check_it() -> None:
    async with receiving() as receiver, WebhookGateway(inner_allowed=True) as gateway:
        assert await gateway.send(f"{receiver.url}/in", "event-1", BODY, [SECRET]) == 200
        (event,) = receiver.verified(SECRET)
        assert event["data"] == {"loan": "L26000001"}
        assert receiver.ids == ["event-1"]
        assert receiver.received[0][1] == BODY
        with pytest.raises(WebhookVerificationError):
            receiver.verified(OTHER)


async def test_while_a_secret_is_renewed_both_are_good() -> None:
    async with receiving() as receiver, WebhookGateway(inner_allowed=True) as gateway:
        await gateway.send(receiver.url, "event-1", BODY, [OTHER, SECRET])
        assert receiver.verified(SECRET) == receiver.verified(OTHER)


async def test_a_redirect_is_not_followed() -> None:
    async with receiving() as receiver, WebhookGateway(inner_allowed=True) as gateway:
        receiver.status = 307
        assert await gateway.send(receiver.url, "event-1", BODY, [SECRET]) == 307
        assert len(receiver.received) == 1


async def test_a_receiver_that_does_not_answer_in_time_took_nothing() -> None:
    async with receiving() as receiver, WebhookGateway(inner_allowed=True, timeout_seconds=0.2) as gateway:
        receiver.delay_seconds = 5
        with pytest.raises(OutsideUnavailable, match="no answer in time"):
            await gateway.send(receiver.url, "event-1", BODY, [SECRET])


@pytest.mark.parametrize(
    "host",
    ["127.0.0.1", "localhost", "[::1]", "[::ffff:127.0.0.1]", "2130706433", "0x7f.1", "0.0.0.0", "localhost.", "127.1"],
)
async def test_no_event_goes_to_an_address_inside(host: str) -> None:
    async with receiving() as receiver, WebhookGateway(inner_allowed=False, timeout_seconds=5) as gateway:
        port = receiver.url.rpartition(":")[2]
        with pytest.raises(OutsideUnavailable) as refused:
            await gateway.send(f"http://{host}:{port}/", "event-1", BODY, [SECRET])
        assert receiver.received == []
        assert "127.0.0.1" not in str(refused.value)
        # The others may be no addresses to a client or a resolver.
        assert isinstance(refused.value, AddressInside) or host in ("2130706433", "127.1", "localhost.")


async def test_a_name_that_is_none_is_trouble_of_that_address_alone() -> None:
    async with WebhookGateway(inner_allowed=False, timeout_seconds=5) as gateway:
        with pytest.raises(OutsideUnavailable):
            await gateway.send("https://xn--a/", "event-1", BODY, [SECRET])


@pytest.mark.parametrize(
    ("address", "public"),
    [
        ("93.184.215.14", True),
        ("2606:2800:21f:cb07:6820:80da:af6b:8b2c", True),
        ("10.1.2.3", False),
        ("172.16.0.1", False),
        ("192.168.1.1", False),
        ("100.64.0.1", False),
        ("169.254.169.254", False),
        ("224.0.0.1", False),
        ("fe80::1%eth0", False),
        ("fd00::1", False),
        ("::ffff:10.0.0.1", False),
        ("2002:0a00:0001::1", False),
        ("64:ff9b::10.0.0.1", False),
        ("64:ff9b:1::1", False),
        ("::10.0.0.1", False),
        ("::ffff:0:10.0.0.1", False),
        ("fec0::1", False),
        ("192.88.99.1", False),
        ("2001:0:53aa:64c::1", False),
        ("no address", False),
    ],
)
def test_public_addresses_are_told_from_inner_ones(address: str, public: bool) -> None:
    assert is_public(address) is public
