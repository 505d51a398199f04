"""What is special to a hosted repository; what it shares with all others is in ``suite.py``."""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import BinaryIO

import pytest

from mxart.contract import Context, Part, Policy, Publication, Repository
from mxart.errors import Conflict, Corrupt, Gone, NotFound, StoreFull, Unsupported
from mxart.model import Blob, Entry, Resource
from mxart.repository.hosted import Hosted, HostedParts
from mxart.store import Store
from mxart.store.index import LmdbIndex
from mxart.store.layout import blob_path as file_of
from mxart.store.layout import incoming_folder
from tests.repository.parts import START, Clock, PlainFormat, hosted, resource, store_files
from tests.repository.suite import NEW, Make, PublishingSuite, below, delete, listed, publish, read, refused, upload
from tests.store.builders import MAP_SIZE, digest_of, entry_of, open_store


class TestHosted(PublishingSuite):
    owning = True

    @pytest.fixture
    def make(self, store: Store) -> Make:
        async def make(held: Mapping[str, bytes]) -> Repository:
            repository = hosted(store)
            await publish(repository, held)
            return repository

        return make


class Slow(PlainFormat):
    """Counts how often it generates."""

    def __init__(self) -> None:
        self.generated = 0

    def generate(self, resource: Resource, entries: Iterable[Entry], out: BinaryIO) -> None:
        self.generated += 1
        super().generate(resource, entries, out)


class Interrupted(LmdbIndex):
    """An index in which something comes between the first pages of a list."""

    def __init__(self, data: Path) -> None:
        super().__init__(data, MAP_SIZE)
        self.between: list[Callable[[], Awaitable[object]]] = []

    async def list(self, repository: str, prefix: str = "", after: str = "", limit: int = 1000) -> Sequence[Entry]:
        page = await super().list(repository, prefix, after, limit)
        if self.between:
            await self.between.pop(0)()
        return page


# --- what is given ---


@pytest.mark.gen_test
async def test_what_is_said_with_the_content(store: Store) -> None:
    house, context = hosted(store), Context()
    await publish(house, NEW)
    content = await house.get(resource("m/v3.zip"), context)
    assert isinstance(content, Blob)
    content.close()
    assert content.last_modified == "Mon, 12 Jan 1970 13:46:40 GMT"  # START
    assert content.etag == f'"{digest_of(NEW["m/v3.zip"]).hex}"'
    assert context.trail.lines() == ["hosted: repository=house path=m/v3.zip state=held"]
    await store.index.flush_served()
    (entry,) = await house.list(resource("m/v3.zip"), Context())
    assert entry.served > START
    assert entry.created > START


@pytest.mark.gen_test
async def test_what_the_author_says_of_the_time_is_kept(store: Store) -> None:
    house = hosted(store)
    ingest = await upload(house, "m/v1.zip", b"zip")
    part = Part(resource=resource("m/v1.zip"), upload=ingest, published=1234.0)
    assert await house.publish(Publication(parts=[part]), Context())
    await ingest.cancel()
    (entry,) = await house.list(resource("m/"), Context())
    assert (entry.published, entry.media_type) == (1234.0, "application/zip")


@pytest.mark.parametrize(
    ("paths", "kind", "words"),
    [
        (["m/v1.zip"], Gone, r"m/v1\.zip was deleted on 1970-01-12"),
        (["m/v9.zip", "m/v1.zip"], Gone, r"m/v1\.zip was deleted"),
        (["m/v9.zip"], NotFound, r"m/v9\.zip has not been published to house"),
        ([], NotFound, "nothing was named"),
    ],
)
@pytest.mark.gen_test
async def test_the_words_of_an_absence(store: Store, paths: list[str], kind: type[NotFound], words: str) -> None:
    house = hosted(store)
    await publish(house, {"m/v1.zip": b"zip"})
    await delete(house, "m/v1.zip")
    with pytest.raises(NotFound, match=words) as caught:
        await delete(house, *paths)
    assert type(caught.value) is kind
    for path in paths[-1:]:
        error = await refused(house, path)
        assert (type(error), error.message) == (kind, caught.value.message)


