"""Documents that are made when what they are made from has changed, once for all who ask."""

from __future__ import annotations

import asyncio
import gzip
import hashlib
import io
import os
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import BinaryIO

import pytest

from mxart.contract import Policy
from mxart.errors import Corrupt, MxartError, NotFound, StoreFull
from mxart.model import Blob, Digest
from mxart.repository.derived import Derived, Prepared, Write, is_derived
from mxart.store import Store
from mxart.store.blobs import FileBlobs
from mxart.store.layout import blob_path
from tests.repository.parts import START, Clock, incoming, pread, resource
from tests.store.builders import digest_of
from tests.support.descriptors import open_descriptors

LIST = resource("m/all.list")
POLICY = Policy(immutable=False, media_type="text/plain", max_size=100_000, index=True, folder="m/")


class Author:
    """Writes one document as often as it is asked, and counts. It can be held up in the middle."""

    def __init__(self, *chunks: bytes, error: Exception | None = None) -> None:
        self.chunks = chunks
        self.error = error
        self.times = 0
        self.started = threading.Event()
        self.ended = threading.Event()
        self.go_on = threading.Event()
        self.go_on.set()

    def __call__(self, out: BinaryIO) -> None:
        self.times += 1
        self.started.set()
        self.go_on.wait(10)
        try:
            for chunk in self.chunks:
                out.write(chunk)
            if self.error is not None:
                raise self.error
        finally:
            self.ended.set()


@pytest.fixture
def derived(store: Store) -> Derived:
    return Derived("house", store, Clock())


async def read(derived: Derived, made_from: str, write: Write) -> bytes:
    return content(await derived.get(LIST, POLICY, made_from, write))


def content(blob: Blob) -> bytes:
    with blob.file:
        return pread(blob.file, 0, blob.size)


@pytest.mark.gen_test
async def test_it_is_made_once_until_what_it_is_made_from_has_changed(derived: Derived, store: Store) -> None:
    first, second = Author(b"v1\n"), Author(b"v1\n", b"v2\n")
    for _ in range(3):
        assert await read(derived, "1", first) == b"v1\n"
    for _ in range(3):
        assert await read(derived, "2", second) == b"v1\nv2\n"
    assert await read(derived, "1", first) == b"v1\n"  # also what was once
    assert (first.times, second.times) == (2, 1)
    assert await store.index.changes() == []
    assert await store.index.changed("house") == 0
    assert await store.index.miscounts() == []
    assert [blob.digest for blob in await store.index.loose()] == [digest_of(b"v1\nv2\n")]
    assert incoming(store) == []


@pytest.mark.gen_test
async def test_what_it_is(derived: Derived, store: Store) -> None:
    blob = await derived.get(LIST, POLICY, "1", Author(b"v1\n"))
    assert (blob.media_type, blob.size, blob.digest) == ("text/plain", 3, digest_of(b"v1\n"))
    assert blob.last_modified == "Mon, 12 Jan 1970 13:46:40 GMT"  # START
    blob.close()
    entry = await store.index.get("house", LIST.path)
    assert entry is not None
    assert is_derived(entry)
    assert entry.media_type == "text/plain"


@pytest.mark.parametrize("algorithms", [(), ("md5", "sha1", "sha512")])
@pytest.mark.gen_test
async def test_its_checksums_are_of_its_very_bytes(derived: Derived, store: Store, algorithms: tuple[str, ...]) -> None:
    policy = replace(POLICY, checksums=algorithms)
    for number in (1, 2):
        blob = await derived.get(LIST, policy, str(number), Author(b"v%d\n" % number, b"", b"end\n"))
        data = content(blob)
        entry = await store.index.get("house", LIST.path)
        assert entry is not None
        for checksums in (blob.checksums, entry.checksums):
            assert {kind: checksums.get(kind) for kind in ("md5", "sha1", "sha512")} == {
                kind: hashlib.new(kind, data).hexdigest() if kind in algorithms else None
                for kind in ("md5", "sha1", "sha512")
            }
    assert is_derived(entry)


