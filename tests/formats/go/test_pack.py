from __future__ import annotations

import io
import os
import zipfile
from pathlib import Path

import pytest

from mxart.errors import Conflict, Invalid
from mxart.formats.go import modzip
from mxart.formats.go.pack import write
from mxart.formats.go.sources import Selection, SourceFile, select
from mxart.formats.go.sums import Sums
from tests.support.modules import Module

HELLO = Module("example.com/Hello", "v1.2.3", {"hello.go": "package hello\n", "a/é b.txt": "x" * 100_000, "empty": ""})
INCOMPATIBLE = Module("example.com/old", "v2.0.0+incompatible", {"old.go": "package old\n"})


def folder_of(module: Module, folder: Path) -> Selection:
    for name, data in module.content.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(data)
    return select(folder, module.content, None)


def packed(module: Module, selection: Selection) -> tuple[bytes, Sums, list[int]]:
    out, ticks = io.BytesIO(), list[int]()
    sums = write(selection, module.path, module.version, out, ticks.append)
    return out.getvalue(), sums, ticks


@pytest.mark.parametrize("module", [HELLO, INCOMPATIBLE])
def test_a_zip_that_the_server_takes(tmp_path: Path, module: Module) -> None:
    data, sums, ticks = packed(module, folder_of(module, tmp_path))
    modzip.check(io.BytesIO(data), module.path, module.version)
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        prefix = f"{module.path}@{module.version}/"
        assert {name.removeprefix(prefix): archive.read(name) for name in archive.namelist()} == module.content
        assert archive.namelist() == sorted(archive.namelist(), key=str.encode)
        assert all(info.extra == b"" and info.flag_bits & 8 == 0 for info in archive.infolist())
    assert sums == Sums(module.zip_hash, module.gomod_hash)
    assert sum(ticks) == sum(map(len, module.content.values()))


def test_the_same_files_are_the_same_bytes(tmp_path: Path) -> None:
    first, _, _ = packed(HELLO, folder_of(HELLO, tmp_path / "first"))
    selection = folder_of(HELLO, tmp_path / "second")
    for source in selection.files:
        os.utime(source.file, (0, 0))
        source.file.chmod(0o755)
    assert packed(HELLO, selection)[0] == first


@pytest.mark.parametrize("now", [b"", b"longer than it was", b"short"])
def test_a_file_that_changes_meanwhile(tmp_path: Path, now: bytes) -> None:
    (tmp_path / "a.go").write_bytes(b"package a\n")
    selection = select(tmp_path, ["a.go"], None)
    (tmp_path / "a.go").write_bytes(now)
    with pytest.raises(Conflict, match=r"'a\.go' was changed while it was packed"):
        packed(HELLO, selection)


def test_a_file_that_becomes_a_link_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "secret").write_bytes(b"package a\n")
    (tmp_path / "a.go").symlink_to("secret")
    with pytest.raises(OSError, match=r"a\.go"):
        packed(HELLO, Selection([SourceFile("a.go", tmp_path / "a.go", 10)], [], []))


def test_a_zip_that_becomes_too_large(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    selection = folder_of(INCOMPATIBLE, tmp_path)
    size = len(packed(INCOMPATIBLE, selection)[0])
    monkeypatch.setattr(modzip, "MAX_ZIP", size)
    packed(INCOMPATIBLE, selection)
    monkeypatch.setattr(modzip, "MAX_ZIP", size - 1)
    with pytest.raises(Invalid, match=f"has {size} bytes; the limit is {size - 1}"):
        packed(INCOMPATIBLE, selection)
