"""A worker in a process of its own, to be killed: ``python -m tests.repository.leader DATA URL PATH``.

It asks its proxy for PATH and prints "N bytes" as the first of them may be given out, "done" at the end.
"""

from __future__ import annotations

import asyncio
import sys
import time
from pathlib import Path

from tests.repository.parts import Clock, Worker
from tests.store.builders import open_store


class WallClock(Clock):
    def __call__(self) -> float:
        return time.time()


async def lead(data: Path, url: str, path: str) -> None:
    store = open_store(data)
    worker = Worker(store, url, clock=WallClock())
    answer = await worker.get(path)
    extent = await answer.growing.extent(0)
    print(extent.end, "bytes", flush=True)
    await answer.read()
    print("done", flush=True)
    await worker.close()
    await store.index.close()


if __name__ == "__main__":
    asyncio.run(lead(Path(sys.argv[1]), sys.argv[2], sys.argv[3]))
