"""Module zips. ``VERDICTS`` is what tests/clients/test_go_zips.py asks the go command about, too."""

from __future__ import annotations

import io
import stat
import tracemalloc

import pytest

from mxart import archive
from mxart.errors import Corrupt
from mxart.formats.go import modzip
from tests.formats.go.zips import MODULE, PREFIX, VERSION, End, Member
from tests.formats.go.zips import archive as make
from tests.support.modules import module_zip

MIB = 1 << 20
GOMOD = f"module {MODULE}\n".encode()


def files(*names: str, data: bytes = b"x") -> bytes:
    """A zip of these files below the right prefix."""
    return make([Member(name=PREFIX + name, data=data) for name in names])


GOOD = {
    "a module": module_zip(MODULE, VERSION, {"go.mod": GOMOD, "a.go": b"package a\n", "d/LICENSE": b"x"}),
    "no go.mod": files("a.go"),
    "a fork's go.mod": module_zip(MODULE, VERSION, {"go.mod": b"module example.com/original\n"}),
    "a go.mod that is none": module_zip(MODULE, VERSION, {"go.mod": b"\xff"}),
    "nothing at all": make([]),
    "directories": files("", "d/", "d/a.go", "d/e/", "d/", data=b""),
    "names of all kinds": files("Ünïcode/文.go", ".hidden", "a b!#$%&()+,-.=@[]^_{}~", "-x", "PROGRA~1"),
    "ß is not ss": files("straße", "strasse"),
    "a name like go.mod": files("d/go.mod.txt", "d/xgo.mod", "go.mod.d/x"),
    "a directory called go.mod elsewhere": files("d/go.mod/x"),
    "a vendored package": files("vendor/x/a.go", "vendor/modules.txt"),
    "a stored file": make([Member(method=0)]),
    "a comment": make([Member()], End(comment=b"x")),
    "zip64": make([Member()], End(zip64=True)),
}

BAD = {
    "no zip": b"<html></html>",
    "another module": module_zip("example.com/other", VERSION, {"a.go": b"x"}),
    "another version": module_zip(MODULE, "v1.0.1", {"a.go": b"x"}),
    "an escaped prefix": module_zip("example.com/!m", VERSION, {"a.go": b"x"}),
    "no prefix": make([Member(name="a.go")]),
    "an absolute path": make([Member(name="/etc/passwd")]),
    "a prefix without its slash": make([Member(name=PREFIX[:-1])]),
    "..": files("../a.go"),
    ".. inside": files("d/../a.go"),
    "deep ..": files("../../../../etc/passwd"),
    ".": files("./a.go"),
    "an empty element": files("d//a.go"),
    "a slash too many": files("d//"),
    "an absolute path below the prefix": files("/etc/passwd"),
    "a backslash": files("d\\a.go"),
    "a drive": files("C:a.go"),
    "NUL": files("a\x00.go"),
    "a line break": files("a\n.go"),
    "a control character": files("a\x1b.go"),
    "not UTF-8": make([Member(name=PREFIX.encode() + b"\xff.go")]),
    "a trailing dot": files("a."),
    "a device": files("d/aux.go"),
    "an emoji": files("🙂.go"),
    "a combining mark": files("a\u0301.go"),
    "a file twice": files("a.go", "a.go"),
    "names that differ in case": files("a.go", "A.go"),
    "directories that differ in case": files("d/a.go", "D/b.go"),
    "names that fold together: K": files("k.go", "\N{KELVIN SIGN}.go"),
    "names that fold together: s": files("s.go", "\N{LATIN SMALL LETTER LONG S}.go"),
    "names that fold together: ß": files("ß.go", "ẞ.go"),
    "names that fold together: sigma": files("σ", "ς"),
    "a file that is a directory": files("d", "d/a.go"),
    "a directory that is a file": files("d/a.go", "d"),
    "a directory entry that is a file": files("d/", "d", data=b""),
    "go.mod in a directory": files("d/go.mod"),
    "GO.MOD": files("GO.MOD"),
    "a directory called go.mod": files("go.mod/x"),
    "a directory with content": files("d/"),
    "Go.mod in a directory": files("d/Go.mod"),
    "a wrong CRC": make([Member(crc=1)]),
    "fewer bytes than declared": make([Member(size=11)]),
    "more bytes than declared": make([Member(size=9)]),
    "cut": make([Member()])[:-40],
    "too much, declared": make([Member(name=f"{PREFIX}{n}", size=126 * MIB) for n in range(4)]),
    "too much in one, declared": make([Member(size=501 * MIB)]),
    "a go.mod of 17 MiB": files("go.mod", data=bytes(17 * MIB)),
    "a LICENSE of 17 MiB": files("LICENSE", data=bytes(17 * MIB)),
}

