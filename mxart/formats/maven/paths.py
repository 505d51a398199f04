"""URL paths of a Maven repository ↔ what they ask for, both ways.

Inside mxart the files of one package (``group:artifact``) lie below a folder that is nobody else's: behind the
artifactId of its URL path comes a segment ``@``, which no client can ask for. So what lies below ``org/acme/lib/@/``
belongs to ``org.acme:lib``, and nothing of the group ``org.acme.lib`` does::

    org/acme/lib/1.0/lib-1.0.jar            →  org/acme/lib/@/1.0/lib-1.0.jar
    org/acme/lib/maven-metadata.xml         →  org/acme/lib/@/maven-metadata.xml
                                               org/acme/lib/@/1.0/@announced/BUILD   what a client has named, see
                                                                                     ``holdings.py``
                                               org/acme/lib/@/1.0/@contested/FILE    where more was refused, and
                                               org/acme/lib/@/1.0/@contradicted/FILE which checksum did not agree, see
                                                                                     ``publish.py``
                                               org/acme/lib/@plugins/ARTIFACT/FILE   what is a Maven plugin in the group
                                                                                     org.acme.lib, see ``publish.py``

``maven-metadata.xml`` of ``org/acme/lib`` says which versions ``org.acme:lib`` has, and which plugins the group
``org.acme.lib``: one document for both, as in every Maven repository.

Specification: "Maven Repository Layout".
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import quote

from mxart.errors import Invalid, NotFound
from mxart.formats.maven import names
from mxart.formats.maven.names import FileName
from mxart.model import Resource

BORDER = "/@/"  # between a package and its files
ANNOUNCED = "@announced/"  # in the folder of a version
CONTRADICTED = "@contradicted/"
_CONTESTED = "@contested/"
_PLUGINS = "@plugins"
# Beside letters, digits and "_.-": what a segment may hold as it is (RFC 3986 §3.3). Not ";": servers that take what
# stands behind it for parameters would find a package under names that no rule is about.
_SAFE = "/!$&'()*+,=:~"
_PREFIXES = ".meta/prefixes.txt"


@dataclass(frozen=True, slots=True, kw_only=True)
class MavenResource(Resource):
    """A Maven resource with its parts.

    ``kind`` is one of
    - artifact: a file of a version, called after it; ``name`` has the parts of its name
    - checksum: by ``algorithm``, of the resource ``of``
    - metadata: maven-metadata.xml; of a snapshot's builds when it has a ``version``, else of ``group:artifact`` and of
      the plugins of ``plugin_group``, each "" when it cannot be
    - file: what else a repository may hold
    - directory: a folder, "" or with its last slash
    - mark: a note of what it is (a plugin), or of what clients did about it; no path that is parsed leads there
    """

    url_path: str
    group: str = ""
    artifact: str = ""
    version: str = ""
    name: FileName | None = None
    plugin_group: str = ""
    of: MavenResource | None = None
    algorithm: str = ""

    @property
    def title(self) -> str:
        return self.url_path

    @property
    def filename(self) -> str:
        return self.url_path.rpartition("/")[2]

    @property
    def is_snapshot(self) -> bool:
        """Is it of a version under which many builds are published?"""
        return names.is_snapshot(self.version)

    @property
    def build(self) -> str:
        """Which build of a snapshot it is of, as ``TIMESTAMP-NUMBER``; "" for what is of none by name."""
        return self.name.build if self.name and names.is_build(self.name.build) else ""


def parse(path: str) -> MavenResource:
    """What a percent-decoded path below the repository asks for.

    Raises Invalid for what is no path of a Maven repository, NotFound for what none serves.
    """
    if path == "" or path.endswith("/"):
        names.check_segments(path.split("/")[:-1])
        return directory(path)
    segments = path.split("/")
    names.check_segments(segments)
    stem, dot, ending = path.rpartition(".")
    if dot and ending in names.ALGORITHMS:
        return checksum(_parse_file(stem), ending)
    return _parse_file(path)


def _parse_file(path: str) -> MavenResource:
    *folders, filename = path.split("/")
    names.check_segments([*folders, filename])
    if names.is_bookkeeping(filename):
        raise NotFound(f"{filename} is a note of a client about its own local repository: none is served or stored.")
    if filename.rpartition(".")[2] in names.ALGORITHMS and "." in filename:
        raise NotFound("There are no checksums of checksum files.")
    if path == _PREFIXES:  # an upstream's, passed on, would hide from clients what is published here
        raise NotFound(f"{path} is not served: clients ask for whatever they need without it.")
    if filename == names.METADATA and folders and (found := _metadata(folders)) is not None:
        return found
    if len(folders) >= 3 and "." not in "".join(folders[:-2]):
        *group, artifact, version = folders
        name = names.parse_filename(filename, artifact, version)
        return _of_version(".".join(group), artifact, version, filename, name)
    return MavenResource(path=path, url_path=path, kind="file", package=f"{'.'.join(folders)}:" if folders else "")


def _of_version(group: str, artifact: str, version: str, filename: str, name: FileName | None) -> MavenResource:
    return MavenResource(
        path=f"{folder(group, artifact)}{version}/{filename}",
        url_path=f"{group.replace('.', '/')}/{artifact}/{version}/{filename}",
        kind="file" if name is None else "artifact",
        package=f"{group}:{artifact}",
        group=group,
        artifact=artifact,
        version=version,
        name=name,
    )


def _metadata(folders: Sequence[str]) -> MavenResource | None:
    """What the maven-metadata.xml of that folder is; None where a group's folder would have a dot in its name."""
    if len(folders) >= 3 and names.is_snapshot(folders[-1]) and "." not in "".join(folders[:-2]):
        *group, artifact, version = folders
        return snapshot_metadata(".".join(group), artifact, version)
    return metadata("/".join(folders)) if "." not in "".join(folders[:-1]) else None


