"""What an upstream says of content, compared before the content is entered."""

from __future__ import annotations

import asyncio
import gc
import logging
import threading
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from types import MappingProxyType

import pytest

from mxart.contract import Policy
from mxart.errors import BadUpstream, MxartError, Unavailable
from mxart.model import Outline, Resource
from mxart.repository.growing import HELD_BACK, Reader
from mxart.repository.proofs import Proofs
from mxart.store import Store
from mxart.upstream import Exchange, Fetch
from mxart.upstream.failures import Hidden
from tests.repository.parts import BIG, Worker, incoming, resource, store_files
from tests.repository.summed import FIELD, KINDS, SummedFormat, hex_of
from tests.store.suite import download
from tests.support.upstream import Answer as Reply
from tests.support.upstream import ScriptedUpstream, Static

HALF = len(BIG) // 2
WHOLE = Static(data=BIG, etag='"1"')
WRONG = hex_of(b"something else", "sha1")


@pytest.fixture
def worker(make_worker: Callable[..., Worker]) -> Worker:
    return make_worker(format=SummedFormat())


async def got(worker: Worker, path: str = "a.zip") -> bytes:
    return await (await worker.get(path)).read()


async def failed(worker: Worker, path: str = "a.zip") -> MxartError:
    with pytest.raises(MxartError) as caught:
        await got(worker, path)
    await ended(worker)
    return caught.value


async def ended(worker: Worker) -> None:
    await asyncio.gather(*(task for _, task in worker.flights._flights.values()), return_exceptions=True)


def running() -> list[str]:
    """The tasks that ask for a proof."""
    return [task.get_name() for task in asyncio.all_tasks() if task.get_name().startswith("proof of")]


def nothing_is_entered(store: Store) -> bool:
    return list(store.blobs.walk()) == [] and running() == []


def asked(upstream: ScriptedUpstream) -> list[str]:
    return [request.path for request in upstream.requests]


# --- in the head of the answer ---


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("data", [b"small", BIG], ids=len)
@pytest.mark.gen_test
async def test_what_the_head_states_is_enough(
    upstream: ScriptedUpstream, worker: Worker, kind: str, data: bytes
) -> None:
    upstream.static("/a.zip", data, headers={FIELD.format(kind): hex_of(data, kind).decode()})
    assert await got(worker) == data
    assert asked(upstream) == ["/a.zip"]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("data", [b"small", BIG], ids=len)
@pytest.mark.gen_test
async def test_what_the_head_states_wrongly(
    upstream: ScriptedUpstream, worker: Worker, store: Store, kind: str, data: bytes
) -> None:
    """A right one beside it does not help."""
    headers = {FIELD.format(each): hex_of(data, each).decode() for each in KINDS}
    headers[FIELD.format(kind)] = hex_of(b"other", kind).decode()
    upstream.static("/a.zip", data, headers=headers)
    error = await failed(worker)
    assert isinstance(error, BadUpstream)
    if len(data) < HALF:  # else who read it is told, too, but by the end that does not come
        assert kind in error.message
    assert nothing_is_entered(store)
    assert incoming(store) == []


@pytest.mark.gen_test
async def test_what_is_stated_is_promised_to_clients_while_it_comes(upstream: ScriptedUpstream, worker: Worker) -> None:
    stated = {FIELD.format("sha1"): hex_of(BIG, "sha1").decode()}
    upstream.static("/a.zip", BIG, headers=stated)
    answer = await worker.get("a.zip")
    assert answer.growing.checksums == {"sha1": hex_of(BIG, "sha1").decode()}
    assert await answer.read() == BIG


@pytest.mark.gen_test
async def test_who_looks_at_the_head_only_is_told_the_same(upstream: ScriptedUpstream, worker: Worker) -> None:
    stated = {FIELD.format("sha1"): hex_of(BIG, "sha1").decode(), "Last-Modified": "Tue, 14 Nov 2023 22:13:20 GMT"}
    upstream.static("/a.zip", BIG, headers=stated)
    outline = (await worker.get("a.zip", head_only=True)).content
    assert isinstance(outline, Outline)
    answer = await worker.get("a.zip")
    growing = answer.growing
    assert growing.last_modified == stated["Last-Modified"]
    assert outline == Outline(
        size=growing.length,
        media_type=growing.media_type,
        last_modified=growing.last_modified,
        checksums=growing.checksums,
    )
    assert await answer.read() == BIG