STRICTER = {  # than the go command, see the docstring of modzip
    "a symbolic link": make([Member(mode=stat.S_IFLNK | 0o777, data=b"/etc/passwd")]),
    "a device node": make([Member(mode=stat.S_IFCHR | 0o666)]),
    "the same bytes twice": make([Member(), Member(name=PREFIX + "b.go", offset=0)]),
    "bytes before the start": b"#!/bin/sh\n" + make([Member()]),
}


@pytest.mark.parametrize("data", GOOD.values(), ids=GOOD)
def test_module_zips(data: bytes) -> None:
    modzip.check(io.BytesIO(data), MODULE, VERSION)


@pytest.mark.parametrize("data", [*BAD.values(), *STRICTER.values()], ids=[*BAD, *STRICTER])
def test_what_is_no_module_zip(data: bytes) -> None:
    with pytest.raises(Corrupt) as caught:
        modzip.check(io.BytesIO(data), MODULE, VERSION)
    assert len(caught.value.message) < 1200
    assert caught.value.message.isprintable()


def test_limits_are_exact() -> None:
    modzip.check(io.BytesIO(files("go.mod", data=bytes(16 * MIB))), MODULE, VERSION)
    with pytest.raises(Corrupt, match="the limit is 16777216"):
        modzip.check(io.BytesIO(files("go.mod", data=bytes(16 * MIB + 1))), MODULE, VERSION)


def test_an_archive_beyond_the_limit_is_not_read() -> None:
    class Huge(io.BytesIO):
        def seek(self, offset: int, whence: int = 0) -> int:
            return modzip.MAX_ZIP + 1

        def read(self, size: int | None = -1) -> bytes:
            raise AssertionError("it was read")

    with pytest.raises(Corrupt, match="the limit is 524288000"):
        modzip.check(Huge(), MODULE, VERSION)


def test_too_many_entries_are_refused_before_they_are_read() -> None:
    with pytest.raises(Corrupt, match="too large"):
        modzip.check(io.BytesIO(make([Member()], End(zip64=True, count=archive.MAX_ENTRIES + 1))), MODULE, VERSION)


def test_directories_in_one_another_cost_no_more_than_their_names() -> None:
    data = files("a/" * 32_000 + "x")
    tracemalloc.start()
    try:
        modzip.check(io.BytesIO(data), MODULE, VERSION)
        assert tracemalloc.get_traced_memory()[1] < 64 * MIB  # their paths together are a gigabyte
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize(
    ("names", "message"),
    [
        ([f"{number}/" + "a/" * 30_000 + "x" for number in range(9)], "more than 262144 files and directories"),
        (["a/" * 30_000 + str(number) for number in range(70)], "more than 2097152 elements"),
    ],
    ids=["many", "deep"],
)
def test_directories_in_one_another_have_an_end(names: list[str], message: str) -> None:
    with pytest.raises(Corrupt, match=message):
        modzip.check(io.BytesIO(files(*names)), MODULE, VERSION)


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("abc", "ABC", True),
        ("ä", "Ä", True),
        ("\N{KELVIN SIGN}", "k", True),
        ("Ω", "\N{OHM SIGN}", True),
        ("ẞ", "ß", True),
        ("ß", "ss", False),
        ("ﬁ", "fi", False),
        ("İ", "i", False),
        ("ı", "i", False),
        ("µ", "μ", True),
        ("ǆ", "ǅ", True),
    ],
)
def test_folding(one: str, other: str, same: bool) -> None:
    assert (modzip.fold(one) == modzip.fold(other)) is same
