"""What every `Blobs`, `Index` and `Locks` must do. A backend's tests derive from these classes and say, by a fixture,
how one is made; what is special to the backend they add."""

from __future__ import annotations

import asyncio
import dataclasses
import os
from collections.abc import Awaitable, Callable, Iterable
from pathlib import Path

import pytest

from mxart.errors import Conflict, NotFound, Unavailable
from mxart.model import Child, Digest, Entry
from mxart.store import Account, Blobs, Change, Download, Index, Lock, Locks, Missing, Offer
from tests.store.builders import WHEN, digest_of, entry_of
from tests.support.children import children_of

DATA = b"content" * 1000
OTHER = b"other content"

# what happened at a place, and what comes of an offer of DATA then: as it is, with ``replace``, with ``keep``
PLACES = [
    ("nothing", "put", "put", "put"),
    ("absent", "put", "put", "put"),
    ("put same", "stands", "stands", "stands"),
    ("put other", "conflict", "put", "stands"),
    ("derive other", "conflict", "put", "stands"),
    ("put same, withdraw", "put", "put", "put"),
    ("put other, withdraw", "conflict", "put", "put"),
    ("put other, delete", "put", "put", "put"),
    ("put other, put same, withdraw", "put", "put", "put"),
    ("put same, put other, withdraw", "conflict", "put", "put"),
    ("put other, withdraw, absent", "put", "put", "put"),
]
OFFERS = [{}, {"replace": True}, {"keep": True}, {"replace": True, "keep": True}]

# what happened at a place, and whether a publication that needs it finds it there
NEEDS = [
    ("nothing", False),
    ("absent", False),
    ("put same", True),
    ("derive same", True),
    ("put same, absent", False),
    ("put same, delete", False),
    ("put same, withdraw", False),
    ("put same, withdraw, put other", True),
]

# when an entry was created and when it was served (0.0: never), and whether a sweep of what is older than 10.0 takes it
IDLE = [
    (1.0, 0.0, True),
    (10.0, 10.0, True),
    (0.0, 0.0, True),
    (10.5, 0.0, False),
    (1.0, 10.5, False),
    (10.5, 1.0, False),
    (11.0, 12.0, False),
]

# paths, and the packages among them
PACKAGES: list[tuple[list[str], list[str]]] = [
    ([], []),
    (["a/-/tags/1"], ["a"]),
    (["a/-/blobs/1", "a/-/manifests/1", "a/-/tags/1", "a/-/tags/2"], ["a"]),
    # the keys of these are in another order than the names
    (
        ["a/-/1", "a-b/-/1", "a/b/-/1", "a.b/-/1", "ab/-/1", "a/b-c/-/1", "a/b/c/-/1"],
        ["a", "a-b", "a.b", "a/b", "a/b-c", "a/b/c", "ab"],
    ),
    (["a/-/x/-/y", "a/-/-/z"], ["a"]),  # the first border counts
    (["a", "a/b", "a-/b", "/-", "/-/a", "-/a", "a/-", "b/-/1"], ["b"]),  # no border, or no name before it
    (["ü/名/-/1", "z/-/1", "\U0001f600/-/1", "\uffff/-/1"], ["z", "ü/名", "\uffff", "\U0001f600"]),
    (["a/-/" + "x" * 600, "a/-/" + "x" * 700, "a/-/1", "b/-/1"], ["a", "b"]),  # keys that are cut
    (["n" * 299 + "/-/tags/1", "n" * 298 + "/-/" + "é" * 300], ["n" * 298, "n" * 299]),
    (["a/-0/x", "a/-/1", "a/-/\U0010ffff/1", "a/-0", "a/-0/-/1"], ["a", "a/-0"]),
]

# paths, a folder, and the names below it, in their order
CHILDREN: list[tuple[list[str], str, list[str]]] = [
    ([], "", []),
    ([], "a/", []),
    (["a", "b/c", "b/d", "e/f/g/h"], "", ["a", "b/", "e/"]),
    (["a", "b/c", "b/d", "e/f/g/h"], "b/", ["c", "d"]),
    (["a", "b/c", "b/d", "e/f/g/h"], "e/f/", ["g/"]),
    (["a", "b/c", "b/d", "e/f/g/h"], "a/", []),
    (
        ["a0/x", "a", "a/x", "a-b/x", "ab", "a-", "a-/x", "a0", "A/x"],
        "",
        ["A/", "a", "a-", "a-/", "a-b/", "a/", "a0", "a0/", "ab"],
    ),
    (["f/a0/x", "f/a", "f/a/x", "f/a-b/x", "f/ab", "fa", "f-a", "f"], "f/", ["a", "a-b/", "a/", "a0/", "ab"]),
    (
        ["ü/名", "z", "\U0001f600/x", "\uffff", "\U0010ffff/x", "e\u0301", "é"],
        "",
        ["e\u0301", "z", "é", "ü/", "\uffff", "\U0001f600/", "\U0010ffff/"],
    ),
    (["ü/名/x", "ü/名前", "ü/é"], "ü/", ["é", "名/", "名前"]),
    (["a/" * 200 + "x"], "a/" * 100, ["a/"]),
    (["a/" * 237 + "x", "a/" * 300 + "y"], "a/" * 237, ["a/", "x"]),
    (["", "/", "//a", "/a", "a/", "b//c"], "", ["/", "a/", "b/"]),  # what stands at a folder's own path is in it
    (["", "/", "//a", "/a", "a/", "b//c"], "/", ["/", "a"]),
    (["", "/", "//a", "/a", "a/", "b//c"], "a/", []),
    (["", "/", "//a", "/a", "a/", "b//c"], "b/", ["/"]),
    (
        ["f/" + "x" * 600, "f/" + "x" * 700 + "/a", "f/y", "f/a/" + "x" * 600],
        "f/",
        ["a/", "x" * 600, "x" * 700 + "/", "y"],
    ),
    (
        ["x" * 600 + "/a", "x" * 600 + "/b/c", "x" * 600, "x" * 600 + "y/d", "x" * 599 + "/e"],
        "x" * 600 + "/",
        ["a", "b/"],
    ),
]


def about_the_cut(start: str) -> list[str]:
    """Paths some of which are cut in their keys, or lie beside those, below folders that are or do."""
    bare = len(start.encode())
    lengths = [bare, *range(471, 478), *range(507, 510)]  # bytes
    ends = ["", "/", "a", "é", "/a", "/b/c", "-a/b", "/" + "a" * 40, "/" + "a" * 80 + "/b", "b" * 90]
    return [start + "x" * (length - bare) + end for length in lengths for end in ends]


def download(path: str = "m/@v/v1.zip", **fields: object) -> Download:
    values: dict[str, object] = {"repository": "go", "path": path, "attempt": "a1", "state": "active", "file": "d-1"}
    return Download(**{**values, **fields})  # type: ignore[arg-type]


def offer(path: str, data: bytes, repository: str = "go", **fields: bool) -> Offer:
    return Offer(entry_of(path, data, repository, created=3.0), **fields)


async def hold(index: Index, entries: Iterable[Entry]) -> None:
    await asyncio.gather(*(index.put(entry, durable=False) for entry in entries))


def has_content(entry: Entry) -> bool:
    return entry.digest is not None


async def in_pages(index: Index, folder: str, limit: int) -> list[Child]:
    """What has content below the folder of "go", read in pages."""
    found: list[Child] = []
    while page := await index.children("go", folder, found[-1].name if found else "", limit, has_content):
        assert len(page) <= limit
        found += page
    return found


async def happen(index: Index, path: str, what: str) -> None:
    """What a row of PLACES says happened at the path."""
    for step in what.split(", "):
        data = DATA if step.endswith("same") else OTHER
        match step.partition(" ")[0]:
            case "absent":
                await index.put(entry_of(path, None))
            case "put":
                await index.put(entry_of(path, data))
            case "derive":
                await index.derive(entry_of(path, data))
            case "withdraw":
                assert len(await index.withdraw("go", [path], 2.0)) == 1
            case "delete":
                assert await index.delete("go", path, 2.0) is not None


