"""The file that a bundle is: a zip archive with one form only, so that each of its bytes is either content or follows
from it. Standard library alone; any program unpacks it.

Files lie one behind the other from the first byte on, then the directory, then its end: no gap, no comment, no date,
no attribute that could be another.
"""

import struct
import zlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

STORED, DEFLATED = 0, 8
"""How a file is packed: not at all, or as in RFC 1951."""
END = "(end of the archive)"
"""The name under which the last bytes of an archive are told of; no file of a bundle has such a one."""
_VERSION, _UNIX, _FIRST_DAY, _PLAIN_FILE = 20, 3, 0x0021, 0o100644 << 16
"""What a reader has to be able to do, who wrote it, 1 January 1980, and that it is a file like any other: when and
where a bundle was made must not change it.
"""
_HEADER = struct.Struct("<4sHHHHHLLLHH")
_ENTRY = struct.Struct("<4sBBHHHHHLLLHHHHHLL")
_LAST = struct.Struct("<4sHHHHLLH")
_FILE_MARK, _ENTRY_MARK, _LAST_MARK = b"PK\x03\x04", b"PK\x01\x02", b"PK\x05\x06"


@dataclass(frozen=True)
class Member:
    """A file in an archive as it lies there: packed, with the sum and the length of what it unpacks to."""

    name: str
    method: int
    sum: int
    size: int
    packed: bytes

    @classmethod
    def of(cls, name: str, content: bytes, method: int) -> "Member":
        """A file to be put into an archive."""
        packed = content
        if method == DEFLATED:
            packing = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
            packed = packing.compress(content) + packing.flush()
        return cls(name, method, zlib.crc32(content), len(content), packed)

    def content(self) -> bytes | None:
        """What it unpacks to, never more than it says; None if that is not what it says."""
        content = self.packed
        if self.method == DEFLATED:
            unpacking = zlib.decompressobj(-zlib.MAX_WBITS)
            try:
                content = unpacking.decompress(self.packed, self.size + 1)
            except zlib.error:
                return None
            if not unpacking.eof or unpacking.unused_data:
                return None
        return content if (len(content), zlib.crc32(content)) == (self.size, self.sum) else None


@dataclass(frozen=True)
class Read:
    """The files of an archive, and what in it does not follow from them: the name of a file, and where."""

    members: Sequence[Member]
    strange: Sequence[tuple[str, str]]


def archived(members: Iterable[Member]) -> bytes:
    """The archive of these files."""
    return b"".join(content for _, _, content in pieces(list(members)))


def read_archive(raw: bytes, most: int, is_name: Callable[[str], object]) -> Read | None:
    """The files of an archive of at most so many; None for what is none in our form.

    Both the files' own headers and the directory say where each file lies and what it is called. If one of the two was
    changed, the other tells what it should be: that where names are such as they can be.
    """

    def doubt(one: Read) -> tuple[int, int]:
        return len(one.strange), sum(1 for member in one.members if not is_name(member.name))

    found = [
        Read(members, strange)
        for members in (_by_directory(raw, most), _by_headers(raw, most))
        if members and (strange := _strange(raw, members)) is not None
    ]
    return min(found, key=doubt, default=None)


def pieces(members: Sequence[Member]) -> Iterator[tuple[str, str, bytes]]:
    """An archive piece by piece: which file it is about, what it is, and its bytes."""
    directory: list[tuple[str, bytes]] = []
    at = 0
    for one in members:
        name = one.name.encode("ascii")
        same = (_VERSION, 0, one.method, 0, _FIRST_DAY, one.sum, len(one.packed), one.size, len(name), 0)
        header = _HEADER.pack(_FILE_MARK, *same) + name
        entry = _ENTRY.pack(_ENTRY_MARK, _VERSION, _UNIX, *same, 0, 0, 0, _PLAIN_FILE, at) + name
        yield one.name, "the header in front of it", header
        yield one.name, "its content", one.packed
        directory.append((one.name, entry))
        at += len(header) + len(one.packed)
    for which, entry in directory:
        yield which, "its entry in the archive's directory", entry
    length = sum(len(entry) for _, entry in directory)
    yield END, "the end of the directory", _LAST.pack(_LAST_MARK, 0, 0, len(members), len(members), length, at, 0)


def _strange(raw: bytes, members: Sequence[Member]) -> list[tuple[str, str]] | None:
    """Where an archive is not the one of these files; None if it has another length."""
    at = 0
    strange = []
    for name, what, piece in pieces(members):
        if raw[at : at + len(piece)] != piece:
            strange.append((name, what))
        at += len(piece)
    return strange if at == len(raw) else None


def _by_headers(raw: bytes, most: int) -> list[Member] | None:
    """The files as their own headers tell of them."""
    found: list[Member] = []
    at = 0
    while raw[at : at + 4] == _FILE_MARK and len(found) <= most and at + _HEADER.size <= len(raw):
        _, _, _, method, _, _, crc, packed, size, letters, _ = _HEADER.unpack_from(raw, at)
        at += _HEADER.size
        name = raw[at : at + letters]
        at += letters
        if not name.isascii():
            return None
        found.append(Member(name.decode("ascii"), method, crc, size, raw[at : at + packed]))
        at += packed
    return found


def _by_directory(raw: bytes, most: int) -> list[Member] | None:
    """The files as the directory tells of them."""
    if len(raw) < _LAST.size:
        return None
    _, _, _, _, count, _, place, _ = _LAST.unpack_from(raw, len(raw) - _LAST.size)
    if count > most:
        return None
    found: list[Member] = []
    at = 0
    for _ in range(count):
        if place + _ENTRY.size > len(raw):
            return None
        _, _, _, _, _, method, _, _, crc, packed, size, letters, *_ = _ENTRY.unpack_from(raw, place)
        place += _ENTRY.size
        name = raw[place : place + letters]
        place += letters
        if not name.isascii():
            return None
        at += _HEADER.size + letters
        found.append(Member(name.decode("ascii"), method, crc, size, raw[at : at + packed]))
        at += packed
    return found
