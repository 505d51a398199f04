from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import replace

import pytest

from mxart.contract import Context, Publication, Repository
from mxart.errors import (
    Denied,
    NotFound,
    Unsupported,
)
from mxart.model import Blob, Content, Outline
from mxart.repository.hosted import Hosted, HostedParts
from mxart.repository.rules import Blocking, Reserved, Yielding
from mxart.store import Store
from mxart.store.index import LmdbIndex
from tests.repository.groups import (
    DENIED,
    INFO,
    LIST,
    UNIT_OF_A,
    UNIT_OF_B,
    ZIP,
    group,
    with_rules,
)
from tests.repository.named import NamedFormat, blob_path, doc, doc_path
from tests.repository.parts import PlainFormat, Worker, hosted, resource
from tests.repository.suite import Make, PublishingSuite, ReadOnlySuite, below, delete, publish, read, refused
from tests.repository.teller import Teller
from tests.store.builders import MAP_SIZE
from tests.support.upstream import ScriptedUpstream


class TestGroupOfOne(PublishingSuite):
    owning = True

    @pytest.fixture
    def make(self, store: Store) -> Make:
        async def make(held: Mapping[str, bytes]) -> Repository:
            house = hosted(store)
            await publish(house, held)
            return group(store, house, publish_to=house)

        return make


class TestGroupOfSeveral(PublishingSuite):
    owning = True

    @pytest.fixture
    def make(self, store: Store, worker: Worker) -> Make:
        async def make(held: Mapping[str, bytes]) -> Repository:
            house, attic = hosted(store), hosted(store, "attic")
            await publish(house, held)
            public = Yielding(worker.proxy, [house, attic], (), PlainFormat())
            return group(store, public, house, attic, publish_to=house)

        return make


class TestGroupOfAGroup(PublishingSuite):
    owning = True

    @pytest.fixture
    def make(self, store: Store) -> Make:
        async def make(held: Mapping[str, bytes]) -> Repository:
            house = hosted(store)
            await publish(house, held)
            inner = group(store, house, publish_to=house, name="inner")
            return group(store, inner, house, publish_to=inner)

        return make


class TestGroupOfProxies(ReadOnlySuite):
    owning = False

    @pytest.fixture
    def make(self, store: Store, upstream: ScriptedUpstream, worker: Worker) -> Make:
        async def make(held: Mapping[str, bytes]) -> Repository:
            for path, data in held.items():
                upstream.static(f"/{path}", data)
                await read(worker.proxy, path)
            return group(store, worker.proxy)

        return make


# --- what there is, whose it is, and where it goes ---


@pytest.mark.gen_test
async def test_a_list_has_each_path_once_as_the_first_member_has_it(store: Store) -> None:
    a, b = Teller("a", {"m/1.zip": b"of a"}), Teller("b", {"m/1.zip": b"of b", "m/2.zip": b"of b", "n/1.zip": b""})
    inner = group(store, b, name="inner")
    entries = await group(store, Teller("c", {"list": DENIED}), a, inner).list(resource("m/"), Context())
    assert [(entry.path, entry.repository) for entry in entries] == [("m/1.zip", "a"), ("m/2.zip", "b")]
    with pytest.raises(Denied):
        await group(store, Teller("c", {"list": DENIED})).list(resource("m/"), Context())


@pytest.mark.parametrize("size", [1, 2, 3, 100])
@pytest.mark.gen_test
async def test_a_folder_has_each_name_once_as_the_first_member_has_it(store: Store, size: int) -> None:
    a = Teller("a", {"m/1.zip": b"of a", "m/x/1": b"", "m/é": b"", "n/1": b""})
    b = Teller("b", {"m/1.zip": b"of b", "m/2.zip": b"of b", "m/x/2": b"", "m/x": b"", "m/x-y/1": b"", "m/\uffff": b""})
    whole = group(store, Teller("c", {"list": DENIED}), a, group(store, b, Teller("d"), name="inner"))
    found = [(child.name, child.entry and child.entry.repository) for child in await below(whole, "m/", size)]
    assert found == [
        ("1.zip", "a"),
        ("2.zip", "b"),
        ("x", "b"),
        ("x-y/", None),
        ("x/", None),
        ("é", "a"),
        ("\uffff", "b"),
    ]
    assert [child.name for child in await below(whole, "", size)] == ["m/", "n/"]
    taken = await below(group(store, b, a, publish_to=a), "m/", size, Context(where_published=True))
    assert [child.name for child in taken] == ["1.zip", "x/", "é"]


