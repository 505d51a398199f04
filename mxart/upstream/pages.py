"""Lists that come in pages, put together: container registries give tags and referrers so.

Link fields are RFC 8288 §3; "next" is a page's relation to the one behind it (§3.3). A `Link` is as hostile as a
`Location`: it is followed only to where the upstream's own paths are, and not for ever.
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from urllib.parse import urlsplit

from mxart.errors import BadUpstream, Invalid
from mxart.httpfields import targets
from mxart.upstream import Exchange, Fetch, Head, Upstream
from mxart.upstream.failures import Hidden
from mxart.upstream.parameters import QUOTED, SPACE, TOKEN, beyond_commas, unquoted
from mxart.upstream.redirects import Origin, follow, host_of, without_secrets

MAX_PAGES = 1000
_MAX_FIELD_SIZE = 64 * 1024  # characters; a longer one is none
_CONDITIONS = ("if-none-match", "if-modified-since")
_TARGET = re.compile(r"<([^<>]*+)>")
_PARAMETER = re.compile(rf"{SPACE};{SPACE}(?:({TOKEN}){SPACE}(?:={SPACE}({TOKEN}|{QUOTED}))?)?")  # also an empty one
_END = re.compile(rf"{SPACE}(?:,|\Z)")


class PagedUpstream:
    """`Upstream` that gives all pages as one body to who asked for them (`Fetch.paged`). ``url``: the base URL."""

    def __init__(self, inner: Upstream, url: str) -> None:
        self._inner = inner
        self._base = url
        self._label = host_of(url)

    @asynccontextmanager
    async def fetch(self, fetch: Fetch) -> AsyncIterator[Exchange]:
        """As `Upstream.fetch`. While the body is read, each page but the first is asked when its turn has come: what
        is wrong with it is raised there."""
        async with AsyncExitStack() as connection:
            if fetch.paged:
                headers = {name: value for name, value in fetch.headers.items() if name.lower() not in _CONDITIONS}
                fetch = replace(fetch, headers=headers)
            exchange = await connection.enter_async_context(self._inner.fetch(fetch))
            in_pages = fetch.paged and fetch.method == "GET" and exchange.head.status == 200
            if in_pages and self.behind(fetch.path, exchange.head):
                yield _Pages(self, fetch, exchange, connection)
            else:
                yield exchange

    async def turn(self, fetch: Fetch, connection: AsyncExitStack) -> Exchange:
        """The page that ``fetch`` asks for. Raises BadUpstream, Unavailable."""
        try:
            exchange = await connection.enter_async_context(self._inner.fetch(fetch))
        except Hidden as error:  # which says nothing about a list that has begun
            raise BadUpstream(error.message, error.status, error.retry_after) from error
        status = exchange.head.status
        if status != 200:
            raise BadUpstream(f"{self._label} answered {status} to a page of a list", status)
        return exchange

    def behind(self, path: str, head: Head) -> str:
        """The path of the page behind the one with this ``path``; "" when it is the last. Raises BadUpstream."""
        target = next_link(head.headers.get("link", ""))
        if not target:
            return ""
        asked = f"{self._base}/{path}"
        at = asked if head.url == without_secrets(asked) else f"{self._base}/"
        try:
            return _below(self._base, follow(at, target))
        except (BadUpstream, Invalid) as error:
            raise BadUpstream(f"{self._label} names a next page that is none of its own, or cannot be asked") from error

    def too_much(self, limit: int) -> BadUpstream:
        """The error for more than ``limit`` bytes."""
        return BadUpstream(f"{self._label} sent more than the {limit} bytes that make sense here, over all pages")

    def endless(self, pages: int) -> BadUpstream:
        """The error for a list that does not end, after so many pages."""
        return BadUpstream(f"{self._label} sent {pages} pages of a list, and it does not come to an end")


class _Pages:
    """All pages as one answer."""

    def __init__(self, upstream: PagedUpstream, fetch: Fetch, first: Exchange, connection: AsyncExitStack) -> None:
        self.head = replace(first.head, length=None, etag="", resumable=False)
        self._upstream = upstream
        self._fetch = fetch
        self._first = first
        self._connection = connection

    async def __aiter__(self) -> AsyncIterator[bytes]:
        left = self._fetch.max_size
        async for page in self._pages():
            async for chunk in page:
                left -= len(chunk)
                if left < 0:
                    raise self._upstream.too_much(self._fetch.max_size)
                yield chunk

    async def _pages(self) -> AsyncIterator[Exchange]:
        """One after the other, so that no more than one connection is held."""
        page, fetch = self._first, self._fetch
        asked = {fetch.path}
        while True:
            path = self._upstream.behind(fetch.path, page.head)
            yield page
            if not path:
                return
            if path in asked or len(asked) >= MAX_PAGES:
                raise self._upstream.endless(len(asked))
            asked.add(path)
            await self._connection.aclose()
            fetch = replace(fetch, path=path)
            page = await self._upstream.turn(fetch, self._connection)


def next_link(field: str) -> str:
    """The target of the first link of a Link field whose relation is "next", as it stands there; "" when there is
    none. What is malformed ends the field.

    >>> next_link('</v2/a/tags/list?n=9&last=x>; rel="next"')
    '/v2/a/tags/list?n=9&last=x'
    """
    text = field if len(field) <= _MAX_FIELD_SIZE else ""
    position = 0
    while target := _TARGET.match(text, beyond_commas(text, position)):
        position = target.end()
        parameters: dict[str, str] = {}
        while match := _PARAMETER.match(text, position):
            parameters.setdefault((match[1] or "").lower(), unquoted(match[2] or ""))
            position = match.end()
        if not _END.match(text, position):
            break
        # with an anchor it is about another page than this one (§3.2); of several rel the first counts (§3.3)
        if "next" in parameters.get("rel", "").lower().split() and "anchor" not in parameters:
            return target[1].strip()
    return ""


def _below(base: str, url: str) -> str:
    """``url`` as a path below ``base``, with its query. Raises BadUpstream, Invalid."""
    root = urlsplit(base).path.rstrip("/") + "/"
    parts = urlsplit(url)
    if Origin.of(url) != Origin.of(base) or not parts.path.startswith(root):
        raise BadUpstream("it lies elsewhere")
    targets.decode(parts.path)
    return parts.path.removeprefix(root) + (f"?{parts.query}" if parts.query else "")
