"""When an upstream counts as down, for how long, and who may look whether it is back."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from mxart.errors import BadUpstream, MxartError
from mxart.upstream import Broken, Exchange, Fetch, Head
from mxart.upstream.breaker import Breaker, Health
from mxart.upstream.failures import Hidden, KnownDown, QueueFull, Throttled, TimedOut, Unreachable, Untrusted
from tests.upstream.parts import Clock, Reply, ScriptedLayer, SharedHealth, read, until

pytestmark = pytest.mark.gen_test

REFUSED = Unreachable("it refused")
FAILED = BadUpstream("it failed", 500)


class World:
    """An upstream, what is known of it, and workers that ask it."""

    def __init__(self, *steps: Reply | Exception) -> None:
        self.layer = ScriptedLayer(*steps)
        self.health = SharedHealth()
        self.clock = Clock()
        self.breaker = self.worker()

    def worker(self) -> Breaker:
        return Breaker(self.layer, self.health, "up.example.org", self.clock)

    async def ask(self, breaker: Breaker | None = None) -> str:
        """What came of one fetch: "ok", or the name of what was raised."""
        try:
            await read(breaker or self.breaker, "a")
        except MxartError as error:
            return type(error).__name__
        return "ok"

    async def asked(self, times: int) -> list[str]:
        return [await self.ask() for _ in range(times)]


@pytest.mark.parametrize(
    ("error", "limit"),
    [
        (REFUSED, 3),
        (FAILED, 5),
        (BadUpstream("x", 503), 5),
        (TimedOut("silent"), 5),
        (Throttled("busy", 503, None), 5),
        (Throttled("busy", 429, 0.0), 5),
    ],
    ids=repr,
)
async def test_down_after_so_many_in_a_row(error: MxartError, limit: int) -> None:
    world = World(error)
    answers = await world.asked(limit + 2)
    assert answers == [type(error).__name__] * limit + ["KnownDown"] * 2
    assert len(world.layer.fetches) == limit


@pytest.mark.parametrize(
    "error",
    [
        BadUpstream("refused", 403),
        Hidden("refused", 401),
        BadUpstream("not HTTP"),
        Untrusted("x"),
        Broken("x", 416),
        QueueFull("full"),
    ],
    ids=repr,
)
async def test_never_down_because_of_these(error: MxartError) -> None:
    world = World(error)
    await world.asked(20)
    assert (len(world.layer.fetches), world.health.saved) == (20, [])


async def test_an_answer_between_failures_counts_them_anew() -> None:
    world = World(REFUSED, REFUSED, Reply(), REFUSED, REFUSED, Reply())
    assert "KnownDown" not in await world.asked(7)


async def test_a_full_queue_does_not_end_a_row() -> None:
    world = World(REFUSED, REFUSED, QueueFull("full"), REFUSED)
    assert (await world.asked(5))[-1] == "KnownDown"


async def test_health_is_written_on_change_only() -> None:
    world = World(Reply(), Reply(), REFUSED, Reply(), Reply())
    await world.asked(5)
    assert world.health.saved == [Health(1, 0.0, "it refused"), Health()]


async def test_absence_is_an_answer() -> None:
    world = World(REFUSED, Reply(Head(status=404, url="x")), REFUSED, Reply(Head(status=304, url="x")))
    await world.asked(4)
    assert world.health.now == Health()


async def test_periods_double() -> None:
    world = World(REFUSED)
    await world.asked(3)
    periods = []
    for _ in range(6):
        periods.append(world.health.now.down_until - world.clock.now)
        world.clock.now = world.health.now.down_until
        assert await world.ask() == "Unreachable"
    assert periods == [2, 4, 8, 16, 30, 30]


async def test_who_is_refused_learns_when_to_return() -> None:
    world = World(REFUSED)
    await world.asked(3)
    world.clock.now += 0.5
    with pytest.raises(KnownDown, match=r"known to be down.*it refused") as raised:
        await read(world.breaker, "a")
    assert raised.value.retry_after == pytest.approx(1.5)


async def test_all_workers_know() -> None:
    world = World(REFUSED)
    workers = [world.worker() for _ in range(3)]
    assert [await world.ask(worker) for worker in workers] == ["Unreachable"] * 3
    assert [await world.ask(worker) for worker in workers] == ["KnownDown"] * 3


async def test_one_probe_a_period_and_its_answer_opens_the_way() -> None:
    world = World(REFUSED)
    await world.asked(3)
    world.clock.now += 2
    answered = asyncio.Event()
    probe = _Waiting(answered)
    world.breaker = Breaker(probe, world.health, "up.example.org", world.clock)
    first = asyncio.ensure_future(world.ask())
    others = [asyncio.ensure_future(world.ask()) for _ in range(10)]
    assert await asyncio.gather(*others) == ["KnownDown"] * 10
    assert await world.ask(world.worker()) == "KnownDown"
    answered.set()
    assert await first == "ok"
    assert await world.asked(3) == ["ok"] * 3
    assert world.health.now == Health()


class _Waiting(ScriptedLayer):
    """Answers when the event is set."""

    def __init__(self, event: asyncio.Event, step: Reply | Exception | None = None) -> None:
        super().__init__(step or Reply())
        self._event = event
        self.waiting = 0

    @asynccontextmanager
    async def fetch(self, fetch: Fetch) -> AsyncIterator[Exchange]:
        self.waiting += 1
        await self._event.wait()
        async with super().fetch(fetch) as exchange:
            yield exchange


async def test_a_probe_that_is_given_up_lets_another_follow() -> None:
    world = World(REFUSED)
    await world.asked(3)
    world.clock.now += 2
    layer = _Waiting(asyncio.Event())
    breaker = Breaker(layer, world.health, "up.example.org", world.clock)
    probe = asyncio.ensure_future(world.ask(breaker))
    await until(lambda: layer.waiting == 1)
    probe.cancel()
    await asyncio.gather(probe, return_exceptions=True)
    assert await world.ask() == "KnownDown"
    world.layer.steps = [Reply()]
    world.clock.now += 2
    assert await world.ask() == "ok"


@pytest.mark.parametrize(("asked", "kept"), [(1.0, 1.0), (90.0, 90.0), (600.0, 600.0), (86400.0, 600.0)])
async def test_a_rest_that_is_asked_for_is_given(asked: float, kept: float) -> None:
    world = World(Throttled("busy", 429, asked), Reply())
    assert await world.asked(2) == ["Throttled", "KnownDown"]
    world.clock.now += kept - 0.1
    assert await world.ask() == "KnownDown"
    world.clock.now += 0.1
    assert await world.asked(2) == ["ok", "ok"]
    assert world.health.now == Health()


async def test_late_answers_do_not_end_a_rest() -> None:
    world = World()
    early = asyncio.Event()
    layer = _Waiting(early)
    slow = Breaker(layer, world.health, "up.example.org", world.clock)
    asked_before = asyncio.ensure_future(world.ask(slow))
    await until(lambda: layer.waiting == 1)
    world.layer.steps = [Throttled("busy", 429, 60.0)]
    await world.ask()
    early.set()
    assert await asked_before == "ok"
    assert await world.ask() == "KnownDown"


async def test_late_failures_do_not_lengthen_it() -> None:
    world = World()
    failed = asyncio.Event()
    layer = _Waiting(failed, REFUSED)
    world.breaker = Breaker(layer, world.health, "up.example.org", world.clock)
    asked_before = [asyncio.ensure_future(world.ask()) for _ in range(20)]
    await until(lambda: layer.waiting == 20)
    failed.set()
    assert await asyncio.gather(*asked_before) == ["Unreachable"] * 20
    assert world.health.now.down_until - world.clock.now == 2


async def test_changes_are_logged(caplog: pytest.LogCaptureFixture) -> None:
    world = World(REFUSED, REFUSED, REFUSED, Reply())
    with caplog.at_level(logging.INFO, "mxart.upstream"):
        await world.asked(4)
        world.clock.now += 2
        await world.asked(2)
    assert caplog.messages == [
        "up.example.org is down, and will be asked again in 2 s: it refused",
        "up.example.org answers again",
    ]


async def test_refused_credentials_are_logged_but_not_each_time(caplog: pytest.LogCaptureFixture) -> None:
    refused = BadUpstream("up.example.org answered 401: check the auth of this repository", 401)
    hidden = Hidden("up.example.org shows this to nobody", 401)
    world = World(hidden, BadUpstream("not HEAD", 403), *[refused] * 5)
    with caplog.at_level(logging.INFO, "mxart.upstream"):
        await world.asked(4)
        world.clock.now += 3599
        await world.asked(1)
        assert caplog.messages == [str(refused)]
        world.clock.now += 1
        await world.asked(2)
    assert caplog.messages == [str(refused)] * 2
