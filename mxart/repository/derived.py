"""Documents made from what is held: a hosted repository's generated indexes, a group's merged ones.

Each is kept as an entry like any other, which says what it was made from; it is made again when that has changed, not
on each request. It is no change of the repository: the change log has nothing of it (`store.Index.derive`).
When there is no room to keep one, it is made for those who ask: a full disk takes nothing, and still gives what it has.
"""

from __future__ import annotations

import asyncio
import hashlib
import io
import os
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from io import FileIO
from typing import Any, BinaryIO

from mxart.contract import Policy
from mxart.errors import Corrupt, MxartError, StoreFull, Unavailable
from mxart.model import Blob, Digest, Entry, Resource
from mxart.offload import offload, undisturbed
from mxart.repository.held import date_field, opened, readable
from mxart.store import Store
from mxart.store.disk import full_is_an_error
from mxart.store.incoming import IncomingFile
from mxart.store.layout import blob_lock
from mxart.units import format_size

Write = Callable[[BinaryIO], None]


@dataclass(frozen=True, slots=True)
class Prepared:
    """What writes a document. ``told_by``: by which it is recognised that it would be the one that stands, although
    that was made from something else; "": it is not."""

    write: Write
    told_by: str = ""


Prepare = Callable[[], Awaitable[Prepared]]

_MADE_FROM = "made_from"  # in `Entry.checksums`
_TOLD_BY = "told_by"
_PREFIX = "d"  # of its file in incoming/, as of a download: no client can resume it
_IN_MEMORY = 1 << 20  # bytes of a document that there is no room for on the disk


@dataclass(frozen=True, slots=True)
class _Made:
    """What became of a run: an entry, or what it would have been and its content."""

    entry: Entry
    unkept: bytes | None = None


class Derived:
    """The derived documents of one repository, in one worker. Safe for any number of concurrent callers."""

    def __init__(self, name: str, store: Store, clock: Callable[[], float]) -> None:
        """``clock``: UTC seconds."""
        self._name = name
        self._store = store
        self._clock = clock
        self._runs: dict[tuple[str, str], asyncio.Task[_Made]] = {}

    async def get(self, resource: Resource, policy: Policy, made_from: str, write: Write) -> Blob:
        """The document at ``resource.path`` that was made from ``made_from``, open; the caller closes it.

        When there is none yet, ``write`` makes it, in a thread; who asks for the same meanwhile, in this worker, gets
        the same. ``write`` does not run any more when this returns or raises, also when it is cancelled: what it reads
        may be closed then. Raises what ``write`` raises; Corrupt when it writes more than ``policy.max_size``;
        StoreFull when it is too large to be given without being kept; Unavailable.
        """

        async def prepare() -> Prepared:
            return Prepared(write)

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

    def _ended(self, key: tuple[str, str], run: asyncio.Task[_Made]) -> None:
        del self._runs[key]
        if not run.cancelled():
            run.exception()  # looked at, also when whoever waited was cancelled: asyncio need not warn of it

    def _result(self, run: asyncio.Task[_Made], policy: Policy) -> Blob:
        error = run.exception()
        if isinstance(error, MxartError):
            raise error.with_traceback(None)  # many are told; it must not gather all their frames
        made = run.result()
        if made.unkept is not None:
            return _blob_of(made.entry, made.unkept)
        blob = self._open(made.entry, policy)
        if blob is None:
            raise Unavailable(f"{made.entry.path} was removed while it was being read: try again", 1.0)
        return blob

    def _open(self, entry: Entry, policy: Policy) -> Blob | None:
        return opened(self._store, entry, policy.media_type, self._clock())

    async def _make(self, resource: Resource, policy: Policy, made_from: str, prepare: Prepare) -> _Made:
        prepared = await prepare()
        try:
            same = await self._same(resource, made_from, prepared)
            return _Made(same or await self._keep(resource, policy, made_from, prepared))
        except StoreFull as full:
            out = io.BytesIO()
            try:
                written = await undisturbed(offload(_write, out, prepared.write, resource, policy, _IN_MEMORY))
            except Corrupt:  # it would be too large
                raise full from None
            return _Made(self._entry(resource, policy, made_from, written), out.getvalue())

    async def _same(self, resource: Resource, made_from: str, prepared: Prepared) -> Entry | None:
        """What stands, noted as made from ``made_from``; None when it has to be made again."""
        held = await self._store.index.get(self._name, resource.path)
        if held is None or held.digest is None or not prepared.told_by:
            return None
        if held.checksums.get(_TOLD_BY) != prepared.told_by:
            return None
        entry = replace(held, checksums={**held.checksums, _MADE_FROM: made_from}, checked=self._clock())
        lock = await self._store.locks.lock(blob_lock(held.digest))
        try:
            if not readable(self._store, held):
                return None
            await self._store.index.derive(entry)
        finally:
            lock.release()
        return entry

    async def _keep(self, resource: Resource, policy: Policy, made_from: str, prepared: Prepared) -> Entry:
        incoming = await IncomingFile.create(self._store.path, _PREFIX)
        try:
            writing = offload(_write, incoming.file, prepared.write, resource, policy)
            written = await undisturbed(writing)  # else the file could be closed under the thread
            entry = self._entry(resource, policy, made_from, written)
            if prepared.told_by:
                entry = replace(entry, checksums={**entry.checksums, _TOLD_BY: prepared.told_by})
            held = await self._store.index.get(self._name, resource.path)
            if held is not None and held.digest == written.digest:
                entry = replace(entry, created=held.created, last_modified=date_field(held.created))
            await self._enter(entry, written.digest, incoming)
            return entry
        finally:
            incoming.discard()

    def _entry(self, resource: Resource, policy: Policy, made_from: str, written: _Written) -> Entry:
        now = self._clock()
        return Entry(
            repository=self._name,
            path=resource.path,
            digest=written.digest,
            size=written.size,
            media_type=policy.media_type,
            checksums={**written.checksums, _MADE_FROM: made_from},
            last_modified=date_field(now),
            created=now,
            checked=now,
        )

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


