from __future__ import annotations

import asyncio
import os
from collections.abc import Sequence
from contextlib import suppress
from typing import BinaryIO

import pytest

from mxart.contract import Context
from mxart.errors import (
    BadUpstream,
    Corrupt,
    Denied,
    Gone,
    MxartError,
    NotFound,
    StoreFull,
)
from mxart.model import Bytes, Redirect, Resource
from mxart.store import Store
from mxart.store.layout import incoming_folder
from tests.repository.groups import (
    BAD,
    DENIED,
    FULL,
    GONE,
    LATER,
    LIST,
    NO,
    A,
    B,
    group,
)
from tests.repository.parts import PlainFormat, Worker, resource
from tests.repository.suite import read, refused
from tests.repository.teller import Says, Teller
from tests.support.descriptors import open_descriptors
from tests.support.upstream import ScriptedUpstream


@pytest.mark.parametrize(
    ("says", "outcome"),
    [
        ([A], A),
        ([A, B], b"v1.zip\nv2.zip\nv3.zip\n"),
        ([B, A], b"v3.zip\nv1.zip\nv2.zip\n"),
        ([A, b""], A),
        ([A, A, A], A),
        ([NO, b"as it is, without an end"], b"as it is, without an end"),
        ([NO, A, GONE, B], b"v1.zip\nv2.zip\nv3.zip\n"),
        ([DENIED, A], A),
        ([A, Bytes(data=B)], b"v1.zip\nv2.zip\nv3.zip\n"),
        ([NO, NO], NotFound),
        ([NO, GONE], Gone),
        ([GONE, DENIED, NO], Denied),
        ([A, LATER], BadUpstream),
        ([LATER, A], BadUpstream),
        ([NO, BAD], BadUpstream),
        ([A, Corrupt("lost")], BadUpstream),
        ([A, FULL], StoreFull),
        ([LATER], BadUpstream),
        ([A, RuntimeError("a fault")], RuntimeError),
        ([A, Redirect(url="https://example.org/")], TypeError),
        ([A, b"x" * (64 << 20)], Corrupt),  # more together than may be
        ([], NotFound),
    ],
)
@pytest.mark.gen_test
async def test_an_index_is_merged_or_there_is_none(
    store: Store, says: Sequence[Says], outcome: bytes | type[Exception]
) -> None:
    members = [Teller(f"m{number}", {LIST: said}) for number, said in enumerate(says)]
    whole, context = group(store, *members), Context()
    for _ in range(2):
        if isinstance(outcome, bytes):
            assert await read(whole, LIST) == outcome
        else:
            with pytest.raises(Exception) as caught:
                await whole.get(resource(LIST), context)
            assert type(caught.value) is outcome
    assert sum(member.left_open for member in members) == 0
    assert list(incoming_folder(store.path).iterdir()) == []


@pytest.mark.parametrize(("error", "status", "retry_after"), [(LATER, 0, 7.0), (BAD, 500, 9.0)])
@pytest.mark.gen_test
async def test_who_failed_is_named_and_when_to_come_back(
    store: Store, error: MxartError, status: int, retry_after: float
) -> None:
    inner = group(store, Teller("public", {LIST: error}), name="inner")
    said = await refused(group(store, Teller("house", {LIST: A}), inner), LIST)
    assert isinstance(said, BadUpstream)
    assert (said.status, said.retry_after) == (status, retry_after)
    assert all(word in said.message for word in (LIST, "inner", "public", error.message))


@pytest.mark.gen_test
async def test_an_index_is_merged_once_and_again_when_a_member_has_changed(store: Store) -> None:
    class Counted(PlainFormat):
        merged = 0

        def merge(self, resource: Resource, documents: Sequence[BinaryIO], out: BinaryIO) -> None:
            Counted.merged += 1
            super().merge(resource, documents, out)

    a, b = Teller("a", {LIST: A}), Teller("b", {LIST: B})
    workers = [group(store, a, b, format_=Counted()) for _ in range(2)]
    for whole in workers * 2:
        assert await read(whole, LIST) == b"v1.zip\nv2.zip\nv3.zip\n"
    assert Counted.merged == 1
    assert await asyncio.gather(*(read(workers[0], LIST) for _ in range(20))) == [b"v1.zip\nv2.zip\nv3.zip\n"] * 20
    assert Counted.merged == 1
    b.says[LIST] = b"v4.zip\n"
    assert await asyncio.gather(*(read(workers[1], LIST) for _ in range(20))) == [b"v1.zip\nv2.zip\nv4.zip\n"] * 20
    assert Counted.merged == 2
    assert await read(group(store, b, a, format_=Counted()), LIST) == b"v4.zip\nv1.zip\nv2.zip\n"
    assert await store.index.changed("all") == 0
    assert (a.left_open, b.left_open) == (0, 0)


