"""`LmdbIndex`: what every index does, and what is special to LMDB."""

from __future__ import annotations

import asyncio
import multiprocessing
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import lmdb
import pytest
from tornado.ioloop import IOLoop

from mxart.errors import Corrupt, StoreFull, Unavailable
from mxart.store import Index, Store, census, records
from mxart.store.index import LmdbIndex
from mxart.store.layout import DATABASES, index_folder, make_folders
from tests.store.builders import MAP_SIZE, digest_of, entry_of, keep
from tests.store.suite import IndexSuite

SPAWN = multiprocessing.get_context("spawn")


@pytest.fixture
def index(store: Store) -> Index:
    return store.index


class TestLmdbIndex(IndexSuite):
    pass


@pytest.fixture
def small(tmp_path: Path, io_loop: IOLoop) -> Iterator[LmdbIndex]:
    """An index that is full soon."""
    make_folders(tmp_path / "small")
    index = LmdbIndex(tmp_path / "small", 256 * 1024)
    yield index
    io_loop.run_sync(index.close)


@pytest.mark.gen_test
async def test_a_full_map_is_said_and_everything_stays(small: LmdbIndex, tmp_path: Path) -> None:
    kept: list[str] = []
    with pytest.raises(StoreFull, match="index_size"):
        for i in range(100_000):
            await small.put(entry_of(f"{i}" + "x" * 300, b"%d" % i), durable=False)
            kept.append(f"{i}" + "x" * 300)
    assert len(kept) > 10
    for path in kept:
        assert await small.get("go", path) is not None
    assert await small.miscounts() == []
    more = [small.put(entry_of(f"more {i}" + "x" * 300, b"%d" % i)) for i in range(500)]  # a batch
    outcomes = await asyncio.gather(*more, return_exceptions=True)
    assert {type(outcome) for outcome in outcomes if isinstance(outcome, Exception)} == {StoreFull}
    for outcome in outcomes:
        if not isinstance(outcome, BaseException):
            assert await small.get("go", outcome.path) == outcome
    assert await small.miscounts() == []
    await small.close()
    larger = LmdbIndex(tmp_path / "small", 2 * 1024 * 1024)
    await larger.put(entry_of("room again", b"x"))
    assert len(await larger.list("go", limit=100_000)) > len(kept)
    await larger.close()


@pytest.mark.gen_test
async def test_one_that_fails_takes_nothing_of_the_others_with_it(index: Index) -> None:
    good = [index.put(entry_of(f"{i}", b"%d" % i)) for i in range(20)]
    bad = index.put_note("", b"no key in LMDB is empty")
    outcomes = await asyncio.gather(*good[:10], bad, *good[10:], return_exceptions=True)
    assert isinstance(outcomes[10], lmdb.BadValsizeError)
    assert sorted(entry.path for entry in await index.list("go")) == sorted(f"{i}" for i in range(20))
    assert [change.sequence for change in await index.changes()] == list(range(1, 21))


@pytest.mark.gen_test
async def test_what_waits_is_committed_at_once(store: Store) -> None:
    environment = store.index._env  # type: ignore[attr-defined]
    blocker = environment.begin(write=True)  # as another process would
    before = environment.info()["last_txnid"]
    writes = [asyncio.ensure_future(store.index.put_note(f"{i}", b"")) for i in range(200)]
    await asyncio.sleep(0)
    blocker.abort()
    await asyncio.gather(*writes)
    assert environment.info()["last_txnid"] - before <= 2  # the first may have been taken alone


@pytest.mark.gen_test
async def test_the_loop_goes_on_while_another_process_writes(tmp_path: Path, store: Store) -> None:
    ready, done = SPAWN.Event(), SPAWN.Event()
    process = SPAWN.Process(target=_hold_the_writer, args=(str(store.path), ready, done))
    process.start()
    try:
        assert await asyncio.to_thread(ready.wait, 20)
        write = asyncio.ensure_future(store.index.put(entry_of("a", b"a")))
        for _ in range(10):
            assert await store.index.get("go", "a") is None
            await asyncio.sleep(0)
        assert not write.done()
        done.set()
        await write
    finally:
        done.set()
        process.join(20)


def _hold_the_writer(data: str, ready: multiprocessing.Event, done: multiprocessing.Event) -> None:  # type: ignore[valid-type]
    environment = _environment(Path(data))
    with environment.begin(write=True):
        ready.set()
        done.wait(20)


def _environment(data: Path) -> lmdb.Environment:
    return lmdb.open(str(index_folder(data)), map_size=MAP_SIZE, max_dbs=len(DATABASES), metasync=False)


def _put_many(data: str, name: str, number: int) -> None:
    async def work() -> None:
        index = LmdbIndex(Path(data), MAP_SIZE)
        await asyncio.gather(*(index.put(entry_of(f"{name}/{i}", b"shared %d" % (i % 5))) for i in range(number)))
        await index.close()

    asyncio.run(work())


@pytest.mark.gen_test
async def test_several_processes_write(store: Store) -> None:
    processes = [SPAWN.Process(target=_put_many, args=(str(store.path), name, 200)) for name in "abc"]
    for process in processes:
        process.start()
    await asyncio.gather(*(store.index.put(entry_of(f"own/{i}", b"shared %d" % (i % 5))) for i in range(200)))
    for process in processes:
        await asyncio.to_thread(process.join, 60)
        assert process.exitcode == 0
    assert len(await store.index.list("go", limit=2000)) == 800
    assert [change.sequence for change in await store.index.changes(limit=2000)] == list(range(1, 801))
    assert sum(blob.references for blob in await store.index.blobs()) == 800
    assert await store.index.miscounts() == []


