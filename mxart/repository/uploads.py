"""An upload: bytes of a client on their way into the store, in a file of ``incoming/`` that no reader sees.

Whoever writes one holds its lock, so that no other request of any worker goes on with it meanwhile. What a killed
server leaves is removed by ``gc`` a day after the last byte.

One that comes in many requests is hashed as it comes, as long as they meet the same worker, which remembers where it
was; another one, or one that was restarted, reads what there is once more, in the end.
"""

from __future__ import annotations

import asyncio
import hashlib
import os
import re
from collections.abc import Awaitable, Callable, Collection, Mapping
from pathlib import Path
from typing import BinaryIO

from mxart.contract import Policy
from mxart.errors import Conflict, Invalid, NotFound, StoreFull, TooLarge
from mxart.model import Digest, Resource
from mxart.offload import offload, undisturbed
from mxart.store import Lock, Store
from mxart.store.incoming import IncomingFile
from mxart.store.layout import upload_lock
from mxart.units import format_size

Leave = Callable[[IncomingFile], None]

_PREFIX = "u"
_ID = re.compile(r"u-[0-9a-f]{32}-[0-9a-f]{16}", re.ASCII)  # the file of an upload; becomes part of a path
_REMEMBERED = 64  # suspended uploads whose files a worker keeps open


class Upload:
    """`contract.Ingest` over a file of one store. Made by `Uploads`."""

    def __init__(
        self, store: Store, incoming: IncomingFile, lock: Lock, wanted: tuple[Resource, int], left: Leave
    ) -> None:
        """``wanted``: what it is of, and the most bytes that it may have. ``left``: is given the file when it is
        suspended, and closes it some day."""
        self.id = incoming.name
        self.size = incoming.size
        self._store = store
        self._incoming = incoming
        self._lock = lock
        self._resource, self._limit = wanted
        self._left = left
        self._committed = False
        self._ended = False

    @property
    def path(self) -> Path:
        """The file, until it becomes a blob."""
        return self._incoming.path

    @property
    def digest(self) -> Digest:
        """SHA-256 of what has been written."""
        return self._incoming.digest

    async def checksums(self, algorithms: Collection[str]) -> Mapping[str, str]:
        """Algorithm → hex of what has been written."""
        self._begun()
        return await offload(self._incoming.checksums, algorithms) if algorithms else {}

    def ready(self, store: Store) -> bool:
        """May it be published to ``store`` now?"""
        return self._committed and not self._ended and self._store.path == store.path

    async def write(self, chunk: bytes) -> None:
        self._begun()
        if self._committed:
            raise RuntimeError(f"the upload {self.id} was committed: nothing more can be written to it")
        if self.size + len(chunk) > self._limit:
            raise TooLarge(
                f"{self._resource.title} is larger than {format_size(self._limit)}, the most that is taken", self._limit
            )
        try:
            await self._incoming.append(chunk)
        except StoreFull as error:
            raise _no_room() from error
        finally:
            self.size = self._incoming.size

    def open(self) -> BinaryIO:
        self._begun()
        return self.path.open("rb")

    async def commit(self, expected: Digest | None = None) -> Digest:
        self._begun()
        await self._incoming.catch_up()
        if expected is not None:
            found = await offload(self._incoming.digest_by, expected.algorithm)
            if found != expected:
                raise Invalid(
                    f"what came for {self._resource.title} is {found}, and should be {expected}: send it again"
                )
        if not self._committed:
            await undisturbed(offload(os.fsync, self._incoming.file.fileno()))
            self._committed = True
        return self._incoming.digest

    async def cancel(self) -> None:
        if not self._ended:
            self._ended = True
            await undisturbed(offload(self._discard))  # in a thread: to free a large file takes a while

    async def suspend(self) -> None:
        if not self._ended:
            self._ended = True
            self._left(self._incoming)
            self._lock.release()

    def _discard(self) -> None:
        self._incoming.discard()
        self._lock.release()

    def _begun(self) -> None:
        if self._ended:
            raise RuntimeError(f"the upload {self.id} has been ended")


class Uploads:
    """The uploads to one repository, in one worker."""

    def __init__(self, repository: str, store: Store) -> None:
        self._repository = repository
        self._store = store
        self._open: dict[str, IncomingFile] = {}  # suspended here, the longest ago first

    async def begin(self, resource: Resource, policy: Policy) -> Upload:
        """A new, empty upload of what is to stand at ``resource``. Raises StoreFull, Conflict."""
        creating = IncomingFile.create(self._store.path, _PREFIX, self._mark(resource), policy.checksums)
        try:
            incoming = await _taken(creating, IncomingFile.discard)
        except StoreFull as error:
            raise _no_room() from error
        lock = self._store.locks.try_lock(upload_lock(incoming.name))
        if lock is None:  # another key shares its byte: as rare as a lost upload, and mended in the same way
            incoming.discard()
            raise Conflict(f"the upload of {resource.title} could not begin: try again")
        return Upload(self._store, incoming, lock, (resource, policy.max_size), self._leave)

    async def resume(self, resource: Resource, policy: Policy, id_: str) -> Upload:
        """The upload of this very resource that was suspended under ``id_``, or left by a dead worker. Raises NotFound,
        Conflict."""
        if not _ID.fullmatch(id_) or not id_.endswith(self._mark(resource)):
            raise _unknown(resource)
        lock = self._store.locks.try_lock(upload_lock(id_))
        if lock is None:
            raise Conflict(f"another request is at this upload of {resource.title}: wait for its end")
        try:
            incoming = await _taken(self._reopened(resource, id_), IncomingFile.close)
        except BaseException:
            lock.release()
            raise
        return Upload(self._store, incoming, lock, (resource, policy.max_size), self._leave)

    async def _reopened(self, resource: Resource, name: str) -> IncomingFile:
        incoming = self._open.pop(name, None)
        if incoming is not None:
            if await offload(incoming.is_as_left):
                return incoming
            incoming.close()  # another worker has written more to it since, or ended it
        incoming = await IncomingFile.reopen(self._store.path, name, hashed=False)
        if incoming is None:
            raise _unknown(resource)
        return incoming

    def _mark(self, resource: Resource) -> str:
        """How the names of its uploads end, so that nobody can go on with one as if it were of something else."""
        return "-" + hashlib.sha256(f"{self._repository}\0{resource.path}".encode()).hexdigest()[:16]

    def _leave(self, incoming: IncomingFile) -> None:
        self._open[incoming.name] = incoming
        if len(self._open) > _REMEMBERED:
            self._open.pop(next(iter(self._open))).close()


async def _taken(coming: Awaitable[IncomingFile], leave: Callable[[IncomingFile], None]) -> IncomingFile:
    """The file. Who is cancelled meanwhile has left it as ``leave`` does."""
    future = asyncio.ensure_future(coming)
    try:
        return await undisturbed(future)
    except asyncio.CancelledError:
        if not future.cancelled() and future.exception() is None:
            leave(future.result())
        raise


def _unknown(resource: Resource) -> NotFound:
    return NotFound(f"there is no such upload of {resource.title}: begin another one")


def _no_room() -> StoreFull:
    return StoreFull("no room to store what was sent: the disk of the store is full; free some space")
