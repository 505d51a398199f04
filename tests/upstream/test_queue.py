"""The ceiling holds, the order is fair, and nobody who leaves takes anything along."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest

from mxart.upstream import Exchange, Fetch, queue
from mxart.upstream.failures import QueueFull, Unreachable
from mxart.upstream.queue import FairQueue
from tests.upstream.parts import Permits, Reply, ScriptedLayer, until

pytestmark = pytest.mark.gen_test

ASK = Fetch(path="a", max_size=1)


class Gate:
    """An upstream whose exchanges last until they are let go, noting who came in which order."""

    def __init__(self) -> None:
        self.order: list[str] = []
        self.inside = 0
        self.most = 0

    @asynccontextmanager
    async def fetch(self, fetch: Fetch) -> AsyncIterator[Exchange]:
        self.order.append(fetch.path)
        self.inside += 1
        self.most = max(self.most, self.inside)
        try:
            yield Reply()
        finally:
            self.inside -= 1


class Office:
    """Workers with one queue each, before one upstream."""

    def __init__(self, slots: int, workers: int = 1, timeout: float = 30.0) -> None:
        self.gate = Gate()
        self.slots = Permits(slots)
        self.turn = Permits(1)
        self._count = slots
        self.workers = [FairQueue(self.gate, self.slots, self.turn, timeout, "up") for _ in range(workers)]

    async def visit(self, name: str, worker: int, stay: Callable[[], Awaitable[object]]) -> None:
        async with self.workers[worker].fetch(Fetch(path=name, max_size=1)):
            await stay()

    def start(self, name: str, worker: int, stay: Callable[[], Awaitable[object]]) -> asyncio.Task[None]:
        return asyncio.ensure_future(self.visit(name, worker, stay))

    def is_empty(self) -> bool:
        return (self.slots.free, self.turn.free, self.gate.inside) == (self._count, 1, 0)


async def at_once() -> None: ...


async def briefly() -> None:
    await asyncio.sleep(0.002)


async def test_a_free_slot_is_had_without_waiting() -> None:
    office = Office(slots=1)
    for _ in range(100):
        await office.visit("a", 0, at_once)
    assert office.is_empty()


@pytest.mark.parametrize(("slots", "workers"), [(1, 1), (3, 1), (1, 3), (4, 3)])
async def test_the_ceiling_holds_over_all_workers(slots: int, workers: int) -> None:
    office = Office(slots, workers)
    await asyncio.gather(*(office.visit(str(n), n % workers, briefly) for n in range(60)))
    assert (office.gate.most, len(office.gate.order)) == (slots, 60)
    assert office.is_empty()


async def test_first_come_first_served_within_a_worker() -> None:
    office = Office(slots=1)
    await asyncio.gather(*(office.visit(str(n), 0, at_once) for n in range(50)))
    assert office.gate.order == [str(n) for n in range(50)]


async def test_a_worker_with_a_long_line_does_not_shut_out_another() -> None:
    office = Office(slots=1, workers=2)
    crowd = [office.start("crowd", 0, briefly) for _ in range(300)]
    await until(lambda: len(office.gate.order) > 5)
    await office.visit("guest", 1, at_once)
    # 300 visits of 2 ms are 0.6 s; the guest waits for a few quanta of 20 ms.
    assert office.gate.order.index("guest") < 150
    await asyncio.gather(*crowd)
    assert office.is_empty()


async def test_two_long_lines_share() -> None:
    office = Office(slots=2, workers=2)
    await asyncio.gather(*(office.visit(str(n % 2), n % 2, briefly) for n in range(400)))
    first_half = office.gate.order[:200]
    assert 50 < first_half.count("0") < 150


async def test_a_slot_of_ones_own_worker_is_had_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(queue, "_LOOK", 60.0)  # so that only being woken helps
    office = Office(slots=1)
    leave = asyncio.Event()
    inside = office.start("inside", 0, leave.wait)
    await until(lambda: office.gate.inside == 1)
    waiting = office.start("waiting", 0, at_once)
    await until(lambda: office.turn.free == 0)
    leave.set()
    await asyncio.gather(inside, waiting)
    assert office.gate.order == ["inside", "waiting"]


async def test_waiting_ends_with_a_time_out_that_says_when_to_return() -> None:
    office = Office(slots=1, timeout=0.05)
    leave = asyncio.Event()
    inside = office.start("inside", 0, leave.wait)
    await until(lambda: office.gate.inside == 1)
    with pytest.raises(QueueFull, match=r"busy for 0\.05 s.*max_connections") as raised:
        await office.visit("late", 0, at_once)
    assert raised.value.retry_after > 0
    leave.set()
    await inside
    assert (office.gate.order, office.is_empty()) == (["inside"], True)


@pytest.mark.parametrize("workers", [1, 2])
async def test_those_who_leave_the_line_hold_up_nobody(workers: int) -> None:
    office = Office(slots=1, workers=workers)
    leave = asyncio.Event()
    inside = office.start("inside", 0, leave.wait)
    await until(lambda: office.gate.inside == 1)
    line = [office.start(str(n), n % workers, at_once) for n in range(20)]
    await asyncio.sleep(0.02)
    for task in line[:15]:
        task.cancel()
    leave.set()
    await asyncio.gather(inside, *line, return_exceptions=True)
    assert sorted(office.gate.order[1:]) == ["15", "16", "17", "18", "19"]
    assert office.is_empty()


async def test_a_line_that_all_have_left_keeps_no_turn() -> None:
    office = Office(slots=1, workers=2)
    leave = asyncio.Event()
    inside = office.start("inside", 0, leave.wait)
    await until(lambda: office.gate.inside == 1)
    line = [office.start(str(n), 0, at_once) for n in range(20)]
    await until(lambda: office.turn.free == 0)
    for task in reversed(line):
        task.cancel()
    await asyncio.gather(*line, return_exceptions=True)
    assert office.turn.free == 1
    leave.set()
    await asyncio.gather(inside, office.visit("other", 1, at_once))
    assert office.is_empty()


async def test_a_turn_that_was_kept_for_one_who_left_is_passed_on() -> None:
    office = Office(slots=1)
    leave = asyncio.Event()
    inside = office.start("inside", 0, leave.wait)
    await until(lambda: office.gate.inside == 1)
    line: list[asyncio.Task[None]] = []

    async def cancel_the_next() -> None:
        line[1].cancel()

    line += [office.start("first", 0, cancel_the_next), office.start("next", 0, at_once)]
    await until(lambda: office.turn.free == 0)
    leave.set()
    await asyncio.gather(inside, *line, return_exceptions=True)
    assert (office.gate.order, office.is_empty()) == (["inside", "first"], True)


@pytest.mark.parametrize("delay", range(12))
async def test_a_cancellation_at_any_moment_loses_nothing(delay: int) -> None:
    office = Office(slots=1)
    visits = [office.start(str(n), 0, briefly) for n in range(6)]
    for _ in range(delay):
        await asyncio.sleep(0)
    visits[1].cancel()
    visits[3].cancel()
    await asyncio.sleep(0.003)
    visits[5].cancel()
    await asyncio.gather(*visits, return_exceptions=True)
    assert office.is_empty()
    await office.visit("after", 0, at_once)


async def test_a_slot_is_given_back_when_the_exchange_fails() -> None:
    permits, turn = Permits(1), Permits(1)
    queue = FairQueue(ScriptedLayer(Unreachable("x")), permits, turn, 1.0, "up")
    for _ in range(3):
        with pytest.raises(Unreachable):
            async with queue.fetch(ASK):
                raise AssertionError("there is no answer")
    assert (permits.free, turn.free) == (1, 1)


async def test_a_slot_is_given_back_when_the_reader_fails() -> None:
    office = Office(slots=1)
    for _ in range(3):
        with pytest.raises(LookupError):
            async with office.workers[0].fetch(ASK):
                raise LookupError
    assert office.is_empty()
