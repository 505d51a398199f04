"""maven-metadata.xml: read, written and merged. Pure.

One document may say what a group holds (plugins by their prefixes), what an artifact has (versions) and what a snapshot
is at the moment: a group and an artifact can have the same URL. It does not know which entries of a repository make
such a document (``holdings.py``), nor the names in it (``names.py``): they are taken as they are written.

Specification: Maven's repository metadata model, versions 1.0.0 and 1.1.0.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import BinaryIO, TypeVar
from xml.sax.saxutils import escape

from mxart.errors import Corrupt
from mxart.formats.maven import names, safexml, versions
from mxart.formats.maven.names import FileName

MAX_METADATA = 10 << 20  # bytes
MAX_LISTED = 100_000  # versions, files of a snapshot, plugins: of each
_MAX_COMPARED = 1 << 20  # characters of all versions: while they are sorted, each number and word of them is an object
_MAX_BUILD = (1 << 31) - 1  # clients have no larger number


@dataclass(frozen=True, slots=True)
class Plugin:
    """A plugin of a group. ``prefix`` stands for it on the command line; ``name``: for people, may be ""."""

    prefix: str
    artifact: str
    name: str = ""


@dataclass(frozen=True, slots=True)
class SnapshotVersion:
    """The newest file of a snapshot with this extension and classifier.

    ``value``: its version, with its own timestamp; ``updated``: UTC, yyyyMMddHHmmss, "" when it is not known.
    """

    extension: str
    value: str
    updated: str
    classifier: str = ""

    @classmethod
    def of(cls, version: str, file: FileName) -> SnapshotVersion:
        """What names a file of a snapshot, whose version that is.

        >>> SnapshotVersion.of("1.0-SNAPSHOT", FileName("20261125.101112-3", "", "jar"))
        SnapshotVersion(extension='jar', value='1.0-20261125.101112-3', updated='20261125101112', classifier='')
        """
        timestamp = names.build_order(file.build)[0] if names.is_build(file.build) else ""
        return cls(
            extension=file.extension,
            value=names.version_of(version, file.build),
            updated=timestamp.replace(".", ""),
            classifier=file.classifier,
        )


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The newest build of a snapshot. ``timestamp``: UTC, yyyyMMdd.HHmmss, "" when it is not known.

    ``local_copy``: its files have no timestamps, since they never left the machine that built them.
    """

    timestamp: str = ""
    build: int = 0
    local_copy: bool = False

    @property
    def is_timestamped(self) -> bool:
        """Whether clients make a file name of it; if not, they ask for the file that is called SNAPSHOT."""
        return bool(self.timestamp and self.build)


@dataclass(frozen=True, slots=True)
class Metadata:
    """All that a document says; "", None and () where it says nothing. ``updated``: UTC, yyyyMMddHHmmss."""

    group: str = ""
    artifact: str = ""
    version: str = ""
    versions: tuple[str, ...] = ()
    latest: str = ""
    release: str = ""
    updated: str = ""
    snapshot: Snapshot | None = None
    snapshot_versions: tuple[SnapshotVersion, ...] = ()
    plugins: tuple[Plugin, ...] = ()


# --- reading -----------------------------------------------------------------------------------------------------

_VERSION = "versioning/versions/version"
_SNAPSHOT_VERSION = "versioning/snapshotVersions/snapshotVersion"
_PLUGIN = "plugins/plugin"
_ONCE = (
    "groupId",
    "artifactId",
    "version",
    "versioning/latest",
    "versioning/release",
    "versioning/lastUpdated",
    "versioning/snapshot/timestamp",
    "versioning/snapshot/buildNumber",
    "versioning/snapshot/localCopy",
)
_PARTS = {
    _SNAPSHOT_VERSION: ("classifier", "extension", "value", "updated"),
    _PLUGIN: ("name", "prefix", "artifactId"),
}
_PATHS = frozenset([*_ONCE, _VERSION, *_PARTS, *(f"{path}/{part}" for path in _PARTS for part in _PARTS[path])])
_WANTED = safexml.Wanted("maven-metadata.xml", MAX_METADATA, "metadata", _PATHS)

_UPDATED = re.compile(r"[0-9]{14}")
_TIMESTAMP = re.compile(r"[0-9]{8}\.[0-9]{6}")
_BUILD = re.compile(r"[0-9]{1,10}")


