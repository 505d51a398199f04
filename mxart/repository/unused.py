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
from mxart.store import Store

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
    trash = _Trash(store, name, since.deleted)
    for package in await store.index.packages(name, format_.border):
        found = await _Package(store, name, format_, package, trash).sweep(since.used, remove=remove)
        if found:
            yield Unused(package, found)


class _Trash:
    """What was deleted from a repository, and can be restored."""

    def __init__(self, store: Store, name: str, since: float) -> None:
        """``since``: UTC seconds; what was deleted earlier does not count."""
        self._index = store.index
        self._name = name
        self._since = since
        self._seen = 0  # the newest item of the trash that was looked at
        self._found: list[Entry] = []

    async def below(self, folder: str) -> Sequence[Entry]:
        """What can be restored now to a path that begins with ``folder``. What has been restored since it was looked at
        is among it, too."""
        while page := await self._index.trash(self._seen):
            self._seen = page[-1].id
            self._found += (
                each.entry for each in page if each.entry.repository == self._name and each.deleted >= self._since
            )
        return [entry for entry in self._found if entry.path.startswith(folder)]


class _Package:
    """One package of one repository."""

    def __init__(self, store: Store, name: str, format_: Format, package: str, trash: _Trash) -> None:
        self._store = store
        self._name = name
        self._format = format_
        self._folder = f"{package}{format_.border}"
        self._trash = trash

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
        trashed = await self._trash.below(self._folder)  # after the entries: what was deleted meanwhile is in either
        published = [entry for entry in entries if not is_derived(entry)]
        unused = await offload(self._format.unused, published, trashed, before, self._read)
        return [*unused, *self._listing(entries, unused, before)]

    def _listing(self, entries: Sequence[Entry], unused: Sequence[Entry], before: float) -> Sequence[Entry]:
        """The indexes of a package of which nothing is left: as long as they stand, there seems to be one."""
        going = {entry.path for entry in unused}
        if any(entry.digest and entry.path not in going for entry in entries if not is_derived(entry)):
            return ()
        derived = (entry for entry in entries if entry.digest and is_derived(entry))
        return [entry for entry in derived if max(entry.created, entry.served) <= before]

    def _read(self, entry: Entry) -> bytes:
        """The content, b"" when it is lost or too large to be a document. Blocking."""
        if entry.digest is None or entry.size > _MAX_READ:
            return b""
        file = self._store.blobs.open(entry.digest, entry.size)
        if file is None:
            return b""
        with file:
            return os.pread(file.fileno(), entry.size, 0)
