from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from mxart.cli.copies.localtree import LEADS_BACK, LEADS_OUT, NO_FILE, LocalTree
from mxart.cli.copies.trees import (
    HIDDEN,
    MAX_DEPTH,
    MAX_SMALL,
    TOO_DEEP,
    UNREADABLE,
    Folder,
    LeftOut,
    Reason,
    Unreadable,
)
from tests.cli.copies.mavensource import paths, write


def files(top: Path) -> list[str]:
    return paths(LocalTree(top))


def left_out(top: Path) -> list[tuple[str, Reason]]:
    return [(each.path, each.reason) for each in LocalTree(top).walk() if isinstance(each, LeftOut)]


def test_a_walk(tmp_path: Path) -> None:
    write(tmp_path, {"b/2": b"22", "b/1": b"1", "a/x/1": b"", "top": b"", ".index/x": b"", "b/.hidden": b""})
    walked = list(LocalTree(tmp_path).walk())
    assert [each.path for each in walked] == [".index/", "", "a/x", "b/.hidden", "b"]
    assert files(tmp_path) == ["top", "a/x/1", "b/1", "b/2"]
    assert left_out(tmp_path) == [(".index/", HIDDEN), ("b/.hidden", HIDDEN)]
    sizes = [found.size for each in walked if isinstance(each, Folder) for found in each.files]
    assert sizes == [0, 0, 1, 2]


def test_links_inside_the_tree_are_followed(tmp_path: Path) -> None:
    write(tmp_path, {"real/1.0/lib.jar": b"x", "other/y": b""})
    (tmp_path / "real/1.0/copy.jar").symlink_to("lib.jar")
    (tmp_path / "alias").symlink_to("real")
    assert files(tmp_path) == [
        "alias/1.0/copy.jar",
        "alias/1.0/lib.jar",
        "other/y",
        "real/1.0/copy.jar",
        "real/1.0/lib.jar",
    ]
    assert left_out(tmp_path) == []


def test_no_link_leads_in_circles(tmp_path: Path) -> None:
    write(tmp_path, {"a/b/x": b"", "c/y": b""})
    (tmp_path / "a/self").symlink_to(".")
    (tmp_path / "a/b/up").symlink_to("..")
    (tmp_path / "a/b/top").symlink_to(tmp_path)
    (tmp_path / "a/c").symlink_to("../c")
    (tmp_path / "c/a").symlink_to("../a")
    (tmp_path / "c/a2").symlink_to("../a")
    assert files(tmp_path) == ["a/b/x", "a/c/y", "c/y", "c/a/b/x"]
    assert {reason for _, reason in left_out(tmp_path)} == {LEADS_BACK}


def test_many_links_to_each_other_end(tmp_path: Path) -> None:
    names = [f"d{number:02}" for number in range(30)]
    for name in names:
        (tmp_path / name).mkdir()
        for other in names:
            (tmp_path / name / f"to-{other}").symlink_to(f"../{other}")
    assert len(left_out(tmp_path)) < 30 * 30 * 3


def test_links_out_of_the_tree_are_not_followed(tmp_path: Path) -> None:
    write(tmp_path, {"tree/x": b"", "secret": b"s", "folder/y": b""})
    tree = tmp_path / "tree"
    (tree / "file").symlink_to("../secret")
    (tree / "folder").symlink_to("../folder")
    (tree / "nothing").symlink_to("nowhere")
    assert files(tree) == ["x"]
    assert [path for path, _ in left_out(tree)] == ["file", "folder/", "nothing"]
    assert {reason for _, reason in left_out(tree)} == {LEADS_OUT}


def test_the_top_may_be_a_link(tmp_path: Path) -> None:
    write(tmp_path, {"tree/x/y": b""})
    (tmp_path / "link").symlink_to("tree")
    assert files(tmp_path / "link") == ["x/y"]


def test_what_is_no_file(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    assert left_out(tmp_path) == [("pipe", NO_FILE)]


def test_a_folder_that_cannot_be_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path, {"closed/x": b"", "open/y": b""})
    scandir = os.scandir

    def deny(folder: str | os.PathLike[str]) -> Iterator[os.DirEntry[str]]:
        if os.fspath(folder).rstrip("/").endswith("/closed"):  # root could read it, whatever its mode
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), os.fspath(folder))
        return scandir(folder)

    monkeypatch.setattr(os, "scandir", deny)
    assert files(tmp_path) == ["open/y"]
    assert left_out(tmp_path) == [("closed/", UNREADABLE)]


def test_depth_is_limited(tmp_path: Path) -> None:
    deepest = "/".join(["d"] * MAX_DEPTH)
    write(tmp_path, {f"{deepest}/x": b"", f"{deepest}/e/y": b""})
    assert files(tmp_path) == [f"{deepest}/x"]
    assert left_out(tmp_path) == [(f"{deepest}/e/", TOO_DEEP)]


def test_files_are_read(tmp_path: Path) -> None:
    tree = LocalTree(write(tmp_path, {"a/x": b"123", "big": b"x" * 2 * MAX_SMALL}))
    with tree.open("a/x") as content:
        assert (content.file.read(), content.size, content.said) == (b"123", 3, {})
    assert tree.small("a/x") == b"123"
    assert len(tree.small("big")) == MAX_SMALL
    assert tree.small("missing") == b""
    assert tree.said("a/x") == {}
    with pytest.raises(Unreadable, match="No such file"), tree.open("missing"):
        pass
    with pytest.raises(Unreadable, match="directory"):
        tree.small("a")
