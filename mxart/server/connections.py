"""The client connections of one worker: whose turn it is on each, and how long the client may take.

A client that is too slow (no request, no body, nothing read) is cut by one sweep over all of them; no timer is made
for a request. What a request means is not known here.
"""

from __future__ import annotations

import asyncio
import itertools
import logging
import math
import socket
from collections.abc import Callable, Coroutine
from functools import partial

from tornado.iostream import IOStream

from mxart.httpfields.forwarding import UNIX
from mxart.server.incoming import Incoming

_log = logging.getLogger("mxart.server")

IDLE = 75.0  # seconds for a complete request head to come
STALL = 300.0  # seconds without any progress of a body, either way
SWEEP = 5.0  # seconds between two looks


class Connection:
    """One client connection."""

    __slots__ = ("idle", "incoming", "number", "peer", "stream", "until")

    _numbers = itertools.count(1)

    def __init__(self, stream: IOStream) -> None:
        self.stream = stream
        self.incoming = Incoming(stream)
        self.peer = _peer(stream.socket)
        self.number = next(self._numbers)  # no other one's in this process
        self.idle = True  # no request is under way
        self.until = math.inf  # when the client's patience with us ends: never, while it is our turn

    def rest(self) -> None:
        """No request is under way; the client may send another."""
        self.idle = True
        self.expect(IDLE)

    def expect(self, seconds: float) -> None:
        """It is the client's turn, from now on, for so long."""
        self.until = asyncio.get_running_loop().time() + seconds

    def take_turn(self) -> None:
        """It is our turn: the client waits for us."""
        self.until = math.inf


class Connections:
    """All of them. Belongs to one event loop."""

    def __init__(self) -> None:
        self._open: dict[Connection, asyncio.Task[None]] = {}
        self._empty = asyncio.Event()
        self._empty.set()
        self._sweeper: asyncio.TimerHandle | None = None
        self.closing = False  # every answer is the last on its connection

    def __len__(self) -> int:
        return len(self._open)

    def take(self, stream: IOStream, serve: Callable[[Connection], Coroutine[None, None, None]]) -> None:
        """True after: a task serves the connection, is cancelled when it closes, and closes it when it ends."""
        loop = asyncio.get_running_loop()
        connection = Connection(stream)
        connection.rest()
        self._open[connection] = task = loop.create_task(serve(connection))
        self._empty.clear()
        if self._sweeper is None:
            self._sweeper = loop.call_later(SWEEP, self._sweep)
        stream.set_close_callback(partial(_cancel, task))
        task.add_done_callback(partial(self._ended, connection))

    def _ended(self, connection: Connection, task: asyncio.Task[None]) -> None:
        if not task.cancelled() and (error := task.exception()) is not None:
            _log.error("a connection from %s failed", connection.peer, exc_info=error)
        connection.stream.close()
        del self._open[connection]
        if not self._open:
            self._empty.set()

    def close_idle(self) -> None:
        """True after: only connections with a request under way are open."""
        for connection in list(self._open):
            if connection.idle:
                connection.stream.close()

    def close_all(self) -> None:
        """True after: every connection is cut."""
        for connection in list(self._open):
            connection.stream.close()

    async def wait_empty(self, seconds: float) -> bool:
        """Whether the last connection closed, and the last request was done with, within so long."""
        try:
            async with asyncio.timeout(seconds):
                await self._empty.wait()
        except TimeoutError:
            return False
        return True

    def _sweep(self) -> None:
        loop = asyncio.get_running_loop()
        now = loop.time()
        for connection in [c for c in self._open if c.until < now]:
            connection.stream.close()
        self._sweeper = loop.call_later(SWEEP, self._sweep) if self._open else None


def _cancel(task: asyncio.Task[None]) -> None:
    task.cancel()


def _peer(client: socket.socket) -> str:
    """The client's address, UNIX on a unix socket, "" when it has left already."""
    if client.family == socket.AF_UNIX:
        return UNIX
    try:
        address = str(client.getpeername()[0])
    except OSError:
        return ""
    return address.removeprefix("::ffff:") if "." in address else address