def parse(file: BinaryIO) -> Metadata:
    """What the open file says, from where it stands. Raises Corrupt for what is no such document.

    As Maven's reader, it passes over what it does not know, and takes for absent what has the wrong form. Of what is
    said twice the first counts; entries of lists that say too little to be of use are left out.
    """
    once: dict[str, str] = {}
    listed: list[str] = []
    snapshot_versions: list[SnapshotVersion] = []
    plugins: list[Plugin] = []
    parts: dict[str, str] = {}  # of the entry that is being read
    for path, text in safexml.walk(safexml.chunks(file), _WANTED):
        if path == _VERSION:
            _add(listed, text)
        elif path == _SNAPSHOT_VERSION:
            _add(snapshot_versions, _snapshot_version(parts))
            parts = {}
        elif path == _PLUGIN:
            _add(plugins, _plugin(parts))
            parts = {}
        elif path in _ONCE:
            once[path] = once.get(path) or text
        else:
            parts.setdefault(path.rpartition("/")[2], text)
    return _metadata(once, listed, snapshot_versions, plugins)


_T = TypeVar("_T")


def _add(found: list[_T], item: _T | None) -> None:
    if item:
        found.append(item)
    if len(found) > MAX_LISTED:
        raise _too_many()


def _too_many() -> Corrupt:
    return Corrupt(f"The maven-metadata.xml lists more than {MAX_LISTED} versions, files of a snapshot, or plugins.")


def _metadata(
    once: dict[str, str], listed: list[str], snapshot_versions: list[SnapshotVersion], plugins: list[Plugin]
) -> Metadata:
    snapshot = Snapshot(
        _matching(_TIMESTAMP, once.get("versioning/snapshot/timestamp")),
        _build(once.get("versioning/snapshot/buildNumber")),
        once.get("versioning/snapshot/localCopy", "").lower() == "true",
    )
    return Metadata(
        group=once.get("groupId", ""),
        artifact=once.get("artifactId", ""),
        version=once.get("version", ""),
        versions=tuple(listed),
        latest=once.get("versioning/latest", ""),
        release=once.get("versioning/release", ""),
        updated=_matching(_UPDATED, once.get("versioning/lastUpdated")),
        snapshot=snapshot if snapshot != Snapshot() else None,
        snapshot_versions=tuple(snapshot_versions),
        plugins=tuple(plugins),
    )


def _snapshot_version(parts: dict[str, str]) -> SnapshotVersion | None:
    value = parts.get("value", "")
    if not value:
        return None
    updated = _matching(_UPDATED, parts.get("updated"))
    return SnapshotVersion(parts.get("extension", ""), value, updated, parts.get("classifier", ""))


def _plugin(parts: dict[str, str]) -> Plugin | None:
    prefix, artifact = parts.get("prefix"), parts.get("artifactId")
    return Plugin(prefix, artifact, parts.get("name", "")) if prefix and artifact else None


def _matching(pattern: re.Pattern[str], text: str | None) -> str:
    return text if text and pattern.fullmatch(text) else ""


def _build(text: str | None) -> int:
    number = int(_matching(_BUILD, text) or 0)
    return number if number <= _MAX_BUILD else 0


# --- writing -----------------------------------------------------------------------------------------------------

_ESCAPED = {"\r": "&#13;"}  # else readers make a line feed of it


def render(metadata: Metadata) -> bytes:
    """The document, in the order and the indentation of Maven's writer; the same bytes for the same metadata."""
    model = ' modelVersion="1.1.0"' if metadata.snapshot_versions else ""
    body = chain(
        _texts(("groupId", metadata.group), ("artifactId", metadata.artifact)),
        _element("versioning", _versioning(metadata)),
        _texts(("version", metadata.version)),
        _element("plugins", chain.from_iterable(map(_plugin_lines, metadata.plugins))),
    )
    lines = ['<?xml version="1.0" encoding="UTF-8"?>', f"<metadata{model}>", *map("  {}".format, body), "</metadata>"]
    return "\n".join([*lines, ""]).encode()


def _versioning(metadata: Metadata) -> Iterator[str]:
    yield from _texts(("latest", metadata.latest), ("release", metadata.release))
    yield from _element("versions", _texts(*(("version", version) for version in metadata.versions)))
    yield from _texts(("lastUpdated", metadata.updated))
    if metadata.snapshot:
        yield from _element("snapshot", _snapshot_lines(metadata.snapshot))
    yield from _element("snapshotVersions", chain.from_iterable(map(_file_lines, metadata.snapshot_versions)))


