"""What a proxy remembers that its upstream did not have, forgotten when nobody has asked for it for long: else whoever
asks for ever new names fills the index."""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator

from mxart.store import Store

_PAGE = 1000  # entries


async def forget(store: Store, name: str, before: float, *, remove: bool) -> AsyncIterator[int]:
    """True after: the proxy ``name`` has no absence from before ``before`` (UTC seconds). Not ``remove``: they are only
    counted. Yields how many, page by page."""
    last = ""
    while page := await store.index.list(name, after=last, limit=_PAGE):
        last = page[-1].path
        old = [entry.path for entry in page if entry.digest is None and max(entry.created, entry.served) <= before]
        if old and remove:
            # whatever has come in the place of one since is younger, and spared by that
            yield await store.index.sweep(name, old, "", sys.maxsize, before) or 0
        elif old:
            yield len(old)
