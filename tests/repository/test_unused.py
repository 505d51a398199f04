"""What nothing leads to is found package by package, and goes while others publish and delete."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from mxart.contract import Context
from mxart.errors import Gone, NotFound
from mxart.model import Entry, Resource
from mxart.repository.hosted import Hosted, HostedParts
from mxart.repository.unused import Since, Unused, sweep
from mxart.store import Store
from mxart.store.index import LmdbIndex
from mxart.store.layout import blob_path as file_of
from tests.repository.named import NamedFormat, blob_path, doc, doc_path
from tests.repository.parts import START, Clock, resource
from tests.repository.suite import delete, listed, publish, read, refused
from tests.store.builders import MAP_SIZE, digest_of

FORMAT = NamedFormat()
LATER = START + 1000.0
ALL = Since(used=LATER, deleted=0.0)
LAYER, CONFIG, SHARED = b"layer", b"config", b"shared"
OLD, NEW, LOOSE = doc(LAYER, SHARED), doc(CONFIG, SHARED), doc(b"never pushed")


def house_of(store: Store) -> Hosted:
    return Hosted(HostedParts(name="house", format=FORMAT, store=store, clock=Clock()))


async def filled(store: Store) -> Hosted:
    """A repository with a tag that has moved on, a doc without any, and another package."""
    house = house_of(store)
    blobs = {blob_path("m", data): data for data in (LAYER, CONFIG, SHARED)}
    await publish(house, {**blobs, doc_path("m", OLD): OLD, "m/1.tag": OLD, doc_path("m", LOOSE): LOOSE})
    await publish(house, {doc_path("m", NEW): NEW, "m/1.tag": NEW}, replace=True)
    await publish(house, {doc_path("n", NEW): NEW, "n/1.tag": NEW})
    return house


async def swept(store: Store, times: Since = ALL, *, remove: bool = True) -> dict[str, list[str]]:
    """Package → the paths that have gone of it."""
    found = [each async for each in sweep(store, "house", FORMAT, times, remove=remove)]
    return {each.package: sorted(entry.path for entry in each.entries) for each in found}


LEFT_BEHIND = sorted([doc_path("m", OLD), doc_path("m", LOOSE), blob_path("m", LAYER)])


@pytest.mark.gen_test
async def test_what_nothing_leads_to_goes_and_nothing_else(store: Store) -> None:
    house = await filled(store)
    before = await listed(house, "")
    assert await swept(store, remove=False) == {"m": LEFT_BEHIND}
    assert await listed(house, "") == before
    assert await swept(store) == {"m": LEFT_BEHIND}
    assert await listed(house, "") == sorted(set(before) - set(LEFT_BEHIND))
    assert await swept(store) == {}
    assert await store.index.trash() == []
    assert type(await refused(house, doc_path("m", LOOSE))) is NotFound  # not even a memory of it
    assert {digest_of(data) for data in (LAYER, LOOSE, OLD)} == {blob.digest for blob in await store.index.loose()}
    assert await store.index.miscounts() == []
    assert await publish(house, {doc_path("m", LOOSE): LOOSE})


@pytest.mark.gen_test
async def test_what_was_pushed_or_pulled_lately_is_spared(store: Store) -> None:
    house = await filled(store)
    created = {entry.path: entry.created for entry in await store.index.list("house")}
    assert await swept(store, replace(ALL, used=min(created.values()) - 1.0)) == {}
    (entry,) = await house.list(FORMAT.aliases(_tag("m"), digest_of(OLD))[0], Context())
    store.index.served(entry, LATER + 1.0)  # by this very process, and not written yet
    await store.index.flush_served()
    assert await swept(store) == {"m": sorted(set(LEFT_BEHIND) - {doc_path("m", OLD)})}


@pytest.mark.gen_test
async def test_what_was_deleted_comes_back_whole_as_long_as_it_can_be_restored(store: Store) -> None:
    house = await filled(store)
    await swept(store)
    await delete(house, "m/1.tag")
    assert await swept(store) == {}
    (trashed,) = await store.index.trash()
    await store.index.restore(trashed.id, LATER)
    for path, data in {"m/1.tag": NEW, blob_path("m", CONFIG): CONFIG, doc_path("m", NEW): NEW}.items():
        assert await read(house, path) == data
    await delete(house, "m/1.tag")
    gone = sorted([doc_path("m", NEW), blob_path("m", CONFIG), blob_path("m", SHARED)])
    assert await swept(store, replace(ALL, deleted=LATER)) == {"m": gone}
    assert type(await refused(house, "m/1.tag")) is Gone


@pytest.mark.gen_test
async def test_of_a_package_of_which_nothing_is_left_no_index_is_left(store: Store) -> None:
    house = house_of(store)
    held = {doc_path("m", OLD): OLD, "m/1.tag": OLD, blob_path("m", LAYER): LAYER, "m/v1.zip": b"zip"}
    await publish(house, held)
    assert await read(house, "m/all.list") == b"v1.zip\n"
    await delete(house, "m/1.tag", "m/v1.zip")
    young = Since(used=START - 1.0, deleted=LATER)
    assert await swept(store, young) == {}
    assert await house.packages(Context()) == ["m"]
    everything = replace(ALL, deleted=LATER)
    going = sorted([doc_path("m", OLD), blob_path("m", LAYER), "m/all.list"])
    assert await swept(store, everything, remove=False) == {"m": going}
    assert await swept(store, everything) == {"m": going}
    assert await house.packages(Context()) == []
    assert await house.owns(_tag("m"))  # the name stays its own
    assert await store.index.miscounts() == []


@pytest.mark.gen_test
async def test_a_name_stays_the_houses_own_when_all_of_it_was_swept(store: Store) -> None:
    house = house_of(store)
    await publish(house, {doc_path("m", OLD): OLD, blob_path("m", LAYER): LAYER})  # without a tag
    assert await swept(store) == {"m": sorted([doc_path("m", OLD), blob_path("m", LAYER)])}
    assert await house.packages(Context()) == await listed(house, "") == []
    assert await house.owns(_tag("m"))
    for path in (doc_path("m", OLD), blob_path("m", LAYER)):
        assert type(await refused(house, path)) is NotFound
    assert await swept(store) == {}
    assert await publish(house, {doc_path("m", OLD): OLD, "m/1.tag": OLD})
    assert await read(house, "m/1.tag") == OLD
    assert await store.index.miscounts() == []


@pytest.mark.gen_test
async def test_an_index_stays_as_long_as_anything_does(store: Store) -> None:
    house = await filled(store)
    await publish(house, {"m/v1.zip": b"zip"})
    await read(house, "m/all.list")
    await swept(store)
    assert "m/all.list" in {entry.path for entry in await store.index.list("house")}


@pytest.mark.gen_test
async def test_lost_content_leads_nowhere_and_stops_nothing(store: Store) -> None:
    house = await filled(store)
    file_of(store.path, digest_of(NEW)).unlink()
    assert (await swept(store))["m"] == sorted([*LEFT_BEHIND, blob_path("m", CONFIG), blob_path("m", SHARED)])
    assert "m/1.tag" in await listed(house, "")


# --- meanwhile ---


class Interrupted(LmdbIndex):
    """An index in which something happens right before what was found is taken away."""

    def __init__(self, data: Path) -> None:
        super().__init__(data, MAP_SIZE)
        self.meanwhile: list[Callable[[], Awaitable[object]]] = []
        self.tried = 0

    async def sweep(self, repository: str, paths: Sequence[str], folder: str, since: int, before: float) -> int | None:
        self.tried += 1
        if self.meanwhile:
            await self.meanwhile.pop(0)()
        return await super().sweep(repository, paths, folder, since, before)


async def interrupted(store: Store) -> tuple[Hosted, Store, Interrupted]:
    await store.index.close()
    index = Interrupted(store.path)
    store = replace(store, index=index)
    return await filled(store), store, index


def pushed(house: Hosted, held: Mapping[str, bytes]) -> Callable[[], Awaitable[object]]:
    return lambda: publish(house, held, replace=True)


@pytest.mark.gen_test
async def test_what_is_tagged_meanwhile_stays(store: Store) -> None:
    house, store, index = await interrupted(store)
    index.meanwhile = [pushed(house, {"m/2.tag": OLD})]
    assert await swept(store) == {"m": [doc_path("m", LOOSE)]}
    assert await read(house, blob_path("m", LAYER)) == LAYER
    assert index.tried == 2
    await index.close()


@pytest.mark.gen_test
async def test_what_is_deleted_meanwhile_can_be_restored_whole(store: Store) -> None:
    house, store, index = await interrupted(store)
    index.meanwhile = [lambda: delete(house, "m/1.tag", "n/1.tag")]
    assert await swept(store) == {"m": LEFT_BEHIND}
    trashed = await store.index.trash()
    await store.index.restore(trashed[0].id, LATER)
    for path in ("m/1.tag", doc_path("m", NEW), "n/1.tag", doc_path("n", NEW)):
        assert await read(house, path) == NEW
    assert await read(house, blob_path("m", CONFIG)) == CONFIG
    await index.close()


@pytest.mark.gen_test
async def test_what_happens_to_another_package_does_not_matter(store: Store) -> None:
    house, store, index = await interrupted(store)
    index.meanwhile = [pushed(house, {"n/2.tag": NEW})]
    assert await swept(store) == {"m": LEFT_BEHIND}
    assert index.tried == 1
    await index.close()


@pytest.mark.gen_test
async def test_a_package_that_never_comes_to_rest_is_left_to_the_next_run(store: Store) -> None:
    house, store, index = await interrupted(store)
    before = set(await listed(house, ""))
    index.meanwhile = [pushed(house, {f"m/{number}.txt": b"%d" % number}) for number in range(5)]
    assert await swept(store) == {}
    assert index.tried == 5
    assert before < set(await listed(house, ""))
    assert await swept(store) == {"m": LEFT_BEHIND}
    await index.close()


@pytest.mark.gen_test
async def test_what_is_found_is_told_as_it_goes(store: Store) -> None:
    house = await filled(store)
    await publish(house, {doc_path("z", LOOSE): LOOSE})
    going: AsyncIterator[Unused] = sweep(store, "house", FORMAT, ALL, remove=True)
    first: Entry = (await anext(going)).entries[0]
    assert first.path.startswith("m/")
    assert doc_path("z", LOOSE) in await listed(house, "")
    assert [each.package async for each in going] == ["z"]


def _tag(package: str) -> Resource:
    return resource(f"{package}/1.tag")
