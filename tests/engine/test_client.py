"""How the cluster lets us in: TLS with a certificate of ours, against a listener that demands one, and an API key."""

import asyncio
import re
from pathlib import Path

import pytest
from pydantic import SecretStr

from console.connections import connect_engine, engine_access
from console.processes import NotReady
from engine.client import connect
from settings import Settings
from tests.servers.tls import SERVER_NAME, Authority, tls_front


def told(address: str, authority: Authority, **more: object) -> Settings:
    """Settings of a cluster behind TLS whose certificates this authority signs."""
    return Settings.model_validate(
        {
            "temporal_address": address,
            "temporal_tls_ca": authority.cert,
            "temporal_tls_server_name": SERVER_NAME,
            **more,
        }
    )


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path, "authority")


async def test_a_client_with_a_certificate_is_let_in(temporal_server: str, authority: Authority) -> None:
    ours = authority.certificate("loanwright")
    async with tls_front(temporal_server, authority) as address:
        client = await connect_engine(told(address, authority, temporal_tls_cert=ours.cert, temporal_tls_key=ours.key))

        assert (await client.count_workflows()).count >= 0


async def test_a_client_without_a_certificate_is_refused(temporal_server: str, authority: Authority) -> None:
    async with tls_front(temporal_server, authority) as address:
        with pytest.raises(NotReady, match="does not let us in"):
            await connect_engine(told(address, authority))


async def test_a_certificate_of_another_authority_is_refused(
    temporal_server: str, authority: Authority, tmp_path: Path
) -> None:
    foreign = Authority(tmp_path, "foreign").certificate("loanwright")
    async with tls_front(temporal_server, authority) as address:
        with pytest.raises(NotReady, match="does not let us in"):
            await connect_engine(told(address, authority, temporal_tls_cert=foreign.cert, temporal_tls_key=foreign.key))


async def test_a_server_that_somebody_else_vouches_for_is_not_believed(
    temporal_server: str, authority: Authority, tmp_path: Path
) -> None:
    ours, other = authority.certificate("loanwright"), Authority(tmp_path, "foreign")
    files = {"temporal_tls_cert": ours.cert, "temporal_tls_key": ours.key}
    async with tls_front(temporal_server, authority) as address:
        with pytest.raises(NotReady, match="certificate"):
            await connect_engine(told(address, other, **files))
        with pytest.raises(NotReady, match="certificate"):
            await connect_engine(told(address, authority, **files, temporal_tls_server_name="other.internal"))


async def test_who_is_not_told_of_tls_gets_a_sentence(temporal_server: str, authority: Authority) -> None:
    async with tls_front(temporal_server, authority) as address:
        with pytest.raises(NotReady, match=f"no Temporal server at {re.escape(address)}"):
            await connect_engine(Settings(temporal_address=address))


async def test_an_api_key_never_travels_in_clear() -> None:
    heard: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()

    async def listen(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if not heard.done():
            heard.set_result(await reader.read(100))
        writer.close()

    server = await asyncio.start_server(listen, "127.0.0.1", 0)
    address = f"127.0.0.1:{server.sockets[0].getsockname()[1]}"
    access = engine_access(Settings(temporal_api_key=SecretStr("secret")))
    with pytest.raises(RuntimeError):
        await connect(address, "default", access=access)
    server.close()

    # A ClientHello of TLS, and not the preface of HTTP/2.
    assert (await heard)[:1] == b"\x16"


async def test_the_api_key_goes_with_every_call() -> None:
    access = engine_access(Settings(temporal_api_key=SecretStr("secret")))

    client = await connect("127.0.0.1:9", "default", lazy=True, access=access)

    assert client.service_client.config.api_key == "secret"
    assert "secret" not in repr(access)


def test_a_certificate_without_its_key_is_refused(tmp_path: Path) -> None:
    with pytest.raises(NotReady, match="TEMPORAL_TLS_CERT and TEMPORAL_TLS_KEY go together"):
        engine_access(Settings.model_validate({"temporal_tls_cert": tmp_path / "cert.pem"}))


async def test_a_certificate_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    missing = Settings.model_validate(
        {"temporal_tls_cert": tmp_path / "cert.pem", "temporal_tls_key": tmp_path / "key.pem"}
    )
    with pytest.raises(NotReady, match=r"TEMPORAL_TLS_CERT.*cert\.pem"):
        await connect_engine(missing)
