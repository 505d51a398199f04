from __future__ import annotations

import os
from pathlib import Path

import pytest

from mxart.errors import Corrupt, Invalid
from mxart.formats.go import modzip
from mxart.formats.go.sources import (
    GoMod,
    LeftOut,
    Selection,
    is_vendored,
    read_gomod,
    select,
    walk,
)

GOMOD = "module example.com/m\n\ngo 1.21\n"


def fill(folder: Path, *names: str) -> list[str]:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(GOMOD if name == "go.mod" else f"content of {name}\n")
    return list(names)


def sparse(file: Path, size: int) -> None:
    file.touch()
    os.truncate(file, size)


def paths(selection: Selection) -> list[str]:
    return [source.path for source in selection.files]


# --- go.mod ------------------------------------------------------------------------------------------------------


def test_a_gomod_is_read(tmp_path: Path) -> None:
    fill(tmp_path, "go.mod")
    assert read_gomod(tmp_path) == GoMod("example.com/m", (1, 21))


def test_no_gomod(tmp_path: Path) -> None:
    assert read_gomod(tmp_path) == GoMod()
    (tmp_path / "other").write_text(GOMOD)
    (tmp_path / "go.mod").symlink_to("other")  # a link is left out of the zip
    assert read_gomod(tmp_path) == GoMod()


def test_a_gomod_that_cannot_be_used(tmp_path: Path) -> None:
    (tmp_path / "go.mod").write_text("go 1.21\n")
    with pytest.raises(Corrupt):
        read_gomod(tmp_path)
    sparse(tmp_path / "go.mod", modzip.MAX_ROOT_FILE + 1)
    with pytest.raises(Invalid, match="16777217 bytes; the limit is 16777216"):
        read_gomod(tmp_path)


# --- vendored packages -------------------------------------------------------------------------------------------

VENDORED = [
    # path, before go 1.24, from it on
    ("vendor/x/x.go", True, True),
    ("pkg/vendor/x/x.go", True, True),
    ("vendor/x.go", False, False),
    ("vendor/modules.txt", False, True),
    ("vendor/x/modules.txt", True, True),
    ("vendor/amodules.txt", False, False),
    ("modules.txt", False, False),
    ("pkg/vendor/vendor.go", True, False),
    ("a/vendor/b.go", True, False),
    ("longer/name/vendor/vendor.go", True, False),
    ("pkg/vendor/modules.txt", True, False),
    ("vendor/vendor/x.go", True, True),
    ("vendored/x/x.go", False, False),
    ("myvendor/x/x.go", False, False),
    ("a/vendor", False, False),
    ("Vendor/x/x.go", False, False),
]


@pytest.mark.parametrize(("path", "before", "since"), VENDORED)
def test_what_is_vendored(path: str, before: bool, since: bool) -> None:
    assert (is_vendored(path, False), is_vendored(path, True)) == (before, since)


def test_the_version_of_go_decides(tmp_path: Path) -> None:
    names = fill(tmp_path, "vendor/modules.txt", "a/vendor/b.go", "vendor/x/x.go")
    assert paths(select(tmp_path, names, None)) == ["vendor/modules.txt"]
    assert paths(select(tmp_path, names, (1, 23))) == ["vendor/modules.txt"]
    assert paths(select(tmp_path, names, (1, 24))) == ["a/vendor/b.go"]
    assert paths(select(tmp_path, names, (2, 0))) == ["a/vendor/b.go"]


# --- what goes in ------------------------------------------------------------------------------------------------

LEFT_OUT = [
    (("a.go", "vendor/x/x.go", "vendor/y/y.go"), ["a.go"], {"vendor/": "vendored packages"}),
    (("a.go", "myvendor/vendor/x/x.go"), ["a.go"], {"myvendor/vendor/": "vendored packages"}),
    (("a.go", "s/go.mod", "s/t/b.go", "st/c.go"), ["a.go", "st/c.go"], {"s/": "another module"}),
    (("a.go", "s/GO.mod", "s/b.go"), ["a.go"], {"s/": "another module"}),
    (("a.go", "s/t/go.mod", "s/b.go"), ["a.go", "s/b.go"], {"s/t/": "another module"}),
    (("a.go", "vendor/x/go.mod"), ["a.go"], {"vendor/": "vendored packages"}),
    (("a.go", ".hg_archival.txt"), ["a.go"], {".hg_archival.txt": "made by hg archive"}),
    (("s/.hg_archival.txt", "a.go"), ["a.go", "s/.hg_archival.txt"], {}),
    (("b.go", "a.go", "Z.go", "é.go", "a/z.go"), ["Z.go", "a.go", "a/z.go", "b.go", "é.go"], {}),
    ((".gitignore", "go.sum", "go.work", "testdata/x.bin"), [".gitignore", "go.sum", "go.work", "testdata/x.bin"], {}),
    (("a.go", "s/bad:name", "s/go.mod"), ["a.go"], {"s/": "another module"}),
]


@pytest.mark.parametrize(("names", "taken", "left_out"), LEFT_OUT, ids=range(len(LEFT_OUT)))
def test_what_is_left_out(tmp_path: Path, names: tuple[str, ...], taken: list[str], left_out: dict[str, str]) -> None:
    selection = select(tmp_path, fill(tmp_path, *names), None)
    assert paths(selection) == taken
    assert {each.path: each.reason for each in selection.left_out} == left_out
    assert selection.problems == []


