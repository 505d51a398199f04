from __future__ import annotations

import asyncio
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import pytest

from mxart.contract import Context
from mxart.errors import (
    Denied,
    Gone,
    MxartError,
    NotFound,
    Unavailable,
)
from mxart.model import Content, Resource
from mxart.store import Store
from mxart.store.index import LmdbIndex
from mxart.store.layout import make_folders
from tests.repository.groups import (
    DENIED,
    FULL,
    GONE,
    INFO,
    LATER,
    NO,
    UNIT_OF_A,
    UNIT_OF_B,
    ZIP,
    group,
)
from tests.repository.parts import Answer, resource
from tests.repository.suite import read, refused
from tests.repository.teller import Says, Teller
from tests.store.builders import MAP_SIZE
from tests.support.descriptors import open_descriptors


@pytest.mark.parametrize(
    ("a", "b", "asked", "outcome"),
    [
        (UNIT_OF_A, UNIT_OF_B, ZIP, b"zip of a"),
        ({}, UNIT_OF_B, ZIP, b"zip of b"),
        ({}, UNIT_OF_B, INFO, b"info of b"),
        ({ZIP: b"zip of a"}, UNIT_OF_B, ZIP, b"zip of b"),  # a has no whole unit
        ({INFO: b"info of a"}, UNIT_OF_B, ZIP, NotFound),  # a has it, so nothing of it comes from b
        ({INFO: b"info of a", ZIP: DENIED}, UNIT_OF_B, ZIP, Denied),
        ({INFO: b"info of a", ZIP: LATER}, UNIT_OF_B, ZIP, Unavailable),
        ({INFO: DENIED}, UNIT_OF_B, ZIP, b"zip of b"),
        ({INFO: GONE, ZIP: b"zip of a"}, UNIT_OF_B, ZIP, b"zip of b"),
        ({INFO: LATER}, UNIT_OF_B, ZIP, Unavailable),  # perhaps a has it
        ({INFO: DENIED}, {}, ZIP, Denied),
        ({INFO: GONE}, {}, ZIP, Gone),
        ({}, {}, ZIP, NotFound),
        ({ZIP: b"zip of a"}, {}, ZIP, NotFound),
    ],
)
@pytest.mark.gen_test
async def test_a_unit_comes_from_one_member(
    store: Store,
    a: Mapping[str, Says],
    b: Mapping[str, Says],
    asked: str,
    outcome: bytes | type[MxartError],
) -> None:
    members = Teller("a", a), Teller("b", b)
    whole = group(store, *members)
    for _ in range(2):  # chosen, and remembered
        if isinstance(outcome, bytes):
            assert await read(whole, asked) == outcome
        else:
            assert type(await refused(whole, asked)) is outcome
    assert [member.left_open for member in members] == [0, 0]


@pytest.mark.gen_test
async def test_a_choice_stands_in_all_workers_when_the_order_changes(store: Store) -> None:
    a, b = Teller("a"), Teller("b", UNIT_OF_B)
    assert await read(group(store, a, b), INFO) == b"info of b"
    a.says.update(UNIT_OF_A)
    del a.asked[:]
    for whole in (group(store, a, b), group(store, b, a)):
        assert await read(whole, ZIP) == b"zip of b"
    assert a.asked == []
    assert await read(group(store, a, name="other"), ZIP) == b"zip of a"


@pytest.mark.parametrize("why", [NO, GONE, DENIED])
@pytest.mark.gen_test
async def test_another_is_chosen_when_the_unit_is_gone_from_the_chosen_one(store: Store, why: Exception) -> None:
    a, b = Teller("a", UNIT_OF_A), Teller("b", UNIT_OF_B)
    whole = group(store, a, b)
    assert await read(whole, ZIP) == b"zip of a"
    a.says = {INFO: why, ZIP: why}
    assert await read(whole, ZIP) == b"zip of b"
    a.says = dict(UNIT_OF_A)  # back: too late
    assert await read(whole, INFO) == b"info of b"
    assert (a.left_open, b.left_open) == (0, 0)


@pytest.mark.gen_test
async def test_another_is_chosen_when_the_chosen_one_is_no_member_any_more(store: Store) -> None:
    a, b = Teller("a", UNIT_OF_A), Teller("b", UNIT_OF_B)
    await read(group(store, a, b), ZIP)
    assert await read(group(store, b), ZIP) == b"zip of b"
    assert await read(group(store, a, b), ZIP) == b"zip of b"


