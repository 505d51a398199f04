"""Content codings undone (RFC 9110 §8.4.1): some upstreams compress what was asked for as it is.

Not left to libcurl: its decoders cannot be paused, so a few bytes of a hostile upstream would become tens of
megabytes in memory. Here the output comes in bounded pieces.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator

from mxart.errors import BadUpstream
from mxart.upstream import Broken

_PIECE = 256 * 1024  # bytes of output at a time
_GZIP, _ZLIB, _RAW = 16 + zlib.MAX_WBITS, zlib.MAX_WBITS, -zlib.MAX_WBITS


class Decoder:
    """One coded body: ``feed`` all of it, then ``finish``. Raises BadUpstream for a coding that we do not know."""

    def __init__(self, coding: str) -> None:
        if coding not in ("gzip", "x-gzip", "deflate"):
            raise BadUpstream(f"its content coding {coding[:40]!r} is one that nobody asked for")
        self._gzip = coding != "deflate"
        self._inflate = zlib.decompressobj(_GZIP) if self._gzip else None
        self._begun = b""  # of a deflate body, until its kind is known

    def feed(self, data: bytes) -> Iterator[bytes]:
        """What ``data`` decodes to, in pieces of bounded size. Raises Broken when it is malformed."""
        inflate = self._inflate
        if inflate is None:
            self._begun += data
            if len(self._begun) < 2:
                return
            data, inflate = self._begun, zlib.decompressobj(_kind_of_deflate(self._begun))
        while data:
            if inflate.eof:
                if not self._gzip:
                    raise Broken("its compressed body goes on after its end")
                inflate = zlib.decompressobj(_GZIP)  # the next member (RFC 1952 §2.2)
            self._inflate = inflate
            yield from self._inflated(inflate, data)
            data = inflate.unused_data

    def finish(self) -> None:
        """Return when the body is whole. Raises Broken."""
        if self._inflate is None or not self._inflate.eof:
            raise Broken("its compressed body ended too early")

    @staticmethod
    def _inflated(inflate: zlib._Decompress, data: bytes) -> Iterator[bytes]:
        while True:
            try:
                piece = inflate.decompress(data, _PIECE)
            except zlib.error as error:
                raise Broken(f"its compressed body is malformed: {error}") from error
            if piece:
                yield piece
            data = inflate.unconsumed_tail
            if not data and len(piece) < _PIECE:
                return


def _kind_of_deflate(begin: bytes) -> int:
    # "deflate" means the zlib format, but some servers send it bare; a zlib header gives itself away (RFC 1950 §2.2).
    is_zlib = begin[0] & 0x0F == 8 and (begin[0] << 8 | begin[1]) % 31 == 0
    return _ZLIB if is_zlib else _RAW
