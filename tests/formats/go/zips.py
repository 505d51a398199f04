"""Zip archives written field by field, so that each field can lie."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Self

MODULE, VERSION = "example.com/m", "v1.0.0"
PREFIX = f"{MODULE}@{VERSION}/"


@dataclass(frozen=True, kw_only=True)
class Member:
    """An entry: what is None is told truthfully."""

    name: str | bytes = PREFIX + "a.go"
    data: bytes = b"package a\n"
    method: int = 8
    packed: bytes | None = None  # the bytes in the archive
    size: int | None = None  # what the directory says
    compressed: int | None = None
    crc: int | None = None
    offset: int | None = None
    mode: int = 0o100644
    creator: int = 3
    extra: bytes = b""
    comment: bytes = b""
    flags: int = 0
    descriptor: bytes = b""  # what follows the data

    def but(self, **changes: object) -> Self:
        return replace(self, **changes)  # type: ignore[arg-type]

    @property
    def raw_name(self) -> bytes:
        return self.name.encode() if isinstance(self.name, str) else self.name

    @property
    def raw(self) -> bytes:
        if self.packed is not None:
            return self.packed
        return deflate(self.data) if self.method == 8 else self.data

    def local(self) -> bytes:
        numbers = (0, 0, len(self.raw_name), 0)
        crc = zlib.crc32(self.data)
        head = struct.pack("<4s5H3L2H", b"PK\x03\x04", 20, self.flags, self.method, 0, 0, crc, *numbers)
        return head + self.raw_name + self.raw + self.descriptor

    def central(self, offset: int) -> bytes:
        return (
            struct.pack(
                "<4s2B5H3L5H2L",
                *(b"PK\x01\x02", 20, self.creator, 20, self.flags, self.method, 0, 0),
                zlib.crc32(self.data) if self.crc is None else self.crc,
                len(self.raw) if self.compressed is None else self.compressed,
                len(self.data) if self.size is None else self.size,
                *(len(self.raw_name), len(self.extra), len(self.comment), 0, 0),
                *(self.mode << 16, offset if self.offset is None else self.offset),
            )
            + self.raw_name
            + self.extra
            + self.comment
        )


@dataclass(frozen=True, kw_only=True)
class End:
    """The end record; what is None is told truthfully. ``zip64``: it points to a zip64 record with these values."""

    count: int | None = None
    length: int | None = None
    start: int | None = None
    comment: bytes = b""
    comment_length: int | None = None
    disk: int = 0
    zip64: bool = False


def archive(members: Sequence[Member], end: End | None = None) -> bytes:
    """The archive of these members."""
    end, body, directory = end or End(), b"", b""
    for member in members:
        directory += member.central(len(body))
        body += member.local()
    count = len(members) if end.count is None else end.count
    length = len(directory) if end.length is None else end.length
    start = len(body) if end.start is None else end.start
    body += directory
    if end.zip64:
        at = len(body)
        body += struct.pack("<4sQ2H2L4Q", b"PK\x06\x06", 44, 45, 45, 0, 0, count, count, length, start)
        body += struct.pack("<4sLQL", b"PK\x06\x07", 0, at, 1)
        count, length, start = 0xFFFF, 0xFFFFFFFF, 0xFFFFFFFF
    comment_length = len(end.comment) if end.comment_length is None else end.comment_length
    body += struct.pack("<4s4H2LH", b"PK\x05\x06", end.disk, 0, count, count, length, start, comment_length)
    return body + end.comment


def deflate(data: bytes) -> bytes:
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    return packer.compress(data) + packer.flush()