@pytest.mark.gen_test
async def test_a_chosen_one_that_fails_is_not_replaced(store: Store) -> None:
    a, b = Teller("a", UNIT_OF_A), Teller("b", UNIT_OF_B)
    whole = group(store, a, b)
    await read(whole, ZIP)
    a.says = {INFO: LATER, ZIP: LATER}
    assert type(await refused(whole, ZIP)) is Unavailable
    a.says = {INFO: LATER, ZIP: NO}  # nobody knows whether the unit is still there
    assert type(await refused(whole, ZIP)) is Unavailable
    assert set(b.asked) == set()


@pytest.mark.gen_test
async def test_who_wants_what_is_held_changes_no_choice(store: Store) -> None:
    a, b = Teller("a"), Teller("b", UNIT_OF_B)
    whole = group(store, a, b)

    async def held(path: str) -> bytes:
        context = Context(cached_only=True)
        return await Answer(await whole.get(resource(path), context), context).read()

    assert await held(ZIP) == b"zip of b"  # a does not hold it yet; its upstream may have it
    assert await store.index.choice("all", INFO) == ""
    a.says.update(UNIT_OF_A)
    assert await read(whole, ZIP) == b"zip of a"
    a.says.clear()
    with pytest.raises(NotFound):
        await held(ZIP)
    assert await store.index.choice("all", INFO) == "a"


@pytest.mark.parametrize(("quicker", "outcome"), [(0, b"zip of a"), (1, b"zip of b")])
@pytest.mark.gen_test
async def test_workers_that_choose_at_once_choose_the_same(store: Store, quicker: int, outcome: bytes) -> None:
    """The one sees the unit in a, where it has just come; the other came a moment too early for that."""
    late, early = Teller("a", UNIT_OF_A), Teller("a", {ZIP: b"zip of a"})
    others = [Teller("b", UNIT_OF_B), Teller("b", UNIT_OF_B)]
    late.held_up[INFO], others[1].held_up[INFO] = gates = [asyncio.Event(), asyncio.Event()]
    workers = [group(store, late, others[0]), group(store, early, others[1])]
    asked = [asyncio.ensure_future(read(worker, ZIP)) for worker in workers]
    await late.was_asked.wait()
    await others[1].was_asked.wait()
    gates[quicker].set()
    assert await asked[quicker] == outcome
    gates[1 - quicker].set()
    assert await asked[1 - quicker] == outcome
    assert late.left_open + sum(other.left_open for other in others) == 0


@pytest.mark.gen_test
async def test_a_choice_that_never_settles_is_no_answer(store: Store) -> None:
    class Fickle(Teller):
        """Has the unit when it is looked for, and not when it is wanted."""

        async def get(self, resource: Resource, context: Context) -> Content:
            self.says = {INFO: b"info"} if len(self.asked) % 3 == 0 else {}
            return await super().get(resource, context)

    fickle = Fickle("a")
    assert type(await refused(group(store, fickle), ZIP)) is Unavailable
    assert fickle.left_open == 0


@pytest.mark.gen_test
async def test_a_full_index_forgets_but_answers(store: Store, tmp_path: Path) -> None:
    class Full(LmdbIndex):
        async def choose(self, repository: str, path: str, chosen: str) -> None:
            raise FULL

    make_folders(tmp_path / "full")
    full = Full(tmp_path / "full", MAP_SIZE)
    a, b = Teller("a"), Teller("b", UNIT_OF_B)
    try:
        whole = group(replace(store, index=full), a, b)
        assert [await read(whole, path) for path in (INFO, ZIP)] == [b"info of b", b"zip of b"]
    finally:
        await full.close()


@pytest.mark.gen_test
async def test_who_leaves_while_a_choice_is_made_leaves_nothing_open(store: Store) -> None:
    for steps in range(12):
        a = Teller("a", {f"m/v{steps}.info": b"info", f"m/v{steps}.zip": b"zip"})
        before = open_descriptors()
        asked = asyncio.ensure_future(group(store, a).get(resource(f"m/v{steps}.info"), Context()))
        for _ in range(steps):
            await asyncio.sleep(0)
        asked.cancel()
        with suppress(asyncio.CancelledError):
            (await asked).close()
        assert a.left_open == 0
        assert open_descriptors() == before
