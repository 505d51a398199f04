"""The one thread of a process that writes to the index: it commits all that waits at once (group commit).

The writer lock of LMDB is shared by all processes; waiting for it here never stalls an event loop. Each operation runs
in a nested transaction, so one that fails takes nothing of the others with it.
"""

from __future__ import annotations

import asyncio
import errno
import queue
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, TypeVar

import lmdb

from mxart.errors import StoreFull, Unavailable
from mxart.offload import undisturbed
from mxart.store.disk import FULL

T = TypeVar("T")

_MOST = 1000  # operations in one transaction
_FULL = (*FULL, errno.EIO)  # LMDB calls a short write, which is how a disk fills up, an input/output error


@dataclass(slots=True)
class _Operation:
    function: Callable[[lmdb.Transaction], Any]
    durable: bool
    loop: asyncio.AbstractEventLoop
    future: asyncio.Future[Any]
    result: Any = None
    error: BaseException | None = None


class Writer:
    """Runs functions inside write transactions of ``env``, in the order in which they were asked."""

    def __init__(self, env: lmdb.Environment) -> None:
        self._env = env
        self._waiting: queue.SimpleQueue[_Operation | None] = queue.SimpleQueue()
        self._closed = False
        self._thread = threading.Thread(target=self._work, name="mxart-index-writer", daemon=True)
        self._thread.start()

    async def run(self, function: Callable[[lmdb.Transaction], T], *, durable: bool) -> T:
        """What ``function`` returned, once its changes are committed; on disk, too, when ``durable``.

        Raises what it raised, nothing changed; StoreFull when the map or the disk is full; Unavailable after `close`.
        A cancellation comes through when the operation has ended, so that no lock is freed under it.
        """
        if self._closed:
            raise Unavailable("the store is being closed: try again", 1.0)
        loop = asyncio.get_running_loop()
        operation = _Operation(function, durable, loop, loop.create_future())
        self._waiting.put(operation)
        result: T = await undisturbed(operation.future)
        return result

    async def close(self) -> None:
        """All that was asked is committed, the thread is gone. Safe to call twice."""
        self._closed = True
        self._waiting.put(None)
        await asyncio.get_running_loop().run_in_executor(None, self._thread.join)

    def _work(self) -> None:
        closing = False
        while not closing:
            batch, closing = self._take()
            if batch:
                self._commit(batch)
                self._answer(batch)

    def _take(self) -> tuple[list[_Operation], bool]:
        """What waits now, at least one; and whether the end was among it."""
        batch: list[_Operation] = []
        operation = self._waiting.get()
        while operation is not None:
            batch.append(operation)
            if len(batch) == _MOST:
                return batch, False
            try:
                operation = self._waiting.get_nowait()
            except queue.Empty:
                return batch, False
        return batch, True

    def _commit(self, batch: list[_Operation]) -> None:
        try:
            with self._env.begin(write=True) as txn:
                for operation in batch:
                    self._apply(txn, operation)
            if any(operation.durable for operation in batch):
                self._env.sync(True)
        except Exception as error:  # whatever it is, those who wait must learn of it, and the thread goes on
            for operation in batch:
                operation.error = operation.error or _translated(error)

    def _apply(self, txn: lmdb.Transaction, operation: _Operation) -> None:
        try:
            with self._env.begin(write=True, parent=txn) as nested:
                operation.result = operation.function(nested)
        except Exception as error:  # whatever it is belongs to the one who asked, not to this thread
            operation.error = _translated(error)

    def _answer(self, batch: list[_Operation]) -> None:
        by_loop: dict[asyncio.AbstractEventLoop, list[_Operation]] = {}
        for operation in batch:
            by_loop.setdefault(operation.loop, []).append(operation)
        for loop, operations in by_loop.items():
            with suppress(RuntimeError):  # the loop was closed: nobody waits any more
                loop.call_soon_threadsafe(_resolve, operations)


def _resolve(operations: list[_Operation]) -> None:
    for operation in operations:
        if operation.future.done():  # its caller was cancelled
            continue
        if operation.error is not None:
            operation.future.set_exception(operation.error)
        else:
            operation.future.set_result(operation.result)


def _translated(error: BaseException) -> BaseException:
    if isinstance(error, lmdb.MapFullError):
        return StoreFull("the index is full: raise index_size of the store, then restart")
    if isinstance(error, lmdb.Error) and getattr(error, "code", 0) in _FULL:
        return StoreFull("the disk of the store takes no more: free some space and try again")
    return error
