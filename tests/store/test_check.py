"""fsck finds what is wrong, and nothing that is not; repairing leaves a clean store."""

from __future__ import annotations

import asyncio
import time

import pytest

from mxart.errors import NotFound
from mxart.model import Digest
from mxart.store import Store
from mxart.store.check import Repaired, Report, check, repair
from mxart.store.collect import Ages, collect
from mxart.store.layout import blob_path, incoming_folder, quarantine_folder
from mxart.store.sweep import Removing
from mxart.store.tombstones import withdrawn
from tests.store.builders import digest_of, entry_of, keep, publish

NOW = 2_000_000_000.0


async def checked(store: Store) -> Report:
    return await check(store, NOW, lambda _: None)


async def repaired(store: Store) -> Repaired:
    done = await repair(store, await checked(store), NOW)
    assert (await checked(store)).clean
    return done


def overwrite(store: Store, digest: Digest, data: bytes) -> None:
    path = blob_path(store.path, digest)
    path.chmod(0o644)
    path.write_bytes(data)


@pytest.mark.gen_test
async def test_a_good_store_is_clean(store: Store) -> None:
    for i in range(10):
        await keep(store, f"{i}", b"%d" % (i % 3))
    await store.index.put(entry_of("absent", None))
    await store.index.delete("go", "1", 1.0)
    await store.index.put(entry_of("2", None))
    await store.index.withdraw("go", ["3", "4", "absent"], 2.0)
    await keep(store, "4", b"1")
    sizes: list[int] = []
    report = await check(store, NOW, sizes.append)
    assert report.clean
    assert (report.blobs, sum(sizes)) == (3, 3)
    assert await repaired(store) == Repaired(recounted=[])


@pytest.mark.gen_test
async def test_what_a_crash_leaves_is_mentioned_and_no_problem(store: Store) -> None:
    path = blob_path(store.path, digest_of(b"orphan"))
    path.parent.mkdir()
    path.write_bytes(b"orphan")
    (incoming_folder(store.path) / "d-1").touch()
    report = await checked(store)
    assert report.clean
    assert (report.orphans, report.orphan_bytes, report.leftovers) == (1, 6, 1)


@pytest.mark.parametrize(("bytes_now", "kind"), [(b"Content", "damaged"), (b"cut", "missing"), (None, "missing")])
@pytest.mark.gen_test
async def test_damage(store: Store, bytes_now: bytes | None, kind: str) -> None:
    digest = digest_of(b"content")
    await keep(store, "a", b"content")
    await keep(store, "b", b"content", "other")
    await store.index.delete("other", "b", 1.0)
    kept = await keep(store, "c", b"untouched")
    if bytes_now is None:
        blob_path(store.path, digest).unlink()
    else:
        overwrite(store, digest, bytes_now)
    report = await checked(store)
    assert [(damage.blob.digest, damage.kind) for damage in report.damaged] == [(digest, kind)]
    assert not report.clean
    done = await repaired(store)
    assert done.lost == [digest]
    assert sorted((entry.repository, entry.path) for entry in done.dropped) == [("go", "a"), ("other", "b")]
    trace = await store.index.get("go", "a")
    assert trace is not None
    assert (trace.digest, trace.absent, trace.checked) == (None, 404, 0.0)  # so that the name stays the repository's
    assert await store.index.get("go", "c") == kept
    assert (await checked(store)).clean
    quarantined = [file.read_bytes() for file in quarantine_folder(store.path).iterdir()]
    assert quarantined == ([] if bytes_now is None else [bytes_now])


@pytest.mark.gen_test
async def test_damage_to_what_was_derived_and_withdrawn(store: Store) -> None:
    """The derived document is made anew, the tombstone remembers for ever, and half a batch does not come back."""
    await publish(store, {"a.zip": b"zip", "a.mod": b"mod"})
    await keep(store, "of another", b"list", "other")
    await store.index.derive(entry_of("list", b"list", checksums={"made_from": "1"}))
    trashed = await store.index.withdraw("go", ["a.zip", "a.mod"], NOW)
    assert (await checked(store)).clean
    for data in (b"list", b"mod"):
        overwrite(store, digest_of(data), data.upper())
    done = await repaired(store)
    assert sorted(entry.path for entry in done.dropped) == ["a.mod", "list", "of another"]
    tombstone = await store.index.get("go", "a.mod")
    assert tombstone is not None
    assert withdrawn(tombstone) == digest_of(b"mod")
    with pytest.raises(NotFound):
        await store.index.restore(trashed[0].id, NOW)
    assert len(await publish(store, {"a.zip": b"zip", "a.mod": b"mod"})) == 2
    assert (await checked(store)).clean


@pytest.mark.gen_test
async def test_an_entry_whose_blob_has_neither_record_nor_file(store: Store) -> None:
    await keep(store, "a", b"content")
    await store.blobs.delete(digest_of(b"content"))
    environment, databases = store.index._env, store.index._db  # type: ignore[attr-defined]
    with environment.begin(write=True) as txn:
        txn.delete(bytes.fromhex(digest_of(b"content").hex), db=databases["blobs"])
    report = await checked(store)
    assert [miscount.recorded for miscount in report.miscounted] == [None]
    assert [damage.kind for damage in report.damaged] == ["missing"]
    assert [entry.path for entry in (await repaired(store)).dropped] == ["a"]


@pytest.mark.gen_test
async def test_what_was_stored_anew_since_the_check_is_kept(store: Store) -> None:
    await keep(store, "a", b"content")
    overwrite(store, digest_of(b"content"), b"Content")
    report = await checked(store)
    entry = await keep(store, "a", b"content")
    done = await repair(store, report, NOW)
    assert done == Repaired(recounted=[])
    assert await store.index.get("go", "a") == entry
    assert store.blobs.verify(digest_of(b"content"))


@pytest.mark.gen_test
async def test_many_damaged_blobs_by_batches(store: Store) -> None:
    for i in range(150):
        await keep(store, f"{i}", b"%d" % i)
        if i % 2:
            blob_path(store.path, digest_of(b"%d" % i)).unlink()
    done = await repaired(store)
    assert len(done.lost) == len(done.dropped) == 75
    assert [entry.path for entry in await store.index.list("go") if entry.digest] == sorted(map(str, range(0, 150, 2)))


@pytest.mark.gen_test
async def test_a_server_at_work_and_gc_give_no_false_alarm(store: Store) -> None:
    async def enter(number: int) -> None:
        for i in range(40):
            await keep(store, f"{number}", b"%d" % ((number + i) % 5))

    ages = Ages(now=time.time(), trash=0.0, grace=-60.0)  # the youngest loose blob is old enough

    async def sweep() -> None:
        for _ in range(10):
            await collect(store, Removing(store), ages, lambda _: None)

    async def look() -> list[Report]:
        return [await checked(store) for _ in range(10)]

    *_, reports = await asyncio.gather(*(enter(number) for number in range(4)), sweep(), look())
    assert all(report.clean for report in reports)
