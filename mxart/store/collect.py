"""gc: what nobody needs any more is removed, while the server runs.

In this order: trash that is too old; the oldest lines of a change log that has grown long; blobs that nobody names;
blob files that no record knows, which a crash between their rename and their transaction left; what dead and failed
downloads and uploads left in ``incoming/``: an upload has no record, so what was written to within a day is taken for
alive. Each removal is complete in itself, so a run that is stopped anywhere has lost nothing,
and the next one goes on from there. What is done with what is found is a `Sweep`'s to say (``sweep.py``): remove it, or
only count.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Protocol, TypeVar

from mxart.model import Digest
from mxart.offload import offload
from mxart.store import BlobRecord, Download, Store
from mxart.store.layout import incoming_folder

T = TypeVar("T")

_PAGE = 1000  # records or files at a time
_AT_ONCE = 32  # removals under way: their transactions share a commit
_HOUR, _DAY = 3600.0, 86400.0  # seconds


@dataclass(frozen=True, slots=True, kw_only=True)
class Ages:
    """How old things must be. ``now``: UTC seconds; the others: seconds."""

    now: float
    trash: float  # since the deletion
    grace: float = 60.0  # since nobody names a blob: time to open it for whoever has just looked it up
    orphan: float = _HOUR  # since a blob's file was written
    failure: float = _HOUR  # since a download failed and left nothing to resume
    leftover: float = _DAY  # since anything happened to a download or its file


@dataclass(slots=True)
class Collected:
    """What a run has removed, or would: numbers, and bytes."""

    trash: int = 0
    changes: int = 0  # lines of the change log
    blobs: int = 0
    blob_bytes: int = 0
    orphans: int = 0
    orphan_bytes: int = 0
    incoming: int = 0  # files, and records of downloads that have none
    incoming_bytes: int = 0

    @property
    def freed(self) -> int:
        """Bytes in all."""
        return self.blob_bytes + self.orphan_bytes + self.incoming_bytes


class Sweep(Protocol):
    """What is done with what nobody needs. Whatever returns bytes returns None when the thing turned out to be needed,
    or was gone already."""

    def trash(self, before: float) -> AsyncIterator[int]:
        """Forget what was deleted before ``before`` (UTC seconds); yields how many, batch by batch."""
        ...

    def changes(self) -> AsyncIterator[int]:
        """Forget the oldest changes of a log that has grown long; yields how many, batch by batch."""
        ...

    def loose(self, before: float) -> AsyncIterator[Sequence[BlobRecord]]:
        """Blobs that nobody has named since ``before`` (UTC seconds), or longer."""
        ...

    async def blob(self, blob: BlobRecord) -> int | None: ...

    async def orphan(self, digest: Digest, size: int) -> int | None:
        """A blob's file, ``size`` bytes, that no record knew."""
        ...

    async def download(self, download: Download) -> int | None:
        """The record, and its file."""
        ...

    async def leftover(self, file: Path) -> int | None: ...


async def collect(store: Store, sweep: Sweep, ages: Ages, tick: Callable[[Collected], None]) -> Collected:
    """True after: ``sweep`` has done with all that is not needed. ``tick`` is told the count so far, now and then."""
    return await _Collection(store, sweep, ages, tick).run()


class _Collection:
    """One run."""

    def __init__(self, store: Store, sweep: Sweep, ages: Ages, tick: Callable[[Collected], None]) -> None:
        self._store = store
        self._sweep = sweep
        self._ages = ages
        self._tick = tick
        self._done = Collected()

    async def run(self) -> Collected:
        await self._expire()
        await self._prune()
        await self._loose()
        await self._orphans()
        await self._downloads()
        await self._leftovers()
        self._tick(self._done)
        return self._done

    async def _expire(self) -> None:
        async for number in self._sweep.trash(self._ages.now - self._ages.trash):
            self._done.trash += number
            self._tick(self._done)

    async def _prune(self) -> None:
        async for number in self._sweep.changes():
            self._done.changes += number
            self._tick(self._done)

    async def _loose(self) -> None:
        async for page in self._sweep.loose(self._ages.now - self._ages.grace):
            for some in _batches(page):
                freed = _freed(await asyncio.gather(*(self._sweep.blob(blob) for blob in some)))
                self._done.blobs += len(freed)
                self._done.blob_bytes += sum(freed)
                self._tick(self._done)

    async def _orphans(self) -> None:
        async for page in orphans(self._store, self._ages.now - self._ages.orphan):
            for some in _batches(page):
                freed = _freed(await asyncio.gather(*(self._sweep.orphan(digest, size) for digest, size in some)))
                self._done.orphans += len(freed)
                self._done.orphan_bytes += sum(freed)
                self._tick(self._done)

    async def _downloads(self) -> None:
        async for page in download_pages(self._store):
            for some in _batches([download for download in page if self._is_over(download)]):
                self._swept(await asyncio.gather(*(self._sweep.download(download) for download in some)))

    def _is_over(self, download: Download) -> bool:
        empty = download.state == "failed" and not download.file
        return download.changed < self._ages.now - (self._ages.failure if empty else self._ages.leftover)

    async def _leftovers(self) -> None:
        async for files in unnamed_files(self._store, self._ages.now - self._ages.leftover):
            for some in _batches(files):
                self._swept(await asyncio.gather(*(self._sweep.leftover(file) for file in some)))

    def _swept(self, outcomes: Sequence[int | None]) -> None:
        freed = _freed(outcomes)
        self._done.incoming += len(freed)
        self._done.incoming_bytes += sum(freed)
        self._tick(self._done)


async def orphans(store: Store, before: float) -> AsyncIterator[Sequence[tuple[Digest, int]]]:
    """Files of blobs (with their sizes in bytes) written before ``before`` (UTC seconds) that no record knows."""
    files = store.blobs.walk()
    while page := await offload(lambda: list(islice(files, _PAGE))):
        old = [(digest, size) for digest, size, written in page if written < before]
        yield [(digest, size) for digest, size in old if await store.index.blob(digest) is None]


async def download_pages(store: Store) -> AsyncIterator[Sequence[Download]]:
    """All records of downloads, page by page."""
    last: Download | None = None
    while page := await store.index.downloads(last, _PAGE):
        yield page
        last = page[-1]


async def unnamed_files(store: Store, before: float) -> AsyncIterator[Sequence[Path]]:
    """The files in ``incoming/`` that were last written before ``before`` (UTC seconds) and belong to no record."""
    files = incoming_folder(store.path).iterdir()
    while page := await offload(lambda: list(islice(files, 10 * _PAGE))):
        unnamed = {file.name: file for file in await offload(_written_before, page, before)}
        if unnamed:
            async for downloads in download_pages(store):
                for download in downloads:
                    unnamed.pop(download.file, None)
        yield list(unnamed.values())


def _written_before(files: Sequence[Path], before: float) -> list[Path]:
    old: list[Path] = []
    for file in files:
        with suppress(FileNotFoundError):  # entered or removed since
            if file.stat().st_mtime < before:
                old.append(file)
    return old


def _batches(things: Sequence[T]) -> list[Sequence[T]]:
    return [things[i : i + _AT_ONCE] for i in range(0, len(things), _AT_ONCE)]


def _freed(outcomes: Sequence[int | None]) -> list[int]:
    return [freed for freed in outcomes if freed is not None]
