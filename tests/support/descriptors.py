"""Which descriptors this process has open: what a test must not leave behind."""

from __future__ import annotations

import gc
from pathlib import Path


def open_descriptors() -> set[str]:
    """Their numbers. What earlier tests left to the garbage collector is closed first, so that it does not go while a
    test counts."""
    gc.collect()
    return {file.name for file in Path("/proc/self/fd").iterdir() if file.is_symlink()}