def test_what_is_no_file_is_left_out(tmp_path: Path) -> None:
    fill(tmp_path, "a.go", "submodule/x", "elsewhere/secret")
    (tmp_path / "link.go").symlink_to("a.go")
    (tmp_path / "dangling").symlink_to("nowhere")
    (tmp_path / "linked").symlink_to("elsewhere")
    os.mkfifo(tmp_path / "pipe")
    names = ["a.go", "link.go", "dangling", "pipe", "submodule", "linked/secret", "linked/deeper/secret"]
    selection = select(tmp_path, names, None)
    assert paths(selection) == ["a.go"]
    assert selection.problems == []
    assert {each.path: each.reason for each in selection.left_out} == {
        "link.go": "a symbolic link",
        "dangling": "a symbolic link",
        "pipe": "no regular file",
        "submodule": "a git submodule",
        "linked/secret": "below a symbolic link",
        "linked/deeper/secret": "below a symbolic link",
    }


def test_sizes(tmp_path: Path) -> None:
    fill(tmp_path, "a.go", "go.mod")
    selection = select(tmp_path, ["a.go", "go.mod"], None)
    assert [source.size for source in selection.files] == [16, len(GOMOD)]
    assert selection.size == 16 + len(GOMOD)
    assert selection.has_gomod
    assert not select(tmp_path, ["a.go"], None).has_gomod


PROBLEMS: list[tuple[tuple[str, ...], list[str]]] = [
    (("a.go", "con.txt", "bad:name"), ["'bad:name' holds a character", "'con.txt' has an element that is a device"]),
    (("a.go", "A.go"), ["'A.go' and 'a.go': one path on many disks"]),
    (("dir/a.go", "Dir/b.go"), ["'Dir' and 'dir': one path"]),
    (("straße", "STRASSE"), []),
    (("GO.MOD", "a.go"), ["'GO.MOD': a go.mod belongs in the root, in lower case"]),
    (("back\\slash", "a.go"), ["holds a character"]),
    (("new\nline", "a.go"), ["'new\\nline' holds a character"]),
    (("dot.", "a.go"), ["ends in a dot"]),
    (("not-there.go", "a.go"), ["'not-there.go' is not there any more: bring it back"]),
    ((".hg_archival.txt",), ["the zip would be empty"]),
]


@pytest.mark.parametrize(("names", "problems"), PROBLEMS, ids=range(len(PROBLEMS)))
def test_all_problems_come_together(tmp_path: Path, names: tuple[str, ...], problems: list[str]) -> None:
    fill(tmp_path, *(name for name in names if name != "not-there.go"))
    found = select(tmp_path, names, None).problems
    assert len(found) == len(problems)
    for sentence, part in zip(found, problems, strict=True):
        assert part in sentence
        assert sentence.endswith(".")


def test_a_name_that_is_no_text(tmp_path: Path) -> None:
    name = os.fsdecode(b"\xff.go")
    (tmp_path / name).touch()
    problems = select(tmp_path, walk(tmp_path)[0], None).problems
    assert len(problems) == 1
    assert problems[0].isascii()


def test_what_is_too_large(tmp_path: Path) -> None:
    sparse(tmp_path / "go.mod", modzip.MAX_ROOT_FILE + 1)
    sparse(tmp_path / "LICENSE", modzip.MAX_ROOT_FILE + 1)
    sparse(tmp_path / "a.bin", modzip.MAX_ZIP)
    problems = select(tmp_path, ["go.mod", "LICENSE", "a.bin"], None).problems
    assert [sentence.partition(" has ")[0] for sentence in problems] == [
        "The module zip unpacks to more than 524288000 bytes.",
        "The module zip's LICENSE",
        "The module zip's go.mod",
    ]
    assert select(tmp_path, ["a.bin"], None).problems == []


def test_a_license_that_stands_in(tmp_path: Path) -> None:
    (tmp_path / "LICENSE").write_text("of all")
    names = fill(tmp_path / "m", "a.go")
    (source, _) = select(tmp_path / "m", names, None, tmp_path / "LICENSE").files
    assert (source.path, source.file) == ("LICENSE", tmp_path / "LICENSE")
    own = fill(tmp_path / "m", "a.go", "LICENSE")
    (source, _) = select(tmp_path / "m", own, None, tmp_path / "LICENSE").files
    assert source.file == tmp_path / "m/LICENSE"


# --- without version control -------------------------------------------------------------------------------------


def test_a_folder_is_walked(tmp_path: Path) -> None:
    fill(tmp_path, "a.go", "b/c.go", "b/.git/config", ".hg/x", ".svn/x", "b/.bzr/x", "s/go.mod", "s/x.go", "v/go.mod/x")
    (tmp_path / "b/.gitignore").touch()
    (tmp_path / "b/up").symlink_to("..")
    fill(tmp_path, "linked/x.go")
    (tmp_path / "linked/go.mod").symlink_to("x.go")
    names, left_out = walk(tmp_path)
    assert sorted(names) == ["a.go", "b/.gitignore", "b/c.go", "b/up", "v/go.mod/x"]
    assert sorted(left_out, key=lambda each: each.path) == [
        LeftOut(".hg/", "version control"),
        LeftOut(".svn/", "version control"),
        LeftOut("b/.bzr/", "version control"),
        LeftOut("b/.git/", "version control"),
        LeftOut("linked/", "another module"),
        LeftOut("s/", "another module"),
    ]
