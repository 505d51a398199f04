"""A group: one repository made of several, in order. Its members are repositories of any kind, other groups too.

A file comes from the first member that has it, all that belongs to one unit from the same (``units.py``), what is asked
for by its digest from whoever is likely to have it (``nearby.py``); indexes are merged (``merging.py``). What only some
members may answer is not looked at here: rules around them say so.
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Collection, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

from mxart.contract import Context, Format, Ingest, Policy, Publication, Repository
from mxart.errors import Denied, Unsupported
from mxart.model import Child, Content, Entry, Resource
from mxart.repository.checksums import told
from mxart.repository.members import first
from mxart.repository.merging import Merging
from mxart.repository.nearby import Nearby
from mxart.repository.units import Units
from mxart.store import Store

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupParts:
    """What a group is made of."""

    name: str
    format: Format
    members: Sequence[Repository]  # in the order in which they are asked, with the rules around each
    publish_to: Repository | None  # who takes what is published; None: nobody
    store: Store  # of its merged indexes and its choices
    clock: Callable[[], float] = time.time


class Group:
    """`contract.Repository` of its members."""

    def __init__(self, parts: GroupParts) -> None:
        self.name = parts.name
        self._format = parts.format
        self._members = tuple(parts.members)
        self._publish_to = parts.publish_to
        self._units = Units(parts.name, self._members, parts.store)
        self._nearby = Nearby(parts.name, self._members, parts.store)
        self._merging = Merging(parts.name, parts.format, parts.store, parts.clock)

    async def get(self, resource: Resource, context: Context) -> Content:
        if context.where_published and self._publish_to is not None:
            return await self._publish_to.get(resource, context)
        policy = self._format.policy(resource)
        if (checksum := policy.checksum) is not None and self._format.policy(checksum.of).index:
            document = await self.get(checksum.of, context)  # the very one that is given here
            return await told(checksum, policy.media_type, document)
        if policy.index:
            return await self._merging.get(self._members, resource, policy, context)
        if policy.unit is not None:
            return await self._units.get(resource, policy.unit, context)
        if policy.digest is not None:
            return await self._by_digest(resource, policy, context)
        found = await first(self.name, self._members, resource, context)
        if policy.typed:  # it leads to what will be asked for by digest
            try:
                await self._nearby.note(policy, found.member, context)
            except BaseException:
                found.content.close()
                raise
        return found.content

    async def _by_digest(self, resource: Resource, policy: Policy, context: Context) -> Content:
        if context.may_write and not policy.document:
            if self._publish_to is not None:
                # clients take "it is there" for "no need to send it": so what counts is where it would be sent to
                return await self._publisher(context).get(resource, context)
            context = replace(context, may_write=False)  # nothing is sent this way, whatever a member would take
        return await self._nearby.get(resource, policy, context)

    async def list(self, resource: Resource, context: Context) -> Sequence[Entry]:
        """Each path once, as the first member holds it. A member that denies it has none; Denied when all do."""
        if context.where_published and self._publish_to is not None:
            return await self._publish_to.list(resource, context)
        held: dict[str, Entry] = {}
        for entry in await self._admitted(lambda member: member.list(resource, context)):
            held.setdefault(entry.path, entry)
        return list(held.values())

    async def children(self, folder: Resource, after: str, limit: int, context: Context) -> Sequence[Child]:
        """Each name once, as the first member holds it. A member that denies it has none; Denied when all do."""
        if context.where_published and self._publish_to is not None:
            return await self._publish_to.children(folder, after, limit, context)
        held: dict[str, Child] = {}
        for child in await self._admitted(lambda member: member.children(folder, after, limit, context)):
            held.setdefault(child.name, child)
        return [held[name] for name in sorted(held)[:limit]]  # of these, each member's page has all that it holds

    async def _admitted(self, ask: Callable[[Repository], Awaitable[Sequence[T]]]) -> Sequence[T]:
        """What the members say that do not deny it, in their order. Raises Denied when all do."""
        said: list[T] = []
        denials: list[Denied] = []
        for member in self._members:
            try:
                said += await ask(member)
            except Denied as denied:
                denials.append(denied)
        if denials and len(denials) == len(self._members):
            raise denials[0]
        return said

    async def packages(self, context: Context) -> Collection[str]:
        held: set[str] = set()
        for member in self._members:
            held.update(await member.packages(context))
        return held

    async def owns(self, resource: Resource) -> bool:
        for member in self._members:
            if await member.owns(resource):
                return True
        return False

    async def ingest(self, resource: Resource, context: Context, resume: str | None = None) -> Ingest:
        return await self._publisher(context).ingest(resource, context, resume)

    async def publish(self, publication: Publication, context: Context) -> bool:
        return await self._publisher(context).publish(publication, context)

    async def delete(self, resources: Sequence[Resource], context: Context, alike: Sequence[Resource] = ()) -> None:
        await self._publisher(context).delete(resources, context, alike)

    def _publisher(self, context: Context) -> Repository:
        if self._publish_to is None:
            raise Unsupported(
                f"{self.name} is a group that passes nothing on: publish to one of its hosted members, "
                "or name it as publish_to in the configuration of the group"
            )
        context.trail.note("publish_to", group=self.name, repository=self._publish_to.name)
        return self._publish_to
