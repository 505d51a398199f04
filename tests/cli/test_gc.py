from __future__ import annotations

import json
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, TypeVar

import pytest

from mxart.contract import Context
from mxart.store import Store
from mxart.store.layout import blob_path
from mxart.units import format_size
from tests.cli.images import House
from tests.cli.stored import Stored, stored
from tests.store.builders import digest_of, entry_of
from tests.support.images import FOREIGN, Image, image, index

T = TypeVar("T")
HOURS = 3600.0


@pytest.fixture
def site(tmp_path: Path) -> Stored:
    """The content of the first store has been in the trash for ever, but for what was replaced just now."""
    site = stored(tmp_path)

    async def delete(store: Store) -> None:
        for path in "ab":
            await store.index.delete("go", path, 1.0)
        await store.index.put(entry_of("c", b""))
        await store.index.put(entry_of("c", None))

    site.work(delete)
    return site


def test_a_dry_run_says_what_a_run_does(site: Stored) -> None:
    expected = (
        "7 B {}: 2 entries of the trash, 0 unused entries, 1 blobs, 0 orphaned blobs, 0 ended downloads, "
        "0 old changes, 0 old absences; 0 outdated entries to the trash\n"
    )
    blob = blob_path(site.folder / "data", digest_of(b"content"))
    ran = site.run("gc", "--dry-run", "--store", "default")
    assert (ran.exit_code, ran.stdout) == (0, "store default: " + expected.format("would be freed"))
    assert blob.exists()
    ran = site.run("gc", "--store", "default")
    assert (ran.exit_code, ran.stdout) == (0, "store default: " + expected.format("freed"))
    assert not blob.exists()
    assert site.run("gc", "--store", "default").stdout.startswith("store default: 0 B freed: 0 entries")


def test_json_and_grace(site: Stored) -> None:
    ran = site.run("gc", "--json", "--grace", "0 s")
    assert ran.exit_code == 0
    answer = json.loads(ran.stdout)
    assert answer["dry_run"] is False
    first, second = answer["stores"]
    assert (first["name"], first["trash"], first["blobs"], first["freed_bytes"]) == ("default", 2, 2, 7)
    assert (second["name"], second["freed_bytes"]) == ("second", 0)
    assert [(each["unused"], each["unused_bytes"]) for each in (first, second)] == [(0, 0), (0, 0)]
    assert site.run("fsck").exit_code == 0


@pytest.mark.parametrize("option", ["--grace", "--unused-age"])
@pytest.mark.parametrize("duration", ["soon", "-5 s", ""])
def test_wrong_usage(site: Stored, option: str, duration: str) -> None:
    ran = site.run("gc", option, duration)
    assert ran.exit_code == 2
    assert option in ran.stderr
    assert blob_path(site.folder / "data", digest_of(b"content")).exists()


PROXIES = """
[[repository]]
name = "go"
format = "go"
kind = "proxy"
upstream = "http://127.0.0.1:1"
[[repository]]
name = "slow"
format = "go"
kind = "proxy"
upstream = "http://127.0.0.1:1"
negative_ttl = "2 d"
[[repository]]
name = "house"
format = "go"
kind = "hosted"
"""


def test_what_an_upstream_did_not_have_is_forgotten_after_a_day(tmp_path: Path) -> None:
    site = stored(tmp_path)
    site.config.write_text(site.config.read_text() + PROXIES)

    async def ask_for_nothing(store: Store) -> None:
        for repository in ("go", "slow", "house"):
            for hours in (23, 25, 49):
                created = time.time() - hours * HOURS
                await store.index.put(entry_of(f"{hours}", None, repository, created=created))

    async def remembered(store: Store) -> list[tuple[str, list[str]]]:
        names = ("go", "slow", "house")
        return [(name, [entry.path for entry in await store.index.list(name)]) for name in names]

    site.work(ask_for_nothing)
    before = site.work(remembered)
    for options, left in (
        (("--dry-run",), before),
        ((), [("go", ["23", "a", "b"]), ("slow", ["23", "25"]), ("house", ["23", "25", "49"])]),
    ):
        ran = site.run("gc", "--json", "--store", "default", *options)
        assert json.loads(ran.stdout)["stores"][0]["absences"] == 3
        assert site.work(remembered) == left


# --- images ---

HOUSE = """
[[repository]]
name = "house"
format = "docker"
kind = "hosted"
[[repository]]
name = "shed"
format = "docker"
kind = "hosted"
store = "second"
"""
ONE, TWO = image("one"), image("two")
BOTH = index(image("three"), image("three", FOREIGN))


