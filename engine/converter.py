"""How messages to and from workflows are written: as pydantic writes them, sealed, with what that needs made once."""

from temporalio.contrib.pydantic import PydanticPayloadConverter
from temporalio.converter import (
    CompositePayloadConverter,
    DataConverter,
    DefaultFailureConverterWithEncodedAttributes,
)

from engine.codec import SealingCodec

_SHARED = tuple(PydanticPayloadConverter().converters.values())


class MessageConverter(CompositePayloadConverter):
    """Writes and reads what the SDK's own pydantic converter does.

    The SDK makes a payload converter anew for every task of a workflow; this one shares its parts, and with them
    what they have learned of each type.
    """

    def __init__(self) -> None:
        super().__init__(*_SHARED)


DATA_CONVERTER = DataConverter(
    payload_converter_class=MessageConverter,
    payload_codec=SealingCodec(),
    # Messages and stack traces of failures become payloads too.
    failure_converter_class=DefaultFailureConverterWithEncodedAttributes,
)
"""Everybody who speaks with the engine, or reads what it keeps, uses this one."""
