"""One download per key over all workers: whoever gets the fetch lock leads, everyone else follows.

Within a worker all who ask for a key share one `Flight`. Its task tries the lock of the key: with it, it leads (first
looking whether somebody else was quicker); without it, it follows the leader's growing file in the other worker, by
the record in the index, and keeps trying the lock, which the kernel frees the moment that the leader dies. A reader
that leaves stops nothing.
"""

from __future__ import annotations

import asyncio
import logging
import os
from dataclasses import dataclass
from io import FileIO

from mxart.errors import MxartError, Unavailable
from mxart.model import Entry
from mxart.repository.growing import Progress
from mxart.repository.transfer import Plan, Transfer, recalled
from mxart.store import Download, Lock, Store
from mxart.store.incoming import follow
from mxart.store.layout import fetch_lock

log = logging.getLogger("mxart.repository")

_POLL, _LONGEST_POLL = 0.005, 0.05  # seconds between looks at another worker's download


class Flight:
    """One worker's part in the download of one key."""

    def __init__(self, plan: Plan, store: Store) -> None:
        self.progress = Progress()
        self.leading = False  # has this worker asked the upstream?
        self._plan = plan
        self._store = store
        self.since = plan.clock()  # UTC seconds
        self._followed = ""  # the attempt whose file the progress has

    async def run(self) -> None:
        """The progress has ended after the call."""
        try:
            entry = await self._entry()
            self.progress.finish(entry, self._blob(entry) if self.progress.has_readers else None)
        except MxartError as error:
            self.progress.fail(error)
        except asyncio.CancelledError:
            self.progress.fail(_stopping())
            raise
        except Exception:
            self.progress.fail(Unavailable("an internal error stopped the download: see the server's log"))
            raise
        finally:
            self.progress.detach()

    async def _entry(self) -> Entry:
        lock = await self._lock()
        try:
            index, plan = self._store.index, self._plan
            held = await index.get(plan.repository, plan.path)
            if held is not None and plan.settled(held, self.since):
                return held  # somebody else was quicker
            left = await index.download(plan.repository, plan.path)
            if left is not None and left.state == "failed" and left.changed >= self.since:
                raise recalled(left)  # somebody else has just been told no
            self.leading = True
            return await Transfer(plan, self._store, self.progress, held, left).run()
        finally:
            lock.release()

    async def _lock(self) -> Lock:
        """The fetch lock; until we have it, the progress follows whoever has it."""
        key = fetch_lock(self._plan.repository, self._plan.path)
        clock = asyncio.get_running_loop().time
        heard = clock()
        while (lock := self._store.locks.try_lock(key)) is None:
            record = await self._store.index.download(self._plan.repository, self._plan.path)
            if record is not None and record.state == "active" and self._see(record):
                heard = clock()
            await asyncio.sleep(_pause(clock() - heard))
        return lock

    def _see(self, record: Download) -> bool:
        """Has the download come any further?"""
        if record.attempt != self._followed:
            file = follow(self._store.path, record.file)
            if file is None:
                return False  # just entered, or given up
            self.progress.begin(file, record.length, record.last_modified)
            self._followed = record.attempt
        if self.progress.file is None:
            return False
        return self.progress.advance(os.fstat(self.progress.file.fileno()).st_size)

    def _blob(self, entry: Entry) -> FileIO | None:
        return None if entry.digest is None else self._store.blobs.open(entry.digest, entry.size)


def _pause(silence: float) -> float:
    """Seconds until the next look, after so many of them without news: a slow upstream is watched at leisure, and what
    comes then is seen at most a hundredth later than it took to come.

    >>> [_pause(silence) for silence in (0.0, 0.5, 2.0, 60.0)]
    [0.005, 0.005, 0.02, 0.05]
    """
    return min(max(_POLL, silence / 100), _LONGEST_POLL)


def _stopping() -> Unavailable:
    return Unavailable("this server is stopping: try again", 1.0)


@dataclass(frozen=True, slots=True)
class Seat:
    """One request's place on a flight."""

    flight: Flight
    joined: bool  # the flight was under way before

    @property
    def collapsed(self) -> bool:
        """Did another request, here or in another worker, ask the upstream for this one, too (RFC 9211 §2.7)?"""
        return self.joined or not self.flight.leading


class SingleFlight:
    """The flights of one worker."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._flights: dict[tuple[str, str], tuple[Flight, asyncio.Task[None]]] = {}

    def join(self, plan: Plan) -> Seat:
        """A seat on the flight for the plan's key: one that is under way, else a new one."""
        key = (plan.repository, plan.path)
        under_way, _ = self._flights.get(key, (None, None))
        if under_way is not None and not under_way.progress.ended:
            return Seat(under_way, joined=True)
        flight = Flight(plan, self._store)
        task = asyncio.create_task(flight.run(), name=f"fetch {plan.repository}/{plan.path}")
        self._flights[key] = flight, task
        task.add_done_callback(lambda task: self._ended(key, flight, task))
        return Seat(flight, joined=False)

    def _ended(self, key: tuple[str, str], flight: Flight, task: asyncio.Task[None]) -> None:
        if self._flights.get(key) == (flight, task):  # else another one has begun since its progress ended
            del self._flights[key]
        if not flight.progress.ended:  # cancelled before its first step
            flight.progress.fail(_stopping())
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("download of %s/%s stopped", *key, exc_info=error)

    async def close(self, grace: float = 0.0) -> None:
        """True after: nothing is under way. What this worker downloads gets ``grace`` seconds to end, then others go on
        with it; what it only follows goes on without it."""
        leading = [task for flight, task in self._flights.values() if flight.leading]
        if leading:
            await asyncio.wait(leading, timeout=grace)
        late = [task for _, task in self._flights.values()]
        for task in late:
            task.cancel()
        await asyncio.gather(*late, return_exceptions=True)
