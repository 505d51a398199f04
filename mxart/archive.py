"""A zip archive that anybody may have made up, read entry by entry in bounded memory.

It reads what build tools write (stored and deflated entries, zip64) and reads names as the bytes that they are;
where archive readers differ in what they make of the same bytes (prefixed or overlapping data, a directory that is
not where the end record says), the archive is refused, so that nobody downstream can see other files than were
checked here. Python's zipfile is not used: it makes an object of every directory entry before anything can be counted,
and names its own way. What may be in an archive of some ecosystem is for its format to say.

Specification: APPNOTE.TXT 6.3.10 (zip), §4.3 and §4.5.3.
"""

from __future__ import annotations

import os
import stat
import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

from mxart.errors import Corrupt

MAX_ENTRIES = 1 << 17
MAX_DIRECTORY = 64 << 20  # bytes of the central directory
_CHUNK = 256 << 10  # bytes read, and at most inflated, at once

_END = struct.Struct("<4s4H2LH")
_END64_LOCATOR = struct.Struct("<4sLQL")
_END64 = struct.Struct("<4sQ2H2L4Q")
_ENTRY = struct.Struct("<4s2B5H3L5H2L")
_LOCAL = struct.Struct("<4s5H3L2H")
_MAX_COMMENT = 0xFFFF
_FULL16, _FULL32 = 0xFFFF, 0xFFFFFFFF  # "see the zip64 record"
_ZIP64_FIELD = 1
_STORED, _DEFLATED = 0, 8
_STREAMED = 8  # flag: a data descriptor follows the data (APPNOTE §4.3.9)
_DESCRIPTOR = struct.Struct("<2L")  # of it: its mark and the CRC; the CRC alone when the mark was left out
_DESCRIPTOR_MARK = 0x08074B50
_UNIX_CREATORS = (3, 19)  # Unix, macOS: the upper half of the external attributes is a file mode


@dataclass(frozen=True, slots=True)
class ZipEntry:
    """One line of the central directory. Sizes and offsets in bytes."""

    name: str
    method: int
    crc: int
    compressed: int
    size: int
    offset: int  # of its local header
    mode: int  # of a Unix file, 0 when the archive tells none
    streamed: bool  # its CRC and sizes stand once more behind its data

    @property
    def is_irregular(self) -> bool:
        """Whether it says to be something else than a file or a directory: a symbolic link, a device, a pipe."""
        return stat.S_IFMT(self.mode) not in (0, stat.S_IFREG, stat.S_IFDIR)


def entries(file: BinaryIO) -> Iterator[ZipEntry]:
    """The archive's entries, in the order of its central directory. Raises Corrupt, also half-way."""
    start, length, count = _find_directory(file)
    if count > MAX_ENTRIES or length > MAX_DIRECTORY:
        raise Corrupt(f"The zip has a directory of {count} entries in {length} bytes: too large.")
    file.seek(start)
    left = length
    for _ in range(count):
        entry, taken = _read_entry(file, left)
        left -= taken
        yield entry
    if left:
        raise Corrupt("The zip's directory holds more than its end record says.")


def check_layout(found: list[ZipEntry], size: int) -> None:
    """Return when no two entries share bytes and all lie within ``size`` bytes. Raises Corrupt.

    Overlapping entries are how a small archive unpacks to a huge one. (The local header's name and extra field may
    lie over the next entry: nothing is unpacked from them.)
    """
    end = 0
    for entry in sorted(found, key=lambda entry: entry.offset):
        if entry.offset < end:
            raise Corrupt(f"The zip's entry {entry.name[:200]!r} overlaps another one.")
        end = entry.offset + _LOCAL.size + entry.compressed
        if end > size:
            raise Corrupt(f"The zip's entry {entry.name[:200]!r} reaches beyond the end of the file.")


def check_content(file: BinaryIO, entry: ZipEntry) -> None:
    """Return when the entry's bytes, unpacked, have the size and the CRC that the directory says. Raises Corrupt."""
    for _ in content(file, entry):
        pass


def content(file: BinaryIO, entry: ZipEntry) -> Iterator[bytes]:
    """The entry's bytes, unpacked, never more than it declares; whole and right only when all have come.

    Raises Corrupt, at the end for a CRC that the directory does not say. Nobody else may read the file meanwhile.
    """
    file.seek(entry.offset)
    header = _LOCAL.unpack(_read(file, _LOCAL.size))
    if header[0] != b"PK\x03\x04":
        raise Corrupt(f"The zip's entry {entry.name[:200]!r} has no local header.")
    start = file.seek(header[-2] + header[-1], os.SEEK_CUR)
    size, crc = 0, 0
    for chunk in _unpacked(file, entry):
        size += len(chunk)
        if size > entry.size:
            break
        crc = zlib.crc32(chunk, crc)
        yield chunk
    if size != entry.size:
        raise Corrupt(f"The zip's entry {entry.name[:200]!r} does not unpack to the {entry.size} bytes it declares.")
    if crc != entry.crc:
        raise Corrupt(f"The zip's entry {entry.name[:200]!r} does not have its CRC.")
    if entry.streamed:
        file.seek(start + entry.compressed)
        _check_descriptor(file, entry)


def _check_descriptor(file: BinaryIO, entry: ZipEntry) -> None:
    """Readers, the go command among them, compare the CRC of the data descriptor too, and nothing else of it."""
    first, second = _DESCRIPTOR.unpack(_read(file, _DESCRIPTOR.size))
    if entry.crc != (second if first == _DESCRIPTOR_MARK else first):
        raise Corrupt(f"The zip's entry {entry.name[:200]!r} has a data descriptor with another CRC.")


