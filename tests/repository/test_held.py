from __future__ import annotations

import asyncio

import pytest

from mxart.repository.held import below
from mxart.store import Offer, Store
from tests.store.builders import entry_of


@pytest.mark.gen_test
async def test_a_large_folder_is_read_whole_and_others_have_their_turns(store: Store) -> None:
    paths = [f"m/{i:04}" for i in range(1001)]
    await store.index.publish([Offer(entry_of(path, b"", "house")) for path in [*paths, "n/0000"]], 2.0)
    turns = 0

    async def count() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    counting = asyncio.create_task(count())
    found = await below(store.index, "house", "m/")
    counting.cancel()
    assert turns >= 4
    assert [entry.path for entry in found] == paths
