"""DESIGN §4, row by row: what is served from what is held, and what the upstream is asked."""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import Callable, Mapping
from email.utils import formatdate

import pytest

from mxart.contract import Context, Repository
from mxart.errors import BadUpstream, Gone, MxartError, NotFound, Unavailable
from mxart.model import Blob
from mxart.repository import proxy as proxy_module
from mxart.store import Store
from mxart.store.layout import blob_path
from tests.repository.parts import BIG, Answer, Clock, Worker, resource, store_files
from tests.repository.suite import Make, ReadOnlySuite, below
from tests.store.builders import digest_of, entry_of
from tests.support.upstream import Answer as Reply
from tests.support.upstream import ScriptedUpstream, Static

DATE = formatdate(1_700_000_000, usegmt=True)
TTL, NEGATIVE_TTL = 300.0, 60.0


class TestProxy(ReadOnlySuite):
    owning = False

    @pytest.fixture
    def make(self, upstream: ScriptedUpstream, worker: Worker) -> Make:
        async def make(held: Mapping[str, bytes]) -> Repository:
            for path, data in held.items():
                upstream.static(f"/{path}", data)
                await fetched(worker, path)
            return worker.proxy

        return make


async def fetched(worker: Worker, path: str) -> str:
    """Ask, read all, and say how the cache saw it."""
    answer = await worker.get(path)
    await answer.read()
    return answer.cache_status


async def refused(worker: Worker, path: str, **context: bool) -> tuple[MxartError, str]:
    asked = Context(**context)
    with pytest.raises(MxartError) as caught:
        Answer(await worker.proxy.get(resource(path), asked), asked).content.close()
    return caught.value, asked.trail.cache_status


# --- immutable ---


@pytest.mark.parametrize("data", [b"", b"x", b"small" * 100, BIG])
@pytest.mark.gen_test
async def test_immutable_is_fetched_once_and_kept_for_ever(
    upstream: ScriptedUpstream, worker: Worker, data: bytes
) -> None:
    upstream.static("/a.zip", data, etag='"1"', last_modified=DATE)
    first = await worker.get("a.zip")
    assert await first.read() == data
    assert first.cache_status == "mxart; fwd=miss; stored"
    await asyncio.gather(*(task for _, task in worker.flights._flights.values()))
    worker.clock.now += 1e9
    second = await worker.get("a.zip")
    assert isinstance(second.content, Blob)
    assert (second.content.media_type, second.content.last_modified) == ("application/zip", DATE)
    assert await second.read() == data
    assert second.cache_status == "mxart; hit"
    assert upstream.count("/a.zip") == 1


@pytest.mark.gen_test
async def test_content_of_unknown_length(upstream: ScriptedUpstream, worker: Worker) -> None:
    upstream.script("/a.zip", Reply(body=BIG, framing="chunked"))
    assert await (await worker.get("a.zip")).read() == BIG