# --- what there is to ask for ------------------------------------------------------------------------------------


def artifact(group: str, artifact_id: str, version: str, filename: str) -> MavenResource:
    """A file of a version. Raises Invalid when it is not called after it."""
    name = names.parse_filename(filename, artifact_id, version)
    if name is None:
        raise Invalid(f"{filename} is not called after {artifact_id} {version}.")
    return _of_version(group, artifact_id, version, filename, name)


def metadata(folder_path: str) -> MavenResource:
    """What a folder's maven-metadata.xml says of a package and of a group's plugins; ``folder_path``: without a slash
    at its end."""
    parent, slash, artifact_id = folder_path.rpartition("/")
    group = parent.replace("/", ".")
    plugin_group = "" if "." in artifact_id else folder_path.replace("/", ".")
    return MavenResource(
        path=f"{folder_path}{BORDER}{names.METADATA}" if slash else f"{folder_path}/{_PLUGINS}/{names.METADATA}",
        url_path=f"{folder_path}/{names.METADATA}",
        kind="metadata",
        package=f"{group}:{artifact_id}" if slash else f"{plugin_group}:",
        also=(f"{plugin_group}:",) if slash and plugin_group else (),
        group=group,
        artifact=artifact_id if slash else "",
        plugin_group=plugin_group,
    )


def snapshot_metadata(group: str, artifact_id: str, version: str) -> MavenResource:
    """Which builds a snapshot has."""
    return MavenResource(
        path=f"{folder(group, artifact_id)}{version}/{names.METADATA}",
        url_path=f"{group.replace('.', '/')}/{artifact_id}/{version}/{names.METADATA}",
        kind="metadata",
        package=f"{group}:{artifact_id}",
        group=group,
        artifact=artifact_id,
        version=version,
    )


def checksum(of: MavenResource, algorithm: str) -> MavenResource:
    """The checksum file of another resource."""
    return MavenResource(
        path=f"{of.path}.{algorithm}",
        url_path=f"{of.url_path}.{algorithm}",
        kind="checksum",
        package=of.package,
        also=of.also,
        group=of.group,
        artifact=of.artifact,
        version=of.version,
        of=of,
        algorithm=algorithm,
    )


def directory(url_path: str) -> MavenResource:
    """A folder; ``url_path``: "", or with its last slash. To read the root, too, somebody has to be allowed to: what
    has no path asks for nothing."""
    return MavenResource(path=url_path or "/", url_path=url_path, kind="directory")


