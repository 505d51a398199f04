"""Archives that lie: the reader refuses each, and never holds more than a bounded part of one."""

from __future__ import annotations

import io
import stat
import struct
import tracemalloc
import zipfile
import zlib

import pytest

from mxart import archive
from mxart.errors import Corrupt
from tests.formats.go.zips import End, Member, deflate
from tests.formats.go.zips import archive as make

A, B = Member(name="a"), Member(name="b", data=b"bb" * 1000)


def read(data: bytes) -> list[archive.ZipEntry]:
    file = io.BytesIO(data)
    entries = list(archive.entries(file))
    archive.check_layout(entries, len(data))
    for entry in entries:
        archive.check_content(file, entry)
    return entries


def wide(*values: int) -> bytes:
    return struct.pack(f"<2H{len(values)}Q", 1, 8 * len(values), *values)


def described(crc: int, mark: bytes = b"PK\x07\x08") -> Member:
    return A.but(flags=8, descriptor=mark + struct.pack("<3L", crc, len(A.raw), len(A.data)))


FULL = 0xFFFFFFFF
CRC = zlib.crc32(A.data)

GOOD = {
    "empty": make([]),
    "two": make([A, B]),
    "stored": make([A.but(method=0)]),
    "no bytes": make([A.but(data=b"")]),
    "no bytes, stored": make([A.but(data=b"", method=0)]),
    "a comment": make([A], End(comment=b"words")),
    "the longest comment": make([A], End(comment=b"x" * 65535)),
    "comments and extra fields of entries": make([A.but(comment=b"c" * 300, extra=b"\x99\x99\x02\x00ab"), B]),
    "zip64": make([A, B], End(zip64=True)),
    "zip64 sizes": make([A.but(size=FULL, compressed=FULL, extra=wide(10, 12))]),
    "zip64 offset": make([A, B.but(offset=FULL, extra=b"\x01\x00\x08\x00" + struct.pack("<Q", 43))]),
    "bytes after the stream's end": make([A.but(packed=A.raw + b"more")]),
    "a data descriptor": make([described(CRC), B]),
    "a data descriptor without its mark": make([described(CRC, mark=b""), B]),
    "a directory said to be streamed": make([A.but(name="a/", data=b"", method=0, flags=8)]),
    "highly packed": make([A.but(data=bytes(8 << 20))]),
}


@pytest.mark.parametrize("data", GOOD.values(), ids=GOOD)
def test_whole_archives(data: bytes) -> None:
    with zipfile.ZipFile(io.BytesIO(data)) as other:
        assert [entry.name for entry in read(data)] == other.namelist()


def test_what_pythons_writer_makes() -> None:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as other:
        other.writestr("dir/", b"")
        other.writestr("dir/ü", b"x" * 100_000)
        with other.open("streamed", "w", force_zip64=True) as entry:
            entry.write(b"y" * 100_000)
    assert [(entry.name, entry.size) for entry in read(out.getvalue())] == [
        ("dir/", 0),
        ("dir/ü", 100_000),
        ("streamed", 100_000),
    ]


