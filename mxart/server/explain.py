"""How a URL would be answered: the request that a client would send, made within, and the trail of what was decided.

It is a real request with real effects: what the repository does not hold is asked of the upstream. Only its content
is not delivered.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

from mxart.errors import Invalid, MxartError, NotFound
from mxart.httpfields import targets
from mxart.httpfields.forwarding import check_host
from mxart.httpfields.targets import Target
from mxart.model import Principal, Request
from mxart.server import Match
from mxart.server.dispatch import RepositoryHandler
from mxart.server.failures import status_of
from mxart.server.mounts import MountTable
from mxart.trail import Trail


@dataclass(frozen=True, slots=True)
class _Asked:
    """A URL, taken apart. ``scheme`` and ``host`` are "" for a path alone."""

    scheme: str
    host: str  # with its port when it has one
    target: Target


@dataclass(frozen=True, slots=True)
class Explained:
    """The answer without its content. ``repository``: "" when none is served there. ``summary``: one sentence."""

    repository: str
    status: int
    summary: str
    trail: Trail


async def explain(url: str, principal: Principal, mounts: MountTable, listeners: Sequence[str]) -> Explained:
    """Ask for ``url`` (a path of this server, or whole, with a host name that may be bound) as ``principal``.

    Raises Invalid when it is no URL.
    """
    trail = Trail()
    asked = _asked(url)
    try:
        listener, match = _match(asked, mounts, listeners)
        handler = match.handler
        if not isinstance(handler, RepositoryHandler):
            raise NotFound("This path is the server's own, and leads to no repository.")
    except NotFound as error:
        trail.note("mount", found=False, reason=error.message)
        return Explained("", 404, error.message, trail)
    name = handler.repository.name
    request = _request(asked, listener, match, principal)
    try:
        response = await handler.answer(request, trail)
    except MxartError as error:
        trail.note("error", kind=type(error).__name__, message=error.message)
        return Explained(name, status_of(error), error.message, trail)
    if response.content is not None:
        response.content.close()
    summary = f"{name} answers {response.status}" + (f" ({trail.cache_status})." if trail.cache_status else ".")
    return Explained(name, response.status, summary, trail)


def _asked(url: str) -> _Asked:
    """Raises Invalid when it is no URL of a server such as this."""
    try:
        parts = urlsplit(url)
    except ValueError as error:
        raise Invalid(f"{url[:200]!r} is no URL: {error}") from error
    if parts.scheme not in ("", "http", "https") or not parts.path.startswith("/"):
        raise Invalid(f"{url[:200]!r} is no URL of this server: want http(s)://HOST/PATH or /PATH")
    host = parts.netloc.rpartition("@")[2]
    target = targets.parse(f"{parts.path}?{parts.query}" if parts.query else parts.path)
    return _Asked(parts.scheme or "http", check_host(host), target) if host else _Asked("", "", target)


def _match(asked: _Asked, mounts: MountTable, listeners: Sequence[str]) -> tuple[str, Match]:
    """Where the URL leads, and by which listener: by its host name where one binds it, else by its path."""
    matches = []
    for listener in listeners:
        try:
            matches.append((listener, mounts.match(listener, asked.host, asked.target)))
        except NotFound as error:
            missing = error
    if not matches:
        raise missing
    # a listener that leads every name somewhere says nothing of this one: the listeners before it are not passed over,
    # unless they only know that no repository is there
    named = (each for each in matches if each[1].bound and mounts.binds(each[0], asked.host))
    leading = (each for each in matches if each[1].handler is not mounts.registry)
    return next(named, next(leading, matches[0]))


def _request(asked: _Asked, listener: str, match: Match, principal: Principal) -> Request:
    server = f"{asked.scheme}://{asked.host}" if asked.host else ""
    return Request(
        method="GET",
        path=match.path,
        raw_path=match.raw_path,
        query=asked.target.query,
        principal=principal,
        base_url=server + match.base,
        server_url=server,
        listener=listener,
        host=asked.host,
    )
