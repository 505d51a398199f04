"""Blobs as files: one per digest, written once, read-only, never seen in part. Knows no index.

The order of an adoption: fsync the file, make it read-only, rename it to its digest, fsync the folder. Whoever sees
the name sees whole and durable bytes.
"""

from __future__ import annotations

import errno
import hashlib
import os
from collections.abc import Iterator
from contextlib import suppress
from io import FileIO
from pathlib import Path

from mxart.errors import Invalid
from mxart.model import Digest
from mxart.offload import offload, undisturbed
from mxart.store import Capabilities
from mxart.store.disk import fsync_folder, full_is_an_error
from mxart.store.layout import blob_name, blob_path, blobs_folder, quarantine_folder

_READ = 1 << 20  # bytes at a time when hashing


class FileBlobs:
    """`Blobs` in ``data/blobs``."""

    capabilities = Capabilities(sendfile=True, shared=False)

    def __init__(self, data: Path) -> None:
        self._data = data
        self._root = str(data)

    def open(self, digest: Digest, size: int) -> FileIO | None:
        try:
            file = FileIO(os.open(blob_name(self._root, digest), os.O_RDONLY | os.O_CLOEXEC))
        except FileNotFoundError:
            return None
        if os.fstat(file.fileno()).st_size != size:
            file.close()
            return None
        return file

    async def adopt(self, file: Path, digest: Digest) -> None:
        await undisturbed(offload(self._adopt, file, digest))

    def _adopt(self, file: Path, digest: Digest) -> None:
        target = blob_path(self._data, digest)
        with full_is_an_error("a blob"):
            _fsync(file)
            file.chmod(0o444)
            if not target.parent.exists():
                target.parent.mkdir(exist_ok=True)
                fsync_folder(target.parent.parent)
            file.rename(target)
            fsync_folder(target.parent)

    async def delete(self, digest: Digest) -> int:
        return await undisturbed(offload(self._delete, digest))

    def _delete(self, digest: Digest) -> int:
        path = blob_path(self._data, digest)
        try:
            size = path.stat().st_size
            path.unlink()
        except FileNotFoundError:
            return 0
        return size

    def walk(self) -> Iterator[tuple[Digest, int, float]]:
        for folder in sorted(blobs_folder(self._data).glob("[0-9a-f][0-9a-f]")):
            for path in sorted(folder.iterdir()):
                with suppress(FileNotFoundError, Invalid):  # deleted while we walk; not one of ours
                    digest, stat = Digest.parse(f"sha256:{path.name}"), path.stat()
                    yield digest, stat.st_size, stat.st_mtime

    def verify(self, digest: Digest) -> bool:
        try:
            with blob_path(self._data, digest).open("rb", buffering=0) as file:
                return hash_file(file).hexdigest() == digest.hex
        except OSError as error:
            if error.errno in (errno.ENOENT, errno.EIO):  # an unreadable sector is damage, too
                return False
            raise

    async def quarantine(self, digest: Digest) -> None:
        with suppress(FileNotFoundError):
            await undisturbed(offload(blob_path(self._data, digest).rename, quarantine_folder(self._data) / digest.hex))


def hash_file(file: FileIO, start: int = 0) -> hashlib._Hash:
    """SHA-256 of the file from offset ``start`` to its end; its position is left alone. Blocking."""
    state = hashlib.sha256()
    while chunk := os.pread(file.fileno(), _READ, start):
        state.update(chunk)
        start += len(chunk)
    return state


def _fsync(file: Path) -> None:
    fd = os.open(file, os.O_RDONLY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)