@pytest.mark.gen_test
async def test_the_first_bytes_come_before_the_last_are_sent(upstream: ScriptedUpstream, worker: Worker) -> None:
    release = threading.Event()
    upstream.script("/a.zip", Static(data=BIG).but(stall_after=len(BIG) // 2, release=release))
    answer = await worker.get("a.zip")
    assert (await answer.growing.extent(0)).end > 0
    release.set()
    assert await answer.read() == BIG


@pytest.mark.gen_test
async def test_a_lost_blob_heals(upstream: ScriptedUpstream, worker: Worker, store: Store) -> None:
    upstream.static("/a.zip", b"data", etag='"1"')
    await fetched(worker, "a.zip")
    path = blob_path(store.path, digest_of(b"data"))
    for damage in (path.unlink, lambda: (path.chmod(0o644), os.truncate(path, 2))):
        damage()
        assert await fetched(worker, "a.zip") == "mxart; fwd=miss; stored"  # no condition: a 304 would be of no use
        assert path.read_bytes() == b"data"
    assert upstream.count("/a.zip") == 3
    assert await store.index.miscounts() == []


# --- mutable ---


@pytest.mark.parametrize("path", ["a.list", "a.txt"])
@pytest.mark.parametrize("validators", [{"etag": '"1"'}, {"last_modified": DATE}, {"etag": 'W/"1"'}])
@pytest.mark.gen_test
async def test_mutable_is_confirmed_when_its_time_is_over(
    upstream: ScriptedUpstream, worker: Worker, store: Store, path: str, validators: dict[str, str]
) -> None:
    upstream.static(f"/{path}", b"v1", **validators)
    assert await fetched(worker, path) == "mxart; fwd=miss; stored"
    worker.clock.now += TTL - 1
    assert await fetched(worker, path) == "mxart; hit"
    worker.clock.now += 1
    assert await fetched(worker, path) == "mxart; fwd=stale; fwd-status=304; stored"
    assert await fetched(worker, path) == "mxart; hit"
    assert upstream.count(f"/{path}") == 2
    assert len(await store.index.changes()) == 1  # a confirmation is no change
    upstream.static(f"/{path}", b"v2", etag='"2"')
    worker.clock.now += TTL
    answer = await worker.get(path)
    assert await answer.read() == b"v2"
    assert answer.cache_status == "mxart; fwd=stale; stored"


@pytest.mark.gen_test
async def test_what_is_the_same_again_is_as_old_as_it_was(
    upstream: ScriptedUpstream, worker: Worker, store: Store
) -> None:
    upstream.static("/a.list", b"v1")
    await fetched(worker, "a.list")
    first = await store.index.get("go", "a.list")
    worker.clock.now += TTL
    await fetched(worker, "a.list")
    second = await store.index.get("go", "a.list")
    assert first is not None
    assert second is not None
    assert second.created == first.created
    assert second.checked > first.checked + TTL


DOWN = {
    "500": Reply(status=500),
    "502": Reply(status=502),
    "503": Reply(status=503),
    "429": Reply(status=429, headers={"Retry-After": "100"}),
    "401": Reply(status=401),
    "403": Reply(status=403),
    "418": Reply(status=418),
    "reset": Reply(reset=True),
    "cut": Reply(body=b"v2" * 100, cut_after=10),
    "short": Reply(body=b"v2", claim=100),
    "corrupt": Reply(body=b"corrupt"),
    "explode": Reply(body=b"x" * 1000 + b"explode"),
    "lying 304": Reply(status=304),
    "lying 206": Reply(status=206, body=b"v2", headers={"Content-Range": "bytes 5-6/7"}),
}


@pytest.mark.parametrize("failure", DOWN)
@pytest.mark.gen_test
async def test_a_failing_upstream_and_a_copy_is_the_copy(
    upstream: ScriptedUpstream, worker: Worker, store: Store, failure: str
) -> None:
    upstream.static("/a.list", b"v1")
    await fetched(worker, "a.list")
    worker.clock.now += TTL
    upstream.script("/a.list", DOWN[failure])
    answer = await worker.get("a.list")
    assert await answer.read() == b"v1"
    status = f"; fwd-status={failure}" if failure.isdigit() else ""
    status = "; fwd-status=206" if failure == "lying 206" else status
    status = "; fwd-status=304" if failure == "lying 304" else status
    assert answer.cache_status == f"mxart; fwd=stale{status}"
    assert ("stale", True) in [(step, facts.get("served")) for step, facts in answer.context.trail.steps]
    upstream.static("/a.list", b"v2")
    if failure != "429":  # then it is not asked for a while
        assert await (await worker.get("a.list")).read() == b"v2"
    assert await store.index.miscounts() == []


@pytest.mark.parametrize("failure", DOWN)
@pytest.mark.parametrize("path", ["a.zip", "a.list", "a.txt"])
@pytest.mark.gen_test
async def test_a_failing_upstream_and_no_copy_is_never_a_404(
    upstream: ScriptedUpstream, worker: Worker, store: Store, failure: str, path: str
) -> None:
    upstream.script(f"/{path}", DOWN[failure])
    error, _ = await refused(worker, path)
    assert isinstance(error, (BadUpstream, Unavailable))
    assert error.retry_after > 0
    assert await store.index.list("go") == []
    assert list(store.blobs.walk()) == []
    assert list((store.path / "incoming").iterdir()) == []
    upstream.static(f"/{path}", b"v1")
    if failure != "429":
        assert await (await worker.get(path)).read() == b"v1"


@pytest.mark.gen_test
async def test_an_upstream_that_is_gone(upstream: ScriptedUpstream, worker: Worker) -> None:
    upstream.static("/a.list", b"v1")
    await fetched(worker, "a.list")
    upstream.stop()
    worker.clock.now += TTL
    assert await fetched(worker, "a.list") == "mxart; fwd=stale"
    assert isinstance((await refused(worker, "b.list"))[0], Unavailable)
    upstream.start()
    assert await fetched(worker, "a.list") == "mxart; fwd=stale; stored"


@pytest.mark.gen_test
async def test_a_slow_confirmation_is_not_waited_for(
    upstream: ScriptedUpstream, worker: Worker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(proxy_module, "_PATIENCE", 0.05)
    upstream.static("/a.list", b"v1")
    await fetched(worker, "a.list")
    worker.clock.now += TTL
    release = threading.Event()
    upstream.script("/a.list", Static(data=b"v2").but(delay=release))
    for _ in range(3):
        answer = await worker.get("a.list")
        assert await answer.read() == b"v1"
        assert answer.cache_status == "mxart; fwd=stale"
    assert upstream.count("/a.list") == 2
    release.set()
    await asyncio.gather(*(task for _, task in worker.flights._flights.values()))
    assert await (await worker.get("a.list")).read() == b"v2"
    assert upstream.count("/a.list") == 2


# --- absent ---


@pytest.mark.parametrize(("status", "kind"), [(404, NotFound), (410, Gone)])
@pytest.mark.gen_test
async def test_absence_is_remembered_for_a_while(
    upstream: ScriptedUpstream, worker: Worker, status: int, kind: type[NotFound]
) -> None:
    upstream.script("/a.zip", Reply(status=status, body=b"no such version\n", headers={"Content-Type": "text/plain"}))
    error, cache_status = await refused(worker, "a.zip")
    assert (type(error), error.message) == (kind, "no such version")
    assert cache_status == f"mxart; fwd=miss; fwd-status={status}; stored"
    worker.clock.now += NEGATIVE_TTL - 1
    error, cache_status = await refused(worker, "a.zip")
    assert (type(error), cache_status) == (kind, "mxart; hit")
    assert upstream.count("/a.zip") == 1
    worker.clock.now += 1
    upstream.static("/a.zip", b"now it is there")
    assert await (await worker.get("a.zip")).read() == b"now it is there"


@pytest.mark.parametrize(
    ("media_type", "body", "words"),
    [
        ("text/html", b"<html>no</html>", "the upstream of go, example.org, answered 404 for a.zip"),
        ("text/plain", b"", "the upstream of go, example.org, answered 404 for a.zip"),
        ("text/plain; charset=utf-8", b"x" * 1_000_000, "x" * 2048),
        ("text/plain", b"\xff\xfe", "\ufffd\ufffd"),
    ],
)
@pytest.mark.gen_test
async def test_the_words_of_an_absence(
    upstream: ScriptedUpstream, worker: Worker, media_type: str, body: bytes, words: str
) -> None:
    upstream.script("/a.zip", Reply(status=404, body=body, headers={"Content-Type": media_type}))
    error, _ = await refused(worker, "a.zip")
    assert error.message.endswith(words)


@pytest.mark.gen_test
async def test_what_is_absent_now_is_no_longer_served(upstream: ScriptedUpstream, worker: Worker, store: Store) -> None:
    upstream.static("/a.list", b"v1")
    await fetched(worker, "a.list")
    worker.clock.now += TTL
    upstream.script("/a.list", Reply(status=404))
    error, cache_status = await refused(worker, "a.list")
    assert (type(error), cache_status) == (NotFound, "mxart; fwd=stale; fwd-status=404; stored")
    assert [blob.digest for blob in await store.index.loose()] == [digest_of(b"v1")]


@pytest.mark.gen_test
async def test_an_old_absence_and_a_failing_upstream_is_no_404(upstream: ScriptedUpstream, worker: Worker) -> None:
    await refused(worker, "a.zip")
    worker.clock.now += NEGATIVE_TTL
    upstream.script("/a.zip", Reply(status=500))
    assert isinstance((await refused(worker, "a.zip"))[0], BadUpstream)


# --- cached only ---


@pytest.mark.gen_test
async def test_cached_only_asks_nobody(upstream: ScriptedUpstream, worker: Worker) -> None:
    upstream.static("/a.list", b"v1")
    assert type((await refused(worker, "a.list", cached_only=True))[0]) is NotFound
    assert upstream.requests == []
    await fetched(worker, "a.list")
    worker.clock.now += 10 * TTL
    answer = await worker.get("a.list", cached_only=True)
    assert await answer.read() == b"v1"
    assert answer.cache_status == "mxart; hit"
    await refused(worker, "b.list")
    worker.clock.now += 10 * TTL
    assert type((await refused(worker, "b.list", cached_only=True))[0]) is NotFound
    assert len(upstream.requests) == 2


# --- many at once ---


@pytest.mark.parametrize("path", ["a.zip", "a.list"])
@pytest.mark.gen_test
async def test_many_cold_requests_are_one(
    upstream: ScriptedUpstream, make_worker: Callable[..., Worker], path: str
) -> None:
    clock = Clock()
    workers = [make_worker(clock=clock) for _ in range(3)]
    release = threading.Event()
    upstream.script(f"/{path}", Static(data=BIG).but(delay=release))
    asked = [asyncio.ensure_future(worker.get(path)) for worker in workers for _ in range(10)]
    await asyncio.to_thread(upstream.wait_for, 1)
    release.set()
    answers = await asyncio.gather(*asked)
    assert await asyncio.gather(*(answer.read() for answer in answers)) == [BIG] * 30
    assert upstream.count(f"/{path}") == 1
    statuses = [answer.cache_status for answer in answers]
    assert statuses.count("mxart; fwd=miss; stored") == 1
    assert statuses.count("mxart; fwd=miss; collapsed") == 29


@pytest.mark.gen_test
async def test_many_revalidations_are_one(upstream: ScriptedUpstream, make_worker: Callable[..., Worker]) -> None:
    clock = Clock()
    workers = [make_worker(clock=clock) for _ in range(3)]
    upstream.static("/a.list", b"v1", etag='"1"')
    await fetched(workers[0], "a.list")
    clock.now += TTL
    asked = [fetched(worker, "a.list") for worker in workers for _ in range(5)]
    statuses = await asyncio.gather(*asked)
    assert upstream.count("/a.list") == 2
    assert statuses.count("mxart; fwd=stale; fwd-status=304; stored") == 1


@pytest.mark.gen_test
async def test_many_failures_are_one(upstream: ScriptedUpstream, make_worker: Callable[..., Worker]) -> None:
    clock = Clock()
    workers = [make_worker(clock=clock) for _ in range(3)]
    release = threading.Event()
    upstream.script("/a.zip", Reply(status=500, delay=release))
    asked = [asyncio.ensure_future(refused(worker, "a.zip")) for worker in workers for _ in range(5)]
    await asyncio.to_thread(upstream.wait_for, 1)
    await asyncio.sleep(0.02)  # the others see that the lock is held
    release.set()
    for error, _ in await asyncio.gather(*asked):
        assert isinstance(error, BadUpstream)
    assert upstream.count("/a.zip") == 1


# --- listing, leaving ---


@pytest.mark.gen_test
async def test_list_is_what_is_held(store: Store, worker: Worker) -> None:
    entries = [entry_of(f"m/{i:04}", None if i == 7 else b"%d" % i) for i in range(2001)]
    await asyncio.gather(*(store.index.put(entry, durable=False) for entry in entries))
    await store.index.put(entry_of("n", b"n"))
    held = await worker.proxy.list(resource("m/"), Context())
    assert [entry.path for entry in held] == [f"m/{i:04}" for i in range(2001) if i != 7]


@pytest.mark.gen_test
async def test_a_folder_is_what_is_held_right_below_it(
    store: Store, upstream: ScriptedUpstream, worker: Worker
) -> None:
    for path, data in (("m/1", b"1"), ("m/2", None), ("m/3/4", b"4"), ("m/5/6", None), ("n", b"n")):
        await store.index.put(entry_of(path, data))
    assert [child.name for child in await below(worker.proxy, "m/")] == ["1", "3/"]
    assert await below(worker.proxy, "m/5/") == await below(worker.proxy, "m/7/") == []
    assert upstream.requests == []


@pytest.mark.gen_test
async def test_readers_that_leave_stop_nothing(upstream: ScriptedUpstream, worker: Worker, store: Store) -> None:
    release = threading.Event()
    upstream.script("/a.zip", Static(data=BIG).but(stall_after=len(BIG) // 2, release=release))
    (await worker.get("a.zip")).content.close()
    waiting = asyncio.ensure_future(worker.get("b.list"))
    await asyncio.sleep(0)
    waiting.cancel()
    release.set()
    await asyncio.gather(*(task for _, task in worker.flights._flights.values()))
    assert store.blobs.verify(digest_of(BIG))
    assert await store.index.get("go", "b.list") is not None


@pytest.mark.gen_test
async def test_no_descriptor_is_left(upstream: ScriptedUpstream, worker: Worker) -> None:
    upstream.static("/a.zip", BIG)
    upstream.static("/a.list", b"v1", etag='"1"')
    upstream.script("/c.zip", Reply(status=500))

    async def everything() -> None:
        worker.clock.now += TTL
        for path in ("a.zip", "a.list"):
            await asyncio.gather(*(fetched(worker, path) for _ in range(5)))
        await refused(worker, "b.zip")
        await refused(worker, "c.zip")
        await asyncio.gather(*(task for _, task in worker.flights._flights.values()))

    await everything()
    before = store_files()
    for _ in range(3):
        await everything()
    assert store_files() == before
