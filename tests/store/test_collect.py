"""gc removes what nobody needs, nothing else, and says beforehand what it would."""

from __future__ import annotations

import asyncio
import os
import time
from pathlib import Path

import pytest

from mxart.errors import Conflict
from mxart.store import Store
from mxart.store.collect import Ages, Collected, Sweep, collect
from mxart.store.layout import blob_lock, blob_path, fetch_lock, incoming_folder, upload_lock
from mxart.store.sweep import Counting, Removing
from tests.store.builders import digest_of, entry_of, keep, offered, publish
from tests.store.suite import download

NOW = 2_000_000_000.0  # far from anything that a test writes now
AGES = Ages(now=NOW, trash=100.0)


async def run(store: Store, sweep: Sweep, ages: Ages = AGES) -> Collected:
    ticks: list[int] = []
    collected = await collect(store, sweep, ages, lambda sofar: ticks.append(sofar.freed))
    assert ticks == sorted(ticks)
    assert ticks[-1] == collected.freed
    return collected


async def both(store: Store, ages: Ages = AGES) -> Collected:
    """What a run removed; a dry one foretold the same and changed nothing, and another one finds nothing left."""
    before = await _state(store)
    foretold = await run(store, Counting(store), ages)
    assert await _state(store) == before
    collected = await run(store, Removing(store), ages)
    assert foretold == collected
    assert await run(store, Removing(store), ages) == Collected()
    assert await store.index.miscounts() == []
    return collected


async def _state(store: Store) -> object:
    files = sorted(str(file) for file in store.path.rglob("*") if file.is_file() and "index" not in file.parts)
    return files, await store.index.blobs(), await store.index.trash(), await store.index.downloads()


def aged(file: Path, age: float) -> Path:
    file.touch()
    os.utime(file, (NOW - age, NOW - age))
    return file


@pytest.mark.gen_test
async def test_what_is_named_stays(store: Store) -> None:
    entry = await keep(store, "a", b"named")
    await keep(store, "b", b"in the trash")
    await store.index.delete("go", "b", NOW - 99.0)
    assert await both(store) == Collected()
    assert store.blobs.verify(digest_of(b"named"))
    assert store.blobs.verify(digest_of(b"in the trash"))
    assert await store.index.get("go", "a") == entry


@pytest.mark.gen_test
async def test_what_nobody_names_goes(store: Store) -> None:
    await keep(store, "a", b"replaced")
    await keep(store, "a", b"new")
    assert await both(store) == Collected(blobs=1, blob_bytes=8)
    assert not blob_path(store.path, digest_of(b"replaced")).exists()
    assert await store.index.blob(digest_of(b"replaced")) is None


@pytest.mark.gen_test
async def test_what_was_let_go_just_now_stays(store: Store) -> None:
    await keep(store, "a", b"replaced")
    await keep(store, "a", b"new")
    loose = (await store.index.loose())[0].loose_since
    assert await both(store, Ages(now=loose + 59.0, trash=100.0)) == Collected()
    assert (await both(store, Ages(now=loose + 59.0, trash=100.0, grace=58.0))).blobs == 1


@pytest.mark.gen_test
async def test_old_trash_goes_with_what_only_it_names(store: Store) -> None:
    for path, data in (
        ("a", b"only"),
        ("b", b"twice"),
        ("c", b"twice"),
        ("d", b"held"),
        ("e", b"held"),
        ("f", b"late"),
    ):
        await keep(store, path, data)
    for path in "abcd":
        await store.index.delete("go", path, NOW - 101.0)
    await store.index.delete("go", "f", NOW - 99.0)
    assert await both(store) == Collected(trash=4, blobs=2, blob_bytes=len(b"onlytwice"))
    assert store.blobs.verify(digest_of(b"held"))
    assert store.blobs.verify(digest_of(b"late"))


@pytest.mark.gen_test
async def test_what_was_withdrawn_goes_and_its_tombstone_stays(store: Store) -> None:
    contents = {f"a.{kind}": kind.encode() for kind in ("zip", "mod", "info")}
    await publish(store, contents)
    await store.index.withdraw("go", list(contents), NOW - 99.0)
    assert await both(store) == Collected()
    assert await both(store, Ages(now=NOW + 2.0, trash=100.0)) == Collected(trash=3, blobs=3, blob_bytes=10)
    assert [entry.absent for entry in await store.index.list("go")] == [410] * 3
    with pytest.raises(Conflict):
        await publish(store, {"a.zip": b"else"})
    assert len(await publish(store, contents)) == 3
    assert await both(store) == Collected()


@pytest.mark.gen_test
async def test_what_is_derived_stays_and_what_it_was_goes(store: Store) -> None:
    for number in range(3):
        file = (await offered(store, "list", b"list %d" % number))[1]
        await store.blobs.adopt(file, digest_of(b"list %d" % number))
        await store.index.derive(entry_of("list", b"list %d" % number))
    assert await both(store) == Collected(blobs=2, blob_bytes=12)
    assert store.blobs.verify(digest_of(b"list 2"))


@pytest.mark.gen_test
async def test_a_file_that_no_record_knows_goes_when_it_is_old(store: Store) -> None:
    for data, age in ((b"old", 3601.0), (b"young", 3599.0)):
        path = blob_path(store.path, digest_of(data))
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(data)
        aged(path, age)
    await keep(store, "a", b"known")
    aged(blob_path(store.path, digest_of(b"known")), 10_000.0)
    assert await both(store) == Collected(orphans=1, orphan_bytes=3)
    assert store.blobs.verify(digest_of(b"young"))
    assert store.blobs.verify(digest_of(b"known"))