@pytest.mark.gen_test
async def test_lost_content_is_never_a_404_and_heals(store: Store, caplog: pytest.LogCaptureFixture) -> None:
    house = hosted(store)
    await publish(house, NEW)
    path = file_of(store.path, digest_of(NEW["m/v3.zip"]))
    for damage in (path.unlink, lambda: (path.chmod(0o644), os.truncate(path, 2))):
        damage()
        caplog.clear()
        error = await refused(house, "m/v3.zip")
        assert isinstance(error, Corrupt)
        assert "mxart fsck" in error.message
        assert [record.levelname for record in caplog.records] == ["ERROR"]
        assert not await publish(house, NEW)
        assert await read(house, "m/v3.zip") == NEW["m/v3.zip"]


# --- who asks without wanting the content ---


class Watched(LmdbIndex):
    """An index that notes when access times are written, and what happens then."""

    def __init__(self, data: Path) -> None:
        super().__init__(data, MAP_SIZE)
        self.flushed = 0
        self.meanwhile: Callable[[], Awaitable[object]] | None = None
        self.full = False

    async def flush_served(self) -> None:
        self.flushed += 1
        if self.full:
            raise StoreFull("no room for a time")
        await super().flush_served()
        if self.meanwhile is not None:
            meanwhile, self.meanwhile = self.meanwhile, None
            await meanwhile()


async def watched(store: Store) -> tuple[Hosted, Store, Watched]:
    await store.index.close()
    index = Watched(store.path)
    store = replace(store, index=index)
    return hosted(store), store, index


@pytest.mark.gen_test
async def test_who_asks_whether_it_is_there_keeps_it_from_gc_at_once(store: Store) -> None:
    house, store, index = await watched(store)
    await publish(house, NEW)
    await read(house, "m/v3.zip")
    assert index.flushed == 0
    (before,) = await store.index.list("house", "m/v3.zip")
    (await house.get(resource("m/v3.zip"), Context(head_only=True))).close()
    assert index.flushed == 1
    (after,) = await store.index.list("house", "m/v3.zip")
    assert after.served > before.served
    assert await store.index.sweep("house", ["m/v3.zip"], "m/", 99, before=before.created) == 0
    await index.close()


@pytest.mark.gen_test
async def test_what_gc_takes_at_that_moment_is_not_said_to_be_there(store: Store) -> None:
    house, store, index = await watched(store)
    await publish(house, NEW)
    for take in (
        lambda: index.sweep("house", ["m/v3.zip"], "m/", 99, before=2 * START),
        lambda: delete(house, "m/v3.info"),
    ):
        index.meanwhile = take
        path = "m/v3.zip" if await listed(house, "m/v3.zip") else "m/v3.info"
        before = store_files()
        with pytest.raises(NotFound):
            await house.get(resource(path), Context(head_only=True))
        assert store_files() == before
    await index.close()


@pytest.mark.gen_test
async def test_a_full_index_hides_nothing(store: Store) -> None:
    house, _, index = await watched(store)
    await publish(house, NEW)
    index.full = True
    content = await house.get(resource("m/v3.zip"), Context(head_only=True))
    content.close()
    assert isinstance(content, Blob)
    index.full = False
    await index.close()


@pytest.mark.gen_test
async def test_what_stands_already_is_wanted_before_it_is_published_again(store: Store) -> None:
    house, store, index = await watched(store)
    await publish(house, NEW)
    (before,) = await store.index.list("house", "m/v3.zip")
    order: list[str] = []

    async def look() -> None:
        (entry,) = await store.index.list("house", "m/v3.zip")
        order.append("noted" if entry.served > before.created else "not yet")

    index.meanwhile = look
    assert await publish(house, {"m/v3.zip": NEW["m/v3.zip"], "m/v4.zip": b"zip of v4"})
    assert order == ["noted"]
    flushed = index.flushed
    assert await publish(house, {"m/v5.zip": b"zip of v5"})
    assert index.flushed == flushed  # nothing stood there
    await index.close()


# --- refusals ---


