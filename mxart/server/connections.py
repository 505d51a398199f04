"""The client connections of one worker: whose turn it is on each, and how long the client may take.

A client that is too slow (no request, no body, nothing read) is cut by one sweep over all of them; no timer is made
for a request. What a request means is not known here.
"""

from __future__ import annotations

import asyncio
import math
import socket
from collections.abc import Hashable

from tornado.iostream import IOStream

from mxart.httpfields.forwarding import UNIX

IDLE = 75.0  # seconds for a complete request head to come
STALL = 300.0  # seconds without any progress of a body, either way
SWEEP = 5.0  # seconds between two looks


class Connection:
    """One client connection."""

    __slots__ = ("idle", "peer", "stream", "until")

    def __init__(self, stream: IOStream) -> None:
        self.stream = stream
        self.peer = _peer(stream.socket)
        self.idle = True  # no request is under way
        self.until = math.inf  # when the client's patience with us ends: never, while it is our turn

    def expect(self, seconds: float) -> None:
        """It is the client's turn, from now on, for so long."""
        self.until = asyncio.get_running_loop().time() + seconds

    def take_turn(self) -> None:
        """It is our turn: the client waits for us."""
        self.until = math.inf


class Connections:
    """All of them. Belongs to one event loop."""

    def __init__(self) -> None:
        self._open: dict[Hashable, Connection] = {}
        self._empty = asyncio.Event()
        self._empty.set()
        self._sweeper: asyncio.TimerHandle | None = None
        self._under_way: set[asyncio.Task[None]] = set()
        self.closing = False  # every answer is the last on its connection

    def __len__(self) -> int:
        return len(self._open)

    def waiting(self, key: Hashable, stream: IOStream) -> Connection:
        """The connection of ``key``, which now waits for its next request."""
        connection = self._open.get(key)
        if connection is None:
            connection = self._open[key] = Connection(stream)
            self._empty.clear()
            if self._sweeper is None:
                self._sweeper = asyncio.get_running_loop().call_later(SWEEP, self._sweep)
        connection.idle = True
        connection.expect(IDLE)
        return connection

    def gone(self, key: Hashable) -> None:
        """The connection has closed."""
        self._open.pop(key, None)
        if not self._open:
            self._empty.set()

    def under_way(self, task: asyncio.Task[None]) -> None:
        """``task`` answers a request; it is waited for at the end."""
        self._under_way.add(task)
        task.add_done_callback(self._under_way.discard)

    def close_idle(self) -> None:
        """True after: only connections with a request under way are open."""
        for connection in list(self._open.values()):
            if connection.idle:
                connection.stream.close()

    def close_all(self) -> None:
        """True after: every connection is cut."""
        for connection in list(self._open.values()):
            connection.stream.close()

    async def wait_empty(self, seconds: float) -> bool:
        """Whether the last connection closed, and the last request was done with, within so long."""
        try:
            async with asyncio.timeout(seconds):
                await self._empty.wait()
                while self._under_way:
                    await asyncio.wait(self._under_way)
        except TimeoutError:
            return False
        return True

    def _sweep(self) -> None:
        loop = asyncio.get_running_loop()
        now = loop.time()
        for connection in [c for c in self._open.values() if c.until < now]:
            connection.stream.close()
        self._sweeper = loop.call_later(SWEEP, self._sweep) if self._open else None


def _peer(client: socket.socket) -> str:
    """The client's address, UNIX on a unix socket, "" when it has left already."""
    if client.family == socket.AF_UNIX:
        return UNIX
    try:
        address = str(client.getpeername()[0])
    except OSError:
        return ""
    return address.removeprefix("::ffff:") if "." in address else address
