"""What a repository holds, out of its store: entries below a path, and a blob opened for a client."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from email.utils import formatdate

from mxart.contract import Policy
from mxart.model import Blob, Entry
from mxart.store import Index, Store

log = logging.getLogger("mxart.repository")

_PAGE = 200  # entries: about a millisecond of the event loop


async def below(index: Index, repository: str, prefix: str) -> Sequence[Entry]:
    """All entries whose paths begin with ``prefix``, absences included. Read page by page, others having their turn
    between two: what changes meanwhile can be seen in part."""
    found: list[Entry] = []
    last = ""
    while page := await index.list(repository, prefix, last, _PAGE):
        found += page
        last = page[-1].path
        if len(page) == _PAGE:
            await asyncio.sleep(0)  # reading the index waits for nothing
    return found


def opened(store: Store, entry: Entry, media_type: str, now: float) -> Blob | None:
    """The entry's blob, noted as served at ``now`` (UTC seconds). None when it has none, and when the store has lost
    it: then the log says so."""
    if entry.digest is None:
        return None
    file = store.blobs.open(entry.digest, entry.size)
    if file is None:
        log.error("%s/%s: its blob %s is missing or damaged", entry.repository, entry.path, entry.digest)
        return None
    store.index.served(entry, now)
    return Blob(
        file=file,
        size=entry.size,
        digest=entry.digest,
        media_type=media_type,
        last_modified=entry.last_modified,
        facts=entry.facts,
        checksums=entry.checksums,
    )


def media_type_of(entry: Entry, policy: Policy) -> str:
    """What clients are told: what the content says of itself where the policy goes by that."""
    return (policy.typed and entry.media_type) or policy.media_type


def readable(store: Store, entry: Entry) -> bool:
    """Does the store have the entry's blob?"""
    file = store.blobs.open(entry.digest, entry.size) if entry.digest is not None else None
    if file is not None:
        file.close()
    return file is not None


def date_field(instant: float) -> str:
    """UTC seconds as HTTP writes them (RFC 9110 §5.6.7).

    >>> date_field(1_700_000_000.9)
    'Tue, 14 Nov 2023 22:13:20 GMT'
    """
    return formatdate(int(instant), usegmt=True)
