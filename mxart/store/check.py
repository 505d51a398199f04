"""fsck: is every blob there, whole, and counted right? And `repair`, which makes it so.

The server may go on meanwhile: counts are compared within one transaction, and a blob that seems damaged is looked at
again under its lock before it is called so. Files that no record knows are no problem: a crash between a blob's rename
and its transaction leaves one, and ``gc`` removes it.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field
from typing import Literal

from mxart.model import Digest, Entry
from mxart.offload import offload
from mxart.store import BlobRecord, Lock, Miscount, Store
from mxart.store.collect import orphans, unnamed_files
from mxart.store.layout import blob_lock

_PAGE = 1000  # records at a time
_AT_ONCE = 4  # blobs being read
_DROPPED_AT_ONCE = 64  # damaged blobs: each batch is one walk over all entries, under that many locks


@dataclass(frozen=True, slots=True)
class Damage:
    """A blob that cannot be served: "missing" when there is no file of its size, "damaged" when its bytes differ."""

    blob: BlobRecord
    kind: Literal["missing", "damaged"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What a check found. Orphans and leftovers are no problems, just work for ``gc``."""

    blobs: int  # looked at
    damaged: Sequence[Damage]
    miscounted: Sequence[Miscount]
    orphans: int = 0  # files of blobs that no record knows
    orphan_bytes: int = 0
    leftovers: int = 0  # files in incoming/ that no record knows

    @property
    def clean(self) -> bool:
        return not self.damaged and not self.miscounted


@dataclass(slots=True)
class Repaired:
    """What a repair did."""

    lost: list[Digest] = field(default_factory=list)  # blobs that are no more; what is left of them is in quarantine
    dropped: list[Entry] = field(default_factory=list)  # entries and trash that named them
    recounted: Sequence[Miscount] = ()


async def check(store: Store, now: float, tick: Callable[[int], object]) -> Report:
    """What is wrong, changing nothing. ``now``: UTC seconds. ``tick`` is called with the bytes of each blob read."""
    miscounted = await store.index.miscounts()
    blobs, damaged = 0, await _unrecorded(store, miscounted)
    async for some in _blobs(store):
        blobs += len(some)
        found = await asyncio.gather(*(_damage(store, blob) for blob in some))
        damaged += [damage for damage in found if damage is not None]
        tick(sum(blob.size for blob in some))
    sizes = [size async for page in orphans(store, now) for _, size in page]
    leftovers = [len(page) async for page in unnamed_files(store, now)]
    return Report(
        blobs=blobs,
        damaged=damaged,
        miscounted=miscounted,
        orphans=len(sizes),
        orphan_bytes=sum(sizes),
        leftovers=sum(leftovers),
    )


async def repair(store: Store, report: Report, now: float) -> Repaired:
    """True after: every count is right, and nothing names a blob that the report calls damaged and that still is.
    A proxy fetches anew what was dropped; what was published must be published again."""
    repaired = Repaired(recounted=await store.index.recount())  # first: now every blob that is named has a record
    for start in range(0, len(report.damaged), _DROPPED_AT_ONCE):
        digests = sorted({damage.blob.digest for damage in report.damaged[start : start + _DROPPED_AT_ONCE]}, key=str)
        locks: list[Lock] = []
        try:
            for digest in digests:
                locks.append(await store.locks.lock(blob_lock(digest)))
            await _drop(store, digests, now, repaired)
        finally:
            for lock in locks:
                lock.release()
    return repaired


async def _drop(store: Store, digests: Sequence[Digest], now: float, repaired: Repaired) -> None:
    """With their locks held."""
    lost: list[Digest] = []
    for digest in digests:
        blob = await store.index.blob(digest)
        if blob is None or await offload(_look, store, blob) is None:
            continue  # gone, or stored anew since
        lost.append(digest)
        await store.blobs.quarantine(digest)
    repaired.lost += lost
    if lost:
        repaired.dropped += await store.index.drop(lost, now)


async def _unrecorded(store: Store, miscounted: Sequence[Miscount]) -> list[Damage]:
    """Damage of blobs that are named and have no record."""
    blobs = [BlobRecord(m.digest, m.size, m.references) for m in miscounted if m.recorded is None and m.references]
    found = [await offload(_look, store, blob) for blob in blobs]
    return [damage for damage in found if damage is not None]


async def _blobs(store: Store) -> AsyncIterator[Sequence[BlobRecord]]:
    """All records, a few at a time."""
    last = ""
    while page := await store.index.blobs(last, _PAGE):
        for start in range(0, len(page), _AT_ONCE):
            yield page[start : start + _AT_ONCE]
        last = page[-1].digest.hex


async def _damage(store: Store, blob: BlobRecord) -> Damage | None:
    """What is wrong with it, under its lock; ``gc`` may be taking it."""
    if await offload(_look, store, blob) is None:
        return None
    lock = await store.locks.lock(blob_lock(blob.digest))
    try:
        current = await store.index.blob(blob.digest)
        return None if current is None else await offload(_look, store, current)
    finally:
        lock.release()


def _look(store: Store, blob: BlobRecord) -> Damage | None:
    """What is wrong with the blob's file. Blocking."""
    file = store.blobs.open(blob.digest, blob.size)
    if file is None:
        return Damage(blob, "missing")
    file.close()
    return None if store.blobs.verify(blob.digest) else Damage(blob, "damaged")