@pytest.mark.gen_test
async def test_an_ordinary_refusal_moves_no_bytes(store: Store) -> None:
    house = hosted(store)
    await publish(house, {"m/v1.zip": b"zip"})
    for _ in range(2):
        ingests = [await upload(house, path, b"other") for path in ("m/v1.info", "m/v1.zip")]
        parts = [
            Part(resource=resource(path), upload=ingest)
            for path, ingest in zip(("m/v1.info", "m/v1.zip"), ingests, strict=True)
        ]
        with pytest.raises(Conflict):
            await house.publish(Publication(parts=parts), Context())
        for ingest in ingests:
            assert (incoming_folder(store.path) / ingest.id).exists()
            await ingest.cancel()
        with suppress(NotFound):
            await delete(house, "m/v1.zip")  # and the same with a tombstone in the way


@pytest.mark.gen_test
async def test_an_upload_of_another_store_is_refused(store: Store, tmp_path: Path) -> None:
    other = open_store(tmp_path / "other")
    ingest = await upload(hosted(other), "m/v1.zip", b"zip")
    with pytest.raises(TypeError, match="house"):
        await hosted(store).publish(Publication(parts=[Part(resource=resource("m/v1.zip"), upload=ingest)]), Context())
    await ingest.cancel()
    await other.index.close()


@pytest.mark.gen_test
async def test_an_index_is_no_part(store: Store) -> None:
    house = hosted(store)
    ingest = await upload(house, "m/v1.zip", b"zip")
    part = Part(resource=resource("m/all.list"), upload=ingest)
    with pytest.raises(Unsupported):
        await house.publish(Publication(parts=[part]), Context())
    await ingest.cancel()
    assert await store.index.list("house") == []


class Replaceable(PlainFormat):
    """Zips may change, though they are immutable for those who fetch them."""

    def policy(self, resource: Resource) -> Policy:
        policy = super().policy(resource)
        return replace(policy, replaceable=resource.kind == "zip")


@pytest.mark.gen_test
async def test_what_is_replaceable_gives_way_where_it_is_said(store: Store) -> None:
    house = Hosted(HostedParts(name="house", format=Replaceable(), store=store, clock=Clock()))
    await publish(house, {"m/v1.zip": b"zip", "m/v1.info": b"info"})
    with pytest.raises(Conflict, match=r"m/v1\.zip"):
        await publish(house, {"m/v1.zip": b"other"})
    with pytest.raises(Conflict, match=r"m/v1\.info"):
        await publish(house, {"m/v1.info": b"other", "m/v1.zip": b"other"}, replace=True)
    assert await read(house, "m/v1.zip") == b"zip"
    assert await publish(house, {"m/v1.zip": b"other"}, replace=True)
    assert await read(house, "m/v1.zip") == b"other"
    await delete(house, "m/v1.zip")
    assert await publish(house, {"m/v1.zip": b"third"}, replace=True)
    assert await read(house, "m/v1.zip") == b"third"
    assert await store.index.miscounts() == []


# --- indexes ---


@pytest.mark.gen_test
async def test_an_index_is_made_once_a_change(store: Store) -> None:
    clock, format_ = Clock(), Slow()
    house = Hosted(HostedParts(name="house", format=format_, store=store, clock=clock))
    await publish(house, {"m/v1.zip": b"zip"})
    changes = await store.index.changes()
    for _ in range(3):
        assert await asyncio.gather(*(read(house, "m/all.list") for _ in range(5))) == [b"v1.zip\n"] * 5
    assert format_.generated == 1
    assert await store.index.changes() == changes
    clock.now += 100
    await publish(house, {"n/v1.zip": b"zip"})
    content = await house.get(resource("m/all.list"), Context())
    assert isinstance(content, Blob)
    assert content.last_modified == "Mon, 12 Jan 1970 13:46:40 GMT"  # the same document as at START
    content.close()
    assert format_.generated == 1, "nothing of it has changed"
    await publish(house, {"m/v2.zip": b"zip"})
    assert await read(house, "m/all.list") == b"v1.zip\nv2.zip\n"


