"""The product without its seals, to measure what they cost: here and nowhere else, and by no setting.

`python -m bench.plain …` is the operator's command with personal data and payloads as plain text.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from sqlalchemy import Connection
from temporalio.api.common.v1 import Payload

from books.sealing import SealedTable, Vault
from engine.codec import SealingCodec
from models.columns import Sealed


def without_sealing() -> None:
    """From now on this process neither seals nor opens anything."""
    Vault.seal = _written  # type: ignore[method-assign]  # this is what the module is for
    Vault.open = _read  # type: ignore[method-assign]  # the same
    SealingCodec.encode = _as_it_is  # type: ignore[method-assign]  # the same


def _written(
    self: Vault,  # noqa: ARG001 signature given
    connection: Connection,  # noqa: ARG001 signature given
    sealed: SealedTable,
    rows: Sequence[Mapping[str, Any]],
    *,
    new: bool,  # noqa: ARG001 signature given
) -> list[dict[str, Any]]:
    def plain(name: str, value: Any) -> Any:
        kind = sealed.columns.get(name)
        if kind is None or value is None:
            return value
        content = kind.encode(value)
        return Sealed(content if kind.is_file else content.decode())

    return [{name: plain(name, value) for name, value in row.items()} for row in rows]


def _read(
    self: Vault,  # noqa: ARG001 signature given
    connection: Callable[[], Connection],  # noqa: ARG001 signature given
    sealed: SealedTable,
    column: str,
    row: str,  # noqa: ARG001 signature given
    kept: Sealed,
) -> Any:
    kind = sealed.columns[column]
    return kind.decode(kept.kept if isinstance(kept.kept, bytes) else kept.kept.encode())


async def _as_it_is(self: SealingCodec, payloads: Sequence[Payload]) -> list[Payload]:  # noqa: ARG001 signature given
    return list(payloads)


if __name__ == "__main__":
    from cli import main

    without_sealing()
    main()
