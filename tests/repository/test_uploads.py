"""What is special to uploads over files; what every `Ingest` must do is in ``suite.py``."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace

import pytest

from mxart.errors import Conflict, NotFound, StoreFull
from mxart.repository import uploads
from mxart.repository.uploads import Upload
from mxart.store import Store
from mxart.store.layout import locks_folder, upload_lock
from mxart.store.locks import FileLocks
from tests.repository.parts import PlainFormat, incoming, resource
from tests.store.builders import digest_of
from tests.support.descriptors import open_descriptors

AT = resource("m/v1.zip")
POLICY = PlainFormat().policy(AT)


async def begin(store: Store) -> Upload:
    return await uploads.begin(store, AT, POLICY)


async def resume(store: Store, id_: str) -> Upload:
    return await uploads.resume(store, AT, POLICY, id_)


@pytest.fixture
def other(store: Store) -> Store:
    """The same store as another worker has it: its locks are its own."""
    return replace(store, locks=FileLocks(locks_folder(store.path)))


@pytest.mark.gen_test
async def test_one_request_of_all_workers_is_at_it(store: Store, other: Store) -> None:
    upload = await begin(store)
    await upload.write(b"first ")
    for worker in (store, other):
        with pytest.raises(Conflict):
            await resume(worker, upload.id)
    await upload.suspend()
    resumed = await resume(other, upload.id)
    with pytest.raises(Conflict):
        await resume(store, upload.id)
    await resumed.write(b"second")
    assert await resumed.commit() == digest_of(b"first second")
    assert resumed.ready(store)  # the store is the same
    await resumed.cancel()
    assert incoming(store) == []


@pytest.mark.gen_test
async def test_what_a_dead_worker_left_goes_on(store: Store) -> None:
    dead = await begin(store)
    await dead.write(b"first ")
    dead._lock.release()  # as the kernel does when its process ends
    upload = await resume(store, dead.id)
    assert upload.size == 6
    await upload.cancel()
    with pytest.raises(NotFound):
        await resume(store, dead.id)
    await dead.cancel()


@pytest.mark.gen_test
async def test_what_was_ended_is_not_touched(store: Store) -> None:
    before = open_descriptors()
    upload = await begin(store)
    await upload.write(b"data")
    await upload.suspend()
    assert open_descriptors() == before
    await upload.cancel()
    await upload.suspend()
    assert incoming(store) == [upload.id]
    for use in (upload.write(b"more"), upload.commit()):
        with pytest.raises(RuntimeError):
            await use
    with pytest.raises(RuntimeError):
        upload.open()
    assert not upload.ready(store)
    await (await resume(store, upload.id)).cancel()


@pytest.mark.gen_test
async def test_who_is_cancelled_on_the_way_to_a_new_one_leaves_none(store: Store) -> None:
    before = open_descriptors()
    for steps in range(10):
        beginning = asyncio.ensure_future(begin(store))
        for _ in range(steps):
            await asyncio.sleep(0)
        beginning.cancel()
        with suppress(asyncio.CancelledError):
            await (await beginning).cancel()
        assert incoming(store) == []
    assert open_descriptors() == before


@pytest.mark.gen_test
async def test_who_is_cancelled_on_the_way_back_to_one_loses_nothing(store: Store) -> None:
    upload = await begin(store)
    await upload.write(b"x" * 1_000_000)
    await upload.suspend()
    before = open_descriptors()
    for steps in range(10):
        resuming = asyncio.ensure_future(resume(store, upload.id))
        for _ in range(steps):
            await asyncio.sleep(0)
        resuming.cancel()
        with suppress(asyncio.CancelledError):
            await (await resuming).suspend()
        assert open_descriptors() == before
    resumed = await resume(store, upload.id)
    assert resumed.size == 1_000_000
    await resumed.cancel()


@pytest.mark.gen_test
async def test_cancelling_ends_also_when_it_is_cancelled(store: Store) -> None:
    upload = await begin(store)
    await upload.write(b"data")
    cancelling = asyncio.ensure_future(upload.cancel())
    await asyncio.sleep(0)
    cancelling.cancel()
    with pytest.raises(asyncio.CancelledError):
        await cancelling
    assert incoming(store) == []
    assert store.locks.try_lock(upload_lock(upload.id)) is not None


@pytest.mark.gen_test
async def test_the_commit_is_on_disk(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    synced: list[int] = []
    monkeypatch.setattr(os, "fsync", synced.append)
    upload = await begin(store)
    await upload.write(b"data")
    assert not upload.ready(store)
    assert synced == []
    await upload.commit()
    await upload.commit()
    assert len(synced) == 1
    assert upload.ready(store)
    await upload.cancel()


@pytest.mark.gen_test
async def test_a_full_disk_is_said_and_what_was_written_counts(
    store: Store, small_files: Callable[[int], None]
) -> None:
    small_files(50_000)
    upload = await begin(store)
    with pytest.raises(StoreFull, match="what was sent"):
        await upload.write(b"x" * 60_000)
    assert upload.size == 50_000
    await upload.cancel()
    assert incoming(store) == []
