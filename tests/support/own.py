"""One handler, served on loopback as what answers below ``/-/`` and at ``/``."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from mxart.server import Handler
from mxart.server.listeners import bind
from mxart.server.mounts import MountTable
from mxart.server.serving import Serving
from mxart.settings import ListenerSettings, ServerSettings


class _Site:
    """`server.Application`."""

    pseudonym = "mxart-own"

    def __init__(self, own: Handler) -> None:
        self.mounts = MountTable(own, {})

    async def start(self) -> None: ...

    async def stop(self) -> None: ...


@asynccontextmanager
async def served(own: Handler) -> AsyncIterator[int]:
    """The port at which ``own`` is served, in this event loop."""
    listenings = bind([ListenerSettings(name="main", listen=("127.0.0.1:0",))], {})
    serving = Serving(_Site(own), ServerSettings())
    serving.listen(listenings.values())
    try:
        (listening,) = listenings.values()
        yield int(listening.authority.rpartition(":")[2])
    finally:
        await serving.drain(5.0)
