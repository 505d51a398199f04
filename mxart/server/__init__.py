"""Bytes to `Request`, `Response` to bytes: the one wall behind which HTTP ends, and the processes that stand at it.

A request comes through ``listeners`` (sockets), ``connections`` (who is idle, who is under way) and ``incoming`` (its
bytes) to ``edge``, which makes a `Request` of it, finds its `Handler` in ``mounts`` and hands the `Response` to
``delivery``, and that to ``wire`` (bytes again). ``failures`` holds the one table from error to status.

``workers`` binds and supervises, ``worker`` is the life of one process.

Deliberately not here: what a path means, who may read it, where the bytes are. That is the handlers' business.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from mxart.errors import MxartError
from mxart.httpfields.targets import Target
from mxart.model import Request, Response


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


@dataclass(frozen=True, slots=True)
class Match:
    """A handler, and what is left of the path for it."""

    handler: Handler
    base: str  # where it is mounted: "/go-public", "" for the root
    path: str  # below ``base``, decoded, without leading slash
    raw_path: str  # the same as it was sent
    bound: bool = False  # by its host name: the public URL of the server does not apply
    namespace: str = ""  # the registry that the client said it means, when that is what led here: "docker.io"


class Mounts(Protocol):
    """Which handler answers where: ``mounts.MountTable``."""

    def match(self, listener: str, host: str, target: Target) -> Match:
        """Who answers ``target`` on ``host`` (as in a Host field) of ``listener``. Raises NotFound for nobody."""
        ...


class Application(Protocol):
    """What one worker serves."""

    @property
    def mounts(self) -> Mounts:
        """Which handler answers where; read once `start` has returned."""
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
