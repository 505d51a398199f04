"""What every write of the index is made of: entries, what they refer to, and the change log, kept in step.

The rules that hold at every commit: a blob's references are the entries and trashed entries that name it; a blob that
nothing names is in ``loose``; each change of an entry has its line in ``changes``, and is the newest of its repository.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import lmdb

from mxart.model import Entry
from mxart.store import BlobRecord, Change, records
from mxart.store.cursors import items
from mxart.store.layout import SEQUENCE, changed_key, entry_key, sequence_key


class Ledger:
    """Functions of an open write transaction; those that only read, of any."""

    def __init__(self, databases: Mapping[str, Any]) -> None:
        self.databases = databases

    # --- entries ---

    def entry(self, txn: lmdb.Transaction, key: bytes) -> Entry | None:
        record = txn.get(key, db=self.databases["entries"])
        return None if record is None else records.unpack_entry(record)

    def put(self, txn: lmdb.Transaction, entry: Entry) -> Entry:
        """It stands, as a change; returns it with its sequence."""
        when = entry.checked or entry.created
        sequence = self.log(txn, entry, "absent" if entry.digest is None else "put", when)
        entry = replace(entry, sequence=sequence)
        self.stand(txn, entry)
        txn.delete(entry_key(entry.repository, entry.path), db=self.databases["downloads"])
        return entry

    def stand(self, txn: lmdb.Transaction, entry: Entry) -> None:
        """It stands in place of any other; the log has nothing of it."""
        key = entry_key(entry.repository, entry.path)
        old = self.entry(txn, key)
        self.write(txn, entry)
        self.refer(txn, entry, +1)  # before the old one lets go: they may name the same blob
        if old is not None:
            self.refer(txn, old, -1)

    def write(self, txn: lmdb.Transaction, entry: Entry) -> None:
        """Its record, and nothing else."""
        key = entry_key(entry.repository, entry.path)
        txn.put(key, records.pack_entry(entry), db=self.databases["entries"])

    def remove(self, txn: lmdb.Transaction, entry: Entry, when: float) -> int:
        """It stands no more; returns the sequence of that change. What it refers to is left to the caller."""
        key = entry_key(entry.repository, entry.path)
        txn.delete(key, db=self.databases["entries"])
        txn.delete(key, db=self.databases["served"])
        return self.log(txn, entry, "delete", when)

    # --- references ---

    def blob(self, txn: lmdb.Transaction, key: bytes) -> BlobRecord | None:
        record = txn.get(key, db=self.databases["blobs"])
        if record is None:
            return None
        return records.unpack_blob(key, record, records.unpack_time(txn.get(key, db=self.databases["loose"])))

    def refer(self, txn: lmdb.Transaction, entry: Entry, step: int, since: float | None = None) -> None:
        """One more or one less names the entry's blob; the last one has let go of it at ``since`` (None: now)."""
        if entry.digest is None:
            return
        key = bytes.fromhex(entry.digest.hex)
        blob = self.blob(txn, key)
        references = max(0, (0 if blob is None else blob.references) + step)
        self.count(txn, key, entry.size, references, time.time() if since is None else since)

    def count(self, txn: lmdb.Transaction, key: bytes, size: int, references: int, since: float) -> None:
        txn.put(key, records.pack_blob(size, references), db=self.databases["blobs"])
        if references:
            txn.delete(key, db=self.databases["loose"])
        else:
            txn.put(key, records.pack_time(since), db=self.databases["loose"])

    # --- the change log ---

    def latest_change(self, txn: lmdb.Transaction) -> int:
        return records.unpack_number(txn.get(SEQUENCE, db=self.databases["meta"]))

    def changed(self, txn: lmdb.Transaction, repository: str) -> int:
        return records.unpack_number(txn.get(changed_key(repository), db=self.databases["meta"]))

    def has_changed(self, txn: lmdb.Transaction, repository: str, folder: str, since: int) -> bool:
        """Has an entry whose path begins with ``folder`` changed after that sequence? True also when the repository has
        and the log does not reach back so far."""
        if self.changed(txn, repository) <= since:
            return False
        later = sequence_key(since + 1)
        if txn.get(later, db=self.databases["changes"]) is None:
            return True
        log = items(txn, self.databases["changes"], later)
        changes = (records.unpack_change(int.from_bytes(key, "big"), record) for key, record in log)
        return any(change.repository == repository and change.path.startswith(folder) for change in changes)

    def log(self, txn: lmdb.Transaction, entry: Entry, action: str, when: float) -> int:
        """Append to the change log; returns the sequence number."""
        sequence = self.latest_change(txn) + 1
        for key in (SEQUENCE, changed_key(entry.repository)):
            txn.put(key, records.pack_number(sequence), db=self.databases["meta"])
        change = Change(sequence, entry.repository, entry.path, action, entry.digest, when)
        txn.put(sequence_key(sequence), records.pack_change(change), db=self.databases["changes"], append=True)
        return sequence
