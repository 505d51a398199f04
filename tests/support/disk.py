"""Disks that are full: small ones, and one that is full for one process only."""

from __future__ import annotations

import os
import resource
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest


@contextmanager
def file_limit() -> Iterator[Callable[[int], None]]:
    """Calling what it gives lets no file of this process grow beyond so many bytes, until the block is left: to who
    writes, it is a full disk."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    try:
        yield lambda limit: resource.setrlimit(resource.RLIMIT_FSIZE, (limit, hard))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@contextmanager
def small_disk(folder: Path, size: int) -> Iterator[Path]:
    """A new folder in ``folder``, with ``size`` MiB of its own; skips the test where no file system can be mounted."""
    with mounted(folder / "disk", size) as is_mounted:
        if not is_mounted:
            pytest.skip("no file system can be mounted here")
        yield folder / "disk"


@contextmanager
def mounted(folder: Path, size: int) -> Iterator[bool]:
    """Whether ``folder``, which is made, is a file system of its own of ``size`` MiB, until the block is left."""
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size={size}m", "tmpfs", folder]
    if os.geteuid() != 0 or subprocess.run(mount, capture_output=True).returncode != 0:
        yield False
        return
    try:
        yield True
    finally:
        subprocess.run(["umount", "--lazy", folder], check=True)
