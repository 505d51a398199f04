"""What the writer does inside one transaction with what is deleted: into the trash, out of it again, and forgotten.

What was withdrawn together has consecutive ids, and comes back together or not at all.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace

import lmdb

from mxart.errors import Conflict, NotFound
from mxart.model import Entry
from mxart.store import Trashed, records
from mxart.store.cursors import below
from mxart.store.layout import entry_key, entry_prefix, sequence_key
from mxart.store.ledger import Ledger
from mxart.store.tombstones import tombstone


class Trash:
    """Functions of an open write transaction."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._trash = ledger.databases["trash"]

    def delete(self, txn: lmdb.Transaction, repository: str, path: str, when: float) -> Trashed | None:
        entry = self._ledger.entry(txn, entry_key(repository, path))
        if entry is None:
            return None
        sequence = self._ledger.remove(txn, entry, when)
        trashed = Trashed(sequence, entry, when, batch=sequence)
        if entry.digest is not None:  # a remembered absence is simply forgotten
            self._throw(txn, trashed)
        return trashed

    def withdraw(
        self, txn: lmdb.Transaction, repository: str, paths: Sequence[str], when: float, alike: Collection[str]
    ) -> list[Trashed]:
        standing = self._standing(txn, [(repository, path) for path in paths])
        standing += self._alike(txn, repository, standing, alike)
        batch = self._ledger.latest_change(txn) + 1
        return [self._withdraw(txn, entry, when, (batch, len(standing))) for entry in standing]

    def prune(self, txn: lmdb.Transaction, places: Collection[tuple[str, str]], when: float) -> None:
        """What stands at the places (repository, path) is in the trash as one batch, and nothing remembers it there."""
        standing = self._standing(txn, places)
        batch = self._ledger.latest_change(txn) + 1
        for entry in standing:
            self._throw(txn, Trashed(self._ledger.remove(txn, entry, when), entry, when, batch, len(standing)))

    def _standing(self, txn: lmdb.Transaction, places: Collection[tuple[str, str]]) -> list[Entry]:
        """The content at those places, each once."""
        keys = (entry_key(repository, path) for repository, path in dict.fromkeys(places))
        return [entry for key in keys if (entry := self._ledger.entry(txn, key)) is not None and entry.digest]

    def _alike(
        self, txn: lmdb.Transaction, repository: str, standing: Sequence[Entry], prefixes: Collection[str]
    ) -> list[Entry]:
        """Further entries with the content of these, whose paths begin with one of the prefixes."""
        digests = {entry.digest for entry in standing}
        paths = {entry.path for entry in standing}
        further: dict[str, Entry] = {}
        for prefix in prefixes if standing else ():
            keys = entry_prefix(repository, prefix)
            for _, record in below(txn, self._ledger.databases["entries"], keys):
                entry = records.unpack_entry(record)
                if entry.digest in digests and entry.path.startswith(prefix) and entry.path not in paths:
                    further[entry.path] = entry
        return list(further.values())

    def _withdraw(self, txn: lmdb.Transaction, entry: Entry, when: float, batch: tuple[int, int]) -> Trashed:
        assert entry.digest is not None
        sequence = self._ledger.remove(txn, entry, when)
        self._ledger.write(txn, replace(tombstone(entry, entry.digest, when), sequence=sequence))
        trashed = Trashed(sequence, entry, when, *batch)
        self._throw(txn, trashed)
        return trashed

    def restore(self, txn: lmdb.Transaction, trash_id: int, when: float) -> list[Entry]:
        asked = self._item(txn, trash_id)
        if asked is None:
            raise NotFound(f"the trash has no item {trash_id}: see what it has with `mxart trash list`")
        ids = range(asked.batch, asked.batch + asked.batch_size)
        batch = [item for number in ids if (item := self._item(txn, number)) is not None]
        if len(batch) < asked.batch_size:
            raise NotFound(
                f"of the {asked.batch_size} that were deleted with {asked.entry.path}, the trash has only {len(batch)} "
                "any more, and they come back together or not at all: publish them again"
            )
        return [self._restore(txn, trashed, when) for trashed in batch]

    def _restore(self, txn: lmdb.Transaction, trashed: Trashed, when: float) -> Entry:
        entry = trashed.entry
        stands = self._ledger.entry(txn, entry_key(entry.repository, entry.path))
        txn.delete(sequence_key(trashed.id), db=self._trash)
        if stands is not None and stands.digest == entry.digest:  # published again since
            self._ledger.refer(txn, entry, -1)
            return stands
        if stands is not None and stands.digest is not None:
            raise Conflict(f"{entry.path} in {entry.repository} has other content by now: delete that first")
        entry = replace(entry, sequence=self._ledger.log(txn, entry, "restore", when))
        self._ledger.write(txn, entry)  # the reference of the trash passes to it
        return entry

    def expire(self, txn: lmdb.Transaction, before: float, limit: int) -> list[Trashed]:
        expired: list[Trashed] = []
        cursor = txn.cursor(db=self._trash)
        for key, record in cursor.iternext():  # in the order of deletion
            trashed = records.unpack_trashed(int.from_bytes(key, "big"), record)
            if trashed.deleted >= before or len(expired) == limit:
                break
            expired.append(trashed)
        for trashed in expired:
            txn.delete(sequence_key(trashed.id), db=self._trash)
            self._ledger.refer(txn, trashed.entry, -1, since=trashed.deleted)
        return expired

    def _throw(self, txn: lmdb.Transaction, trashed: Trashed) -> None:
        """Its reference passes from the entry to the trash."""
        txn.put(sequence_key(trashed.id), records.pack_trashed(trashed), db=self._trash)

    def _item(self, txn: lmdb.Transaction, trash_id: int) -> Trashed | None:
        record = txn.get(sequence_key(trash_id), db=self._trash)
        return None if record is None else records.unpack_trashed(trash_id, record)
