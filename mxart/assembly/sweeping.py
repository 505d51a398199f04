"""What nothing leads to in the hosted repositories of a store, as their formats say."""

from __future__ import annotations

from collections.abc import AsyncIterator

from mxart.formats import FORMATS
from mxart.repository.unused import Since, Unused, sweep
from mxart.settings import Settings, StoreSettings
from mxart.store import Store


async def unused(
    settings: Settings, where: StoreSettings, store: Store, since: Since, *, remove: bool
) -> AsyncIterator[Unused]:
    """As `mxart.repository.unused.sweep`, of every hosted repository that has its content in ``store``."""
    for repository in settings.repositories:
        if repository.kind == "hosted" and repository.store == where.name:
            format_ = FORMATS[repository.format].build(repository.options)
            async for found in sweep(store, repository.name, format_, since, remove=remove):
                yield found