@pytest.mark.gen_test
async def test_the_same_document_from_something_else_is_as_old_as_it_was(store: Store) -> None:
    clock = Clock()
    derived = Derived("house", store, clock)
    await read(derived, "1", Author(b"v1\n"))
    inode = blob_path(store.path, digest_of(b"v1\n")).stat().st_ino
    clock.now += 100
    blob = await derived.get(LIST, POLICY, "2", Author(b"v1\n"))
    assert blob.last_modified == "Mon, 12 Jan 1970 13:46:40 GMT"
    assert os.fstat(blob.file.fileno()).st_ino == inode  # no byte was moved
    blob.close()
    entry = await store.index.get("house", LIST.path)
    assert entry is not None
    assert entry.created < START + 1
    assert entry.checked > START + 99
    assert await store.index.miscounts() == []


@pytest.mark.gen_test
async def test_what_another_worker_made_is_good_here(derived: Derived, store: Store) -> None:
    other, author = Derived("house", store, Clock()), Author(b"v1\n")
    await read(other, "1", author)
    await read(derived, "1", author)
    assert author.times == 1


@pytest.mark.gen_test
async def test_two_workers_at_once(derived: Derived, store: Store) -> None:
    workers = [derived, Derived("house", store, Clock())]
    answers = await asyncio.gather(*(read(worker, "1", Author(b"v1\n")) for worker in workers for _ in range(5)))
    assert answers == [b"v1\n"] * 10
    assert await store.index.miscounts() == []
    assert incoming(store) == []


@pytest.mark.gen_test
async def test_who_asks_meanwhile_gets_the_same(derived: Derived) -> None:
    author = Author(b"v1\n")
    assert await asyncio.gather(*(read(derived, "1", author) for _ in range(20))) == [b"v1\n"] * 20
    assert author.times == 1
    answers = await asyncio.gather(*(read(derived, f"{i}", Author(b"%d" % i)) for i in range(2, 10)))
    assert answers == [b"%d" % i for i in range(2, 10)]  # made from something else is something else


@pytest.mark.gen_test
async def test_a_lost_blob_is_made_again(derived: Derived, store: Store) -> None:
    author = Author(b"v1\n")
    await read(derived, "1", author)
    blob_path(store.path, digest_of(b"v1\n")).unlink()
    assert await read(derived, "1", author) == b"v1\n"
    assert author.times == 2


@pytest.mark.parametrize(
    ("author", "kind"),
    [
        (Author(b"x" * 100_001), Corrupt),
        (Author(*[b"x" * 100] * 1001), Corrupt),
        (Author(b"x" * 100_000, b"x"), Corrupt),
        (Author(error=NotFound("nothing to list")), NotFound),
        (Author(b"half of it", error=Corrupt("a member's document")), Corrupt),
        (Author(b"half of it", error=RuntimeError("a fault of the format")), RuntimeError),
    ],
)
@pytest.mark.gen_test
async def test_what_cannot_be_made_leaves_nothing(
    derived: Derived, store: Store, author: Author, kind: type[Exception]
) -> None:
    before = open_descriptors()
    failures = await asyncio.gather(*(read(derived, "1", author) for _ in range(3)), return_exceptions=True)
    assert [type(failure) for failure in failures] == [kind] * 3
    assert isinstance(failures[0], (MxartError, RuntimeError))
    assert author.times == 1
    assert await store.index.get("house", LIST.path) is None
    assert incoming(store) == []
    assert list(store.blobs.walk()) == []
    assert open_descriptors() == before
    assert await read(derived, "1", Author(b"x" * 100_000)) == b"x" * 100_000  # as large as it may be


@pytest.mark.gen_test
async def test_any_way_of_writing_will_do(derived: Derived) -> None:
    def write(out: BinaryIO) -> None:
        with io.TextIOWrapper(out, encoding="utf-8") as text:
            text.write("ä\n" * 1000)

    def compress(out: BinaryIO) -> None:
        with gzip.open(out, "wb") as file:
            file.write(b"v1\n" * 100_000)

    assert await read(derived, "1", write) == "ä\n".encode() * 1000
    assert gzip.decompress(await read(derived, "2", compress)) == b"v1\n" * 100_000
    assert await read(derived, "3", Author()) == b""


