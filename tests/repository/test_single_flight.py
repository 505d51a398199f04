"""One download per key over all workers; when its leader dies or leaves, another one goes on with it."""

from __future__ import annotations

import asyncio
import contextlib
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from mxart.errors import BadUpstream, Unavailable
from mxart.store import Store
from tests.repository.leader import WallClock
from tests.repository.parts import BIG, Answer, Worker
from tests.store.builders import digest_of
from tests.support.upstream import ScriptedUpstream, Static

HALF = len(BIG) // 2
ROOT = Path(__file__).parents[2]


def incoming(store: Store) -> list[Path]:
    return list((store.path / "incoming").iterdir())


async def until_bytes(store: Store, number: int) -> None:
    """The one file in incoming/ has so many bytes."""
    while sum(file.stat().st_size for file in incoming(store)) < number:  # noqa: ASYNC110 - a file has no event
        await asyncio.sleep(0.005)


@contextlib.contextmanager
def leader(store: Store, upstream: ScriptedUpstream, path: str) -> Iterator[subprocess.Popen[bytes]]:
    """A process that leads the download of ``path``, and gives bytes of it out. Killed at the end."""
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.repository.leader", store.path, upstream.url, path],
        cwd=ROOT,
        stdout=subprocess.PIPE,
    )
    with process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline().endswith(b"bytes\n")
            yield process
        finally:
            process.kill()


@pytest.fixture
def follower(make_worker: Callable[..., Worker]) -> Worker:
    """Its clock is that of other processes."""
    return make_worker(clock=WallClock())


def stalling(upstream: ScriptedUpstream, **fields: str | bool) -> threading.Event:
    """The first request for /a.zip stalls half-way, the others get all. Setting the event lets the first go on."""
    whole = Static(data=BIG, **fields)  # type: ignore[arg-type]
    release = threading.Event()
    upstream.script("/a.zip", whole.but(stall_after=HALF, release=release), whole)
    return release


async def started(worker: Worker) -> tuple[Answer, asyncio.Future[bytes]]:
    """A client of ``worker`` that has sent its first bytes, and goes on."""
    answer = await worker.get("a.zip")
    assert (await answer.growing.extent(0)).end > 0
    return answer, asyncio.ensure_future(answer.read())


@pytest.mark.gen_test
async def test_a_follower_in_another_process_reads_along(
    upstream: ScriptedUpstream, store: Store, follower: Worker
) -> None:
    release = stalling(upstream)
    with leader(store, upstream, "a.zip") as process:
        answer, body = await started(follower)
        assert answer.cache_status == "mxart; fwd=miss; collapsed"
        assert (answer.growing.length, body.done()) == (len(BIG), False)
        release.set()
        assert await body == BIG
        assert await asyncio.to_thread(process.stdout.readline) == b"done\n"  # type: ignore[union-attr]
    assert upstream.count("/a.zip") == 1


@pytest.mark.gen_test
async def test_a_killed_leader_is_followed_by_a_range(
    upstream: ScriptedUpstream, store: Store, follower: Worker
) -> None:
    stalling(upstream, etag='"1"')
    with leader(store, upstream, "a.zip") as process:
        _, body = await started(follower)
        await until_bytes(store, HALF)
        process.kill()
        assert await body == BIG
    first, second = upstream.requests
    assert "range" not in first.headers
    assert second.headers["range"] == f"bytes={HALF}-"
    assert second.headers["if-range"] == '"1"'
    assert incoming(store) == []
    assert await store.index.downloads() == []
    assert store.blobs.verify(digest_of(BIG))


@pytest.mark.parametrize("fields", [{}, {"etag": 'W/"1"'}, {"etag": '"1"', "ranges": False}])
@pytest.mark.gen_test
async def test_a_killed_leader_whose_upstream_knows_no_ranges(
    upstream: ScriptedUpstream, store: Store, follower: Worker, fields: dict[str, str | bool]
) -> None:
    stalling(upstream, **fields)
    with leader(store, upstream, "a.zip") as process:
        _, body = await started(follower)
        process.kill()
        assert await body == BIG  # from a new file, whose beginning is the same
    assert incoming(store) == []


