"""The edge: a request head from the network becomes a `Request`, its handler runs, and what it answers is delivered.

Every request has one task, which is cancelled when its client leaves. Errors of the domain become the handler's own
words; anything else is logged under an id that the client is told, and nothing more.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import socket
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial
from typing import cast

from tornado.http1connection import HTTP1Connection, HTTP1ServerConnection
from tornado.httputil import (
    HTTPConnection,
    HTTPHeaders,
    HTTPMessageDelegate,
    HTTPServerConnectionDelegate,
    RequestStartLine,
    ResponseStartLine,
)
from tornado.iostream import SSLIOStream, StreamClosedError

from mxart.errors import BadUpstream, Invalid, MxartError, TooLarge
from mxart.httpfields import forwarding, framing, targets
from mxart.httpfields.forwarding import Origin, TrustedPeers
from mxart.model import Request, Response
from mxart.server import Application, Handler, accesslog, failures
from mxart.server.accesslog import Access
from mxart.server.body import Body
from mxart.server.connections import Connection, Connections
from mxart.server.delivery import Asked, Cut, deliver
from mxart.server.wire import Wire

_log = logging.getLogger("mxart.server")

_Answer = Callable[[Request], Awaitable[Response]]

LINGER = 2.0  # seconds in which a client may finish sending a body that nobody reads
_CLIENT_LEFT = 499


@dataclass(frozen=True, slots=True, kw_only=True)
class Entrance:
    """Where connections come in: a listener, and what clients call it when they do not say."""

    listener: str
    scheme: str  # "http" or "https"
    authority: str  # "127.0.0.1:8080"


class Edge(HTTPServerConnectionDelegate):
    """Makes an exchange of every request that comes in by one entrance."""

    def __init__(
        self, application: Application, connections: Connections, entrance: Entrance, trusted: TrustedPeers, public: str
    ) -> None:
        """``public``: the URL that clients see, without trailing slash; "": taken from each request."""
        self.application = application
        self.connections = connections
        self.entrance = entrance
        self.trusted = trusted
        self.public = public

    def start_request(self, server_conn: object, request_conn: HTTPConnection) -> HTTPMessageDelegate:
        served = cast(HTTP1ServerConnection, server_conn)
        connection = self.connections.waiting(served, served.stream)
        return Exchange(self, connection, cast(HTTP1Connection, request_conn))

    def on_close(self, server_conn: object) -> None:
        self.connections.gone(cast(HTTP1ServerConnection, server_conn))


class Exchange(HTTPMessageDelegate):
    """One request and its answer."""

    def __init__(self, edge: Edge, connection: Connection, http: HTTP1Connection) -> None:
        self._edge = edge
        self._connection = connection
        self._http = http
        self._failure: Callable[[MxartError], Response] = failures.plain  # until a handler is found
        self._task: asyncio.Task[None] | None = None

    # --- what Tornado calls, in this order

    def headers_received(
        self, start_line: RequestStartLine | ResponseStartLine, headers: HTTPHeaders
    ) -> asyncio.Future[None] | None:
        start = cast(RequestStartLine, start_line)
        fields = {name.lower(): ", ".join(headers.get_list(name)) for name in headers}
        self._began = time.monotonic()
        self._status, self._target, self._cache_status = _CLIENT_LEFT, start.path, ""
        self._connection.idle = False
        self._connection.take_turn()
        self._wire = Wire(self._connection.stream, self._connection)
        self._body = Body(0, self._connection)
        self._asked = Asked(start.method, start.version, fields)
        self._request = Request(method=start.method, path="", headers=fields, peer=self._connection.peer)
        try:
            answer: _Answer = self._admit(start).handle
        except MxartError as error:
            answer = partial(self._refuse, error)
        self._task = asyncio.get_running_loop().create_task(self._run(answer))
        self._edge.connections.under_way(self._task)
        # Tornado says 100 (Continue) once this is done: not before somebody wants the body (RFC 9110 §10.1.1)
        return self._body.wanted if self._expects_continue() else None

    def data_received(self, chunk: bytes) -> asyncio.Future[None] | None:
        return self._body.feed(chunk)

    def finish(self) -> None:
        self._body.end()
        self._http.set_close_callback(self.on_connection_close)

    def on_connection_close(self) -> None:
        if self._task is not None:
            self._task.cancel()

    # --- from the head to a request

    def _admit(self, start: RequestStartLine) -> Handler:
        """Who is to answer; true after: the request is complete but for its body. Raises MxartError."""
        edge, fields = self._edge, self._asked.headers
        length = framing.body_length(start.version, fields)
        target = targets.parse(start.path)
        origin = self._origin(target.authority or fields.get("host", ""))
        match = edge.application.mounts.match(edge.entrance.listener, origin.host, target)
        self._failure = match.handler.failure
        if _passed(fields.get("via", ""), edge.application.pseudonym):
            raise BadUpstream("The request has come through this server before: an upstream of it leads back to it.")
        limit = match.handler.body_limit
        if length > limit:
            raise TooLarge(f"The body of the request is larger than {limit} bytes.", limit)
        server = edge.public if edge.public and not match.bound else f"{origin.scheme}://{origin.host}"
        self._body.limit = limit
        self._request = Request(
            method=start.method,
            path=match.path,
            raw_path=match.raw_path,
            query=target.query,
            headers=fields,
            body=self._body,
            peer=origin.peer,
            base_url=server + match.base,
        )
        return match.handler

    def _origin(self, host: str) -> Origin:
        entrance = self._edge.entrance
        if not host and self._asked.version == "HTTP/1.1":
            raise Invalid("The request has no Host field (RFC 9112 §3.2).")
        direct = Origin(entrance.scheme, forwarding.check_host(host or entrance.authority), self._connection.peer)
        return forwarding.origin(direct, self._asked.headers, self._edge.trusted)

    def _expects_continue(self) -> bool:
        return self._asked.headers.get("expect", "").lower() == "100-continue" and self._asked.version == "HTTP/1.1"

    # --- from the request to the answer

    async def _refuse(self, error: MxartError, _request: Request) -> Response:
        return self._failure(error)

    async def _run(self, answer: _Answer) -> None:
        try:
            self._status = await self._answer(answer)
            await self._finish()
        except StreamClosedError:
            self._http.close()
        except Cut as cut:
            _log.warning("%s %s: %s; the connection is cut", self._request.method, self._target, cut)
            self._http.close()
        except asyncio.CancelledError:
            self._http.close()
            raise
        finally:
            self._body.abandon()
            self._note()

    async def _answer(self, answer: _Answer) -> int:
        try:
            return await self._deliver(await answer(self._request))
        except MxartError as error:
            return await self._deliver(self._failure(error))
        except (StreamClosedError, Cut):
            raise
        except Exception as error:
            incident = os.urandom(6).hex()
            _log.exception("%s %s failed: incident %s", self._request.method, self._target, incident)
            if self._wire.begun:
                raise Cut(f"incident {incident}") from error
            return await self._deliver(failures.internal(incident))

    async def _deliver(self, response: Response) -> int:
        persistent = framing.persistent(self._asked.version, self._request.method, self._asked.headers)
        if not persistent or not self._body.finished or self._edge.connections.closing:
            self._asked.connection = "close"
        elif self._asked.version == "HTTP/1.0":
            self._asked.connection = "keep-alive"
        self._cache_status = response.headers.get("Cache-Status", "")
        return await deliver(self._wire, self._asked, response)

    async def _finish(self) -> None:
        """True after: the connection waits for its next request, or is closed."""
        if self._asked.connection != "close":
            self._http.finish()
            return
        if not self._body.finished and (self._body.wanted.done() or not self._expects_continue()):
            await self._linger()
        self._connection.stream.close()

    async def _linger(self) -> None:
        """Let the client finish sending (RFC 9112 §9.6): closing at once would reset the connection, and the client
        might never see the answer."""
        self._body.abandon()
        if not isinstance(self._connection.stream, SSLIOStream):
            with contextlib.suppress(OSError):
                self._connection.stream.socket.shutdown(socket.SHUT_WR)
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._body.dropped(), LINGER)

    def _note(self) -> None:
        if not accesslog.enabled():
            return
        accesslog.write(
            Access(
                peer=self._request.peer,
                principal=self._request.principal.name,
                method=self._request.method,
                target=self._target,
                status=self._status,
                sent=self._wire.sent,
                seconds=time.monotonic() - self._began,
                cache_status=self._cache_status,
            )
        )


def _passed(via: str, pseudonym: str) -> bool:
    """Whether a Via field (RFC 9110 §7.6.3) names ``pseudonym``."""
    if not via or pseudonym not in via:
        return False
    return any(pseudonym in hop.split()[1:2] for hop in via.split(","))
