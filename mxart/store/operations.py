"""What the writer does inside one transaction: with entries, blobs and small records, by way of ``ledger.py``. What it
does with the trash is in ``trash.py``."""

from __future__ import annotations

import time
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace

import lmdb

from mxart.model import Entry
from mxart.store import Account, Download, Miscount, Missing, Offer, records
from mxart.store.census import miscounts, naming, shares
from mxart.store.cursors import below
from mxart.store.layout import entry_key, entry_prefix, sequence_key
from mxart.store.ledger import Ledger
from mxart.store.tombstones import is_new

Place = tuple[str, str]  # repository and path

_MOST_NAMED = 100  # places that one error names


class Operations:
    """Functions of an open write transaction."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._db = ledger.databases

    # --- entries ---

    def put(self, txn: lmdb.Transaction, entry: Entry, others: Sequence[Entry]) -> Entry:
        put = self._ledger.put(txn, entry)
        for other in others:
            stands = self._ledger.entry(txn, entry_key(other.repository, other.path))
            if stands is None or stands.digest != other.digest:
                self._ledger.put(txn, other)
        return put

    def publish(
        self,
        txn: lmdb.Transaction,
        offers: Sequence[Offer],
        when: float,
        drops: Collection[Place],
        needs: Collection[Place],
    ) -> list[Entry]:
        entries = (self._offer(txn, offer) for offer in offers)
        new = [entry for entry in entries if entry is not None]
        for repository, path in drops:
            entry = self._ledger.entry(txn, entry_key(repository, path))
            if entry is not None:
                self._discard(txn, entry, when)
        self._require(txn, needs)
        return new

    def _offer(self, txn: lmdb.Transaction, offer: Offer) -> Entry | None:
        stands = self._ledger.entry(txn, entry_key(offer.entry.repository, offer.entry.path))
        return self._ledger.put(txn, offer.entry) if is_new(offer, stands) else None

    def _discard(self, txn: lmdb.Transaction, entry: Entry, when: float, since: float | None = None) -> None:
        """It stands no more, and the trash has nothing of it; ``since`` as in `Ledger.refer`."""
        self._ledger.remove(txn, entry, when)
        self._ledger.refer(txn, entry, -1, since)

    def _require(self, txn: lmdb.Transaction, needs: Collection[Place]) -> None:
        missing = [place for place in dict.fromkeys(needs) if not self._has_content(txn, place)]
        if missing:
            repository, path = missing[0]
            raise Missing(
                f"{path} is not in {repository}, and what was to be published needs it: publish that first",
                tuple(path for _, path in missing[:_MOST_NAMED]),
            )

    def _has_content(self, txn: lmdb.Transaction, place: Place) -> bool:
        record = txn.get(entry_key(*place), db=self._db["entries"])
        return record is not None and records.unpack_named(record)[0] is not None

    def sweep(self, txn: lmdb.Transaction, repository: str, paths: Sequence[str], folder: str, before: float) -> int:
        swept: list[Entry] = []
        for path in paths:
            key = entry_key(repository, path)
            entry = self._ledger.entry(txn, key)
            served = records.unpack_time(txn.get(key, db=self._db["served"]))
            if entry is not None and max(entry.created, served) <= before:
                unused_since = max(entry.created, served)
                self._discard(txn, entry, time.time(), unused_since)
                swept.append(entry)
        if swept and folder and not self._has_any(txn, repository, folder):
            self._leave_trace(txn, swept[0], self._ledger.latest_change(txn))
        return len(swept)

    def _has_any(self, txn: lmdb.Transaction, repository: str, folder: str) -> bool:
        """Does anything stand below the folder, if only the memory of something?"""
        standing = below(txn, self._db["entries"], entry_prefix(repository, folder))
        return any(records.unpack_entry(record).path.startswith(folder) for _, record in standing)

    def _leave_trace(self, txn: lmdb.Transaction, entry: Entry, sequence: int) -> None:
        """An absence that forbids nothing, where the entry was, and that no proxy believes: nobody has confirmed it."""
        trace = Entry(repository=entry.repository, path=entry.path, absent=404, created=time.time())
        self._ledger.write(txn, replace(trace, sequence=sequence))

    def touch(self, txn: lmdb.Transaction, entry: Entry) -> None:
        key = entry_key(entry.repository, entry.path)
        stands = self._ledger.entry(txn, key)
        if stands is not None and stands.sequence == entry.sequence:
            txn.put(key, records.pack_entry(entry), db=self._db["entries"])

    def served(self, txn: lmdb.Transaction, batch: Mapping[tuple[str, str], float]) -> None:
        for (repository, path), when in batch.items():
            key = entry_key(repository, path)
            if txn.get(key, db=self._db["entries"]) is not None:  # else it was deleted since
                txn.put(key, records.pack_time(when), db=self._db["served"])

    # --- blobs ---

    def forget_blob(self, txn: lmdb.Transaction, key: bytes) -> bool:
        blob = self._ledger.blob(txn, key)
        if blob is not None and blob.references > 0:
            return False
        txn.delete(key, db=self._db["blobs"])
        txn.delete(key, db=self._db["loose"])
        return True

    def recount(self, txn: lmdb.Transaction) -> list[Miscount]:
        wrong: list[Miscount] = []
        for share in shares(txn.stat(self._db["blobs"])["entries"]):
            wrong += miscounts(txn, self._db, share)
        for blob in wrong:
            key = bytes.fromhex(blob.digest.hex)
            if blob.references or blob.recorded is not None:
                self._ledger.count(txn, key, blob.size, blob.references, time.time())
            else:
                txn.delete(key, db=self._db["loose"])
        return wrong

    def drop(self, txn: lmdb.Transaction, keys: frozenset[bytes], when: float) -> list[Entry]:
        entry_keys, trash_keys = naming(txn, self._db, keys)
        gone: list[Entry] = []
        for key in entry_keys:
            if (entry := self._ledger.entry(txn, key)) is not None:
                self._leave_trace(txn, entry, self._ledger.remove(txn, entry, when))
                gone.append(entry)
        for key in trash_keys:
            if (record := txn.get(key, db=self._db["trash"])) is not None:
                gone.append(records.unpack_trashed(int.from_bytes(key, "big"), record).entry)
            txn.delete(key, db=self._db["trash"])
        for key in keys:
            txn.delete(key, db=self._db["blobs"])
            txn.delete(key, db=self._db["loose"])
        return gone

    # --- the rest ---

    def put_download(self, txn: lmdb.Transaction, download: Download) -> None:
        key = entry_key(download.repository, download.path)
        txn.put(key, records.pack_download(download), db=self._db["downloads"])

    def forget_download(self, txn: lmdb.Transaction, download: Download) -> None:
        key = entry_key(download.repository, download.path)
        record = txn.get(key, db=self._db["downloads"])
        if record is not None and records.unpack_download(record) == download:
            txn.delete(key, db=self._db["downloads"])

    def put_account(self, txn: lmdb.Transaction, account: Account) -> None:
        txn.put(account.name.encode(), records.pack_account(account), db=self._db["accounts"])

    def put_note(self, txn: lmdb.Transaction, name: str, value: bytes) -> None:
        txn.put(name.encode(), value, db=self._db["notes"])

    def choose(self, txn: lmdb.Transaction, key: bytes, chosen: str) -> None:
        if chosen:
            txn.put(key, records.pack_choice(chosen), db=self._db["choices"])
        else:
            txn.delete(key, db=self._db["choices"])

    def prune_changes(self, txn: lmdb.Transaction, before: int, limit: int) -> int:
        cursor = txn.cursor(db=self._db["changes"])
        number = 0
        while number < limit and cursor.first() and bytes(cursor.key()) < sequence_key(before):
            cursor.delete()
            number += 1
        return number
