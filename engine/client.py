"""The connection to Temporal."""

from temporalio.client import Client

from engine.converter import DATA_CONVERTER


async def connect(address: str, namespace: str, *, lazy: bool = False) -> Client:
    """A client of a namespace; a lazy one connects at its first call, so that the edge can start without the engine."""
    return await Client.connect(
        address,
        namespace=namespace,
        data_converter=DATA_CONVERTER,
        lazy=lazy,
    )
