"""What is special to uploads over files; what every `Ingest` must do is in ``suite.py``."""

from __future__ import annotations

import asyncio
import hashlib
import os
import re
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from io import FileIO

import pytest

from mxart.errors import Conflict, Invalid, NotFound, StoreFull
from mxart.model import Digest
from mxart.repository import uploads
from mxart.repository.uploads import Upload, Uploads
from mxart.store import Store
from mxart.store import incoming as incoming_module
from mxart.store.layout import incoming_folder, locks_folder, upload_lock
from mxart.store.locks import FileLocks
from tests.repository.parts import PlainFormat, incoming, resource, store_files
from tests.store.builders import digest_of
from tests.support.descriptors import open_descriptors

AT = resource("m/v1.zip")
POLICY = PlainFormat().policy(AT)


async def begin(store: Store) -> Upload:
    return await Uploads("house", store).begin(AT, POLICY)


async def resume(store: Store, id_: str) -> Upload:
    """As another worker does it."""
    return await Uploads("house", store).resume(AT, POLICY, id_)


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
    upload = await begin(store)
    await upload.write(b"data")
    await upload.suspend()
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
    before, worker = open_descriptors(), Uploads("house", store)
    for steps in range(10):
        for back in range(2):  # to one that was left here, too
            resuming = asyncio.ensure_future(worker.resume(AT, POLICY, upload.id))
            for _ in range(steps):
                await asyncio.sleep(0)
            resuming.cancel()
            with suppress(asyncio.CancelledError):
                await (await resuming).suspend()
            assert len(open_descriptors() - before) <= 1, (steps, back)
    resumed = await worker.resume(AT, POLICY, upload.id)
    assert resumed.size == 1_000_000
    assert await resumed.commit() == digest_of(b"x" * 1_000_000)
    await resumed.cancel()
    assert open_descriptors() == before


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


# --- in many requests ---


class Reads:
    """How many whole files have been hashed, that had been written before."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.number = 0
        self._hash_file = incoming_module.hash_file
        monkeypatch.setattr(incoming_module, "hash_file", self)

    def __call__(self, file: FileIO) -> hashlib._Hash:
        self.number += 1
        return self._hash_file(file)


@pytest.fixture
def reads(monkeypatch: pytest.MonkeyPatch) -> Reads:
    return Reads(monkeypatch)


async def grown(worker: Uploads, id_: str, piece: bytes) -> int:
    """One request that adds to an upload; how many bytes it has then."""
    upload = await worker.resume(AT, POLICY, id_)
    try:
        await upload.write(piece)
    finally:
        await upload.suspend()
    return upload.size


async def digested(worker: Uploads, id_: str) -> Digest:
    upload = await worker.resume(AT, POLICY, id_)
    try:
        return await upload.commit()
    finally:
        await upload.cancel()


@pytest.mark.parametrize(
    ("workers", "rereads"),
    [
        ("000000", 0),  # always the same: hashed as it comes
        ("010101", 1),  # whoever ends it has not seen all of it
        ("000001", 1),
        ("011110", 1),
    ],
)
@pytest.mark.gen_test
async def test_an_upload_is_read_again_at_most_once(
    store: Store, other: Store, reads: Reads, workers: str, rereads: int
) -> None:
    both = {"0": Uploads("house", store), "1": Uploads("house", other)}
    begun = await both["0"].begin(AT, POLICY)
    await begun.suspend()
    whole = b""
    for number, name in enumerate(workers[:-1]):
        whole += b"piece %d" % number
        assert await grown(both[name], begun.id, b"piece %d" % number) == len(whole)
    assert reads.number == 0
    assert await digested(both[workers[-1]], begun.id) == digest_of(whole)
    assert reads.number == rereads
    assert incoming(store) == []


@pytest.mark.gen_test
async def test_a_digest_by_another_algorithm_counts_all_pieces(store: Store, other: Store) -> None:
    here, there = Uploads("house", store), Uploads("house", other)
    begun = await here.begin(AT, POLICY)
    await begun.suspend()
    await grown(here, begun.id, b"first ")
    await grown(there, begun.id, b"second")
    upload = await here.resume(AT, POLICY, begun.id)
    with pytest.raises(Invalid):
        await upload.commit(Digest("sha512", hashlib.sha512(b"first ").hexdigest()))
    want = Digest("sha512", hashlib.sha512(b"first second").hexdigest())
    assert await upload.commit(want) == digest_of(b"first second")
    await upload.cancel()


@pytest.mark.gen_test
async def test_nobody_goes_on_with_an_upload_of_something_else(store: Store) -> None:
    house = Uploads("house", store)
    begun = await house.begin(AT, POLICY)
    await begun.suspend()
    beside = resource("m/v2.zip")
    with pytest.raises(NotFound, match=re.escape("m/v2.zip")):
        await house.resume(beside, PlainFormat().policy(beside), begun.id)
    with pytest.raises(NotFound):
        await Uploads("shed", store).resume(AT, POLICY, begun.id)
    assert await grown(house, begun.id, b"x") == 1  # it is not harmed
    await digested(house, begun.id)


@pytest.mark.gen_test
async def test_what_gc_has_taken_is_unknown_where_it_was_left_open(store: Store, other: Store) -> None:
    here, there = Uploads("house", store), Uploads("house", other)
    begun = await here.begin(AT, POLICY)
    await begun.write(b"data")
    await begun.suspend()
    (incoming_folder(store.path) / begun.id).unlink()
    for worker in (here, there, here):
        with pytest.raises(NotFound, match="begin another one"):
            await worker.resume(AT, POLICY, begun.id)
    assert other.locks.try_lock(upload_lock(begun.id)) is not None
    assert begun.id not in " ".join(store_files())


@pytest.mark.gen_test
async def test_another_file_of_that_name_is_not_taken_for_the_one_that_was_left(store: Store) -> None:
    here = Uploads("house", store)
    begun = await here.begin(AT, POLICY)
    await begun.write(b"data")
    await begun.suspend()
    path = incoming_folder(store.path) / begun.id
    path.unlink()
    path.write_bytes(b"ruin")  # of the same length
    assert await digested(here, begun.id) == digest_of(b"ruin")


@pytest.mark.gen_test
async def test_only_so_many_files_are_kept_open(store: Store, monkeypatch: pytest.MonkeyPatch, reads: Reads) -> None:
    monkeypatch.setattr(uploads, "_REMEMBERED", 2)
    here = Uploads("house", store)
    before = open_descriptors()
    begun = []
    for number in range(5):
        upload = await here.begin(AT, POLICY)
        await upload.write(b"%d" % number)
        await upload.suspend()
        begun.append(upload.id)
    assert len(open_descriptors() - before) == 2
    assert [await digested(here, id_) for id_ in begun] == [digest_of(b"%d" % number) for number in range(5)]
    assert reads.number == 3  # those that had been left longest
    assert open_descriptors() == before
