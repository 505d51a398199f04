"""`FileBlobs`: what every store of blobs does, and what is special to files."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
from pathlib import Path

import pytest

from mxart.errors import StoreFull
from mxart.store.blobs import FileBlobs, hash_file
from mxart.store.layout import blob_path, incoming_folder, make_folders, quarantine_folder
from tests.store.builders import digest_of
from tests.store.suite import DATA, BlobsSuite


@pytest.fixture
def blobs(tmp_path: Path) -> FileBlobs:
    make_folders(tmp_path)
    return FileBlobs(tmp_path)


@pytest.fixture
def adoptable(blobs: FileBlobs, tmp_path: Path) -> Path:
    return incoming_folder(tmp_path)


class TestFileBlobs(BlobsSuite):
    @pytest.mark.gen_test
    async def test_a_blob_is_read_only(self, blobs: FileBlobs, adoptable: Path, tmp_path: Path) -> None:
        digest = await self.stored(blobs, adoptable, DATA)
        assert blob_path(tmp_path, digest).stat().st_mode & 0o777 == 0o444

    @pytest.mark.gen_test
    async def test_damage_is_seen(self, blobs: FileBlobs, adoptable: Path, tmp_path: Path) -> None:
        digest = await self.stored(blobs, adoptable, DATA)
        path = blob_path(tmp_path, digest)
        path.chmod(0o644)
        path.write_bytes(DATA[:-1] + b"!")
        assert not blobs.verify(digest)
        await blobs.quarantine(digest)
        assert (quarantine_folder(tmp_path) / digest.hex).read_bytes()[-1:] == b"!"

    @pytest.mark.gen_test
    async def test_adopting_heals_damage(self, blobs: FileBlobs, adoptable: Path, tmp_path: Path) -> None:
        digest = await self.stored(blobs, adoptable, DATA)
        path = blob_path(tmp_path, digest)
        path.chmod(0o644)
        path.write_bytes(b"cut")
        await self.stored(blobs, adoptable, DATA)
        assert blobs.verify(digest)

    @pytest.mark.gen_test
    async def test_walk_passes_by_what_is_not_ours(self, blobs: FileBlobs, adoptable: Path, tmp_path: Path) -> None:
        digest = await self.stored(blobs, adoptable, DATA)
        (tmp_path / "blobs/sha256/lost+found").mkdir()
        (tmp_path / "blobs/sha256/README").touch()
        (blob_path(tmp_path, digest).parent / ".nfs0001").touch()
        assert [found for found, _, _ in blobs.walk()] == [digest]


def test_hash_file_leaves_the_position_alone(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"x" + DATA)
    with path.open("rb", buffering=0) as file:
        file.seek(3)
        assert hash_file(file, 1).hexdigest() == digest_of(DATA).hex
        assert file.tell() == 3


@pytest.mark.gen_test
async def test_a_full_disk_is_said(blobs: FileBlobs, adoptable: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = adoptable / "new"
    file.write_bytes(DATA)

    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(StoreFull):
        await blobs.adopt(file, digest_of(DATA))
    assert file.exists()


# The system calls of an adoption, in the order in which they must come: whoever sees the name sees durable bytes.
_ADOPT = """
import asyncio, os, sys
from pathlib import Path
from mxart.model import Digest
from mxart.store.blobs import FileBlobs

calls = []
for name in ("fsync", "chmod", "rename", "mkdir"):
    def traced(*args, _name=name, _real=getattr(os, name), **kwargs):
        what = args[-1] if _name == "rename" else args[0]
        what = os.readlink(f"/proc/self/fd/{what}") if isinstance(what, int) else what
        calls.append(f"{_name} {Path(what).name}")
        return _real(*args, **kwargs)
    setattr(os, name, traced)

asyncio.run(FileBlobs(Path(sys.argv[1])).adopt(Path(sys.argv[2]), Digest("sha256", sys.argv[3])))
print("\\n".join(calls))
"""


def test_the_order_of_an_adoption(tmp_path: Path) -> None:
    make_folders(tmp_path)
    file = incoming_folder(tmp_path) / "new"
    file.write_bytes(DATA)
    name = digest_of(DATA).hex
    ran = subprocess.run(
        [sys.executable, "-c", _ADOPT, tmp_path, file, name], capture_output=True, text=True, check=True, timeout=60
    )
    assert ran.stdout.splitlines() == [
        "fsync new",
        "chmod new",
        f"mkdir {name[:2]}",
        "fsync sha256",
        f"rename {name}",
        f"fsync {name[:2]}",
    ]
