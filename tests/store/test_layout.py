"""Keys: one each, short enough, in an order that `list` can use."""

from __future__ import annotations

from pathlib import Path

import pytest

from mxart.store import layout

PATHS = [
    "",
    "a",
    "a/b",
    "a\x01",
    "ä",
    "a" * 506,
    "a" * 507,
    "a" * 508,
    "a" * 509,
    "a" * 600,
    "a" * 599 + "b",
    "€" * 500,
]


def test_each_path_has_a_key_of_its_own() -> None:
    keys = {layout.entry_key(repository, path) for repository in ("go", "g", "go2") for path in PATHS}
    assert len(keys) == 3 * len(PATHS)
    assert max(map(len, keys)) <= layout.MAX_KEY


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("length", [0, 1, 300, 470, 480, 505, 510, 599])
def test_the_prefix_of_a_path_is_one_of_its_key(path: str, length: int) -> None:
    assert layout.entry_key("go", path).startswith(layout.entry_prefix("go", path[:length]))


def test_no_repository_is_in_another() -> None:
    assert not layout.entry_key("go2", "a").startswith(layout.entry_prefix("go", ""))


@pytest.mark.parametrize(
    ("path", "package"),
    [
        ("a/-/tags/1", "a"),
        ("a/b-c/-/-/", "a/b-c"),
        ("ü/-/" + "€" * 500, "ü"),
        ("a" * 460 + "/-/1" + "x" * 100, "a" * 460),
        ("a" * 500 + "/-/1", "a" * 500),  # short enough for a key that is not cut
        ("a" * 500 + "/-/1" + "x" * 100, ""),
        ("a" * 472 + "/-/" + "x" * 100, ""),  # the cut goes through the border
        ("/-/a", ""),
        ("a/-", ""),
        ("", ""),
    ],
)
def test_a_key_tells_its_package(path: str, package: str) -> None:
    assert layout.key_package(layout.entry_key("go", path), "/-/") == package


@pytest.mark.parametrize("border", ["-", "#", "é"])
def test_the_tail_of_a_cut_key_is_no_part_of_a_path(border: str) -> None:
    for number in range(300):  # some of their digests have the bytes of the border
        assert layout.key_package(layout.entry_key("go", "a" * 600 + f"{number}"), border) == ""


def test_sequences_are_in_order() -> None:
    keys = [layout.sequence_key(n) for n in (0, 1, 255, 256, 1 << 32, (1 << 63))]
    assert keys == sorted(keys)


def test_folders_are_made_once_and_again(tmp_path: Path) -> None:
    for _ in range(2):
        layout.make_folders(tmp_path / "data")
    made = {str(path.relative_to(tmp_path / "data")) for path in (tmp_path / "data").rglob("*")}
    assert made == {"blobs", "blobs/sha256", "incoming", "quarantine", "scratch", "index", "locks"}
