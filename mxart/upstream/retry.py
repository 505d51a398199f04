"""Second tries: a request that failed in passing is made again, and a body that broke is resumed where it ended.

What is worth another try is decided by how the upstream failed. Everybody's pauses are jittered, so that those who
failed together do not come back together.
"""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace

from mxart.errors import BadUpstream, Unavailable
from mxart.upstream import Broken, Changed, Exchange, Fetch, Head, Upstream
from mxart.upstream.failures import Throttled, TimedOut, Unreachable, is_server_error

log = logging.getLogger("mxart.upstream")

MAX_OBEYED = 5.0  # seconds of Retry-After that are waited out here; for more the client is told
RENEWAL = 8 * 1024 * 1024  # bytes of progress after which a broken body has all its tries again
_FIRST_PAUSE = 0.25  # seconds, doubling up to …
_LONGEST_PAUSE = 5.0
_CONDITIONS = ("if-none-match", "if-modified-since")


@dataclass(frozen=True, slots=True, kw_only=True)
class Pauses:
    """How to wait between tries: ``sleep`` seconds; ``fraction`` gives the jitter, 0 to 1."""

    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
    fraction: Callable[[], float] = random.random

    def before(self, number: int, error: Exception) -> float:
        """Seconds to wait before the ``number``-th new try (from 0): what the upstream asked for, at least."""
        pause = min(_FIRST_PAUSE * 2.0 ** min(number, 16), _LONGEST_PAUSE) * (0.5 + self.fraction() / 2)
        return max(pause, error.retry_after) if isinstance(error, Throttled) and error.stated else pause


class RetryingUpstream:
    """`Upstream` that makes up to ``retries`` more tries than the one it wraps."""

    def __init__(self, inner: Upstream, retries: int, pauses: Pauses | None = None) -> None:
        self._inner = inner
        self._retries = retries
        self._pauses = pauses or Pauses()

    @asynccontextmanager
    async def fetch(self, fetch: Fetch) -> AsyncIterator[Exchange]:
        """As `Upstream.fetch`. The body goes on over any number of connections, as one."""
        async with AsyncExitStack() as connection:
            tries = _Tries(self._inner, connection, self._retries, self._pauses)
            yield _Resuming(fetch, await tries.open(fetch), tries)


class _Tries:
    """What is left of one fetch's tries, and the connection that the last one uses."""

    def __init__(self, inner: Upstream, connection: AsyncExitStack, retries: int, pauses: Pauses) -> None:
        self._inner = inner
        self._connection = connection
        self._retries = retries
        self._pauses = pauses
        self._used = 0

    async def open(self, fetch: Fetch) -> Exchange:
        """The answer, after as many tries as it takes and are left. Raises what the last one did."""
        while True:
            try:
                return await self._connection.enter_async_context(self._inner.fetch(fetch))
            except (Unavailable, BadUpstream) as error:
                if not _passing(error):
                    raise
                await self.pause(error)

    async def pause(self, error: Unavailable | BadUpstream) -> None:
        """Wait until the next try is due. Raises ``error`` when none is left."""
        if self._used >= self._retries:
            raise error
        seconds = self._pauses.before(self._used, error)
        self._used += 1
        log.info("%s; try %d of %d follows in %.2f s", error, self._used + 1, self._retries + 1, seconds)
        await self._pauses.sleep(seconds)

    async def close(self) -> None:
        """Give the connection back, so that a pause holds none."""
        await self._connection.aclose()

    def renew(self) -> None:
        """All tries are left again."""
        self._used = 0


class _Resuming:
    """An answer whose body is resumed by Range as long as its representation stays the same."""

    def __init__(self, fetch: Fetch, exchange: Exchange, tries: _Tries) -> None:
        self.head: Head = exchange.head
        self._fetch = fetch
        self._exchange = exchange
        self._tries = tries
        self._received = self.head.start  # bytes of the representation
        self._renewed = self.head.start

    async def __aiter__(self) -> AsyncIterator[bytes]:
        while True:
            try:
                async for chunk in self._exchange:
                    self._received += len(chunk)
                    yield chunk
                return
            except Broken as broken:
                cause = broken
            await self._resume(cause)

    async def _resume(self, broken: Broken) -> None:
        if not self.head.resumable:
            raise broken
        if self._received - self._renewed >= RENEWAL:
            self._renewed = self._received
            self._tries.renew()
        await self._tries.close()
        await self._tries.pause(broken)
        headers = {name: value for name, value in self._fetch.headers.items() if name.lower() not in _CONDITIONS}
        rest = replace(self._fetch, headers=headers, start=self._received, validator=self.head.etag)
        self._exchange = await self._tries.open(rest)
        self._check(self._exchange.head, broken)

    def _check(self, rest: Head, broken: Broken) -> None:
        same = rest.etag == self.head.etag or (rest.status == 206 and not rest.etag)  # If-Range has vouched for a 206
        if rest.status not in (200, 206) or rest.start != self._received or not same:
            raise Changed(f"{broken}, and now there is something else", rest.status) from broken
        if rest.length is not None and self.head.length is not None and rest.length != self.head.length:
            raise Changed(f"{broken}, and now it has another length", rest.status) from broken


def _passing(error: Exception) -> bool:
    """Whether another try soon may succeed."""
    if isinstance(error, Throttled):
        return not error.stated or error.retry_after <= MAX_OBEYED
    return isinstance(error, (Unreachable, TimedOut)) or is_server_error(error)
