"""One request to an upstream: redirects, credentials, ranges, codings, limits. No second try.

Redirects are followed by hand, because what may go along differs: credentials and configured header fields go to
the upstream's own origin only, and never again once a redirect has left it, so that nobody can have us carry them
anywhere, or make a request with them that we did not mean.
"""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, suppress
from dataclasses import replace

from mxart.errors import BadUpstream, Invalid
from mxart.settings import UpstreamSettings
from mxart.upstream import Broken, Changed, Exchange, Fetch, Head
from mxart.upstream.client import Call, Curl
from mxart.upstream.credentials import Fields, credential_fields
from mxart.upstream.decoding import Decoder
from mxart.upstream.failures import named, printable
from mxart.upstream.heads import coding_of, interpret
from mxart.upstream.redirects import MAX_REDIRECTS, REDIRECTS, Origin, follow, host_of
from mxart.upstream.transfer import RawHead, Transfer

_REASON_SIZE = 64 * 1024  # bytes of the body of a 404 or 410 that are passed on
_WORDS_SIZE = 1024  # bytes of the body of any other refusal …
_WORDS_TIME = 1.0  # … and seconds to wait for them
_FOREIGN_FIELDS = {"accept", "if-none-match", "if-modified-since"}  # what another origin may see of a Fetch
_NOT_A_PATH = re.compile(r"[^\x21-\x7e]|[#\\]")


class DirectUpstream:
    """`Upstream` over one curl client. ``via``: our pseudonym in ``Via`` (RFC 9110 §7.6.3). ``clock``: UTC seconds."""

    def __init__(
        self, settings: UpstreamSettings, curl: Curl, via: str, clock: Callable[[], float] = time.time
    ) -> None:
        self._settings = settings
        self._curl = curl
        self._clock = clock
        self._origin = Origin.of(settings.url)
        self._label = host_of(settings.url)
        self._own_fields: Fields = (("Via", f"1.1 {via}"), ("Accept-Encoding", "identity"))
        self._credentials = credential_fields(settings.auth)

    @asynccontextmanager
    async def fetch(self, fetch: Fetch) -> AsyncIterator[Exchange]:
        """As `Upstream.fetch`; raises Broken when a ``start`` cannot be resumed, and at every body cut short."""
        _check(fetch)
        url, transfer, raw = await self._final(fetch)
        try:
            raw = replace(raw, words=await _words(transfer, raw))
            head = interpret(self._label, raw, fetch, url, self._clock())
            yield DirectExchange(head, transfer, self._label, fetch.max_size)
        finally:
            if raw.status >= 300:
                await transfer.discard()  # small, and then the connection is kept
            transfer.abandon()

    async def _final(self, fetch: Fetch) -> tuple[str, Transfer, RawHead]:
        """The answer at the end of the redirects, and its URL."""
        url = f"{self._settings.url}/{fetch.path}"
        ours = True
        for _ in range(MAX_REDIRECTS + 1):
            transfer, raw = await self._ask(url, _merged(*self._fields(fetch, ours=ours)))
            if raw.status not in REDIRECTS:
                return url, transfer, raw
            await transfer.discard()
            with named(self._label):
                url = follow(url, raw.headers.get("location", ""))
                ours = ours and Origin.of(url) == self._origin
        raise BadUpstream(f"{self._label} redirects more than {MAX_REDIRECTS} times")

    async def _ask(self, url: str, fields: Fields) -> tuple[Transfer, RawHead]:
        settings = self._settings
        transfer = self._curl.start(
            Call(
                label=self._label,
                url=url,
                headers=fields,
                proxy=settings.http_proxy,
                ca_file=settings.ca_file,
                connect_timeout=settings.connect_timeout,
                idle_timeout=settings.idle_timeout,
            )
        )
        try:
            return transfer, await transfer.head()
        except BaseException:
            transfer.abandon()
            raise

    def _fields(self, fetch: Fetch, *, ours: bool) -> Iterator[Fields]:
        """What a request carries; later fields win."""
        asked = tuple(fetch.headers.items())
        if ours:
            yield self._credentials
            yield asked
        else:
            yield tuple((name, value) for name, value in asked if name.lower() in _FOREIGN_FIELDS)
        yield self._own_fields
        if fetch.start:
            yield (("Range", f"bytes={fetch.start}-"), ("If-Range", fetch.validator))


class DirectExchange:
    """An answer of which the body is read from its transfer. ``limit``: bytes of the whole representation."""

    def __init__(self, head: Head, transfer: Transfer, label: str, limit: int) -> None:
        self.head = head
        self._transfer = transfer
        self._label = label
        self._limit = limit
        coding = coding_of(head.headers) if head.status == 200 else ""
        with named(label):
            self._decoder = Decoder(coding) if coding else None

    async def __aiter__(self) -> AsyncIterator[bytes]:
        pieces = self._reason() if self.head.status in (404, 410) else self._checked()
        async for piece in pieces:
            yield piece

    async def _checked(self) -> AsyncIterator[bytes]:
        received = self.head.start
        async for piece in self._decoded():
            received += len(piece)
            if received > self._limit:
                raise BadUpstream(f"{self._label} sent more than the {self._limit} bytes that make sense here")
            yield piece
        if self.head.length is not None and received != self.head.length:
            raise Broken(f"{self._label} announced {self.head.length} bytes and sent {received}")

    async def _decoded(self) -> AsyncIterator[bytes]:
        decoder = self._decoder
        while chunk := await self._transfer.read():
            if decoder is None:
                yield chunk
                continue
            with named(self._label):
                for piece in decoder.feed(chunk):
                    yield piece
        if decoder is not None:
            with named(self._label):
                decoder.finish()

    async def _reason(self) -> AsyncIterator[bytes]:
        """What an upstream says about an absence, as far as that can be had: the status is the answer."""
        size = 0
        with suppress(Broken):
            while size < _REASON_SIZE and not coding_of(self.head.headers):
                chunk = (await self._transfer.read())[: _REASON_SIZE - size]
                if not chunk:
                    return
                size += len(chunk)
                yield chunk


async def _words(transfer: Transfer, raw: RawHead) -> str:
    """The first line of what a refusal says in plain text, as far as it comes at once; "" for all other answers."""
    plain = raw.headers.get("content-type", "").startswith("text/plain") and not coding_of(raw.headers)
    if raw.status < 400 or raw.status in (404, 410, 416) or not plain:
        return ""
    text = b""
    with suppress(Broken, TimeoutError):
        async with asyncio.timeout(_WORDS_TIME):
            while b"\n" not in text and len(text) < _WORDS_SIZE and (chunk := await transfer.read()):
                text += chunk[:_WORDS_SIZE]
    return printable(text.decode("utf-8", "replace").strip().partition("\n")[0]).strip()


def _check(fetch: Fetch) -> None:
    if _NOT_A_PATH.search(fetch.path):
        raise Invalid(f"{fetch.path[:200]!r} cannot be asked of an upstream: it is not percent-encoded")
    if fetch.start and not fetch.validator.startswith('"'):
        raise Changed("a download without a strong ETag cannot be resumed")


def _merged(*sets: Fields) -> Fields:
    fields: dict[str, tuple[str, str]] = {}
    for name, value in (pair for pairs in sets for pair in pairs):
        fields[name.lower()] = (name, value)
    return tuple(fields.values())
