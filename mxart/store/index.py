"""The index in LMDB: entries, change log, references, trash, downloads, accounts.

Opened after the fork, once a process. Reads happen where they are asked, in a transaction that lives for
microseconds and never across an ``await``. Writes go through one thread (``writer.py``), which commits all that waits
at once. The operations that run inside its transactions are in ``operations.py`` and ``trash.py``.

The environment runs without ``sync`` of its meta page on each commit (a power failure may undo the last commits, never
break the index); a durable write syncs it. Never ``writemap``: a stray write in the process must not reach the disk.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Sequence
from contextlib import suppress
from pathlib import Path

import lmdb

from mxart.errors import StoreFull, Unavailable
from mxart.model import Child, Digest, Entry
from mxart.offload import offload
from mxart.store import Account, BlobRecord, Change, Download, Figures, Miscount, Offer, Trashed, census, records
from mxart.store.cursors import first, items
from mxart.store.disk import full_is_an_error
from mxart.store.folders import Asked, children
from mxart.store.layout import DATABASES, MAX_KEY, entry_key, entry_prefix, index_folder, sequence_key
from mxart.store.ledger import Ledger
from mxart.store.operations import Operations, Place
from mxart.store.trash import Trash
from mxart.store.writer import Writer

_READERS = 2048  # reader slots for all processes
_LOCK_FILE = _READERS * 64 + 8192  # bytes: the slots, and LMDB's head of the file


class LmdbIndex:
    """`Index` in ``data/index``. Belongs to the process that opened it; close it before a fork."""

    def __init__(self, data: Path, map_size: int) -> None:
        """``map_size``: bytes of address space, the most the index can grow to. Raises Unavailable."""
        self._env = _open(data, map_size)
        self._env.reader_check()
        self._db = {name: self._env.open_db(name.encode()) for name in DATABASES}
        self._ledger = Ledger(self._db)
        self._do = Operations(self._ledger)
        self._trash = Trash(self._ledger)
        self._writer = Writer(self._env)
        self._entries = self._db["entries"]
        self._served: dict[tuple[str, str], float] = {}

    # --- entries ---

    async def get(self, repository: str, path: str) -> Entry | None:
        record = self._read("entries", entry_key(repository, path))
        return None if record is None else records.unpack_entry(record)

    async def put(self, entry: Entry, *, durable: bool = True, others: Sequence[Entry] = ()) -> Entry:
        return await self._writer.run(lambda txn: self._do.put(txn, entry, others), durable=durable)

    async def publish(
        self,
        offers: Sequence[Offer],
        when: float,
        drops: Collection[Place] = (),
        needs: Collection[Place] = (),
        prunes: Collection[Place] = (),
    ) -> Sequence[Entry]:
        def publish(txn: lmdb.Transaction) -> Sequence[Entry]:
            self._trash.prune(txn, prunes, when)
            return self._do.publish(txn, offers, when, drops, needs)

        return await self._writer.run(publish, durable=True)

    async def derive(self, entry: Entry) -> None:
        await self._writer.run(lambda txn: self._ledger.stand(txn, entry), durable=False)

    async def sweep(self, repository: str, paths: Sequence[str], folder: str, since: int, before: float) -> int | None:
        def sweep(txn: lmdb.Transaction) -> int | None:
            if self._ledger.has_changed(txn, repository, folder, since):
                return None
            return self._do.sweep(txn, repository, paths, folder, before)

        await self.flush_served()
        return await self._writer.run(sweep, durable=True)

    async def touch(self, entry: Entry) -> None:
        await self._writer.run(lambda txn: self._do.touch(txn, entry), durable=False)

    def served(self, entry: Entry, when: float) -> None:
        self._served[entry.repository, entry.path] = when

    async def flush_served(self) -> None:
        batch, self._served = self._served, {}
        if batch:
            await self._writer.run(lambda txn: self._do.served(txn, batch), durable=False)

    async def list(self, repository: str, prefix: str = "", after: str = "", limit: int = 1000) -> Sequence[Entry]:
        start = entry_key(repository, after) if after else b""
        within = entry_prefix(repository, prefix)
        found: list[Entry] = []
        with self._env.begin() as txn:
            for key, record in items(txn, self._entries, max(start, within)):
                if not key.startswith(within) or len(found) == limit:
                    break
                served = records.unpack_time(txn.get(key, db=self._db["served"]))
                entry = records.unpack_entry(record, served)
                if key != start and entry.path.startswith(prefix):
                    found.append(entry)
        return found

    async def packages(self, repository: str, border: str) -> Sequence[str]:
        return await offload(self._packages, repository, border)

    def _packages(self, repository: str, border: str) -> Sequence[str]:
        with self._env.begin() as txn:
            return census.packages(txn, self._db, repository, border)

    async def children(
        self, repository: str, folder: str, after: str, limit: int, shown: Callable[[Entry], bool]
    ) -> Sequence[Child]:
        return await offload(self._children, Asked(repository, folder, after, limit, shown))

    def _children(self, asked: Asked) -> Sequence[Child]:
        with self._env.begin() as txn:
            return children(txn, self._db, asked)

    # --- trash ---

    async def withdraw(
        self, repository: str, paths: Sequence[str], when: float, alike: Collection[str] = ()
    ) -> Sequence[Trashed]:
        return await self._writer.run(
            lambda txn: self._trash.withdraw(txn, repository, paths, when, alike), durable=True
        )

    async def delete(self, repository: str, path: str, when: float) -> Trashed | None:
        return await self._writer.run(lambda txn: self._trash.delete(txn, repository, path, when), durable=True)

    async def trash(self, after: int = 0, limit: int = 1000) -> Sequence[Trashed]:
        with self._env.begin() as txn:
            found = first(items(txn, self._db["trash"], sequence_key(after + 1)), limit)
            return [records.unpack_trashed(int.from_bytes(key, "big"), record) for key, record in found]

    async def restore(self, trash_id: int, when: float) -> Sequence[Entry]:
        return await self._writer.run(lambda txn: self._trash.restore(txn, trash_id, when), durable=True)

    async def expire_trash(self, before: float, limit: int = 1000) -> Sequence[Trashed]:
        return await self._writer.run(lambda txn: self._trash.expire(txn, before, limit), durable=True)

    # --- the change log ---

    async def changes(self, after: int = 0, limit: int = 1000) -> Sequence[Change]:
        with self._env.begin() as txn:
            found = first(items(txn, self._db["changes"], sequence_key(after + 1)), limit)
            return [records.unpack_change(int.from_bytes(key, "big"), record) for key, record in found]

    async def latest_change(self) -> int:
        with self._env.begin() as txn:
            return self._ledger.latest_change(txn)

    async def changed(self, repository: str) -> int:
        with self._env.begin() as txn:
            return self._ledger.changed(txn, repository)

    async def prune_changes(self, before: int, limit: int = 1000) -> int:
        return await self._writer.run(lambda txn: self._do.prune_changes(txn, before, limit), durable=False)

    # --- blobs ---

    async def blob(self, digest: Digest) -> BlobRecord | None:
        with self._env.begin() as txn:
            return self._ledger.blob(txn, bytes.fromhex(digest.hex))

    async def blobs(self, after: str = "", limit: int = 1000) -> Sequence[BlobRecord]:
        return self._blob_records("blobs", after, limit)

    async def loose(self, after: str = "", limit: int = 1000) -> Sequence[BlobRecord]:
        return self._blob_records("loose", after, limit)

    def _blob_records(self, database: str, after: str, limit: int) -> Sequence[BlobRecord]:
        start = bytes.fromhex(after)
        with self._env.begin() as txn:
            others = (pair for pair in items(txn, self._db[database], start) if pair[0] != start)
            return [blob for key, _ in first(others, limit) if (blob := self._ledger.blob(txn, key))]

    async def forget_blob(self, digest: Digest) -> bool:
        key = bytes.fromhex(digest.hex)
        return await self._writer.run(lambda txn: self._do.forget_blob(txn, key), durable=True)

    async def miscounts(self) -> Sequence[Miscount]:
        return await offload(self._miscounts)

    def _miscounts(self) -> Sequence[Miscount]:
        wrong: list[Miscount] = []
        with self._env.begin() as txn:
            blobs = txn.stat(self._db["blobs"])["entries"]
        for share in census.shares(blobs):
            with self._env.begin() as txn:
                wrong += census.miscounts(txn, self._db, share)
        return wrong

    async def recount(self) -> Sequence[Miscount]:
        return await self._writer.run(self._do.recount, durable=True)

    async def drop(self, digests: Collection[Digest], when: float) -> Sequence[Entry]:
        keys = frozenset(bytes.fromhex(digest.hex) for digest in digests)
        return await self._writer.run(lambda txn: self._do.drop(txn, keys, when), durable=True)

    async def figures(self) -> Figures:
        return await offload(self._figures)

    def _figures(self) -> Figures:
        with self._env.begin() as txn:
            return census.figures(txn, self._db)

    # --- downloads ---

    async def download(self, repository: str, path: str) -> Download | None:
        record = self._read("downloads", entry_key(repository, path))
        return None if record is None else records.unpack_download(record)

    async def put_download(self, download: Download) -> None:
        await self._writer.run(lambda txn: self._do.put_download(txn, download), durable=False)

    async def downloads(self, after: Download | None = None, limit: int = 1000) -> Sequence[Download]:
        start = entry_key(after.repository, after.path) if after is not None else b""
        with self._env.begin() as txn:
            others = (pair for pair in items(txn, self._db["downloads"], start) if pair[0] != start)
            return [records.unpack_download(record) for _, record in first(others, limit)]

    async def forget_download(self, download: Download) -> None:
        await self._writer.run(lambda txn: self._do.forget_download(txn, download), durable=False)

    # --- choices, accounts and notes ---

    async def choice(self, repository: str, path: str) -> str:
        return records.unpack_choice(self._read("choices", entry_key(repository, path)))

    async def choose(self, repository: str, path: str, chosen: str) -> None:
        key = entry_key(repository, path)
        await self._writer.run(lambda txn: self._do.choose(txn, key, chosen), durable=False)

    async def account(self, name: str) -> Account | None:
        key = name.encode()
        record = self._read("accounts", key) if 0 < len(key) <= MAX_KEY else None
        return None if record is None else records.unpack_account(record)

    async def put_account(self, account: Account) -> None:
        await self._writer.run(lambda txn: self._do.put_account(txn, account), durable=True)

    async def note(self, name: str) -> bytes | None:
        return self._read("notes", name.encode())

    async def put_note(self, name: str, value: bytes) -> None:
        await self._writer.run(lambda txn: self._do.put_note(txn, name, value), durable=False)

    async def close(self) -> None:
        """Everything that was asked before is committed; the environment is closed. Safe to call twice."""
        with suppress(StoreFull, Unavailable):  # a time is no reason not to close
            await self.flush_served()
        await self._writer.close()
        self._env.close()

    def _read(self, database: str, key: bytes) -> bytes | None:
        with self._env.begin(db=self._db[database]) as txn:
            record = txn.get(key)
            return None if record is None else bytes(record)


def _reserve(lock_file: Path) -> None:
    """The disk has room for all of LMDB's lock file, which it writes through a map: a full disk would end the process
    by SIGBUS. To be called before the environment is opened: closing a descriptor of the file afterwards would drop
    LMDB's own lock on it (`fcntl(2)`). Raises StoreFull."""
    with full_is_an_error("the index"), open(lock_file, "ab") as file:
        os.posix_fallocate(file.fileno(), 0, _LOCK_FILE)


def _open(data: Path, map_size: int) -> lmdb.Environment:
    folder = index_folder(data)
    try:
        _reserve(folder / "lock.mdb")
        return lmdb.open(
            str(folder),
            map_size=map_size,
            max_dbs=len(DATABASES),
            max_readers=_READERS,
            metasync=False,
            readahead=False,  # look-ups are random; read-ahead would evict what is hot
        )
    except (lmdb.Error, OSError) as error:
        raise Unavailable(f"the index in {folder} cannot be opened: {error}") from error