@pytest.mark.gen_test
async def test_an_index_that_would_name_nothing_is_not_found(store: Store) -> None:
    house = hosted(store)
    assert "m/all.list" in (await refused(house, "m/all.list")).message
    await publish(house, {"m/v1.txt": b"no zip"})
    assert (await refused(house, "m/all.list")).message == "m/all.list would name nothing"
    assert [entry.path for entry in await store.index.list("house")] == ["m/v1.txt"]


@pytest.mark.gen_test
async def test_a_folder_is_listed_as_it_was_at_one_moment(store: Store, tmp_path: Path) -> None:
    await store.index.close()
    index = Interrupted(store.path)
    store = replace(store, index=index)
    house = hosted(store)
    await publish(house, {"m/v1.zip": b"zip"})
    entries = [replace(entry_of(f"m/{i:04}.zip", b"zip", "house"), size=3) for i in range(1500)]
    await asyncio.gather(*(index.put(entry, durable=False) for entry in entries))
    late = {"m/0000.b.zip": b"first page", "m/1400.b.zip": b"second page"}
    index.between = [lambda: publish(house, late)]
    lines = (await read(house, "m/all.list")).split()
    assert {b"0000.b.zip", b"1400.b.zip"} < set(lines)
    assert len(lines) == 1503
    await index.close()


@pytest.mark.gen_test
async def test_a_folder_is_not_listed_anew_for_what_is_published_elsewhere(store: Store) -> None:
    await store.index.close()
    index = Interrupted(store.path)
    store = replace(store, index=index)
    house = hosted(store)
    await publish(house, {"m/v1.zip": b"zip"})
    index.between = [partial(publish, house, {f"n/v{number}.zip": b"zip"}) for number in range(4)]
    assert await read(house, "m/all.list") == b"v1.zip\n"
    assert len(index.between) == 2  # it looked at what is there, and beyond
    await index.close()


@pytest.mark.gen_test
async def test_a_change_while_an_index_is_made_is_in_the_next_answer(store: Store) -> None:
    go_on, started = threading.Event(), threading.Event()

    class HeldUp(PlainFormat):
        def generate(self, resource: Resource, entries: Iterable[Entry], out: BinaryIO) -> None:
            started.set()
            go_on.wait(10)
            super().generate(resource, entries, out)

    house = Hosted(HostedParts(name="house", format=HeldUp(), store=store, clock=Clock()))
    await publish(house, {"m/v1.zip": b"zip"})
    first = asyncio.ensure_future(read(house, "m/all.list"))
    await asyncio.to_thread(started.wait, 10)
    await publish(house, {"m/v2.zip": b"zip"})
    second = asyncio.ensure_future(read(house, "m/all.list"))
    go_on.set()
    assert await first == b"v1.zip\n"
    assert await second == b"v1.zip\nv2.zip\n"
    assert await read(house, "m/all.list") == b"v1.zip\nv2.zip\n"


# --- two workers ---


@pytest.mark.gen_test
async def test_what_one_worker_publishes_or_deletes_the_other_has_at_once(store: Store) -> None:
    one, other = hosted(store), hosted(store)
    for i in range(10):
        await publish(one, {f"m/v{i}.info": b"info %d" % i, f"m/v{i}.zip": b"zip %d" % i})
        assert await read(other, f"m/v{i}.zip") == b"zip %d" % i
        assert len((await read(other, "m/all.list")).split()) == i + 1
        assert not await publish(other, {f"m/v{i}.zip": b"zip %d" % i})
    for i in range(10):
        await delete(other, f"m/v{i}.info", f"m/v{i}.zip")
        assert isinstance(await refused(one, f"m/v{i}.zip"), Gone)
        assert await listed(one, f"m/v{i}.") == []
    assert isinstance(await refused(one, "m/all.list"), NotFound)
    assert await one.owns(resource("m/v1.zip"))


