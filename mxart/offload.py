"""The one way to run blocking work (hashing, fsync, archives, big reads) off the event loop.

The threads belong to the process that first asks; after a fork each worker makes its own.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")

_pools: dict[int, ThreadPoolExecutor] = {}


def _pool() -> ThreadPoolExecutor:
    pid = os.getpid()
    pool = _pools.get(pid)
    if pool is None:
        _pools.clear()  # a forked child inherits the record of its parent's threads, but not the threads
        pool = _pools[pid] = ThreadPoolExecutor(max_workers=16, thread_name_prefix="mxart-offload")
    return pool


async def offload(function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Run ``function`` in a thread and return what it returns; its exceptions come through unchanged.

    Cancelling the await does not stop the thread: ``function`` must leave nothing half done that the caller would
    then believe undone.
    """
    loop = asyncio.get_running_loop()
    return await loop.run_in_executor(_pool(), lambda: function(*args, **kwargs))


async def undisturbed(work: Awaitable[T]) -> T:
    """What ``work`` gives. A cancellation comes through only when ``work`` has ended: for what is short, and must not
    go on behind the back of a caller who closes a file or frees a lock."""
    future = asyncio.ensure_future(work)
    cancelled: asyncio.CancelledError | None = None
    while not future.done():
        try:
            await asyncio.wait((future,))
        except asyncio.CancelledError as error:
            cancelled = error
    if cancelled is None:
        return future.result()
    if not future.cancelled():
        future.exception()  # looked at: asyncio need not warn of it
    raise cancelled
