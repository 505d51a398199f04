"""What a download leaves behind, however it ends; and how the next one builds on it."""

from __future__ import annotations

import asyncio
import gc
import hashlib
import weakref
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import BinaryIO

import pytest
from tornado.ioloop import IOLoop

from mxart.contract import Policy
from mxart.errors import BadUpstream, Corrupt, MxartError, StoreFull, Unavailable
from mxart.model import Digest, Resource
from mxart.repository.transfer import recalled
from mxart.store import Download, Store
from mxart.store import blobs as blobs_module
from mxart.store.blobs import FileBlobs
from mxart.store.index import LmdbIndex
from mxart.store.layout import locks_folder, make_folders
from mxart.store.locks import FileLocks
from tests.repository.parts import BIG, PlainFormat, Worker
from tests.store.builders import MAP_SIZE, digest_of
from tests.store.suite import download
from tests.support.upstream import Answer as Reply
from tests.support.upstream import ScriptedUpstream, Static

HALF = len(BIG) // 2
WHOLE = Static(data=BIG, etag='"1"', last_modified="Tue, 14 Nov 2023 22:13:20 GMT")


def incoming(store: Store) -> list[Path]:
    return list((store.path / "incoming").iterdir())


async def failed(worker: Worker, path: str = "a.zip") -> MxartError:
    with pytest.raises(MxartError) as caught:
        await (await worker.get(path)).read()
    await asyncio.gather(*(task for _, task in worker.flights._flights.values()), return_exceptions=True)
    return caught.value


async def got(worker: Worker, path: str = "a.zip") -> bytes:
    return await (await worker.get(path)).read()


async def record_of(store: Store, path: str = "a.zip") -> Download:
    record = await store.index.download("go", path)
    assert record is not None
    return record


@pytest.mark.gen_test
async def test_what_came_of_a_resumable_body_is_built_upon(
    upstream: ScriptedUpstream, worker: Worker, store: Store
) -> None:
    upstream.script("/a.zip", WHOLE.but(cut_after=HALF), WHOLE)
    assert isinstance(await failed(worker), BadUpstream)
    record = await record_of(store)
    assert (record.state, record.resumable, record.length) == ("failed", True, len(BIG))
    assert [file.name for file in incoming(store)] == [record.file]
    assert incoming(store)[0].stat().st_size == HALF
    assert await got(worker) == BIG
    assert upstream.requests[1].headers["range"] == f"bytes={HALF}-"
    assert incoming(store) == []
    assert await store.index.downloads() == []
    entry = await store.index.get("go", "a.zip")
    assert entry is not None
    assert (entry.etag, entry.last_modified) == ('"1"', WHOLE.last_modified)
    assert entry.published == 1_700_000_000


@pytest.mark.gen_test
async def test_it_is_kept_while_the_upstream_is_away(upstream: ScriptedUpstream, worker: Worker, store: Store) -> None:
    upstream.script("/a.zip", WHOLE.but(cut_after=HALF), Reply(status=503), Reply(status=401), Reply(status=500), WHOLE)
    for _ in range(4):
        await failed(worker)
        assert len(incoming(store)) == 1
    assert await got(worker) == BIG
    assert upstream.requests[-1].headers["range"] == f"bytes={HALF}-"


@pytest.mark.gen_test
async def test_a_body_that_is_resumed_can_be_followed_again(
    upstream: ScriptedUpstream, make_worker: Callable[..., Worker], store: Store
) -> None:
    workers = [make_worker(), make_worker()]
    upstream.script("/a.zip", WHOLE.but(cut_after=HALF), WHOLE.but(stall_after=1000))
    await failed(workers[0])
    answers = [await worker.get("a.zip") for worker in workers]
    assert (await answers[1].growing.extent(0)).end >= HALF  # the second worker follows while it stalls
    assert (await record_of(store)).state == "active"
    for answer in answers:
        answer.content.close()


@pytest.mark.parametrize(
    "rest",
    [
        Static(data=BIG[::-1], etag='"2"'),  # it has changed: the whole comes
        Static(data=BIG[::-1], etag='"1"', ranges=False),
        Static(data=BIG[:1000], etag='"1"'),  # shorter than what is here: 416
    ],
)
@pytest.mark.gen_test
async def test_what_cannot_be_gone_on_with_is_begun_anew(
    upstream: ScriptedUpstream, worker: Worker, store: Store, rest: Static
) -> None:
    upstream.script("/a.zip", WHOLE.but(cut_after=HALF), rest)
    await failed(worker)
    assert await got(worker) == rest.data
    assert incoming(store) == []


