"""What of a hosted repository makes a maven-metadata.xml: versions, builds of snapshots, plugins. Pure.

A version, or a build of a snapshot, is named only when it is whole: its POM is there, with a file beside it unless it
is nothing but a POM, and with the .module file that Gradle's marker in the POM promises. So nobody resolves one of
which half has come. What lacks one of these is whole, too, when the client that published it has named it in metadata
of its own, which clients send last.

Specification: maven-repository-metadata, "Repository Metadata".
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from mxart.errors import NotFound
from mxart.formats.maven import names, paths, versions
from mxart.formats.maven.documents import Metadata, Plugin, Snapshot, SnapshotVersion
from mxart.formats.maven.names import FileName
from mxart.formats.maven.paths import MavenResource
from mxart.formats.maven.pom import Pom
from mxart.model import Entry

# in `Entry.facts`, of a POM
PACKAGING = "packaging"
GRADLE = "gradle"
# of a contradiction
ALGORITHM = "algorithm"
# of a mark
PREFIX = "prefix"
NAME = "name"

_POM = "pom"
_MODULE = "module"


@dataclass(slots=True)
class Build:
    """The files of one version, or of one build of a snapshot: those that are held now, at least one."""

    version: str
    build: str  # of a snapshot ``TIMESTAMP-NUMBER`` or "SNAPSHOT"; "" of a release
    files: dict[tuple[str, str], Entry] = field(default_factory=dict)  # by classifier and extension
    announced: bool = False
    contradicted: bool = False  # a checksum has come that does not agree with one of its files

    @property
    def is_whole(self) -> bool:
        """May it be named?"""
        if self.contradicted:
            return False
        if self.announced:
            return True
        pom = self.files.get(("", _POM))
        if pom is None:
            return False
        if pom.facts.get(GRADLE) and ("", _MODULE) not in self.files:
            return False
        # sources and the like may come first: what a dependency means has no classifier
        has_content = any(not classifier and is_content(extension) for classifier, extension in self.files)
        return pom.facts.get(PACKAGING) == _POM or has_content

    @property
    def created(self) -> float:
        """When the last of its files came (UTC seconds)."""
        return max(entry.created for entry in self.files.values())


def facts_of(found: Pom | None) -> dict[str, str]:
    """What is noted with a POM for this; nothing with other files."""
    if found is None:
        return {}
    return {PACKAGING: found.packaging} | ({GRADLE: "yes"} if found.is_gradle else {})


def is_content(extension: str) -> bool:
    """Is a file with that extension what is built, and not a description or a signature of it?"""
    return extension not in (_POM, _MODULE) and not extension.endswith(names.SIGNATURES)


Builds = Mapping[str, Mapping[str, Build]]  # version → build → what is held of it


def builds(artifact: str, entries: Iterable[Entry]) -> Builds:
    """What is held of one package; ``entries``: below its folder, or a part of them."""
    found: dict[str, dict[str, Build]] = {}

    def build_of(version: str, build: str) -> Build:
        return found.setdefault(version, {}).setdefault(build, Build(version, build))

    for entry in entries:
        version, _, filename = entry.path.partition(paths.BORDER)[2].partition("/")
        if filename.startswith(paths.ANNOUNCED):
            build_of(version, filename.removeprefix(paths.ANNOUNCED)).announced = True
            continue
        name = names.parse_filename(filename.removeprefix(paths.CONTRADICTED), artifact, version)
        if name is None:
            continue
        if filename.startswith(paths.CONTRADICTED):
            build_of(version, name.build).contradicted = True
        else:
            build_of(version, name.build).files[name.classifier, name.extension] = entry
    return {version: {b: held for b, held in each.items() if held.files} for version, each in found.items()}


def metadata(resource: MavenResource, entries: Sequence[Entry]) -> Metadata:
    """What the metadata says that is asked for. Raises NotFound when it would name nothing."""
    made = _of_snapshot(resource, entries) if resource.version else _of_folder(resource, entries)
    if not (made.versions or made.plugins or made.snapshot):
        raise NotFound(f"nothing that {resource.title} could name has been published")
    return made


# --- versions and plugins ----------------------------------------------------------------------------------------


def _of_folder(resource: MavenResource, entries: Sequence[Entry]) -> Metadata:
    marks = [entry for entry in entries if paths.is_mark(entry.path)]
    plugins = tuple(_plugins(marks))
    if not resource.artifact:
        return Metadata(plugins=plugins)
    found = builds(resource.artifact, (entry for entry in entries if not paths.is_mark(entry.path)))
    whole = [build for each in found.values() for build in each.values() if build.is_whole]
    named = versions.ordered(build.version for build in whole)
    if not named:
        return Metadata(plugins=plugins)
    return Metadata(
        group=resource.group,
        artifact=resource.artifact,
        versions=tuple(named),
        latest=named[-1],
        release=next((version for version in reversed(named) if names.is_release(version)), ""),
        updated=_stamp(max(build.created for build in whole)),
        plugins=plugins,
    )


def _plugins(marks: Iterable[Entry]) -> Iterator[Plugin]:
    """Each prefix once, of the artifact that was published last under it; and each artifact as its last file says."""
    by_artifact: dict[str, Entry] = {}
    for entry in sorted(marks, key=lambda entry: (entry.created, entry.path)):
        artifact = entry.path.split("/")[-2]
        by_artifact.pop(artifact, None)  # the last one goes to the end
        by_artifact[artifact] = entry
    by_prefix: dict[str, Plugin] = {}
    for artifact, entry in by_artifact.items():
        prefix = entry.facts.get(PREFIX, "")
        by_prefix[prefix] = Plugin(prefix=prefix, artifact=artifact, name=entry.facts.get(NAME, ""))
    return (by_prefix[prefix] for prefix in sorted(by_prefix))


# --- builds of a snapshot ----------------------------------------------------------------------------------------


def _of_snapshot(resource: MavenResource, entries: Sequence[Entry]) -> Metadata:
    """Of each kind of file the newest that is whole. Clients ask for the files of a snapshot that has no builds by
    their plain names, without metadata."""
    held = builds(resource.artifact, entries).get(resource.version, {})
    whole = [build for build in held.values() if build.is_whole and names.is_build(build.build)]
    whole.sort(key=lambda build: names.build_order(build.build))
    newest: dict[tuple[str, str], SnapshotVersion] = {}
    for build in whole:
        for file in build.files:
            newest[file] = SnapshotVersion.of(build.version, FileName(build.build, *file))
    if not whole:
        return Metadata()
    timestamp, number = names.build_order(whole[-1].build)
    return Metadata(
        group=resource.group,
        artifact=resource.artifact,
        version=resource.version,
        updated=timestamp.replace(".", ""),
        snapshot=Snapshot(timestamp=timestamp, build=number),
        snapshot_versions=tuple(newest[file] for file in sorted(newest)),
    )


@dataclass(frozen=True, slots=True)
class Keeping:
    """For how long builds of a snapshot are kept."""

    most: int  # of them; 0: all
    max_age: float | None  # seconds; None: for ever

    @property
    def is_endless(self) -> bool:
        return not self.most and self.max_age is None


def outdated(held: Mapping[str, Build], keeping: Keeping, now: float) -> Iterator[Build]:
    """Those builds of one snapshot that have had their time at ``now`` (UTC seconds). The newest that is whole never
    has, nor has one that came after it."""
    ordered = sorted((b for b in held.values() if names.is_build(b.build)), key=lambda b: names.build_order(b.build))
    whole = [build for build in ordered if build.is_whole]
    if not whole:
        return
    oldest = names.build_order(whole[-keeping.most :][0].build) if keeping.most else ("", 0)
    for build in ordered[: ordered.index(whole[-1])]:
        is_too_many = names.build_order(build.build) < oldest
        is_too_old = keeping.max_age is not None and build.created < now - keeping.max_age
        if is_too_many or is_too_old:
            yield build


def _stamp(when: float) -> str:
    """UTC seconds as ``lastUpdated`` has them: yyyyMMddHHmmss."""
    return datetime.fromtimestamp(when, UTC).strftime("%Y%m%d%H%M%S")


def outdated_entries(entries: Sequence[Entry], keeping: Keeping, now: float) -> Iterator[Entry]:
    """The entries of one package's builds that `outdated` names, with the notes that a client has named them."""
    if not entries:
        return
    group, artifact = paths.package_of(entries[0].path)
    gone: set[str] = set()
    for held in builds(artifact, entries).values():
        for build in outdated(held, keeping, now):
            gone.update(entry.path for entry in build.files.values())
            gone.add(paths.announcement(group, artifact, build.version, build.build).path)
    yield from (entry for entry in entries if entry.path in gone)
