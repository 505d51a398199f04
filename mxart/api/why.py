"""``/-/api/v1/why?url=URL``: how a URL would be answered, and what was decided on the way."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import parse_qs

from mxart.api import wire
from mxart.errors import Denied, Invalid, Unauthenticated
from mxart.model import Principal, Request, Response
from mxart.trail import Fact

_USAGE = "Say which URL: /-/api/v1/why?url=URL, percent-encoded, exactly one; a path of this server will do."
_MOST_PARAMETERS = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class Explanation:
    """How one URL was answered."""

    url: str  # as it was asked for
    repository: str = ""  # "" when none is mounted there
    status: int
    cache_status: str = ""  # the Cache-Status field (RFC 9211), "" for none
    summary: str  # one sentence
    trail: Sequence[Mapping[str, Fact]] = ()  # each with "step", in the order of decision


@dataclass(frozen=True, slots=True)
class Why:
    """Answers with what ``explain`` says of the URL, to an admin only: a trail names upstreams and members."""

    explain: Callable[[str, Principal], Awaitable[Explanation]]

    async def __call__(self, request: Request) -> Response:
        """Raises Unauthenticated, Denied, Invalid, and what ``explain`` raises."""
        if not request.principal.name:
            raise Unauthenticated("Log in as an admin to ask why.")
        if not request.principal.admin:
            raise Denied("Only an admin may ask why.")
        found = await self.explain(_asked_url(request.query), request.principal)
        return wire.answer(
            {
                "url": found.url,
                "repository": found.repository,
                "status": found.status,
                "cache_status": found.cache_status,
                "summary": found.summary,
                "trail": found.trail,
            }
        )


def _asked_url(query: str) -> str:
    try:
        urls = parse_qs(query, max_num_fields=_MOST_PARAMETERS, errors="strict").get("url", [])
    except ValueError as error:
        raise Invalid(_USAGE) from error
    if len(urls) != 1:
        raise Invalid(_USAGE)
    return urls[0]
