"""What every `Repository` must do, whatever its kind, and with any rule around it.

A plug-in is a class of tests that derives from `ReadOnlySuite` (nothing can be published) or `PublishingSuite`, and
says by a fixture and a word how such a repository comes to be::

    class TestHosted(PublishingSuite):
        owning = True  # is the name of what it holds its own?

        @pytest.fixture
        def make(self, store: Store) -> Make:
            async def make(held: Mapping[str, bytes]) -> Repository:
                ...  # a repository that holds these paths now, and no others

            return make

It is made over ``store``, the fixture of ``conftest.py``, and its format is `PlainFormat`; it may have any name. Each
test calls ``make`` once, with paths of `HELD`.
"""

from __future__ import annotations

import asyncio
import itertools
import re
from collections.abc import Awaitable, Callable, Collection, Mapping
from contextlib import suppress

import pytest

from mxart.contract import Context, Ingest, Part, Publication, Repository
from mxart.errors import Conflict, Invalid, MxartError, NotFound, TooLarge, Unsupported
from mxart.model import Blob, Child, Digest
from mxart.offload import offload
from mxart.store import Store
from tests.repository.parts import TINY, Answer, resource
from tests.store.builders import digest_of
from tests.support.children import children_of
from tests.support.descriptors import open_descriptors

Make = Callable[[Mapping[str, bytes]], Awaitable[Repository]]

HELD = {
    "m/v1.info": b"info of v1",
    "m/v1.zip": b"zip of v1" * 10_000,
    "m/v2.info": b"info of v2",
    "m/v2.zip": b"",
    "m/deep/v1.info": b"info of v1",  # the same content at another path
    "m/deep/v1.zip": b"zip of another v1",
    "n/v1.info": b"info of n",
    "n/v1.zip": b"zip of n",
}
NEW = {"m/v3.info": b"info of v3", "m/v3.zip": b"zip of v3"}


async def read(repository: Repository, path: str) -> bytes:
    """All of the content, as a client gets it."""
    context = Context()
    return await Answer(await repository.get(resource(path), context), context).read()


async def below(repository: Repository, folder: str, size: int = 1000, context: Context | None = None) -> list[Child]:
    """All that lies right below the folder, in pages of that size."""
    found: list[Child] = []
    last = ""
    while page := await repository.children(resource(folder), last, size, context or Context()):
        assert len(page) <= size
        found += page
        last = page[-1].name
    return found


async def refused(repository: Repository, path: str) -> MxartError:
    """Why there is no content."""
    with pytest.raises(MxartError) as caught:
        (await repository.get(resource(path), Context())).close()
    return caught.value


async def listed(repository: Repository, prefix: str) -> list[str]:
    return sorted(entry.path for entry in await repository.list(resource(prefix), Context()))


