"""Which files of a repository's tree are sent to another, in which order, and why the others are not. Pure.

Specification: "Maven Repository Layout"; maven-resolver, deployment (POMs and metadata come last).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import Enum

from mxart.errors import Invalid, NotFound
from mxart.formats.maven import documents, names, paths
from mxart.formats.maven.documents import Metadata, SnapshotVersion
from mxart.formats.maven.holdings import is_content
from mxart.formats.maven.paths import MavenResource


class Why(Enum):
    """What a file is that is not sent."""

    HIDDEN = "hidden"
    GENERATED = "generated"  # by whoever receives the tree
    BOOKKEEPING = "bookkeeping"  # of a client or a server
    OUTSIDE = "outside"  # of the layout
    ORPHAN = "orphan"  # a checksum of nothing in its folder


@dataclass(frozen=True, slots=True)
class Artifact:
    """A file that is sent.

    ``checksums``: the algorithms of the checksum files beside it, the strongest first. ``is_replaced``: by the next
    build of its snapshot, because its name says no build.
    """

    path: str
    size: int | None  # bytes; None: nobody has said
    checksums: tuple[str, ...] = ()
    is_replaced: bool = False


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A file that is not sent."""

    path: str
    why: Why


def sort_out(folder: str, files: Mapping[str, int | None]) -> Iterator[Artifact | LeftOut]:
    """What of a folder is sent, and all that is not but the checksums of what is.

    ``folder``: its path, "" for the top of the tree; ``files``: name → size, as `Artifact` has it. POMs come last: from
    then on a version is listed, and its files should be there.
    """
    for name in sorted(files, key=lambda name: (_is_pom(name), name)):
        path = f"{folder}/{name}" if folder else name
        found = _sort(path, name, files)
        if isinstance(found, MavenResource):
            checksums = tuple(each for each in reversed(names.ALGORITHMS) if f"{name}.{each}" in files)
            yield Artifact(path, files[name], checksums, is_replaced=found.is_snapshot and not found.build)
        elif found is not None:
            yield LeftOut(path, found)


def _is_pom(name: str) -> bool:
    return name.endswith((".pom", *(f".pom{ending}" for ending in names.SIGNATURES)))


def _sort(path: str, name: str, beside: Collection[str]) -> MavenResource | Why | None:
    """An artifact, or why it is none; None for the checksum of one. ``beside``: the names in the folder."""
    if name.startswith("."):
        return Why.HIDDEN
    if names.is_bookkeeping(name):
        return Why.BOOKKEEPING
    try:
        resource = paths.parse(path)
    except (Invalid, NotFound):
        return Why.OUTSIDE
    of = resource.of or resource
    if of.kind == "metadata":
        return Why.GENERATED
    if of.kind != "artifact":
        return Why.OUTSIDE
    if resource is of:
        return resource
    return None if of.filename in beside else Why.ORPHAN


def naming(artifacts: Iterable[Artifact]) -> tuple[str, bytes] | None:
    """Metadata, and its path, that names what has no POM among the files of one folder, or nothing beside it but files
    with a classifier: without it, the receiver's own would not list that. None when there is nothing of the kind."""
    builds: dict[str, list[MavenResource]] = {}
    for artifact in artifacts:
        resource = paths.parse(artifact.path)
        builds.setdefault(resource.build, []).append(resource)
    bare = [file for files in builds.values() if not _is_listed(files) for file in files]
    if not bare:
        return None
    first = bare[0]
    if not first.is_snapshot:
        metadata = Metadata(group=first.group, artifact=first.artifact, versions=(first.version,))
        place = paths.metadata(f"{first.group.replace('.', '/')}/{first.artifact}")
    else:
        named = tuple(SnapshotVersion.of(each.version, each.name) for each in bare if each.name is not None)
        metadata = Metadata(group=first.group, artifact=first.artifact, version=first.version, snapshot_versions=named)
        place = paths.snapshot_metadata(first.group, first.artifact, first.version)
    return place.url_path, documents.render(metadata)


def _is_listed(files: Iterable[MavenResource]) -> bool:
    """Will the receiver list a build with these files by itself? A POM alone may be all that there is to be."""
    kinds = {(file.name.classifier, file.name.extension) for file in files if file.name is not None}
    has_main = any(not classifier and is_content(extension) for classifier, extension in kinds)
    has_more = any(classifier and is_content(extension) for classifier, extension in kinds)
    return ("", "pom") in kinds and (has_main or not has_more)
