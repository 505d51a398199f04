"""A proxy: what it holds if that may be served, else what the upstream says; never a 404 that the upstream did not say.

The whole decision is `Proxy.get`, top to bottom (DESIGN §4).
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from mxart.contract import Context, Format, Ingest, Policy, Publication
from mxart.errors import BadUpstream, Gone, MxartError, NotFound, StoreFull, Unavailable, Unsupported
from mxart.httpfields import caching
from mxart.model import Blob, Child, Content, Entry, Outline, Resource
from mxart.repository.checksums import told
from mxart.repository.freshness import Lifetimes, Verdict, judge
from mxart.repository.growing import Reader
from mxart.repository.heads import http_date
from mxart.repository.held import below, media_type_of, opened, readable
from mxart.repository.proofs import promised
from mxart.repository.single_flight import Seat, SingleFlight
from mxart.repository.transfer import NO_HEAD, Plan, fetch_of
from mxart.store import Store
from mxart.upstream import Upstream
from mxart.upstream.failures import Hidden, Throttled

Why = Literal["miss", "stale"]

_PATIENCE = 5.0  # seconds that a client waits for an upstream to confirm what we hold, before it gets our copy


@dataclass(frozen=True, slots=True, kw_only=True)
class ProxyParts:
    """What a proxy is made of."""

    name: str
    format: Format
    upstreams: Mapping[str, Upstream]  # by `Resource.upstream`; "" is the repository's own
    store: Store
    flights: SingleFlight
    lifetimes: Lifetimes
    label: str  # who the repository's own upstream is, for messages
    retries: int  # how often a body that cannot be resumed is begun anew
    clock: Callable[[], float] = time.time


class Proxy:
    """`contract.Repository` over an upstream."""

    def __init__(self, parts: ProxyParts) -> None:
        self.name = parts.name
        self._parts = parts
        self._index = parts.store.index

    async def get(self, resource: Resource, context: Context) -> Content:
        parts, trail = self._parts, context.trail
        policy = parts.format.policy(resource)
        if (checksum := policy.checksum) is not None and await self._tells(checksum.of, context):
            return await told(checksum, policy.media_type, await self.get(checksum.of, context))
        now = parts.clock()
        entry = await self._index.get(self.name, resource.path)
        verdict = judge(entry, policy, parts.lifetimes, now)
        age = round(now - entry.checked, 1) if entry is not None else None
        trail.note("cache", repository=self.name, path=resource.path, state=verdict.value, age=age)
        if verdict is Verdict.FRESH and entry is not None and (blob := self._open(entry, policy)):
            trail.cache_status = caching.hit()
            return blob
        if verdict is Verdict.ABSENT and entry is not None:
            trail.cache_status = caching.hit()
            raise self._absence(resource, entry)
        if context.cached_only:
            return self._cached_only(entry, policy, context)
        if verdict is Verdict.STALE and entry is not None and (blob := self._open(entry, policy)):
            return await self._revalidated(resource, policy, blob, context)
        if context.head_only and not policy.document and (outline := await self._outlined(resource, policy, context)):
            return outline
        return await self._fetched(resource, policy, context)

    async def list(self, resource: Resource, context: Context) -> Sequence[Entry]:
        entries = await below(self._index, self.name, resource.path)
        return [entry for entry in entries if entry.digest is not None]

    async def children(self, folder: Resource, after: str, limit: int, context: Context) -> Sequence[Child]:
        return await self._index.children(self.name, folder.path, after, limit, lambda entry: entry.digest is not None)

    async def packages(self, context: Context) -> Collection[str]:
        return await self._index.packages(self.name, self._parts.format.border)

    async def owns(self, resource: Resource) -> bool:
        return False

    async def ingest(self, resource: Resource, context: Context, resume: str | None = None) -> Ingest:
        raise self._read_only()

    async def publish(self, publication: Publication, context: Context) -> bool:
        raise self._read_only()

    async def delete(self, resources: Sequence[Resource], context: Context, alike: Sequence[Resource] = ()) -> None:
        raise self._read_only()

    async def _tells(self, of: Resource, context: Context) -> bool:
        """Is what a checksum file says to be had from the content itself, or from its being known for absent? A small
        document is fetched for it: then both are of one generation."""
        policy = self._parts.format.policy(of)
        if policy.index:
            return True
        entry = await self._index.get(self.name, of.path)
        verdict = judge(entry, policy, self._parts.lifetimes, self._parts.clock())
        if verdict is Verdict.ABSENT:
            return True
        return verdict in (Verdict.FRESH, Verdict.STALE) and entry is not None and readable(self._parts.store, entry)

    # --- what we hold ---

    def _open(self, entry: Entry, policy: Policy) -> Blob | None:
        """The entry's blob; None when the store has lost it, then it must be fetched again."""
        return opened(self._parts.store, entry, media_type_of(entry, policy), self._parts.clock())

    def _cached_only(self, entry: Entry | None, policy: Policy, context: Context) -> Content:
        if entry is not None and (blob := self._open(entry, policy)):
            context.trail.cache_status = caching.hit()
            return blob
        raise NotFound(f"{self.name} does not hold it, and the request asked for nothing to be fetched")

    def _absence(self, resource: Resource, entry: Entry) -> NotFound:
        kind = Gone if entry.absent == 410 else NotFound
        upstream = f"the upstream of {self.name}" + ("" if resource.upstream else f", {self._parts.label},")
        return kind(entry.reason or f"not found: {upstream} answered {entry.absent} for {resource.title}")

    # --- what the upstream says ---

    async def _revalidated(self, resource: Resource, policy: Policy, copy: Blob, context: Context) -> Content:
        """What the upstream confirms or sends instead; our ``copy`` when it cannot say in time."""
        try:
            seat = self._join(resource, policy)
            async with asyncio.timeout(max(0.0, seat.flight.since + _PATIENCE - self._parts.clock())):
                entry = await seat.flight.progress.end()
        except (Unavailable, BadUpstream, StoreFull, TimeoutError) as error:
            context.trail.note("stale", served=True, because=str(error) or f"no answer within {_PATIENCE:.0f} s")
            context.trail.cache_status = caching.forwarded("stale", _status(error))
            return copy
        except BaseException:
            copy.close()
            raise
        copy.close()
        return self._answer(resource, entry, seat, context, why="stale")

    async def _fetched(self, resource: Resource, policy: Policy, context: Context) -> Content:
        """What the upstream sends: while it comes, or whole when it is a document."""
        seat = self._join(resource, policy)
        progress = seat.flight.progress
        if not policy.document:
            await progress.started()
            if not progress.ended:
                context.trail.note("upstream", asked=not seat.collapsed, following=True, length=progress.length)
                context.trail.cache_status = _forwarded("miss", seat)
                return Reader(progress, policy.media_type, _etag(policy))
        try:
            entry = await progress.end()
        except (Unavailable, BadUpstream, StoreFull) as error:
            context.trail.note("upstream", asked=not seat.collapsed, failed=type(error).__name__)
            context.trail.cache_status = caching.forwarded("miss", _status(error))
            raise
        return self._answer(resource, entry, seat, context, why="miss")

    async def _outlined(self, resource: Resource, policy: Policy, context: Context) -> Content | None:
        """What the upstream's answer to HEAD says. None when it does not answer that, and has to send the whole.

        Raises NotFound, Unavailable, BadUpstream.
        """
        asked = replace(fetch_of(self._upstream_path(resource), resource, policy), method="HEAD")
        try:
            async with self._upstream(resource).fetch(asked) as exchange:
                head = exchange.head
        except BadUpstream as error:
            if error.status in NO_HEAD:
                return None
            if isinstance(error, Hidden):
                raise NotFound(error.message) from error
            raise
        context.trail.note("upstream", asked=True, method="HEAD", status=head.status)
        context.trail.cache_status = caching.forwarded("miss", 0 if head.status == 200 else head.status)
        if head.status != 200:
            raise self._absence(resource, Entry(repository=self.name, path=resource.path, absent=head.status))
        return Outline(
            size=head.length,
            media_type=policy.media_type,
            etag=_etag(policy),
            last_modified=http_date(head.headers.get("last-modified", "")),
            checksums=promised(policy.proof, head.headers),
        )

    def _answer(self, resource: Resource, entry: Entry, seat: Seat, context: Context, why: Why) -> Content:
        context.trail.note("upstream", asked=not seat.collapsed, status=seat.flight.progress.status or None)
        context.trail.cache_status = _forwarded(why, seat)
        if entry.digest is None:
            raise self._absence(resource, entry)
        blob = self._open(entry, self._parts.format.policy(resource))
        if blob is None:
            raise Unavailable(f"{resource.title} was removed while it was being read: try again", 1.0)
        return blob

    def _upstream(self, resource: Resource) -> Upstream:
        upstream = self._parts.upstreams.get(resource.upstream)
        if upstream is None:
            raise NotFound(f"{self.name} has no upstream named {resource.upstream!r}")
        return upstream

    def _upstream_path(self, resource: Resource) -> str:
        return self._parts.format.upstream_path(resource)

    def _join(self, resource: Resource, policy: Policy) -> Seat:
        parts = self._parts
        plan = Plan(
            repository=self.name,
            resource=resource,
            upstream=self._upstream(resource),
            upstream_path=self._upstream_path(resource),
            policy=policy,
            check=lambda file: parts.format.check(resource, file),
            asks=lambda other: fetch_of(self._upstream_path(other), other, parts.format.policy(other)),
            aliases=lambda digest: [alias.path for alias in parts.format.aliases(resource, digest)],
            settled=lambda entry, since: self._settled(entry, policy, since),
            readable=lambda entry: readable(parts.store, entry),
            retries=parts.retries,
            clock=parts.clock,
        )
        return parts.flights.join(plan)

    def _settled(self, entry: Entry, policy: Policy, since: float) -> bool:
        """Does the entry answer who has waited since then?"""
        if entry.digest is not None and not readable(self._parts.store, entry):
            return False
        verdict = judge(entry, policy, self._parts.lifetimes, self._parts.clock())
        return verdict in (Verdict.FRESH, Verdict.ABSENT) or entry.checked >= since

    def _read_only(self) -> MxartError:
        return Unsupported(f"{self.name} is a proxy: nothing can be published to it or deleted from it")


def _etag(policy: Policy) -> str:
    return f'"{policy.digest.hex}"' if policy.digest is not None else ""


def _forwarded(why: Why, seat: Seat) -> str:
    status = seat.flight.progress.status
    return caching.forwarded(why, 0 if status == 200 else status, stored=not seat.collapsed, collapsed=seat.collapsed)


def _status(error: Exception) -> int:
    """What the upstream answered instead of what was wanted, 0 when it did not answer."""
    return error.status if isinstance(error, (BadUpstream, Throttled)) else 0
