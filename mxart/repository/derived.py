"""Documents made from what is held: a hosted repository's generated indexes, a group's merged ones.

Each is kept as an entry like any other, which says what it was made from; it is made again when that has changed, not
on each request. It is no change of the repository: the change log has nothing of it (`store.Index.derive`).
"""

from __future__ import annotations

import asyncio
import hashlib
import io
from collections.abc import Awaitable, Callable
from io import FileIO
from typing import Any, BinaryIO

from mxart.contract import Policy
from mxart.errors import Corrupt, MxartError, Unavailable
from mxart.model import Blob, Digest, Entry, Resource
from mxart.offload import offload, undisturbed
from mxart.repository.held import date_field, opened, readable
from mxart.store import Store
from mxart.store.disk import full_is_an_error
from mxart.store.incoming import IncomingFile
from mxart.store.layout import blob_lock
from mxart.units import format_size

Write = Callable[[BinaryIO], None]
Prepare = Callable[[], Awaitable[Write]]

_MADE_FROM = "made_from"  # in `Entry.checksums`
_PREFIX = "d"  # of its file in incoming/, as of a download: no client can resume it


class Derived:
    """The derived documents of one repository, in one worker. Safe for any number of concurrent callers."""

    def __init__(self, name: str, store: Store, clock: Callable[[], float]) -> None:
        """``clock``: UTC seconds."""
        self._name = name
        self._store = store
        self._clock = clock
        self._runs: dict[tuple[str, str], asyncio.Task[Entry]] = {}

    async def get(self, resource: Resource, policy: Policy, made_from: str, write: Write) -> Blob:
        """The document at ``resource.path`` that was made from ``made_from``, open; the caller closes it.

        When there is none yet, ``write`` makes it, in a thread; who asks for the same meanwhile, in this worker, gets
        the same. ``write`` does not run any more when this returns or raises, also when it is cancelled: what it reads
        may be closed then. Raises what ``write`` raises; Corrupt when it writes more than ``policy.max_size``;
        StoreFull, Unavailable.
        """

        async def prepare() -> Write:
            return write

        return await self.prepared(resource, policy, made_from, prepare)

    async def prepared(self, resource: Resource, policy: Policy, made_from: str, prepare: Prepare) -> Blob:
        """As `get`; what writes the document is asked for only when one has to be made."""
        entry = await self._store.index.get(self._name, resource.path)
        if entry is not None and entry.checksums.get(_MADE_FROM) == made_from and (blob := self._open(entry, policy)):
            return blob
        key = (resource.path, made_from)
        run = self._runs.get(key)
        if run is not None:
            await asyncio.wait((run,))  # it goes on when this one is cancelled
            return self._result(run, policy)
        run = asyncio.create_task(self._make(resource, policy, made_from, prepare), name=f"make {resource.path}")
        self._runs[key] = run
        run.add_done_callback(lambda run: self._ended(key, run))
        await undisturbed(asyncio.wait((run,)))
        return self._result(run, policy)

    def _ended(self, key: tuple[str, str], run: asyncio.Task[Entry]) -> None:
        del self._runs[key]
        if not run.cancelled():
            run.exception()  # looked at, also when whoever waited was cancelled: asyncio need not warn of it

    def _result(self, run: asyncio.Task[Entry], policy: Policy) -> Blob:
        error = run.exception()
        if isinstance(error, MxartError):
            raise error.with_traceback(None)  # many are told; it must not gather all their frames
        entry = run.result()
        blob = self._open(entry, policy)
        if blob is None:
            raise Unavailable(f"{entry.path} was removed while it was being read: try again", 1.0)
        return blob

    def _open(self, entry: Entry, policy: Policy) -> Blob | None:
        return opened(self._store, entry, policy.media_type, self._clock())

    async def _make(self, resource: Resource, policy: Policy, made_from: str, prepare: Prepare) -> Entry:
        write = await prepare()
        incoming = await IncomingFile.create(self._store.path, _PREFIX)
        try:
            writing = offload(_written, incoming.file, write, resource, policy.max_size)
            digest, size = await undisturbed(writing)  # else the file could be closed under the thread
            now = self._clock()
            held = await self._store.index.get(self._name, resource.path)
            created = held.created if held is not None and held.digest == digest else now
            entry = Entry(
                repository=self._name,
                path=resource.path,
                digest=digest,
                size=size,
                media_type=policy.media_type,
                checksums={_MADE_FROM: made_from},
                last_modified=date_field(created),
                created=created,
                checked=now,
            )
            await self._enter(entry, digest, incoming)
            return entry
        finally:
            incoming.discard()

    async def _enter(self, entry: Entry, digest: Digest, incoming: IncomingFile) -> None:
        """Blob first, entry after; the digest's lock keeps ``gc`` from between the two. The same document again, made
        from something else, needs no blob."""
        lock = await self._store.locks.lock(blob_lock(digest))
        try:
            if not readable(self._store, entry):
                await self._store.blobs.adopt(incoming.path, digest)
            await self._store.index.derive(entry)
        finally:
            lock.release()


def is_derived(entry: Entry) -> bool:
    """Was it made from others, and not published or fetched?"""
    return _MADE_FROM in entry.checksums


def _written(file: FileIO, write: Write, resource: Resource, limit: int) -> tuple[Digest, int]:
    """What ``write`` wrote to the file: its digest and its size in bytes. Blocking."""
    document = _Bounded(file, resource.path, limit)
    with io.BufferedWriter(document) as out:
        write(out)
    return Digest("sha256", document.state.hexdigest()), document.size


class _Bounded(io.RawIOBase):
    """A file that takes so many bytes and no more, and hashes them."""

    def __init__(self, file: FileIO, path: str, limit: int) -> None:
        self._file = file
        self._path = path
        self._limit = limit
        self.state = hashlib.sha256()
        self.size = 0

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        if self.size + len(data) > self._limit:
            raise Corrupt(f"{self._path} would be larger than {format_size(self._limit)}, more than a client can use")
        with full_is_an_error("a generated document"):
            written = self._file.write(data)
        self.state.update(data[:written])
        self.size += written
        return written