@pytest.mark.gen_test
async def test_parts_that_do_not_belong_together_are_begun_anew(
    upstream: ScriptedUpstream, make_worker: Callable[..., Worker], store: Store
) -> None:
    class Digested(PlainFormat):
        def policy(self, resource: Resource) -> Policy:
            return replace(super().policy(resource), digest=digest_of(BIG))

    worker = make_worker(format=Digested())
    other = Static(data=BIG[::-1], etag='"1"')  # the same tag on other bytes
    upstream.script("/a.zip", other.but(cut_after=HALF), WHOLE)
    await failed(worker)
    await failed(worker)  # its reader has been given what turned out to be wrong: it is cut
    assert await got(worker) == BIG
    assert ["range" in seen.headers for seen in upstream.requests] == [False, True, False]


@pytest.mark.parametrize("algorithm", ["sha256", "sha512", "sha1", "md5"])
@pytest.mark.parametrize("right", [True, False])
@pytest.mark.gen_test
async def test_a_digest_that_the_name_tells(
    upstream: ScriptedUpstream, make_worker: Callable[..., Worker], store: Store, algorithm: str, right: bool
) -> None:
    want = hashlib.new(algorithm, BIG if right else b"another").hexdigest()

    class Digested(PlainFormat):
        def policy(self, resource: Resource) -> Policy:
            return replace(super().policy(resource), digest=Digest(algorithm, want))

    worker = make_worker(format=Digested())
    upstream.static("/a.zip", BIG)
    if right:
        assert await got(worker) == BIG
    else:
        assert isinstance(await failed(worker), BadUpstream)
        assert (incoming(store), list(store.blobs.walk())) == ([], [])


@pytest.mark.parametrize("end", [b"corrupt", b"explode"])
@pytest.mark.gen_test
async def test_content_that_fails_its_check_is_not_built_upon(
    upstream: ScriptedUpstream, worker: Worker, store: Store, end: bytes
) -> None:
    data = b"x" * (1000 if end == b"explode" else 10) + end + BIG
    upstream.static("/a.zip", data, etag='"1"')
    for count in (1, 2):
        await failed(worker)
        assert upstream.count("/a.zip") == count  # asked again, from the start
        assert "range" not in upstream.requests[-1].headers
        assert (incoming(store), list(store.blobs.walk())) == ([], [])
    assert await store.index.get("go", "a.zip") is None


@dataclass(frozen=True)
class Read:
    """Content, as a check has it in memory."""

    data: bytes


