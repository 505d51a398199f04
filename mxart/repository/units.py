"""Which member of a group has a unit: what belongs together (a version's files) comes from one of them, or not at all.

The choice is kept in the index (`Index.choice`) under the path of the resource that stands for the unit.
"""

from __future__ import annotations

from collections.abc import Sequence

from mxart.contract import Context, Repository
from mxart.errors import Denied, NotFound, StoreFull, Unavailable
from mxart.model import Content, Resource
from mxart.repository.members import Found, Refused, ask, first
from mxart.store import Store
from mxart.store.layout import choice_lock

_ROUNDS = 4  # one to find the old choice void, one to choose, one in which another worker was quicker, one to spare


class Units:
    """The choices of one group. Safe for any number of concurrent callers in any number of workers."""

    def __init__(self, group: str, members: Sequence[Repository], store: Store) -> None:
        self._group = group
        self._members = tuple(members)
        self._by_name = {member.name: member for member in members}
        self._index = store.index
        self._locks = store.locks

    async def get(self, resource: Resource, unit: Resource, context: Context) -> Content:
        """The content, from the member that was chosen for its unit; the first that has the unit is, when none was.

        Once somebody has been answered, everyone is answered by the same member, in all workers, until the unit itself
        is not there any more (or not for anyone), or its member is none any more: then another choice is made. Who
        asks only for what is held changes no choice: not to hold it says nothing about who has it.
        Raises NotFound, Gone, Denied; what a member raises that fails; Unavailable when the choice does not settle.
        """
        chosen = await self._index.choice(self._group, unit.path)
        for _ in range(_ROUNDS):
            member = self._by_name.get(chosen)
            if member is not None:
                answer = await ask(member, resource, context)
                if isinstance(answer, Found):
                    return answer.content
                if context.cached_only or await self._has(member, unit, resource, context):
                    raise self._not_of_unit(answer, unit)
            found = await first(self._group, self._members, unit, context)
            try:
                settled = await self._settle(unit, chosen, found.member.name, context)
            except BaseException:
                found.content.close()
                raise
            if settled == found.member.name and resource.path == unit.path:
                return found.content
            found.content.close()
            chosen = settled
        raise Unavailable(f"{unit.path} comes and goes in the members of {self._group}: try again", 1.0)

    async def _has(self, member: Repository, unit: Resource, refused_there: Resource, context: Context) -> bool:
        """Does the member still have the unit, although it has refused that of it?"""
        if unit.path == refused_there.path:
            return False
        answer = await ask(member, unit, context)
        if isinstance(answer, Refused):
            return False
        answer.content.close()
        return True

    async def _settle(self, unit: Resource, before: str, found: str, context: Context) -> str:
        """What is chosen from now on: ``found``, unless another worker has changed the choice since it was
        ``before``."""
        if context.cached_only:
            return found
        lock = await self._locks.lock(choice_lock(self._group, unit.path))
        try:
            now = await self._index.choice(self._group, unit.path)
            if now != before:
                return now
            if now != found:
                await self._index.choose(self._group, unit.path, found)
        except StoreFull:  # what is held stays readable, and the same member will be found again
            context.trail.note("unit", path=unit.path, chosen=found, remembered=False)
        else:
            context.trail.note("unit", path=unit.path, chosen=found, remembered=True)
        finally:
            lock.release()
        return found

    def _not_of_unit(self, refusal: Refused, unit: Resource) -> NotFound | Denied:
        error, name = refusal.error, refusal.member.name
        if isinstance(error, Denied):
            return Denied(error.message)
        return NotFound(f"{self._group} has {unit.path} and what belongs to it from {name} only: {error.message}")
