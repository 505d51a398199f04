"""A plain format of which things have digests for names, as container registries have them, and what is made of it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import BinaryIO

from mxart.contract import Policy
from mxart.errors import Corrupt
from mxart.model import Digest, Entry, Resource
from tests.repository.parts import PlainFormat, resource
from tests.store.builders import digest_of

TYPE, OTHER_TYPE = "text/x-first", "text/x-second"
BRIEF = 10.0  # seconds for which ``brief.tag`` is fresh
PROBE = "x-digest"  # in which an upstream says the digest of a tag


class NamedFormat(PlainFormat):
    """Beside the files of `PlainFormat`: ``HEX.blob`` and ``HEX.doc`` are named by their SHA-256, ``*.tag`` is a doc by
    a name that moves, unless that begins with "fixed". Docs say in their first line of which media type they are, and
    in the others which blobs of the same folder they need. ``*.extra`` is what not every upstream knows of. The folder
    ``short`` is called ``long``.
    """

    name = "named"
    renames = True

    def canonical(self, resource: Resource) -> Resource:
        if resource.package != "short":
            return resource
        return replace(resource, path="long" + resource.path.removeprefix("short"), package="long")

    def policy(self, resource: Resource) -> Policy:
        policy, stem = super().policy(resource), _stem(resource)
        if resource.package == "short":
            policy = replace(policy, above=("long/",))
        match resource.kind:
            case "tag":
                ttl = BRIEF if stem == "brief" else None
                policy = replace(policy, immutable=stem.startswith("fixed"), ttl=ttl, probe=PROBE, accept="text/*")
            case "doc" | "blob":
                policy = replace(policy, immutable=True, digest=Digest("sha256", stem))
            case "extra":
                return replace(policy, immutable=False, document=True, negotiated=True, optional=True)
            case _:
                return policy
        is_doc = resource.kind != "blob"
        return replace(policy, typed=is_doc, document=is_doc, negotiated=True)

    def aliases(self, resource: Resource, digest: Digest) -> Sequence[Resource]:
        return [named_doc(resource.package, digest)] if resource.kind == "tag" else []

    def check(self, resource: Resource, file: BinaryIO) -> str:
        super().check(resource, file)
        if not self.policy(resource).typed:
            return ""
        file.seek(0)
        first = file.readline().decode("latin-1").strip()
        if not first.startswith("text/"):
            raise Corrupt("it does not say of which type it is")
        return first

    def outdated(self, entries: Sequence[Entry], now: float) -> Sequence[Entry]:
        return [entry for entry in entries if entry.path.endswith(".old") and entry.created < now - 100.0]

    def unused(
        self, entries: Sequence[Entry], trashed: Sequence[Entry], before: float, read: Callable[[Entry], bytes]
    ) -> Sequence[Entry]:
        """Docs that no tag names, and blobs of no doc that one does."""
        tags = [entry for entry in (*entries, *trashed) if entry.digest and entry.path.endswith(".tag")]
        wanted = {f"{entry.digest.hex}.doc" for entry in tags if entry.digest}
        wanted |= {f"{line}.blob" for entry in tags for line in read(entry).decode().splitlines()[1:]}
        named = [entry for entry in entries if entry.digest and entry.path.endswith((".doc", ".blob"))]
        loose = [entry for entry in named if entry.path.rpartition("/")[2] not in wanted]
        return [entry for entry in loose if max(entry.created, entry.served) <= before]


def _stem(resource: Resource) -> str:
    return resource.path.rpartition("/")[2].rpartition(".")[0]


def doc(*blobs: bytes, media_type: str = TYPE) -> bytes:
    """A doc that needs these blobs."""
    return "\n".join([media_type, *(digest_of(data).hex for data in blobs)]).encode()


def named_doc(package: str, digest: Digest) -> Resource:
    return resource(f"{package}/{digest.hex}.doc")


def doc_path(package: str, data: bytes) -> str:
    return named_doc(package, digest_of(data)).path


def blob_path(package: str, data: bytes) -> str:
    return f"{package}/{digest_of(data).hex}.blob"
