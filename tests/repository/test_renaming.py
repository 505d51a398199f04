from __future__ import annotations

from collections.abc import Mapping

import pytest

from mxart.contract import Context, Held, Missing, Part, Publication, Repository
from mxart.errors import Denied, Gone, NotFound
from mxart.repository.renaming import Renaming
from mxart.repository.rules import Blocking, Yielding
from mxart.store import Store
from tests.repository.named import NamedFormat
from tests.repository.parts import Answer, Worker, hosted, resource
from tests.repository.suite import Make, PublishingSuite, below, delete, listed, publish, read, refused, upload
from tests.repository.teller import Teller
from tests.store.builders import digest_of
from tests.support.upstream import ScriptedUpstream

FORMAT = NamedFormat()


class TestRenaming(PublishingSuite):
    owning = True

    @pytest.fixture
    def make(self, store: Store) -> Make:
        async def make(held: Mapping[str, bytes]) -> Repository:
            repository = Renaming(hosted(store), FORMAT)
            await publish(repository, held)
            return repository

        return make


@pytest.mark.gen_test
async def test_what_is_held_by_its_whole_name_is_had_by_the_short_one(store: Store) -> None:
    house = hosted(store)
    renaming = Renaming(house, FORMAT)
    assert await publish(renaming, {"short/v1.zip": b"zip", "short/v1.info": b"info"})
    assert await listed(house, "") == ["long/v1.info", "long/v1.zip"]
    assert not await publish(renaming, {"long/v1.zip": b"zip"})
    for path in ("short/v1.zip", "long/v1.zip"):
        assert await read(renaming, path) == b"zip"
    assert await listed(renaming, "short/") == ["long/v1.info", "long/v1.zip"]
    assert [child.name for child in await below(renaming, "short/")] == ["v1.info", "v1.zip"]
    assert await renaming.packages(Context()) == ["long"]
    for path in ("short/v9.zip", "long/v9.zip"):
        assert await renaming.owns(resource(path))
    assert not await renaming.owns(resource("shorter/v9.zip"))


@pytest.mark.gen_test
async def test_all_of_a_publication_goes_by_the_whole_name(store: Store) -> None:
    renaming = Renaming(hosted(store), FORMAT)
    await publish(renaming, {"short/v1.zip": b"zip", "short/old.txt": b"old"})
    part = Part(resource=resource("short/v2.zip"), upload=Held(digest_of(b"zip"), 3))
    needs, drops = [resource("short/v1.zip")], [resource("short/old.txt")]
    assert await renaming.publish(Publication(parts=[part], needs=needs, drops=drops), Context())
    assert await listed(renaming, "") == ["long/v1.zip", "long/v2.zip"]
    with pytest.raises(Missing) as caught:
        await renaming.publish(Publication(parts=(), needs=[resource("short/v9.zip")]), Context())
    assert caught.value.paths == ("long/v9.zip",)


@pytest.mark.gen_test
async def test_what_is_pruned_by_the_short_name_is_gone_by_both(store: Store) -> None:
    renaming = Renaming(hosted(store), FORMAT)
    await publish(renaming, {"short/v1.zip": b"zip"})
    await publish(renaming, {}, prunes=["short/v1.zip"])
    assert isinstance(await refused(renaming, "long/v1.zip"), NotFound)
    assert [item.entry.path for item in await store.index.trash()] == ["long/v1.zip"]


@pytest.mark.gen_test
async def test_what_is_deleted_by_the_short_name_is_gone_by_both(store: Store) -> None:
    renaming = Renaming(hosted(store), FORMAT)
    await publish(renaming, {"short/v1.zip": b"zip", "short/a.txt": b"zip", "m/a.txt": b"zip"})
    await renaming.delete([resource("short/v1.zip")], Context(), [resource("short/a")])
    for path in ("short/v1.zip", "long/v1.zip", "short/a.txt"):
        assert isinstance(await refused(renaming, path), Gone)
    assert await read(renaming, "m/a.txt") == b"zip"
    with pytest.raises(NotFound):
        await delete(renaming, "long/v1.zip")


@pytest.mark.gen_test
async def test_an_upload_goes_on_by_either_name(store: Store) -> None:
    renaming = Renaming(hosted(store), FORMAT)
    begun = await renaming.ingest(resource("short/v1.zip"), Context())
    await begun.suspend()
    resumed = await renaming.ingest(resource("long/v1.zip"), Context(), begun.id)
    await resumed.cancel()
    committed = await upload(renaming, "short/v2.zip", b"zip")
    await committed.cancel()


@pytest.mark.gen_test
async def test_a_proxy_fetches_it_once_and_a_rule_inside_sees_the_whole_name(
    upstream: ScriptedUpstream, worker: Worker
) -> None:
    upstream.static("/long/v1.zip", b"zip")
    renaming = Renaming(Blocking(worker.proxy, ["long/secret", "other"], ["long", "m"]), FORMAT)
    for path in ("short/v1.zip", "long/v1.zip"):
        assert await read(renaming, path) == b"zip"
    assert [seen.path for seen in upstream.requests] == ["/long/v1.zip"]
    closed = Renaming(Blocking(worker.proxy, ["long"], ()), FORMAT)
    assert isinstance(await refused(closed, "short/v2.zip"), Denied)
    assert len(upstream.requests) == 1


@pytest.mark.gen_test
async def test_an_owned_name_is_asked_of_nobody_by_its_short_form(store: Store) -> None:
    """The format says in ``above`` what a short name may stand for."""
    outside = Teller("public", {"long/v1.zip": b"of somebody outside"})
    house = Renaming(hosted(store), FORMAT)
    await publish(house, {"long/v1.zip": b"zip"})
    whole = Yielding(Renaming(outside, FORMAT), [house], (), FORMAT)
    for path in ("short/v1.zip", "long/v1.zip", "short/v9.zip"):
        assert isinstance(await refused(whole, path), NotFound)
    assert outside.asked == []


@pytest.mark.gen_test
async def test_nothing_else_is_changed() -> None:
    inner = Teller("go", {"m/a.zip": b"data", "short/a.zip": b"never asked for"})
    renaming = Renaming(inner, FORMAT)
    assert renaming.name == "go"
    content = await renaming.get(resource("m/a.zip"), Context())
    assert await Answer(content, Context()).read() == b"data"
    await refused(renaming, "short/a.zip")
    await renaming.list(resource("short/"), Context())
    assert inner.asked == ["m/a.zip", "long/a.zip"]
    await renaming.children(resource("short/"), "", 100, Context())
    assert inner.listed == ["long/", "long/"]
