"""The way here from one client: heads and bodies, pulled. Nothing is read ahead of what is asked for but one piece.

A client that is gone shows as Tornado's StreamClosedError.
"""

from __future__ import annotations

import asyncio
import re

from tornado.iostream import IOStream

from mxart.errors import Invalid
from mxart.httpfields.requests import check_begun, head_end

PIECE = 64 * 1024  # bytes that are read at once
_CHUNK_HEAD = re.compile(rb"([0-9A-Fa-f]{1,15})\r\n")
_LONGEST_LINE = 64  # bytes; enough for the head of a chunk


class HeadTooLarge(Exception):
    """The client sent more than a head may have, and it is not whole."""


class Incoming:
    """What one client sends."""

    __slots__ = ("_ahead", "_stream")

    def __init__(self, stream: IOStream) -> None:
        self._stream = stream
        self._ahead = b""  # has come with what was asked for, and was not

    async def head(self, limit: int) -> bytes:
        """The next request's head, with its empty line. Raises HeadTooLarge beyond ``limit`` bytes, and Invalid as soon
        as it cannot be one: who speaks TLS waits for an answer to its first words, and tries plain HTTP after that."""
        data = await self._begun()
        check_begun(data)
        looked = 0
        while not (end := head_end(data, looked)):
            if len(data) > limit:
                raise HeadTooLarge
            looked = len(data)
            data += await self._more()
        if end > limit:
            raise HeadTooLarge
        data, self._ahead = data[:end], data[end:]
        return data

    async def some(self, most: int) -> bytes:
        """The next bytes: at least one, at most ``most``."""
        data = self._ahead or await self._more()
        data, self._ahead = data[:most], data[most:]
        return data

    async def chunk_size(self) -> int:
        """The bytes of the next chunk of a chunked body (RFC 9112 §7.1). Raises Invalid, also for extensions: nobody
        sends them but to confuse whoever reads the same bytes."""
        match = _CHUNK_HEAD.fullmatch(await self._line())
        if match is None:
            raise Invalid("The size of a chunk of the request's body is malformed (RFC 9112 §7.1).")
        return int(match[1], 16)

    async def line_end(self) -> None:
        """True after: the line end that closes a chunk, or the whole body, has been read. Raises Invalid."""
        if await self._line() != b"\r\n":
            raise Invalid("A chunk of the request's body is not closed by a line end, or trailers follow it.")

    async def drain(self) -> None:
        """Read and drop until the client closes its side. Raises StreamClosedError then."""
        while True:
            await self._more()

    async def _begun(self) -> bytes:
        """What has come of the next head; empty lines before it are dropped (RFC 9112 §2.2)."""
        data = self._ahead
        if data:
            await asyncio.sleep(0)  # one client's pipelined requests must not keep the others from their turn
        while not (begun := data.lstrip(b"\r\n")):
            data = await self._more()
        return begun

    async def _line(self) -> bytes:
        """Up to the next line feed, or as much as a line may have."""
        data = self._ahead or await self._more()
        while not (end := data.find(b"\n", 0, _LONGEST_LINE) + 1) and len(data) < _LONGEST_LINE:
            data += await self._more()
        end = end or _LONGEST_LINE
        data, self._ahead = data[:end], data[end:]
        return data

    async def _more(self) -> bytes:
        piece = asyncio.ensure_future(self._stream.read_bytes(PIECE, partial=True))
        if piece.done():
            await asyncio.sleep(0)  # nor must a client that sends faster than we read
        return await piece
