"""A request to one repository: who asks, what is asked, may they, then the format's answer.

The order is the design's (DESIGN §2): access before anything of the repository is touched, the format's words for
every error. What was decided on the way is in the trail, which the answer's Cache-Status sums up.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import Protocol

from mxart.contract import Context, Format, Repository
from mxart.errors import MxartError
from mxart.model import Action, Principal, Request, Response
from mxart.server.failures import headers_of, status_of
from mxart.trail import Trail

log = logging.getLogger("mxart.dispatch")

_ACTIONS: dict[str, Action] = {"GET": "read", "HEAD": "read", "OPTIONS": "read", "DELETE": "delete"}


class Gate(Protocol):
    """Who asks, and may they? (``mxart.access``)"""

    async def identify(self, request: Request) -> Principal:
        """Raises Unauthenticated for credentials that are wrong."""
        ...

    def authorize(self, principal: Principal, action: Action, repository: str, path: str) -> None:
        """Raises Unauthenticated or Denied."""
        ...


@dataclass(frozen=True, slots=True)
class RepositoryHandler:
    """`server.Handler` of one repository."""

    format: Format
    repository: Repository
    gate: Gate
    body_limit: int  # bytes

    async def handle(self, request: Request) -> Response:
        trail = Trail()
        try:
            request.principal = await self.gate.identify(request)
            response = await self.answer(request, trail)
        except MxartError as error:
            trail.note("error", kind=type(error).__name__, message=error.message)
            response = self.failure(error)
        if trail.cache_status:
            response.headers.setdefault("Cache-Status", trail.cache_status)
        if log.isEnabledFor(logging.DEBUG):
            log.debug(
                "%s %s/%s: %d; %s", request.method, self.repository.name, request.path, response.status, trail.lines()
            )
        return response

    async def answer(self, request: Request, trail: Trail) -> Response:
        """What the repository says to ``request.principal``, decided along ``trail``. Raises MxartError."""
        principal, name = request.principal, self.repository.name
        trail.note("mount", repository=name, format=self.format.name)
        resource = self.format.parse(request)
        action = _ACTIONS.get(request.method, "write")
        self.gate.authorize(principal, action, name, resource.path)
        trail.note("access", principal=principal.name or "anonymous", action=action, allowed=True)
        context = Context(principal=principal, trail=trail, base_url=request.base_url)
        return await self.format.answer(request, resource, self.repository, context)

    def failure(self, error: MxartError) -> Response:
        response = self.format.failure(error, status_of(error))
        for name, value in headers_of(error).items():
            response.headers.setdefault(name, value)
        return response
