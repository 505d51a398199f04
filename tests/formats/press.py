"""A repository in memory that can be published to: what formats are tested with that publish."""

from __future__ import annotations

import hashlib
import io
import os
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from io import FileIO
from typing import BinaryIO

from mxart.contract import Context, Format, Held, Ingest, Missing, Part, Policy, Publication
from mxart.errors import Conflict, Gone, Invalid, NotFound, TooLarge, Unsupported
from mxart.model import Blob, Child, Content, Digest, Entry, Resource
from tests.support.children import children_of


@dataclass
class Sheet:
    """An upload to a `Press`."""

    resource: Resource
    limit: int
    id: str
    size: int = 0
    data: bytearray = field(default_factory=bytearray)
    committed: bool = False
    cancelled: bool = False
    suspended: bool = False

    async def write(self, chunk: bytes) -> None:
        assert not self.committed
        self._begun()
        if len(self.data) + len(chunk) > self.limit:
            raise TooLarge("more than the limit", self.limit)
        self.data += chunk
        self.size = len(self.data)

    def open(self) -> BinaryIO:
        self._begun()
        return io.BytesIO(self.data)

    async def commit(self, expected: Digest | None = None) -> Digest:
        self._begun()
        if expected is not None and digest(self.data, expected.algorithm) != expected:
            raise Invalid(f"what came is not {expected}")
        self.committed = True
        return digest(self.data)

    async def cancel(self) -> None:
        self.cancelled = not self.suspended

    async def suspend(self) -> None:
        self.suspended = not self.cancelled

    def _begun(self) -> None:
        assert not (self.cancelled or self.suspended)


