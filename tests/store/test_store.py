"""`Store`: files become blobs and entries at once, and a refusal leaves nothing behind."""

from __future__ import annotations

import asyncio
import multiprocessing
import threading
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from mxart.errors import Conflict, NotFound, StoreFull
from mxart.model import Digest, Entry
from mxart.store import Missing, Offer, Store
from mxart.store import blobs as blobs_module
from mxart.store.check import check
from mxart.store.collect import Ages, collect
from mxart.store.layout import blob_lock, blob_path
from mxart.store.sweep import Removing
from tests.store.builders import WHEN, digest_of, entry_of, keep, offered, open_store, publish

SPAWN = multiprocessing.get_context("spawn")


def stored(store: Store) -> set[Digest]:
    return {digest for digest, _, _ in store.blobs.walk()}


async def is_clean(store: Store) -> bool:
    """Nothing is wrong, and no file is there that nobody knows."""
    report = await check(store, time.time() + 1e6, lambda _: None)
    return report.clean and (report.orphans, report.leftovers) == (0, 0)


@pytest.mark.gen_test
async def test_files_become_blobs_and_entries(store: Store) -> None:
    offers = [await offered(store, path, path.encode()) for path in "abc"]
    new = await store.publish(offers, WHEN)
    assert await store.index.list("go") == new
    assert stored(store) == {digest_of(path) for path in (b"a", b"b", b"c")}
    assert not any(file.exists() for _, file in offers)
    assert await is_clean(store)


@pytest.mark.gen_test
async def test_a_file_that_is_not_needed_stays_where_it_is(store: Store) -> None:
    await keep(store, "a", b"held")
    inode = blob_path(store.path, digest_of(b"held")).stat().st_ino
    offers = [await offered(store, path, data) for path, data in (("a", b"held"), ("b", b"held"), ("c", b"c"))]
    assert [entry.path for entry in await store.publish(offers, WHEN)] == ["b", "c"]
    assert [file.exists() for _, file in offers] == [True, True, False]
    assert blob_path(store.path, digest_of(b"held")).stat().st_ino == inode


@pytest.mark.gen_test
async def test_one_content_at_two_places_is_one_blob(store: Store) -> None:
    offers = [await offered(store, path, b"twice") for path in "ab"]
    assert len(await store.publish(offers, WHEN)) == 2
    for _, file in offers:
        file.unlink(missing_ok=True)
    assert await is_clean(store)


@pytest.mark.gen_test
async def test_a_blob_that_was_lost_is_stored_anew(store: Store) -> None:
    await keep(store, "a", b"content")
    blob_path(store.path, digest_of(b"content")).unlink()
    assert await publish(store, {"a": b"content"}) == []
    assert store.blobs.verify(digest_of(b"content"))


@pytest.mark.parametrize("fields", [{}, {"keep": True}])
@pytest.mark.gen_test
async def test_what_does_not_come_to_stand_leaves_no_blob(store: Store, fields: dict[str, bool]) -> None:
    await keep(store, "b", b"stands")
    offers = [await offered(store, path, b"new " + path.encode(), **fields) for path in "abc"]
    if fields:
        assert [entry.path for entry in await store.publish(offers, WHEN)] == ["a", "c"]
    else:
        with pytest.raises(Conflict):
            await store.publish(offers, WHEN)
        assert stored(store) == {digest_of(b"stands")}
    for _, file in offers:
        file.unlink(missing_ok=True)
    assert digest_of(b"new b") not in stored(store)
    assert await is_clean(store)


@pytest.mark.gen_test
async def test_a_refusal_takes_no_blob_that_somebody_else_names(store: Store) -> None:
    await keep(store, "a", b"stands")
    await keep(store, "b", b"loose")
    await store.index.put(entry_of("b", None))
    await keep(store, "c", b"in the trash")
    await store.index.delete("go", "c", 1.0)
    for data in (b"loose", b"in the trash"):
        with pytest.raises(Conflict):
            await publish(store, {"new": data, "a": data})
    assert stored(store) == {digest_of(data) for data in (b"stands", b"loose", b"in the trash")}
    assert await is_clean(store)


