from __future__ import annotations

import json
from pathlib import Path

import pytest

from mxart.store import Store
from mxart.store.layout import blob_path
from tests.cli.stored import Stored, stored
from tests.store.builders import digest_of, entry_of


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
    expected = "7 B {}: 2 entries of the trash, 1 blobs, 0 orphaned blobs, 0 ended downloads, 0 old changes\n"
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
    assert site.run("fsck").exit_code == 0


@pytest.mark.parametrize("grace", ["soon", "-5 s", ""])
def test_wrong_usage(site: Stored, grace: str) -> None:
    ran = site.run("gc", "--grace", grace)
    assert ran.exit_code == 2
    assert "--grace" in ran.stderr
    assert blob_path(site.folder / "data", digest_of(b"content")).exists()
