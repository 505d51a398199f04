"""A process that changes a store as fast as it can, to be killed: ``python -m tests.faults.writer DATA NAME SEED``.

It prints each path with the content's seed once it has been told that the entry is durable, and "ready" before. What
lies below a folder of "batch/" was published together.
"""

from __future__ import annotations

import asyncio
import random
import sys
import time
from pathlib import Path

from mxart.store import Store
from mxart.store.collect import Ages, collect
from mxart.store.sweep import Removing
from tests.store import builders
from tests.store.builders import keep, open_store

BATCH = ("zip", "mod", "info")


def content(seed: int) -> bytes:
    return random.Random(seed).randbytes(1000 + 400 * (seed % 200))


async def publish(store: Store, name: str, chance: random.Random) -> None:
    """New paths; many of them with content that others let go of at the same time."""
    for number in range(1_000_000):
        seed, path = chance.randrange(50), f"{name}/{number}"
        await keep(store, path, content(seed))
        print(path, seed, flush=True)


async def publish_batches(store: Store, name: str, chance: random.Random) -> None:
    """Three new paths at once; every third time they are withdrawn, and published again as they were."""
    for number in range(1_000_000):
        seeds = {f"batch/{name}/{number}/{kind}": chance.randrange(100) for kind in BATCH}
        await builders.publish(store, {path: content(seed) for path, seed in seeds.items()})
        if number % 3 == 0:
            await store.index.withdraw("go", list(seeds), time.time())
            await builders.publish(store, {path: content(seed) for path, seed in seeds.items()})
        print("".join(f"{path} {seed}\n" for path, seed in seeds.items()), end="", flush=True)


async def churn(store: Store, chance: random.Random) -> None:
    """Few paths, replaced and deleted all the time."""
    while True:
        path = f"churn/{chance.randrange(5)}"
        await keep(store, path, content(chance.randrange(100)))
        if chance.random() < 0.3:
            await store.index.delete("go", path, time.time())


async def sweep(store: Store) -> None:
    while True:
        ages = Ages(now=time.time(), trash=0.0, grace=-60.0)  # whatever nobody names goes at once
        await collect(store, Removing(store), ages, lambda _: None)


async def work(data: Path, name: str, seed: int) -> None:
    store = open_store(data)
    print("ready", flush=True)
    chance = random.Random(seed)
    publishers = publish(store, name, chance), publish_batches(store, name, chance)
    await asyncio.gather(*publishers, churn(store, chance), churn(store, chance), sweep(store))


if __name__ == "__main__":
    asyncio.run(work(Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])))