@pytest.mark.gen_test
async def test_documents_can_be_sought_in_each_by_itself(store: Store) -> None:
    class Seeking(PlainFormat):
        def merge(self, resource: Resource, documents: Sequence[BinaryIO], out: BinaryIO) -> None:
            for document in documents:
                size = document.seek(0, os.SEEK_END)
                document.seek(-4, os.SEEK_CUR)
                out.write(b"%d %s" % (size, document.read()))
                document.seek(1)
                out.write(document.read(2))
                with pytest.raises(OSError, match="before the start"):
                    document.seek(-size - 1, os.SEEK_END)

    a, b = Teller("a", {LIST: A}), Teller("b", {LIST: B})
    assert await read(group(store, a, b, format_=Seeking()), LIST) == b"14 zip\n1.14 zip\n3."


@pytest.mark.parametrize(
    ("statuses", "said"),
    [
        (["mxart; hit", "mxart; hit"], "mxart; hit"),
        (["mxart; hit", "", "mxart; hit; ttl=5"], "mxart; hit"),
        (["mxart; hit", "mxart; fwd=stale; fwd-status=503"], "mxart; fwd=stale; fwd-status=503"),
        (["mxart; fwd=miss; stored", "mxart; hit"], "mxart; fwd=miss; stored"),
        (["", ""], ""),
    ],
)
@pytest.mark.gen_test
async def test_what_is_said_of_a_merged_index(store: Store, statuses: Sequence[str], said: str) -> None:
    members = [Teller(f"m{number}", {LIST: b"%d.zip\n" % number}) for number in range(len(statuses))]
    for member, status in zip(members, statuses, strict=True):
        member.status = status
    context = Context()
    (await group(store, *members).get(resource(LIST), context)).close()
    assert context.trail.cache_status == said
    noted = [facts["repository"] for step, facts in context.trail.steps if step in ("teller", "member")]
    assert noted == [member.name for member in members for _ in range(2)]
    assert context.trail.steps[-1][0] == "merge"


@pytest.mark.gen_test
async def test_when_one_fails_the_others_are_left_and_closed(store: Store) -> None:
    quick, failing, slow = Teller("quick", {LIST: A}), Teller("failing", {LIST: LATER}), Teller("slow")
    slow.held_up[LIST] = asyncio.Event()
    context = Context()
    with pytest.raises(BadUpstream, match="failing"):
        await group(store, quick, failing, slow).get(resource(LIST), context)
    assert slow.cancelled == 1
    assert quick.left_open == 0
    answers = [(facts["repository"], facts["answer"]) for step, facts in context.trail.steps if step == "member"]
    assert answers == [("quick", "found"), ("failing", "failed: Unavailable")]


@pytest.mark.gen_test
async def test_who_leaves_an_index_leaves_nothing_open(store: Store) -> None:
    gate = asyncio.Event()
    quick, slow = Teller("quick", {LIST: A}), Teller("slow", {LIST: B})
    slow.held_up[LIST] = gate
    asked = asyncio.ensure_future(group(store, quick, slow).get(resource(LIST), Context()))
    await slow.was_asked.wait()
    asked.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asked
    assert (quick.left_open, slow.cancelled) == (0, 1)
    gate.set()
    for steps in range(30):
        slow.says[LIST] = b"%d.zip\n" % steps
        before = open_descriptors()
        asked = asyncio.ensure_future(group(store, quick, slow).get(resource(LIST), Context()))
        for _ in range(steps):
            await asyncio.sleep(0)
        asked.cancel()
        with suppress(asyncio.CancelledError):
            (await asked).close()
        await asyncio.sleep(0)
        assert (quick.left_open, slow.left_open) == (0, 0)
        assert open_descriptors() == before


@pytest.mark.gen_test
async def test_one_proxy_on_two_ways_is_one_download(store: Store, upstream: ScriptedUpstream, worker: Worker) -> None:
    upstream.static("/m/all.list", A)
    inner = group(store, Teller("house", {LIST: B}), worker.proxy, name="inner")
    outer = group(store, worker.proxy, inner)
    answers = await asyncio.gather(*(read(outer, LIST) for _ in range(5)))
    assert set(answers) == {b"v1.zip\nv2.zip\nv3.zip\n"}
    assert upstream.count("/m/all.list") == 1
