from __future__ import annotations

import asyncio
import threading
from collections.abc import Sequence

import pytest

from mxart.contract import Context
from mxart.errors import (
    BadUpstream,
    Corrupt,
    Denied,
    Gone,
    NotFound,
    StoreFull,
    Unavailable,
)
from mxart.store import Store
from tests.repository.groups import (
    BAD,
    DENIED,
    FULL,
    GONE,
    HERE,
    LATER,
    NO,
    group,
)
from tests.repository.parts import BIG, Answer, Worker, resource
from tests.repository.suite import read, refused
from tests.repository.teller import Says, Teller
from tests.support.upstream import Answer as Reply
from tests.support.upstream import ScriptedUpstream


@pytest.mark.parametrize(
    ("says", "outcome", "asked"),
    [
        ([HERE], HERE, 1),
        ([HERE, b"other"], HERE, 1),
        ([NO, HERE, b"other"], HERE, 2),
        ([GONE, HERE], HERE, 2),
        ([DENIED, HERE], HERE, 2),
        ([HERE, LATER], HERE, 1),
        ([b"", HERE], b"", 1),
        ([NO, NO, NO], NotFound, 3),
        ([NO, GONE, NO], Gone, 3),
        ([NO, DENIED, GONE], Denied, 3),
        ([NO, LATER, HERE], Unavailable, 2),
        ([NO, BAD, HERE], BadUpstream, 2),
        ([DENIED, FULL, HERE], StoreFull, 2),
        ([Corrupt("lost"), HERE], Corrupt, 1),
        ([RuntimeError("a fault"), HERE], RuntimeError, 1),
        ([], NotFound, 0),
    ],
)
@pytest.mark.gen_test
async def test_a_file_comes_from_the_first_that_has_it(
    store: Store, says: Sequence[Says], outcome: bytes | type[Exception], asked: int
) -> None:
    members = [Teller(f"m{number}", {"top.zip": said}) for number, said in enumerate(says)]
    whole, context = group(store, *members), Context()
    if isinstance(outcome, bytes):
        assert await read(whole, "top.zip") == outcome
    else:
        with pytest.raises(Exception) as caught:
            await whole.get(resource("top.zip"), context)
        assert type(caught.value) is outcome
        noted = [facts["repository"] for step, facts in context.trail.steps if step == "member"]
        assert noted == [member.name for member in members[:asked] if outcome is not RuntimeError]
    assert [len(member.asked) for member in members] == [1] * asked + [0] * (len(members) - asked)
    assert sum(member.left_open for member in members) == 0


@pytest.mark.gen_test
async def test_what_its_owner_took_back_is_had_from_nobody_else(store: Store) -> None:
    path = "m/notes.txt"
    owner, other = Teller("house", {path: GONE}, owned=[resource(path).package]), Teller("public", {path: HERE})
    assert isinstance(await refused(group(store, owner, other), path), Gone)
    assert isinstance(await refused(group(store, group(store, owner, name="inner"), other), path), Gone)
    assert other.asked == []


@pytest.mark.gen_test
async def test_each_member_says_in_a_line_why_it_has_nothing(store: Store) -> None:
    inner = group(store, Teller("public", {"top.zip": NO}), name="inner")
    error = await refused(group(store, Teller("house"), inner), "top.zip")
    assert error.message.splitlines() == [
        "not found: top.zip is in no member of all",
        "  house: house has no top.zip",
        "  inner: not found: top.zip is in no member of inner",
        "    public: no such version:",
        "    ask for another",
    ]


@pytest.mark.gen_test
async def test_what_members_say_stays_short(store: Store) -> None:
    members = [Teller(f"m{number}", {"top.zip": NotFound("x" * 10_000 + "\n" * 9 + "y")}) for number in range(20)]
    members.append(Teller("silent", {"top.zip": NotFound("")}))
    message = (await refused(group(store, *members[-2:], *members), "top.zip")).message
    lines = message.splitlines()
    assert len(lines) == 8
    assert all(0 < len(line) <= 160 for line in lines)
    assert lines[3] == "  silent: not found"


@pytest.mark.gen_test
async def test_a_download_in_progress_is_passed_on(store: Store, upstream: ScriptedUpstream, worker: Worker) -> None:
    release = threading.Event()
    upstream.script("/m/big.bin", Reply(body=BIG, stall_after=len(BIG) // 2, release=release))
    context = Context()
    answer = Answer(await group(store, Teller("house"), worker.proxy).get(resource("m/big.bin"), context), context)
    assert (await answer.growing.extent(0)).end > 0
    release.set()
    assert await answer.read() == BIG
    assert answer.cache_status == "mxart; fwd=miss; stored"


@pytest.mark.gen_test
async def test_a_hit_makes_no_task_and_asks_nobody_twice(store: Store) -> None:
    first, second = Teller("a"), Teller("b", {"top.zip": HERE, "m/v1.info": HERE, "m/v1.zip": HERE})
    whole = group(store, first, second)
    await read(whole, "m/v1.zip")
    del first.asked[:], second.asked[:]
    before = asyncio.all_tasks()
    for path in ("top.zip", "m/v1.zip", "m/v1.info"):
        content = whole.get(resource(path), Context())
        with pytest.raises(StopIteration) as ended:  # it never waited
            content.send(None)
        ended.value.value.close()
    assert asyncio.all_tasks() == before
    assert (first.asked, second.asked) == (["top.zip"], ["top.zip", "m/v1.zip", "m/v1.info"])
