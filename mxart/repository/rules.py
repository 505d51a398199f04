"""What may be asked of a repository, and by whose name: rules wrap it, one small layer each, whatever its kind or
ecosystem.

All look at the format's package name, with globs that know upper from lower case; a resource without a package passes.
Where a package has several names further inside (``renaming.py``), or a resource may be of several (`Resource.also`),
what a rule says of one of them holds for all; `Yielding` knows none from further inside.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from fnmatch import fnmatchcase

from mxart.contract import Context, Format, Ingest, Publication, Repository
from mxart.errors import Denied, NotFound
from mxart.model import Child, Content, Entry, Resource
from mxart.repository.layer import Layer

log = logging.getLogger("mxart.repository")

Canonical = Callable[[Resource], Resource]  # `Format.canonical`

_REMEMBERED = 1024  # names of which a worker knows whether they are shadowed


class Blocking(Layer):
    """A repository that answers only for the package names that it may: ``block`` denies, ``allow``, when set, denies
    all others."""

    def __init__(
        self, inner: Repository, block: Sequence[str], allow: Sequence[str], renamed: Sequence[Canonical] = ()
    ) -> None:
        """``renamed``: by what names it is asked for further inside."""
        super().__init__(inner)
        self._block = tuple(block)
        self._allow = tuple(allow)
        self._renamed = tuple(renamed)

    async def get(self, resource: Resource, context: Context) -> Content:
        self._admit(resource, context)
        return await self._inner.get(resource, context)

    async def list(self, resource: Resource, context: Context) -> Sequence[Entry]:
        self._admit(resource, context)
        return await self._inner.list(resource, context)

    async def children(self, folder: Resource, after: str, limit: int, context: Context) -> Sequence[Child]:
        self._admit(folder, context)
        return await self._inner.children(folder, after, limit, context)

    async def packages(self, context: Context) -> Collection[str]:
        return [package for package in await self._inner.packages(context) if self._refusal(package) is None]

    async def ingest(self, resource: Resource, context: Context, resume: str | None = None) -> Ingest:
        self._admit(resource, context)
        return await self._inner.ingest(resource, context, resume)

    async def publish(self, publication: Publication, context: Context) -> bool:
        for resource in _touched(publication):
            self._admit(resource, context)
        return await self._inner.publish(publication, context)

    async def delete(self, resources: Sequence[Resource], context: Context, alike: Sequence[Resource] = ()) -> None:
        for resource in resources:
            self._admit(resource, context)
        await self._inner.delete(resources, context, alike)

    def _admit(self, resource: Resource, context: Context) -> None:
        """Raises Denied, naming the rule, so that the reader knows whom to ask."""
        package = resource.package
        if not package:
            return
        refusal = self._refusal(*_names(resource, self._renamed))
        if refusal is None:
            context.trail.note("rule", package=package, allowed=True)
            return
        (rule, globs), reason = refusal
        context.trail.note("rule", **{rule: globs}, package=package, allowed=False)
        raise Denied(reason)

    def _refusal(self, package: str, *others: str) -> tuple[tuple[str, str], str] | None:
        """The rule that keeps the package out, what it says, and a sentence for the reader; None when none does.
        ``others``: its other names."""
        for name in (package, *others):
            pattern = matching(name, self._block)
            if pattern is not None:
                reason = f"{name} is blocked in {self.name} by the rule block = {pattern!r} of its configuration"
                return ("block", pattern), reason
        if self._allow and all(matching(name, self._allow) is None for name in (package, *others)):
            reason = f"{package} is not among the names that the configuration of {self.name} allows"
            return ("allow", ", ".join(self._allow)), reason
        return None


class Reserved(Layer):
    """A member of a group that has nothing to do with the names that are exclusive to other members."""

    def __init__(
        self, inner: Repository, exclusive: Mapping[str, Sequence[str]], renamed: Sequence[Canonical] = ()
    ) -> None:
        """``exclusive``: member → globs on the names that only it may have, and whoever else has them among its own.
        ``renamed``: by what names the member is asked further inside."""
        super().__init__(inner)
        self._renamed = tuple(renamed)
        self._own = tuple(exclusive.get(inner.name, ()))
        self._others = {name: tuple(globs) for name, globs in exclusive.items() if name != inner.name}

    async def get(self, resource: Resource, context: Context) -> Content:
        if (taken := self._taken(resource)) is not None:
            package, owner = taken
            context.trail.note("rule", exclusive=owner, package=package, repository=self.name, asked=False)
            raise NotFound(f"{package} is exclusive to {owner}, so {self.name} was not asked for it")
        return await self._inner.get(resource, context)

    async def list(self, resource: Resource, context: Context) -> Sequence[Entry]:
        return [] if self._taken(resource) is not None else await self._inner.list(resource, context)

    async def children(self, folder: Resource, after: str, limit: int, context: Context) -> Sequence[Child]:
        return [] if self._taken(folder) is not None else await self._inner.children(folder, after, limit, context)

    async def packages(self, context: Context) -> Collection[str]:
        return [package for package in await self._inner.packages(context) if self._owner_of(package) is None]

    async def owns(self, resource: Resource) -> bool:
        return self._taken(resource) is None and await self._inner.owns(resource)

    async def ingest(self, resource: Resource, context: Context, resume: str | None = None) -> Ingest:
        self._admit(resource)
        return await self._inner.ingest(resource, context, resume)

    async def publish(self, publication: Publication, context: Context) -> bool:
        for resource in _touched(publication):
            self._admit(resource)
        return await self._inner.publish(publication, context)

    async def delete(self, resources: Sequence[Resource], context: Context, alike: Sequence[Resource] = ()) -> None:
        for resource in resources:
            self._admit(resource)
        await self._inner.delete(resources, context, alike)

    def _admit(self, resource: Resource) -> None:
        if (taken := self._taken(resource)) is not None:
            package, owner = taken
            raise Denied(f"{package} is exclusive to {owner}: publish it there, not to {self.name}")

    def _taken(self, resource: Resource) -> tuple[str, str] | None:
        """The first of its names that is another member's, and that member; None when each is ours, or nobody's."""
        owners = ((name, self._owner_of(name)) for name in _names(resource, self._renamed))
        return next(((name, owner) for name, owner in owners if owner is not None), None)

    def _owner_of(self, package: str) -> str | None:
        if not package or matching(package, self._own) is not None:
            return None
        return next((name for name, globs in self._others.items() if matching(package, globs) is not None), None)


class Yielding(Layer):
    """A member of a group that gives way, wherever it stands, for the names that another member owns and it does not:
    it is not asked for them, so that nobody outside hears of them or can answer for them."""

    def __init__(self, inner: Repository, owners: Sequence[Repository], shared: Sequence[str], format_: Format) -> None:
        """``owners``: the other members. ``shared``: globs on names for which it does not give way."""
        super().__init__(inner)
        self._owners = tuple(owners)
        self._shared = tuple(shared)
        self._format = format_
        self._shadowed: dict[str, int] = {}  # package → how much the member holds of it, for the last of them

    async def get(self, resource: Resource, context: Context) -> Content:
        if (owner := await self._owner(resource)) is not None:
            shadowed = await self._count(resource, owner, context)
            context.trail.note(
                "rule", owned_by=owner, package=resource.package, repository=self.name, asked=False, shadowed=shadowed
            )
            raise NotFound(f"{resource.package} is owned by {owner}, so {self.name} was not asked for it")
        return await self._inner.get(resource, context)

    async def list(self, resource: Resource, context: Context) -> Sequence[Entry]:
        return [] if await self._owner(resource) is not None else await self._inner.list(resource, context)

    async def children(self, folder: Resource, after: str, limit: int, context: Context) -> Sequence[Child]:
        owner = await self._owner(folder)
        return [] if owner is not None else await self._inner.children(folder, after, limit, context)

    async def _owner(self, resource: Resource) -> str | None:
        """The other member to which it is left; None when it is not."""
        package = resource.package
        if not package or matching(package, self._shared) is not None:
            return None
        for owner in self._owners:
            if await owner.owns(resource):
                return None if await self._inner.owns(resource) else owner.name
        return None

    async def _count(self, resource: Resource, owner: str, context: Context) -> int:
        """How many entries the member holds of the package, from before or from elsewhere: looked up once for a name,
        as they are not served any more, and somebody should look at them."""
        package = resource.package
        if package not in self._shadowed:
            folder = self._format.policy(resource).folder
            count = await self._held(replace(resource, path=folder), context) if folder else 0
            if count and package not in self._shadowed:  # nobody else has found out meanwhile
                log.warning(
                    "%s is owned by %s: %s holds %d entries of that name, too", package, owner, self.name, count
                )
            self._shadowed[package] = count
            if len(self._shadowed) > _REMEMBERED:
                del self._shadowed[next(iter(self._shadowed))]
            return count
        return self._shadowed[package]

    async def _held(self, folder: Resource, context: Context) -> int:
        try:
            return len(await self._inner.list(folder, context))
        except Denied:
            return 0


def matching(package: str, patterns: Sequence[str]) -> str | None:
    """The first glob that matches."""
    return next((pattern for pattern in patterns if fnmatchcase(package, pattern)), None)


def _names(resource: Resource, renamed: Sequence[Canonical]) -> Sequence[str]:
    """The names of its package, each once, the one first by which it was asked for."""
    known = [resource.package, *resource.also, *(canonical(resource).package for canonical in renamed)]
    return list(dict.fromkeys(known))


def _touched(publication: Publication) -> Sequence[Resource]:
    return [*(part.resource for part in publication.parts), *publication.drops, *publication.prunes]
