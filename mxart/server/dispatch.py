"""A request to one repository: who asks, what is asked, may they, then the format's answer.

The order is the design's (DESIGN §2): access before anything of the repository is touched, the format's words for
every error. What was decided on the way is in the trail, which the answer's Cache-Status sums up.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Protocol

from mxart.contract import Context, Format, Neighbour, Repository
from mxart.errors import Invalid, MxartError, NotFound, Unauthenticated
from mxart.model import Action, Principal, Request, Resource, Response
from mxart.server import Match
from mxart.server.failures import headers_of, status_of
from mxart.trail import Trail

log = logging.getLogger("mxart.dispatch")


def action_of(request: Request) -> Action:
    """What the request would do."""
    return _ACTIONS.get(request.method, "write")


_ACTIONS: dict[str, Action] = {"GET": "read", "HEAD": "read", "OPTIONS": "read", "DELETE": "delete"}


class Gate(Protocol):
    """Who asks, and may they? (``mxart.access``)"""

    async def identify(self, request: Request) -> Principal:
        """Raises Unauthenticated for credentials that are wrong."""
        ...

    def authorize(self, principal: Principal, action: Action, repository: str, path: str) -> None:
        """Raises Unauthenticated or Denied."""
        ...

    def may(self, principal: Principal, action: Action, repository: str, path: str) -> bool: ...


@dataclass(frozen=True, slots=True)
class RepositoryHandler:
    """`server.Handler` of one repository."""

    format: Format
    repository: Repository
    gate: Gate
    body_limit: int  # bytes
    elsewhere: Callable[[Request, str], Match | None] = lambda request, path: None  # who has a path below the root of
    #                                                                            the format's repositories, as asked

    async def handle(self, request: Request) -> Response:
        trail = Trail()
        try:
            request.principal = await self.gate.identify(request)
            response = await self.answer(request, trail)
        except MxartError as error:
            trail.note("error", kind=type(error).__name__, message=error.message)
            if action_of(request) != "read":  # not every client shows its user why it was refused
                log.info("%s %s/%s: refused: %s", request.method, self.repository.name, request.path, error.message)
            if isinstance(error, Unauthenticated):
                error.challenge = self.format.challenge(request, action_of(request), error)
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
        action = action_of(request)
        if resource.path:  # else nothing of the repository is asked for
            self.gate.authorize(principal, action, name, resource.path)
        trail.note("access", principal=principal.name or "anonymous", action=action, allowed=True)
        context = Context(
            principal=principal,
            trail=trail,
            base_url=request.base_url,
            head_only=request.method == "HEAD",
            neighbour=partial(self._neighbour, request),
        )
        if context.head_only:
            context.may_write = self.gate.may(principal, "write", name, resource.path)
        return await self.format.answer(request, resource, self.repository, context)

    def _neighbour(self, request: Request, path: str, principal: Principal) -> Neighbour | None:
        """See `Context.neighbour`."""
        meant = meant_by(self.elsewhere(request, path))
        if meant is None:
            return None
        other, resource = meant
        if other.format.name != self.format.name:
            return None
        readable = self.gate.may(principal, "read", other.repository.name, resource.path)
        return Neighbour(other.repository, resource) if readable else None

    def failure(self, error: MxartError) -> Response:
        response = self.format.failure(error, status_of(error))
        for name, value in headers_of(error).items():
            response.headers.setdefault(name, value)
        return response


def meant_by(match: Match | None) -> tuple[RepositoryHandler, Resource] | None:
    """The handler of a repository, and what a path asks of it; None when it leads to none, or asks for nothing."""
    if match is None or not isinstance(match.handler, RepositoryHandler):
        return None
    request = Request(method="GET", path=match.path, raw_path=match.raw_path)
    try:
        return match.handler, match.handler.format.parse(request)
    except (Invalid, NotFound):
        return None
