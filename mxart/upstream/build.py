"""The stack that is one upstream."""

from __future__ import annotations

from mxart.settings import UpstreamSettings
from mxart.upstream import Upstream
from mxart.upstream.breaker import Breaker, HealthRecord
from mxart.upstream.client import Curl
from mxart.upstream.fetch import DirectUpstream
from mxart.upstream.pages import PagedUpstream
from mxart.upstream.queue import FairQueue, Slots
from mxart.upstream.redirects import host_of
from mxart.upstream.retry import RetryingUpstream


def build(
    settings: UpstreamSettings, curl: Curl, slots: Slots, turn: Slots, health: HealthRecord, via: str
) -> Upstream:
    """An upstream as repositories use it: breaker(pages(retry(queue(request)))).

    The breaker is outermost, so that a known-down upstream costs nothing and a failure counts once, its retries used
    up. The pages are outside the retries, so that each has its own tries. The queue is inside the retries, so that a
    pause between tries holds no connection's slot; its time-outs are not retried, and are no failure of the upstream
    to the breaker. ``slots`` (``settings.max_connections`` of them), ``turn`` (one) and ``health`` are shared by all
    workers; ``curl`` by all upstreams of this worker; ``via`` is this server's pseudonym, by which it knows its own
    requests when they come back to it.
    """
    label = host_of(settings.url)
    queued = FairQueue(DirectUpstream(settings, curl, via), slots, turn, settings.queue_timeout, label)
    pages = PagedUpstream(RetryingUpstream(queued, settings.retries), settings.url)
    return Breaker(pages, health, label)
