from __future__ import annotations

import json
from pathlib import Path

import pytest

from mxart.store.layout import blob_path
from tests.cli.stored import Stored, stored
from tests.store.builders import digest_of

DIGEST = digest_of(b"content")


@pytest.fixture
def site(tmp_path: Path) -> Stored:
    return stored(tmp_path)


@pytest.fixture
def damaged(site: Stored) -> Stored:
    blob_path(site.folder / "data", DIGEST).unlink()
    return site


def test_a_clean_store(site: Stored) -> None:
    ran = site.run("fsck")
    assert ran.exit_code == 0
    assert ran.output == "store default: 1 blobs checked: clean\nstore second: 0 blobs checked: clean\n"


def test_what_gc_will_remove_is_no_problem(site: Stored) -> None:
    (site.folder / "data/incoming/d-1").touch()
    ran = site.run("fsck", "--store", "default")
    assert ran.exit_code == 0
    assert "for gc: 0 orphaned blobs (0 B), 1 files of ended downloads" in ran.output


def test_problems_are_listed(damaged: Stored) -> None:
    ran = damaged.run("fsck", "--store", "default")
    assert ran.exit_code == 1
    assert ran.output == f"store default: 1 blobs checked: 1 problem\n  missing: {DIGEST}, named by 2\n"
    ran = damaged.run("fsck", "--json")
    assert ran.exit_code == 1
    first, second = json.loads(ran.stdout)["stores"]
    assert first["damaged"] == [{"digest": str(DIGEST), "kind": "missing"}]
    assert (first["clean"], second["clean"], first["repaired"]) == (False, True, None)


def test_repairing(damaged: Stored) -> None:
    ran = damaged.run("fsck", "--repair")
    assert ran.exit_code == 0
    assert "  dropped: go a\n  dropped: go b\n" in ran.output
    assert damaged.run("fsck").exit_code == 0


def test_repairing_as_json(damaged: Stored) -> None:
    repaired = json.loads(damaged.run("fsck", "--repair", "--json").stdout)["stores"][0]["repaired"]
    assert repaired == {
        "recounted": 0,
        "lost": [str(DIGEST)],
        "dropped": [{"repository": "go", "path": "a"}, {"repository": "go", "path": "b"}],
    }


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("fsck", "--store", "third"), "mxart: there is no store 'third': the configuration has default, second\n"),
        (("fsck", "--nonsense"), "No such option"),
    ],
)
def test_wrong_usage(site: Stored, arguments: tuple[str, ...], sentence: str) -> None:
    ran = site.run(*arguments)
    assert ran.exit_code == 2
    assert sentence in ran.stderr


def test_a_store_that_was_never_made_is_not_made(tmp_path: Path) -> None:
    ran = Stored(tmp_path).run("fsck")
    assert ran.exit_code == 2
    assert "the server makes it when it first starts" in ran.stderr
    assert not (tmp_path / "data").exists()


def test_a_broken_index_is_said(site: Stored) -> None:
    (site.folder / "data/index/data.mdb").write_bytes(b"no index" * 1000)
    ran = site.run("fsck")
    assert ran.exit_code == 2
    assert "mxart: store default: the index in " in ran.stderr