class BlobsSuite:
    """Fixtures: ``blobs``; ``adoptable``, a folder for files that can be adopted."""

    async def stored(self, blobs: Blobs, adoptable: Path, data: bytes) -> Digest:
        file = adoptable / "new"
        file.write_bytes(data)
        await blobs.adopt(file, digest_of(data))
        assert not file.exists()
        return digest_of(data)

    @pytest.mark.gen_test
    async def test_what_was_adopted_is_there(self, blobs: Blobs, adoptable: Path) -> None:
        digest = await self.stored(blobs, adoptable, DATA)
        file = blobs.open(digest, len(DATA))
        assert file is not None
        with file:
            assert os.pread(file.fileno(), len(DATA) + 1, 0) == DATA
        assert blobs.verify(digest)

    @pytest.mark.gen_test
    async def test_empty_content_is_content(self, blobs: Blobs, adoptable: Path) -> None:
        digest = await self.stored(blobs, adoptable, b"")
        file = blobs.open(digest, 0)
        assert file is not None
        file.close()
        assert blobs.verify(digest)

    @pytest.mark.gen_test
    async def test_a_blob_of_another_size_is_none(self, blobs: Blobs, adoptable: Path) -> None:
        digest = await self.stored(blobs, adoptable, DATA)
        assert blobs.open(digest, len(DATA) - 1) is None
        assert blobs.open(digest_of(b"never stored"), 12) is None

    @pytest.mark.gen_test
    async def test_the_same_content_again_changes_nothing(self, blobs: Blobs, adoptable: Path) -> None:
        await self.stored(blobs, adoptable, DATA)
        await self.stored(blobs, adoptable, DATA)
        assert [(digest, size) for digest, size, _ in blobs.walk()] == [(digest_of(DATA), len(DATA))]

    @pytest.mark.gen_test
    async def test_deleting(self, blobs: Blobs, adoptable: Path) -> None:
        digest = await self.stored(blobs, adoptable, DATA)
        file = blobs.open(digest, len(DATA))
        assert file is not None
        assert await blobs.delete(digest) == len(DATA)
        assert await blobs.delete(digest) == 0
        assert blobs.open(digest, len(DATA)) is None
        assert not blobs.verify(digest)
        with file:
            assert os.pread(file.fileno(), 7, 0) == b"content"  # who has it open reads on

    @pytest.mark.gen_test
    async def test_quarantine_takes_it_out_of_the_way(self, blobs: Blobs, adoptable: Path) -> None:
        digest = await self.stored(blobs, adoptable, DATA)
        await blobs.quarantine(digest)
        await blobs.quarantine(digest)
        assert blobs.open(digest, len(DATA)) is None
        assert list(blobs.walk()) == []

    @pytest.mark.gen_test
    async def test_walk_sees_all(self, blobs: Blobs, adoptable: Path) -> None:
        contents = [b"%d" % i for i in range(50)]
        for content in contents:
            await self.stored(blobs, adoptable, content)
        assert {digest for digest, _, _ in blobs.walk()} == {digest_of(content) for content in contents}


