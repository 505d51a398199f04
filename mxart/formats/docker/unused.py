"""What of an image nothing leads to any more: manifests without a tag, blobs of no manifest. Pure.

A tag leads to its manifest, an index to its manifests, a manifest to its blobs, a subject to those that refer to it.
What was deleted and can still be restored leads on as if it were there, so that it would come back whole; and what
somebody has just pushed or pulled is left alone, since it may be on its way to be used.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from mxart.errors import Corrupt
from mxart.formats.docker import documents, paths
from mxart.model import Digest, Entry

Read = Callable[[Entry], bytes]
Place = tuple[str, str]  # "tags", "manifests", "blobs" or "referrers", and what stands there


def unused(entries: Sequence[Entry], trashed: Sequence[Entry], before: float, read: Read) -> Sequence[Entry]:
    """See `contract.Format.unused`. Holds in memory what an image has, and one manifest at a time.

    None where a manifest that is wanted is lost or damaged (`fsck` says so): what it leads to is not known, and should
    be there when it comes back.
    """
    live = [entry for entry in entries if entry.digest is not None]
    try:
        wanted = _Walk(live, before, read).wanted(trashed)
    except Corrupt:
        return ()
    return [entry for entry in live if _is_swept(entry, wanted) and not _is_recent(entry, before)]


def _place(entry: Entry) -> Place:
    kind, _, name = entry.path.partition(paths.BORDER)[2].partition("/")
    return kind, name


def _is_swept(entry: Entry, wanted: set[Place]) -> bool:
    """Does it go? That a manifest refers to another is forgotten with that manifest."""
    kind, name = _place(entry)
    if kind == "referrers" and "/" in name:
        return ("manifests", name.rpartition("/")[2]) not in wanted
    return kind in ("manifests", "blobs") and (kind, name) not in wanted


def _is_recent(entry: Entry, before: float) -> bool:
    return max(entry.created, entry.served) > before


class _Walk:
    """From what is wanted by itself to all that it leads to."""

    def __init__(self, live: Sequence[Entry], before: float, read: Read) -> None:
        self._live = live
        self._before = before
        self._read = read
        self._manifests: dict[str, Entry] = {}  # by the digests that name them
        self._names: dict[Digest | None, list[str]] = {}  # of manifests, by what they are
        self._referring: dict[str, list[str]] = {}  # a subject's digest → those of the manifests that refer to it
        for entry in live:
            self._sort_in(entry)

    def _sort_in(self, entry: Entry) -> None:
        kind, name = _place(entry)
        if kind == "manifests":
            self._manifests[name] = entry
            self._names.setdefault(entry.digest, []).append(name)
        elif kind == "referrers" and "/" in name:
            subject, _, digest = name.partition("/")
            self._referring.setdefault(subject, []).append(digest)

    def wanted(self, trashed: Sequence[Entry]) -> set[Place]:
        """Every place that must stay. Raises Corrupt where nobody can say."""
        found: set[Place] = set()
        seen: set[Digest | None] = set()
        todo = [*self._roots(), *(entry for entry in trashed if _place(entry)[0] in ("tags", "manifests"))]
        while todo:
            entry = todo.pop()
            if entry.digest in seen:
                continue
            seen.add(entry.digest)
            for place in (*self._own(entry), *self._needed(entry)):
                found.add(place)
                if place[0] == "manifests" and place[1] in self._manifests:
                    todo.append(self._manifests[place[1]])
        return found

    def _roots(self) -> Iterator[Entry]:
        """Tags, and manifests that were pushed or pulled lately."""
        for entry in self._live:
            kind, name = _place(entry)
            if name and (kind == "tags" or (kind == "manifests" and _is_recent(entry, self._before))):
                yield entry

    def _own(self, entry: Entry) -> Iterator[Place]:
        """The manifest itself under all its names, and those that refer to it."""
        kind, own = _place(entry)
        trashed = [own if kind == "manifests" else str(documents.tagged_digest(entry.facts) or entry.digest)]
        for name in {*self._names.get(entry.digest, ()), *trashed}:
            yield "manifests", name
            yield from (("manifests", digest) for digest in self._referring.get(name, ()))

    def _needed(self, entry: Entry) -> Iterator[Place]:
        manifest = documents.parse_manifest(self._read(entry))
        yield from (("blobs", str(digest)) for digest in (*manifest.blobs, *manifest.elsewhere))
        yield from (("manifests", str(digest)) for digest in manifest.manifests)
