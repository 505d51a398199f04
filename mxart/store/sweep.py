"""The two ways to go through what nobody needs: `Removing` removes it, `Counting` only looks (``gc --dry-run``)."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

from mxart.model import Digest
from mxart.offload import offload, undisturbed
from mxart.store import BlobRecord, Download, Store
from mxart.store.layout import blob_lock, fetch_lock, incoming_folder, upload_lock

_PAGE = 1000  # records at a time


CHANGES_KEPT = 1_000_000  # the newest lines of the change log, for whoever follows it from afar


class Removing:
    """`Sweep` that removes. What was found is looked at again under its lock: the server goes on meanwhile."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def trash(self, before: float) -> AsyncIterator[int]:
        while expired := await self._store.index.expire_trash(before, _PAGE):
            yield len(expired)

    async def changes(self) -> AsyncIterator[int]:
        before = await _first_kept(self._store)
        while number := await self._store.index.prune_changes(before, _PAGE):
            yield number

    def loose(self, before: float) -> AsyncIterator[Sequence[BlobRecord]]:
        return _loose(self._store, before)

    async def blob(self, blob: BlobRecord) -> int | None:
        """Out of the index in a transaction of its own first: no entry can name a file that is about to go."""
        lock = await self._store.locks.lock(blob_lock(blob.digest))
        try:
            if not await self._store.index.forget_blob(blob.digest):
                return None
            return await self._store.blobs.delete(blob.digest)
        finally:
            lock.release()

    async def orphan(self, digest: Digest, size: int) -> int | None:
        lock = await self._store.locks.lock(blob_lock(digest))
        try:
            if await self._store.index.blob(digest) is not None:
                return None  # entered since
            return await self._store.blobs.delete(digest)
        finally:
            lock.release()

    async def download(self, download: Download) -> int | None:
        lock = self._store.locks.try_lock(fetch_lock(download.repository, download.path))
        if lock is None:
            return None  # it is under way again
        try:
            if await self._store.index.download(download.repository, download.path) != download:
                return None
            freed = await undisturbed(offload(_unlink, _file_of(self._store, download)))
            await self._store.index.forget_download(download)
            return freed
        finally:
            lock.release()

    async def leftover(self, file: Path) -> int | None:
        lock = self._store.locks.try_lock(upload_lock(file.name))
        if lock is None:
            return None  # a client has just come back to it
        try:
            return await undisturbed(offload(_unlink, file))
        finally:
            lock.release()


class Counting:
    """`Sweep` that leaves everything as it is, and says what `Removing` would have freed."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._last: list[Digest] = []  # blobs that nobody names but what has come by
        self._shared: Counter[Digest] = Counter()  # how many of those have come by that name a blob with others

    async def trash(self, before: float) -> AsyncIterator[int]:
        after = 0
        while page := await self._store.index.trash(after, _PAGE):
            expired = [trashed for trashed in page if trashed.deleted < before]
            for trashed in expired:
                await self.let_go(trashed.entry.digest)
            yield len(expired)
            if len(expired) < len(page):
                return
            after = page[-1].id

    async def let_go(self, digest: Digest | None) -> None:
        """Count as if one of those that name the blob did not."""
        blob = await self._store.index.blob(digest) if digest is not None else None
        if blob is None:
            return
        if blob.references > 1:  # the others are remembered only for these: they are few
            self._shared[blob.digest] += 1
        if blob.references in (1, self._shared[blob.digest]):
            self._last.append(blob.digest)

    async def changes(self) -> AsyncIterator[int]:
        oldest = await self._store.index.changes(limit=1)
        yield max(0, await _first_kept(self._store) - oldest[0].sequence) if oldest else 0

    async def loose(self, before: float) -> AsyncIterator[Sequence[BlobRecord]]:
        async for page in _loose(self._store, before):
            yield page
        for digest in self._last:
            if (blob := await self._store.index.blob(digest)) is not None:
                yield [blob]

    async def blob(self, blob: BlobRecord) -> int | None:
        return blob.size

    async def orphan(self, digest: Digest, size: int) -> int | None:
        return size

    async def download(self, download: Download) -> int | None:
        return await offload(_size, _file_of(self._store, download))

    async def leftover(self, file: Path) -> int | None:
        return await offload(_size, file)


async def _first_kept(store: Store) -> int:
    """The sequence of the oldest change that is kept."""
    return max(0, await store.index.latest_change() - CHANGES_KEPT + 1)


async def _loose(store: Store, before: float) -> AsyncIterator[Sequence[BlobRecord]]:
    last = ""
    while page := await store.index.loose(last, _PAGE):
        yield [blob for blob in page if blob.loose_since <= before]
        last = page[-1].digest.hex


def _file_of(store: Store, download: Download) -> Path | None:
    return incoming_folder(store.path) / download.file if download.file else None


def _unlink(file: Path | None) -> int:
    size = _size(file)
    if file is not None:
        file.unlink(missing_ok=True)
    return size


def _size(file: Path | None) -> int:
    try:
        return 0 if file is None else file.stat().st_size
    except FileNotFoundError:
        return 0
