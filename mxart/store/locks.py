"""Locks between all processes of a store: open-file-description locks on single bytes of empty files.

The kernel holds them, so a dead process holds nothing, and there is nothing to create, delete or leak: a key hashes
to an offset. Each holder opens the file for itself, so they exclude within one process, too (`fcntl(2)`, "Open file
description locks"). A process that holds one must not fork: the child would share it.
"""

from __future__ import annotations

import asyncio
import errno
import fcntl
import hashlib
import os
import struct
from collections.abc import Iterable
from pathlib import Path

from mxart.store.disk import full_is_an_error

_FLOCK = struct.Struct("hhqqi4x")  # struct flock on 64-bit Linux: type, whence, start, length, pid (0)
_OFFSETS = 1 << 46  # leaves room for 16 bits of slot numbers below 2^62
_POLL = 0.005  # seconds


def _offset(key: str) -> int:
    return int.from_bytes(hashlib.blake2b(key.encode(), digest_size=8).digest(), "big") % _OFFSETS


class FileLock:
    """A held byte."""

    __slots__ = ("_fd",)

    def __init__(self, fd: int) -> None:
        self._fd = fd

    def release(self) -> None:
        fd, self._fd = self._fd, -1
        if fd >= 0:
            os.close(fd)

    def __del__(self) -> None:
        self.release()


def _try(path: Path, offsets: Iterable[int]) -> tuple[FileLock, int] | None:
    """The first of the bytes that is free, locked, and its offset."""
    fd = _open(path)
    for offset in offsets:
        try:
            fcntl.fcntl(fd, fcntl.F_OFD_SETLK, _FLOCK.pack(fcntl.F_WRLCK, os.SEEK_SET, offset, 1, 0))
        except OSError as error:
            if error.errno in (errno.EAGAIN, errno.EACCES):
                continue
            os.close(fd)
            raise
        return FileLock(fd), offset
    os.close(fd)
    return None


def _open(path: Path) -> int:
    with full_is_an_error("a lock"):
        return os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)


class FileLocks:
    """`Locks` over two empty files in one folder."""

    def __init__(self, folder: Path) -> None:
        self._keys = folder / "keys"
        self._slots = folder / "slots"

    def try_lock(self, key: str) -> FileLock | None:
        held = _try(self._keys, (_offset(key),))
        return None if held is None else held[0]

    async def lock(self, key: str) -> FileLock:
        while (lock := self.try_lock(key)) is None:  # noqa: ASYNC110
            await asyncio.sleep(_POLL)  # the holder may be another process: there is nothing to await but time
        return lock

    def slots(self, name: str, count: int) -> FileSlots:
        return FileSlots(self._slots, name, count)


class FileSlots:
    """`Slots` as ``count`` neighbouring bytes."""

    def __init__(self, path: Path, name: str, count: int) -> None:
        self._path = path
        self._base = _offset(name) << 16
        self._count = min(count, 1 << 16)
        self._next = os.getpid() % self._count  # processes start at different places: fewer vain tries

    def take(self) -> FileLock | None:
        held = _try(self._path, (self._base + (self._next + i) % self._count for i in range(self._count)))
        if held is None:
            return None
        lock, offset = held
        self._next = offset - self._base
        return lock