class IndexSuite:
    """Fixture: ``index``, empty."""

    # --- entries ---

    @pytest.mark.gen_test
    async def test_an_entry_reads_as_it_was_put(self, index: Index) -> None:
        entry = entry_of("m/@v/v1.zip", DATA, etag='"1"', checksums={"sha1": "ab"}, created=1.5, checked=2.5)
        stored = await index.put(entry)
        assert stored == dataclasses.replace(entry, sequence=stored.sequence)
        assert await index.get("go", "m/@v/v1.zip") == stored
        assert await index.get("go", "m/@v/v2.zip") is None
        assert await index.get("other", "m/@v/v1.zip") is None

    @pytest.mark.parametrize("path", ["", "ü/名", "a" * 505, "a" * 508, "a" * 511, "a" * 4000, "é" * 400, " ", "a//b"])
    @pytest.mark.gen_test
    async def test_any_path_is_a_key(self, index: Index, path: str) -> None:
        stored = await index.put(entry_of(path, DATA))
        await index.put(entry_of(path + "x", b"another"))
        assert await index.get("go", path) == stored

    @pytest.mark.gen_test
    async def test_a_put_drops_the_record_of_its_download(self, index: Index) -> None:
        await index.put_download(download())
        await index.put(entry_of("m/@v/v1.zip", DATA))
        assert await index.download("go", "m/@v/v1.zip") is None

    @pytest.mark.gen_test
    async def test_others_stand_with_it(self, index: Index) -> None:
        for path, data in (("stands", DATA), ("gives way", OTHER), ("absent", None)):
            await index.put(entry_of(path, data, etag="as it was"))
        await index.put(entry_of("stands", DATA, "other"))
        stands = await index.get("go", "stands")
        for path in ("tag", "gives way", "new"):
            await index.put_download(download(path))
        others = [entry_of(path, DATA, etag="new") for path in ("stands", "gives way", "absent", "new", "new")]
        put = await index.put(entry_of("tag", DATA, etag="new"), others=others)
        assert put == await index.get("go", "tag") == entry_of("tag", DATA, etag="new", sequence=5)
        assert await index.get("go", "stands") == stands
        assert [(e.path, e.digest, e.etag) for e in await index.list("go")] == [
            (path, digest_of(DATA), "as it was" if path == "stands" else "new")
            for path in ("absent", "gives way", "new", "stands", "tag")
        ]
        assert sorted(change.path for change in await index.changes(4)) == ["absent", "gives way", "new", "tag"]
        assert await index.downloads() == []
        blob = await index.blob(digest_of(DATA))
        assert blob is not None
        assert blob.references == 6
        assert await index.miscounts() == []

    @pytest.mark.gen_test
    async def test_touch_counts_only_for_what_still_stands(self, index: Index) -> None:
        first = await index.put(entry_of("list", b"1", checked=1.0))
        await index.touch(dataclasses.replace(first, checked=5.0))
        touched = await index.get("go", "list")
        assert touched is not None
        assert touched.checked == 5.0
        second = await index.put(entry_of("list", b"2", checked=6.0))
        await index.touch(dataclasses.replace(first, checked=9.0))
        assert await index.get("go", "list") == second
        assert len(await index.changes()) == 2

    @pytest.mark.gen_test
    async def test_list_is_in_order_and_by_pages(self, index: Index) -> None:
        paths = ["a", "a/b", "a/b/c", "a0", "b", "a/" + "x" * 600, "a/" + "x" * 700]
        for path in paths:
            await index.put(entry_of(path, path.encode()))
        await index.put(entry_of("a/b", b"x", "go2"))
        below = [entry.path for entry in await index.list("go", "a/")]
        assert sorted(below) == sorted(path for path in paths if path.startswith("a/"))
        pages: list[str] = []
        while page := await index.list("go", "a/", pages[-1] if pages else "", 1):
            pages.append(page[0].path)
        assert pages == below
        assert [entry.path for entry in await index.list("go", "a/" + "x" * 650)] == ["a/" + "x" * 700]
        assert len(await index.list("go")) == len(paths)

    @pytest.mark.gen_test
    async def test_served_is_noted_in_batches(self, index: Index) -> None:
        entry = await index.put(entry_of("a", b"a"))
        gone = await index.put(entry_of("b", b"b"))
        index.served(entry, 7.0)
        index.served(gone, 7.0)
        await index.delete("go", "b", 8.0)
        await index.flush_served()
        await index.put(gone)
        assert [(e.path, e.served) for e in await index.list("go")] == [("a", 7.0), ("b", 0.0)]

    # --- what is published ---

    @pytest.mark.parametrize(("what", "outcomes"), [(row[0], row[1:]) for row in PLACES])
    @pytest.mark.parametrize("fields", OFFERS)
    @pytest.mark.gen_test
    async def test_an_offer_meets_what_stands(
        self, index: Index, what: str, outcomes: tuple[str, ...], fields: dict[str, bool]
    ) -> None:
        await happen(index, "a", what)
        before, sequence = await index.get("go", "a"), await index.changed("go")
        outcome = outcomes[1 if "replace" in fields else 2 if "keep" in fields else 0]
        if outcome == "conflict":
            with pytest.raises(Conflict, match=r"\ba\b.*publish this as another version"):
                await index.publish([offer("a", DATA, **fields)], WHEN)
        else:
            new = await index.publish([offer("a", DATA, **fields)], WHEN)
            assert [entry.digest for entry in new] == ([digest_of(DATA)] if outcome == "put" else [])
        now = await index.get("go", "a")
        if outcome == "put":
            assert now == dataclasses.replace(offer("a", DATA).entry, sequence=sequence + 1)
            assert (await index.changes(sequence)) == [Change(sequence + 1, "go", "a", "put", digest_of(DATA), 3.0)]
        else:
            assert now == before
            assert await index.changed("go") == await index.latest_change() == sequence
        assert await index.miscounts() == []

    @pytest.mark.gen_test
    async def test_a_publication_is_visible_at_once_or_not_at_all(self, index: Index) -> None:
        await index.put(entry_of("b", OTHER))
        await index.put(entry_of("old", b"old"))
        before = await index.list("go")
        batch = [offer(path, path.encode()) for path in "abc"]
        with pytest.raises(Conflict, match=r"\bb\b"):
            await index.publish(batch, WHEN, [("go", "old")])
        assert await index.list("go") == before
        assert await index.latest_change() == await index.changed("go") == 2
        assert await index.blob(digest_of(b"a")) is None
        await index.delete("go", "b", 1.0)
        assert [entry.sequence for entry in await index.publish(batch, WHEN, [("go", "old")])] == [4, 5, 6]
        assert [entry.path for entry in await index.list("go")] == ["a", "b", "c"]
        assert await index.publish(batch, WHEN) == []

    @pytest.mark.gen_test
    async def test_what_is_dropped_leaves_no_trace_but_the_log(self, index: Index) -> None:
        await index.put(entry_of("staged", DATA))
        await index.put(entry_of("absent", None))
        await index.publish([], WHEN, [("go", "staged"), ("go", "absent"), ("go", "nothing"), ("other", "staged")])
        assert (await index.list("go"), await index.trash()) == ([], [])
        assert [(c.path, c.action, c.time) for c in await index.changes(2)] == [
            ("staged", "delete", WHEN),
            ("absent", "delete", WHEN),
        ]
        assert [blob.digest for blob in await index.loose()] == [digest_of(DATA)]
        await index.publish([offer("a", DATA)], WHEN, [("go", "a")])  # nothing is to stand there
        assert await index.get("go", "a") is None
        assert await index.miscounts() == []

    @pytest.mark.gen_test
    async def test_what_is_pruned_is_in_the_trash_and_leaves_no_memory(self, index: Index) -> None:
        held = [await index.put(entry_of(path, DATA if path == "a" else OTHER)) for path in "abc"]
        await index.put(entry_of("absent", None))
        await index.put(entry_of("a", DATA, "other"))
        places = [("go", path) for path in ("a", "c", "absent", "nothing", "a")]
        assert await index.publish([offer("new", b"new")], WHEN, prunes=places) == [await index.get("go", "new")]
        assert [entry.path for entry in await index.list("go")] == ["absent", "b", "new"]
        assert await index.get("other", "a") is not None
        trashed = await index.trash()
        assert [item.entry for item in trashed] == [held[0], held[2]]
        assert {(item.batch, item.batch_size) for item in trashed} == {(trashed[0].id, 2)}
        assert {item.deleted for item in trashed} == {WHEN}
        assert [(change.path, change.action) for change in await index.changes(5)][:2] == [
            ("a", "delete"),
            ("c", "delete"),
        ]
        assert await index.miscounts() == []
        await index.publish([offer("a", b"anything")], WHEN)
        assert await index.miscounts() == []

    @pytest.mark.gen_test
    async def test_what_was_pruned_together_comes_back_together(self, index: Index) -> None:
        for path in "abc":
            await index.put(entry_of(path, path.encode()))
        await index.publish([], WHEN, prunes=[("go", "a"), ("go", "c")])
        await index.publish([offer("c", OTHER)], WHEN)
        trashed = await index.trash()
        with pytest.raises(Conflict, match=r"\bc in go\b"):
            await index.restore(trashed[0].id, 2.0)
        assert await index.get("go", "a") is None
        await index.publish([], WHEN, [("go", "c")])
        assert sorted(entry.path for entry in await index.restore(trashed[1].id, 2.0)) == ["a", "c"]
        assert {entry.path: entry.digest for entry in await index.list("go")} == {
            path: digest_of(path.encode()) for path in "abc"
        }
        assert await index.trash() == []
        assert await index.miscounts() == []

    @pytest.mark.gen_test
    async def test_something_else_may_come_where_it_is_pruned(self, index: Index) -> None:
        await index.put(entry_of("a", DATA))
        (entry,) = await index.publish([offer("a", OTHER)], WHEN, prunes=[("go", "a")])
        assert await index.list("go") == [entry]
        assert [item.entry.digest for item in await index.trash()] == [digest_of(DATA)]
        assert await index.miscounts() == []

    @pytest.mark.parametrize(
        ("offers", "needs"), [(("new", "taken"), ()), (("new",), ("missing",)), (("new",), ("pruned",))]
    )
    @pytest.mark.gen_test
    async def test_a_publication_that_is_refused_prunes_nothing(
        self, index: Index, offers: tuple[str, ...], needs: tuple[str, ...]
    ) -> None:
        for path in ("pruned", "taken"):
            await index.put(entry_of(path, DATA))
        state = await index.list("go"), await index.trash(), await index.latest_change()
        with pytest.raises((Conflict, Missing)):
            await index.publish(
                [offer(path, OTHER) for path in offers],
                WHEN,
                needs=[("go", path) for path in needs],
                prunes=[("go", "pruned")],
            )
        assert (await index.list("go"), await index.trash(), await index.latest_change()) == state
        assert await index.miscounts() == []

    @pytest.mark.gen_test
    async def test_nothing_is_pruned_where_nothing_is(self, index: Index) -> None:
        await index.put(entry_of("absent", None))
        await index.put(entry_of("gone", DATA))
        await index.withdraw("go", ["gone"], 2.0)
        state = await index.list("go"), await index.trash(), await index.latest_change()
        await index.publish([], WHEN, prunes=[("go", "absent"), ("go", "gone"), ("go", "nothing"), ("go", "x" * 600)])
        assert (await index.list("go"), await index.trash(), await index.latest_change()) == state

    @pytest.mark.parametrize(("what", "is_there"), NEEDS)
    @pytest.mark.gen_test
    async def test_what_a_publication_needs_must_stand(self, index: Index, what: str, is_there: bool) -> None:
        await happen(index, "layer", what)
        await index.put(entry_of("staged", b"staged"))
        await index.put(entry_of("layer", DATA, "other"))  # elsewhere is not here
        state = await index.list("go"), await index.latest_change(), await index.trash()
        batch = [offer("manifest", b"manifest"), offer("tag", b"manifest")]
        publishing = index.publish(batch, WHEN, [("go", "staged")], [("go", "layer")])
        if is_there:
            assert [entry.path for entry in await publishing] == ["manifest", "tag"]
            assert await index.get("go", "staged") is None
        else:
            with pytest.raises(Missing, match=r"\blayer is not in go\b") as missing:
                await publishing
            assert missing.value.paths == ("layer",)
            assert (await index.list("go"), await index.latest_change(), await index.trash()) == state
            assert await index.blob(digest_of(b"manifest")) is None
        assert await index.miscounts() == []

    @pytest.mark.gen_test
    async def test_a_need_is_met_by_the_same_publication_or_not_at_all(self, index: Index) -> None:
        needs = [("go", "a"), ("other", "a"), ("go", "a")]
        assert len(await index.publish([offer("a", b"a"), offer("a", b"a", "other")], WHEN, (), needs)) == 2
        assert await index.publish([offer("a", b"a")], WHEN, (), needs) == []  # it stood already
        assert await index.publish([offer("a", OTHER, keep=True)], WHEN, (), needs) == []
        assert await index.publish([], WHEN, (), needs) == []
        with pytest.raises(Missing):
            await index.publish([offer("b", b"b")], WHEN, [("go", "a")], needs)  # needed and taken away
        with pytest.raises(Conflict):
            await index.publish([offer("a", OTHER)], WHEN, (), [("go", "nothing")])
        assert [entry.path for entry in await index.list("go")] == ["a"]

    @pytest.mark.gen_test
    async def test_all_that_is_missing_is_named(self, index: Index) -> None:
        await index.put(entry_of("3", DATA))
        for number, named in ((7, 6), (101, 100), (102, 100)):
            needs = [("go", f"{i}") for i in range(number)]
            with pytest.raises(Missing, match=r"^0 is not in go\b") as missing:
                await index.publish([offer("a", b"a")], WHEN, (), [*needs, *needs])
            assert missing.value.paths == tuple(f"{i}" for i in range(number) if i != 3)[:named]
        assert await index.get("go", "a") is None

    @pytest.mark.gen_test
    async def test_offers_of_one_publication_meet_each_other(self, index: Index) -> None:
        assert len(await index.publish([offer("a", DATA), offer("a", DATA), offer("b", DATA)], WHEN)) == 2
        with pytest.raises(Conflict):
            await index.publish([offer("c", DATA), offer("c", OTHER)], WHEN)
        assert await index.get("go", "c") is None
        assert await index.miscounts() == []

    @pytest.mark.gen_test
    async def test_a_publication_drops_the_records_of_downloads(self, index: Index) -> None:
        await index.put_download(download("a"))
        await index.publish([offer("a", DATA)], WHEN)
        assert await index.download("go", "a") is None

    @pytest.mark.gen_test
    async def test_of_many_that_publish_at_once_one_wins_with_all_it_has(self, index: Index) -> None:
        contents = [b"by %d" % i for i in range(20)]
        batches = [[offer(path, content) for path in ("x", "y", "z")] for content in contents]
        outcomes = await asyncio.gather(*(index.publish(batch, WHEN) for batch in batches), return_exceptions=True)
        assert sum(isinstance(outcome, Conflict) for outcome in outcomes) == 19
        (winner,) = (outcome for outcome in outcomes if not isinstance(outcome, BaseException))
        assert await index.list("go") == winner
        assert len(winner) == 3

    @pytest.mark.gen_test
    async def test_who_sees_one_of_a_publication_sees_the_others(self, index: Index) -> None:
        async def publish() -> None:
            for number in range(30):
                await index.publish([offer(f"{number}/{kind}", b"%d" % number) for kind in "abc"], WHEN)
                await index.withdraw("go", [f"{number}/{kind}" for kind in "abc"], 2.0)

        async def read() -> None:
            while not writing.done():
                for number in range(30):
                    held = {entry.digest for entry in await index.list("go", f"{number}/")}
                    assert len(held) <= 1, "published, withdrawn, or nothing: never a part of it"
                await asyncio.sleep(0)

        writing = asyncio.ensure_future(publish())
        await asyncio.gather(writing, read(), read())

    # --- what is swept ---

    @pytest.mark.parametrize(("created", "served", "goes"), IDLE)
    @pytest.mark.gen_test
    async def test_a_sweep_takes_what_nobody_used_lately(
        self, index: Index, created: float, served: float, goes: bool
    ) -> None:
        entry = await index.put(entry_of("m/-/a", DATA, created=created, checked=99.0))
        spared = await index.put(entry_of("m/-/b", DATA, created=1.0))
        if served:
            index.served(entry, served)  # not written yet
        assert await index.sweep("go", ["m/-/a", "m/-/a", "m/-/nothing"], "m/-/", 2, 10.0) == int(goes)
        assert [e.path for e in await index.list("go")] == ["m/-/b"] if goes else ["m/-/a", "m/-/b"]
        assert await index.get("go", "m/-/b") == spared
        assert await index.trash() == []
        assert [(c.path, c.action, c.digest) for c in await index.changes(2)] == (
            [("m/-/a", "delete", digest_of(DATA))] if goes else []
        )
        assert await index.miscounts() == []

    @pytest.mark.gen_test
    async def test_what_was_swept_is_forgotten(self, index: Index) -> None:
        for path in ("a", "b", "c"):
            await index.put(entry_of(path, DATA, created=1.0))
        await index.put(entry_of("absent", None, created=1.0))
        await index.put(entry_of("a", DATA, "other", created=1.0))
        index.served(entry_of("a", DATA), 5.0)
        await index.withdraw("go", ["c"], 2.0)
        sequence = await index.latest_change()
        assert await index.sweep("go", [], "", sequence, 10.0) == 0
        assert await index.sweep("go", ["a", "b", "absent", "c"], "", sequence, 10.0) == 4
        assert await index.list("go") == []
        assert [entry.path for entry in await index.list("other")] == ["a"]
        assert len(await index.publish([offer("c", OTHER)], WHEN)) == 1  # no tombstone remembers what it was
        await index.put(entry_of("a", DATA))
        assert [entry.served for entry in await index.list("go", "a")] == [0.0]
        blob = await index.blob(digest_of(DATA))
        assert blob is not None
        assert blob.references == 3  # here, in the other repository, and in the trash
        assert await index.miscounts() == []

    @pytest.mark.gen_test
    async def test_a_blob_that_only_swept_entries_named_is_loose(self, index: Index) -> None:
        for path in ("a", "b"):
            await index.put(entry_of(path, DATA))
        assert await index.sweep("go", ["a"], "", 2, 10.0) == 1
        assert await index.loose() == []
        assert await index.sweep("go", ["b"], "", 3, 10.0) == 1
        assert [blob.digest for blob in await index.loose()] == [digest_of(DATA)]

    # what else is in the folder, and what of the swept path is left there: the absence, if any
    @pytest.mark.parametrize(
        ("others", "left"),
        [((), [404]), (("n/-/b", "m/-b", "m/-", "m"), [404]), (("m/-/b",), []), (("m/-/tombstone",), [])],
    )
    @pytest.mark.gen_test
    async def test_that_a_folder_was_once_used_is_not_forgotten(
        self, index: Index, others: tuple[str, ...], left: list[int]
    ) -> None:
        for path in others:
            await index.put(entry_of(path, OTHER, created=1.0))
        await index.withdraw("go", ["m/-/tombstone"], 2.0)
        for path in ("m/-/a", "m/-/c"):
            await index.put(entry_of(path, DATA, created=1.0))
        sequence = await index.latest_change()
        assert await index.sweep("go", ["m/-/a", "m/-/c"], "m/-/", sequence, 10.0) == 2
        found = [entry for path in ("m/-/a", "m/-/c") if (entry := await index.get("go", path))]
        assert [entry.absent for entry in found] == left
        assert [entry.digest for entry in found] == [None for _ in left]
        assert await index.packages("go", "/-/") == sorted({path[0] for path in others if path in ("n/-/b", "m/-/b")})
        assert [change.action for change in await index.changes(sequence)] == ["delete", "delete"]
        assert len(await index.trash()) == others.count("m/-/tombstone")
        assert len(await index.publish([offer("m/-/a", OTHER), offer("m/-/c", OTHER)], WHEN)) == 2  # it forbids nothing
        assert await index.miscounts() == []

    @pytest.mark.gen_test
    async def test_a_sweep_of_a_folder_that_has_changed_takes_nothing(self, index: Index) -> None:
        await index.put(entry_of("m/-/a", DATA, created=1.0))
        for path in ("m/-/b", "m/-/c", "m/-/d"):
            await index.put(entry_of(path, path.encode()))
        trashed = await index.delete("go", "m/-/b", 1.0)
        assert trashed is not None
        changes: list[Callable[[], Awaitable[object]]] = [
            lambda: index.put(entry_of("m/-/new", b"new")),
            lambda: index.put(entry_of("n/-/new", b"new"), others=[entry_of("m/-/new 2", b"new")]),
            lambda: index.put(entry_of("m/-/absent", None)),
            lambda: index.publish([offer("m/-/published", b"published")], WHEN),
            lambda: index.publish([], WHEN, [("go", "m/-/published")]),
            lambda: index.restore(trashed.id, 2.0),
            lambda: index.withdraw("go", ["m/-/c"], 2.0),
            lambda: index.delete("go", "m/-/d", 2.0),
            lambda: index.drop([digest_of(b"m/-/b")], 2.0),
            lambda: index.sweep("go", ["m/-/new"], "n/", 99, 10.0),
        ]
        for number, change in enumerate(changes):
            since = await index.latest_change()
            await change()
            state = await index.list("go"), await index.latest_change()
            assert await index.sweep("go", ["m/-/a"], "m/-/", since, 10.0) is None, number
            assert (await index.list("go"), await index.latest_change()) == state
        assert await index.sweep("go", ["m/-/a"], "m/-/", 0, 10.0) is None
        assert await index.sweep("go", ["m/-/a"], "m/-/", await index.latest_change(), 10.0) == 1

    @pytest.mark.gen_test
    async def test_a_sweep_does_not_mind_what_happens_elsewhere(self, index: Index) -> None:
        since = (await index.put(entry_of("m/-/a", DATA, created=1.0))).sequence
        await index.put(entry_of("m/-/b", DATA, "other"))
        assert await index.sweep("go", ["m/-/a"], "m/-/", since - 1, 10.0) is None
        for path in ("m", "m/-", "m/b/-/c", "n/-/a", ""):
            await index.put(entry_of(path, DATA))
        await index.derive(entry_of("m/-/list", b"made from others"))
        await index.publish([offer("m/-/a", DATA)], WHEN)  # it stands
        assert await index.sweep("go", ["m/-/a"], "m/-/", since, 10.0) == 1

    @pytest.mark.parametrize(
        ("pruned", "changes", "swept"), [(2, 1, 1), (3, 1, 1), (4, 1, None), (9, 1, None), (9, 0, 1)]
    )
    @pytest.mark.gen_test
    async def test_a_sweep_trusts_no_log_that_was_pruned(
        self, index: Index, pruned: int, changes: int, swept: int | None
    ) -> None:
        await index.put(entry_of("m/-/a", DATA))
        await index.put(entry_of("m/-/b", DATA))
        for number in range(changes):
            await index.put(entry_of(f"n/-/{number}", DATA))
        await index.put(entry_of("a", DATA, "other"))
        await index.prune_changes(pruned)
        assert await index.sweep("go", ["m/-/a"], "m/-/", 2, 10.0) == swept

    @pytest.mark.gen_test
    async def test_what_is_needed_is_not_swept_meanwhile(self, index: Index) -> None:
        for number in range(30):
            folder = f"{number}/-/"
            layer = entry_of(folder + "layer", DATA)
            since = (await index.put(layer)).sequence
            publishing = index.publish([offer(folder + "manifest", b"m")], WHEN, (), [("go", layer.path)])
            both = [publishing, index.sweep("go", [layer.path], folder, since, 10.0)]
            await asyncio.gather(*(both if number % 2 else reversed(both)), return_exceptions=True)
            held = [entry.path for entry in await index.list("go", folder) if entry.digest]
            assert held == ([folder + "layer", folder + "manifest"] if number % 2 else [])
        assert await index.miscounts() == []

    # --- packages ---

    @pytest.mark.parametrize(("paths", "packages"), PACKAGES)
    @pytest.mark.gen_test
    async def test_packages_are_the_beginnings_of_paths(
        self, index: Index, paths: list[str], packages: list[str]
    ) -> None:
        for path in paths:
            await index.put(entry_of(path, DATA))
        for repository in ("g", "go2", "gp"):  # the neighbours of its keys
            await index.put(entry_of("other/-/1", DATA, repository))
        assert await index.packages("go", "/-/") == packages
        assert await index.packages("nothing", "/-/") == []

    @pytest.mark.gen_test
    async def test_a_package_without_content_is_none(self, index: Index) -> None:
        for path in ("a/-/1", "b/-/1", "b/-/2", "c/-/1", "c/-/2", "d/-/1", "e/-/2"):
            await index.put(entry_of(path, DATA))
        for path in ("a/-/0", "d/-/0", "e/-/1", "f/-/1"):
            await index.put(entry_of(path, None))
        await index.withdraw("go", ["a/-/1", "c/-/1"], 1.0)
        await index.delete("go", "b/-/1", 1.0)
        assert await index.packages("go", "/-/") == ["b", "c", "d", "e"]
        await index.derive(entry_of("a/-/list", b"made from others"))
        await index.publish([], WHEN, [("go", "e/-/2")])
        assert await index.packages("go", "/-/") == ["a", "b", "c", "d"]
        assert await index.packages("go", "/-/2") == ["b", "c"]

    # --- folders ---

    @pytest.mark.parametrize(("paths", "folder", "names"), CHILDREN)
    @pytest.mark.gen_test
    async def test_children_are_in_order_and_by_pages(
        self, index: Index, paths: list[str], folder: str, names: list[str]
    ) -> None:
        await hold(index, (entry_of(path, path.encode()) for path in paths))
        for repository in ("g", "go2", "gp", "gn"):  # the neighbours of its keys
            await hold(index, (entry_of(folder + name, DATA, repository) for name in ("0/1", "a", "x/y")))
        for limit in (1, 2, 3, 1000):
            children = await in_pages(index, folder, limit)
            assert [child.name for child in children] == names
        for child in children:
            stands = await index.get("go", folder + child.name)
            assert child.entry == (None if child.name.endswith("/") else stands)
        assert await index.children("nothing", folder, "", 1000, has_content) == []
        assert await index.children("go", folder, "", 0, has_content) == []

    @pytest.mark.parametrize("start", ["", "f/", "é/" * 50], ids=len)
    @pytest.mark.gen_test
    async def test_children_of_long_names(self, index: Index, start: str) -> None:
        held = [entry_of(path, DATA) for path in dict.fromkeys(about_the_cut(start))]
        absent = [entry_of(entry.path + end, None) for entry in held[::7] for end in ("!", "~/!", "/~/!")]
        await hold(index, [*held, *absent])
        folders = {entry.path[: i + 1] for entry in held for i, letter in enumerate(entry.path) if letter == "/"}
        for folder in ["", *sorted(folders)]:
            expected = [(child.name, child.entry and child.entry.path) for child in children_of(held, folder)]
            for limit in (1, 3, 1000):
                found = await in_pages(index, folder, limit)
                assert [(child.name, child.entry and child.entry.path) for child in found] == expected

    @pytest.mark.gen_test
    async def test_a_page_begins_after_any_word(self, index: Index) -> None:
        paths = ["a", "a-b/x", "a/x", "a0/x", "b/c", "x" * 600, "x" * 600 + "/a", "x" * 700]
        held = [entry_of(path, DATA) for path in paths]
        await hold(index, held)
        words = ["", "!", "/", "a", "a!", "a-", "a-b", "a-b/", "a/", "a/x", "a/~", "a1", "b/c", "~", "\U0010ffff"]
        for word in [
            *words,
            *("x" * length + end for length in (1, 473, 474, 475, 600, 650) for end in ("", "/", "y")),
        ]:
            names = [child.name for child in children_of(held, "", word)]
            assert [child.name for child in await index.children("go", "", word, 1000, has_content)] == names, word

    @pytest.mark.gen_test
    async def test_a_folder_holds_what_is_shown_at_whatever_depth(self, index: Index) -> None:
        held = ["a/0/1/2", "b/1", "c/x/1", "c/x/2", "d/1", "e/1", "f/2", "g", "h"]
        absent = ["a/0/0", "b/0/0", "b/2", "f/0", "f/1/1", "i/" + "x" * 600, "j/1/2", "k"]
        await hold(index, [*(entry_of(path, DATA) for path in held), *(entry_of(path, None) for path in absent)])
        await index.withdraw("go", ["c/x/1", "d/1", "g"], 1.0)
        await index.delete("go", "e/1", 1.0)
        assert [child.name for child in await in_pages(index, "", 2)] == ["a/", "b/", "c/", "f/", "h"]
        assert [child.name for child in await in_pages(index, "b/", 2)] == ["1"]
        assert await in_pages(index, "d/", 2) == await in_pages(index, "i/", 2) == []
        everything = await index.children("go", "", "", 1000, lambda entry: True)
        assert "".join(child.name for child in everything) == "a/b/c/d/f/ghi/j/k"
        gone = await index.children("go", "", "", 1000, lambda entry: entry.absent == 410)
        assert [child.name for child in gone] == ["c/", "d/", "g"]

    @pytest.mark.gen_test
    async def test_a_child_says_when_it_was_served(self, index: Index) -> None:
        entry = await index.put(entry_of("a/b", DATA))
        index.served(entry, 7.0)
        await index.flush_served()
        (child,) = await in_pages(index, "a/", 9)
        assert child == Child("b", dataclasses.replace(entry, served=7.0))

    @pytest.mark.gen_test
    async def test_what_lies_deeper_is_not_read(self, index: Index) -> None:
        many = [entry_of(f"big/{i >> 8}/{i}", DATA) for i in range(100_000)]
        await index.put(entry_of("a", DATA), durable=False, others=many)
        await hold(index, [entry_of("big/", None), entry_of("big/!", None), entry_of("z", DATA)])
        looked_at: list[str] = []

        def shown(entry: Entry) -> bool:
            looked_at.append(entry.path)
            return has_content(entry)

        children = await index.children("go", "", "", 1000, shown)
        assert [child.name for child in children] == ["a", "big/", "z"]
        assert looked_at == ["a", "big/", "big/!", "big/0/0", "z"]
        looked_at.clear()
        assert len(await index.children("go", "big/", "100/", 10, shown)) == 10
        assert len(looked_at) == 10

    # --- what is derived ---

    @pytest.mark.gen_test
    async def test_what_is_derived_stands_and_is_no_change(self, index: Index) -> None:
        await index.put(entry_of("a", b"a"))
        for made_from in ("1", "2"):
            derived = entry_of("list", b"made from " + made_from.encode(), checksums={"made_from": made_from})
            await index.derive(derived)
            assert await index.get("go", "list") == derived
        assert [entry.path for entry in await index.list("go")] == ["a", "list"]
        assert await index.changed("go") == await index.latest_change() == len(await index.changes()) == 1
        assert [blob.digest for blob in await index.loose()] == [digest_of(b"made from 1")]
        await index.derive(dataclasses.replace(derived, checksums={"made_from": "3"}))  # the same content again
        assert len(await index.loose()) == 1
        assert await index.miscounts() == []

    # --- change log, trash ---

    @pytest.mark.gen_test
    async def test_a_repository_has_changed_with_each_of_its_changes(self, index: Index) -> None:
        await index.put(entry_of("other", b"other", "other"))
        assert (await index.changed("go"), await index.changed("other"), await index.changed("o")) == (0, 1, 0)
        entry = await index.put(entry_of("a", b"a"))
        index.served(entry, 1.0)
        still: list[Callable[[], Awaitable[object]]] = [
            lambda: index.touch(dataclasses.replace(entry, checked=2.0)),
            lambda: index.flush_served(),
            lambda: index.derive(entry_of("list", b"a")),
            lambda: index.publish([offer("a", b"a")], WHEN, [("go", "nothing")]),
            lambda: index.withdraw("go", ["nothing"], 1.0),
            lambda: index.delete("go", "nothing", 1.0),
            lambda: index.put_download(download("b")),
            lambda: index.choose("go", "a", "x"),
            lambda: index.prune_changes(99),
            lambda: index.put(entry_of("a", b"a", "other")),
        ]
        for number, work in enumerate(still):
            await work()
            assert await index.changed("go") == 2, number
        moving: list[Callable[[], Awaitable[object]]] = [
            lambda: index.put(entry_of("b", None)),
            lambda: index.publish([offer("c", b"c"), offer("d", b"d")], WHEN),
            lambda: index.publish([], WHEN, [("go", "d")]),
            lambda: index.delete("go", "c", 1.0),
            lambda: index.withdraw("go", ["a"], 1.0),
            lambda: _restore_last(index),
            lambda: index.drop([digest_of(b"a")], 1.0),
        ]
        for number, work in enumerate(moving):
            before = await index.changed("go")
            await work()
            assert before < await index.changed("go") <= await index.latest_change(), number
        assert await index.changed("other") == await index.latest_change()  # it, too, held what was dropped

    @pytest.mark.gen_test
    async def test_what_was_withdrawn_is_remembered_where_it_stood(self, index: Index) -> None:
        entries = [await index.put(entry_of(path, path.encode())) for path in ("a/zip", "a/mod")]
        await index.put(entry_of("a/absent", None))
        index.served(entries[0], 5.0)
        await index.flush_served()
        paths = ["a/zip", "a/nothing", "a/absent", "a/mod", "a/zip"]
        trashed = await index.withdraw("go", paths, 86400.0)
        assert [(t.entry, t.deleted, t.batch, t.batch_size) for t in trashed] == [
            (entry, 86400.0, trashed[0].id, 2) for entry in entries
        ]
        assert await index.trash() == trashed
        for before in entries:
            tombstone = await index.get("go", before.path)
            assert tombstone is not None
            assert before.digest is not None
            assert (tombstone.digest, tombstone.size, tombstone.absent) == (None, 0, 410)
            assert tombstone.checksums == {"sha256": before.digest.hex}
            assert before.path in tombstone.reason
            assert "1970-01-02" in tombstone.reason
            assert (tombstone.created, tombstone.checked) == (86400.0, 86400.0)
        assert [(c.path, c.action, c.digest) for c in await index.changes(3)] == [
            (entry.path, "delete", entry.digest) for entry in entries
        ]
        assert {entry.path for entry in await index.list("go", "a/")} == {"a/zip", "a/mod", "a/absent"}
        assert {entry.served for entry in await index.list("go")} == {0.0}
        assert await index.withdraw("go", paths, 99.0) == []
        assert await index.withdraw("go", [], 99.0) == []
        assert await index.miscounts() == []
        figures = await index.figures()
        assert [(h.entries, h.absences) for h in figures.holdings] == [(0, 3)]
        assert figures.trashed == 2

    @pytest.mark.gen_test
    async def test_what_is_alike_goes_and_comes_back_with_it(self, index: Index) -> None:
        same = [
            "m/manifests/1",
            "m/tags/1",
            "m/tags/2",
            "m/tags/" + "x" * 600,
            "m2/tags/1",
            "n/tags/1",
            "o/" + "x" * 500,
        ]
        for path in same:
            await index.put(entry_of(path, DATA))
        for path in ("m/manifests/2", "m/tags/3", "n/tags/2"):
            await index.put(entry_of(path, OTHER))
        await index.put(entry_of("m/tags/1", DATA, "other"))
        await index.put(entry_of("m/tags/absent", None))
        before = await index.list("go")
        trashed = await index.withdraw(
            "go", ["m/manifests/1", "m/tags/2"], 2.0, ["m/tags/", "m/tags/2", "n/", "nothing/", "o/" + "x" * 499 + "y"]
        )
        gone = ["m/manifests/1", "m/tags/2", "m/tags/1", "m/tags/" + "x" * 600, "n/tags/1"]
        assert [item.entry.path for item in trashed] == gone
        assert {(item.batch, item.batch_size) for item in trashed} == {(trashed[0].id, 5)}
        assert await index.trash() == trashed
        standing = {entry.path for entry in await index.list("go") if entry.digest is not None}
        assert standing == {entry.path for entry in before if entry.digest is not None} - set(gone)
        tombstones = [entry for entry in await index.list("go") if entry.absent == 410]
        assert {entry.path: entry.checksums["sha256"] for entry in tombstones} == dict.fromkeys(
            gone, digest_of(DATA).hex
        )
        assert await index.get("other", "m/tags/1") is not None
        await index.restore(trashed[3].id, 3.0)
        assert [dataclasses.replace(entry, sequence=0) for entry in await index.list("go")] == [
            dataclasses.replace(entry, sequence=0) for entry in before
        ]
        assert await index.miscounts() == []

    @pytest.mark.gen_test
    async def test_nothing_is_alike_to_nothing(self, index: Index) -> None:
        await index.put(entry_of("tags/absent", None))
        await index.put(entry_of("tags/1", DATA))
        sequence = await index.latest_change()
        assert await index.withdraw("go", ["nothing", "tags/absent"], 2.0, [""]) == []
        assert await index.latest_change() == sequence
        assert len(await index.withdraw("go", ["tags/1"], 2.0, [""])) == 1

    @pytest.mark.gen_test
    async def test_a_batch_comes_back_together(self, index: Index) -> None:
        entries = [await index.put(entry_of(path, path.encode())) for path in "abc"]
        await index.put(entry_of("d", b"d"))
        trashed = await index.withdraw("go", ["a", "b", "c"], 1.0)
        await index.delete("go", "d", 1.0)
        restored = await index.restore(trashed[1].id, 2.0)
        assert [dataclasses.replace(entry, sequence=0) for entry in restored] == [
            dataclasses.replace(entry, sequence=0) for entry in entries
        ]
        assert await index.list("go") == restored
        assert [item.entry.path for item in await index.trash()] == ["d"]
        assert [c.action for c in await index.changes(8)] == ["restore"] * 3
        for item in trashed:
            with pytest.raises(NotFound):
                await index.restore(item.id, 3.0)
        assert await index.miscounts() == []

    @pytest.mark.gen_test
    async def test_one_place_that_is_taken_keeps_the_whole_batch_back(self, index: Index) -> None:
        for path in "abc":
            await index.put(entry_of(path, path.encode()))
        trashed = await index.withdraw("go", ["a", "b", "c"], 1.0)
        await index.publish([offer("c", OTHER, replace=True)], WHEN)
        state = await index.list("go"), await index.trash(), await index.latest_change()
        with pytest.raises(Conflict, match=r"\bc in go\b"):
            await index.restore(trashed[0].id, 2.0)
        assert (await index.list("go"), await index.trash(), await index.latest_change()) == state
        await index.withdraw("go", ["c"], 3.0)  # a tombstone gives way, also that of other content
        assert len(await index.restore(trashed[0].id, 4.0)) == 3
        assert await index.miscounts() == []

    @pytest.mark.gen_test
    async def test_what_was_published_again_is_there_after_a_restore(self, index: Index) -> None:
        for path in "ab":
            await index.put(entry_of(path, path.encode()))
        trashed = await index.withdraw("go", ["a", "b"], 1.0)
        (again,) = await index.publish([offer("b", b"b")], WHEN)
        restored = await index.restore(trashed[0].id, 2.0)
        assert [entry.path for entry in restored] == ["a", "b"]
        assert await index.get("go", "b") == again
        assert await index.trash() == []
        assert await index.miscounts() == []
        blob = await index.blob(digest_of(b"b"))
        assert blob is not None
        assert blob.references == 1

    @pytest.mark.gen_test
    async def test_half_a_batch_does_not_come_back(self, index: Index) -> None:
        for path in "abc":
            await index.put(entry_of(path, path.encode()))
        trashed = await index.withdraw("go", ["a", "b", "c"], 1.0)
        assert len(await index.expire_trash(2.0, limit=1)) == 1
        for item in trashed[1:]:
            with pytest.raises(NotFound, match=item.entry.path):
                await index.restore(item.id, 2.0)
        assert {entry.digest for entry in await index.list("go")} == {None}
        with pytest.raises(Conflict):  # what was withdrawn is remembered for longer than the trash is kept
            await index.publish([offer("a", OTHER)], WHEN)
        await index.drop([digest_of(b"c")], 3.0)
        assert [item.entry.path for item in await index.trash()] == ["b"]
        assert await index.miscounts() == []

    @pytest.mark.gen_test
    async def test_every_change_has_its_line(self, index: Index) -> None:
        await index.put(entry_of("a", b"a", checked=1.0))
        await index.put(entry_of("a", None, checked=2.0))
        await index.put(entry_of("a", b"b", checked=3.0))
        trashed = await index.delete("go", "a", 4.0)
        assert trashed is not None
        await index.restore(trashed.id, 5.0)
        changes = await index.changes()
        assert [(c.sequence, c.action, c.time) for c in changes] == [
            (1, "put", 1.0),
            (2, "absent", 2.0),
            (3, "put", 3.0),
            (4, "delete", 4.0),
            (5, "restore", 5.0),
        ]
        assert [c.sequence for c in await index.changes(after=2, limit=2)] == [3, 4]

    @pytest.mark.gen_test
    async def test_deleted_is_in_the_trash_until_restored(self, index: Index) -> None:
        entry = await index.put(entry_of("a", b"a"))
        trashed = await index.delete("go", "a", 10.0)
        assert trashed is not None
        assert trashed.entry == entry
        assert await index.get("go", "a") is None
        assert list(await index.trash()) == [trashed]
        assert await index.trash(after=trashed.id) == []
        (restored,) = await index.restore(trashed.id, 11.0)
        assert await index.get("go", "a") == restored
        assert await index.trash() == []
        with pytest.raises(NotFound):
            await index.restore(trashed.id, 12.0)
        assert await index.delete("go", "nothing", 1.0) is None

    @pytest.mark.gen_test
    async def test_restoring_takes_no_others_place(self, index: Index) -> None:
        await index.put(entry_of("a", b"a"))
        trashed = await index.delete("go", "a", 1.0)
        assert trashed is not None
        await index.put(entry_of("a", b"new"))
        with pytest.raises(Conflict):
            await index.restore(trashed.id, 2.0)
        await index.put(entry_of("a", None))
        assert [entry.digest for entry in await index.restore(trashed.id, 3.0)] == [digest_of(b"a")]

    @pytest.mark.gen_test
    async def test_trash_expires_oldest_first(self, index: Index) -> None:
        for i in range(5):
            await index.put(entry_of(f"{i}", b"%d" % i))
            await index.delete("go", f"{i}", float(i))
        assert [t.deleted for t in await index.expire_trash(4.0, limit=3)] == [0.0, 1.0, 2.0]
        assert [t.deleted for t in await index.expire_trash(4.0)] == [3.0]
        assert await index.expire_trash(4.0) == []
        assert [t.deleted for t in await index.trash()] == [4.0]
        assert {blob.loose_since for blob in await index.loose()} == {0.0, 1.0, 2.0, 3.0}

    @pytest.mark.gen_test
    async def test_the_change_log_is_pruned_from_its_old_end(self, index: Index) -> None:
        assert await index.latest_change() == 0
        for i in range(10):
            await index.put(entry_of(f"p{i}", DATA))
        assert await index.latest_change() == 10
        assert await index.prune_changes(before=8, limit=5) == 5
        assert await index.prune_changes(before=8) == 2
        assert await index.prune_changes(before=8) == 0
        assert [change.sequence for change in await index.changes()] == [8, 9, 10]
        assert (await index.put(entry_of("p10", DATA))).sequence == 11

    # --- blobs ---

    @pytest.mark.gen_test
    async def test_references_are_entries_and_trash(self, index: Index) -> None:
        digest = digest_of(DATA)

        async def references() -> int:
            blob = await index.blob(digest)
            assert blob is not None
            assert (blob.loose_since > 0) == (blob.references == 0)
            return blob.references

        await index.put(entry_of("a", DATA))
        await index.put(entry_of("b", DATA, "other"))
        assert await references() == 2
        await index.put(entry_of("a", DATA))  # the same again
        assert await references() == 2
        trashed = await index.delete("go", "a", 1.0)
        assert trashed is not None
        assert await references() == 2
        await index.restore(trashed.id, 2.0)
        await index.put(entry_of("a", None))
        assert await references() == 1
        await index.put(entry_of("b", b"else", "other"))
        assert await references() == 0
        assert [blob.digest for blob in await index.loose()] == [digest]
        await index.put(entry_of("c", DATA))
        assert await references() == 1
        assert await index.loose() == []

    @pytest.mark.gen_test
    async def test_only_what_nobody_names_is_forgotten(self, index: Index) -> None:
        await index.put(entry_of("a", DATA))
        assert not await index.forget_blob(digest_of(DATA))
        await index.put(entry_of("a", None))
        assert await index.forget_blob(digest_of(DATA))
        assert await index.blob(digest_of(DATA)) is None
        assert await index.loose() == []
        assert await index.forget_blob(digest_of(DATA))

    @pytest.mark.gen_test
    async def test_blobs_come_by_pages(self, index: Index) -> None:
        contents = [b"%d" % i for i in range(7)]
        for content in contents:
            await index.put(entry_of(content.decode(), content))
        seen: list[str] = []
        while page := await index.blobs(seen[-1] if seen else "", 3):
            seen += [blob.digest.hex for blob in page]
        assert seen == sorted(digest_of(content).hex for content in contents)

    @pytest.mark.gen_test
    async def test_dropping_leaves_nothing_but_absences_where_entries_were(self, index: Index) -> None:
        await index.put(entry_of("a", DATA))
        await index.put(entry_of("b", DATA))
        await index.put(entry_of("c", b"other"))
        await index.delete("go", "b", 1.0)
        gone = await index.drop([digest_of(DATA), digest_of(b"unknown")], 2.0)
        assert sorted(entry.path for entry in gone) == ["a", "b"]
        assert [(entry.path, entry.absent) for entry in await index.list("go")] == [("a", 404), ("c", 0)]
        assert await index.trash() == []
        assert await index.blob(digest_of(DATA)) is None
        assert (await index.changes())[-1].action == "delete"
        assert await index.miscounts() == []

    @pytest.mark.gen_test
    async def test_counts_agree_after_everything(self, index: Index) -> None:
        await index.put(entry_of("a", DATA))
        await index.put(entry_of("b", DATA, "other"))
        await index.put(entry_of("c", b"c"))
        await index.put(entry_of("d", None))
        await index.delete("go", "c", 1.0)
        await index.put(entry_of("a", b"new"))
        assert await index.miscounts() == []
        assert await index.recount() == []
        figures = await index.figures()
        assert [(h.repository, h.entries, h.absences, h.size) for h in figures.holdings] == [
            ("go", 1, 1, 3),
            ("other", 1, 0, len(DATA)),
        ]
        assert (figures.blobs, figures.blob_bytes) == (3, len(DATA) + 4)
        assert (figures.loose, figures.trashed, figures.trashed_bytes) == (0, 1, 1)

    # --- downloads, accounts, notes ---

    @pytest.mark.gen_test
    async def test_download_records(self, index: Index) -> None:
        first, second = download(), download(attempt="a2", length=5)
        await index.put_download(first)
        await index.put_download(second)
        assert await index.download("go", first.path) == second
        await index.forget_download(first)  # another attempt has taken its place
        assert await index.download("go", first.path) == second
        await index.put_download(download("other"))
        everything = await index.downloads()
        assert len(everything) == 2
        assert await index.downloads(everything[0]) == everything[1:]
        await index.forget_download(second)
        assert await index.download("go", first.path) is None

    @pytest.mark.gen_test
    async def test_choices(self, index: Index) -> None:
        assert await index.choice("go", "a") == ""
        await index.choose("go", "a", "first")
        await index.choose("go", "a", "second")
        await index.choose("go", "a" * 4000, "long")
        assert [await index.choice("go", path) for path in ("a", "a" * 4000, "a" * 4001)] == ["second", "long", ""]
        assert await index.choice("other", "a") == ""
        await index.choose("go", "a", "")
        await index.choose("go", "nothing", "")
        assert await index.choice("go", "a") == ""

    @pytest.mark.gen_test
    async def test_accounts(self, index: Index) -> None:
        account = Account(name="admin", password_hash="$x$", admin=True, created=1.0)
        assert await index.account("admin") is None
        await index.put_account(account)
        assert await index.account("admin") == account
        assert await index.account("") is None
        assert await index.account("a" * 10_000) is None

    @pytest.mark.gen_test
    async def test_notes(self, index: Index) -> None:
        assert await index.note("n") is None
        await index.put_note("n", b"1")
        await index.put_note("n", b"2")
        assert await index.note("n") == b"2"

    @pytest.mark.gen_test
    async def test_a_cancelled_write_is_over_when_its_caller_knows(self, index: Index) -> None:
        task = asyncio.ensure_future(index.put(entry_of("a", DATA)))
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        before = await index.get("go", "a")
        await index.put_note("n", b"")  # everything asked before is committed by now
        assert await index.get("go", "a") == before

    @pytest.mark.gen_test
    async def test_closed_is_closed(self, index: Index) -> None:
        index.served(await index.put(entry_of("a", DATA)), 1.0)
        await index.close()
        await index.close()
        with pytest.raises(Unavailable):
            await index.put(entry_of("a", DATA))


