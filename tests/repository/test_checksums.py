"""Checksum files: each says what the very content is that the same repository gives."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Collection
from io import FileIO

import pytest

from mxart.contract import Context, Repository
from mxart.errors import BadUpstream, Denied, Gone, NotFound, Unavailable, Unsupported
from mxart.model import Blob, Bytes, Content, Digest, Outline, Redirect
from mxart.repository.checksums import told
from mxart.repository.group import Group
from mxart.repository.hosted import Hosted, HostedParts
from mxart.repository.rules import Blocking
from mxart.store import Store
from mxart.store.layout import blob_path
from tests.repository.groups import group
from tests.repository.parts import BIG, Clock, Worker, resource
from tests.repository.suite import delete, publish, refused
from tests.repository.summed import KINDS, SummedFormat, hex_of
from tests.repository.teller import Teller
from tests.store.builders import digest_of
from tests.support.descriptors import open_descriptors
from tests.support.upstream import Answer, ScriptedUpstream, Static

FORMAT = SummedFormat()
OTHERS = ("md5", "sha1", "sha512")


def house(store: Store, name: str = "house") -> Hosted:
    return Hosted(HostedParts(name=name, format=FORMAT, store=store, clock=Clock()))


def summed(store: Store, *members: Repository, publish_to: Repository | None = None) -> Group:
    return group(store, *members, format_=FORMAT, publish_to=publish_to)


async def content_of(repository: Repository, path: str, context: Context | None = None) -> tuple[bytes, dict[str, str]]:
    """All of the content, and the checksums that go along with it."""
    content = await repository.get(resource(path), context or Context())
    assert isinstance(content, (Blob, Bytes)), content
    try:
        if isinstance(content, Bytes):
            return content.data, {}
        return os.pread(content.file.fileno(), content.size + 1, 0), dict(content.checksums)
    finally:
        content.close()


async def assert_agree(repository: Repository, path: str, data: bytes, known: Collection[str] = OTHERS) -> None:
    """The content is this, and all that is said of it is right."""
    given, checksums = await content_of(repository, path)
    assert given == data
    assert {kind: checksums[kind].encode() for kind in known} == {kind: hex_of(data, kind) for kind in known}
    for kind in KINDS:
        assert await content_of(repository, f"{path}.{kind}") == (hex_of(data, kind), {}), kind


# --- by itself ---


async def say(kind: str, content: Content) -> Bytes:
    """What the checksum file of that kind says."""
    policy = FORMAT.policy(resource(f"a.zip.{kind}"))
    assert policy.checksum is not None
    return await told(policy.checksum, policy.media_type, content)


def blob(data: bytes, **checksums: str) -> Blob:
    with tempfile.TemporaryFile() as file:
        file.write(data)
        file.flush()
        shared = FileIO(os.dup(file.fileno()))
    return Blob(file=shared, size=len(data), digest=digest_of(data), checksums=checksums, last_modified="a date")


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("data", [b"", b"content", BIG * 3], ids=len)
@pytest.mark.gen_test
async def test_what_a_checksum_file_says(kind: str, data: bytes) -> None:
    for content in (blob(data), Bytes(data=data, last_modified="a date")):
        said = await say(kind, content)
        assert said == Bytes(data=hex_of(data, kind), media_type="text/sum", last_modified="a date")
        assert isinstance(content, Bytes) or content.file.closed


@pytest.mark.gen_test
async def test_what_is_noted_is_not_computed_again() -> None:
    noted = blob(b"content", sha1="noted")
    assert (await say("sha1", noted)).data == b"noted"
    changed = blob(b"content")
    changed.digest = Digest("sha256", "ab" * 32)
    assert (await say("sha256", changed)).data == b"ab" * 32


@pytest.mark.parametrize(
    "content", [Outline(size=9), Redirect(url="https://example.org/")], ids=["outline", "elsewhere"]
)
@pytest.mark.gen_test
async def test_of_what_is_not_here_nothing_is_known(content: Outline | Redirect) -> None:
    with pytest.raises(NotFound):
        await say("sha1", content)


# --- of what was published ---


@pytest.mark.gen_test
async def test_of_what_was_published(store: Store) -> None:
    repository = house(store)
    await publish_all(repository, {"m/v1.zip": b"zip", "m/v2.zip": b"", "m/note.txt": BIG})
    before = open_descriptors()
    await assert_agree(repository, "m/v1.zip", b"zip")
    await assert_agree(repository, "m/v2.zip", b"")
    await assert_agree(repository, "m/note.txt", BIG)
    assert open_descriptors() == before


async def publish_all(repository: Repository, held: dict[str, bytes], *, replace: bool = False) -> None:
    assert await publish(repository, held, replace=replace)


@pytest.mark.gen_test
async def test_of_what_has_changed(store: Store) -> None:
    repository = house(store)
    for text in (b"first", b"second"):
        await publish_all(repository, {"m/note.txt": text}, replace=True)
        await assert_agree(repository, "m/note.txt", text)


@pytest.mark.gen_test
async def test_of_what_is_made_from_others(store: Store) -> None:
    repository = house(store)
    for number in (1, 2):
        await publish_all(repository, {f"m/v{number}.zip": b"zip"})
        await assert_agree(repository, "m/all.list", b"".join(b"v%d.zip\n" % n for n in range(1, number + 1)))


@pytest.mark.gen_test
async def test_of_what_is_not_there(store: Store) -> None:
    repository = house(store)
    assert isinstance(await refused(repository, "m/v1.zip.sha1"), NotFound)
    assert isinstance(await refused(repository, "m/all.list.sha1"), NotFound)
    await publish_all(repository, {"m/v1.zip": b"zip"})
    await delete(repository, "m/v1.zip")
    assert isinstance(await refused(repository, "m/v1.zip.sha1"), Gone)


@pytest.mark.gen_test
async def test_they_are_neither_published_nor_deleted(store: Store) -> None:
    repository = house(store)
    await publish_all(repository, {"m/v1.zip": b"zip"})
    with pytest.raises(Unsupported):
        await repository.ingest(resource("m/v1.zip.sha1"), Context())
    with pytest.raises(Unsupported):
        await delete(repository, "m/v1.zip.sha1", "m/v1.zip")
    assert await content_of(repository, "m/v1.zip.sha1") == (hex_of(b"zip", "sha1"), {})


@pytest.mark.gen_test
async def test_who_asks_only_for_the_head_is_told_the_same(store: Store) -> None:
    repository = house(store)
    await publish_all(repository, {"m/v1.zip": b"zip"})
    said = await content_of(repository, "m/v1.zip.sha1", Context(head_only=True))
    assert said == (hex_of(b"zip", "sha1"), {})


# --- of what an upstream has ---


@pytest.fixture
def proxy(make_worker: Callable[..., Worker]) -> Worker:
    return make_worker(format=FORMAT)


@pytest.mark.gen_test
async def test_of_what_is_held_nobody_is_asked(upstream: ScriptedUpstream, proxy: Worker) -> None:
    upstream.static("/a.zip", BIG)
    assert await (await proxy.get("a.zip")).read() == BIG
    upstream.requests.clear()
    await assert_agree(proxy.proxy, "a.zip", BIG)
    assert upstream.requests == []


@pytest.mark.gen_test
async def test_of_what_is_not_held_the_upstream_says_it(upstream: ScriptedUpstream, proxy: Worker) -> None:
    upstream.static("/a.zip", b"zip")
    upstream.static("/a.zip.sha1", b"  as it writes it\n")
    assert await content_of(proxy.proxy, "a.zip.sha1") == (b"  as it writes it\n", {})
    assert upstream.count("/a.zip") == 0
    assert isinstance(await refused(proxy.proxy, "a.zip.md5"), NotFound)


@pytest.mark.gen_test
async def test_what_the_upstream_said_gives_way_to_what_is_held(upstream: ScriptedUpstream, proxy: Worker) -> None:
    upstream.static("/loose.zip", b"zip")
    upstream.static("/loose.zip.sha1", b"wrong")
    assert (await content_of(proxy.proxy, "loose.zip.sha1"))[0] == b"wrong"
    assert await (await proxy.get("loose.zip")).read() == b"zip"
    await assert_agree(proxy.proxy, "loose.zip", b"zip")


@pytest.mark.gen_test
async def test_of_an_index_both_are_of_one_generation(upstream: ScriptedUpstream, proxy: Worker) -> None:
    for text in (b"v1.zip\n", b"v1.zip\nv2.zip\n"):
        upstream.static("/m/all.list", text)
        upstream.static("/m/all.list.sha1", b"of another generation")
        await assert_agree(proxy.proxy, "m/all.list", text)
        proxy.clock.now += 1000
    assert upstream.count("/m/all.list.sha1") == 0


@pytest.mark.gen_test
async def test_the_checksum_may_come_first(upstream: ScriptedUpstream, proxy: Worker) -> None:
    upstream.static("/m/all.list", b"v1.zip\n")
    assert await content_of(proxy.proxy, "m/all.list.sha256") == (hex_of(b"v1.zip\n", "sha256"), {})
    assert await content_of(proxy.proxy, "m/all.list") == (
        b"v1.zip\n",
        {kind: hex_of(b"v1.zip\n", kind).decode() for kind in OTHERS},
    )
    assert upstream.count("/m/all.list") == 1


@pytest.mark.gen_test
async def test_of_what_is_stale_they_follow_what_the_upstream_has_now(
    upstream: ScriptedUpstream, proxy: Worker
) -> None:
    upstream.script("/a.txt", Static(data=b"first", etag='"1"'), Static(data=b"second", etag='"2"'))
    assert await (await proxy.get("a.txt")).read() == b"first"
    proxy.clock.now += 1000
    assert await content_of(proxy.proxy, "a.txt.sha1") == (hex_of(b"second", "sha1"), {})
    await assert_agree(proxy.proxy, "a.txt", b"second")
    upstream.stop()
    proxy.clock.now += 1000
    await assert_agree(proxy.proxy, "a.txt", b"second")


@pytest.mark.gen_test
async def test_of_what_is_known_for_absent_nobody_is_asked(upstream: ScriptedUpstream, proxy: Worker) -> None:
    assert isinstance(await refused(proxy.proxy, "a.zip"), NotFound)
    upstream.requests.clear()
    upstream.static("/a.zip.sha1", hex_of(b"zip", "sha1"))
    assert isinstance(await refused(proxy.proxy, "a.zip.sha1"), NotFound)
    assert upstream.requests == []
    proxy.clock.now += 100
    assert (await content_of(proxy.proxy, "a.zip.sha1"))[0] == hex_of(b"zip", "sha1")


@pytest.mark.parametrize("head_only", [True, False])
@pytest.mark.gen_test
async def test_of_what_was_lost_the_upstream_is_asked(
    upstream: ScriptedUpstream, proxy: Worker, store: Store, head_only: bool
) -> None:
    upstream.static("/a.zip", BIG)
    await (await proxy.get("a.zip")).read()
    blob_path(store.path, digest_of(BIG)).unlink()
    upstream.static("/a.zip.sha1", hex_of(BIG, "sha1"))
    said = await content_of(proxy.proxy, "a.zip.sha1", Context(head_only=head_only))
    assert said == (hex_of(BIG, "sha1"), {})
    assert upstream.count("/a.zip") == 1


@pytest.mark.parametrize("path", ["a.zip.sha1", "m/all.list.sha1"])
@pytest.mark.gen_test
async def test_an_upstream_that_fails_is_no_absence(upstream: ScriptedUpstream, proxy: Worker, path: str) -> None:
    upstream.script(f"/{path}", Answer(status=500))
    upstream.script("/m/all.list", Answer(status=500))
    assert isinstance(await refused(proxy.proxy, path), BadUpstream)
    upstream.stop()
    assert isinstance(await refused(proxy.proxy, path), (Unavailable, BadUpstream))


@pytest.mark.gen_test
async def test_what_is_held_only(upstream: ScriptedUpstream, proxy: Worker) -> None:
    upstream.static("/a.zip", b"zip")
    for path in ("a.zip.sha1", "m/all.list.sha1"):
        with pytest.raises(NotFound):
            await proxy.get(path, cached_only=True)
    assert upstream.requests == []
    await (await proxy.get("a.zip")).read()
    assert (await content_of(proxy.proxy, "a.zip.sha1", Context(cached_only=True)))[0] == hex_of(b"zip", "sha1")


@pytest.mark.gen_test
async def test_what_is_revalidated_keeps_its_checksums(upstream: ScriptedUpstream, proxy: Worker) -> None:
    upstream.static("/a.txt", b"text", etag='"1"')
    for _ in range(3):
        await assert_agree_after_fetch(proxy)
        proxy.clock.now += 1000
    assert [request.headers.get("if-none-match") for request in upstream.requests] == [None, '"1"', '"1"']


async def assert_agree_after_fetch(proxy: Worker) -> None:
    answer = await proxy.get("a.txt")
    assert await answer.read() == b"text"
    _, checksums = await content_of(proxy.proxy, "a.txt")
    assert {kind: checksums[kind].encode() for kind in OTHERS} == {kind: hex_of(b"text", kind) for kind in OTHERS}


# --- of several ---


@pytest.mark.gen_test
async def test_of_what_is_merged(store: Store) -> None:
    one, two = house(store, "one"), house(store, "two")
    await publish_all(one, {"m/v1.zip": b"of one"})
    whole = summed(store, one, two)
    await assert_agree(whole, "m/all.list", b"v1.zip\n")
    await publish_all(two, {"m/v1.zip": b"of two", "m/v2.zip": b"of two"})
    await assert_agree(whole, "m/all.list", b"v1.zip\nv2.zip\n")


@pytest.mark.gen_test
async def test_files_come_with_the_checksums_of_their_member(store: Store) -> None:
    one, two = house(store, "one"), house(store, "two")
    await publish_all(one, {"m/v1.zip": b"of one"})
    await publish_all(two, {"m/v1.zip": b"of two", "m/v2.zip": b"of two"})
    whole = summed(store, one, two)
    await assert_agree(whole, "m/v1.zip", b"of one")
    await assert_agree(whole, "m/v2.zip", b"of two")
    assert isinstance(await refused(whole, "m/v3.zip.sha1"), NotFound)


@pytest.mark.gen_test
async def test_of_an_index_that_would_not_be_whole_there_is_none(store: Store) -> None:
    one = house(store, "one")
    await publish_all(one, {"m/v1.zip": b"of one"})
    failing = Teller("two", {"m/all.list": Unavailable("away")})
    assert isinstance(await refused(summed(store, one, failing), "m/all.list.sha1"), BadUpstream)
    blocked = summed(store, Blocking(one, ["m"], ()))
    assert isinstance(await refused(blocked, "m/all.list.sha1"), Denied)
    assert isinstance(await refused(blocked, "m/v1.zip.sha1"), Denied)


@pytest.mark.gen_test
async def test_who_asks_where_it_is_published_is_told_by_that_member(store: Store) -> None:
    one, two = house(store, "one"), house(store, "two")
    await publish_all(one, {"m/v1.zip": b"of one"})
    await publish_all(two, {"m/v1.zip": b"of two"})
    whole, there = summed(store, one, two, publish_to=two), Context(where_published=True)
    assert (await content_of(whole, "m/v1.zip", there))[0] == b"of two"
    assert (await content_of(whole, "m/v1.zip.sha1", there))[0] == hex_of(b"of two", "sha1")
    assert (await content_of(whole, "m/v1.zip", Context()))[0] == b"of one"
    assert [entry.repository for entry in await whole.list(resource("m/"), there)] == ["two"]
    outer = group(store, one, whole, format_=FORMAT, publish_to=whole, name="outer")
    assert (await content_of(outer, "m/v1.zip", there))[0] == b"of two"
    nowhere = summed(store, one, two)
    assert (await content_of(nowhere, "m/v1.zip", there))[0] == b"of one"