@pytest.mark.gen_test
async def test_a_folder_is_denied_when_all_members_deny_it(store: Store) -> None:
    closed = [Teller(name, {"list": Denied(f"blocked in {name}"), "m/1": b""}) for name in "ab"]
    with pytest.raises(Denied, match="blocked in a"):
        await below(group(store, *closed), "m/")
    assert await below(group(store, closed[0], Teller("empty"), closed[1]), "m/") == []
    assert await below(group(store), "m/") == []


@pytest.mark.gen_test
async def test_what_a_member_owns_the_group_owns(store: Store) -> None:
    inner = group(store, Teller("a"), Teller("b", owned=["m"]), name="inner")
    outer = group(store, Teller("c"), inner)
    assert await outer.owns(resource(ZIP))
    assert not await outer.owns(resource("n/v1.zip"))


@pytest.mark.gen_test
async def test_what_is_published_goes_to_the_member_named_for_it(store: Store) -> None:
    house, public = Teller("house"), Teller("public")
    inner = group(store, public, house, publish_to=house, name="inner")
    outer, context = group(store, public, inner, publish_to=inner), Context()
    with pytest.raises(Unsupported, match="house takes nothing"):
        await outer.ingest(resource(ZIP), context)
    assert await outer.publish(Publication(parts=()), context)
    await outer.delete([resource(ZIP), resource(INFO)], context)
    assert house.asked == ["ingest m/v1.zip", "publish", "delete m/v1.zip m/v1.info"]
    assert public.asked == []
    assert [facts["repository"] for step, facts in context.trail.steps] == ["inner", "house"] * 3


@pytest.mark.gen_test
async def test_without_such_a_member_nothing_can_be_published(store: Store) -> None:
    house = Teller("house")
    inner = group(store, house, name="inner")
    for whole in (inner, group(store, inner, publish_to=inner)):
        for refusal in (
            whole.ingest(resource(ZIP), Context()),
            whole.publish(Publication(parts=()), Context()),
            whole.delete([resource(ZIP)], Context()),
        ):
            with pytest.raises(Unsupported, match=r"inner.*publish_to") as caught:
                await refusal
            assert caught.value.allowed == ("GET", "HEAD")
    assert house.asked == []


# --- names that belong to the house ---


@pytest.mark.parametrize("inner_has_house", [True, False])
@pytest.mark.parametrize("house_first", [True, False])
@pytest.mark.gen_test
async def test_an_owned_name_is_asked_of_nobody_outside_through_two_groups(
    store: Store, upstream: ScriptedUpstream, worker: Worker, house_first: bool, inner_has_house: bool
) -> None:
    upstream.handler = lambda path: (200, {}, b"of somebody outside")
    house = hosted(store)
    await publish(house, {INFO: b"info", ZIP: b"zip"})
    proxy = worker.proxy
    within: list[Repository] = [house, Teller("mirror")] if inner_has_house else [proxy, Teller("mirror")]
    inner = with_rules(store, "inner", *within)
    members: list[Repository] = [inner, proxy] if inner_has_house else [house, inner]
    outer = with_rules(store, "all", *(members if house_first else members[::-1]))
    assert await read(outer, ZIP) == b"zip"
    assert await read(outer, LIST) == b"v1.zip\n"
    for path in ("m/v9.info", "m/v9.zip", "m/any.txt"):
        assert isinstance(await refused(outer, path), NotFound)
    await delete(house, INFO, ZIP)
    for path in (INFO, ZIP, LIST):
        assert isinstance(await refused(outer, path), NotFound)
    assert upstream.requests == []
    assert await read(outer, "n/any.txt") == b"of somebody outside"


