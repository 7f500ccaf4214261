"""Which byte of a bundle belongs to which of its files, and which files a check names."""

from collections.abc import Iterator
from pathlib import Path

from services.bundle_archive import pieces, read_archive
from services.bundle_check import NotABundle, check


def places(bundle: bytes) -> Iterator[tuple[str, int, int]]:
    """Each piece of a sound bundle: the file that it is about, and from where to where it lies."""
    archive = read_archive(bundle, 100, bool)
    assert archive is not None
    assert archive.strange == []
    at = 0
    for name, _, piece in pieces(archive.members):
        yield name, at, at + len(piece)
        at += len(piece)
    assert at == len(bundle)


def name_at(bundle: bytes, place: int) -> str:
    """The file that a byte belongs to."""
    return next(name for name, begin, end in places(bundle) if begin <= place < end)


def named_by(path: Path, bundle: bytes, public_key: str) -> str:
    """The files that a check of a bundle names, or why it says that this is none."""
    path.write_bytes(bundle)
    try:
        return " ".join(one.file for one in check(path, public_key).findings)
    except NotABundle as refusal:
        return str(refusal)