@pytest.mark.parametrize(
    ("fields", "goes"),
    [
        ({"state": "active", "file": "d-1", "changed": NOW - 86401}, True),
        ({"state": "active", "file": "d-1", "changed": NOW - 86399}, False),
        ({"state": "active", "file": "d-gone", "changed": NOW - 86401}, True),
        ({"state": "failed", "file": "d-1", "changed": NOW - 86401}, True),
        ({"state": "failed", "file": "d-1", "changed": NOW - 3601}, False),
        ({"state": "failed", "file": "", "changed": NOW - 3601}, True),
        ({"state": "failed", "file": "", "changed": NOW - 3599}, False),
    ],
)
@pytest.mark.gen_test
async def test_records_of_downloads(store: Store, fields: dict[str, object], goes: bool) -> None:
    file = incoming_folder(store.path) / "d-1"
    file.write_bytes(b"12345")
    aged(file, 0.0)
    record = download(**fields)
    await store.index.put_download(record)
    collected = await both(store)
    assert collected == (Collected(incoming=1, incoming_bytes=5 * (record.file == "d-1")) if goes else Collected())
    assert (await store.index.download(record.repository, record.path) is None) == goes
    assert file.exists() == (not goes or record.file != "d-1")


@pytest.mark.gen_test
async def test_a_download_under_way_is_left_alone(store: Store) -> None:
    record = download(changed=NOW - 1e6)
    await store.index.put_download(record)
    file = aged(incoming_folder(store.path) / record.file, 1e6)
    lock = store.locks.try_lock(fetch_lock(record.repository, record.path))
    assert lock is not None
    assert await run(store, Removing(store)) == Collected()
    assert file.exists()
    lock.release()
    assert (await run(store, Removing(store))).incoming == 1
    assert not file.exists()


@pytest.mark.gen_test
async def test_an_upload_that_somebody_is_at_is_alive_however_old_it_is(store: Store) -> None:
    file = aged(incoming_folder(store.path) / "u-1", 1e6)
    lock = store.locks.try_lock(upload_lock(file.name))
    assert lock is not None
    assert await run(store, Removing(store)) == Collected()
    assert file.exists()
    lock.release()
    assert await both(store) == Collected(incoming=1)


@pytest.mark.gen_test
async def test_files_without_a_record_go_after_a_day(store: Store) -> None:
    folder = incoming_folder(store.path)
    aged(folder / "d-old", 86401.0)
    aged(folder / "u-young", 86399.0)
    aged(folder / "d-1", 90000.0)
    await store.index.put_download(download(file="d-1", changed=NOW))
    assert await both(store) == Collected(incoming=1)
    assert sorted(file.name for file in folder.iterdir()) == ["d-1", "u-young"]


@pytest.mark.gen_test
async def test_many_things_by_pages(store: Store) -> None:
    entries = [store.index.put(entry_of(f"{i}", b"%d" % i), durable=False) for i in range(2500)]
    await asyncio.gather(*entries)
    await asyncio.gather(*(store.index.delete("go", f"{i}", NOW - 200.0) for i in range(2500)))
    assert await run(store, Removing(store)) == Collected(trash=2500, blobs=2500)
    assert await store.index.blobs() == []


@pytest.mark.gen_test
async def test_a_blob_that_is_entered_meanwhile_stays(store: Store) -> None:
    await keep(store, "a", b"content")
    await keep(store, "a", b"other")
    loose = (await store.index.loose())[0]
    lock = await store.locks.lock(blob_lock(loose.digest))  # as whoever enters it holds it
    removal = asyncio.ensure_future(Removing(store).blob(loose))
    await asyncio.sleep(0.02)
    assert not removal.done()
    await store.index.put(entry_of("b", b"content"))
    lock.release()
    assert await removal is None
    assert store.blobs.verify(loose.digest)


@pytest.mark.gen_test
async def test_an_orphan_that_is_entered_meanwhile_stays(store: Store) -> None:
    await keep(store, "a", b"content")
    assert await Removing(store).orphan(digest_of(b"content"), 7) is None
    assert store.blobs.verify(digest_of(b"content"))


@pytest.mark.gen_test
async def test_entering_and_collecting_at_once_lose_nothing(store: Store) -> None:
    ages = Ages(now=time.time(), trash=0.0, grace=-60.0)  # the youngest loose blob is old enough

    async def enter(number: int) -> None:
        for i in range(30):
            await keep(store, f"{number}", b"%d" % ((number + i) % 4))

    async def sweep() -> None:
        for _ in range(10):
            await run(store, Removing(store), ages)

    await asyncio.gather(*(enter(number) for number in range(6)), sweep(), sweep())
    for entry in await store.index.list("go"):
        assert entry.digest is not None
        assert store.blobs.verify(entry.digest)
    assert await store.index.miscounts() == []


@pytest.mark.gen_test
async def test_a_long_change_log_loses_its_old_end(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mxart.store.sweep.CHANGES_KEPT", 4)
    for i in range(7):
        await store.index.put(entry_of(f"p{i}", None))
    assert (await run(store, Counting(store))).changes == 3
    assert (await run(store, Removing(store))).changes == 3
    assert [change.sequence for change in await store.index.changes()] == [4, 5, 6, 7]
    assert (await run(store, Removing(store))).changes == 0