def of_entry(path: str) -> MavenResource:
    """What stands at a path in the index: an artifact, or of what has no such name all that its path tells."""
    if is_mark(path) or BORDER not in path:
        return MavenResource(path=path, url_path=url_path(path), kind="mark" if is_mark(path) else "file")
    group, artifact_id = package_of(path)
    version, _, filename = path.partition(BORDER)[2].rpartition("/")
    name = names.parse_filename(filename, artifact_id, version) if "/" not in version else None
    if name is None:
        return MavenResource(path=path, url_path=url_path(path), kind="mark", package=f"{group}:{artifact_id}")
    return _of_version(group, artifact_id, version, filename, name)


def mark(of: MavenResource) -> MavenResource:
    """Where is noted that an artifact is a Maven plugin: beside those of all artifacts of its group."""
    return MavenResource(
        path=f"{marks_folder(of.group)}{of.artifact}/{of.filename}",
        url_path=of.url_path,
        kind="mark",
        package=of.package,
        group=of.group,
        artifact=of.artifact,
        version=of.version,
        name=of.name,
    )


def announcement(group: str, artifact_id: str, version: str, build: str) -> MavenResource:
    """Where is noted that a client has named a build of a snapshot, or a release when ``build`` is "", in its
    metadata."""
    return _note(group, artifact_id, version, f"{ANNOUNCED}{build}")


def contest(of: MavenResource) -> MavenResource:
    """Where is noted that other content has been refused in place of an artifact."""
    return _note(of.group, of.artifact, of.version, f"{_CONTESTED}{of.filename}")


def contradiction(of: MavenResource) -> MavenResource:
    """Where is noted that a checksum has come that does not agree with an artifact."""
    return _note(of.group, of.artifact, of.version, f"{CONTRADICTED}{of.filename}")


def _note(group: str, artifact_id: str, version: str, name: str) -> MavenResource:
    path = f"{folder(group, artifact_id)}{version}/{name}"
    return MavenResource(path=path, url_path=url_path(path), kind="mark", package=f"{group}:{artifact_id}")


# --- places ------------------------------------------------------------------------------------------------------


def folder(group: str, artifact_id: str) -> str:
    """The path below which all files of a package lie, with its last slash.

    >>> folder("org.acme", "lib")
    'org/acme/lib/@/'
    """
    return f"{group.replace('.', '/')}/{artifact_id}{BORDER}"


def above(resource: MavenResource) -> tuple[str, ...]:
    """The folders of the packages that what is no artifact may belong to: its own path, or what is above that, may be
    the folder of one.

    >>> above(parse("org/acme/lib/notes.txt"))
    ('org/acme/@/', 'org/acme/lib/@/', 'org/acme/lib/notes.txt/@/')
    """
    segments = resource.url_path.split("/")
    return tuple(f"{'/'.join(segments[:end])}{BORDER}" for end in range(2, len(segments) + 1))


def package_of(path: str) -> tuple[str, str]:
    """The groupId and the artifactId of the package in whose folder a path in the index lies.

    >>> package_of("org/acme/lib/@/1.0/lib-1.0.jar")
    ('org.acme', 'lib')
    """
    parent, _, artifact_id = path.partition(BORDER)[0].rpartition("/")
    return parent.replace("/", "."), artifact_id


def marks_folder(group: str) -> str:
    """The path below which is noted what of a group are Maven plugins."""
    return f"{group.replace('.', '/')}/{_PLUGINS}/"


def is_mark(path: str) -> bool:
    """Does a path in the index lead to the note that something is a Maven plugin?"""
    return f"/{_PLUGINS}/" in path


def url_path(path: str) -> str:
    """The URL path of what stands at a path in the index; of what has none, something alike."""
    return path.replace(BORDER, "/", 1)


def quoted(path: str) -> str:
    """A path as it stands in a URL.

    >>> quoted("org/acme/lib/1.0+x~1/lib-1.0+x~1.jar"), quoted("a/b c/ä")
    ('org/acme/lib/1.0+x~1/lib-1.0+x~1.jar', 'a/b%20c/%C3%A4')
    """
    return quote(path, safe=_SAFE)
