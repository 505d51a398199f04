"""``/-/health``: the process answers. ``/-/ready``: it can do its work."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from mxart import __version__
from mxart.api import wire
from mxart.errors import MxartError
from mxart.model import Request, Response


async def health(request: Request) -> Response:
    """200, as long as anything is answered at all."""
    return wire.answer({"status": "ok", "version": __version__})


@dataclass(frozen=True, slots=True)
class Ready:
    """200 when ``check`` returns, 503 with the reason when it raises MxartError: send the clients elsewhere."""

    check: Callable[[], Awaitable[None]]

    async def __call__(self, request: Request) -> Response:
        try:
            await self.check()
        except MxartError as error:
            return wire.answer({"status": "unready", "reason": error.message, "version": __version__}, 503)
        return wire.answer({"status": "ready", "version": __version__})
