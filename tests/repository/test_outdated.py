"""What has had its time: into the trash with it, whole, and only that."""

from __future__ import annotations

import pytest

from mxart.errors import NotFound
from mxart.repository.outdated import prune
from mxart.store import Store
from tests.repository.parts import START, PlainFormat, hosted
from tests.repository.suite import publish, read

NOW = START + 102.0


async def pruned(store: Store, now: float = NOW, *, remove: bool = True) -> dict[str, list[str]]:
    found = prune(store, "house", PlainFormat(), now, remove=remove)
    return {each.package: [entry.path for entry in each.entries] async for each in found}


@pytest.mark.gen_test
async def test_what_has_had_its_time_is_in_the_trash_as_one(store: Store) -> None:
    house = hosted(store)
    await publish(house, {"m/a.old": b"a", "m/b.old": b"b", "m/c.zip": b"c", "n/d.old": b"d"})
    assert await pruned(store, START + 99.0) == {}
    wanted = {"m": ["m/a.old", "m/b.old"], "n": ["n/d.old"]}
    assert await pruned(store, remove=False) == wanted
    assert await read(house, "m/a.old") == b"a"
    assert await pruned(store) == wanted
    assert await pruned(store) == {}
    assert [entry.path for entry in await store.index.list("house")] == ["m/c.zip"], "no tombstone is left"

    trashed = await store.index.trash()
    assert [(each.entry.path, each.batch_size) for each in trashed] == [("m/a.old", 2), ("m/b.old", 2), ("n/d.old", 1)]
    assert {entry.path for entry in await store.index.restore(trashed[0].id, NOW)} == {"m/a.old", "m/b.old"}
    assert await read(house, "m/b.old") == b"b"


@pytest.mark.gen_test
async def test_where_nothing_is_nothing_has_had_its_time(store: Store) -> None:
    assert await pruned(store) == {}
    house = hosted(store)
    await publish(house, {"m/a.zip": b"a"})
    assert await pruned(store) == {}
    with pytest.raises(NotFound):
        await read(house, "m/a.old")