@pytest.mark.parametrize("path", ["b.zip", "loose.zip"])
@pytest.mark.gen_test
async def test_nothing_is_promised_that_may_turn_out_to_be_wrong(
    upstream: ScriptedUpstream, worker: Worker, path: str
) -> None:
    stated = {FIELD.format("sha1"): WRONG.decode()} if path == "loose.zip" else {}
    upstream.static(f"/{path}", BIG, headers=stated)
    answer = await worker.get(path)
    assert answer.growing.checksums == {}
    assert await answer.read() == BIG


# --- in files ---


@pytest.mark.parametrize("number", range(len(KINDS)))
@pytest.mark.parametrize("right", [True, False])
@pytest.mark.gen_test
async def test_the_first_file_that_is_there_counts(
    upstream: ScriptedUpstream, worker: Worker, store: Store, number: int, right: bool
) -> None:
    upstream.static("/a.zip", BIG)
    for kind in KINDS[number:]:
        said = hex_of(BIG if right == (kind == KINDS[number]) else b"other", kind)
        upstream.static(f"/a.zip.{kind}", said + b"\n")
    if right:
        assert await got(worker) == BIG
    else:
        assert isinstance(await failed(worker), BadUpstream)
        assert nothing_is_entered(store)
    assert sorted(asked(upstream)) == sorted(["/a.zip", *(f"/a.zip.{kind}" for kind in KINDS[: number + 1])])


@pytest.mark.gen_test
async def test_an_upstream_that_says_nothing_is_believed(upstream: ScriptedUpstream, worker: Worker) -> None:
    upstream.static("/a.zip", BIG)
    assert await got(worker) == BIG
    assert len(asked(upstream)) == 1 + len(KINDS)
    assert await got(worker) == BIG
    assert len(asked(upstream)) == 1 + len(KINDS)


@pytest.mark.parametrize(
    ("reply", "kind"),
    [
        (Reply(body=b"<html>"), BadUpstream),
        (Reply(body=b""), BadUpstream),
        (Reply(body=hex_of(BIG, "md5")), BadUpstream),
        (Reply(body=b"0" * 201), BadUpstream),  # more than such a file may have
        (Reply(body=hex_of(BIG, "sha1"), cut_after=10), BadUpstream),
        (Reply(body=hex_of(BIG, "sha1"), claim=100), BadUpstream),
        (Reply(status=500), BadUpstream),
        (Reply(status=204), BadUpstream),
        (Reply(status=503), Unavailable),
        (Reply(status=429), Unavailable),
        (Reply(reset=True), Unavailable),
        (Reply(status=302, headers={"Location": "ftp://elsewhere.example.org/a"}), BadUpstream),
    ],
    ids=lambda value: f"{value.status}-{value.body[:6]!r}" if isinstance(value, Reply) else value.__name__,
)
@pytest.mark.parametrize("path", ["a.zip", "loose.zip"])
@pytest.mark.gen_test
async def test_a_file_that_cannot_be_had(
    upstream: ScriptedUpstream,
    worker: Worker,
    store: Store,
    caplog: pytest.LogCaptureFixture,
    path: str,
    reply: Reply,
    kind: type[MxartError],
) -> None:
    upstream.static(f"/{path}", BIG)
    upstream.script(f"/{path}.sha1", reply)
    if path == "loose.zip":
        with caplog.at_level(logging.WARNING, "mxart.repository"):
            assert await got(worker, path) == BIG
        assert any(path in record.getMessage() for record in caplog.records)
    else:
        assert isinstance(await failed(worker, path), BadUpstream | Unavailable)
        assert (nothing_is_entered(store), incoming(store)) == (True, [])
        record = await store.index.download("go", path)
        assert record is not None
        assert (record.state, record.failure) == ("failed", kind.__name__)
        assert record.message
        assert kind is Unavailable or f"{path}.sha1" in record.message


