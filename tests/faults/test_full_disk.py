"""A disk that the store itself has filled: room can be made on it."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from mxart.store import reserve
from tests.store.builders import keep, open_store
from tests.support.disk import small_disk
from tests.support.server import Server

pytestmark = pytest.mark.fault

MIB = 1 << 20


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 96 MiB."""
    with small_disk(tmp_path, 96) as folder:
        yield folder


def fill(disk: Path) -> None:
    """Not a byte is left."""
    for size in (MIB, 4096):
        with (disk / f"ballast{size}").open("wb", buffering=0) as file:
            try:
                while file.write(b"\1" * size) == size:
                    pass
            except OSError:
                pass


async def delete_much(data: Path) -> None:
    """20 MiB of content go into the trash, in so many entries that to take them out changes much of the index."""
    store = open_store(data)
    try:
        paths = [f"{number:05}" for number in range(2000)]
        for some in (paths[start : start + 100] for start in range(0, len(paths), 100)):
            await asyncio.gather(*(keep(store, path, path.encode().ljust(10_000, b".")) for path in some))
            await asyncio.gather(*(store.index.delete("go", path, time.time()) for path in some))
    finally:
        await store.index.close()


def test_what_was_deleted_is_collected_on_a_disk_without_a_byte_left(tmp_path: Path, disk: Path) -> None:
    data = disk / "data"
    server = Server(tmp_path / "server", f'[store.default]\npath = "{data}"\ntrash_age = "1 ms"\n')
    asyncio.run(delete_much(data))
    reserve.keep(data)
    fill(disk)
    assert os.statvfs(disk).f_bavail == 0
    collected = server.run("gc", "--grace", "0 s")
    assert collected.returncode == 0, collected.stdout + collected.stderr
    stat = os.statvfs(disk)
    assert stat.f_bavail * stat.f_frsize > 10 * MIB
    assert server.run("fsck").returncode == 0
