"""The queue for an upstream's connections, of which there are only so many over all workers.

Within a worker: first come, first served. Between workers: a turnstile. The first in each worker's line takes the
turn, and whoever has it gets the next free slot; a worker with a long line keeps the turn for a moment at most, then
stands back long enough for another to take it. Slots and turn are locks of the kernel, handed in: a dead worker holds
none. They cannot be waited for, so those of other workers are looked at every few milliseconds.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Protocol

from mxart.upstream import Exchange, Fetch, Upstream
from mxart.upstream.failures import QueueFull

_LOOK = 0.003  # seconds between two looks at what another worker holds
_QUANTUM = 0.02  # seconds for which a worker serves its own line before it lets others have the turn
_STAND_BACK = 2.5 * _LOOK  # seconds: longer than any other looks away
_RETRY_AFTER = 5.0  # seconds, for those who waited in vain


class Slot(Protocol):
    """A connection's permit. It goes with its process."""

    def release(self) -> None: ...


class Slots(Protocol):
    """Permits shared by all workers."""

    def take(self) -> Slot | None:
        """One that is free now, else None. Never waits."""
        ...


class FairQueue:
    """`Upstream` behind a ceiling of connections.

    ``turn``: slots of which there is one. ``timeout``: seconds in the queue, after which QueueFull is raised. The slot
    is held until the exchange ends.
    """

    def __init__(self, inner: Upstream, slots: Slots, turn: Slots, timeout: float, label: str) -> None:
        self._inner = inner
        self._slots = slots
        self._turn = turn
        self._timeout = timeout
        self._label = label
        self._line = asyncio.Lock()  # wakes its waiters in the order in which they came
        self._waiting = 0
        self._freed = asyncio.Event()  # a slot of this worker
        self._held: Slot | None = None  # the turn, which passes along the line
        self._since = 0.0  # when it was taken
        self._not_before = 0.0  # when it may be taken again

    @asynccontextmanager
    async def fetch(self, fetch: Fetch) -> AsyncIterator[Exchange]:
        """As `Upstream.fetch`; raises QueueFull."""
        slot = await self._admitted()
        try:
            async with self._inner.fetch(fetch) as exchange:
                yield exchange
        finally:
            slot.release()
            self._freed.set()

    async def _admitted(self) -> Slot:
        try:
            async with asyncio.timeout(self._timeout):
                return await self._stand_in_line()
        except TimeoutError as error:
            raise QueueFull(
                f"all connections to {self._label} were busy for {self._timeout:g} s: "
                "try again, or raise max_connections",
                _RETRY_AFTER,
            ) from error

    async def _stand_in_line(self) -> Slot:
        self._waiting += 1
        try:
            async with self._line:
                try:
                    await self._take_turn()
                    return await self._take_slot()
                finally:
                    if self._waiting == 1 or self._is_tired():
                        self._pass_turn()
        finally:
            self._waiting -= 1
            if not self._waiting:
                self._pass_turn()  # the one it was kept for has left the line

    async def _take_turn(self) -> None:
        if self._held is not None:
            return
        clock = asyncio.get_running_loop().time
        if (wait := self._not_before - clock()) > 0:
            await asyncio.sleep(wait)
        while True:
            self._held, self._since = self._turn.take(), clock()
            if self._held is not None:
                return
            await asyncio.sleep(_LOOK * (0.5 + random.random()))

    async def _take_slot(self) -> Slot:
        while True:
            self._freed.clear()
            slot = self._slots.take()
            if slot is not None:
                return slot
            try:
                async with asyncio.timeout(_LOOK):
                    await self._freed.wait()
            except TimeoutError:
                pass  # another worker's slot may be free by now

    def _is_tired(self) -> bool:
        return asyncio.get_running_loop().time() - self._since >= _QUANTUM

    def _pass_turn(self) -> None:
        """To the other workers. The next in our own line gets it by finding it held."""
        if self._held is None:
            return
        self._held.release()
        self._held = None
        if self._is_tired():
            self._not_before = asyncio.get_running_loop().time() + _STAND_BACK
