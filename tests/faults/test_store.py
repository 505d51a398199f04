"""The store's promises, with processes killed at random instants and with a disk that is full."""

from __future__ import annotations

import asyncio
import random
import resource
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import pytest

from mxart.errors import StoreFull
from mxart.store import Store
from mxart.store.check import check
from mxart.store.collect import Ages, collect
from mxart.store.layout import index_folder
from mxart.store.sweep import Removing
from tests.faults.writer import BATCH, content
from tests.store.builders import digest_of, entry_of, keep, open_store
from tests.support.disk import file_limit, mounted

pytestmark = pytest.mark.fault

ROOT = Path(__file__).parents[2]


def start_writer(data: Path, name: str, seed: int) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "tests.faults.writer", data, name, str(seed)],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def killed(writers: list[subprocess.Popen[str]], chance: random.Random) -> dict[str, int]:
    """What they were told to be durable (path → seed of its content) before each was killed, at its own instant."""
    for writer in writers:
        assert writer.stdout is not None
        assert writer.stdout.readline() == "ready\n"
    told: dict[str, int] = {}
    for writer in writers:
        time.sleep(chance.uniform(0.05, 0.4))  # the instant is the point
        writer.kill()
    for writer in writers:
        with writer:
            assert writer.stdout is not None
            output = writer.stdout.read()  # not communicate: it would miss what came along with "ready"
        lines = output.split("\n")[:-1]  # the last may have been cut
        told |= {path: int(seed) for path, seed in (line.split(" ") for line in lines)}
    return told


@pytest.mark.parametrize("seed", range(4))
def test_killed_processes_lose_nothing_that_was_told_durable(tmp_path: Path, seed: int) -> None:
    chance = random.Random(seed)
    data = tmp_path / "data"
    told: dict[str, int] = {}
    for number in range(3):
        told |= killed([start_writer(data, f"{number}-{i}", 10 * number + i) for i in range(3)], chance)
        asyncio.run(verify(data, told))
    assert len(told) > 10
    assert any(path.startswith("batch/") for path in told)


async def verify(data: Path, told: dict[str, int]) -> None:
    """The store opens, is clean, and has all that was told; what the dead left behind can be collected."""
    store = open_store(data)
    try:
        for _ in range(2):
            report = await check(store, time.time(), lambda _: None)
            assert report.clean, report
            for path, seed in told.items():
                entry = await store.index.get("go", path)
                assert entry is not None
                assert entry.digest == digest_of(content(seed))
            await batches_are_whole(store)
            now = time.time()
            await collect(store, Removing(store), Ages(now=now + 1e6, trash=0.0), lambda _: None)
        assert list((data / "incoming").iterdir()) == []
        assert (report.orphans, report.leftovers) == (0, 0)
    finally:
        await store.index.close()


async def batches_are_whole(store: Store) -> None:
    """All of a batch stands, or all of it was withdrawn, or there is nothing."""
    batches: dict[str, list[bool]] = defaultdict(list)
    after = ""
    while page := await store.index.list("go", "batch/", after):
        after = page[-1].path
        for entry in page:
            batches[entry.path.rpartition("/")[0]].append(entry.digest is not None)
    for folder, stands in batches.items():
        assert stands in ([True] * len(BATCH), [False] * len(BATCH)), folder


@dataclass
class SmallDisk:
    """A folder in which there is little room. ``free`` makes room again."""

    folder: Path
    free: Callable[[], None]


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[SmallDisk]:
    """A file system of 4 MiB where one can be mounted; elsewhere no file may grow beyond 1 MiB."""
    folder = tmp_path / "disk"
    with mounted(folder, 4) as is_mounted:
        if is_mounted:
            yield SmallDisk(
                folder, lambda: subprocess.run(["mount", "-o", "remount,size=64m", folder], check=True) and None
            )
            return
    with file_limit() as limit:
        limit(1 << 20)
        yield SmallDisk(folder, lambda: limit(resource.getrlimit(resource.RLIMIT_FSIZE)[1]))


async def fill(store: Store) -> list[str]:
    """Entries until there is no room for a blob, then for a line in the index; returns what was told to be kept."""
    kept: list[str] = []
    full = 0
    for size in (1_500_000, 300_000, 10_000):
        try:
            for number in range(30):
                path = f"{size}/{number}"
                await keep(store, path, path.encode().ljust(size, b"."))
                kept.append(path)
        except StoreFull:
            full += 1
    assert full
    assert kept
    with pytest.raises(StoreFull):
        for number in range(100_000):
            await store.index.put(entry_of(f"absent/{number}", None, reason="x" * 2000))
    return kept


async def is_whole(store: Store, kept: list[str]) -> None:
    """Nothing is corrupt, and what was kept can be read."""
    report = await check(store, time.time(), lambda _: None)
    assert report.clean, report
    for path in kept:
        entry = await store.index.get("go", path)
        assert entry is not None
        assert entry.digest is not None
        file = store.blobs.open(entry.digest, entry.size)
        assert file is not None
        file.close()


@pytest.mark.gen_test
async def test_a_full_disk_breaks_nothing_and_is_forgotten_when_there_is_room(small_disk: SmallDisk) -> None:
    data = small_disk.folder / "data"
    store = open_store(data)
    try:
        kept = await fill(store)
        await is_whole(store, kept)
        small_disk.free()
        assert (await keep(store, "afterwards", b"x" * 3_000_000)).sequence > 0
        await is_whole(store, [*kept, "afterwards"])
        await collect(store, Removing(store), Ages(now=time.time() + 1e6, trash=0.0), lambda _: None)
        await is_whole(store, [*kept, "afterwards"])
        assert list((data / "incoming").iterdir()) == []
    finally:
        await store.index.close()


@pytest.mark.gen_test
async def test_a_full_disk_can_be_opened_and_read(small_disk: SmallDisk) -> None:
    store = open_store(small_disk.folder / "data")
    kept = await fill(store)
    await store.index.close()
    assert (index_folder(store.path) / "data.mdb").stat().st_size < 4 << 20
    store = open_store(store.path)
    try:
        await is_whole(store, kept)
        with suppress(StoreFull):  # trash needs room of its own
            await store.index.delete("go", kept[0], time.time())
        await is_whole(store, kept[1:])
    finally:
        await store.index.close()