@pytest.mark.gen_test
async def test_of_two_workers_one_wins(store: Store) -> None:
    workers = [hosted(store), hosted(store)]
    for i in range(20):
        offers = [{f"m/v{i}.info": b"info %d" % n, f"m/v{i}.zip": b"zip %d" % n} for n in range(2)]
        racing = (publish(worker, offer) for worker, offer in zip(workers, offers, strict=True))
        outcomes = await asyncio.gather(*racing, return_exceptions=True)
        assert sorted(type(outcome).__name__ for outcome in outcomes) == ["Conflict", "bool"]
        winner = offers[outcomes.index(True)]
        assert {path: await read(workers[i % 2], path) for path in winner} == winner
        assert len((await read(workers[i % 2], "m/all.list")).split()) == i + 1
    assert await store.index.miscounts() == []
    assert list(incoming_folder(store.path).iterdir()) == []


@pytest.mark.gen_test
async def test_the_index_never_names_what_is_not_there(store: Store) -> None:
    workers = [hosted(store), hosted(store)]
    await publish(workers[0], {"m/v.zip": b"zip"})

    async def publishing(worker: Repository, numbers: Iterable[int]) -> None:
        for i in numbers:
            await publish(worker, {f"m/v{i}.info": b"%d" % i, f"m/v{i}.zip": b"zip %d" % i})

    writing = asyncio.gather(publishing(workers[0], range(0, 40, 2)), publishing(workers[1], range(1, 40, 2)))
    while not writing.done():
        await asyncio.sleep(0)  # a read waits for nothing, so it lets nobody else go on
        for name in (await read(workers[1], "m/all.list")).decode().split():
            (await workers[0].get(resource(f"m/{name}"), Context())).close()
    await writing
    assert len((await read(workers[0], "m/all.list")).split()) == 41


@pytest.mark.gen_test
async def test_repositories_of_one_store_do_not_see_each_other(store: Store) -> None:
    house = hosted(store)
    shed = hosted(store, "shed")
    await publish(house, NEW)
    assert isinstance(await refused(shed, "m/v3.zip"), NotFound)
    assert not await shed.owns(resource("m/v3.zip"))
    assert await publish(shed, {"m/v3.zip": b"other"})
    await delete(shed, "m/v3.zip")
    assert await read(house, "m/v3.zip") == NEW["m/v3.zip"]


@pytest.mark.gen_test
async def test_the_packages_are_those_of_which_there_is_something_now(store: Store) -> None:
    house = hosted(store)
    await publish(house, {"m/v1.zip": b"zip", "n/v1.zip": b"zip", "top.zip": b"in no package"})
    await publish(hosted(store, "shed"), {"o/v1.zip": b"zip"})
    await read(house, "m/all.list")
    assert await house.packages(Context()) == ["m", "n"]
    await delete(house, "n/v1.zip")
    assert await house.packages(Context()) == ["m"]


@pytest.mark.gen_test
async def test_a_folder_is_what_was_published_and_not_deleted(store: Store) -> None:
    house = hosted(store)
    await publish(house, {f"{path}.zip": b"zip" for path in ("m/v1", "m/v2", "m/old/v0", "n/v1", "top")})
    await read(house, "m/all.list")
    await delete(house, "m/old/v0.zip", "n/v1.zip")
    assert (await store.index.get("house", "m/all.list")) is not None  # made from the others
    assert [child.name for child in await below(house, "")] == ["m/", "top.zip"]
    v1, v2 = await below(house, "m/")
    assert (v1.entry, v2.entry) == tuple(sorted(await house.list(resource("m/"), Context()), key=lambda e: e.path))


@pytest.mark.gen_test
async def test_a_name_stays_the_houses_own_when_all_of_it_was_lost(store: Store) -> None:
    """What a disk has lost and a repair has given up; else a group would ask the world for the name."""
    house, path = hosted(store), "m/v1.zip"
    await publish(house, {path: b"zip"})
    await store.index.drop([digest_of(b"zip")], START)
    assert await house.owns(resource("m/v2.zip"))
    assert type(await refused(house, path)) is NotFound
    assert await listed(house, "") == await house.packages(Context()) == []
    assert await publish(house, {path: b"zip"})
    assert await read(house, path) == b"zip"
