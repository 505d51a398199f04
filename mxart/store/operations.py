"""What the writer does inside one transaction: entries, references, change log and trash, kept in step.

The rules that hold at every commit: a blob's references are the entries and trashed entries that name it; a blob that
nothing names is in ``loose``; each change of an entry has its line in ``changes``.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import lmdb

from mxart.model import Digest, Entry
from mxart.store import Account, BlobRecord, Change, Download, Miscount, Trashed, records
from mxart.store.census import miscounts, naming, shares
from mxart.store.layout import entry_key, sequence_key

_SEQUENCE = b"sequence"


class Operations:
    """Functions of an open write transaction (`blob`: of any)."""

    def __init__(self, databases: Mapping[str, Any]) -> None:
        self._db = databases

    # --- entries ---

    def put(self, txn: lmdb.Transaction, entry: Entry) -> Entry:
        key = entry_key(entry.repository, entry.path)
        old = self._entry(txn, key)
        when = entry.checked or entry.created
        sequence = self._log(txn, entry, "absent" if entry.digest is None else "put", when)
        entry = replace(entry, sequence=sequence)
        txn.put(key, records.pack_entry(entry), db=self._db["entries"])
        self._refer(txn, entry, +1)  # before the old one lets go: they may name the same blob
        if old is not None:
            self._refer(txn, old, -1)
        txn.delete(key, db=self._db["downloads"])
        return entry

    def touch(self, txn: lmdb.Transaction, entry: Entry) -> None:
        key = entry_key(entry.repository, entry.path)
        stands = self._entry(txn, key)
        if stands is not None and stands.sequence == entry.sequence:
            txn.put(key, records.pack_entry(entry), db=self._db["entries"])

    def served(self, txn: lmdb.Transaction, batch: Mapping[tuple[str, str], float]) -> None:
        for (repository, path), when in batch.items():
            key = entry_key(repository, path)
            if txn.get(key, db=self._db["entries"]) is not None:  # else it was deleted since
                txn.put(key, records.pack_time(when), db=self._db["served"])

    def delete(self, txn: lmdb.Transaction, repository: str, path: str, when: float) -> Trashed | None:
        key = entry_key(repository, path)
        entry = self._entry(txn, key)
        if entry is None:
            return None
        txn.delete(key, db=self._db["entries"])
        txn.delete(key, db=self._db["served"])
        trashed = Trashed(self._log(txn, entry, "delete", when), entry, when)
        if entry.digest is not None:  # a remembered absence is simply forgotten
            txn.put(sequence_key(trashed.id), records.pack_trashed(trashed), db=self._db["trash"])
        return trashed

    def restore(self, txn: lmdb.Transaction, trash_id: int, when: float) -> Entry | Trashed | None:
        """The restored entry; the trashed item itself when another entry is in its place; None when it is not there."""
        record = txn.get(sequence_key(trash_id), db=self._db["trash"])
        if record is None:
            return None
        trashed = records.unpack_trashed(trash_id, record)
        key = entry_key(trashed.entry.repository, trashed.entry.path)
        stands = self._entry(txn, key)
        if stands is not None and stands.digest is not None:
            return trashed
        entry = replace(trashed.entry, sequence=self._log(txn, trashed.entry, "restore", when))
        txn.put(key, records.pack_entry(entry), db=self._db["entries"])
        txn.delete(sequence_key(trash_id), db=self._db["trash"])  # its reference passes to the entry
        return entry

    def expire_trash(self, txn: lmdb.Transaction, before: float, limit: int) -> list[Trashed]:
        expired: list[Trashed] = []
        cursor = txn.cursor(db=self._db["trash"])
        for key, record in cursor.iternext():  # in the order of deletion
            trashed = records.unpack_trashed(int.from_bytes(key, "big"), record)
            if trashed.deleted >= before or len(expired) == limit:
                break
            expired.append(trashed)
        for trashed in expired:
            txn.delete(sequence_key(trashed.id), db=self._db["trash"])
            self._refer(txn, trashed.entry, -1, since=trashed.deleted)
        return expired

    # --- blobs ---

    def blob(self, txn: lmdb.Transaction, key: bytes) -> BlobRecord | None:
        record = txn.get(key, db=self._db["blobs"])
        if record is None:
            return None
        return records.unpack_blob(key, record, records.unpack_time(txn.get(key, db=self._db["loose"])))

    def forget_blob(self, txn: lmdb.Transaction, key: bytes) -> bool:
        blob = self.blob(txn, key)
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
                self._count(txn, key, blob.size, blob.references, time.time())
            else:
                txn.delete(key, db=self._db["loose"])
        return wrong

    def drop(self, txn: lmdb.Transaction, keys: frozenset[bytes], when: float) -> list[Entry]:
        entry_keys, trash_keys = naming(txn, self._db, keys)
        gone: list[Entry] = []
        for key in entry_keys:
            if (entry := self._entry(txn, key)) is not None:
                self._log(txn, entry, "delete", when)
                gone.append(entry)
            txn.delete(key, db=self._db["entries"])
            txn.delete(key, db=self._db["served"])
        for key in trash_keys:
            if (record := txn.get(key, db=self._db["trash"])) is not None:
                gone.append(records.unpack_trashed(int.from_bytes(key, "big"), record).entry)
            txn.delete(key, db=self._db["trash"])
        for key in keys:
            txn.delete(key, db=self._db["blobs"])
            txn.delete(key, db=self._db["loose"])
        return gone

    def _refer(self, txn: lmdb.Transaction, entry: Entry, step: int, since: float | None = None) -> None:
        """One more or one less names the entry's blob; the last one has let go of it at ``since`` (None: now)."""
        if entry.digest is None:
            return
        key = bytes.fromhex(entry.digest.hex)
        blob = self.blob(txn, key)
        references = max(0, (0 if blob is None else blob.references) + step)
        self._count(txn, key, entry.size, references, time.time() if since is None else since)

    def _count(self, txn: lmdb.Transaction, key: bytes, size: int, references: int, since: float) -> None:
        txn.put(key, records.pack_blob(size, references), db=self._db["blobs"])
        if references:
            txn.delete(key, db=self._db["loose"])
        else:
            txn.put(key, records.pack_time(since), db=self._db["loose"])

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

    def _entry(self, txn: lmdb.Transaction, key: bytes) -> Entry | None:
        record = txn.get(key, db=self._db["entries"])
        return None if record is None else records.unpack_entry(record)

    def latest_change(self, txn: lmdb.Transaction) -> int:
        return records.unpack_number(txn.get(_SEQUENCE, db=self._db["meta"]))

    def prune_changes(self, txn: lmdb.Transaction, before: int, limit: int) -> int:
        cursor = txn.cursor(db=self._db["changes"])
        number = 0
        while number < limit and cursor.first() and bytes(cursor.key()) < sequence_key(before):
            cursor.delete()
            number += 1
        return number

    def _log(self, txn: lmdb.Transaction, entry: Entry, action: str, when: float) -> int:
        """Append to the change log; returns the sequence number."""
        sequence = self.latest_change(txn) + 1
        txn.put(_SEQUENCE, records.pack_number(sequence), db=self._db["meta"])
        digest: Digest | None = entry.digest
        change = Change(sequence, entry.repository, entry.path, action, digest, when)
        txn.put(sequence_key(sequence), records.pack_change(change), db=self._db["changes"], append=True)
        return sequence