@pytest.mark.parametrize("fails", range(1, 7))
@pytest.mark.gen_test
async def test_a_full_disk_leaves_nothing_of_it(store: Store, monkeypatch: pytest.MonkeyPatch, fails: int) -> None:
    """At each fsync of the two blobs and their folders; the last ones after a rename."""
    await keep(store, "held", b"held")
    calls = 0
    fsync = blobs_module.os.fsync

    def full(fd: int) -> None:
        nonlocal calls
        calls += 1
        if calls == fails:
            raise OSError(28, "No space left on device")
        fsync(fd)

    offers = [await offered(store, path, path.encode()) for path in "ab"]
    with monkeypatch.context() as patch:
        patch.setattr(blobs_module.os, "fsync", full)
        with pytest.raises(StoreFull):
            await store.publish(offers, WHEN)
    assert stored(store) == {digest_of(b"held")}
    assert [entry.path for entry in await store.index.list("go")] == ["held"]
    assert len(await publish(store, {"a": b"a", "b": b"b"})) == 2


@pytest.mark.gen_test
async def test_who_is_cancelled_while_waiting_has_published_nothing(store: Store) -> None:
    lock = await store.locks.lock(blob_lock(digest_of(b"b")))
    offers = [await offered(store, path, path.encode()) for path in "abc"]
    publishing = asyncio.ensure_future(store.publish(offers, WHEN))
    await asyncio.sleep(0)
    publishing.cancel()
    with pytest.raises(asyncio.CancelledError):
        await publishing
    assert all(file.exists() for _, file in offers)
    lock.release()
    for path in "abc":
        free = store.locks.try_lock(blob_lock(digest_of(path.encode())))
        assert free is not None, "held by nobody"
        free.release()
    assert len(await store.publish(offers, WHEN)) == 3


@pytest.mark.gen_test
async def test_who_is_cancelled_later_has_published_all_or_nothing(store: Store) -> None:
    whole = 0
    for steps in range(12):
        offers = [await offered(store, f"{steps}/{kind}", f"{steps} {kind}".encode()) for kind in "abc"]
        publishing = asyncio.ensure_future(store.publish(offers, WHEN))
        for _ in range(steps):
            await asyncio.sleep(0)
        publishing.cancel()
        with pytest.raises(asyncio.CancelledError):
            await publishing
        number = len(await store.index.list("go", f"{steps}/"))
        assert number in (0, 3)
        whole += number == 3
        for _, file in offers:
            file.unlink(missing_ok=True)
        assert await is_clean(store)
    assert whole


@pytest.mark.gen_test
async def test_publishing_and_collecting_at_once_lose_nothing(store: Store) -> None:
    ages = Ages(now=time.time() + 7200, trash=0.0, leftover=1e9)  # blobs of the last hour are old, too

    async def work(number: int) -> None:
        for i in range(15):
            shared = b"%d" % ((number + i) % 4)
            await publish(store, {f"{number}/{i}/own": b"own %d" % i, f"{number}/{i}/shared": shared})
            with pytest.raises(Conflict):
                await publish(store, {f"{number}/{i}/own": shared, f"{number}/{i}/new": b"new %d" % i})
            if i % 3:
                await store.index.withdraw("go", [f"{number}/{i}/own", f"{number}/{i}/shared"], 1.0)

    async def sweep() -> None:
        while not working.done():
            await collect(store, Removing(store), ages, lambda _: None)

    working = asyncio.gather(*map(work, range(4)))
    await asyncio.gather(working, sweep(), sweep())
    held = [entry for entry in await store.index.list("go") if entry.digest is not None]
    assert len(held) == 4 * 5 * 2
    for entry in held:
        assert entry.digest is not None
        assert store.blobs.verify(entry.digest)
    assert await is_clean(store)


def _publish_many(data: str, name: str, number: int, ready: threading.Barrier) -> None:
    async def work() -> None:
        store = open_store(Path(data))
        ready.wait(20)
        wins = 0
        for i in range(number):
            try:
                wins += len(await publish(store, {f"{i}/{kind}": f"{name} {i}".encode() for kind in "abc"}))
            except Conflict:
                continue
        await store.index.close()
        raise SystemExit(wins)

    asyncio.run(work())