@pytest.mark.parametrize("reply", [Reply(status=404), Reply(status=410)])
@pytest.mark.gen_test
async def test_a_file_that_is_not_there(upstream: ScriptedUpstream, worker: Worker, reply: Reply) -> None:
    upstream.static("/a.zip", BIG)
    upstream.script("/a.zip.sha1", reply)
    upstream.static("/a.zip.sha256", hex_of(BIG, "sha256"))
    assert await got(worker) == BIG
    assert asked(upstream)[-1] == "/a.zip.sha256"


@pytest.mark.gen_test
async def test_a_wrong_one_is_told_where_it_need_not_be_right(
    upstream: ScriptedUpstream, worker: Worker, caplog: pytest.LogCaptureFixture
) -> None:
    upstream.static("/loose.zip", BIG)
    upstream.static("/loose.zip.sha1", WRONG)
    with caplog.at_level(logging.WARNING, "mxart.repository"):
        assert await got(worker, "loose.zip") == BIG
    (record,) = caplog.records
    assert record.getMessage().startswith("go/loose.zip: ")
    assert WRONG.decode() in record.getMessage()


@pytest.mark.gen_test
async def test_content_without_files_is_compared_with_the_head_only(
    upstream: ScriptedUpstream, worker: Worker, store: Store
) -> None:
    upstream.static("/a.raw", BIG)
    assert await got(worker, "a.raw") == BIG
    assert asked(upstream) == ["/a.raw"]
    upstream.static("/b.raw", BIG, headers={FIELD.format("md5"): "0" * 32})
    await failed(worker, "b.raw")
    assert await store.index.get("go", "b.raw") is None


@pytest.mark.gen_test
async def test_nobody_asks_for_the_proof_of_what_is_absent(upstream: ScriptedUpstream, worker: Worker) -> None:
    await failed(worker)
    assert asked(upstream) == ["/a.zip"]


@pytest.mark.gen_test
async def test_the_right_content_is_had_once_the_upstream_mends_it(upstream: ScriptedUpstream, worker: Worker) -> None:
    upstream.static("/a.zip", BIG, etag='"1"')
    upstream.script("/a.zip.sha1", Static(data=WRONG), Static(data=hex_of(BIG, "sha1")))
    await failed(worker)
    assert await got(worker) == BIG
    assert "range" not in upstream.requests[-2].headers | upstream.requests[-1].headers


# --- by itself ---


@dataclass
class Refusing:
    """An upstream that fails whatever is asked, and who asks it."""

    error: Exception
    repository: str = "go"
    resource: Resource = field(default_factory=lambda: resource("a.zip"))

    @property
    def upstream(self) -> Refusing:
        return self

    def asks(self, other: Resource) -> Fetch:
        return Fetch(path=other.path, max_size=200)

    @asynccontextmanager
    async def fetch(self, fetch: Fetch) -> AsyncIterator[Exchange]:
        raise self.error
        yield


@dataclass
class Stubborn(Refusing):
    """It fails in place of being cancelled."""

    began: asyncio.Event = field(default_factory=asyncio.Event)

    @asynccontextmanager
    async def fetch(self, fetch: Fetch) -> AsyncIterator[Exchange]:
        self.began.set()
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            raise self.error from None
        yield


def proofs(asked: Refusing, stated: Mapping[str, str] = MappingProxyType({})) -> Proofs:
    proof = SummedFormat().policy(asked.resource).proof
    assert proof is not None
    return Proofs(asked, proof, stated)


@pytest.mark.gen_test
async def test_what_is_known_by_another_algorithm_is_not_compared() -> None:
    stated = proofs(Refusing(Unavailable("never asked")), {FIELD.format("sha512"): "ab" * 64})
    await stated.compare({"sha1": "cd" * 20})
    await stated.close()