@pytest.mark.gen_test
async def test_an_error_holds_nothing_of_the_content_that_it_is_about(
    upstream: ScriptedUpstream, worker: Worker, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[weakref.ref[Read]] = []

    def check(_format: PlainFormat, _resource: Resource, file: BinaryIO) -> str:
        content = Read(file.read())
        read.append(weakref.ref(content))
        try:
            raise ValueError(content)  # as JSON's errors have it
        except ValueError:
            raise Corrupt("it is wrong") from None

    monkeypatch.setattr(PlainFormat, "check", check)
    upstream.static("/a.zip", b"content")
    error = await failed(worker)
    gc.collect()
    assert "it is wrong" in error.message
    assert [content() for content in read] == [None]


@pytest.mark.gen_test
async def test_a_whole_file_that_a_leader_left_needs_no_request(
    upstream: ScriptedUpstream, worker: Worker, store: Store
) -> None:
    (store.path / "incoming" / "d-1").write_bytes(BIG)
    left = download("a.zip", length=len(BIG), resumable=True, etag='"1"', changed=worker.clock.now)
    await store.index.put_download(left)
    assert await got(worker) == BIG
    assert upstream.requests == []


@pytest.mark.parametrize(
    "left",
    [
        {"file": "d-gone", "resumable": True, "etag": '"1"'},
        {"file": "d-1", "resumable": False},
        {"file": "d-1", "resumable": True, "etag": '"1"', "changed": 1.0},  # too old
        {"file": "d-1", "resumable": True, "etag": '"1"', "length": 10},  # more than there can be
        {"file": "d-empty", "resumable": True, "etag": '"1"'},
        {"file": "", "state": "failed", "failure": "BadUpstream", "changed": 1.0},
    ],
)
@pytest.mark.gen_test
async def test_what_is_of_no_use_is_removed(
    upstream: ScriptedUpstream, worker: Worker, store: Store, left: dict[str, object]
) -> None:
    (store.path / "incoming" / "d-1").write_bytes(b"x" * HALF)
    (store.path / "incoming" / "d-empty").touch()
    await store.index.put_download(download("a.zip", **{"changed": worker.clock.now, **left}))
    upstream.script("/a.zip", WHOLE)
    assert await got(worker) == BIG
    assert "range" not in upstream.requests[0].headers
    assert {file.name for file in incoming(store)} == {"d-1", "d-empty"} - {left["file"]}


@pytest.mark.gen_test
async def test_absence_of_what_was_begun_leaves_nothing(
    upstream: ScriptedUpstream, worker: Worker, store: Store
) -> None:
    upstream.script("/a.zip", WHOLE.but(cut_after=HALF), Reply(status=404))
    await failed(worker)
    await failed(worker)
    assert incoming(store) == []
    assert await store.index.downloads() == []


@pytest.mark.parametrize("retries", [0, 2])
@pytest.mark.gen_test
async def test_a_body_that_always_breaks_is_not_asked_for_for_ever(
    upstream: ScriptedUpstream, make_worker: Callable[..., Worker], retries: int
) -> None:
    worker = make_worker(retries=retries)
    upstream.script("/a.zip", Static(data=BIG).but(cut_after=HALF))
    assert isinstance(await failed(worker), BadUpstream)
    assert upstream.count("/a.zip") == 1 + retries


@pytest.mark.gen_test
async def test_validators_that_cannot_be_sent_again_are_not_kept(
    upstream: ScriptedUpstream, worker: Worker, store: Store
) -> None:
    headers = {"ETag": '"a b' + "x" * 5000, "Last-Modified": "the day before yesterday"}
    upstream.script("/a.list", Reply(body=b"v1", headers=headers))
    assert await got(worker, "a.list") == b"v1"
    entry = await store.index.get("go", "a.list")
    assert entry is not None
    assert (entry.etag, entry.last_modified, entry.published) == ("", "", 0.0)


@pytest.mark.gen_test
async def test_a_full_disk_is_said_and_leaves_room(
    upstream: ScriptedUpstream, worker: Worker, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    upstream.script("/a.zip", WHOLE)
    with monkeypatch.context() as patch:
        patch.setattr(blobs_module.os, "fsync", full)
        assert isinstance(await failed(worker), StoreFull)
    assert incoming(store) == []
    assert await got(worker) == BIG
    assert "range" not in upstream.requests[-1].headers


class FullIndex(LmdbIndex):
    """An index that has no room for records of downloads."""

    async def put_download(self, download: Download) -> None:
        raise StoreFull("the index is full")


@pytest.fixture
def full_store(io_loop: IOLoop, tmp_path: Path) -> Iterator[Store]:
    data = tmp_path / "full"
    make_folders(data)
    store = Store(data, FileBlobs(data), FullIndex(data, MAP_SIZE), FileLocks(locks_folder(data)))
    yield store
    io_loop.run_sync(store.index.close)


@pytest.mark.gen_test
async def test_what_no_record_can_tell_of_is_removed(upstream: ScriptedUpstream, full_store: Store) -> None:
    worker = Worker(full_store, upstream.url)
    small = BIG[:1000]  # no bytes of it before the end, so that its first record is that of its failure
    upstream.script("/a.zip", Static(data=small, etag='"1"').but(cut_after=500))
    assert isinstance(await failed(worker), BadUpstream)
    assert incoming(full_store) == []
    await worker.close()


@pytest.mark.gen_test
async def test_nothing_is_kept_of_a_body_of_which_nothing_came(
    upstream: ScriptedUpstream, worker: Worker, store: Store
) -> None:
    upstream.script("/a.zip", WHOLE.but(cut_after=0))
    assert isinstance(await failed(worker), BadUpstream)
    assert (await record_of(store)).file == ""
    assert incoming(store) == []


@pytest.mark.parametrize("error", [Unavailable("away", 7.0), StoreFull("full"), BadUpstream("bad", 500, 8.0)])
def test_failures_are_recalled(error: MxartError) -> None:
    retry_after = getattr(error, "retry_after", 0.0)
    record = download(state="failed", failure=type(error).__name__, message=error.message, retry_after=retry_after)
    again = recalled(record)
    assert (type(again), again.message, getattr(again, "retry_after", 0.0)) == (type(error), error.message, retry_after)