@pytest.mark.gen_test
async def test_processes_that_publish_the_same_places(store: Store) -> None:
    ready = SPAWN.Barrier(2)
    processes = [SPAWN.Process(target=_publish_many, args=(str(store.path), name, 40, ready)) for name in "xy"]
    for process in processes:
        process.start()
    for process in processes:
        await asyncio.to_thread(process.join, 60)
    assert sum(process.exitcode or 0 for process in processes) == 3 * 40
    for i in range(40):
        entries: Sequence[Entry] = await store.index.list("go", f"{i}/")
        assert len(entries) == 3
        assert len({entry.digest for entry in entries}) == 1
    assert await is_clean(store)


@pytest.mark.gen_test
async def test_what_is_dropped_goes_with_the_publication(store: Store) -> None:
    await keep(store, "staged", b"staged")
    await store.publish([await offered(store, "a", b"a")], WHEN, [("go", "staged")])
    assert [entry.path for entry in await store.index.list("go")] == ["a"]
    assert await store.publish([], WHEN, [("go", "a")]) == []
    assert await store.index.list("go") == []


# --- content that the store has already, or is to have ---


@pytest.mark.gen_test
async def test_one_file_at_several_places(store: Store) -> None:
    (first, file) = await offered(store, "manifests/1", b"manifest")
    offers = [(first, file), *((Offer(entry_of(path, b"manifest")), file) for path in ("tags/1", "tags/2"))]
    assert [entry.path for entry in await store.publish(offers, WHEN)] == ["manifests/1", "tags/1", "tags/2"]
    assert not file.exists()
    blob = await store.index.blob(digest_of(b"manifest"))
    assert blob is not None
    assert blob.references == 3
    (again, file) = await offered(store, "tags/3", b"manifest")
    assert len(await store.publish([(again, file), (first, file)], WHEN)) == 1
    assert file.exists()
    await keep(store, "tags/4", b"other")
    with pytest.raises(Conflict):
        await store.publish([(again, file), (Offer(entry_of("tags/4", b"manifest")), file)], WHEN)
    file.unlink()
    assert await is_clean(store)


@pytest.mark.parametrize("repository", ["go", "other"])
@pytest.mark.gen_test
async def test_what_the_store_has_needs_no_file(store: Store, repository: str) -> None:
    await keep(store, "layer", b"layer", repository)
    inode = blob_path(store.path, digest_of(b"layer")).stat().st_ino
    offers = [(Offer(entry_of("mounted", b"layer")), None), await offered(store, "a", b"a")]
    assert [entry.path for entry in await store.publish(offers, WHEN)] == ["mounted", "a"]
    assert blob_path(store.path, digest_of(b"layer")).stat().st_ino == inode
    assert await store.publish(offers[:1], WHEN) == []
    assert await is_clean(store)


@pytest.mark.gen_test
async def test_what_nobody_names_any_more_is_had_as_long_as_it_is_there(store: Store) -> None:
    await keep(store, "layer", b"layer")
    await store.index.put(entry_of("layer", None))
    assert len(await store.publish([(Offer(entry_of("mounted", b"layer")), None)], WHEN)) == 1
    assert await store.index.loose() == []
    assert await is_clean(store)


@pytest.mark.parametrize("lost", ["never there", "file", "record", "size"])
@pytest.mark.gen_test
async def test_what_the_store_has_no_more_is_said(store: Store, lost: str) -> None:
    if lost != "never there":
        await keep(store, "layer", b"layer")
    if lost == "file":
        blob_path(store.path, digest_of(b"layer")).unlink()
    if lost == "record":
        await store.index.drop([digest_of(b"layer")], 1.0)
    state = await store.index.list("go"), await store.index.latest_change(), stored(store)
    entry = entry_of("mounted", b"layer", created=1.0)
    offer = Offer(replace(entry, size=4) if lost == "size" else entry)
    offers = [await offered(store, "a", b"a"), (offer, None), await offered(store, "b", b"b")]
    with pytest.raises(NotFound, match=f"the content {digest_of(b'layer')} is not in the store any more"):
        await store.publish(offers, WHEN)
    assert (await store.index.list("go"), await store.index.latest_change(), stored(store)) == state
    assert await store.link(offer.entry, durable=True) is None
    assert (await store.index.list("go"), await store.index.latest_change(), stored(store)) == state


