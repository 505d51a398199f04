"""Content in progress: one writer appends and hashes, any number of followers in any process read what is there.

A file in ``incoming/`` only ever grows. It is never truncated, so whoever reads it reads what others read; what has
to start anew starts another file. A dead writer's file is taken up by `IncomingFile.reopen`, which hashes it again.
"""

from __future__ import annotations

import hashlib
import os
import secrets
from collections.abc import Collection, Mapping
from contextlib import suppress
from io import FileIO
from pathlib import Path
from typing import BinaryIO

from mxart.model import Digest
from mxart.offload import offload, undisturbed
from mxart.store.blobs import hash_file
from mxart.store.disk import full_is_an_error
from mxart.store.layout import incoming_folder

_CHUNK = 1 << 20  # bytes read at once


class IncomingFile:
    """A growing file and the digest of what is in it. One writer; not for concurrent calls."""

    def __init__(self, path: Path, file: FileIO, state: hashlib._Hash | None, size: int) -> None:
        """``state``: of what is there; None: that has not been read yet."""
        self.path = path
        self.file = file  # open for reading and writing; followers in this process may pread from it
        self.size = size  # bytes written so far
        self._state = state
        self._further: Mapping[str, hashlib._Hash] = {}  # by other algorithms, of what has come since the start

    @property
    def name(self) -> str:
        return self.path.name

    @property
    def digest(self) -> Digest:
        """Of all that is there: known after `catch_up`."""
        assert self._state is not None
        return Digest("sha256", self._state.hexdigest())

    async def catch_up(self) -> None:
        """True after: the digest is known."""
        if self._state is None:
            self._state = await undisturbed(offload(hash_file, self.file))

    def is_as_left(self) -> bool:
        """Has nobody else written to the file, or taken it away? Blocking."""
        try:
            there = self.path.stat()
        except FileNotFoundError:
            return False
        return os.path.samestat(there, os.fstat(self.file.fileno())) and there.st_size == self.size

    def digest_by(self, algorithm: str) -> Digest:
        """The digest by another algorithm that `Digest` knows. Blocking, but for SHA-256."""
        if algorithm == "sha256":
            return self.digest
        with self.path.open("rb") as file:
            return Digest(algorithm, hashlib.file_digest(file, algorithm).hexdigest())

    def checksums(self, algorithms: Collection[str]) -> dict[str, str]:
        """Algorithm → hex of all that is there. Blocking, unless it was created to be hashed by them."""
        if self._further.keys() >= set(algorithms):
            return {algorithm: self._further[algorithm].hexdigest() for algorithm in algorithms}
        with self.path.open("rb") as file:
            return checksums_of(file, algorithms)

    @classmethod
    async def create(cls, data: Path, prefix: str, suffix: str = "", algorithms: Collection[str] = ()) -> IncomingFile:
        """A new, empty file; ``prefix``: "d" for a download, "u" for an upload. ``algorithms``: by what it is hashed as
        it grows, beside SHA-256. Raises StoreFull."""
        path = incoming_folder(data) / f"{prefix}-{secrets.token_hex(16)}{suffix}"
        file = await offload(_open, path, os.O_CREAT | os.O_EXCL)
        created = cls(path, file, hashlib.sha256(), 0)
        created._further = {algorithm: _hash(algorithm) for algorithm in algorithms}
        return created

    @classmethod
    async def reopen(cls, data: Path, name: str, *, hashed: bool = True) -> IncomingFile | None:
        """The file that a dead writer left, hashed again, ready to go on; None when it is gone. Not ``hashed``: that is
        left to `catch_up`."""
        path = incoming_folder(data) / name
        try:
            file = await offload(_reopen, path)
        except FileNotFoundError:
            return None
        state = await offload(hash_file, file) if hashed else None
        return cls(path, file, state, os.fstat(file.fileno()).st_size)

    async def append(self, chunk: bytes) -> None:
        """True after: the bytes can be read by followers, and are part of the digest. Raises StoreFull."""
        await undisturbed(offload(self._append, chunk))  # else a close could pull the descriptor from under it

    def _append(self, chunk: bytes) -> None:
        view = memoryview(chunk)
        with full_is_an_error("what comes in"):
            while view:
                written = os.pwrite(self.file.fileno(), view, self.size)
                if self._state is not None:
                    self._state.update(view[:written])
                for state in self._further.values():
                    state.update(view[:written])
                self.size += written
                view = view[written:]

    def close(self) -> None:
        """The file stays, for others to follow or resume."""
        self.file.close()

    def discard(self) -> None:
        """The name is gone; whoever has it open can still read. Safe to call twice, and after an adoption."""
        self.close()
        with suppress(FileNotFoundError):
            self.path.unlink()


def checksums_of(file: BinaryIO, algorithms: Collection[str]) -> dict[str, str]:
    """Algorithm → hex of what is left to read of the file, read once. Blocking."""
    states = {algorithm: _hash(algorithm) for algorithm in algorithms}
    while chunk := file.read(_CHUNK):
        for state in states.values():
            state.update(chunk)
    return {algorithm: state.hexdigest() for algorithm, state in states.items()}


def _hash(algorithm: str) -> hashlib._Hash:
    return hashlib.new(algorithm, usedforsecurity=False)  # old ones are what clients ask for


def follow(data: Path, name: str) -> FileIO | None:
    """The file, open for reading; None when it is gone (adopted or discarded)."""
    try:
        return FileIO(os.open(incoming_folder(data) / name, os.O_RDONLY | os.O_CLOEXEC))
    except FileNotFoundError:
        return None


def _reopen(path: Path) -> FileIO:
    path.chmod(0o644)  # a leader that died on the way to an adoption may have left it read-only
    return _open(path, 0)


def _open(path: Path, flags: int) -> FileIO:
    with full_is_an_error("what comes in"):
        return FileIO(os.open(path, os.O_RDWR | os.O_CLOEXEC | flags, 0o644), "r+")