@pytest.mark.parametrize("refusal", [Hidden("nobody says", 401), Hidden("nobody says", 403), BadUpstream("no", 403)])
@pytest.mark.gen_test
async def test_who_does_not_tell_what_is_there_has_no_file(refusal: BadUpstream) -> None:
    """Stores that answer 401 or 403 for every name that they do not know."""
    asking = proofs(Refusing(refusal))
    await asking.compare({"sha1": "cd" * 20})
    await asking.close()


@pytest.mark.gen_test
async def test_nothing_is_said_of_a_proof_that_nobody_waits_for(caplog: pytest.LogCaptureFixture) -> None:
    upstream = Stubborn(BadUpstream("it fails", 500))
    asking = proofs(upstream)
    await upstream.began.wait()
    await asking.close()
    del asking, upstream
    gc.collect()  # when asyncio would complain
    assert caplog.records == []


# --- while content comes ---


@pytest.mark.gen_test
async def test_the_last_bytes_wait_for_the_proof(upstream: ScriptedUpstream, worker: Worker) -> None:
    go_on = threading.Event()
    upstream.static("/a.zip", BIG)
    upstream.script("/a.zip.sha1", Reply(body=hex_of(BIG, "sha1"), delay=go_on))
    answer = await worker.get("a.zip")
    reading = asyncio.ensure_future(answer.read())
    await asyncio.to_thread(upstream.wait_for, 2)
    progress = answer.growing._progress
    while progress.sendable < len(BIG) - HELD_BACK:
        await progress.changed()
    assert not reading.done()
    go_on.set()
    assert await reading == BIG


@pytest.mark.gen_test
async def test_a_proof_that_stalls_has_its_time(upstream: ScriptedUpstream, make_worker: Callable[..., Worker]) -> None:
    worker = make_worker(format=SummedFormat(), idle_timeout=1.0)
    upstream.static("/a.zip", BIG)
    upstream.script("/a.zip.sha1", Reply(body=hex_of(BIG, "sha1"), stall_after=10))
    assert isinstance(await failed(worker), BadUpstream | Unavailable)
    assert running() == []


@pytest.mark.parametrize("right", [True, False])
@pytest.mark.gen_test
async def test_a_body_that_is_resumed_is_compared_as_a_whole(
    upstream: ScriptedUpstream, worker: Worker, store: Store, right: bool
) -> None:
    upstream.script("/a.zip", WHOLE.but(cut_after=HALF), WHOLE)
    upstream.static("/a.zip.sha1", hex_of(BIG if right else BIG[HALF:], "sha1"))
    await failed(worker)
    if right:
        assert await got(worker) == BIG
        assert upstream.requests[2].headers["range"] == f"bytes={HALF}-"
        entry = await store.index.get("go", "a.zip")
        assert entry is not None
        assert entry.checksums["md5"].encode() == hex_of(BIG, "md5")
    else:
        assert isinstance(await failed(worker), BadUpstream)
        assert nothing_is_entered(store)


@pytest.mark.parametrize("right", [True, False])
@pytest.mark.gen_test
async def test_what_a_dead_leader_left_is_compared_too(
    upstream: ScriptedUpstream, worker: Worker, store: Store, right: bool
) -> None:
    (store.path / "incoming" / "d-1").write_bytes(BIG)
    left = download("a.zip", length=len(BIG), resumable=True, etag='"1"', changed=worker.clock.now)
    await store.index.put_download(left)
    upstream.static("/a.zip.sha1", hex_of(BIG, "sha1") if right else WRONG)
    if right:
        assert await got(worker) == BIG
        assert asked(upstream) == ["/a.zip.sha1"]
    else:
        await failed(worker)
        assert (nothing_is_entered(store), incoming(store)) == (True, [])


