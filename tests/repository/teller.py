"""A member of a group that says what it is told to, and remembers what it was asked."""

from __future__ import annotations

import asyncio
import os
import tempfile
from collections.abc import Collection, Mapping, Sequence
from io import FileIO

from mxart.contract import Context, Ingest, Publication
from mxart.errors import MxartError, NotFound, Unsupported
from mxart.model import Blob, Child, Content, Entry, Resource
from tests.store.builders import digest_of, entry_of
from tests.support.children import children_of

Says = bytes | Exception | Content


class Teller:
    """`contract.Repository`. ``says``: path → content, or what is raised; NotFound for every other path. ``owned``:
    packages. Whoever asks for a path of ``held_up`` waits."""

    def __init__(self, name: str, says: Mapping[str, Says] | None = None, owned: Collection[str] = ()) -> None:
        self.name = name
        self.says: dict[str, Says] = dict(says or {})
        self.owned = set(owned)
        self.status = "mxart; hit"
        self.held_up: dict[str, asyncio.Event] = {}
        self.asked: list[str] = []
        self.was_asked = asyncio.Event()
        self.owns_asked = 0
        self.listed: list[str] = []
        self.cancelled = 0
        self._given: list[Blob] = []

    @property
    def left_open(self) -> int:
        """How many of the contents that it gave nobody has closed."""
        return sum(not blob.file.closed for blob in self._given)

    async def get(self, resource: Resource, context: Context) -> Content:
        self.asked.append(resource.path)
        self.was_asked.set()
        context.trail.note("teller", repository=self.name)
        try:
            if resource.path in self.held_up:
                await self.held_up[resource.path].wait()
        except asyncio.CancelledError:
            self.cancelled += 1
            raise
        said = self.says.get(resource.path, NotFound(f"{self.name} has no {resource.path}"))
        if isinstance(said, Exception):
            raise said
        context.trail.cache_status = self.status
        return self._blob(said) if isinstance(said, bytes) else said

    async def list(self, resource: Resource, context: Context) -> Sequence[Entry]:
        self.listed.append(resource.path)
        if isinstance(refusal := self.says.get("list"), MxartError):
            raise refusal
        held = {path: said for path, said in self.says.items() if isinstance(said, bytes)}
        return [entry_of(path, held[path], self.name) for path in held if path.startswith(resource.path)]

    async def children(self, folder: Resource, after: str, limit: int, context: Context) -> Sequence[Child]:
        return children_of(await self.list(folder, context), folder.path, after, limit)

    async def packages(self, context: Context) -> Collection[str]:
        return {path.rpartition("/")[0] for path, said in self.says.items() if isinstance(said, bytes)}

    async def owns(self, resource: Resource) -> bool:
        self.owns_asked += 1
        return resource.package in self.owned

    async def ingest(self, resource: Resource, context: Context, resume: str | None = None) -> Ingest:
        self.asked.append(f"ingest {resource.path}")
        raise Unsupported(f"{self.name} takes nothing")

    async def publish(self, publication: Publication, context: Context) -> bool:
        self.asked.append("publish")
        return True

    async def delete(self, resources: Sequence[Resource], context: Context, alike: Sequence[Resource] = ()) -> None:
        self.asked.append("delete " + " ".join(resource.path for resource in resources))

    def _blob(self, data: bytes) -> Blob:
        with tempfile.TemporaryFile() as file:
            file.write(data)
            file.flush()
            shared = FileIO(os.dup(file.fileno()))
        shared.seek(0, os.SEEK_END)  # as somebody may have left it
        self._given.append(Blob(file=shared, size=len(data), digest=digest_of(data)))
        return self._given[-1]
