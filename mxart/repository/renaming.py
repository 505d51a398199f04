"""A repository whose packages have more than one name: whatever it is asked, it is asked under the one by which it
keeps them, so that rules see that name, and nothing is fetched or held twice.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from mxart.contract import Context, Format, Ingest, Publication, Repository
from mxart.model import Child, Content, Entry, Resource
from mxart.repository.layer import Layer


class Renaming(Layer):
    """`contract.Repository` as the one inside is, under the names that its format calls canonical."""

    def __init__(self, inner: Repository, format_: Format) -> None:
        super().__init__(inner)
        self._canonical = format_.canonical

    async def get(self, resource: Resource, context: Context) -> Content:
        return await self._inner.get(self._canonical(resource), context)

    async def list(self, resource: Resource, context: Context) -> Sequence[Entry]:
        return await self._inner.list(self._canonical(resource), context)

    async def children(self, folder: Resource, after: str, limit: int, context: Context) -> Sequence[Child]:
        return await self._inner.children(self._canonical(folder), after, limit, context)

    async def owns(self, resource: Resource) -> bool:
        return await self._inner.owns(self._canonical(resource))

    async def ingest(self, resource: Resource, context: Context, resume: str | None = None) -> Ingest:
        return await self._inner.ingest(self._canonical(resource), context, resume)

    async def publish(self, publication: Publication, context: Context) -> bool:
        renamed = replace(
            publication,
            parts=[replace(part, resource=self._canonical(part.resource)) for part in publication.parts],
            drops=[self._canonical(resource) for resource in publication.drops],
            needs=[self._canonical(resource) for resource in publication.needs],
            prunes=[self._canonical(resource) for resource in publication.prunes],
        )
        return await self._inner.publish(renamed, context)

    async def delete(self, resources: Sequence[Resource], context: Context, alike: Sequence[Resource] = ()) -> None:
        named = [self._canonical(resource) for resource in resources]
        await self._inner.delete(named, context, [self._canonical(resource) for resource in alike])
