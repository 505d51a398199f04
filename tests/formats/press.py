"""A repository in memory that can be published to: what formats are tested with that publish."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import BinaryIO

from mxart.contract import Context, Format, Ingest, Publication
from mxart.errors import Conflict, Gone, NotFound, TooLarge
from mxart.model import Bytes, Content, Digest, Entry, Resource


@dataclass
class Sheet:
    """An upload to a `Press`."""

    limit: int
    id: str = "1"
    data: bytearray = field(default_factory=bytearray)
    committed: bool = False
    cancelled: bool = False

    @property
    def size(self) -> int:
        return len(self.data)

    async def write(self, chunk: bytes) -> None:
        assert not (self.committed or self.cancelled)
        if len(self.data) + len(chunk) > self.limit:
            raise TooLarge("more than the limit", self.limit)
        self.data += chunk

    def open(self) -> BinaryIO:
        return io.BytesIO(self.data)

    async def commit(self, expected: Digest | None = None) -> Digest:
        self.committed = True
        return digest(self.data)

    async def cancel(self) -> None:
        self.cancelled = True

    async def suspend(self) -> None:
        raise AssertionError("nothing here is resumed")


@dataclass
class Press:
    """Keeps every upload that it made, so that a test can ask whether all have come to an end."""

    format: Format
    name: str = "press"
    held: dict[str, bytes] = field(default_factory=dict)
    entries: dict[str, Entry] = field(default_factory=dict)
    deleted: dict[str, Digest] = field(default_factory=dict)
    uploads: list[Sheet] = field(default_factory=list)
    publications: list[Publication] = field(default_factory=list)
    asked_upstream: list[str] = field(default_factory=list)

    async def get(self, resource: Resource, context: Context) -> Content:
        if resource.path in self.held:
            return Bytes(data=self.held[resource.path])
        if resource.path in self.deleted:
            raise Gone(f"{resource.path} was deleted")
        policy = self.format.policy(resource)
        if policy.index:
            out = io.BytesIO()
            below = [entry for path, entry in self.entries.items() if path.startswith(policy.folder)]
            self.format.generate(resource, below, out)
            return Bytes(data=out.getvalue())
        if not context.cached_only:
            self.asked_upstream.append(resource.path)
        raise NotFound(f"{resource.path} is not here")

    async def list(self, resource: Resource, context: Context) -> Sequence[Entry]:
        return [entry for path, entry in self.entries.items() if path.startswith(resource.path)]

    async def owns(self, resource: Resource) -> bool:
        folder = self.format.policy(resource).folder
        return any(path.startswith(folder) for path in [*self.held, *self.deleted])

    async def ingest(self, resource: Resource, context: Context, resume: str | None = None) -> Ingest:
        self.uploads.append(Sheet(self.format.policy(resource).max_size))
        return self.uploads[-1]

    async def publish(self, publication: Publication, context: Context) -> bool:
        taken: dict[str, tuple[bytes, float]] = {}
        for part in publication.parts:
            assert isinstance(part.upload, Sheet)
            assert part.upload.committed
            path, data = part.resource.path, bytes(part.upload.data)
            known = digest(self.held[path]) if path in self.held else self.deleted.get(path)
            may = known in (None, digest(data)) or publication.replace
            if not may and not part.keep:
                raise Conflict(f"{path} has other content")
            if path not in self.held or (may and self.held[path] != data):
                taken[path] = data, part.published
        self.publications.append(publication)
        for path, (data, published) in taken.items():
            self.held[path] = data
            self.entries[path] = Entry(repository=self.name, path=path, digest=digest(data), published=published)
        for resource in publication.drops:
            self.held.pop(resource.path, None)
            self.entries.pop(resource.path, None)
        return bool(taken)

    async def delete(self, resources: Sequence[Resource], context: Context) -> None:
        found = [resource.path for resource in resources if resource.path in self.held]
        if not found:
            raise await self._absence(resources)
        for path in found:
            self.deleted[path] = digest(self.held.pop(path))
            del self.entries[path]

    async def _absence(self, resources: Sequence[Resource]) -> NotFound:
        if any(resource.path in self.deleted for resource in resources):
            return Gone("deleted before")
        return NotFound("nothing to delete")

    @property
    def left_behind(self) -> list[Sheet]:
        """The uploads that nobody cancelled."""
        return [upload for upload in self.uploads if not upload.cancelled]


def digest(data: bytes | bytearray) -> Digest:
    return Digest("sha256", hashlib.sha256(data).hexdigest())
