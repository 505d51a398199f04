"""What is not needed in the repositories of a store: in hosted ones as their formats and rules say, in proxies old
absences."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

from mxart.contract import Format
from mxart.formats import FORMATS
from mxart.repository import absences
from mxart.repository.outdated import prune
from mxart.repository.unused import Since, Unused, sweep
from mxart.settings import Settings, StoreSettings
from mxart.store import Store

_DAY = 86400.0  # seconds


async def unused(
    settings: Settings, where: StoreSettings, store: Store, since: Since, *, remove: bool
) -> AsyncIterator[Unused]:
    """As `mxart.repository.unused.sweep`, of every hosted repository that has its content in ``store``."""
    for name, format_ in _hosted(settings, where):
        async for found in sweep(store, name, format_, since, remove=remove):
            yield found


async def outdated(
    settings: Settings, where: StoreSettings, store: Store, now: float, *, remove: bool
) -> AsyncIterator[Unused]:
    """As `mxart.repository.outdated.prune`, of every hosted repository that has its content in ``store``."""
    for name, format_ in _hosted(settings, where):
        if format_.ages:  # else all that it holds would be read for nothing
            async for found in prune(store, name, format_, now, remove=remove):
                yield found


def _hosted(settings: Settings, where: StoreSettings) -> Iterator[tuple[str, Format]]:
    for repository in settings.repositories:
        if repository.kind == "hosted" and repository.store == where.name:
            yield repository.name, FORMATS[repository.format].build(repository.options)


async def old_absences(
    settings: Settings, where: StoreSettings, store: Store, now: float, *, remove: bool
) -> AsyncIterator[int]:
    """As `mxart.repository.absences.forget`, of every proxy that has its content in ``store``: what is older than a
    day, and than it would be believed. ``now``: UTC seconds."""
    for repository in settings.repositories:
        if repository.kind == "proxy" and repository.store == where.name:
            before = now - max(_DAY, repository.negative_ttl)
            async for number in absences.forget(store, repository.name, before, remove=remove):
                yield number
