from __future__ import annotations

import json
from pathlib import Path

import pytest

from mxart.store import Store
from tests.cli.stored import Stored, stored
from tests.store.builders import keep, publish

LIST = """\
       3  1970-01-01T00:16:40Z         7 B  go a  (until 1970-01-01T01:16:40Z)
       4  1970-01-01T00:33:20Z         7 B  go b  (until 1970-01-01T01:33:20Z)
"""
TOGETHER = """\
       6  1970-01-01T00:50:00Z         1 B  go c.mod  (until 1970-01-01T01:50:00Z; 6 to 7 come back together)
       7  1970-01-01T00:50:00Z         2 B  go c.zip  (until 1970-01-01T01:50:00Z; 6 to 7 come back together)
"""


@pytest.fixture
def site(tmp_path: Path) -> Stored:
    site = stored(tmp_path)

    async def delete(store: Store) -> None:
        await store.index.delete("go", "a", 1000.0)
        await store.index.delete("go", "b", 2000.0)

    site.work(delete)
    return site


@pytest.fixture
def batch(tmp_path: Path) -> Stored:
    """With what was withdrawn together in the trash, too: as 6 and 7."""
    batch = stored(tmp_path)

    async def withdraw(store: Store) -> None:
        await store.index.delete("go", "a", 1000.0)
        await publish(store, {"c.mod": b"c", "c.zip": b"cc"})
        await store.index.withdraw("go", ["c.mod", "c.zip"], 3000.0)

    batch.work(withdraw)
    return batch


def paths(site: Stored) -> list[str]:
    async def listed(store: Store) -> list[str]:
        return [entry.path for entry in await store.index.list("go") if entry.digest is not None]

    return site.work(listed)


def test_list(site: Stored) -> None:
    assert site.run("trash", "list").stdout == LIST
    assert site.run("trash", "list", "--store", "second").stdout == "the trash is empty\n"
    items = json.loads(site.run("trash", "list", "--json").stdout)["trash"]
    assert [(item["store"], item["id"], item["path"], item["size"]) for item in items] == [
        ("default", 3, "a", 7),
        ("default", 4, "b", 7),
    ]


def test_restore(site: Stored) -> None:
    ran = site.run("trash", "restore", "4", "3", "--store", "default")
    assert (ran.exit_code, ran.stdout) == (0, "4: restored b\n3: restored a\n")
    assert paths(site) == ["a", "b"]


def test_what_cannot_be_restored_is_said_and_the_others_are(site: Stored) -> None:
    site.work(lambda store: keep(store, "a", b"new"))
    ran = site.run("trash", "restore", "3", "99", "4", "--store", "default", "--json")
    assert ran.exit_code == 1
    outcomes = json.loads(ran.stdout)["restored"]
    assert [(outcome["id"], "error" in outcome) for outcome in outcomes] == [(3, True), (99, True), (4, False)]
    assert "mxart trash list" in outcomes[1]["error"]
    assert paths(site) == ["a", "b"]


def test_what_was_deleted_together_is_listed_and_comes_back_together(batch: Stored) -> None:
    assert batch.run("trash", "list").stdout == LIST.splitlines(keepends=True)[0] + TOGETHER
    items = json.loads(batch.run("trash", "list", "--json").stdout)["trash"]
    assert [(item["id"], item["batch"], item["batch_size"]) for item in items] == [(3, 3, 1), (6, 6, 2), (7, 6, 2)]
    ran = batch.run("trash", "restore", "7", "3", "6", "7", "--store", "default")
    assert (ran.exit_code, ran.stdout) == (0, "7: restored c.mod\n7: restored c.zip\n3: restored a\n")
    assert paths(batch) == ["a", "b", "c.mod", "c.zip"]


def test_what_was_deleted_together_stays_together(batch: Stored) -> None:
    batch.work(lambda store: store.index.expire_trash(3001.0, limit=2))
    ran = batch.run("trash", "restore", "7", "--store", "default", "--json")
    assert ran.exit_code == 1
    (outcome,) = json.loads(ran.stdout)["restored"]
    assert outcome["id"] == 7
    assert "c.zip" in outcome["error"]
    assert paths(batch) == ["b"]


def test_a_batch_as_json(batch: Stored) -> None:
    restored = json.loads(batch.run("trash", "restore", "6", "--store", "default", "--json").stdout)["restored"]
    assert restored == [{"id": 6, "repository": "go", "path": path} for path in ("c.mod", "c.zip")]


@pytest.mark.parametrize("arguments", [("restore", "3"), ("restore",), ("restore", "x"), ("restore", "0"), ("lost",)])
def test_wrong_usage(site: Stored, arguments: tuple[str, ...]) -> None:
    assert site.run("trash", *arguments).exit_code == 2
    assert paths(site) == []