@pytest.mark.gen_test
async def test_a_killed_leader_and_other_content(upstream: ScriptedUpstream, store: Store, follower: Worker) -> None:
    stalling(upstream, etag='"1"')
    with leader(store, upstream, "a.zip") as process:
        _, body = await started(follower)
        upstream.static("/a.zip", BIG[::-1], etag='"2"')
        process.kill()
        with pytest.raises(BadUpstream, match="changed"):
            await body
    late = await follower.get("a.zip")
    assert await late.read() == BIG[::-1]


@pytest.mark.gen_test
async def test_a_killed_leader_that_nobody_followed(upstream: ScriptedUpstream, store: Store, follower: Worker) -> None:
    stalling(upstream, etag='"1"')
    with leader(store, upstream, "a.zip"):
        await until_bytes(store, HALF)
    answer = await follower.get("a.zip")
    assert await answer.read() == BIG
    assert upstream.requests[1].headers["range"] == f"bytes={HALF}-"


@pytest.mark.gen_test
async def test_a_leader_that_leaves_is_followed(
    upstream: ScriptedUpstream, store: Store, make_worker: Callable[..., Worker]
) -> None:
    stalling(upstream, etag='"1"')
    first, second = make_worker(), make_worker()
    _, own = await started(first)
    _, body = await started(second)
    await until_bytes(store, HALF)
    await first.flights.close(grace=0.0)
    with pytest.raises(Unavailable, match="stopping"):
        await own
    assert await body == BIG
    assert upstream.requests[1].headers["range"] == f"bytes={HALF}-"
    assert incoming(store) == []


@pytest.mark.gen_test
async def test_closing_gives_time_to_end(upstream: ScriptedUpstream, store: Store, worker: Worker) -> None:
    release = stalling(upstream)
    _, body = await started(worker)
    closing = asyncio.ensure_future(worker.flights.close(grace=20.0))
    await asyncio.sleep(0.01)
    assert not closing.done()
    release.set()
    await closing
    assert await body == BIG


@pytest.mark.gen_test
async def test_closing_does_not_wait_for_what_another_worker_downloads(
    upstream: ScriptedUpstream, make_worker: Callable[..., Worker]
) -> None:
    release = stalling(upstream)
    first, second = make_worker(), make_worker()
    _, own = await started(first)
    _, body = await started(second)
    async with asyncio.timeout(10.0):
        await second.flights.close(grace=60.0)
    with pytest.raises(Unavailable, match="stopping"):
        await body
    release.set()
    assert await own == BIG


@pytest.mark.gen_test
async def test_a_failure_is_told_to_other_workers_with_its_kind(
    upstream: ScriptedUpstream, make_worker: Callable[..., Worker]
) -> None:
    workers = [make_worker(clock=WallClock()) for _ in range(2)]
    release = stalling(upstream)
    stall = Static(data=BIG).but(stall_after=HALF, release=release, cut_after=HALF + 1)
    upstream.script("/a.zip", stall)
    bodies = [(await started(worker))[1] for worker in workers]
    release.set()
    outcomes = await asyncio.gather(*bodies, return_exceptions=True)
    assert [isinstance(outcome, BadUpstream) for outcome in outcomes] == [True, True]
    assert upstream.count("/a.zip") == 1
    upstream.static("/a.zip", BIG)
    assert await (await workers[1].get("a.zip")).read() == BIG


@pytest.mark.gen_test
async def test_an_unreachable_upstream_is_unavailable_to_all(
    upstream: ScriptedUpstream, make_worker: Callable[..., Worker]
) -> None:
    workers = [make_worker(clock=WallClock()) for _ in range(3)]
    upstream.stop()
    outcomes = await asyncio.gather(*(worker.get("a.zip") for worker in workers), return_exceptions=True)
    assert [isinstance(outcome, Unavailable) for outcome in outcomes] == [True] * 3


@pytest.mark.gen_test
async def test_a_flight_that_is_cancelled_before_its_first_step(worker: Worker) -> None:
    asked = asyncio.ensure_future(worker.get("a.zip"))
    while not worker.flights._flights:  # noqa: ASYNC110 - as soon as it is there, before it has run
        await asyncio.sleep(0)
    for _, task in worker.flights._flights.values():
        task.cancel()
    with pytest.raises(Unavailable):
        await asked