async def upload(repository: Repository, path: str, data: bytes) -> Ingest:
    """A committed upload, written in two pieces; cancelled when that fails."""
    ingest = await repository.ingest(resource(path), Context())
    try:
        await ingest.write(data[: len(data) // 2])
        await ingest.write(data[len(data) // 2 :])
        assert await ingest.commit() == digest_of(data)
    except BaseException:
        await ingest.cancel()
        raise
    return ingest


async def publish(
    repository: Repository,
    held: Mapping[str, bytes],
    *,
    keep: bool = False,
    replace: bool = False,
    drops: Collection[str] = (),
    prunes: Collection[str] = (),
) -> bool:
    """Publish all of it at once, as a format does."""
    uploads: dict[str, Ingest] = {}
    try:
        for path, data in held.items():
            uploads[path] = await upload(repository, path, data)
        parts = [Part(resource=resource(path), upload=ingest, keep=keep) for path, ingest in uploads.items()]
        dropped, pruned = [resource(path) for path in drops], [resource(path) for path in prunes]
        publication = Publication(parts=parts, replace=replace, drops=dropped, prunes=pruned)
        return await repository.publish(publication, Context())
    finally:
        for ingest in uploads.values():
            await ingest.cancel()


async def delete(repository: Repository, *paths: str) -> None:
    await repository.delete([resource(path) for path in paths], Context())


class ReadingSuite:
    """What holds for all of them."""

    owning: bool

    @pytest.fixture
    def make(self) -> Make:
        raise TypeError("a plug-in says how its repository is made")

    @pytest.mark.gen_test
    async def test_what_is_held_is_given(self, make: Make) -> None:
        repository = await make(HELD)
        for path, data in HELD.items():
            context = Context()
            content = await repository.get(resource(path), context)
            assert isinstance(content, Blob)
            assert (content.size, content.digest) == (len(data), digest_of(data))
            assert content.media_type == f"application/{path.rpartition('.')[2]}"
            assert await Answer(content, context).read() == data
            assert context.trail.cache_status == "mxart; hit"
            assert path in " ".join(context.trail.lines())

    @pytest.mark.gen_test
    async def test_what_is_not_held_is_not_found_in_a_sentence(self, make: Make) -> None:
        repository = await make(HELD)
        for path in ("m/v3.zip", "m/v1.txt", "m/v1", "absent/v1.info", "absent/all.list", "top.zip"):
            error = await refused(repository, path)
            assert isinstance(error, NotFound), path
            assert len(error.message.split()) > 2

    @pytest.mark.gen_test
    async def test_many_read_at_once(self, make: Make) -> None:
        repository = await make(HELD)
        paths = [path for path in HELD for _ in range(10)]
        assert await asyncio.gather(*(read(repository, path) for path in paths)) == [HELD[path] for path in paths]

    @pytest.mark.gen_test
    async def test_a_list_names_what_is_held_below_a_path(self, make: Make) -> None:
        repository = await make(HELD)
        await refused(repository, "m/v3.zip")  # some remember that
        with suppress(NotFound):
            await read(repository, "m/all.list")
        for prefix in ("", "m/", "m/v1", "m/deep/", "n", "m/v1.zip", "absent/", "m/v3.zip"):
            expected = sorted(path for path in HELD if path.startswith(prefix))
            assert await listed(repository, prefix) == expected, prefix
        for entry in await repository.list(resource(""), Context()):
            assert (entry.digest, entry.size) == (digest_of(HELD[entry.path]), len(HELD[entry.path]))

    @pytest.mark.gen_test
    async def test_a_folder_is_what_is_held_right_below_it(self, make: Make) -> None:
        repository = await make(HELD)
        for path in ("m/v3.zip", "m/away/v1.zip", "away/v1.zip"):
            await refused(repository, path)  # some remember that
        with suppress(NotFound):
            await read(repository, "m/all.list")
        held = await repository.list(resource(""), Context())
        for folder in ("", "m/", "m/deep/", "n/", "absent/", "m/v1.zip/"):
            expected = children_of(held, folder)
            assert await below(repository, folder) == await below(repository, folder, 1) == expected, folder
        assert [child.name for child in await below(repository, "")] == ["m/", "n/"]

    @pytest.mark.gen_test
    async def test_an_index_is_a_document_or_there_is_none(self, make: Make) -> None:
        repository = await make(HELD)
        try:
            content = await repository.get(resource("n/all.list"), Context())
        except NotFound:
            return
        assert isinstance(content, Blob)
        assert await Answer(content, Context()).read() == b"v1.zip\n"

    @pytest.mark.gen_test
    async def test_whose_a_name_is(self, make: Make) -> None:
        repository = await make(HELD)
        for path in ("m/v1.zip", "m/v9.zip", "m/all.list", "n/anything", "m/below/v1.zip", "m/far/below/all.list"):
            assert await repository.owns(resource(path)) is self.owning, path
        for path in ("absent/v1.zip", "mm/v1.zip", "absent/m/v1.zip", "top.zip", "v1.zip"):
            assert not await repository.owns(resource(path)), path

    @pytest.mark.gen_test
    async def test_the_packages_are_those_of_which_something_is_held(self, make: Make) -> None:
        repository = await make(HELD)
        await refused(repository, "absent/v1.zip")  # some remember that
        assert sorted(await repository.packages(Context())) == ["m", "n"]

    @pytest.mark.gen_test
    async def test_who_wants_no_content_is_told_the_same(self, make: Make) -> None:
        repository = await make(HELD)
        for path, data in HELD.items():
            content = await repository.get(resource(path), Context(head_only=True))
            content.close()
            assert isinstance(content, Blob)
            assert (content.size, content.digest) == (len(data), digest_of(data))
        with pytest.raises(NotFound):
            await repository.get(resource("m/v3.zip"), Context(head_only=True))

    @pytest.mark.gen_test
    async def test_no_descriptor_is_left(self, make: Make) -> None:
        repository = await make(HELD)

        async def everything() -> None:
            await asyncio.gather(*(read(repository, path) for path in HELD))
            for path in ("m/v3.zip", "absent/all.list"):
                await refused(repository, path)
            with suppress(NotFound):
                await read(repository, "m/all.list")
            await repository.list(resource("m/"), Context())
            await repository.owns(resource("m/v1.zip"))

        await everything()  # connections and the like may come to stay, once
        before = open_descriptors()
        for _ in range(3):
            await everything()
        assert open_descriptors() == before

    @pytest.mark.gen_test
    async def test_who_leaves_leaves_no_descriptor(self, make: Make) -> None:
        repository = await make(HELD)
        before = open_descriptors()
        for path, head_only in itertools.product(("m/v1.zip", "m/v1.info"), (False, True)):
            for steps in range(4):
                asked = asyncio.ensure_future(repository.get(resource(path), Context(head_only=head_only)))
                for _ in range(steps):
                    await asyncio.sleep(0)
                asked.cancel()
                with suppress(asyncio.CancelledError):
                    (await asked).close()
        assert open_descriptors() == before


class ReadOnlySuite(ReadingSuite):
    """What nothing can be published to."""

    @pytest.mark.gen_test
    async def test_writing_is_refused_and_what_is_allowed_is_said(self, make: Make) -> None:
        repository = await make(HELD)
        at = resource("m/v1.zip")
        for refusal in (
            repository.ingest(at, Context()),
            repository.publish(Publication(parts=()), Context()),
            repository.delete([at], Context()),
        ):
            with pytest.raises(Unsupported) as caught:
                await refusal
            assert caught.value.allowed == ("GET", "HEAD")
            assert len(caught.value.message.split()) > 3
        assert await listed(repository, "") == sorted(HELD)


class PublishingSuite(ReadingSuite):
    """What can be published to, and deleted from."""

    def left(self, store: Store) -> list[str]:
        """What lies in incoming/."""
        return sorted(file.name for file in (store.path / "incoming").iterdir())

    # --- publishing ---

    @pytest.mark.gen_test
    async def test_what_is_published_is_there_at_once(self, make: Make, store: Store) -> None:
        repository = await make(HELD)
        await read(repository, "m/all.list")
        assert await publish(repository, NEW)
        for path, data in NEW.items():
            assert await read(repository, path) == data
        assert await listed(repository, "m/v3") == sorted(NEW)
        assert b"v3.zip\n" in await read(repository, "m/all.list")
        assert self.left(store) == []
        assert await store.index.miscounts() == []

    @pytest.mark.gen_test
    async def test_the_first_of_a_name_makes_it_known(self, make: Make) -> None:
        repository = await make({})
        assert isinstance(await refused(repository, "m/all.list"), NotFound)
        assert await publish(repository, NEW)
        assert await read(repository, "m/all.list") == b"v3.zip\n"
        assert await repository.owns(resource("m/v9.zip")) is self.owning

    @pytest.mark.gen_test
    async def test_the_same_again_is_no_news(self, make: Make, store: Store) -> None:
        repository = await make(HELD)
        assert not await publish(repository, {"m/v1.zip": HELD["m/v1.zip"], "m/v1.info": HELD["m/v1.info"]})
        assert await publish(repository, {"m/v1.zip": HELD["m/v1.zip"], **NEW})  # in part
        assert not await publish(repository, NEW)
        assert await read(repository, "m/v1.zip") == HELD["m/v1.zip"]
        assert self.left(store) == []

    @pytest.mark.gen_test
    async def test_other_content_is_a_conflict_and_nothing_of_it_stays(self, make: Make, store: Store) -> None:
        repository = await make(HELD)
        blobs = len(list(store.blobs.walk()))
        for order in (["m/v3.info", "m/v1.zip"], ["m/v1.zip", "m/v3.info"]):
            with pytest.raises(Conflict, match=re.escape("m/v1.zip")):
                await publish(repository, {path: b"other " + path.encode() for path in order})
        assert await listed(repository, "") == sorted(HELD)
        assert await read(repository, "m/v1.zip") == HELD["m/v1.zip"]
        assert isinstance(await refused(repository, "m/v3.info"), NotFound)
        assert len(list(store.blobs.walk())) == blobs
        assert self.left(store) == []

    @pytest.mark.gen_test
    async def test_other_content_may_stay_or_give_way_when_it_is_said(self, make: Make) -> None:
        repository = await make(HELD)
        assert not await publish(repository, {"m/v1.info": b"other"}, keep=True)
        assert await read(repository, "m/v1.info") == HELD["m/v1.info"]
        assert await publish(repository, {"m/note.txt": b"first"})
        with pytest.raises(Conflict, match=re.escape("m/note.txt")):
            await publish(repository, {"m/note.txt": b"other", **NEW})
        assert await publish(repository, {"m/note.txt": b"other", **NEW}, replace=True)
        assert await read(repository, "m/note.txt") == b"other"

    @pytest.mark.gen_test
    async def test_what_is_immutable_gives_way_to_nothing(self, make: Make, store: Store) -> None:
        repository = await make(HELD)
        await delete(repository, "m/v2.zip")
        for path in ("m/v1.info", "m/v2.zip"):  # it stands, or it stood
            with pytest.raises(Conflict, match=re.escape(path)):
                await publish(repository, {path: b"other", **NEW}, replace=True)
        assert await read(repository, "m/v1.info") == HELD["m/v1.info"]
        assert isinstance(await refused(repository, "m/v3.zip"), NotFound)
        assert self.left(store) == []

    @pytest.mark.gen_test
    async def test_what_is_dropped_vanishes_with_the_publication(self, make: Make, store: Store) -> None:
        repository = await make(HELD)
        with pytest.raises(Conflict):
            await publish(repository, {"m/v1.zip": b"other"}, drops=["n/v1.zip"])
        assert await read(repository, "n/v1.zip") == HELD["n/v1.zip"]
        assert await publish(repository, NEW, drops=["n/v1.zip", "n/never.zip"])
        assert isinstance(await refused(repository, "n/v1.zip"), NotFound)
        assert await store.index.trash() == []
        assert await publish(repository, {"n/v1.zip": b"other"})  # it left no memory

    @pytest.mark.gen_test
    async def test_what_is_pruned_goes_to_the_trash_and_leaves_no_memory(self, make: Make, store: Store) -> None:
        repository = await make(HELD)
        pruned = ["n/v1.zip", "n/v1.info", "n/never.zip"]
        with pytest.raises(Conflict):
            await publish(repository, {"m/v1.zip": b"other"}, prunes=pruned)
        assert await read(repository, "n/v1.zip") == HELD["n/v1.zip"]
        assert await store.index.trash() == []
        assert await publish(repository, NEW, prunes=pruned)
        for path in pruned:
            assert type(await refused(repository, path)) is NotFound
        (first, _) = trashed = await store.index.trash()
        assert {item.batch for item in trashed} == {first.id}
        await store.index.restore(first.id, 2e6)
        assert {path: await read(repository, path) for path in HELD} == HELD
        assert not await publish(repository, {}, prunes=pruned)
        assert await publish(repository, {"n/v1.zip": b"other"})
        assert await store.index.miscounts() == []

    @pytest.mark.gen_test
    async def test_of_many_at_one_place_one_wins(self, make: Make, store: Store) -> None:
        repository = await make({})
        offers = [{"m/v1.info": b"info %d" % i, "m/v1.zip": b"zip %d" % i} for i in range(8)]
        outcomes = await asyncio.gather(*(publish(repository, offer) for offer in offers), return_exceptions=True)
        winners = [offer for offer, outcome in zip(offers, outcomes, strict=True) if outcome is True]
        assert len(winners) == 1
        assert {type(outcome) for outcome in outcomes} == {bool, Conflict}
        assert {path: await read(repository, path) for path in offers[0]} == winners[0]
        assert len(list(store.blobs.walk())) == 2
        assert self.left(store) == []
        assert await store.index.miscounts() == []

    @pytest.mark.gen_test
    async def test_an_index_is_not_published(self, make: Make, store: Store) -> None:
        repository = await make(HELD)
        with pytest.raises(Unsupported) as caught:
            await repository.ingest(resource("m/all.list"), Context())
        assert caught.value.allowed == ("GET", "HEAD")
        with pytest.raises(Unsupported):
            await delete(repository, "m/all.list")
        assert self.left(store) == []

    @pytest.mark.gen_test
    async def test_only_what_was_committed_is_published(self, make: Make) -> None:
        repository = await make({})
        at = resource("m/v1.zip")
        ingest = await repository.ingest(at, Context())
        await ingest.write(b"half")
        with pytest.raises(TypeError):
            await repository.publish(Publication(parts=[Part(resource=at, upload=ingest)]), Context())
        await ingest.commit()
        await ingest.cancel()
        with pytest.raises(TypeError):
            await repository.publish(Publication(parts=[Part(resource=at, upload=ingest)]), Context())
        assert isinstance(await refused(repository, at.path), NotFound)

    # --- deleting ---

    @pytest.mark.gen_test
    async def test_what_is_deleted_is_gone_and_comes_back_only_as_it_was(self, make: Make, store: Store) -> None:
        repository = await make(HELD)
        await read(repository, "m/all.list")
        await delete(repository, "m/v1.zip", "m/v1.info", "m/never.zip")
        for path in ("m/v1.zip", "m/v1.info"):
            error = await refused(repository, path)
            assert isinstance(error, NotFound)
            assert len(error.message.split()) > 2
        assert await read(repository, "m/all.list") == b"v2.zip\n"
        assert await listed(repository, "m/v1") == []
        assert await repository.owns(resource("m/v1.zip")) is self.owning
        with pytest.raises(Conflict, match=re.escape("m/v1.zip")):
            await publish(repository, {"m/v1.zip": b"other", **NEW})
        assert isinstance(await refused(repository, "m/v3.zip"), NotFound)
        assert await publish(repository, {path: HELD[path] for path in ("m/v1.zip", "m/v1.info")})
        assert await read(repository, "m/v1.zip") == HELD["m/v1.zip"]
        assert await read(repository, "m/all.list") == b"v1.zip\nv2.zip\n"
        assert await store.index.miscounts() == []

    @pytest.mark.gen_test
    async def test_a_name_stays_its_own_when_all_of_it_is_deleted(self, make: Make) -> None:
        repository = await make(HELD)
        await read(repository, "n/all.list")
        await delete(repository, "n/v1.zip", "n/v1.info")
        assert isinstance(await refused(repository, "n/all.list"), NotFound)
        assert await listed(repository, "n/") == []
        assert await repository.owns(resource("n/v1.zip")) is self.owning

    @pytest.mark.gen_test
    async def test_what_is_not_there_cannot_be_deleted(self, make: Make) -> None:
        repository = await make(HELD)
        for paths in (["m/v3.zip"], ["m/v3.zip", "absent/v1.zip"]):
            with pytest.raises(NotFound):
                await delete(repository, *paths)
        await delete(repository, "m/v1.zip")
        with pytest.raises(NotFound):
            await delete(repository, "m/v1.zip")
        assert await listed(repository, "") == sorted(set(HELD) - {"m/v1.zip"})

    @pytest.mark.gen_test
    async def test_what_was_deleted_together_comes_back_together(self, make: Make, store: Store) -> None:
        repository = await make(HELD)
        await delete(repository, "m/v1.zip", "m/v1.info")
        trashed = await store.index.trash()
        await store.index.restore(trashed[0].id, 2e6)
        assert {path: await read(repository, path) for path in HELD} == HELD
        assert await read(repository, "m/all.list") == b"v1.zip\nv2.zip\n"

    # --- uploads ---

    @pytest.mark.gen_test
    async def test_an_upload_has_its_limit(self, make: Make, store: Store) -> None:
        repository = await make({})
        ingest = await repository.ingest(resource("m/a.tiny"), Context())
        await ingest.write(b"x" * TINY)
        with pytest.raises(TooLarge, match=re.escape("m/a.tiny")) as caught:
            await ingest.write(b"x")
        assert caught.value.limit == TINY
        assert ingest.size == TINY
        await ingest.cancel()
        assert self.left(store) == []

    @pytest.mark.gen_test
    async def test_what_is_cancelled_leaves_nothing(self, make: Make, store: Store) -> None:
        repository = await make({})
        before = open_descriptors()
        ingest = await repository.ingest(resource("m/v1.zip"), Context())
        await ingest.write(b"data")
        await ingest.cancel()
        await ingest.cancel()
        committed = await upload(repository, "m/v1.zip", b"data")
        await committed.cancel()
        assert self.left(store) == []
        assert open_descriptors() == before
        assert isinstance(await refused(repository, "m/v1.zip"), NotFound)

    @pytest.mark.gen_test
    async def test_a_request_that_is_cancelled_leaves_nothing(self, make: Make, store: Store) -> None:
        repository = await make({})
        before = open_descriptors()
        for steps in range(40):
            asked = asyncio.ensure_future(publish(repository, {f"m/v{steps}.info": b"info", f"m/v{steps}.zip": b"zip"}))
            for _ in range(steps):
                await asyncio.sleep(0)
            asked.cancel()
            with suppress(asyncio.CancelledError):
                await asked
            assert self.left(store) == [], steps
            assert len(await listed(repository, f"m/v{steps}.")) in (0, 2)
        assert open_descriptors() == before
        assert await store.index.miscounts() == []

    @pytest.mark.gen_test
    async def test_what_was_written_can_be_read(self, make: Make) -> None:
        repository = await make({})
        ingest = await repository.ingest(resource("m/v1.zip"), Context())
        await ingest.write(b"data")
        for _ in range(2):
            with ingest.open() as file:
                assert await offload(file.read) == b"data"
            await ingest.commit()
        await ingest.cancel()

    @pytest.mark.gen_test
    async def test_what_is_expected_must_come(self, make: Make) -> None:
        repository = await make({})
        ingest = await repository.ingest(resource("m/v1.zip"), Context())
        await ingest.write(b"abc")
        with pytest.raises(Invalid, match=re.escape("m/v1.zip")):
            await ingest.commit(digest_of(b"other"))
        assert await ingest.commit(Digest("md5", "900150983cd24fb0d6963f7d28e17f72")) == digest_of(b"abc")
        with pytest.raises(RuntimeError):
            await ingest.write(b"more")
        await ingest.cancel()

    @pytest.mark.gen_test
    async def test_what_is_suspended_goes_on(self, make: Make, store: Store) -> None:
        repository = await make({})
        at = resource("m/v1.info")
        first = await repository.ingest(at, Context())
        await first.write(b"first ")
        with pytest.raises(Conflict):
            await repository.ingest(at, Context(), resume=first.id)
        await first.suspend()
        await first.cancel()  # as every request does in the end
        second = await repository.ingest(at, Context(), resume=first.id)
        assert (second.id, second.size) == (first.id, 6)
        await second.write(b"second")
        await second.commit()
        assert await repository.publish(Publication(parts=[Part(resource=at, upload=second)]), Context())
        await second.cancel()
        assert await read(repository, at.path) == b"first second"
        with pytest.raises(NotFound):
            await repository.ingest(at, Context(), resume=first.id)
        assert self.left(store) == []

    @pytest.mark.parametrize(
        "unknown", ["", "u-" + "0" * 32, "u-" + "0" * 31, "d-" + "0" * 32, "../index/data.mdb", "u-/..", "u-\0", "u-é"]
    )
    @pytest.mark.gen_test
    async def test_an_upload_that_is_not_there(self, make: Make, unknown: str) -> None:
        repository = await make({})
        with pytest.raises(NotFound):
            await repository.ingest(resource("m/v1.zip"), Context(), resume=unknown)
