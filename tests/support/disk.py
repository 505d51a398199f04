"""A disk that is full, for one process."""

from __future__ import annotations

import resource
from collections.abc import Callable, Iterator
from contextlib import contextmanager


@contextmanager
def file_limit() -> Iterator[Callable[[int], None]]:
    """Calling what it gives lets no file of this process grow beyond so many bytes, until the block is left: to who
    writes, it is a full disk."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    try:
        yield lambda limit: resource.setrlimit(resource.RLIMIT_FSIZE, (limit, hard))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
