"""The body of a request on its way to its handler: an asynchronous stream that never holds more than a little.

Tornado reads on only after what it read was taken. A body beyond the limit fails for whoever reads it.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator

from mxart.errors import TooLarge
from mxart.server.connections import STALL, Connection

HELD = 64 * 1024  # bytes taken from the network before anyone has asked for them


class Body(AsyncIterator[bytes]):
    """One request's body, for one reader."""

    __slots__ = ("_chunks", "_connection", "_held", "_received", "_room", "_waiting", "finished", "limit", "wanted")

    def __init__(self, limit: int, connection: Connection) -> None:
        self._chunks: deque[bytes] = deque()
        self._held = 0
        self._received = 0
        self.limit = limit  # bytes; may be set until the first chunk comes
        self._connection = connection
        self._room: asyncio.Future[None] | None = None  # Tornado waits for it
        self._waiting: asyncio.Future[None] | None = None  # the reader waits for it
        self.wanted: asyncio.Future[None] = asyncio.get_running_loop().create_future()  # somebody reads, or gave up
        self.finished = False  # all of it has come

    # --- the network's side

    def feed(self, chunk: bytes) -> asyncio.Future[None] | None:
        """Take a chunk; the future, if any, is done when there is room for the next."""
        self._received += len(chunk)
        self._connection.expect(STALL)
        if self.limit < 0:
            return None
        if self._received > self.limit:
            self._chunks.clear()
        else:
            self._chunks.append(chunk)
            self._held += len(chunk)
        _resolve(self._waiting)
        if self._held < HELD and self._received <= self.limit:
            return None
        self._connection.take_turn()
        self._room = asyncio.get_running_loop().create_future()
        return self._room

    def end(self) -> None:
        """All of it has come."""
        self.finished = True
        _resolve(self._waiting)

    # --- the reader's side

    async def __anext__(self) -> bytes:
        """The next chunk. Raises TooLarge as soon as more has come than the limit allows."""
        _resolve(self.wanted)
        while not self._chunks:
            if self._received > self.limit:
                raise TooLarge(f"The body of the request is larger than {self.limit} bytes.", self.limit)
            if self.finished:
                raise StopAsyncIteration
            self._connection.expect(STALL)
            self._waiting = asyncio.get_running_loop().create_future()
            await self._waiting
        self._connection.take_turn()
        chunk = self._chunks.popleft()
        self._held -= len(chunk)
        _resolve(self._room)
        return chunk

    # --- when nobody reads any more

    def abandon(self) -> None:
        """True after: whatever still comes is dropped."""
        self.limit = -1
        self._chunks.clear()
        _resolve(self._room)
        _resolve(self.wanted)

    async def dropped(self) -> None:
        """True after: all of it has come."""
        while not self.finished:
            self._waiting = asyncio.get_running_loop().create_future()
            await self._waiting


def _resolve(future: asyncio.Future[None] | None) -> None:
    if future is not None and not future.done():
        future.set_result(None)
