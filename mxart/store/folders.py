"""One folder of a repository, a page at a time, without reading what lies deeper.

What lies below a folder has its names in the order of its keys, so the walk goes from name to name, and leaps over all
that a folder holds once something in it is shown. Only where keys are cut (``layout.py``) their order is that of
digests: those that begin alike, up to the cut, are a *bundle*, which is read as a whole.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from operator import attrgetter
from typing import Any

import lmdb

from mxart.model import Child, Entry
from mxart.store import records
from mxart.store.cursors import below
from mxart.store.layout import MAX_PREFIX, beyond, entry_prefix
from mxart.store.records import Record

Databases = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Asked:
    """The page that somebody wants: see `Index.children`."""

    repository: str
    folder: str
    after: str
    limit: int
    shown: Callable[[Entry], bool]


def children(txn: lmdb.Transaction, databases: Databases, asked: Asked) -> list[Child]:
    """The page."""
    # strings compare by code points, which is the order of their UTF-8; what stands at the path of the folder itself
    # would have the name "", and that comes after nothing
    following = (child for child in _walk(txn, databases, asked) if child.name > asked.after)
    return list(islice(following, asked.limit))


def _walk(txn: lmdb.Transaction, databases: Databases, asked: Asked) -> Iterator[Child]:
    """What lies below the folder, in order, from about ``after`` on."""
    within = entry_prefix(asked.repository, asked.folder)
    cursor = txn.cursor(db=databases["entries"])
    going = cursor.set_range(_start(asked))
    while going and (key := bytes(cursor.key())).startswith(within):
        segment, slash, _ = key[len(within) : MAX_PREFIX].partition(b"/")
        prefix = within + segment + slash
        if slash:
            if any(asked.shown(entry) for entry in _entries(txn, databases, prefix)):
                yield Child((segment + slash).decode(), None)
            going = cursor.set_range(beyond(prefix))
        elif len(key) < MAX_PREFIX:
            entry = _entry(txn, databases, key, cursor.value())
            if asked.shown(entry):
                yield Child(segment.decode(), entry)
            going = cursor.next()
        else:
            yield from _bundle(txn, databases, prefix, asked)
            going = cursor.set_range(beyond(prefix))


def _start(asked: Asked) -> bytes:
    """Where the walk begins: no key before it belongs to what comes after ``after``."""
    prefix = entry_prefix(asked.repository, asked.folder + asked.after)
    whole = len(prefix) < MAX_PREFIX
    return beyond(prefix) if whole and asked.after.endswith("/") else prefix


def _bundle(txn: lmdb.Transaction, databases: Databases, prefix: bytes, asked: Asked) -> list[Child]:
    """Those of the folder's children that have keys in the bundle: the first ``limit`` after ``after``, in order."""
    found: list[Child] = []
    for entry in _entries(txn, databases, prefix):
        if not entry.path.startswith(asked.folder):
            continue  # of another folder, from which only the cut-off ends tell it
        segment, slash, _ = entry.path[len(asked.folder) :].partition("/")
        child = Child(segment + slash, None if slash else entry)
        place = bisect_left(found, child.name, key=attrgetter("name"))
        known = found[place : place + 1]
        if child.name <= asked.after or (known and known[0].name == child.name):
            continue
        if asked.shown(entry):
            found.insert(place, child)
            del found[asked.limit :]  # of a bundle of any size, no more than a page is ever held
    return found


def _entries(txn: lmdb.Transaction, databases: Databases, prefix: bytes) -> Iterator[Entry]:
    return (_entry(txn, databases, key, record) for key, record in below(txn, databases["entries"], prefix))


def _entry(txn: lmdb.Transaction, databases: Databases, key: bytes, record: Record) -> Entry:
    return records.unpack_entry(record, records.unpack_time(txn.get(key, db=databases["served"])))