TWO = make([A, B])
BAD = {
    "nothing": b"",
    "text": b"not found\n",
    "an end record's mark": b"PK\x05\x06",
    "a whole page": b"<html>" * 50_000,
    "cut at the end": TWO[:-1],
    "cut in the directory": TWO[:-30],
    "cut in the middle": TWO[: len(TWO) // 2],
    "bytes after the end": TWO + b"x",
    "bytes before the start": b"x" + TWO,
    "a comment that is not there": make([A], End(comment_length=5)),
    "more disks": make([A], End(disk=1)),
    "more entries than there are": make([A], End(count=2)),
    "fewer entries than there are": make([A, B], End(count=1)),
    "a directory that is longer": make([A], End(length=1000)),
    "a directory that is shorter": make([A], End(length=10)),
    "a directory elsewhere": make([A], End(start=0)),
    "a directory beyond the end": make([A], End(start=FULL - 1)),
    "zip64 values without a record": make([A], End(start=FULL)),
    "zip64: more entries than there are": make([A], End(zip64=True, count=1 << 16)),
    "zip64: too many entries": make([A], End(zip64=True, count=1 << 63)),
    "zip64: a directory of exabytes": make([A], End(zip64=True, length=1 << 62)),
    "zip64: a directory elsewhere": make([A], End(zip64=True, start=1 << 40)),
    "zip64: a size without its field": make([A.but(compressed=FULL)]),
    "zip64: a field that is too short": make([A.but(compressed=FULL, extra=b"\x01\x00\x04\x00abcd")]),
    "zip64: a field that is cut": make([A.but(compressed=FULL, extra=b"\x01\x00\xff\x00abcd")]),
    "zip64: an offset beyond the end": make([A.but(offset=FULL, extra=wide(1 << 62))]),
    "zip64: an exabyte": make([A.but(size=FULL, extra=wide(1 << 60))]),
    "an offset beyond the end": make([A.but(offset=100_000)]),
    "an offset into nowhere": make([A.but(offset=1)]),
    "the same offset twice": make([A, A.but(name="b", offset=0)]),
    "an entry over the next one": make([A.but(compressed=len(A.raw) + 20), B]),
    "an entry over the directory and beyond": make([A.but(compressed=100_000)]),
    "a name that is not UTF-8": make([A.but(name=b"\xff\xfe")]),
    "a wrong CRC": make([A.but(crc=1)]),
    "a CRC of 0": make([A.but(crc=0)]),
    "a data descriptor with another CRC": make([described(1), B]),
    "a data descriptor without its mark, with another CRC": make([described(1, mark=b""), B]),
    "a data descriptor that is not there": make([A.but(flags=8), B]),
    "more bytes than declared": make([A.but(size=9)]),
    "fewer bytes than declared": make([A.but(size=11)]),
    "stored: more bytes than declared": make([A.but(method=0, size=9)]),
    "stored: fewer bytes than declared": make([A.but(method=0, size=11)]),
    "a stream that is cut": make([B.but(packed=B.raw[:-3])]),
    "no stream": make([A.but(packed=b"")]),
    "a stream that is none": make([A.but(packed=b"\xff" * 50)]),
    "an unknown method": make([A.but(method=12)]),
    "an encrypted method": make([A.but(method=99)]),
}


@pytest.mark.parametrize("data", BAD.values(), ids=BAD)
def test_archives_that_lie(data: bytes) -> None:
    with pytest.raises(Corrupt):
        read(data)


def test_every_damaged_byte_is_found_or_harmless() -> None:
    """No damage raises anything but Corrupt, whatever field it hits."""
    base = make([A, B], End(zip64=True))
    found = 0
    for at in range(len(base)):
        damaged = bytearray(base)
        damaged[at] ^= 0xFF
        try:
            entries = read(bytes(damaged))
        except Corrupt:
            found += 1
        else:
            assert [entry.size for entry in entries] == [len(A.data), len(B.data)]
    assert found > len(base) // 2


def test_every_beginning_of_an_archive_is_refused() -> None:
    for length in range(len(TWO)):
        with pytest.raises(Corrupt):
            read(TWO[:length])


def test_a_directory_of_too_many_entries_is_refused_at_once() -> None:
    entries = archive.entries(io.BytesIO(make([A] * 3, End(zip64=True, count=archive.MAX_ENTRIES + 1))))
    with pytest.raises(Corrupt, match="too large"):
        next(entries)


def test_a_bomb_is_left_as_soon_as_it_is_known() -> None:
    """64 MiB of zeros that are declared as ten bytes."""
    bomb = make([A.but(packed=deflate(bytes(64 << 20)), size=10)])
    tracemalloc.start()
    try:
        with pytest.raises(Corrupt, match="does not unpack to"):
            read(bomb)
        assert tracemalloc.get_traced_memory()[1] < 4 << 20
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize(
    ("mode", "creator", "irregular"),
    [
        (stat.S_IFREG | 0o644, 3, False),
        (stat.S_IFDIR | 0o755, 3, False),
        (0, 3, False),
        (0o644, 3, False),
        (stat.S_IFLNK | 0o777, 3, True),
        (stat.S_IFLNK | 0o777, 19, True),
        (stat.S_IFIFO | 0o644, 3, True),
        (stat.S_IFBLK | 0o644, 3, True),
        (stat.S_IFSOCK | 0o644, 3, True),
        (stat.S_IFLNK | 0o777, 0, False),  # on MS-DOS these bits mean nothing
    ],
)
def test_modes(mode: int, creator: int, irregular: bool) -> None:
    (entry,) = read(make([A.but(mode=mode, creator=creator)]))
    assert entry.is_irregular is irregular
