"""Lists as files that spreadsheets open."""

from collections.abc import Iterable, Iterator

from starlette.responses import StreamingResponse


def csv_file(name: str, pieces: Iterable[str]) -> StreamingResponse:
    """A CSV file, sent a piece at a time."""
    headers = {"Content-Disposition": f'attachment; filename="{name}.csv"'}
    return StreamingResponse(_marked(pieces), media_type="text/csv; charset=utf-8", headers=headers)


def _marked(pieces: Iterable[str]) -> Iterator[str]:
    # Spreadsheets take a file without this mark for another encoding than the Chinese in it has.
    yield "\ufeff"
    yield from pieces
