"""Walks over a database of the index, in key order."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import takewhile
from typing import Any

import lmdb


def items(txn: lmdb.Transaction, database: Any, start: bytes = b"") -> Iterator[tuple[bytes, bytes]]:
    """Key and record from ``start`` on."""
    cursor = txn.cursor(db=database)
    if not (cursor.set_range(start) if start else cursor.first()):
        return
    for key, record in cursor.iternext():
        yield bytes(key), bytes(record)  # bytes already: no buffers were asked for


def below(txn: lmdb.Transaction, database: Any, prefix: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Those whose key begins with ``prefix``, which is not empty."""
    return takewhile(lambda pair: pair[0].startswith(prefix), items(txn, database, prefix))


def first(pairs: Iterator[tuple[bytes, bytes]], limit: int) -> Iterator[tuple[bytes, bytes]]:
    """At most ``limit`` of them."""
    return (pair for _, pair in zip(range(limit), pairs, strict=False))
