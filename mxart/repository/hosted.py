"""A hosted repository: what was published to it, for ever the same, and the indexes generated from that.

What has been deleted leaves a tombstone: its path answers Gone, and can only come back as it was.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Collection, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from mxart.contract import Context, Format, Held, Ingest, Part, Policy, Publication
from mxart.errors import Corrupt, Gone, NotFound, StoreFull, Unsupported
from mxart.httpfields import caching
from mxart.model import Blob, Child, Content, Entry, Resource
from mxart.offload import offload
from mxart.repository.checksums import told
from mxart.repository.derived import Derived, Prepared, is_derived
from mxart.repository.held import below, date_field, media_type_of, opened
from mxart.repository.uploads import Upload, Uploads
from mxart.store import Offer, Store
from mxart.store.tombstones import is_new

_SNAPSHOTS = 5  # times that a folder is listed anew because something came between
_CHANGES = 1000  # looked through for such a thing; more of them will have had it


@dataclass(frozen=True, slots=True, kw_only=True)
class HostedParts:
    """What a hosted repository is made of."""

    name: str
    format: Format
    store: Store
    clock: Callable[[], float] = time.time


class Hosted:
    """`contract.Repository` of what clients publish."""

    def __init__(self, parts: HostedParts) -> None:
        self.name = parts.name
        self._format = parts.format
        self._store = parts.store
        self._index = parts.store.index
        self._clock = parts.clock
        self._derived = Derived(parts.name, parts.store, parts.clock)
        self._uploads = Uploads(parts.name, parts.store)

    async def get(self, resource: Resource, context: Context) -> Content:
        policy = self._format.policy(resource)
        if (checksum := policy.checksum) is not None:
            return await told(checksum, policy.media_type, await self.get(checksum.of, context))
        if policy.index:
            return await self._generated(resource, policy, context)
        entry = await self._index.get(self.name, resource.path)
        state = "missing" if entry is None else "deleted" if entry.digest is None else "held"
        context.trail.note("hosted", repository=self.name, path=resource.path, state=state)
        if entry is None or entry.digest is None:
            raise self._absence(resource, entry)
        blob = opened(self._store, entry, media_type_of(entry, policy), self._clock())
        if blob is None:
            raise Corrupt(f"{self.name} has lost the content of {resource.title}: ask its operator to run `mxart fsck`")
        if context.head_only and not await self._noted(entry, blob):
            raise self._absence(resource, None)
        context.trail.cache_status = caching.hit()
        return blob

    async def _noted(self, entry: Entry, blob: Blob) -> bool:
        """Perhaps somebody is about to publish what needs the entry: `gc` knows after the call that it is wanted. False
        when it was quicker; then, and when this raises, the blob is closed."""
        noted = False
        try:
            with suppress(StoreFull):  # what is held stays readable
                await self._index.flush_served()
            stands = await self._index.get(self.name, entry.path)
            noted = stands is not None and stands.digest is not None
        finally:
            if not noted:
                blob.close()
        return noted

    async def list(self, resource: Resource, context: Context) -> Sequence[Entry]:
        return [entry for entry in await below(self._index, self.name, resource.path) if _was_published(entry)]

    async def children(self, folder: Resource, after: str, limit: int, context: Context) -> Sequence[Child]:
        return await self._index.children(self.name, folder.path, after, limit, _was_published)

    async def packages(self, context: Context) -> Collection[str]:
        return await self._index.packages(self.name, self._format.border)

    async def owns(self, resource: Resource) -> bool:
        policy = self._format.policy(resource)
        for folder in (policy.folder, *policy.above):
            if folder and await self._index.list(self.name, folder, limit=1):
                return True
        return False

    # --- indexes ---

    async def _generated(self, resource: Resource, policy: Policy, context: Context) -> Content:
        """The index document, as it was made since the last change of this repository, else made now."""
        made_from = str(await self._index.changed(self.name))  # before the entries are listed: never newer than they

        async def prepare() -> Prepared:
            entries = await self._published(policy.within or policy.folder)
            if not entries:
                raise NotFound(f"nothing has been published to {self.name} for {resource.title}")
            # most of what changes in a busy repository is of other packages
            told_by = await offload(_sequences, entries)
            return Prepared(lambda out: self._format.generate(resource, entries, out), told_by)

        context.trail.note("hosted", repository=self.name, path=resource.path, generated_from=made_from)
        blob = await self._derived.prepared(resource, policy, made_from, prepare)
        context.trail.cache_status = caching.hit()
        return blob

    async def _published(self, folder: str) -> Sequence[Entry]:
        """What lies in the folder, as it was at one moment: a publication between two pages would be seen in part."""
        entries: Sequence[Entry] = ()
        for _ in range(_SNAPSHOTS):
            sequence = await self._index.latest_change()
            entries = await below(self._index, self.name, folder)
            if not await self._has_changed(folder, sequence):
                break
        return [entry for entry in entries if _was_published(entry)]

    async def _has_changed(self, folder: str, since: int) -> bool:
        """Did anything in the folder change after that sequence? Other packages of a busy repository do not matter."""
        changes = await self._index.changes(since, _CHANGES)
        ours = any(change.repository == self.name and change.path.startswith(folder) for change in changes)
        return ours or len(changes) == _CHANGES

    # --- writing ---

    async def ingest(self, resource: Resource, context: Context, resume: str | None = None) -> Ingest:
        policy = self._publishable(resource)
        if resume is None:
            return await self._uploads.begin(resource, policy)
        return await self._uploads.resume(resource, policy, resume)

    async def publish(self, publication: Publication, context: Context) -> bool:
        now = self._clock()
        offers = [await self._offer(part, publication, now) for part in publication.parts]
        drops = [(self.name, resource.path) for resource in publication.drops]
        needs = [(self.name, resource.path) for resource in publication.needs]
        prunes = [(self.name, resource.path) for resource in publication.prunes]
        gone = {path for _, path in prunes}  # before anything is put in its place
        await self._look([offer for offer, _ in offers if offer.entry.path not in gone], now)
        new = await self._store.publish(offers, now, drops, needs, prunes)
        context.trail.note("publish", repository=self.name, parts=len(offers), new=len(new))
        return bool(new)

    async def _look(self, offers: Sequence[Offer], now: float) -> None:
        """Raises Conflict: an ordinary refusal moves no bytes; what comes meanwhile, the transaction refuses.

        What stands already is as wanted as what comes, which `gc` must know before it is relied upon.
        """
        standing = False
        for offer in offers:
            entry = await self._index.get(self.name, offer.entry.path)
            if not is_new(offer, entry) and entry is not None:
                self._index.served(entry, now)
                standing = True
        if standing:
            await self._index.flush_served()

    async def delete(self, resources: Sequence[Resource], context: Context, alike: Sequence[Resource] = ()) -> None:
        await offload(lambda: [self._publishable(resource) for resource in resources])  # they may be all of a package
        paths, folders = [resource.path for resource in resources], [resource.path for resource in alike]
        trashed = await self._index.withdraw(self.name, paths, self._clock(), folders)
        context.trail.note("delete", repository=self.name, deleted=len(trashed))
        if not trashed:
            raise await self._nothing(resources)

    def _publishable(self, resource: Resource) -> Policy:
        policy = self._format.policy(resource)
        if policy.index or policy.checksum is not None:
            raise Unsupported(f"{resource.title} is made from what is published to {self.name}, and only read")
        return policy

    async def _offer(self, part: Part, publication: Publication, now: float) -> tuple[Offer, Path | None]:
        """What is to stand, and the file with its bytes; None when the store has them."""
        policy = self._publishable(part.resource)
        content = part.upload if isinstance(part.upload, Held) else self._committed(part)
        checksums = {} if isinstance(content, Held) else await content.checksums(policy.checksums)
        entry = Entry(
            repository=self.name,
            path=part.resource.path,
            digest=content.digest,
            size=content.size,
            media_type=part.media_type or policy.media_type,
            checksums=checksums,
            last_modified=date_field(now),
            published=part.published,
            created=now,
            checked=now,
            facts=part.facts,
        )
        # what the rules of this very repository call immutable does not change, whoever asks for it
        may_change = policy.replaceable or not policy.immutable
        offer = Offer(entry, replace=publication.replace and may_change, keep=part.keep)
        return offer, None if isinstance(content, Held) else content.path

    def _committed(self, part: Part) -> Upload:
        """The part's upload. Raises TypeError for what is not one of ours, or not ready: a fault of the format."""
        upload = part.upload
        if not isinstance(upload, Upload) or not upload.ready(self._store):
            raise TypeError(f"{part.resource.path}: want a committed upload of the store of {self.name}")
        return upload

    # --- what is not there ---

    def _absence(self, resource: Resource, entry: Entry | None) -> NotFound:
        if entry is not None and entry.absent == 410:
            return Gone(entry.reason or f"{resource.title} was deleted from {self.name}")
        return NotFound(f"{resource.title} has not been published to {self.name}")

    async def _nothing(self, resources: Sequence[Resource]) -> NotFound:
        """Why there was nothing to delete."""
        absences = [self._absence(each, await self._index.get(self.name, each.path)) for each in resources]
        gone = (absence for absence in absences if isinstance(absence, Gone))
        return next(gone, absences[0] if absences else NotFound("nothing was named that could be deleted"))


def _sequences(entries: Sequence[Entry]) -> str:
    """What is the same when these are the same entries, and nothing of them has changed."""
    stated = "\n".join(f"{entry.sequence} {entry.path}" for entry in entries)
    return hashlib.sha256(stated.encode()).hexdigest()


def _was_published(entry: Entry) -> bool:
    """And not deleted since, nor made from others."""
    return entry.digest is not None and not is_derived(entry)
