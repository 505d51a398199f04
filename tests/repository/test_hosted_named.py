"""A hosted repository of what has a digest for its name: one content at several paths, what it needs, what is alike."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import Any, BinaryIO

import pytest

from mxart.contract import Context, Held, Missing, Part, Policy, Publication
from mxart.errors import Conflict, Gone, NotFound
from mxart.model import Blob, Entry, Resource
from mxart.repository.hosted import Hosted, HostedParts
from mxart.store import Store
from tests.repository.named import OTHER_TYPE, NamedFormat, blob_path, doc, doc_path
from tests.repository.parts import Clock, incoming, resource
from tests.repository.suite import delete, listed, publish, read, refused, upload
from tests.store.builders import digest_of

LAYER, DOC = b"layer", doc()


def named_house(store: Store, name: str = "house", format_: NamedFormat | None = None) -> Hosted:
    return Hosted(HostedParts(name=name, format=format_ or NamedFormat(), store=store, clock=Clock()))


async def tagged(house: Hosted, *paths: str, data: bytes = doc(), needs: Sequence[str] = (), **part: Any) -> bool:
    """Publish a doc by these paths, from one upload."""
    ingest = await upload(house, paths[0], data)
    try:
        parts = [Part(resource=resource(path), upload=ingest, **part) for path in paths]
        needed = [resource(path) for path in needs]
        return await house.publish(Publication(parts=parts, replace=True, needs=needed), Context())
    finally:
        await ingest.cancel()


async def blob_of(house: Hosted, path: str) -> Blob:
    content = await house.get(resource(path), Context())
    content.close()
    assert isinstance(content, Blob)
    return content


@pytest.mark.gen_test
async def test_one_upload_stands_at_several_paths_with_its_type_and_what_is_noted(store: Store) -> None:
    house = named_house(store)
    paths = ("m/1.tag", doc_path("m", DOC), "m/note.txt")
    assert await tagged(house, *paths, media_type=OTHER_TYPE, facts={"size": "12", "of": "me"})
    for path in paths[:2]:
        blob = await blob_of(house, path)
        assert (blob.media_type, blob.digest, dict(blob.facts)) == (
            OTHER_TYPE,
            digest_of(DOC),
            {"size": "12", "of": "me"},
        )
    assert (await blob_of(house, paths[2])).media_type == "application/txt"  # as its policy says
    assert len(list(store.blobs.walk())) == 1
    assert {dict(entry.facts)["of"] for entry in await house.list(resource("m/"), Context())} == {"me"}
    assert incoming(store) == []


@pytest.mark.gen_test
async def test_without_a_type_it_is_as_the_policy_says(store: Store) -> None:
    house = named_house(store)
    await tagged(house, "m/1.tag")
    blob = await blob_of(house, "m/1.tag")
    assert (blob.media_type, dict(blob.facts)) == ("application/tag", {})


@pytest.mark.gen_test
async def test_what_the_store_has_needs_no_upload(store: Store) -> None:
    house, shed = named_house(store), named_house(store, "shed")
    await publish(shed, {"n/a.zip": LAYER})
    held = Part(resource=resource(blob_path("m", LAYER)), upload=Held(digest_of(LAYER), len(LAYER)))
    assert await house.publish(Publication(parts=[held]), Context())
    assert not await house.publish(Publication(parts=[held]), Context())
    assert await read(house, blob_path("m", LAYER)) == LAYER
    await delete(shed, "n/a.zip")
    await store.index.expire_trash(2e9)
    assert await read(house, blob_path("m", LAYER)) == LAYER
    assert await store.index.miscounts() == []


@pytest.mark.parametrize("claim", [Held(digest_of(LAYER), 4), Held(digest_of(b"never"), 5)])
@pytest.mark.gen_test
async def test_what_the_store_has_not_is_not_published(store: Store, claim: Held) -> None:
    house = named_house(store)
    await publish(named_house(store, "shed"), {"n/a.zip": LAYER})
    ingest = await upload(house, "m/1.tag", DOC)
    parts = [
        Part(resource=resource("m/1.tag"), upload=ingest),
        Part(resource=resource(f"m/{claim.digest.hex}.blob"), upload=claim),
    ]
    with pytest.raises(NotFound):
        await house.publish(Publication(parts=parts), Context())
    await ingest.cancel()
    assert await listed(house, "") == []
    assert len(list(store.blobs.walk())) == 1


@pytest.mark.gen_test
async def test_what_is_needed_and_missing_is_named_and_nothing_is_left(store: Store) -> None:
    house = named_house(store)
    needs = [blob_path("m", LAYER), blob_path("m", b"other"), "m/deleted.txt"]
    await publish(house, {"m/deleted.txt": b"x"})
    await delete(house, "m/deleted.txt")
    blobs = len(list(store.blobs.walk()))
    with pytest.raises(Missing, match=re.escape(needs[0])) as caught:
        await tagged(house, "m/1.tag", doc_path("m", DOC), needs=needs)
    assert caught.value.paths == tuple(needs)
    assert await listed(house, "") == []
    assert len(list(store.blobs.walk())) == blobs
    assert incoming(store) == []
    await publish(named_house(store, "shed"), {blob_path("m", LAYER): LAYER})  # in another repository
    await publish(house, {blob_path("n", LAYER): LAYER})  # for another package
    with pytest.raises(Missing):
        await tagged(house, "m/1.tag", needs=needs[:1])
    await publish(house, {blob_path("m", LAYER): LAYER})
    assert await tagged(house, "m/1.tag", doc_path("m", DOC), needs=[needs[0], doc_path("m", DOC)])  # itself, too


@pytest.mark.gen_test
async def test_a_name_that_does_not_move_stays_where_it_is(store: Store) -> None:
    house = named_house(store)
    for path in ("m/1.tag", "m/fixed1.tag"):
        assert await tagged(house, path)
        assert not await tagged(house, path)
    assert await tagged(house, "m/1.tag", data=doc(LAYER))
    for _ in range(2):
        with pytest.raises(Conflict, match=re.escape("m/fixed1.tag")):
            await tagged(house, "m/2.tag", "m/fixed1.tag", data=doc(LAYER))
        assert await listed(house, "m/2.tag") == []
        with suppress(NotFound):
            await delete(house, "m/fixed1.tag")  # nor when it was deleted
    assert await tagged(house, "m/fixed1.tag")


@pytest.mark.gen_test
async def test_what_is_alike_goes_with_it_and_comes_back_with_it(store: Store) -> None:
    house = named_house(store)
    await tagged(house, doc_path("m", DOC), "m/1.tag", "m/2.tag", "m/other.txt", "mm/1.tag")
    await tagged(house, "m/3.tag", data=doc(LAYER))
    alike = [resource("m/1"), resource("m/2"), resource("m/3"), resource("absent/")]
    await house.delete([resource(doc_path("m", DOC)), resource("m/never.tag")], Context(), alike)
    assert await listed(house, "") == ["m/3.tag", "m/other.txt", "mm/1.tag"]
    for path in ("m/1.tag", "m/2.tag", doc_path("m", DOC)):
        assert isinstance(await refused(house, path), Gone)
    trashed = await store.index.trash()
    assert {each.batch_size for each in trashed} == {3}
    await store.index.restore(trashed[-1].id, 2e6)
    assert len(await listed(house, "")) == 6


@pytest.mark.gen_test
async def test_nothing_goes_for_being_alike_to_what_is_not_there(store: Store) -> None:
    house = named_house(store)
    await tagged(house, "m/1.tag")
    with pytest.raises(NotFound):
        await house.delete([resource(doc_path("m", DOC))], Context(), [resource("m/")])
    assert await listed(house, "") == ["m/1.tag"]


class Within(NamedFormat):
    """Its lists name the zips of the folder ``shelf`` in their own."""

    def policy(self, resource: Resource) -> Policy:
        policy = super().policy(resource)
        return replace(policy, within=f"{policy.folder}shelf/") if policy.index else policy

    def generate(self, resource: Resource, entries: Iterable[Entry], out: BinaryIO) -> None:
        out.writelines(entry.path.encode() + b"\n" for entry in entries)


@pytest.mark.gen_test
async def test_an_index_is_made_of_what_lies_where_its_policy_says(store: Store) -> None:
    house = named_house(store, format_=Within())
    await publish(house, {"m/a.zip": b"", "m/shelf.zip": b"", "m/shelf2/b.zip": b""})
    assert isinstance(await refused(house, "m/all.list"), NotFound)
    await publish(house, {"m/shelf/c.zip": b"", "m/shelf/d.txt": b"", "n/shelf/e.zip": b""})
    assert await read(house, "m/all.list") == b"m/shelf/c.zip\nm/shelf/d.txt\n"
    assert await house.owns(resource("m/all.list"))  # that goes by the whole folder
    await delete(house, "m/shelf/c.zip", "m/shelf/d.txt")
    assert isinstance(await refused(house, "m/all.list"), NotFound)