def _snapshot_lines(snapshot: Snapshot) -> Iterator[str]:
    build, local_copy = str(snapshot.build or ""), "true" if snapshot.local_copy else ""
    return _texts(("timestamp", snapshot.timestamp), ("buildNumber", build), ("localCopy", local_copy))


def _file_lines(found: SnapshotVersion) -> Iterator[str]:
    texts = (("classifier", found.classifier), ("extension", found.extension))
    return _element("snapshotVersion", _texts(*texts, ("value", found.value), ("updated", found.updated)))


def _plugin_lines(plugin: Plugin) -> Iterator[str]:
    return _element("plugin", _texts(("name", plugin.name), ("prefix", plugin.prefix), ("artifactId", plugin.artifact)))


def _element(name: str, content: Iterable[str]) -> Iterator[str]:
    """Its lines, none when it has no content."""
    lines = [f"  {line}" for line in content]
    if lines:
        yield from (f"<{name}>", *lines, f"</{name}>")


def _texts(*elements: tuple[str, str]) -> Iterator[str]:
    """A line for each element that has a text."""
    return (f"<{name}>{escape(text, _ESCAPED)}</{name}>" for name, text in elements if text)


# --- merging -----------------------------------------------------------------------------------------------------


def merge(documents: Sequence[Metadata]) -> Metadata:
    """What the documents say together, in the order of those who may overrule the others.

    What lists versions, files of a snapshot and plugins is united: versions in Maven's order; of a file the newest; of
    a prefix the first plugin. What says which is the newest is told anew. Raises Corrupt for too many of anything.
    """
    listed = _sorted(_united((document.versions for document in documents), str))
    # Old documents may state these without a list of versions.
    known = listed or _sorted(_united(((document.release, document.latest) for document in documents), str))
    return Metadata(
        group=_first(document.group for document in documents),
        artifact=_first(document.artifact for document in documents),
        version=_first(document.version for document in documents),
        versions=tuple(listed),
        latest=_first(reversed(known)),
        release=_first(version for version in reversed(known) if names.is_release(version)),
        updated=max((document.updated for document in documents), default=""),
        snapshot=_newest_snapshot([document.snapshot for document in documents if document.snapshot]),
        snapshot_versions=_newest_files(document.snapshot_versions for document in documents),
        plugins=tuple(_united((document.plugins for document in documents), lambda plugin: plugin.prefix)),
    )


def _first(texts: Iterable[str]) -> str:
    return next(filter(None, texts), "")


def _united(lists: Iterable[Iterable[_T]], key: Callable[[_T], str]) -> Collection[_T]:
    """Of each key the first, in their order; what is nothing is left out. Raises Corrupt for too many."""
    union: dict[str, _T] = {}
    for item in filter(None, chain.from_iterable(lists)):
        union.setdefault(key(item), item)
        if len(union) > MAX_LISTED:
            raise _too_many()
    return union.values()


def _sorted(found: Collection[str]) -> list[str]:
    """Oldest first. Raises Corrupt for too many characters."""
    if sum(map(len, found)) > _MAX_COMPARED:
        raise Corrupt(f"The versions in the maven-metadata.xml have more than {_MAX_COMPARED} characters.")
    return versions.ordered(found)


def _newest_snapshot(found: Sequence[Snapshot]) -> Snapshot | None:
    """A build that clients can make a file name of is preferred to all that they cannot."""
    if not found:
        return None
    if timestamped := [snapshot for snapshot in found if snapshot.is_timestamped]:
        return max(timestamped, key=lambda snapshot: (snapshot.timestamp, snapshot.build, not snapshot.local_copy))
    build = max(snapshot.build for snapshot in found)
    return Snapshot("", build, any(snapshot.local_copy for snapshot in found))


def _newest_files(lists: Iterable[Iterable[SnapshotVersion]]) -> tuple[SnapshotVersion, ...]:
    """Of each classifier and extension the newest, sorted by them. Raises Corrupt for too many."""
    newest: dict[tuple[str, str], SnapshotVersion] = {}
    for item in chain.from_iterable(lists):
        kind = (item.classifier, item.extension)
        newest[kind] = max(newest.get(kind, item), item, key=_age)
        if len(newest) > MAX_LISTED:
            raise _too_many()
    return tuple(newest[kind] for kind in sorted(newest))


def _age(found: SnapshotVersion) -> tuple[str, int, str]:
    """Values differ in their timestamps, which are equally long, and in the numbers of their builds."""
    return found.updated, len(found.value), found.value
