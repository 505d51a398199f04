"""The stores of a configuration: made once, in a process of its own before any worker, then opened in each."""

from __future__ import annotations

import asyncio
import logging
import os
import secrets
import time
from pathlib import Path

from mxart.access.bootstrap import first_admin, token_key
from mxart.errors import StoreFull, Unavailable
from mxart.settings import Settings, StoreSettings
from mxart.store import Store, reserve
from mxart.store.blobs import FileBlobs
from mxart.store.index import LmdbIndex
from mxart.store.layout import admin_password_path, index_folder, locks_folder, make_folders
from mxart.store.locks import FileLocks

log = logging.getLogger("mxart")

_LEAST_FREE = 16 * 1024 * 1024  # bytes of disk without which a server is not ready


def prepare(settings: Settings) -> None:
    """Every store exists and has what a first start makes; run before any worker. Raises OSError, MxartError."""
    asyncio.run(_prepare(settings))


async def _prepare(settings: Settings) -> None:
    for store_settings in settings.stores.values():
        _make(store_settings)
        store = open_store(store_settings)
        try:
            if await store.index.note("instance") is None:
                await store.index.put_note("instance", secrets.token_hex(8).encode())
            if store_settings == home(settings):
                await _first_start(store)
                await token_key(store.index)
            reserve.keep(store.path)
        finally:
            await store.index.close()


def _make(settings: StoreSettings) -> None:
    """The store's folders exist, and an index that is still to come has room. Raises Unavailable, StoreFull."""
    try:
        make_folders(settings.path)
        is_new = not any(index_folder(settings.path).iterdir())
    except OSError as error:
        raise Unavailable(
            f"the store {settings.name} cannot be kept in {settings.path}: {error.strerror}; "
            "want a folder in which this user may write"
        ) from error
    if is_new:
        check_room(settings.name, settings.path)  # sooner, and in plainer words, than the first write would say it


def check_room(name: str, path: Path) -> None:
    """Raises StoreFull when the disk of the store has next to no room left."""
    stat = os.statvfs(path)
    if stat.f_bavail * stat.f_frsize < _LEAST_FREE:
        raise StoreFull(f"the disk of the store {name} is full: free some space in {path}")


async def _first_start(store: Store) -> None:
    file = admin_password_path(store.path)
    if await first_admin(store.index, file, time.time()) is not None:
        log.warning("made the user admin; the password is in %s", file)


def home(settings: Settings) -> StoreSettings:
    """The store that holds what is the server's own, as its accounts."""
    return settings.stores.get("default") or next(iter(settings.stores.values()))


def open_store(settings: StoreSettings) -> Store:
    """The store, open in this process. Its folders exist already. Close its index when done."""
    return Store(
        path=settings.path,
        blobs=FileBlobs(settings.path),
        index=LmdbIndex(settings.path, settings.index_size),
        locks=FileLocks(locks_folder(settings.path)),
    )
