"""POM files: who an artifact says that it is. Pure.

It does not know what else is in a POM, nor what the variables in it stand for: a value is what is written there.

Specifications: the POM reference, "Maven Coordinates" and "Inheritance"; Gradle's documentation, "Gradle Module
Metadata", for its marker.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import BinaryIO

from mxart.errors import Corrupt
from mxart.formats.maven import safexml

MAX_POM = 16 << 20  # bytes

_PATHS = ("groupId", "artifactId", "version", "packaging", "parent/groupId", "parent/version", safexml.COMMENT)
_WANTED = safexml.Wanted("POM", MAX_POM, "project", frozenset(_PATHS))
# Of Gradle from 5.3 and from 6.0. Each asks for the .module file when a comment that stands in the root element has it.
_MARKERS = ("do-not-remove: published-with-gradle-metadata", "do_not_remove: published-with-gradle-metadata")


@dataclass(frozen=True, slots=True)
class Pom:
    """What a POM says of its artifact, as it is written: "${...}" may be in any of them.

    ``is_gradle``: Gradle made it, and reads a .module file in its place, which must be there then.
    """

    group: str
    artifact: str
    version: str
    packaging: str = "jar"
    is_gradle: bool = False


def read(file: BinaryIO) -> Pom:
    """What the open file says, from where it stands; group and version are the parent's where it states none.

    Raises Corrupt for what is no POM, states no coordinates, or states one twice, which clients refuse.
    """
    stated: dict[str, str] = {}
    is_gradle = False
    for path, text in safexml.walk(safexml.chunks(file), _WANTED):
        if path == safexml.COMMENT:
            is_gradle = is_gradle or any(marker in text for marker in _MARKERS)
        elif path in stated:
            raise Corrupt(f"The POM states its {path} twice.")
        else:
            stated[path] = text
    return Pom(
        group=_coordinate(stated, "groupId", "parent/groupId"),
        artifact=_coordinate(stated, "artifactId"),
        version=_coordinate(stated, "version", "parent/version"),
        packaging=stated.get("packaging") or "jar",
        is_gradle=is_gradle,
    )


def _coordinate(stated: dict[str, str], *paths: str) -> str:
    """The first of them that is stated. Raises Corrupt."""
    for path in paths:
        if stated.get(path):
            return stated[path]
    raise Corrupt(f"The POM states no {paths[0]}" + (", nor does its parent." if len(paths) > 1 else "."))
