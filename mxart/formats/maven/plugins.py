"""What a jar says of the Maven plugin that it is: the prefix under which its goals are called.

Specification: Maven's plugin descriptor, "META-INF/maven/plugin.xml".
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import BinaryIO

from mxart import archive
from mxart.errors import Corrupt
from mxart.formats.maven import safexml

DESCRIPTOR = "META-INF/maven/plugin.xml"
MAX_DESCRIPTOR = 16 << 20  # bytes, unpacked

_WANTED = safexml.Wanted(
    "plugin.xml", MAX_DESCRIPTOR, "plugin", frozenset({"groupId", "artifactId", "goalPrefix", "name"})
)
_MAX_PREFIX = 200  # characters
_MAX_NAME = 200  # characters; more are cut off
_FILLER = re.compile(r"-?(?:maven|plugin)-?")


@dataclass(frozen=True, slots=True)
class PluginDescriptor:
    """A Maven plugin. ``name``: for people, in one line, may be "".

    ``group`` and ``artifact``: whose descriptor it is, "" when it does not say. A jar with another plugin packed into
    it has that one's: Maven does not list it as a plugin then.
    """

    prefix: str
    name: str
    group: str = ""
    artifact: str = ""


def read(file: BinaryIO) -> PluginDescriptor | None:
    """What the jar says; None for what is no jar, no plugin, or malformed. Nobody else may read the file meanwhile.

    Without a prefix of its own, it has that of its artifact.
    """
    try:
        found = [entry for entry in archive.entries(file) if entry.name == DESCRIPTOR]
        if len(found) != 1:  # of two, some readers would take the other
            return None
        return _descriptor(dict(safexml.walk(archive.content(file, found[0]), _WANTED)))
    except Corrupt:
        return None


def _descriptor(stated: dict[str, str]) -> PluginDescriptor | None:
    group, artifact = stated.get("groupId", ""), stated.get("artifactId", "")
    prefix = stated.get("goalPrefix") or fallback_prefix(artifact)
    if not prefix or len(prefix) > _MAX_PREFIX or not prefix.isprintable():
        return None
    return PluginDescriptor(prefix, " ".join(stated.get("name", "").split())[:_MAX_NAME], group, artifact)


def fallback_prefix(artifact: str) -> str:
    """The prefix that Maven gives a plugin whose descriptor says none; "" when nothing is left of the name.

    As ``PluginDescriptor.getGoalPrefixFromArtifactId`` of maven-plugin-api.

    >>> fallback_prefix("maven-clean-plugin"), fallback_prefix("exec-maven-plugin"), fallback_prefix("antlr4")
    ('clean', 'exec', 'antlr4')
    """
    return "plugin" if artifact == "maven-plugin-plugin" else _FILLER.sub("", artifact)
