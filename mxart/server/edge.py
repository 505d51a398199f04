"""The edge: a request head from the network becomes a `Request`, its handler runs, and what it answers is delivered.

Every connection has one task, which answers its requests one by one and is cancelled when its client leaves. Errors
of the domain become the handler's own words; anything else is logged under an id that the client is told, and nothing
more.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import socket
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

from tornado.iostream import SSLIOStream, StreamClosedError

from mxart.errors import BadUpstream, Invalid, MxartError, TooLarge
from mxart.httpfields import forwarding, framing, targets
from mxart.httpfields.forwarding import Origin, TrustedPeers
from mxart.httpfields.requests import RequestHead, parse_head
from mxart.model import Request, Response
from mxart.server import Application, Handler, accesslog, failures
from mxart.server.accesslog import Access
from mxart.server.body import Body
from mxart.server.connections import Connection, Connections
from mxart.server.delivery import Asked, Cut, deliver
from mxart.server.incoming import HeadTooLarge
from mxart.server.wire import Wire
from mxart.settings import ServerSettings

_log = logging.getLogger("mxart.server")

LINGER = 2.0  # seconds in which a client may finish sending what nobody reads
_CLIENT_LEFT = 499
_NO_FIELDS: Mapping[str, str] = {}


@dataclass(frozen=True, slots=True, kw_only=True)
class Entrance:
    """Where connections come in: a listener, and what clients call it when they do not say."""

    listener: str
    scheme: str  # "http" or "https"
    authority: str  # "127.0.0.1:8080"


@dataclass(frozen=True, slots=True)
class Edge:
    """Answers all requests on connections that come in by one entrance."""

    application: Application
    settings: ServerSettings
    entrance: Entrance
    trusted: TrustedPeers
    connections: Connections

    async def serve(self, connection: Connection) -> None:
        """Answer one request after the other, until the client has no more, or may send no more."""
        with contextlib.suppress(StreamClosedError):
            while (head := await self._head(connection)) and await Exchange(self, connection, head).run():
                connection.rest()

    async def _head(self, connection: Connection) -> RequestHead | None:
        """The next request's; None when there is none, as the client has been told."""
        limit = self.settings.max_header_size
        try:
            return parse_head(await connection.incoming.head(limit))
        except HeadTooLarge:
            response = failures.head_too_large(limit)
        except Invalid as error:
            response = failures.plain(error)
        await deliver(Wire(connection), Asked("GET", "HTTP/1.1", _NO_FIELDS, "close"), response)
        await _linger(connection, connection.incoming.drain)
        return None


