"""The grammar of what Maven repositories are made of: segments of paths, versions, file names. Pure.

Specification: "Maven Repository Layout"; for snapshots, maven-resolver's
``RemoteSnapshotMetadata`` (what stands in place of SNAPSHOT) and ``DefaultArtifact`` (what is a snapshot).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from mxart.errors import Invalid

ALGORITHMS = ("md5", "sha1", "sha256", "sha512")  # each the extension of a checksum file
METADATA = "maven-metadata.xml"
SIGNATURES = (".asc", ".sigstore.json", ".sigstore")  # of any file; they are attached artifacts of their own
SNAPSHOT = "SNAPSHOT"

MAX_SEGMENT = 255  # characters; what file systems of clients take
MAX_PATH = 480  # characters: more than clients have on most systems, and what the index has a key for
MAX_DEPTH = 64  # segments

_HIDDEN_FOLDERS = (".meta", ".index")  # at the root: what repositories say of themselves
_BUILD = re.compile(r"[0-9]{8}\.[0-9]{6}-[0-9]{1,9}")
_BOOKKEEPING = re.compile(
    r"_remote\.repositories|_maven\.repositories|resolver-status\.properties|m2e-lastUpdated\.properties"
    rf"|maven-metadata-[^/]*\.xml(?:\.(?:{'|'.join(ALGORITHMS)}))?|.*\.lastUpdated"
    r"|.*\.[a-z][a-z0-9]*(?:\.[0-9]+)?\.(?:lock|part|tmp)"  # beside a file; an artifact may have such an extension
)


@dataclass(frozen=True, slots=True)
class FileName:
    """The parts of an artifact's file name behind artifactId and version.

    ``build``: of a snapshot ``TIMESTAMP-NUMBER``, or "SNAPSHOT" itself; "" for a release. ``extension``: without its
    dot; that of a signature names what it signs, too, as Maven's metadata does ("jar.asc").
    """

    build: str
    classifier: str
    extension: str


def check_segments(segments: Sequence[str]) -> None:
    """Return when all can be parts of one path. Raises Invalid."""
    if len(segments) > MAX_DEPTH or sum(map(len, segments)) + len(segments) > MAX_PATH:
        raise Invalid(f"A path has at most {MAX_DEPTH} segments and {MAX_PATH} characters.")
    for number, segment in enumerate(segments):
        _check_segment(segment, is_first=number == 0)


def _check_segment(segment: str, *, is_first: bool) -> None:
    if not segment or len(segment) > MAX_SEGMENT:
        raise Invalid(
            f"A segment of a path has 1 to {MAX_SEGMENT} characters, and {segment[:40]!r} has {len(segment)}."
        )
    if not segment.isprintable() or "\\" in segment or "/" in segment:
        raise Invalid(f"{segment[:80]!r} has a character that no path of a Maven repository has.")
    if segment.startswith(("@", ".")) and not (is_first and segment in _HIDDEN_FOLDERS):
        raise Invalid(f"{segment[:80]!r} begins with {segment[0]!r}: no path of a Maven repository does.")


def is_snapshot(version: str) -> bool:
    """Is it one under which many builds are published, one after the other?

    >>> is_snapshot("1.0-SNAPSHOT"), is_snapshot("1.0"), is_snapshot("1.0-20261125.101112-3")
    (True, False, False)
    """
    return version.endswith(SNAPSHOT)


def is_build(text: str) -> bool:
    """Is it what stands in place of SNAPSHOT in the names of a build's files, its ``TIMESTAMP-NUMBER``?"""
    return _BUILD.fullmatch(text) is not None


def is_build_of_snapshot(version: str) -> bool:
    """Does a version name one build of a snapshot, whose files lie in the folder of the snapshot?

    >>> is_build_of_snapshot("1.0-20261125.101112-3"), is_build_of_snapshot("1.0-3")
    (True, False)
    """
    return re.search(rf"(?:^|[.-]){_BUILD.pattern}$", version) is not None


def is_release(version: str) -> bool:
    """Is it neither a snapshot nor one build of it?"""
    return not is_snapshot(version) and not is_build_of_snapshot(version)


def stem(version: str) -> str:
    """What is left of a snapshot's version before the part that names the build: "1.0-" of "1.0-SNAPSHOT"; another
    version as it is."""
    return version.removesuffix(SNAPSHOT)


def version_of(version: str, build: str) -> str:
    """The version of one build of a snapshot, as its files are called after it.

    >>> version_of("1.0-SNAPSHOT", "20261125.101112-3")
    '1.0-20261125.101112-3'
    """
    return f"{stem(version)}{build}"


def build_order(build: str) -> tuple[str, int]:
    """By what builds of a snapshot are ordered: timestamp, then number. ``build``: one that `is_build`."""
    timestamp, _, number = build.rpartition("-")
    return timestamp, int(number)


def parse_filename(filename: str, artifact: str, version: str) -> FileName | None:
    """The parts of the name of a file in the folder of that version; None when it is not called after it.

    >>> parse_filename("lib-1.0-linux-x86_64.tar.gz", "lib", "1.0")
    FileName(build='', classifier='linux-x86_64', extension='tar.gz')
    >>> parse_filename("lib-1.0-20261125.101112-3.jar.asc", "lib", "1.0-SNAPSHOT")
    FileName(build='20261125.101112-3', classifier='', extension='jar.asc')
    """
    beginning = f"{artifact}-{stem(version)}"
    if not filename.startswith(beginning):
        return None
    rest, build = filename[len(beginning) :], ""
    if is_snapshot(version):
        found = re.match(rf"{_BUILD.pattern}|{SNAPSHOT}", rest)
        if found is None:
            return None
        build, rest = found[0], rest[found.end() :]
    return _parse_rest(rest, build)


def _parse_rest(rest: str, build: str) -> FileName | None:
    """``rest``: ``[-CLASSIFIER].EXTENSION``."""
    plain = rest
    while plain.endswith(SIGNATURES):
        plain = plain.removesuffix(next(ending for ending in SIGNATURES if plain.endswith(ending)))
    signature = rest[len(plain) :]
    name, dot, extension = plain.rpartition(".")
    if not dot or not extension or ".." in plain:
        return None
    if name.endswith(".tar"):
        name, extension = name.removesuffix(".tar"), f"tar.{extension}"
    if name.startswith("."):  # an extension of several parts; but not the rest of another version
        return None if name[1:2].isdigit() else FileName(build, "", plain[1:] + signature)
    if name == "-" or (name and not name.startswith("-")):
        return None
    return FileName(build, name[1:], extension + signature)


def is_bookkeeping(filename: str) -> bool:
    """Is it one of the files in which clients keep notes about a local repository? No repository serves them.

    >>> is_bookkeeping("_remote.repositories"), is_bookkeeping("lib-1.0.pom.lastUpdated"), is_bookkeeping("lib-1.0.jar")
    (True, True, False)
    """
    return _BOOKKEEPING.fullmatch(filename) is not None
