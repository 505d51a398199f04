"""Counting what names each blob, in one transaction, and what the whole index holds.

A census of a large store is taken in shares, each over a range of digests, so that its counts fit into memory. A share
is right by itself: what names a blob of it, and what its record says, are read in the same transaction.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from itertools import chain, pairwise
from typing import Any

import lmdb

from mxart.model import Digest
from mxart.store import Figures, Holding, Miscount, records
from mxart.store.cursors import items
from mxart.store.layout import beyond, entry_prefix, key_package

_MOST = 250_000  # blobs in a share: some 60 MB

Databases = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Share:
    """The digests whose first four bytes are in ``[start, stop)``."""

    start: int
    stop: int

    def __contains__(self, key: bytes) -> bool:
        return self.start <= int.from_bytes(key[:4], "big") < self.stop


def shares(blobs: int, most: int = _MOST) -> Iterator[Share]:
    """Shares that together have every digest; with ``blobs`` in all, each has about ``most`` at most.

    >>> [(share.start, share.stop) for share in shares(5, most=3)]
    [(0, 2147483648), (2147483648, 4294967296)]
    """
    number = max(1, -(-blobs // most))
    borders = [(i << 32) // number for i in range(number + 1)]
    return (Share(start, stop) for start, stop in pairwise(borders))


def miscounts(txn: lmdb.Transaction, databases: Databases, share: Share) -> list[Miscount]:
    """The blobs of the share whose record is not what entries and trash say."""
    named = _named(txn, databases, share)
    wrong: list[Miscount] = []
    for key, record in _within(txn, databases["blobs"], share):
        blob = records.unpack_blob(key, record)
        size, references = named.pop(key, (blob.size, 0))
        loose = txn.get(key, db=databases["loose"]) is not None
        if (blob.size, blob.references, loose) != (size, references, references == 0):
            wrong.append(Miscount(blob.digest, size, references, blob.references))
    for key, (size, references) in named.items():
        wrong.append(Miscount(Digest("sha256", key.hex()), size, references, None))
    for key, _ in _within(txn, databases["loose"], share):
        if key not in named and txn.get(key, db=databases["blobs"]) is None:
            wrong.append(Miscount(Digest("sha256", key.hex()), 0, 0, None))
    return wrong


def naming(txn: lmdb.Transaction, databases: Databases, keys: Collection[bytes]) -> tuple[list[bytes], list[bytes]]:
    """The keys of the entries, and those of the trash, that name one of these blobs."""
    entries = [key for key, record in items(txn, databases["entries"]) if records.unpack_named(record)[0] in keys]
    trash = [key for key, record in items(txn, databases["trash"]) if records.unpack_trashed_named(record)[0] in keys]
    return entries, trash


def figures(txn: lmdb.Transaction, databases: Databases) -> Figures:
    """What the index holds, in numbers."""
    blobs = (records.unpack_blob(key, record) for key, record in items(txn, databases["blobs"]))
    blob_bytes = loose = loose_bytes = 0
    for blob in blobs:
        blob_bytes += blob.size
        loose += not blob.references
        loose_bytes += 0 if blob.references else blob.size
    return Figures(
        holdings=_holdings(txn, databases["entries"]),
        blobs=txn.stat(databases["blobs"])["entries"],
        blob_bytes=blob_bytes,
        loose=loose,
        loose_bytes=loose_bytes,
        trashed=txn.stat(databases["trash"])["entries"],
        trashed_bytes=sum(records.unpack_trashed_named(record)[1] for _, record in items(txn, databases["trash"])),
    )


def packages(txn: lmdb.Transaction, databases: Databases, repository: str, border: str) -> list[str]:
    """The packages of the repository that have content. Of each, as a rule, one entry is read."""
    found: list[str] = []
    within = entry_prefix(repository, "")
    cursor = txn.cursor(db=databases["entries"])
    going = cursor.set_range(within)
    while going and (key := bytes(cursor.key())).startswith(within):
        package = key_package(key, border)
        if package and records.unpack_named(cursor.value())[0] is not None:
            found.append(package)
            going = cursor.set_range(beyond(entry_prefix(repository, package + border)))
        else:
            going = cursor.next()
    return sorted(found)  # keys have "a-b/-/…" before "a/-/…"


def _holdings(txn: lmdb.Transaction, database: Any) -> tuple[Holding, ...]:
    counts: dict[str, list[int]] = {}
    for key, record in items(txn, database):
        digest, size = records.unpack_named(record)
        count = counts.setdefault(key.partition(b"\0")[0].decode(), [0, 0, 0])
        count[0 if digest is not None else 1] += 1
        count[2] += size
    return tuple(Holding(name, *count) for name, count in counts.items())


def _named(txn: lmdb.Transaction, databases: Databases, share: Share) -> dict[bytes, tuple[int, int]]:
    """What entries and trash name: the blob's key → its size in bytes, and how many name it."""
    named: dict[bytes, tuple[int, int]] = {}
    entries = (records.unpack_named(record) for _, record in items(txn, databases["entries"]))
    trash = (records.unpack_trashed_named(record) for _, record in items(txn, databases["trash"]))
    for key, size in chain(entries, trash):
        if key is not None and key in share:
            named[key] = size, named.get(key, (0, 0))[1] + 1
    return named


def _within(txn: lmdb.Transaction, database: Any, share: Share) -> Iterator[tuple[bytes, bytes]]:
    for key, record in items(txn, database, share.start.to_bytes(4, "big")):
        if key not in share:
            return
        yield key, record
