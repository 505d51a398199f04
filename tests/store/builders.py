"""What tests of the store, and of what stands on it, start from."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

from mxart.model import Digest, Entry
from mxart.store import Store
from mxart.store.blobs import FileBlobs
from mxart.store.incoming import IncomingFile
from mxart.store.index import LmdbIndex
from mxart.store.layout import locks_folder, make_folders
from mxart.store.locks import FileLocks

MAP_SIZE = 64 << 20  # bytes


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
