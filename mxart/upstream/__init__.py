"""What comes from others: one upstream, spoken to through Tornado's curl client. Knows no format and no store.

An `Upstream` is a stack of layers with one method, `fetch`: the plain request (``fetch.py``), which answers challenges
(``realm.py``), around it the queue under a connection ceiling (``queue.py``), retries that resume a broken body
(``retry.py``), pages put together (``pages.py``), the breaker (``breaker.py``).
Where no server speaks HTTP, a program on this machine takes the place of the request and its retries (``tools.py``).
The command line, which waits for each answer, asks with ``download.py`` and sends with ``upload.py``.

::

    async with upstream.fetch(Fetch(path="example.com/m/@v/list", max_size=1 << 20)) as exchange:
        exchange.head.status            # 200, 206, 304, 404 or 410; everything else was raised
        async for chunk in exchange:    # back-pressure: what is not taken is not read from the network
            ...
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Literal, Protocol

from mxart.errors import BadUpstream

_EMPTY: Mapping[str, str] = MappingProxyType({})


class Broken(BadUpstream):
    """The body ended early, and all tries to go on are used up. What came is good for a later ``start`` when the head
    was ``resumable``; else only another fetch from 0 may succeed."""


class Changed(Broken):
    """What was begun cannot be gone on with: the upstream has other content by now, or sends no parts of it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fetch:
    """One request."""

    path: str  # percent-encoded, below the upstream's base URL, no leading slash; perhaps with a query
    max_size: int  # bytes of body (decoded); more raises BadUpstream
    headers: Mapping[str, str] = field(default_factory=lambda: _EMPTY)  # Accept, If-None-Match, … (any case)
    start: int = 0  # > 0: resume from this offset …
    validator: str = ""  # … of the representation with this strong ETag (If-Range)
    method: Literal["GET", "HEAD"] = "GET"
    space: str = ""  # what credentials are negotiated for, by the upstream's challenge; "": they go along unasked
    paged: bool = False  # the answer may come in pages (Link: rel="next", RFC 8288 §3.3): its body is all of them, one
    #                      behind the other; it is asked without conditions


@dataclass(frozen=True, slots=True, kw_only=True)
class Head:
    """The head of an answer, redirects followed."""

    status: int  # 200, 206 (only when asked with ``start``, and checked to begin there), 304, 404, 410
    url: str  # the final URL, without credentials
    headers: Mapping[str, str] = field(default_factory=dict)  # lower-case names; repeated fields joined by ", "
    length: int | None = None  # bytes of the whole representation after decoding; None: unknown
    start: int = 0  # offset in the representation at which the body begins
    etag: str = ""  # as sent, "" when none
    resumable: bool = False  # a strong ETag, and no content coding was undone: a later ``start`` makes sense


class Exchange(Protocol):
    """An answer under way: its head, then its body by iteration. The body ends normally only when it is complete; that
    of an answer to HEAD is empty, whatever length its head says."""

    head: Head

    def __aiter__(self) -> AsyncIterator[bytes]:
        """Chunks of the decoded body. Raises Broken, BadUpstream, Unavailable."""
        ...


class Upstream(Protocol):
    """One upstream, or a layer around one."""

    def fetch(self, fetch: Fetch) -> AbstractAsyncContextManager[Exchange]:
        """Ask. Entering returns once the head is there.

        Raises Unavailable (cannot be reached, queue full for too long, known to be down, 429, 503, time-outs; with
        ``retry_after`` as the upstream said) and BadUpstream (401, 403, other statuses, protocol errors, bad
        redirects; ``status`` as received), of which `failures.Hidden` may mean an absence. Leaving the context early
        abandons the rest of the body.
        """
        ...
