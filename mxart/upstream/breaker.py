"""The circuit breaker: an upstream that is known to be down is not asked, so that nobody waits for it.

What is known is shared by all workers through a `HealthRecord`. A failure counts only when its retries are used up.
While it is down, one request in each period goes through; when that is answered, all do.
"""

from __future__ import annotations

import asyncio
import logging
import math
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from typing import Protocol

from mxart.errors import BadUpstream, Unavailable
from mxart.upstream import Exchange, Fetch, Upstream
from mxart.upstream.failures import Hidden, KnownDown, QueueFull, Throttled, TimedOut, Unreachable, is_server_error

log = logging.getLogger("mxart.upstream")

UNREACHABLE_LIMIT = 3  # failures in a row after which it is down, when it cannot be connected to …
FAILING_LIMIT = 5  # … and when it answers 5xx or not in time
FIRST_PERIOD = 2.0  # seconds of being down, doubling with each failure after that up to …
LONGEST_PERIOD = 30.0
LONGEST_THROTTLE = 600.0  # seconds of Retry-After that are believed
REMINDER = 3600.0  # seconds after which a worker says again that its credentials are refused


@dataclass(frozen=True, slots=True)
class Health:
    """What all workers know of an upstream. The default: nothing bad."""

    failures: int = 0  # in a row
    down_until: float = 0.0  # UTC seconds; 0.0: it is not down
    reason: str = ""  # the last failure, a sentence


class HealthRecord(Protocol):
    """Where the health of one upstream is kept for all workers. A lost update does no harm."""

    async def load(self) -> Health:
        """What was saved last, by any worker; ``Health()`` when nothing was. Called for each fetch: fast."""
        ...

    async def save(self, health: Health) -> None: ...


class Breaker:
    """`Upstream` that fails at once while the one it wraps is down. ``label`` names it; ``clock``: UTC seconds."""

    def __init__(
        self, inner: Upstream, record: HealthRecord, label: str, clock: Callable[[], float] = time.time
    ) -> None:
        self._inner = inner
        self._record = record
        self._label = label
        self._clock = clock
        self._refused_at = -math.inf  # UTC seconds: when the log was told last
        self._change = asyncio.Lock()  # between a look at the record and its change, nobody else in this worker looks

    @asynccontextmanager
    async def fetch(self, fetch: Fetch) -> AsyncIterator[Exchange]:
        """As `Upstream.fetch`; raises KnownDown, with the time of the next try, without asking."""
        probing = await self._admit()
        async with AsyncExitStack() as stack:
            try:
                exchange = await stack.enter_async_context(self._inner.fetch(fetch))
            except (Unavailable, BadUpstream) as error:
                await self._failed(error, probing=probing)
                raise
            await self._answered(probing=probing)
            yield exchange

    async def _admit(self) -> bool:
        """Return whether this fetch is the period's probe."""
        health = await self._up()
        if not _tripped(health):
            return False
        async with self._change:
            health = await self._up()
            if not _tripped(health):
                return False
            await self._record.save(replace(health, down_until=self._clock() + _period(health.failures)))
            return True

    async def _up(self) -> Health:
        health = await self._record.load()
        left = health.down_until - self._clock()
        if left > 0:
            raise KnownDown(f"{self._label} is known to be down and was not asked ({health.reason})", left)
        return health

    async def _answered(self, *, probing: bool) -> None:
        health = await self._record.load()
        # An answer to a question from before it went down (or asked for a rest) says little.
        if health == Health() or (not probing and self._clock() < health.down_until):
            return
        await self._record.save(Health())
        if health.down_until:
            log.warning("%s answers again", self._label)

    async def _failed(self, error: Unavailable | BadUpstream, *, probing: bool) -> None:
        if isinstance(error, (QueueFull, KnownDown)):
            return
        limit = _limit(error)
        if isinstance(error, Throttled) and error.stated and error.retry_after > 0:
            await self._throttled(error)
        elif limit == 0:
            self._tell_of_refusal(error)
            await self._answered(probing=probing)
        else:
            async with self._change:
                await self._counted(error, limit, probing=probing)

    async def _counted(self, error: Unavailable | BadUpstream, limit: int, *, probing: bool) -> None:
        health, now = await self._record.load(), self._clock()
        if now < health.down_until and not probing:
            return  # it was asked before it went down
        failures = health.failures + 1
        if not probing and failures < limit:
            await self._record.save(Health(failures, 0.0, error.message))
            return
        period = _period(failures, limit)
        log.warning("%s is down, and will be asked again in %g s: %s", self._label, period, error)
        await self._record.save(Health(failures, now + period, error.message))

    def _tell_of_refusal(self, error: Unavailable | BadUpstream) -> None:
        """Whoever set up the credentials reads of it in the log; clients may have old copies, and say nothing."""
        refused = isinstance(error, BadUpstream) and error.status == 401 and not isinstance(error, Hidden)
        if refused and not 0 <= self._clock() - self._refused_at < REMINDER:
            self._refused_at = self._clock()
            log.warning("%s", error)

    async def _throttled(self, error: Throttled) -> None:
        seconds = min(error.retry_after, LONGEST_THROTTLE)
        log.warning("%s answered %d and will not be asked for %g s", self._label, error.status, seconds)
        await self._record.save(Health(0, self._clock() + seconds, error.message))


def _tripped(health: Health) -> bool:
    return health.failures > 0 and health.down_until > 0


def _limit(error: Exception) -> int:
    """So many failures like this in a row mean that it is down; 0: this one says that it is alive."""
    if isinstance(error, Unreachable):
        return UNREACHABLE_LIMIT
    return FAILING_LIMIT if isinstance(error, (TimedOut, Throttled)) or is_server_error(error) else 0


def _period(failures: int, limit: int = UNREACHABLE_LIMIT) -> float:
    return min(FIRST_PERIOD * 2.0 ** max(0, min(failures - limit, 16)), LONGEST_PERIOD)
