"""Bytes and facts: blobs, the index over them, and the locks between processes. Knows no format and no HTTP.

Three interfaces, all awaitable, so that other backends can stand in for files and LMDB; `Store` is one of each.
What each must do is written here, and tested once for all in ``tests/store/suite.py``.

Order of every write, so that a crash at any instant leaves nothing half there: the bytes are fsynced, named by their
digest, their directory fsynced; then one index transaction makes the change visible. A blob that no transaction ever
named is an orphan: harmless, and removed by ``gc``.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from io import FileIO
from pathlib import Path
from typing import Protocol

from mxart.contract import Missing
from mxart.errors import NotFound
from mxart.model import Child, Digest, Entry
from mxart.offload import undisturbed
from mxart.store.layout import blob_lock


@dataclass(frozen=True, slots=True, kw_only=True)
class Download:
    """The record of one download, from its head to its end: what followers in other workers go by.

    ``state``: "active" while its leader holds the fetch lock (or died holding it), "failed" when it gave up. One that
    was entered has no record: the entry itself says so. How far it has come is the size of ``file``.
    """

    repository: str
    path: str
    attempt: str  # names the file's content: another attempt starts another file
    state: str
    file: str = ""  # name in incoming/; "" when there is nothing to follow or to resume
    length: int | None = None  # bytes of the whole, when known
    etag: str = ""
    last_modified: str = ""
    resumable: bool = False  # the upstream can go on from where the file ends
    failure: str = ""  # class of the error, by its name in mxart.errors
    message: str = ""
    retry_after: float = 0.0  # seconds
    changed: float = 0.0  # UTC seconds


@dataclass(frozen=True, slots=True)
class Change:
    """One line of the change log."""

    sequence: int
    repository: str
    path: str
    action: str  # "put", "absent", "delete", "restore"
    digest: Digest | None
    time: float  # UTC seconds


@dataclass(frozen=True, slots=True)
class Trashed:
    """A deleted entry that can still be restored."""

    id: int  # the change that deleted it
    entry: Entry
    deleted: float  # UTC seconds
    batch: int = 0  # the id of the first of those that were deleted together, and come back together
    batch_size: int = 1  # how many they were


@dataclass(frozen=True, slots=True)
class Offer:
    """An entry that is to stand, and what may be done about other content at its place."""

    entry: Entry
    replace: bool = False  # it gives way, and so does the memory of what was deleted
    keep: bool = False  # it may stay, and the offer is forgotten


@dataclass(frozen=True, slots=True)
class BlobRecord:
    """What the index knows of a blob: its size in bytes, how many entries and trashed entries name it, and since
    when (UTC seconds) nobody does (0.0: somebody does)."""

    digest: Digest
    size: int
    references: int
    loose_since: float = 0.0


@dataclass(frozen=True, slots=True)
class Miscount:
    """A blob whose record is not what the entries and trashed entries say that name it."""

    digest: Digest
    size: int  # bytes, as those say that name it
    references: int  # how many they are
    recorded: int | None  # how many the record says; None: there is no record


@dataclass(frozen=True, slots=True)
class Holding:
    """What one repository holds; ``size`` in bytes, content that several entries share counted for each."""

    repository: str
    entries: int
    absences: int
    size: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """What an index holds, in numbers and bytes."""

    holdings: tuple[Holding, ...]
    blobs: int
    blob_bytes: int
    loose: int  # blobs that nobody names
    loose_bytes: int
    trashed: int
    trashed_bytes: int  # content that several share counted for each


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """Somebody who can prove who they are by a password."""

    name: str
    password_hash: str
    admin: bool = False
    created: float = 0.0  # UTC seconds


class Accounts(Protocol):
    """The narrow view of the index that ``access`` gets."""

    async def account(self, name: str) -> Account | None: ...

    async def put_account(self, account: Account) -> None:
        """Durable after the call."""
        ...


class Index(Accounts, Protocol):
    """Facts. A read takes microseconds and no lock; a write is one transaction, and the moment a change happens.

    Writes of one process are committed together (group commit). ``durable`` ones survive a power failure once the
    call returns; others survive a crash of every process, and never leave the index broken.
    Raises StoreFull when there is no room; nothing is changed then. Raises Unavailable when the index was closed. Who
    is cancelled while a write is on its way learns of it when the write has been committed or has failed.
    """

    async def get(self, repository: str, path: str) -> Entry | None: ...

    async def put(self, entry: Entry, *, durable: bool = True, others: Sequence[Entry] = ()) -> Entry:
        """True after: the entry stands in place of any other at its path, the change log has it, references to
        blobs are counted, and the record of a download of that path is dropped. Returns it with its sequence.

        So do, in the same transaction, ``others``: the same content at other paths of the repository. Where that
        stands already, it is left as it is, and the log has nothing of it."""
        ...

    async def touch(self, entry: Entry) -> None:
        """The upstream confirmed the entry: its validators and ``checked`` are noted, if the entry still stands
        (same sequence). Not a change: the log has nothing of it."""
        ...

    def served(self, entry: Entry, when: float) -> None:
        """Note that it was given to a client; written in batches. Never waits, never fails."""
        ...

    async def flush_served(self) -> None:
        """Write what `served` has gathered."""
        ...

    async def list(self, repository: str, prefix: str = "", after: str = "", limit: int = 1000) -> Sequence[Entry]:
        """Entries below ``prefix`` in byte order of their keys, from the one after ``after``; absences included."""
        ...

    async def packages(self, repository: str, border: str) -> Sequence[str]:
        """The beginnings, shorter than 300 bytes, of the repository's paths up to the first ``border``, each once, in
        byte order; those without any content left out. Reads not much more than an entry of each, and blocks nobody.
        """
        ...

    async def children(
        self, repository: str, folder: str, after: str, limit: int, shown: Callable[[Entry], bool]
    ) -> Sequence[Child]:
        """What lies right below ``folder`` ("" or with its last slash), in byte order of the names, from the one after
        ``after`` (a `Child.name`, "" from the start), at most ``limit``. An entry at the path of the folder itself is
        not below it.

        A folder is one that holds, at whatever depth, an entry that is ``shown``; entries that are not are left out.
        Reads of each folder not much more than its first entry that is shown, and blocks nobody: ``shown`` is called
        in a thread. Where paths are longer than 370 bytes, all that begin alike are read.
        """
        ...

    async def publish(
        self,
        offers: Sequence[Offer],
        when: float,
        drops: Collection[tuple[str, str]] = (),
        needs: Collection[tuple[str, str]] = (),
        prunes: Collection[tuple[str, str]] = (),
    ) -> Sequence[Entry]:
        """True after, durably and all at once: each offered entry stands, or the same content stood already, or other
        content that may stay; nothing stands at ``drops`` (repository, path), and the trash has nothing of it; content
        stands at all of ``needs`` (repository, path), be it by this publication; nothing stands at ``prunes``
        (repository, path), not even a tombstone, and the content is in the trash as one batch. ``when``: UTC seconds
        at which all this happens.

        Returns the entries that are new. Raises Conflict, and nothing has changed, when other content is in the way: it
        stands, or stood and was withdrawn. Raises Missing, and nothing has changed, when something is needed that is
        not there: its message names the first, its ``paths`` at most 100.
        """
        ...

    async def sweep(self, repository: str, paths: Sequence[str], folder: str, since: int, before: float) -> int | None:
        """True after, durably and all at once: nothing stands at the paths any more, no trash has it and no tombstone
        remembers it, but the log says "delete"; except for what was created, or served to a client, after ``before``
        (UTC seconds). Returns how many went. Access times that other processes have not written yet do not count:
        leave them time.

        That something was once in ``folder`` is not forgotten with the last of it: then an absence (404) stays there,
        in the way of nothing, by which the name is still known for the repository's own.

        None, and nothing has changed, when any entry whose path begins with ``folder`` has changed after the sequence
        ``since``, for then ``paths`` may have been chosen wrongly; also when the repository has changed since and the
        log was pruned beyond it.
        """
        ...

    async def derive(self, entry: Entry) -> None:
        """The entry stands, made from others, in place of any other. Not a change: the log has nothing of it, and it
        can be made again, so it is not durable either."""
        ...

    async def withdraw(
        self, repository: str, paths: Sequence[str], when: float, alike: Collection[str] = ()
    ) -> Sequence[Trashed]:
        """True after, durably and all at once: a tombstone stands where content stood (an entry with ``absent`` 410,
        which remembers the digest in its ``checksums``), the content is in the trash as one batch. The same goes for
        every entry with the content of one of them whose path begins with one of the prefixes ``alike``. Returns the
        batch, those at ``paths`` first, empty when there was none."""
        ...

    async def delete(self, repository: str, path: str, when: float) -> Trashed | None:
        """True after: no entry stands there; the deleted one is in the trash. None when there was none."""
        ...

    async def trash(self, after: int = 0, limit: int = 1000) -> Sequence[Trashed]: ...

    async def restore(self, trash_id: int, when: float) -> Sequence[Entry]:
        """True after: the entry stands again, and all that were deleted with it. Raises NotFound, also when not all of
        them are there any more; Conflict when other content has taken the place of one."""
        ...

    async def expire_trash(self, before: float, limit: int = 1000) -> Sequence[Trashed]:
        """Forget what was deleted before that time, the oldest first, at most ``limit``. A blob that nobody else
        names counts as loose since the deletion."""
        ...

    async def changes(self, after: int = 0, limit: int = 1000) -> Sequence[Change]: ...

    async def latest_change(self) -> int:
        """The sequence of the newest change, 0 when there has been none."""
        ...

    async def changed(self, repository: str) -> int:
        """The sequence of the newest change of this repository's entries, 0 when there has been none."""
        ...

    async def prune_changes(self, before: int, limit: int = 1000) -> int:
        """Forget changes with a sequence below ``before``, the oldest first, at most ``limit``. Returns how many."""
        ...

    async def blob(self, digest: Digest) -> BlobRecord | None: ...

    async def blobs(self, after: str = "", limit: int = 1000) -> Sequence[BlobRecord]:
        """Blob records in order of their digests (hex), from the one after ``after``."""
        ...

    async def loose(self, after: str = "", limit: int = 1000) -> Sequence[BlobRecord]:
        """The same, only those that nobody names."""
        ...

    async def forget_blob(self, digest: Digest) -> bool:
        """True after: the index knows the blob no more. False, and nothing changed, when something names it."""
        ...

    async def miscounts(self) -> Sequence[Miscount]:
        """What `recount` would set right now. Takes seconds for millions of entries, and blocks nobody."""
        ...

    async def recount(self) -> Sequence[Miscount]:
        """True after: every blob's record agrees with what names it. Returns what was wrong. Other writes wait."""
        ...

    async def drop(self, digests: Collection[Digest], when: float) -> Sequence[Entry]:
        """True after: neither the index nor its trash knows these blobs, or names them; the change log has it. Where
        entries stood, absences (404) do, in the way of nothing, by which the names are still known for the
        repository's own. Returns the entries and trashed entries that are gone."""
        ...

    async def figures(self) -> Figures:
        """What the index holds. Takes seconds for millions of entries, and blocks nobody."""
        ...

    async def download(self, repository: str, path: str) -> Download | None: ...

    async def put_download(self, download: Download) -> None: ...

    async def downloads(self, after: Download | None = None, limit: int = 1000) -> Sequence[Download]:
        """Records of downloads in order of their keys, from the one after ``after``."""
        ...

    async def forget_download(self, download: Download) -> None:
        """Drop the record, unless a later attempt or state has taken its place."""
        ...

    async def choice(self, repository: str, path: str) -> str:
        """What was chosen last for the path, "" when nothing was."""
        ...

    async def choose(self, repository: str, path: str, chosen: str) -> None:
        """Remember a choice for all workers. Not durable; "" forgets it."""
        ...

    async def note(self, name: str) -> bytes | None:
        """A small fact that all workers share (the health of an upstream, how far a long job has come)."""
        ...

    async def put_note(self, name: str, value: bytes) -> None: ...

    async def close(self) -> None: ...


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What a backend can do; callers read this, they never ask what it is."""

    sendfile: bool  # open() gives a real file descriptor
    shared: bool  # several machines may use it at once


class Blobs(Protocol):
    """Content by digest: written once, immutable, never seen in part."""

    capabilities: Capabilities

    def open(self, digest: Digest, size: int) -> FileIO | None:
        """The blob, open for reading; None when it is not there or not ``size`` bytes long. Microseconds."""
        ...

    async def adopt(self, file: Path, digest: Digest) -> None:
        """``file`` (whole, hashed, on the same file system) is durable under its digest, and gone from its place.
        Raises StoreFull. Who is cancelled here learns of it when nothing goes on any more."""
        ...

    async def delete(self, digest: Digest) -> int:
        """True after: it is gone. Returns the bytes freed, 0 when there was nothing."""
        ...

    def walk(self) -> Iterator[tuple[Digest, int, float]]:
        """Every blob: digest, size in bytes, when it was written (UTC seconds). Blocking: run it in a thread."""
        ...

    def verify(self, digest: Digest) -> bool:
        """Do the stored bytes have that digest? False also when there are none. Blocking: run it in a thread."""
        ...

    async def quarantine(self, digest: Digest) -> None:
        """Take damaged bytes out of the way without destroying them."""
        ...


class Lock(Protocol):
    """A held lock. Ends with `release`, or with the process."""

    def release(self) -> None:
        """Safe to call twice."""
        ...


class Slots(Protocol):
    """Some number of places, counted over all processes."""

    def take(self) -> Lock | None:
        """A free place, or None. Never waits."""
        ...


class Locks(Protocol):
    """Mutual exclusion between all processes of a store, and within one. A dead holder holds nothing."""

    def try_lock(self, key: str) -> Lock | None:
        """The lock on ``key``, or None when anyone else (also in this process) holds it. Never waits."""
        ...

    async def lock(self, key: str) -> Lock:
        """The lock on ``key``, as soon as it is free."""
        ...

    def slots(self, name: str, count: int) -> Slots: ...


@dataclass(frozen=True, slots=True)
class Store:
    """One of each, over one data folder."""

    path: Path
    blobs: Blobs
    index: Index
    locks: Locks

    async def enter(self, entry: Entry, file: Path, *, durable: bool, others: Sequence[Entry] = ()) -> Entry:
        """True after: the bytes of ``file`` (whole and hashed; ``entry.digest`` is theirs) are stored and the entry
        stands, with ``others`` as in `Index.put`. Blob first, entry after; the digest's lock keeps ``gc`` from between
        the two."""
        assert entry.digest is not None
        assert all(other.digest == entry.digest for other in others)
        lock = await self.locks.lock(blob_lock(entry.digest))
        try:
            await self.blobs.adopt(file, entry.digest)
            return await self.index.put(entry, durable=durable, others=others)
        finally:
            lock.release()

    async def link(self, entry: Entry, *, durable: bool) -> Entry | None:
        """True after: the entry stands, and its content is what the store had already. None, and nothing has changed,
        when the store has it no more."""
        assert entry.digest is not None
        lock = await self.locks.lock(blob_lock(entry.digest))
        try:
            if not await self._holds(entry.digest, entry.size):
                return None
            return await self.index.put(entry, durable=durable)
        finally:
            lock.release()

    async def publish(
        self,
        offers: Sequence[tuple[Offer, Path | None]],
        when: float,
        drops: Collection[tuple[str, str]] = (),
        needs: Collection[tuple[str, str]] = (),
        prunes: Collection[tuple[str, str]] = (),
    ) -> Sequence[Entry]:
        """As `Index.publish`; the bytes of each file (whole and hashed) become the blob of its offer. None in place of
        a file: the store has that blob already. One file may be offered at several paths. When it raises, no blob has
        been left that nobody names. Raises Conflict, Missing, StoreFull, and NotFound when the store has a blob no more
        that it was to have."""
        locks: list[Lock] = []
        digests = {offer.entry.digest for offer, _ in offers if offer.entry.digest is not None}
        try:
            for digest in sorted(digests, key=str):  # in one order, so that no two wait for each other
                locks.append(await self.locks.lock(blob_lock(digest)))
            return await undisturbed(self._publish(offers, when, drops, needs, prunes))
        finally:
            for lock in locks:
                lock.release()

    async def _publish(
        self,
        offers: Sequence[tuple[Offer, Path | None]],
        when: float,
        drops: Collection[tuple[str, str]],
        needs: Collection[tuple[str, str]],
        prunes: Collection[tuple[str, str]],
    ) -> Sequence[Entry]:
        """With the locks of their blobs held."""
        adopted: set[Digest] = set()
        try:
            for offer, file in sorted(offers, key=lambda pair: pair[1] is None):  # a file may be what the others lack
                digest = offer.entry.digest
                assert digest is not None
                if digest in adopted or await self._holds(digest, offer.entry.size):
                    continue
                if file is None:
                    raise NotFound(f"the content {digest} is not in the store any more")
                adopted.add(digest)
                await self.blobs.adopt(file, digest)
            return await self.index.publish([offer for offer, _ in offers], when, drops, needs, prunes)
        finally:
            for digest in adopted:
                if await self.index.blob(digest) is None:
                    await self.blobs.delete(digest)

    async def _holds(self, digest: Digest, size: int) -> bool:
        """Is it stored, and known to the index?"""
        file = self.blobs.open(digest, size) if await self.index.blob(digest) is not None else None
        if file is not None:
            file.close()
        return file is not None


__all__ = [
    "Account",
    "Accounts",
    "BlobRecord",
    "Blobs",
    "Capabilities",
    "Change",
    "Download",
    "Figures",
    "Holding",
    "Index",
    "Lock",
    "Locks",
    "Miscount",
    "Missing",
    "Offer",
    "Slots",
    "Store",
    "Trashed",
]