def _read_and_hang(data: str, ready: multiprocessing.Event) -> None:  # type: ignore[valid-type]
    environment = _environment(Path(data))
    with environment.begin():
        ready.set()
        signal.pause()


@pytest.mark.gen_test
async def test_the_reader_slot_of_a_dead_process_is_cleared_at_the_next_open(store: Store) -> None:
    ready = SPAWN.Event()
    process = SPAWN.Process(target=_read_and_hang, args=(str(store.path), ready))
    process.start()
    assert await asyncio.to_thread(ready.wait, 20)
    assert process.pid is not None
    environment = store.index._env  # type: ignore[attr-defined]
    assert str(process.pid) in environment.readers()
    os.kill(process.pid, signal.SIGKILL)
    process.join(20)
    await store.index.close()
    again = LmdbIndex(store.path, MAP_SIZE)
    assert str(process.pid) not in again._env.readers()
    await again.close()


@pytest.mark.gen_test
async def test_a_newer_record_is_refused(store: Store) -> None:
    await keep(store, "a", b"a")
    await store.index.close()
    environment = _environment(store.path)
    entries = environment.open_db(b"entries")
    with environment.begin(write=True) as txn:
        txn.put(b"go\0a", records.pack_number(1).replace(b"\x01", b"\x63", 1), db=entries)
    environment.close()
    index = LmdbIndex(store.path, MAP_SIZE)
    with pytest.raises(Corrupt, match="upgrade"):
        await index.get("go", "a")
    await index.close()


def test_an_index_that_cannot_be_opened_says_where(tmp_path: Path) -> None:
    make_folders(tmp_path)
    (index_folder(tmp_path) / "data.mdb").write_bytes(b"no index" * 1000)
    with pytest.raises(Unavailable, match=str(tmp_path)):
        LmdbIndex(tmp_path, MAP_SIZE)


@pytest.mark.gen_test
async def test_wrong_counts_are_found_and_set_right(store: Store) -> None:
    for name in ("right", "low", "unrecorded", "tight"):
        await keep(store, name, name.encode())
    await keep(store, "loose", b"loose")
    await store.index.put(entry_of("loose", None))
    environment, databases = store.index._env, store.index._db  # type: ignore[attr-defined]

    def key(name: str) -> bytes:
        return bytes.fromhex(digest_of(name.encode()).hex)

    with environment.begin(write=True) as txn:
        txn.put(key("low"), records.pack_blob(3, 0), db=databases["blobs"])
        txn.delete(key("unrecorded"), db=databases["blobs"])
        txn.put(key("tight"), records.pack_time(1.0), db=databases["loose"])
        txn.delete(key("loose"), db=databases["loose"])
        txn.put(key("nothing"), records.pack_time(1.0), db=databases["loose"])
    wrong = {miscount.digest: miscount for miscount in await store.index.miscounts()}
    assert set(wrong) == {digest_of(n) for n in (b"low", b"unrecorded", b"tight", b"loose", b"nothing")}
    assert (wrong[digest_of(b"low")].references, wrong[digest_of(b"low")].recorded) == (1, 0)
    assert wrong[digest_of(b"unrecorded")].recorded is None
    assert len(await store.index.recount()) == 5
    assert await store.index.miscounts() == []
    assert [blob.digest for blob in await store.index.loose()] == [digest_of(b"loose")]


@pytest.mark.gen_test
async def test_packages_are_found_without_reading_all(index: Index, monkeypatch: pytest.MonkeyPatch) -> None:
    paths = [f"{package}/-/tags/{i}" for package in ("a", "b", "c") for i in range(200)]
    await asyncio.gather(*(index.put(entry_of(path, b"x"), durable=False) for path in paths))
    await index.put(entry_of("b/-/a", None))
    looked_at: list[bytes] = []
    key_package = census.key_package

    def looked(key: bytes, border: str) -> str:
        looked_at.append(key)
        return key_package(key, border)

    monkeypatch.setattr(census, "key_package", looked)
    assert await index.packages("go", "/-/") == ["a", "b", "c"]
    assert looked_at == [b"go\0a/-/tags/0", b"go\0b/-/a", b"go\0b/-/tags/0", b"go\0c/-/tags/0"]


@pytest.mark.gen_test
async def test_the_lock_file_has_its_room_on_the_disk(tmp_path: Path) -> None:
    make_folders(tmp_path)
    index = LmdbIndex(tmp_path, MAP_SIZE)
    stat = (tmp_path / "index/lock.mdb").stat()
    assert stat.st_blocks * 512 >= stat.st_size >= 2048 * 64, "it is written through a map: SIGBUS on a full disk"
    await index.put(entry_of("p", b"x"))
    reading = await asyncio.create_subprocess_exec(
        sys.executable, "-c", READS.format(path=str(tmp_path)), stdout=subprocess.PIPE
    )
    assert (await reading.communicate())[0] == b"True\n"
    await index.close()


READS = """
import asyncio
from pathlib import Path
from mxart.store.index import LmdbIndex

async def main():
    index = LmdbIndex(Path({path!r}), 1 << 30)
    print(await index.get("go", "p") is not None)
    await index.close()

asyncio.run(main())
"""