@pytest.mark.gen_test
async def test_a_file_of_the_same_publication_is_what_the_store_has(store: Store) -> None:
    offers = [(Offer(entry_of("mounted", b"layer")), None), await offered(store, "layer", b"layer")]
    assert len(await store.publish(offers, WHEN)) == 2
    assert await is_clean(store)


@pytest.mark.gen_test
async def test_what_is_linked_stands(store: Store) -> None:
    await keep(store, "layer", b"layer", "other")
    linked = await store.link(entry_of("layer", b"layer"), durable=False)
    assert linked is not None
    assert linked == await store.index.get("go", "layer") == entry_of("layer", b"layer", sequence=2)
    assert await is_clean(store)


@pytest.mark.parametrize("needs", [["layer", "config"], ["manifest", "layer"], ["gone"]])
@pytest.mark.gen_test
async def test_what_lacks_something_leaves_nothing(store: Store, needs: list[str]) -> None:
    await keep(store, "config", b"config")
    await keep(store, "gone", b"gone")
    await store.index.withdraw("go", ["gone"], 1.0)
    state = await store.index.list("go"), await store.index.latest_change(), stored(store)
    offers = [await offered(store, path, path.encode()) for path in ("manifest", "tag")]
    places = [("go", path) for path in needs]
    with pytest.raises(Missing, match=r"^(layer|gone) is not in go\b") as missing:
        await store.publish(offers, WHEN, [("go", "gone")], places)
    assert missing.value.paths == tuple(path for path in needs if path in ("layer", "gone"))
    assert (await store.index.list("go"), await store.index.latest_change(), stored(store)) == state
    for _, file in offers:
        file.unlink(missing_ok=True)
    assert await is_clean(store)
    offers = [await offered(store, path, path.encode()) for path in ("manifest", "layer", "gone")]
    assert [entry.path for entry in await store.publish(offers, WHEN, (), places)] == ["manifest", "layer", "gone"]
    offers[2][1].unlink()  # the trash had its content
    assert await is_clean(store)


@pytest.mark.gen_test
async def test_what_is_entered_may_stand_at_several_places(store: Store) -> None:
    await keep(store, "manifests/2", b"manifest")
    (offer, file) = await offered(store, "tags/latest", b"manifest")
    others = [entry_of(path, b"manifest") for path in ("manifests/1", "manifests/2")]
    entered = await store.enter(offer.entry, file, durable=False, others=others)
    assert entered == replace(offer.entry, sequence=2)
    assert [(entry.path, entry.sequence) for entry in await store.index.list("go")] == [
        ("manifests/1", 3),
        ("manifests/2", 1),
        ("tags/latest", 2),
    ]
    assert not file.exists()
    assert await is_clean(store)


@pytest.mark.gen_test
async def test_what_is_had_is_not_collected_meanwhile(store: Store) -> None:
    ages = Ages(now=time.time() + 7200, trash=0.0, leftover=1e9)
    had = 0
    for number in range(24):
        data = b"%d" % number
        await keep(store, f"{number}/layer", data)
        await store.index.sweep("go", [f"{number}/layer"], "", await store.index.latest_change(), 10.0)
        collecting = asyncio.ensure_future(collect(store, Removing(store), ages, lambda _: None))
        for _ in range(number):  # at one moment or another of it
            await asyncio.sleep(0)
        mounted = Offer(entry_of(f"{number}/mounted", data))
        outcome, _ = await asyncio.gather(store.publish([(mounted, None)], WHEN), collecting, return_exceptions=True)
        held = await store.index.get("go", mounted.entry.path)
        assert isinstance(outcome, NotFound) == (held is None)
        if held is not None:
            assert store.blobs.verify(digest_of(data))
            had += 1
    assert had
    assert await is_clean(store)
