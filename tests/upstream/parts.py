"""Fakes of what is handed to an upstream's layers, and readers of what they give."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from mxart.upstream import Exchange, Fetch, Head, Upstream
from mxart.upstream.breaker import Health
from mxart.upstream.client import Call, Curl
from mxart.upstream.transfer import RawHead

LARGE = 1 << 40


async def read_call(curl: Curl, call: Call) -> tuple[RawHead, bytes]:
    """Head and body of one raw request."""
    transfer = curl.start(call)
    try:
        head = await transfer.head()
        return head, b"".join([chunk async for chunk in chunks_of(transfer.read)])
    finally:
        transfer.abandon()


async def chunks_of(read: Callable[[], object]) -> AsyncIterator[bytes]:
    while chunk := await read():  # type: ignore[misc]
        yield chunk


async def read(upstream: Upstream, fetch: Fetch | str) -> tuple[Head, bytes]:
    """Head and whole body of one fetch."""
    if isinstance(fetch, str):
        fetch = Fetch(path=fetch, max_size=LARGE)
    async with upstream.fetch(fetch) as exchange:
        return exchange.head, b"".join([chunk async for chunk in exchange])


async def until(condition: Callable[[], bool]) -> None:
    """Return when it holds. Raises TimeoutError after 4 s."""
    async with asyncio.timeout(4):
        while True:
            if condition():
                return
            await asyncio.sleep(0.005)


@dataclass
class Permits:
    """`Slots` of one process."""

    free: int

    def take(self) -> Permit | None:
        if not self.free:
            return None
        self.free -= 1
        return Permit(self)


@dataclass
class Permit:
    permits: Permits
    released: bool = False

    def release(self) -> None:
        assert not self.released, "released twice"
        self.released = True
        self.permits.free += 1


@dataclass
class SharedHealth:
    """`HealthRecord` in memory that takes its time; ``saved``: every write, in order."""

    now: Health = field(default_factory=Health)
    saved: list[Health] = field(default_factory=list)

    async def load(self) -> Health:
        await asyncio.sleep(0)
        return self.now

    async def save(self, health: Health) -> None:
        await asyncio.sleep(0)
        self.now = health
        self.saved.append(health)


@dataclass
class Clock:
    """A clock that stands until it is moved; its ``sleep`` moves it."""

    now: float = 1_700_000_000.0
    slept: list[float] = field(default_factory=list)

    def __call__(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds


@dataclass
class Reply:
    """One answer of a `ScriptedLayer`: its head, its pieces, and how it ends."""

    head: Head = field(default_factory=lambda: Head(status=200, url="http://up.example.org/x"))
    pieces: list[bytes] = field(default_factory=list)
    error: Exception | None = None

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for piece in self.pieces:
            yield piece
        if self.error is not None:
            raise self.error


class ScriptedLayer:
    """An `Upstream` that answers one step of its script a fetch; the last one stays. An exception is raised."""

    def __init__(self, *steps: Reply | Exception) -> None:
        self.steps = list(steps)
        self.fetches: list[Fetch] = []
        self.open = 0
        self.most = 0

    @asynccontextmanager
    async def fetch(self, fetch: Fetch) -> AsyncIterator[Exchange]:
        self.fetches.append(fetch)
        step = self.steps.pop(0) if len(self.steps) > 1 else self.steps[0]
        if isinstance(step, Exception):
            raise step
        self.open += 1
        self.most = max(self.most, self.open)
        try:
            yield step
        finally:
            self.open -= 1
