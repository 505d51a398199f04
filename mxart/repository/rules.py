"""What may be asked of a repository: rules wrap it, one small layer each, whatever its kind or ecosystem."""

from __future__ import annotations

from collections.abc import Sequence
from fnmatch import fnmatchcase

from mxart.contract import Context, Ingest, Publication, Repository
from mxart.errors import Denied
from mxart.model import Content, Entry, Resource


class Blocking:
    """A repository that answers only for the package names that it may: ``block`` denies, ``allow``, when set, denies
    all others. Globs on the format's package name, case-sensitive; a resource without a package is let through."""

    def __init__(self, inner: Repository, block: Sequence[str], allow: Sequence[str]) -> None:
        self.name = inner.name
        self._inner = inner
        self._block = tuple(block)
        self._allow = tuple(allow)

    async def get(self, resource: Resource, context: Context) -> Content:
        self._admit(resource, context)
        return await self._inner.get(resource, context)

    async def list(self, resource: Resource, context: Context) -> Sequence[Entry]:
        self._admit(resource, context)
        return await self._inner.list(resource, context)

    async def publish(self, publication: Publication, context: Context) -> None:
        await self._inner.publish(publication, context)

    async def delete(self, resource: Resource, context: Context) -> None:
        self._admit(resource, context)
        await self._inner.delete(resource, context)

    async def ingest(self, context: Context, resume: str | None = None) -> Ingest:
        return await self._inner.ingest(context, resume)

    def _admit(self, resource: Resource, context: Context) -> None:
        """Raises Denied, naming the rule, so that the reader knows whom to ask."""
        package = resource.package
        if not package:
            return
        for pattern in self._block:
            if fnmatchcase(package, pattern):
                context.trail.note("rule", block=pattern, package=package, allowed=False)
                raise Denied(
                    f"{package} is blocked in {self.name} by the rule block = {pattern!r} of its configuration"
                )
        if self._allow and not any(fnmatchcase(package, pattern) for pattern in self._allow):
            context.trail.note("rule", allow=", ".join(self._allow), package=package, allowed=False)
            raise Denied(f"{package} is not among the names that the configuration of {self.name} allows")
        context.trail.note("rule", package=package, allowed=True)