async def _restore_last(index: Index) -> list[Entry]:
    return list(await index.restore((await index.trash())[-1].id, 1.0))


class LocksSuite:
    """Fixtures: ``locks`` and ``others``, two views of the same locks, as two processes have them."""

    def test_a_key_is_held_once(self, locks: Locks, others: Locks) -> None:
        held = locks.try_lock("a")
        assert held is not None
        assert locks.try_lock("a") is None
        assert others.try_lock("a") is None
        free = others.try_lock("b")
        assert free is not None
        held.release()
        held.release()
        again = others.try_lock("a")
        assert again is not None
        assert locks.try_lock("a") is None
        for lock in (again, free):
            lock.release()

    @pytest.mark.gen_test
    async def test_whoever_waits_gets_it(self, locks: Locks, others: Locks) -> None:
        held = await locks.lock("a")
        waiters = [asyncio.ensure_future(view.lock("a")) for view in (locks, others, locks)]
        got: list[Lock] = []
        lock: Lock = held
        while waiters:
            done, _ = await asyncio.wait(waiters, timeout=0.02)
            assert not done
            lock.release()
            done, _ = await asyncio.wait(waiters, return_when=asyncio.FIRST_COMPLETED)
            assert len(done) == 1
            waiters = [waiter for waiter in waiters if waiter not in done]
            lock = done.pop().result()
            got.append(lock)
        lock.release()
        assert len(got) == 3

    @pytest.mark.gen_test
    async def test_a_waiter_that_leaves_holds_nothing(self, locks: Locks, others: Locks) -> None:
        held = await locks.lock("a")
        waiter = asyncio.ensure_future(others.lock("a"))
        await asyncio.sleep(0)
        waiter.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiter
        held.release()
        free = locks.try_lock("a")
        assert free is not None
        free.release()

    def test_slots_are_counted_over_all(self, locks: Locks, others: Locks) -> None:
        here, there = locks.slots("up", 3), others.slots("up", 3)
        other = locks.slots("other", 1).take()
        taken = [here.take(), there.take(), here.take()]
        assert all(taken)
        assert here.take() is None
        assert there.take() is None
        taken[1].release()  # type: ignore[union-attr]
        again = here.take()
        assert again is not None
        for lock in (*taken, again, other):
            assert lock is not None
            lock.release()
