"""Old absences of a proxy go, and nothing else does."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from mxart.model import Entry
from mxart.repository import absences
from mxart.store import Store
from tests.store.builders import entry_of, keep

OLD, BEFORE, YOUNG = 100.0, 1000.0, 1000.1  # UTC seconds


async def forgotten(store: Store, *, remove: bool = True) -> int:
    return sum([number async for number in absences.forget(store, "go", BEFORE, remove=remove)])


async def paths(store: Store, repository: str = "go") -> list[str]:
    return [entry.path for entry in await store.index.list(repository, limit=10_000)]


async def put(store: Store, entries: Sequence[Entry]) -> None:
    for entry in entries:
        await store.index.put(entry, durable=False)


@pytest.mark.gen_test
async def test_only_old_absences_go(store: Store) -> None:
    await keep(store, "held", b"content", created=OLD)
    old = [entry_of("at the edge", None, created=BEFORE), entry_of("old", None, created=OLD)]
    asked_for = entry_of("old and asked for", None, created=OLD)
    await put(store, [*old, asked_for, entry_of("young", None, created=YOUNG)])
    await put(store, [entry_of("old", None, "other", created=OLD)])
    store.index.served(asked_for, YOUNG)
    await store.index.flush_served()
    before = await paths(store)
    assert await forgotten(store, remove=False) == 2
    assert await paths(store) == before
    assert await forgotten(store) == 2
    assert await paths(store) == ["held", "old and asked for", "young"]
    assert await paths(store, "other") == ["old"]
    assert await forgotten(store) == 0
    assert await store.index.miscounts() == []


@pytest.mark.gen_test
async def test_many(store: Store) -> None:
    for i in range(2500):
        await put(store, [entry_of(f"{i:04}", None if i % 2 else b"", created=OLD)])
    found = [number async for number in absences.forget(store, "go", BEFORE, remove=True)]
    assert (len(found), sum(found)) == (3, 1250)
    assert await paths(store) == [f"{i:04}" for i in range(0, 2500, 2)]


@pytest.mark.gen_test
async def test_what_has_come_meanwhile_stays(store: Store) -> None:
    await put(store, [entry_of(f"{i:04}", None, created=OLD) for i in range(1500)])
    forgetting = absences.forget(store, "go", BEFORE, remove=True)
    assert await anext(forgetting) == 1000
    await keep(store, "1200", b"content", created=YOUNG)
    await put(store, [entry_of("1300", None, created=YOUNG)])
    assert [number async for number in forgetting] == [498]
    assert await paths(store) == ["1200", "1300"]