def _blob_of(entry: Entry, data: bytes) -> Blob:
    """The content, in an open file that is on no disk."""
    assert entry.digest is not None
    file = FileIO(os.memfd_create("document", os.MFD_CLOEXEC), "r+")
    rest = memoryview(data)
    with full_is_an_error("a generated document"):
        while rest:
            rest = rest[file.write(rest) :]
    return Blob(
        file=file,
        size=len(data),
        digest=entry.digest,
        media_type=entry.media_type,
        last_modified=entry.last_modified,
        checksums=entry.checksums,
    )


@dataclass(frozen=True, slots=True)
class _Written:
    """What was written to a file: its digest, its size in bytes, and its checksums by other algorithms."""

    digest: Digest
    size: int
    checksums: Mapping[str, str]


def _write(
    file: FileIO | io.BytesIO, write: Write, resource: Resource, policy: Policy, limit: int | None = None
) -> _Written:
    """What ``write`` wrote to the file, ``limit`` bytes at most, when that is less than the policy allows. Blocking."""
    most = policy.max_size if limit is None else min(limit, policy.max_size)
    document = _Bounded(file, resource.path, most, ("sha256", *policy.checksums))
    with io.BufferedWriter(document) as out:
        write(out)
    checksums = {algorithm: state.hexdigest() for algorithm, state in document.states.items()}
    return _Written(Digest("sha256", checksums.pop("sha256")), document.size, checksums)


class _Bounded(io.RawIOBase):
    """A file that takes so many bytes and no more, and hashes them."""

    def __init__(self, file: FileIO | io.BytesIO, path: str, limit: int, algorithms: Sequence[str]) -> None:
        self._file = file
        self._path = path
        self._limit = limit
        self.states = {each: hashlib.new(each, usedforsecurity=False) for each in algorithms}
        self.size = 0

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        if self.size + len(data) > self._limit:
            raise Corrupt(f"{self._path} would be larger than {format_size(self._limit)}, more than a client can use")
        with full_is_an_error("a generated document"):
            written = self._file.write(data)
        for state in self.states.values():
            state.update(data[:written])
        self.size += written
        return written