@dataclass
class Press:
    """Keeps every upload that it made, and all content that it gave out, so that a test can ask whether all have come
    to an end. ``store``: what it and those that share it have the bytes of."""

    format: Format
    name: str = "press"
    held: dict[str, bytes] = field(default_factory=dict)
    entries: dict[str, Entry] = field(default_factory=dict)
    deleted: dict[str, Digest] = field(default_factory=dict)
    uploads: list[Sheet] = field(default_factory=list)
    publications: list[Publication] = field(default_factory=list)
    asked_upstream: list[str] = field(default_factory=list)
    given: list[Blob] = field(default_factory=list)
    store: dict[Digest, bytes] = field(default_factory=dict)
    now: float = 1000.0  # UTC seconds

    # --- reading

    async def get(self, resource: Resource, context: Context) -> Content:
        policy = self.format.policy(resource)
        if resource.path in self.held:
            entry = self.entries.get(resource.path, Entry(repository=self.name, path=resource.path))
            return self._blob(self.held[resource.path], entry.media_type or policy.media_type, entry)
        if resource.path in self.deleted:
            raise Gone(f"{resource.path} was deleted")
        if policy.index:
            return self._generated(resource, policy)
        if not context.cached_only:
            self.asked_upstream.append(resource.path)
        raise NotFound(f"{resource.path} is not here")

    def _generated(self, resource: Resource, policy: Policy) -> Content:
        below = [entry for path, entry in self.entries.items() if path.startswith(policy.within or policy.folder)]
        if not below:
            raise NotFound(f"nothing is there for {resource.path}")
        out = io.BytesIO()
        self.format.generate(resource, below, out)
        return self._blob(out.getvalue(), policy.media_type, Entry(repository=self.name, path=resource.path))

    def _blob(self, data: bytes, media_type: str, entry: Entry) -> Blob:
        file = FileIO(os.memfd_create(self.name), "r+")
        file.write(data)
        blob = Blob(file=file, size=len(data), digest=digest(data), media_type=media_type, facts=entry.facts)
        self.given.append(blob)
        return blob

    async def list(self, resource: Resource, context: Context) -> Sequence[Entry]:
        return [entry for path, entry in self.entries.items() if path.startswith(resource.path)]

    async def children(self, folder: Resource, after: str, limit: int, context: Context) -> Sequence[Child]:
        return children_of(self.entries.values(), folder.path, after, limit)

    async def packages(self, context: Context) -> Collection[str]:
        return {path.partition(self.format.border)[0] for path in self.held if self.format.border in path}

    async def owns(self, resource: Resource) -> bool:
        policy = self.format.policy(resource)
        folders = tuple(folder for folder in (policy.folder, *policy.above) if folder)
        return any(path.startswith(folders) for path in [*self.held, *self.deleted])

    # --- writing

    async def ingest(self, resource: Resource, context: Context, resume: str | None = None) -> Ingest:
        policy = self._publishable(resource)
        if resume is None:
            self.uploads.append(Sheet(resource, policy.max_size, f"u-{len(self.uploads) + 1}"))
            return self.uploads[-1]
        found = [sheet for sheet in self.uploads if sheet.id == resume and sheet.resource.path == resource.path]
        if not found or found[0].cancelled:
            raise NotFound(f"there is no upload {resume}")
        if not found[0].suspended:
            raise Conflict("another request is at it")
        found[0].suspended = False
        return found[0]

    async def publish(self, publication: Publication, context: Context) -> bool:
        taken = [part for part in publication.parts if self._is_taken(part, publication)]
        missing = tuple(resource.path for resource in publication.needs if resource.path not in self.held)
        if missing:
            raise Missing(f"{missing[0]} is not here", missing)
        contents = [(part, self._content(part)) for part in taken]
        self.publications.append(publication)
        for part, data in contents:
            self._enter(part, data)
        for resource in (*publication.drops, *publication.prunes):
            self.held.pop(resource.path, None)
            self.entries.pop(resource.path, None)
        return bool(taken)

    def _is_taken(self, part: Part, publication: Publication) -> bool:
        """Raises Conflict. What stands already stays as it is, its facts too."""
        policy, path = self._publishable(part.resource), part.resource.path
        may_change = policy.replaceable or not policy.immutable
        replace, new = publication.replace and may_change, self._digest(part)
        if path in self.held:
            known = digest(self.held[path])
            if known == new or (part.keep and not replace):
                return False
            may = replace
        else:
            may = self.deleted.get(path) in (None, new) or replace or part.keep
        if not may:
            raise Conflict(f"{path} has other content")
        return True

    def _digest(self, part: Part) -> Digest:
        if isinstance(part.upload, Held):
            return part.upload.digest
        assert isinstance(part.upload, Sheet)
        assert part.upload.committed
        assert not (part.upload.cancelled or part.upload.suspended)
        return digest(part.upload.data)

    def _content(self, part: Part) -> bytes:
        if isinstance(part.upload, Sheet):
            return bytes(part.upload.data)
        assert isinstance(part.upload, Held)
        if part.upload.digest not in self.store:
            raise NotFound(f"{part.upload.digest} is not in this store")
        return self.store[part.upload.digest]

    def _enter(self, part: Part, data: bytes) -> None:
        path = part.resource.path
        self.held[path] = self.store[digest(data)] = data
        self.deleted.pop(path, None)
        self.entries[path] = Entry(
            repository=self.name,
            path=path,
            digest=digest(data),
            size=len(data),
            media_type=part.media_type or self.format.policy(part.resource).media_type,
            facts=part.facts,
            published=part.published,
            created=self.now,
        )

    async def delete(self, resources: Sequence[Resource], context: Context, alike: Sequence[Resource] = ()) -> None:
        for resource in resources:
            self._publishable(resource)
        found = {resource.path for resource in resources if resource.path in self.held}
        if not found:
            raise await self._absence(resources)
        contents = {self.held[path] for path in found}
        folders = tuple(resource.path for resource in alike)
        found |= {path for path, data in self.held.items() if path.startswith(folders) and data in contents}
        for path in found:
            self.deleted[path] = digest(self.held.pop(path))
            self.entries.pop(path, None)

    def _publishable(self, resource: Resource) -> Policy:
        policy = self.format.policy(resource)
        if policy.index or policy.checksum is not None:
            raise Unsupported(f"{resource.path} is only read")
        return policy

    async def _absence(self, resources: Sequence[Resource]) -> NotFound:
        if any(resource.path in self.deleted for resource in resources):
            return Gone("deleted before")
        return NotFound("nothing to delete")

    # --- what a test may ask

    @property
    def left_behind(self) -> Sequence[Sheet]:
        """The uploads that nobody cancelled or suspended."""
        return [upload for upload in self.uploads if not (upload.cancelled or upload.suspended)]

    @property
    def left_open(self) -> Sequence[Blob]:
        """The content that nobody closed."""
        return [blob for blob in self.given if not blob.file.closed]


def digest(data: bytes | bytearray, algorithm: str = "sha256") -> Digest:
    return Digest(algorithm, hashlib.new(algorithm, data).hexdigest())