@pytest.mark.gen_test
async def test_a_shared_name_is_asked_of_all(store: Store, upstream: ScriptedUpstream, worker: Worker) -> None:
    upstream.static("/m/all.list", b"v2.zip\n")
    house = hosted(store)
    await publish(house, {INFO: b"info", ZIP: b"zip"})
    whole = with_rules(store, "all", house, worker.proxy, shared=["m*"])
    assert await read(whole, LIST) == b"v1.zip\nv2.zip\n"


@pytest.mark.gen_test
async def test_an_exclusive_name_is_asked_of_nobody_else_before_it_is_published(
    store: Store, upstream: ScriptedUpstream, worker: Worker
) -> None:
    upstream.handler = lambda path: (200, {}, b"of somebody outside")
    house = hosted(store)
    inner = with_rules(store, "inner", worker.proxy)
    whole = with_rules(store, "all", inner, house, exclusive={"house": ["m*"]})
    for path in (INFO, ZIP, LIST, "m/any.txt"):
        assert isinstance(await refused(whole, path), NotFound)
    assert upstream.requests == []


@pytest.mark.gen_test
async def test_a_version_that_came_from_outside_before_the_name_was_owned_comes_from_the_house_now(
    store: Store, upstream: ScriptedUpstream, worker: Worker
) -> None:
    upstream.static("/m/v1.info", b"info of somebody")
    upstream.static("/m/v1.zip", b"zip of somebody")
    house = hosted(store)
    whole = with_rules(store, "all", house, worker.proxy)
    assert await read(whole, ZIP) == b"zip of somebody"
    await publish(house, {INFO: b"info", ZIP: b"zip"})
    assert [await read(whole, path) for path in (ZIP, INFO)] == [b"zip", b"info"]


@pytest.mark.gen_test
async def test_a_block_on_a_member_and_on_the_group(store: Store) -> None:
    a, b = Teller("a", UNIT_OF_A), Teller("b", UNIT_OF_B)
    assert await read(group(store, Blocking(a, ["m"], ()), b), ZIP) == b"zip of b"
    assert a.asked == []
    assert isinstance(await refused(group(store, Blocking(a, ["n"], ()), name="one"), "n/v1.zip"), Denied)
    assert isinstance(await refused(Blocking(group(store, b, name="other"), ["m"], ()), ZIP), Denied)


# --- what leads to what has a digest for its name ---


LAYER = b"layer"
BLOB, TAG = blob_path("m", LAYER), "m/1.tag"


async def looked(repository: Repository, path: str, *, may_write: bool) -> Content:
    content = await repository.get(resource(path), Context(head_only=True, may_write=may_write))
    content.close()
    return content


@pytest.mark.gen_test
async def test_who_may_write_is_told_what_is_where_a_push_would_go(store: Store) -> None:
    """Who hears that a blob is there does not send it; what is published then needs it there."""
    public, house = Teller("public", {BLOB: LAYER, TAG: doc(LAYER)}), Teller("house")
    inner = group(store, public, house, publish_to=house, name="inner", format_=NamedFormat())
    for whole in (inner, group(store, public, inner, publish_to=inner, format_=NamedFormat())):
        with pytest.raises(NotFound):
            await looked(whole, BLOB, may_write=True)
        assert public.asked == []
        assert isinstance(await looked(whole, BLOB, may_write=False), Blob)
        assert isinstance(await looked(whole, TAG, may_write=True), Blob)  # documents are not sent before they are used
        with pytest.raises(NotFound):
            await looked(whole, doc_path("m", doc()), may_write=True)
        assert doc_path("m", doc()) in public.asked
        public.asked.clear()
    house.says[BLOB] = LAYER
    assert isinstance(await looked(inner, BLOB, may_write=True), Blob)


