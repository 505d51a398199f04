from __future__ import annotations

from dataclasses import replace

import pytest

from mxart.contract import Context, Repository
from mxart.errors import BadUpstream, Denied, MxartError, NotFound, StoreFull
from mxart.repository.group import Group
from mxart.store import Store
from mxart.store.index import LmdbIndex
from tests.repository.groups import BAD, DENIED, GONE, group
from tests.repository.named import NamedFormat, blob_path, doc, doc_path
from tests.repository.parts import resource
from tests.repository.suite import read, refused
from tests.repository.teller import Says, Teller
from tests.store.builders import MAP_SIZE

LAYER, DOC = b"layer", doc(b"layer")
BLOB, BY_DIGEST, TAG = blob_path("m", LAYER), doc_path("m", DOC), "m/1.tag"


def whole(store: Store, *members: Repository) -> Group:
    return group(store, *members, format_=NamedFormat())


@pytest.fixture
def a() -> Teller:
    return Teller("a", {"n/1.tag": DOC})


@pytest.fixture
def b() -> Teller:
    return Teller("b", {TAG: DOC, BLOB: LAYER, BY_DIGEST: DOC})


def asked(*members: Teller) -> list[str]:
    """What each of them was asked since this was asked last."""
    found = [f"{member.name} {path}" for member in members for path in member.asked]
    for member in members:
        member.asked.clear()
    return found


@pytest.mark.gen_test
async def test_whoever_answered_last_for_the_package_is_asked_first(store: Store, a: Teller, b: Teller) -> None:
    all_ = whole(store, a, b)
    assert await read(all_, BLOB) == LAYER
    assert asked(a, b) == [f"a {BLOB}", f"b {BLOB}"]  # nobody has answered yet
    assert await read(all_, TAG) == DOC
    assert asked(a, b) == [f"a {TAG}", f"b {TAG}"]  # a name that moves is the first member's that has it
    for path in (BLOB, BY_DIGEST):
        await read(all_, path)
        assert asked(a, b) == [f"b {path}"]
    another = whole(store, a, b)  # another worker's
    await read(another, BLOB)
    assert asked(a, b) == [f"b {BLOB}"]
    await read(all_, "n/1.tag")
    asked(a, b)
    assert isinstance(await refused(all_, blob_path("n", LAYER)), NotFound)
    assert asked(a, b) == [f"a {blob_path('n', LAYER)}", f"b {blob_path('n', LAYER)}"]
    await read(all_, BLOB)
    assert asked(a, b) == [f"b {BLOB}"]  # each package has its own


@pytest.mark.gen_test
async def test_the_others_are_asked_when_it_has_none(store: Store, a: Teller, b: Teller) -> None:
    c = Teller("c", {blob_path("m", b"other"): b"other"})
    all_ = whole(store, a, b, c)
    await read(all_, TAG)
    asked(a, b, c)
    path = blob_path("m", b"other")
    assert await read(all_, path) == b"other"
    assert asked(b, a, c) == [f"b {path}", f"a {path}", f"c {path}"]


@pytest.mark.gen_test
async def test_it_follows_the_tag(store: Store, a: Teller, b: Teller) -> None:
    all_ = whole(store, a, b)
    await read(all_, TAG)
    a.says |= {TAG: DOC, BLOB: LAYER}
    await read(all_, TAG)
    asked(a, b)
    await read(all_, BLOB)
    assert asked(a, b) == [f"a {BLOB}"]


@pytest.mark.gen_test
async def test_a_member_that_is_none_any_more_is_forgotten(store: Store, a: Teller, b: Teller) -> None:
    await read(whole(store, a, b), TAG)
    c = Teller("c", {BLOB: LAYER})
    asked(a, b)
    assert await read(whole(store, a, c), BLOB) == LAYER
    assert asked(a, c) == [f"a {BLOB}", f"c {BLOB}"]


@pytest.mark.parametrize(
    ("said", "raised"), [(BAD, BadUpstream), (DENIED, None), (GONE, None), (NotFound("no such blob"), None)]
)
@pytest.mark.gen_test
async def test_what_the_first_one_says_counts_as_for_any_other(
    store: Store, b: Teller, said: Says, raised: type[MxartError] | None
) -> None:
    a = Teller("a", {BLOB: b"never the first here"})
    all_ = whole(store, a, b)
    a.says[TAG] = NotFound("not here")
    await read(all_, TAG)
    a.says[BLOB] = LAYER
    b.says[BLOB] = said
    asked(a, b)
    if raised is None:
        assert await read(all_, BLOB) == LAYER
        assert asked(b, a) == [f"b {BLOB}", f"a {BLOB}"]
    else:
        assert isinstance(await refused(all_, BLOB), raised)
        assert asked(b, a) == [f"b {BLOB}"]


@pytest.mark.gen_test
async def test_all_that_deny_it_deny_it(store: Store) -> None:
    a, b = Teller("a", {BLOB: DENIED}), Teller("b", {BLOB: DENIED})
    assert isinstance(await refused(whole(store, a, b), BLOB), Denied)


@pytest.mark.gen_test
async def test_who_asks_only_for_what_is_held_notes_nothing(store: Store, a: Teller, b: Teller) -> None:
    all_ = whole(store, a, b)
    (await all_.get(resource(TAG), Context(cached_only=True))).close()
    assert await store.index.choice("all", "m/") == ""
    await read(all_, TAG)
    assert await store.index.choice("all", "m/") == "b"


class FullIndex(LmdbIndex):
    """An index that has no room for choices."""

    async def choose(self, repository: str, path: str, chosen: str) -> None:
        raise StoreFull("the index is full")


@pytest.mark.gen_test
async def test_a_full_index_hinders_nobody(store: Store, a: Teller, b: Teller) -> None:
    await store.index.close()
    full = replace(store, index=FullIndex(store.path, MAP_SIZE))
    all_ = whole(full, a, b)
    assert await read(all_, TAG) == DOC
    assert await read(all_, BLOB) == LAYER
    await full.index.close()