@pytest.mark.gen_test
async def test_who_was_promised_something_else_gets_no_end(
    upstream: ScriptedUpstream, make_worker: Callable[..., Worker]
) -> None:
    worker = make_worker(format=SummedFormat(), retries=2)
    other = BIG[:HALF] + BIG[:HALF][::-1]
    go_on = threading.Event()
    first = {FIELD.format("sha1"): hex_of(other, "sha1").decode()}
    upstream.script(
        "/a.zip",
        Static(data=other, headers=first).but(stall_after=HALF, cut_after=HALF, release=go_on),
        Static(data=BIG),
    )
    answer = await worker.get("a.zip")
    assert answer.growing.checksums == {"sha1": hex_of(other, "sha1").decode()}
    go_on.set()
    with pytest.raises(BadUpstream, match="changed"):
        await answer.read()
    assert await got(worker) == BIG


# --- connections ---


@pytest.mark.gen_test(timeout=60)
async def test_one_connection_is_enough(upstream: ScriptedUpstream, make_worker: Callable[..., Worker]) -> None:
    worker = make_worker(format=SummedFormat(), connections=1)
    paths = [f"{number}.zip" for number in range(20)]
    for path in paths:
        upstream.static(f"/{path}", BIG)
        upstream.static(f"/{path}.sha1", hex_of(BIG, "sha1"))
    assert await asyncio.gather(*(got(worker, path) for path in paths)) == [BIG] * 20
    assert len(asked(upstream)) == 40


@pytest.mark.gen_test
async def test_a_proof_may_wait_for_longer_than_a_place_in_the_queue_is_kept(
    upstream: ScriptedUpstream, make_worker: Callable[..., Worker]
) -> None:
    """For as long as content takes up all connections there is none for what proves it."""
    worker = make_worker(format=SummedFormat(), connections=1, queue_timeout=0.1)
    upstream.script("/a.zip", WHOLE.but(rate=len(BIG) * 2.0))
    upstream.static("/a.zip.sha1", hex_of(BIG, "sha1"))
    assert await got(worker) == BIG
    assert asked(upstream) == ["/a.zip", "/a.zip.sha1"]


# --- the end ---


@pytest.mark.gen_test
async def test_nothing_runs_on_when_the_server_stops(upstream: ScriptedUpstream, worker: Worker, store: Store) -> None:
    before = store_files()
    upstream.script("/a.zip", WHOLE.but(stall_after=HALF))
    upstream.script("/a.zip.sha1", Reply(body=WRONG, stall_after=10))
    answer = await worker.get("a.zip")
    assert isinstance(answer.content, Reader)
    await asyncio.to_thread(upstream.wait_for, 2)
    assert running() == ["proof of go/a.zip"]
    answer.content.close()
    await worker.flights.close()
    assert running() == []
    assert list(store.blobs.walk()) == []
    assert worker.flights._flights == {}
    assert store_files() == before


@pytest.mark.gen_test
async def test_stopping_at_any_moment_stops(upstream: ScriptedUpstream, make_worker: Callable[..., Worker]) -> None:
    upstream.script("/a.zip", Static(data=BIG).but(cut_after=1000))
    upstream.script("/a.zip.sha1", Reply(status=503))
    for steps in range(0, 200, 5):
        worker = make_worker(format=SummedFormat(), retries=5)
        asking = asyncio.ensure_future(worker.get("a.zip"))
        for _ in range(steps):
            await asyncio.sleep(0)
        async with asyncio.timeout(5):
            await worker.flights.close()
        assert running() == []
        asking.cancel()
        await asyncio.gather(asking, return_exceptions=True)


@pytest.mark.gen_test
async def test_a_format_that_fails_itself_is_told_as_that(
    upstream: ScriptedUpstream, make_worker: Callable[..., Worker], store: Store
) -> None:
    class Failing(SummedFormat):
        def policy(self, resource: Resource) -> Policy:
            policy = super().policy(resource)
            return replace(policy, proof=policy.proof and replace(policy.proof, read=explode))

    worker = make_worker(format=Failing())
    upstream.static("/a.zip", BIG)
    upstream.static("/a.zip.sha1", WRONG)
    assert isinstance(await failed(worker), Unavailable)
    assert nothing_is_entered(store)


def explode(document: Resource, data: bytes) -> None:
    raise RuntimeError("a fault of ours")