class Exchange:
    """One request and its answer."""

    def __init__(self, edge: Edge, connection: Connection, head: RequestHead) -> None:
        self._began = time.monotonic()
        self._edge = edge
        self._connection = connection
        self._head = head
        self._wire = Wire(connection)
        self._asked = Asked(head.method, head.version, head.fields)
        self._body: Body | None = None  # None: where the request ends cannot be known
        self._handler: Handler | None = None
        self._request = Request(method=head.method, path="", headers=head.fields, peer=connection.peer)
        self._status, self._cache_status = _CLIENT_LEFT, ""

    async def run(self) -> bool:
        """Whether the client may send another request, now that this one has been answered and logged."""
        self._connection.idle = False
        self._connection.take_turn()
        try:
            self._status = await self._answer()
            return await self._finish()
        except Cut as cut:
            _log.warning("%s %s: %s; the connection is cut", self._head.method, self._head.target, cut)
            return False
        finally:
            self._note()

    # --- from the head to a request

    def _admit(self) -> Handler:
        """Who is to answer; true after: the request is complete. Raises MxartError."""
        edge, head, fields = self._edge, self._head, self._head.fields
        length = framing.body_length(head.version, fields)
        self._body = body = Body(self._connection, length)
        if length and head.version == "HTTP/1.1" and fields.get("expect", "").lower() == "100-continue":
            body.awaited = self._wire
        target = targets.parse(head.target)
        origin = self._origin(target.authority or fields.get("host", ""))
        match = edge.application.mounts.match(edge.entrance.listener, origin.host, target)
        self._handler = match.handler
        if _passed(fields.get("via", ""), edge.application.pseudonym):
            raise BadUpstream("The request has come through this server before: an upstream of it leads back to it.")
        body.limit = limit = match.handler.body_limit
        if length > limit:
            raise TooLarge(f"The body of the request is larger than {limit} bytes.", limit)
        public = edge.settings.public_url
        server = public if public and not match.bound else f"{origin.scheme}://{origin.host}"
        self._request = Request(
            method=head.method,
            path=match.path,
            raw_path=match.raw_path,
            query=target.query,
            headers=fields,
            body=body,
            peer=origin.peer,
            connection=self._connection.number,
            base_url=server + match.base,
            server_url=server,
            listener=edge.entrance.listener,
            host=origin.host,
        )
        return match.handler

    def _origin(self, host: str) -> Origin:
        entrance = self._edge.entrance
        if not host and self._head.version == "HTTP/1.1":
            raise Invalid("The request has no Host field (RFC 9112 §3.2).")
        direct = Origin(entrance.scheme, forwarding.check_host(host or entrance.authority), self._connection.peer)
        return forwarding.origin(direct, self._head.fields, self._edge.trusted)

    # --- from the request to the answer

    async def _answer(self) -> int:
        """The status of the answer, once it has been sent."""
        try:
            return await self._deliver(await self._admit().handle(self._request))
        except MxartError as error:
            return await self._deliver(self._handler.failure(error) if self._handler else failures.plain(error))
        except (StreamClosedError, Cut):
            raise
        except Exception as error:
            incident = os.urandom(6).hex()
            _log.exception("%s %s failed: incident %s", self._head.method, self._head.target, incident)
            if self._wire.begun:
                raise Cut(f"incident {incident}") from error
            return await self._deliver(failures.internal(incident))

    async def _deliver(self, response: Response) -> int:
        head, body = self._head, self._body
        if body is not None and not body.finished and response.status != 413:  # a body that is too large is not wanted
            await self._settle(body, response)
        whole = body is not None and (body.finished or body.small)
        persistent = framing.persistent(head.version, head.method, head.fields)
        if not (whole and persistent) or self._edge.connections.closing:
            self._asked.connection = "close"
        elif head.version == "HTTP/1.0":
            self._asked.connection = "keep-alive"
        self._cache_status = response.headers.get("Cache-Status", "")
        return await deliver(self._wire, self._asked, response)

    async def _settle(self, body: Body, response: Response) -> None:
        """What the client still sends has come, if it is little; ``response`` is closed when that cannot be."""
        try:
            with contextlib.suppress(Invalid):  # then it is the last request of its connection
                await body.settle()
        except BaseException:
            if response.content is not None:
                response.content.close()
            raise

    async def _finish(self) -> bool:
        """Whether another request may follow; what is left of this one's body has been dropped."""
        body = self._body
        if body is None:
            await _linger(self._connection, self._connection.incoming.drain)
            return False
        if self._asked.connection == "close":
            if not body.finished and body.awaited is None:
                await _linger(self._connection, body.drop)
            return False
        await body.drop()
        return True

    def _note(self) -> None:
        if not accesslog.enabled():
            return
        accesslog.write(
            Access(
                peer=self._request.peer,
                principal=self._request.principal.name,
                method=self._head.method,
                target=self._head.target,
                status=self._status,
                sent=self._wire.sent,
                seconds=time.monotonic() - self._began,
                cache_status=self._cache_status,
            )
        )


async def _linger(connection: Connection, finish: Callable[[], Awaitable[None]]) -> None:
    """Let the client ``finish`` sending (RFC 9112 §9.6): closing at once would reset the connection, and the client
    might never see the answer. Raises StreamClosedError when it has left."""
    stream = connection.stream
    if stream.closed():
        raise StreamClosedError
    if not isinstance(stream, SSLIOStream):
        with contextlib.suppress(OSError):
            stream.socket.shutdown(socket.SHUT_WR)
    with contextlib.suppress(TimeoutError, Invalid):
        async with asyncio.timeout(LINGER):
            await finish()


def _passed(via: str, pseudonym: str) -> bool:
    """Whether a Via field (RFC 9110 §7.6.3) names ``pseudonym``."""
    if not via or pseudonym not in via:
        return False
    return any(pseudonym in hop.split()[1:2] for hop in via.split(","))
