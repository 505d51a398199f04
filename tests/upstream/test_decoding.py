"""Codings undone, in bounded pieces, and nothing taken for whole that is not."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Callable

import pytest

from mxart.errors import BadUpstream
from mxart.upstream import Broken
from mxart.upstream.decoding import Decoder

DATA = b"".join(b"%d\n" % number for number in range(50_000))


def bare_deflate(data: bytes) -> bytes:
    deflate = zlib.compressobj(wbits=-15)
    return deflate.compress(data) + deflate.flush()


def two_members(data: bytes) -> bytes:
    return gzip.compress(data[:1000]) + gzip.compress(data[1000:])


def decode(coding: str, coded: bytes, step: int) -> bytes:
    decoder = Decoder(coding)
    pieces = [piece for start in range(0, len(coded), step) for piece in decoder.feed(coded[start : start + step])]
    decoder.finish()
    assert all(0 < len(piece) <= 256 * 1024 for piece in pieces)
    return b"".join(pieces)


@pytest.mark.parametrize("step", [1, 7, 1 << 20])
@pytest.mark.parametrize("data", [b"", b"x", DATA], ids=["empty", "one", "long"])
@pytest.mark.parametrize(
    ("coding", "code"),
    [
        ("gzip", gzip.compress),
        ("x-gzip", gzip.compress),
        ("gzip", two_members),
        ("deflate", zlib.compress),
        ("deflate", bare_deflate),
    ],
)
def test_decoded(coding: str, code: Callable[[bytes], bytes], data: bytes, step: int) -> None:
    assert decode(coding, code(data), step) == data


BROKEN = [
    ("gzip", b""),
    ("gzip", gzip.compress(DATA)[:-1]),
    ("gzip", gzip.compress(DATA)[:-8] + b"\x00" * 8),
    ("gzip", gzip.compress(DATA) + b"rubbish"),
    ("gzip", DATA),
    ("gzip", zlib.compress(DATA)),
    ("deflate", b""),
    ("deflate", b"\x78"),
    ("deflate", zlib.compress(DATA)[:-1]),
    ("deflate", zlib.compress(DATA) + b"rubbish"),
    ("deflate", bare_deflate(DATA)[:-1]),
    ("deflate", b"\xff" * 50),
]


@pytest.mark.parametrize(("coding", "coded"), BROKEN)
def test_broken(coding: str, coded: bytes) -> None:
    with pytest.raises(Broken):
        decode(coding, coded, 1000)


@pytest.mark.parametrize("coding", ["br", "zstd", "compress", "gzip, gzip", "x" * 1000])
def test_codings_that_nobody_asked_for(coding: str) -> None:
    with pytest.raises(BadUpstream, match="nobody asked for"):
        Decoder(coding)


def test_a_bomb_comes_in_small_pieces() -> None:
    bomb = gzip.compress(bytes(64 * 1024 * 1024))
    pieces = Decoder("gzip").feed(bomb)
    assert all(len(next(pieces)) <= 256 * 1024 for _ in range(10))