@pytest.mark.gen_test
async def test_who_writes_has_ended_before_who_asked_is_cancelled(derived: Derived, store: Store) -> None:
    author = Author(b"v1\n")
    author.go_on.clear()
    leader = asyncio.ensure_future(read(derived, "1", author))
    await asyncio.to_thread(author.started.wait, 10)
    follower, leaver = (asyncio.ensure_future(read(derived, "1", author)) for _ in range(2))
    await asyncio.sleep(0)  # both wait for the leader's run by then
    leaver.cancel()
    with pytest.raises(asyncio.CancelledError):
        await leaver  # has nothing that could be pulled from under the thread, so it need not wait
    leader.cancel()
    await asyncio.sleep(0)
    assert not leader.done()
    author.go_on.set()
    with pytest.raises(asyncio.CancelledError):
        await leader
    assert author.ended.is_set()
    assert await follower == b"v1\n"
    assert author.times == 1
    assert incoming(store) == []


@pytest.mark.gen_test
async def test_what_writes_is_asked_for_only_when_it_is_needed(derived: Derived) -> None:
    asked = 0

    async def prepare() -> Prepared:
        nonlocal asked
        asked += 1
        return Prepared(Author(b"v1\n"))

    for _ in range(3):
        blobs = await asyncio.gather(*(derived.prepared(LIST, POLICY, "1", prepare) for _ in range(5)))
        assert [content(blob) for blob in blobs] == [b"v1\n"] * 5
    assert asked == 1


@pytest.mark.gen_test
async def test_what_would_be_the_same_is_not_made_again(derived: Derived, store: Store) -> None:
    author = Author(b"v1\n")

    async def got(made_from: str, told_by: str) -> bytes:
        async def prepare() -> Prepared:
            return Prepared(author, told_by)

        return content(await derived.prepared(LIST, POLICY, made_from, prepare))

    for made_from, told_by, times in (("1", "a", 1), ("2", "a", 1), ("3", "b", 2), ("4", "", 3), ("5", "", 4)):
        assert await got(made_from, told_by) == b"v1\n"
        assert author.times == times
    entry = await store.index.get("house", LIST.path)
    assert entry is not None and entry.digest is not None
    await got("6", "c")
    await store.blobs.delete(entry.digest)
    assert await got("7", "c") == b"v1\n", "it was lost, and is made again"
    assert author.times == 6


@pytest.mark.gen_test
async def test_a_full_disk_is_said_when_it_is_large(
    derived: Derived, store: Store, small_files: Callable[[int], None]
) -> None:
    small_files(50_000)
    author = Author(*[b"x" * 10_000] * 120)
    with pytest.raises(StoreFull):
        await derived.get(LIST, replace(POLICY, max_size=1 << 30), "1", author)
    assert incoming(store) == []


class FullBlobs(FileBlobs):
    """Takes no blob any more."""

    async def adopt(self, file: Path, digest: Digest) -> None:
        raise StoreFull("no room")


@pytest.mark.gen_test
async def test_on_a_full_disk_it_is_made_for_those_who_ask(store: Store) -> None:
    derived = Derived("house", replace(store, blobs=FullBlobs(store.path)), Clock())
    author = Author(b"v1\n", b"v2\n")
    before = open_descriptors()
    blobs = await asyncio.gather(*(derived.get(LIST, POLICY, "1", author) for _ in range(3)))
    assert {blob.digest for blob in blobs} == {digest_of(b"v1\nv2\n")}
    assert [content(blob) for blob in blobs] == [b"v1\nv2\n"] * 3
    assert author.times == 2  # in vain, and for all three
    assert open_descriptors() == before
    assert incoming(store) == []
    assert await store.index.get("house", LIST.path) is None
