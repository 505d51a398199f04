"""What nothing leads to any more in a hosted repository: found package by package, and taken away while others publish.

What that is, is the format's to say. What it has said is only done when nothing of the package has changed since it was
looked at; else it is looked at again.
"""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass

from mxart.contract import Format
from mxart.model import Entry
from mxart.offload import offload
from mxart.repository.derived import is_derived
from mxart.repository.held import below
from mxart.store import Store, Trashed

_TRIES = 5  # to find a package at rest; one that is pushed to all the time is left to the next run
_MAX_READ = 16 << 20  # bytes of a document that the format may read


@dataclass(frozen=True, slots=True)
class Unused:
    """What has gone of one package, or would."""

    package: str
    entries: Sequence[Entry]


@dataclass(frozen=True, slots=True, kw_only=True)
class Since:
    """From when on things are spared: UTC seconds."""

    used: float  # pushed or pulled
    deleted: float  # what was deleted earlier cannot be restored any more


async def sweep(store: Store, name: str, format_: Format, since: Since, *, remove: bool) -> AsyncIterator[Unused]:
    """True after: nothing is left in the repository ``name`` that nothing leads to, but what is spared, and packages
    that never came to rest. Not ``remove``: it is only told what would go.

    Yields what was found, package by package.
    """
    trashed = await _trashed(store, name, since.deleted)
    for package in await store.index.packages(name, format_.border):
        found = await _Package(store, name, format_, package, trashed).sweep(since.used, remove=remove)
        if found:
            yield Unused(package, found)


async def _trashed(store: Store, name: str, since: float) -> Sequence[Entry]:
    """What was deleted from the repository, and can be restored."""
    found: list[Entry] = []
    page: Sequence[Trashed] = ()
    while page := await store.index.trash(page[-1].id if page else 0):
        found += (each.entry for each in page if each.entry.repository == name and each.deleted >= since)
    return found


class _Package:
    """One package of one repository."""

    def __init__(self, store: Store, name: str, format_: Format, package: str, trashed: Sequence[Entry]) -> None:
        self._store = store
        self._name = name
        self._format = format_
        self._folder = f"{package}{format_.border}"
        self._trashed = [entry for entry in trashed if entry.path.startswith(self._folder)]

    async def sweep(self, before: float, *, remove: bool) -> Sequence[Entry]:
        index = self._store.index
        for _ in range(_TRIES):
            since = await index.latest_change()
            unused = await self._unused(before)
            if not unused or not remove:
                return unused
            paths = [entry.path for entry in unused]
            if await index.sweep(self._name, paths, self._folder, since, before) is not None:
                return unused
        return ()

    async def _unused(self, before: float) -> Sequence[Entry]:
        entries = await below(self._store.index, self._name, self._folder)
        published = [entry for entry in entries if not is_derived(entry)]
        return await offload(self._format.unused, published, self._trashed, before, self._read)

    def _read(self, entry: Entry) -> bytes:
        """The content, b"" when it is lost or too large to be a document. Blocking."""
        if entry.digest is None or entry.size > _MAX_READ:
            return b""
        file = self._store.blobs.open(entry.digest, entry.size)
        if file is None:
            return b""
        with file:
            return os.pread(file.fileno(), entry.size, 0)
