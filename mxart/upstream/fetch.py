"""One request to an upstream: redirects, credentials, ranges, limits. No second try, but for who is asked for a proof.

Redirects are followed by hand, because what may go along differs: credentials and configured header fields go to
the upstream's own origin only, and never again once a redirect has left it, so that nobody can have us carry them
anywhere, or make a request with them that we did not mean.
"""

from __future__ import annotations

import re
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from typing import Literal

from mxart.errors import BadUpstream, Invalid
from mxart.settings import UpstreamSettings
from mxart.upstream import Changed, Exchange, Fetch, Head
from mxart.upstream.client import Call, Curl
from mxart.upstream.credentials import Fields, credential_fields, merged, standing_fields
from mxart.upstream.exchange import DirectExchange, HeadExchange, words_of
from mxart.upstream.failures import named
from mxart.upstream.heads import interpret
from mxart.upstream.realm import Place, Proofs, hidden
from mxart.upstream.redirects import MAX_REDIRECTS, REDIRECTS, Origin, follow, host_of
from mxart.upstream.transfer import RawHead, Transfer

_FOREIGN_FIELDS = {"accept", "if-none-match", "if-modified-since"}  # what another origin may see of a Fetch
_NOT_A_PATH = re.compile(r"[^\x21-\x7e]|[#\\]")


@dataclass(frozen=True, slots=True)
class _Answer:
    """What came at the end of the redirects."""

    transfer: Transfer
    raw: RawHead
    url: str
    ours: bool  # no redirect has left the upstream's own origin


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
        self._standing = standing_fields(settings.auth)
        self._proofs = Proofs(settings, self._ask, self._own_fields, clock)

    @asynccontextmanager
    async def fetch(self, fetch: Fetch) -> AsyncIterator[Exchange]:
        """As `Upstream.fetch`; raises Broken when a ``start`` cannot be resumed, and at every body cut short."""
        _check(fetch)
        answer = await self._final(fetch)
        transfer, raw, bare = answer.transfer, answer.raw, fetch.method == "HEAD"
        try:
            raw = replace(raw, words=await words_of(transfer, raw))
            head = self._head(fetch, replace(answer, raw=raw))
            yield HeadExchange(head) if bare else DirectExchange(head, transfer, self._label, fetch.max_size)
        finally:
            if raw.status >= 300 or bare:
                await transfer.discard()  # small, and then the connection is kept
            transfer.abandon()

    def _head(self, fetch: Fetch, answer: _Answer) -> Head:
        """The answer as far as it can be used."""
        raw = answer.raw
        if raw.status in (401, 403) and fetch.space and self._proofs.hides(_place(fetch, answer.url, ours=answer.ours)):
            raise hidden(self._label, raw.status)
        return interpret(self._label, raw, fetch, answer.url, self._clock())

    async def _final(self, fetch: Fetch) -> _Answer:
        """The answer at the end of the redirects."""
        url = f"{self._settings.url}/{fetch.path}"
        ours = True
        for _ in range(MAX_REDIRECTS + 1):
            transfer, raw = await self._answered(fetch, url, ours=ours)
            if raw.status not in REDIRECTS:
                return _Answer(transfer, raw, url, ours)
            await transfer.discard()
            with named(self._label):
                url = follow(url, raw.headers.get("location", ""))
                ours = ours and Origin.of(url) == self._origin
        raise BadUpstream(f"{self._label} redirects more than {MAX_REDIRECTS} times")

    async def _answered(self, fetch: Fetch, url: str, *, ours: bool) -> tuple[Transfer, RawHead]:
        """What ``url`` answers, in the end: a challenge is answered in a space, once."""
        place = _place(fetch, url, ours=ours)
        proof = await self._proofs.known(place) if fetch.space else ()
        transfer, raw = await self._asked(fetch, url, proof, ours=ours)
        if raw.status != 401 or not fetch.space:
            return transfer, raw
        try:
            better = await self._proofs.answer(place, raw.headers.get("www-authenticate", ""), proof)
        except BaseException:
            transfer.abandon()
            raise
        if not better:
            return transfer, raw
        await transfer.discard()
        return await self._asked(fetch, url, better, ours=ours)

    async def _asked(self, fetch: Fetch, url: str, proof: Fields, *, ours: bool) -> tuple[Transfer, RawHead]:
        return await self._ask(self._label, url, merged(*self._fields(fetch, proof, ours=ours)), fetch.method)

    async def _ask(
        self, label: str, url: str, fields: Fields, method: Literal["GET", "HEAD"] = "GET"
    ) -> tuple[Transfer, RawHead]:
        settings = self._settings
        transfer = self._curl.start(
            Call(
                label=label,
                url=url,
                method=method,
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

    def _fields(self, fetch: Fetch, proof: Fields, *, ours: bool) -> Iterator[Fields]:
        """What a request carries; later fields win."""
        asked = tuple(fetch.headers.items())
        if ours:
            yield self._standing if fetch.space else self._credentials
            yield asked
        else:
            yield tuple((name, value) for name, value in asked if name.lower() in _FOREIGN_FIELDS)
        yield proof
        yield self._own_fields
        if fetch.start:
            yield (("Range", f"bytes={fetch.start}-"), ("If-Range", fetch.validator))


def _place(fetch: Fetch, url: str, *, ours: bool) -> Place:
    return Place(Origin.of(url), fetch.space, ours)


def _check(fetch: Fetch) -> None:
    if _NOT_A_PATH.search(fetch.path):
        raise Invalid(f"{fetch.path[:200]!r} cannot be asked of an upstream: it is not percent-encoded")
    if fetch.start and not fetch.validator.startswith('"'):
        raise Changed("a download without a strong ETag cannot be resumed")
