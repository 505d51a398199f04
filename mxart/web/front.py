"""``/``: the repositories that are served here, each with the lines to copy into a client's configuration."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from jinja2 import Environment, PackageLoader, StrictUndefined

from mxart.model import Bytes, Request, Response
from mxart.web import assets

_HEADERS = {
    "Cache-Control": "private, no-cache",
    "Content-Security-Policy": "default-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class RepositoryView:
    """A repository as the page shows it."""

    name: str
    format: str
    kind: str
    url: str = ""  # where clients reach it; "" when it is not exposed by itself
    upstream: str = ""  # URL without credentials, or the word for one that is none; "" for none
    members: tuple[str, ...] = ()  # of a group, in the order in which they are asked
    publish_to: str = ""  # of a group: the member that takes what is published
    client_lines: tuple[str, ...] = ()  # of client configuration, to copy as they are
    publish_lines: tuple[str, ...] = ()  # that publish something, to copy and to fill in


class FrontPage:
    """The page, as HTML."""

    def __init__(self, repositories: Callable[[Request], Sequence[RepositoryView]], version: str) -> None:
        """``repositories``: those that the request's principal may read. ``version``: of mxart."""
        self._repositories = repositories
        self._version = version
        environment = Environment(
            loader=PackageLoader("mxart.web"),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self._template = environment.get_template("front.html")

    async def __call__(self, request: Request) -> Response:
        """Raises what ``repositories`` raises."""
        page = self._template.render(
            repositories=self._repositories(request),
            version=self._version,
            asset=assets.url,
            principal=request.principal,
        )
        return Response(200, Bytes(data=page.encode(), media_type="text/html; charset=utf-8"), dict(_HEADERS))