def _unpacked(file: BinaryIO, entry: ZipEntry) -> Iterator[bytes]:
    """Chunks of at most `_CHUNK` bytes."""
    if entry.method == _STORED:
        yield from _compressed(file, entry)
        return
    if entry.method != _DEFLATED:
        raise Corrupt(f"The zip's entry {entry.name[:200]!r} is neither stored nor deflated.")
    inflater = zlib.decompressobj(-zlib.MAX_WBITS)
    try:
        for chunk in _compressed(file, entry):
            while chunk and not inflater.eof:
                yield inflater.decompress(chunk, _CHUNK)
                chunk = inflater.unconsumed_tail
            if inflater.eof:
                return
        # The last bytes may be all in, and more than one chunk of them still to come out.
        while not inflater.eof and (rest := inflater.decompress(b"", _CHUNK)):
            yield rest
    except zlib.error:
        raise Corrupt(f"The zip's entry {entry.name[:200]!r} is not a deflated stream.") from None
    if not inflater.eof:
        raise Corrupt(f"The zip's entry {entry.name[:200]!r} ends in the middle.")


def _compressed(file: BinaryIO, entry: ZipEntry) -> Iterator[bytes]:
    left = entry.compressed
    while left:
        chunk = _read(file, min(left, _CHUNK))
        left -= len(chunk)
        yield chunk


def _find_directory(file: BinaryIO) -> tuple[int, int, int]:
    """Where the central directory begins, its bytes, its entries: it must end where the end record begins."""
    size = file.seek(0, os.SEEK_END)
    tail_size = min(size, _END.size + _MAX_COMMENT)
    file.seek(size - tail_size)
    tail = _read(file, tail_size)
    at = tail.rfind(b"PK\x05\x06", 0, max(0, tail_size - _END.size + 4))
    if at < 0:
        raise Corrupt("The file is not a zip archive, or its end is missing.")
    _, disk, first_disk, here, count, length, start, comment = _END.unpack_from(tail, at)
    if at + _END.size + comment != tail_size or disk or first_disk or here != count:
        raise Corrupt("The zip's end record is malformed.")
    end = size - tail_size + at
    if count == _FULL16 or _FULL32 in (length, start):
        end, start, length, count = _read_end64(file, end) or (end, start, length, count)
    if start + length != end:
        raise Corrupt("The zip's directory is not where its end record says.")
    return start, length, count


def _read_end64(file: BinaryIO, end: int) -> tuple[int, int, int, int] | None:
    """Where the zip64 end record lies, then the directory's offset, bytes and entries as it says.

    None when there is no such record before ``end``: 65535 entries need none.
    """
    locator = end - _END64_LOCATOR.size
    file.seek(max(0, locator))
    mark, _, at, _ = _END64_LOCATOR.unpack(_read(file, _END64_LOCATOR.size))
    if locator < 0 or mark != b"PK\x06\x07":
        return None
    if at > locator - _END64.size:
        raise Corrupt("The zip's zip64 end record is not where its locator says.")
    file.seek(at)
    mark, record_size, _, _, _, _, here, count, length, start = _END64.unpack(_read(file, _END64.size))
    if mark != b"PK\x06\x06" or at + record_size + 12 != locator or here != count:
        raise Corrupt("The zip's zip64 end record is malformed.")
    return at, start, length, count


def _read_entry(file: BinaryIO, left: int) -> tuple[ZipEntry, int]:
    """The entry that the directory holds here, and the bytes it takes; ``left`` bytes are left of the directory."""
    if left < _ENTRY.size:
        raise Corrupt("The zip's directory is cut short.")
    fields = _ENTRY.unpack(_read(file, _ENTRY.size))
    mark, _, creator, _, flags, method, _, _, crc, compressed, size = fields[:11]
    name_size, extra_size, comment_size, _, _, attributes, offset = fields[11:]
    taken = _ENTRY.size + name_size + extra_size + comment_size
    if mark != b"PK\x01\x02" or taken > left:
        raise Corrupt("The zip's directory is malformed.")
    name = _decode(_read(file, name_size))
    extra = _read(file, extra_size)
    file.seek(comment_size, os.SEEK_CUR)
    size, compressed, offset = _widened(extra, [size, compressed, offset])
    mode = attributes >> 16 if creator in _UNIX_CREATORS else 0
    streamed = bool(flags & _STREAMED) and not name.endswith("/")  # a directory has no data for it to follow
    return ZipEntry(name, method, crc, compressed, size, offset, mode, streamed), taken


def _widened(extra: bytes, values: list[int]) -> list[int]:
    """Those of the 32-bit values that say so are taken from the zip64 field, in its order (APPNOTE §4.5.3)."""
    if _FULL32 not in values:
        return values
    while len(extra) >= 4:
        tag, length = struct.unpack_from("<2H", extra)
        field, extra = extra[4 : 4 + length], extra[4 + length :]
        wide = iter(struct.unpack_from(f"<{len(field) // 8}Q", field)) if tag == _ZIP64_FIELD else None
        if wide is not None:
            return [next(wide, value) if value == _FULL32 else value for value in values]
    return values


def _decode(name: bytes) -> str:
    """Names are UTF-8 whatever the archive's flags say, as the go command and Java take them."""
    try:
        return name.decode()
    except UnicodeDecodeError:
        raise Corrupt(f"The zip's entry {name[:200]!r} has a name that is not UTF-8.") from None


def _read(file: BinaryIO, size: int) -> bytes:
    data = file.read(size)
    if len(data) != size:
        raise Corrupt("The zip is cut short.")
    return data
