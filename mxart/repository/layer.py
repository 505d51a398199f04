"""A repository around another that passes everything on: the ground of the rules, which change what they are about."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from mxart.contract import Context, Ingest, Publication, Repository
from mxart.model import Child, Content, Entry, Resource


class Layer:
    """`contract.Repository` as the one inside is."""

    def __init__(self, inner: Repository) -> None:
        self.name = inner.name
        self._inner = inner

    async def get(self, resource: Resource, context: Context) -> Content:
        return await self._inner.get(resource, context)

    async def list(self, resource: Resource, context: Context) -> Sequence[Entry]:
        return await self._inner.list(resource, context)

    async def children(self, folder: Resource, after: str, limit: int, context: Context) -> Sequence[Child]:
        return await self._inner.children(folder, after, limit, context)

    async def packages(self, context: Context) -> Collection[str]:
        return await self._inner.packages(context)

    async def owns(self, resource: Resource) -> bool:
        return await self._inner.owns(resource)

    async def ingest(self, resource: Resource, context: Context, resume: str | None = None) -> Ingest:
        return await self._inner.ingest(resource, context, resume)

    async def publish(self, publication: Publication, context: Context) -> bool:
        return await self._inner.publish(publication, context)

    async def delete(self, resources: Sequence[Resource], context: Context, alike: Sequence[Resource] = ()) -> None:
        await self._inner.delete(resources, context, alike)
