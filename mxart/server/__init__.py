"""Bytes to `Request`, `Response` to bytes: the one wall behind which HTTP ends, and the processes that stand at it.

A request comes through ``listeners`` (sockets) and ``connections`` (who is idle, who is under way) to ``edge``, which
makes a `Request` of it, finds its `Handler` in ``mounts`` and hands the `Response` to ``delivery``. ``failures`` holds
the one table from error to status. ``workers`` binds and supervises, ``worker`` is the life of one process.

Deliberately not here: what a path means, who may read it, where the bytes are. That is the handlers' business.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from mxart.errors import MxartError
from mxart.model import Request, Response

if TYPE_CHECKING:
    from mxart.server.mounts import MountTable


class Handler(Protocol):
    """Whoever answers the requests below one mount. Called concurrently."""

    @property
    def body_limit(self) -> int:
        """Bytes of body that a request may carry; more is refused before or while it is read."""
        ...

    async def handle(self, request: Request) -> Response:
        """The answer. The server closes its content, also when the client has left.

        May raise MxartError, which `failure` then turns into an answer. May set ``request.principal``, which the
        access log names. Is cancelled when the client leaves.
        """
        ...

    def failure(self, error: MxartError) -> Response:
        """The error in the words and the envelope that the clients of this mount understand. Never raises."""
        ...


class Application(Protocol):
    """What one worker serves."""

    @property
    def mounts(self) -> MountTable:
        """Which handler answers where; may be read from `start` on."""
        ...

    @property
    def pseudonym(self) -> str:
        """The name that our own requests carry in Via (RFC 9110 §7.6.3): a request that brings it back is a loop."""
        ...

    async def start(self) -> None:
        """Open what is needed, in the worker's own process and event loop. Requests come after it has returned."""
        ...

    async def stop(self) -> None:
        """Close it. No request is under way any more."""
        ...
