"""Which member of a group is asked first for content by its digest: whoever answered last for that package.

Any member may have it, and whose it is makes no difference: the digest says what it is. So this only saves the others
the question; nothing depends on it. It is kept in the index (`Index.choice`) under the package's folder, for all
workers.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress

from mxart.contract import Context, Policy, Repository
from mxart.errors import StoreFull
from mxart.model import Content, Resource
from mxart.repository.members import first
from mxart.store import Store


class Nearby:
    """What one group remembers of its members. Safe for any number of concurrent callers in any number of workers."""

    def __init__(self, group: str, members: Sequence[Repository], store: Store) -> None:
        self._group = group
        self._members = tuple(members)
        self._index = store.index

    async def get(self, resource: Resource, policy: Policy, context: Context) -> Content:
        """The content, from the first member that has it: the one that answered last for the package is asked first.

        Raises as `members.first`.
        """
        chosen = await self._index.choice(self._group, policy.folder) if policy.folder else ""
        in_order = sorted(self._members, key=lambda member: member.name != chosen)  # the others stay in their order
        found = await first(self._group, in_order, resource, context)
        return found.content

    async def note(self, policy: Policy, member: Repository, context: Context) -> None:
        """``member`` has just answered for the package."""
        if not policy.folder or context.cached_only:
            return
        if await self._index.choice(self._group, policy.folder) != member.name:
            with suppress(StoreFull):
                await self._index.choose(self._group, policy.folder, member.name)
