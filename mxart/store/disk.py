"""What the disk says, in the words of the domain; and the durable moves that more than one part of the store needs."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from mxart.errors import StoreFull

FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)  # no room on the disk, in the quota, in the largest file allowed


@contextmanager
def full_is_an_error(what: str) -> Iterator[None]:
    """A full disk or quota inside raises StoreFull; everything else passes as it is."""
    try:
        yield
    except OSError as error:
        if error.errno in FULL:
            raise StoreFull(f"no room to store {what}: the disk of the store is full; free some space") from error
        raise


def fsync_folder(folder: Path) -> None:
    """Names made or removed in ``folder`` before the call survive a power failure after it."""
    fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)
