"""What has had its time in a hosted repository, by its own rules: found package by package, and put into the trash."""

from __future__ import annotations

from collections.abc import AsyncIterator

from mxart.contract import Format
from mxart.offload import offload
from mxart.repository.derived import is_derived
from mxart.repository.held import below
from mxart.repository.unused import Unused
from mxart.store import Store


async def prune(store: Store, name: str, format_: Format, now: float, *, remove: bool) -> AsyncIterator[Unused]:
    """True after: what had had its time at ``now`` (UTC seconds) in the repository ``name`` is in the trash, that of
    each package as one batch. Not ``remove``: it is only told what would go.

    Yields what was found, package by package.
    """
    for package in await store.index.packages(name, format_.border):
        entries = await below(store.index, name, f"{package}{format_.border}")
        published = [entry for entry in entries if entry.digest is not None and not is_derived(entry)]
        outdated = await offload(format_.outdated, published, now)
        if outdated and remove:
            await store.index.publish((), now, prunes=[(name, entry.path) for entry in outdated])
        if outdated:
            yield Unused(package, outdated)
