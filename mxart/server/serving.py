"""The accepting side of one worker: from bound sockets to connections that are served, and back to none."""

from __future__ import annotations

import asyncio
import logging
import socket
import ssl
from collections.abc import Iterable

from tornado.iostream import IOStream, SSLIOStream

from mxart.httpfields.forwarding import TrustedPeers
from mxart.server import Application
from mxart.server.connections import Connections
from mxart.server.edge import Edge, Entrance
from mxart.server.incoming import PIECE
from mxart.server.listeners import Listening
from mxart.settings import ServerSettings

_log = logging.getLogger("mxart.server")

_PAUSE = 0.5  # seconds without accepting when that fails, as when descriptors or memory have run out


class Serving:
    """Serves one application on any number of sockets, within one event loop."""

    def __init__(self, application: Application, settings: ServerSettings) -> None:
        self._application = application
        self._settings = settings
        self._trusted = TrustedPeers(settings.trusted_proxies)
        self._sockets: list[socket.socket] = []
        self.connections = Connections()

    def listen(self, listenings: Iterable[Listening]) -> None:
        """True after: connections are taken from all of them."""
        for listening in listenings:
            edge = self._edge(listening)
            for listener in listening.sockets:
                self._sockets.append(listener)
                asyncio.get_running_loop().add_reader(listener, self._accept, edge, listener, listening.tls)

    def stop_accepting(self) -> None:
        """True after: no further connection is taken, and every answer is the last on its connection.

        This process's copies of the sockets are closed; connections that wait in them go to whoever has them, too.
        """
        self.connections.closing = True
        for listener in self._sockets:
            asyncio.get_running_loop().remove_reader(listener)
            listener.close()
        self._sockets.clear()

    async def retire(self, grace: float) -> None:
        """True after: no connection is left. Idle ones stay open for ``grace`` seconds, as a request may be on its way
        on any of them; they are told with its answer that it is the last."""
        self.stop_accepting()
        if not await self.connections.wait_empty(grace):
            await self._cut()

    async def drain(self, grace: float) -> None:
        """True after: no connection is left. Idle ones are closed at once, the others when they have their answer or
        after ``grace`` seconds."""
        self.stop_accepting()
        self.connections.close_idle()
        if not await self.connections.wait_empty(grace):
            await self._cut()

    async def _cut(self) -> None:
        _log.warning("%d connections outlived the grace and are cut", len(self.connections))
        self.connections.close_all()
        await self.connections.wait_empty(1.0)

    def _edge(self, listening: Listening) -> Edge:
        entrance = Entrance(listener=listening.listener, scheme=listening.scheme, authority=listening.authority)
        return Edge(self._application, self._settings, entrance, self._trusted, self.connections)

    def _accept(self, edge: Edge, listener: socket.socket, tls: ssl.SSLContext | None) -> None:
        """Take one connection; the loop calls again while more wait. One at a time, so that a burst is spread over
        all workers that wait for the same socket."""
        try:
            client, _ = listener.accept()
        except (BlockingIOError, ConnectionAbortedError):
            return
        except OSError as error:
            self._pause(edge, listener, tls, error)
            return
        client.setblocking(False)
        try:
            stream = _stream(client, tls)
        except OSError:  # it has left already
            client.close()
            return
        self.connections.take(stream, edge.serve)

    def _pause(self, edge: Edge, listener: socket.socket, tls: ssl.SSLContext | None, error: OSError) -> None:
        loop = asyncio.get_running_loop()
        _log.error("cannot take connections for %.1f s: %s", _PAUSE, error.strerror)
        loop.remove_reader(listener)
        loop.call_later(_PAUSE, self._resume, edge, listener, tls)

    def _resume(self, edge: Edge, listener: socket.socket, tls: ssl.SSLContext | None) -> None:
        if listener in self._sockets:
            asyncio.get_running_loop().add_reader(listener, self._accept, edge, listener, tls)


def _stream(client: socket.socket, tls: ssl.SSLContext | None) -> IOStream:
    """The client's stream. Small answers leave at once; raises OSError when the client has left already."""
    if client.family != socket.AF_UNIX:
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    if tls is None:
        return IOStream(client, read_chunk_size=PIECE)
    secured = tls.wrap_socket(client, server_side=True, do_handshake_on_connect=False)
    return SSLIOStream(secured, read_chunk_size=PIECE)
