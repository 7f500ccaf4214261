"""The connection to Temporal."""

from temporalio.client import Client
from temporalio.contrib.pydantic import pydantic_data_converter


async def connect(address: str, namespace: str, *, lazy: bool = False) -> Client:
    """A client of a namespace; a lazy one connects at its first call, so that the edge can start without the engine."""
    return await Client.connect(
        address,
        namespace=namespace,
        data_converter=pydantic_data_converter,
        lazy=lazy,
    )
