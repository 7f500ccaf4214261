"""The connection to Temporal."""

from dataclasses import dataclass, field

from temporalio.client import Client
from temporalio.common import HeaderCodecBehavior
from temporalio.service import TLSConfig

from engine.converter import DATA_CONVERTER


@dataclass(frozen=True)
class EngineAccess:
    """How the cluster lets us in: TLS with or without a certificate of ours, and an API key. By default neither."""

    tls: TLSConfig | None = field(default=None, repr=False)
    api_key: str | None = field(default=None, repr=False)


OPEN = EngineAccess()
"""A server on the same machine or behind a network of its own."""


async def connect(address: str, namespace: str, *, lazy: bool = False, access: EngineAccess = OPEN) -> Client:
    """A client of a namespace; a lazy one connects at its first call, so that the edge can start without the engine."""
    return await Client.connect(
        address,
        namespace=namespace,
        data_converter=DATA_CONVERTER,
        header_codec_behavior=HeaderCodecBehavior.CODEC,
        # An API key never travels in clear.
        tls=access.tls or access.api_key is not None,
        api_key=access.api_key,
        lazy=lazy,
    )
