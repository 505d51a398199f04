"""Which files of a Maven repository's tree are sent to another, in which order, and why the others are not; pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from mxart.cli.trees import HIDDEN, Folder, LeftOut, Reason
from mxart.errors import Invalid, NotFound
from mxart.formats.maven import documents, names, paths
from mxart.formats.maven.documents import Metadata, SnapshotVersion
from mxart.formats.maven.paths import MavenResource

GENERATED = Reason("the server makes it itself")
BOOKKEEPING = Reason("a note of a client or a server for itself")
OUTSIDE = Reason("outside the Maven layout")
ORPHAN = Reason("a checksum of nothing that is there")


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


def sort_out(folder: Folder) -> Iterator[Artifact | LeftOut]:
    """What of a folder is sent, and all that is not but the checksums of what is.

    POMs come last: from then on a version is listed, and its files should be there.
    """
    beside = frozenset(found.name for found in folder.files)
    for found in sorted(folder.files, key=lambda found: (_is_pom(found.name), found.name)):
        path = folder.path_of(found.name)
        sorted_out = _sort(path, found.name, beside)
        if isinstance(sorted_out, MavenResource):
            checksums = tuple(each for each in reversed(names.ALGORITHMS) if f"{found.name}.{each}" in beside)
            is_replaced = sorted_out.is_snapshot and not sorted_out.build
            yield Artifact(path, found.size, checksums, is_replaced)
        elif sorted_out is not None:
            yield LeftOut(path, sorted_out)


def _is_pom(name: str) -> bool:
    return name.endswith((".pom", *(f".pom{ending}" for ending in names.SIGNATURES)))


def _sort(path: str, name: str, beside: frozenset[str]) -> MavenResource | Reason | None:
    """An artifact, or why it is none; None for the checksum of one."""
    if name.startswith("."):
        return HIDDEN
    if names.is_bookkeeping(name):
        return BOOKKEEPING
    try:
        resource = paths.parse(path)
    except (Invalid, NotFound):
        return OUTSIDE
    of = resource.of or resource
    if of.kind == "metadata":
        return GENERATED
    if of.kind != "artifact":
        return OUTSIDE
    if resource is of:
        return resource
    return None if of.filename in beside else ORPHAN


def naming(artifacts: Iterable[Artifact]) -> tuple[str, bytes] | None:
    """Metadata, and its path, that names what has no POM among the files of one folder: without it, the server's own
    would not list that. None when all have one."""
    found = [paths.parse(artifact.path) for artifact in artifacts]
    with_pom = {
        each.build for each in found if each.name and (each.name.classifier, each.name.extension) == ("", "pom")
    }
    bare = [each for each in found if each.build not in with_pom]
    if not bare:
        return None
    first = bare[0]
    if not first.is_snapshot:
        metadata = Metadata(group=first.group, artifact=first.artifact, versions=(first.version,))
        place = paths.metadata(f"{first.group.replace('.', '/')}/{first.artifact}")
    else:
        files = tuple(_snapshot_version(each) for each in bare)
        metadata = Metadata(group=first.group, artifact=first.artifact, version=first.version, snapshot_versions=files)
        place = paths.snapshot_metadata(first.group, first.artifact, first.version)
    return place.url_path, documents.render(metadata)


def _snapshot_version(file: MavenResource) -> SnapshotVersion:
    assert file.name is not None  # an artifact has one
    value = names.version_of(file.version, file.name.build)
    return SnapshotVersion(extension=file.name.extension, value=value, updated="", classifier=file.name.classifier)