class Images(Stored):
    """The repository "house" in the first store: app:1 was pushed two hours ago, and again an hour and a half ago."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.config.write_text(self.config.read_text() + HOUSE)
        self.at(2.0, lambda house: house.push("app", "1", ONE))
        self.at(1.5, lambda house: house.push("app", "1", TWO))

    def at(self, hours: float, work: Callable[[House], Awaitable[T]]) -> T:
        """What comes of work that was done so many hours ago."""
        return self.work(lambda store: work(House(store, lambda: time.time() - hours * HOURS)))

    def whole(self, name: str, tag: str, expected: Image) -> bool:
        return self.at(0.0, lambda house: house.has_whole(name, tag, expected))

    def files(self) -> int:
        """How many blobs there are."""
        return len(list((self.folder / "data/blobs").rglob("??/*")))


@pytest.fixture
def images(tmp_path: Path) -> Images:
    made = Images(tmp_path)
    made.work(nothing, "second")
    return made


async def nothing(store: Store) -> None: ...


def size_of(*images: Image) -> int:
    return sum(len(blob.data) for each in images for blob in (*each.all_blobs().values(), *each.all_manifests()))


def gc(images: Images, *options: str) -> dict[str, Any]:
    """What a run says of the first store."""
    ran = images.run("gc", "--json", "--store", "default", *options)
    assert ran.exit_code == 0, ran.output
    record: dict[str, Any] = json.loads(ran.stdout)["stores"][0]
    return record


def test_an_image_that_no_tag_names_goes_and_a_dry_run_says_so(images: Images) -> None:
    freed = f"{format_size(size_of(ONE))} {{}}: 0 entries of the trash, 3 unused entries, 3 blobs, "
    ran = images.run("gc", "--dry-run", "--store", "default")
    assert ran.stdout.startswith("store default: " + freed.format("would be freed"))
    assert images.files() == 6
    ran = images.run("gc", "--store", "default")
    assert ran.stdout.startswith("store default: " + freed.format("freed"))
    assert images.files() == 3
    assert images.whole("app", "1", TWO)
    assert gc(images)["unused"] == gc(images)["freed_bytes"] == 0
    assert images.run("fsck").exit_code == 0


@pytest.mark.parametrize("options", [(), ("--dry-run",)])
def test_what_was_unused_in_numbers(images: Images, options: tuple[str, ...]) -> None:
    record = gc(images, *options)
    assert (record["unused"], record["unused_bytes"]) == (3, size_of(ONE))
    assert (record["blobs"], record["freed_bytes"]) == (3, size_of(ONE))


@pytest.mark.parametrize(("age", "unused"), [("3 h", 0), ("110 min", 3), ("0 s", 3), ("1 d", 0)])
def test_what_was_pushed_lately_is_spared(images: Images, age: str, unused: int) -> None:
    assert gc(images, "--unused-age", age, "--dry-run")["unused"] == unused
    assert gc(images, "--unused-age", age)["unused"] == unused


def test_what_was_pulled_lately_is_spared(images: Images) -> None:
    images.at(0.0, lambda house: house.content(f"app/manifests/{ONE.digest}"))
    assert gc(images)["unused"] == 0
    assert gc(images, "--unused-age", "0 s")["unused"] == 3


def test_blobs_that_were_pushed_for_nothing(images: Images) -> None:
    lost = image("never finished")

    async def push(house: House) -> None:
        for blob in lost.blobs:
            await house.ask("POST", "app/blobs/uploads/", blob.data, query=f"digest={blob.digest}")
            await house.ask("POST", "other/blobs/uploads/", blob.data, query=f"digest={blob.digest}")

    images.at(2.0, push)
    record = gc(images)
    assert (record["unused"], record["blobs"]) == (3 + 4, 3 + 2)
    assert images.at(0.0, lambda house: house.repository.packages(Context())) == ["app"]


def test_an_index_keeps_its_manifests(images: Images) -> None:
    images.at(3.0, lambda house: house.push("app", "both", BOTH))
    assert gc(images)["unused"] == 3
    assert images.whole("app", "both", BOTH)
    images.at(2.5, lambda house: house.push("app", "both", ONE))
    assert gc(images, "--unused-age", "0 s")["unused_bytes"] == size_of(BOTH)


def test_a_deleted_tag_comes_back_whole(images: Images) -> None:
    images.at(0.5, lambda house: house.ask("DELETE", "app/manifests/1"))
    assert gc(images)["unused"] == 3  # of the image that it had named before
    listed = json.loads(images.run("trash", "list", "--json").stdout)["trash"]
    assert images.run("trash", "restore", "--store", "default", str(listed[0]["id"])).exit_code == 0
    assert images.whole("app", "1", TWO)


def test_a_deleted_manifest_comes_back_whole_with_its_tags(images: Images) -> None:
    images.at(1.2, lambda house: house.push("app", "also", TWO))
    images.at(0.5, lambda house: house.ask("DELETE", f"app/manifests/{TWO.digest}"))
    assert gc(images)["unused"] == 3
    listed = json.loads(images.run("trash", "list", "--json").stdout)["trash"]
    assert len(listed) == 3
    assert images.run("trash", "restore", "--store", "default", str(listed[-1]["id"])).exit_code == 0
    for tag in ("1", "also"):
        assert images.whole("app", tag, TWO)


def test_what_cannot_be_restored_any_more_goes(images: Images) -> None:
    images.at(1.1, lambda house: house.ask("DELETE", "app/manifests/1"))
    dry, record = gc(images, "--dry-run"), gc(images)
    for each in (dry, record):
        assert (each["trash"], each["unused"], each["blobs"]) == (1, 6, 6)
        assert each["freed_bytes"] == size_of(ONE, TWO)
    assert images.files() == 0
    assert images.run("fsck").exit_code == 0


def test_a_blob_that_another_image_needs_stays_there(images: Images) -> None:
    images.at(1.4, lambda house: house.push("copy", "1", ONE))
    dry, record = gc(images, "--dry-run"), gc(images)
    for each in (dry, record):
        assert (each["unused"], each["blobs"], each["freed_bytes"]) == (3, 0, 0)
    assert images.whole("copy", "1", ONE)


def test_each_store_has_its_own_repositories(images: Images) -> None:
    ran = images.run("gc", "--json")
    assert [each["unused"] for each in json.loads(ran.stdout)["stores"]] == [3, 0]


def test_an_image_whose_manifest_is_lost_loses_no_more(images: Images) -> None:
    blob_path(images.folder / "data", digest_of(TWO.manifest.data)).unlink()
    assert gc(images)["unused"] == 0
    images.at(0.0, lambda house: house.push("app", "1", TWO))
    assert images.whole("app", "1", TWO)
