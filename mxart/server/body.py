"""The body of a request: an asynchronous stream that its handler pulls from the network, piece by piece.

A client that waits to be asked for its body (RFC 9110 §10.1.1) is asked by the first pull.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

from tornado.iostream import StreamClosedError

from mxart.errors import Invalid, TooLarge
from mxart.httpfields.framing import CHUNKED
from mxart.server.connections import STALL, Connection
from mxart.server.incoming import PIECE, Incoming
from mxart.server.wire import Wire

_CANCELLED_WITHIN = 1.0  # seconds, since its client has left, for whoever reads a body
LITTLE = 256 * 1024  # bytes
_CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"


class Body(AsyncIterator[bytes]):
    """One request's body, for one reader."""

    __slots__ = (
        "_chunked",
        "_connection",
        "_incoming",
        "_left",
        "_malformed",
        "_received",
        "awaited",
        "finished",
        "limit",
    )

    def __init__(self, connection: Connection, length: int) -> None:
        """``length``: bytes, or CHUNKED."""
        self._connection = connection
        self._incoming: Incoming = connection.incoming
        self._chunked = length == CHUNKED
        self._left = 0 if self._chunked else length  # bytes of the body, or of its chunk, that have not been pulled
        self._received = 0
        self.limit = 0  # bytes
        self.finished = length == 0  # all of it has been pulled
        self.awaited: Wire | None = None  # where to say 100 (Continue), for which the client waits
        self._malformed = False  # where it goes on cannot be known

    @property
    def small(self) -> bool:
        """What is left is known to be no more than one piece, and on its way."""
        return not self._chunked and self._left <= PIECE and self.awaited is None

    async def __anext__(self) -> bytes:
        """The next piece. Raises TooLarge as soon as more has come than the limit allows, Invalid when malformed."""
        if self.finished:
            raise StopAsyncIteration
        try:
            piece = await self._pull()
        except StreamClosedError as error:
            await asyncio.sleep(_CANCELLED_WITHIN)  # a second cancellation would disturb the handler's cleaning up
            raise asyncio.CancelledError from error
        self._received += len(piece)
        if self._received > self.limit:
            raise TooLarge(f"The body of the request is larger than {self.limit} bytes.", self.limit)
        if not piece:
            raise StopAsyncIteration
        return piece

    async def settle(self) -> None:
        """True after: a body that nobody reads has come and been dropped, if it is a little one.

        Clients that send one do not all look for an answer before they have sent it: containerd waits for ever then
        (as it may: what Go's server has not been asked for it reads first, up to `LITTLE`). Raises StreamClosedError,
        Invalid.
        """
        if self.finished or self.awaited is not None or self._malformed or self._left > LITTLE:
            return
        size = 0
        while not self.finished and size < LITTLE:
            size += len(await self._pull())

    async def drop(self) -> None:
        """True after: all of it has come, and been dropped. Raises StreamClosedError, Invalid."""
        self.awaited = None
        while not self.finished:
            await self._pull()

    async def _pull(self) -> bytes:
        """The next piece; b"" when it is found that there is none, and the body finished."""
        if self.awaited is not None:
            wire, self.awaited = self.awaited, None
            await wire.interim(_CONTINUE)
        self._connection.expect(STALL)
        try:
            piece = await (self._pull_chunked() if self._chunked else self._pull_counted())
        except Invalid:
            self._malformed = True
            raise
        self._connection.take_turn()
        return piece

    async def _pull_counted(self) -> bytes:
        piece = await self._incoming.some(min(self._left, PIECE))
        self._left -= len(piece)
        self.finished = not self._left
        return piece

    async def _pull_chunked(self) -> bytes:
        if not self._left:
            self._left = await self._incoming.chunk_size()
            if not self._left:
                await self._incoming.line_end()
                self.finished = True
                return b""
        piece = await self._incoming.some(min(self._left, PIECE))
        self._left -= len(piece)
        if not self._left:
            await self._incoming.line_end()
        return piece