@pytest.mark.gen_test
async def test_where_nothing_can_be_pushed_all_are_asked(store: Store) -> None:
    public = Teller("public", {BLOB: LAYER})
    assert isinstance(await looked(group(store, public, format_=NamedFormat()), BLOB, may_write=True), Blob)
    house = Teller("house")
    inner = group(store, public, house, publish_to=house, name="inner", format_=NamedFormat())
    outer = group(store, inner, format_=NamedFormat())  # to which nothing can be pushed, though to its member
    assert isinstance(await looked(outer, BLOB, may_write=True), Blob)


@pytest.mark.gen_test
async def test_what_is_known_of_content_that_was_not_fetched_is_passed_on(store: Store) -> None:
    outline = Outline(size=5, media_type="application/blob", etag='"e"')
    whole = group(store, Teller("a"), Teller("b", {BLOB: outline}), format_=NamedFormat())
    assert await looked(whole, BLOB, may_write=False) == outline


@pytest.mark.gen_test
async def test_the_packages_of_all_members_each_once(store: Store) -> None:
    a, b = Teller("a", {"m/1.zip": b"", "n/1.zip": b""}), Teller("b", {"m/2.zip": b"", "o/1.zip": b""})
    inner = group(store, b, Reserved(Teller("c", {"x/1.zip": b""}), {"b": ["x"]}), name="inner")
    assert sorted(await group(store, a, Blocking(inner, ["o"], ())).packages(Context())) == ["m", "n"]
    assert sorted(await group(store, a, inner).packages(Context())) == ["m", "n", "o"]
    assert list(await group(store).packages(Context())) == []


@pytest.mark.parametrize("house_first", [True, False])
@pytest.mark.gen_test
async def test_nothing_of_an_owned_name_is_asked_of_anybody_outside_in_whatever_way(
    store: Store, upstream: ScriptedUpstream, make_worker: Callable[..., Worker], house_first: bool
) -> None:
    upstream.handler = lambda path: (200, {}, LAYER)
    house = Hosted(HostedParts(name="house", format=NamedFormat(), store=store))
    await publish(house, {TAG: doc(LAYER), BLOB: LAYER})
    public = Yielding(make_worker(format=NamedFormat()).proxy, [house], (), NamedFormat())
    members: list[Repository] = [house, public] if house_first else [public, house]
    whole = group(store, *members, publish_to=house, format_=NamedFormat())
    elsewhere = blob_path("m", b"pushed by nobody")
    for path in (elsewhere, doc_path("m", doc()), "m/2.tag", "m/all.list"):
        for context in (Context(), Context(head_only=True), Context(head_only=True, may_write=True)):
            with pytest.raises(NotFound):
                (await whole.get(resource(path), context)).close()
    assert await read(whole, BLOB) == LAYER
    assert await read(whole, TAG) == doc(LAYER)
    assert await whole.packages(Context()) == {"m"}
    await delete(house, TAG, BLOB)
    for path in (BLOB, TAG):
        for context in (Context(), Context(head_only=True)):
            with pytest.raises(NotFound):
                (await whole.get(resource(path), context)).close()
    assert upstream.requests == []


class Unnoted(LmdbIndex):
    """An index that holds up who wants to remember a choice."""

    async def choose(self, repository: str, path: str, chosen: str) -> None:
        await asyncio.Event().wait()


@pytest.mark.gen_test
async def test_who_leaves_while_a_choice_is_noted_leaves_nothing_open(store: Store) -> None:
    await store.index.close()
    store = replace(store, index=Unnoted(store.path, MAP_SIZE))
    member = Teller("a", {"m/1.tag": doc()})
    asked = asyncio.ensure_future(group(store, member, format_=NamedFormat()).get(resource("m/1.tag"), Context()))
    await member.was_asked.wait()
    await asyncio.sleep(0)
    asked.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asked
    assert member.left_open == 0
    await store.index.close()
