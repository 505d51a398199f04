"""What tests of the store, and of what stands on it, start from."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from mxart.model import Digest, Entry
from mxart.store import Offer, Store
from mxart.store.blobs import FileBlobs
from mxart.store.incoming import IncomingFile
from mxart.store.index import LmdbIndex
from mxart.store.layout import locks_folder, make_folders
from mxart.store.locks import FileLocks

MAP_SIZE = 64 << 20  # bytes
WHEN = 3000.0  # UTC seconds, when tests publish


def open_store(data: Path, map_size: int = MAP_SIZE) -> Store:
    """A store of files and LMDB, open in this process; its folders are made."""
    make_folders(data)
    return Store(data, FileBlobs(data), LmdbIndex(data, map_size), FileLocks(locks_folder(data)))


def digest_of(data: bytes) -> Digest:
    return Digest("sha256", hashlib.sha256(data).hexdigest())


def entry_of(path: str, data: bytes | None, repository: str = "go", **fields: Any) -> Entry:
    """An entry that names ``data``, or an absence (None)."""
    if data is None:
        return Entry(repository=repository, path=path, absent=404, **fields)
    return Entry(repository=repository, path=path, digest=digest_of(data), size=len(data), **fields)


async def keep(store: Store, path: str, data: bytes, repository: str = "go", **fields: Any) -> Entry:
    """``data`` stored and entered, as a download or a publish does it."""
    incoming = await IncomingFile.create(store.path, "d")
    await incoming.append(data)
    incoming.close()
    return await store.enter(entry_of(path, data, repository, **fields), incoming.path, durable=True)


async def offered(store: Store, path: str, data: bytes, **fields: bool) -> tuple[Offer, Path]:
    """An offer of ``data``, and the upload that holds it."""
    incoming = await IncomingFile.create(store.path, "u")
    await incoming.append(data)
    incoming.close()
    return Offer(entry_of(path, data), **fields), incoming.path


async def publish(store: Store, contents: Mapping[str, bytes]) -> Sequence[Entry]:
    """What is new of ``contents`` (path → bytes), published at once; the uploads are gone in any case."""
    offers = [await offered(store, path, data) for path, data in contents.items()]
    try:
        return await store.publish(offers, WHEN)
    finally:
        for _, file in offers:
            file.unlink(missing_ok=True)
