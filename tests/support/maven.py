"""Repositories of Maven artifacts: their tables in a configuration, and files that stand in them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence

_ALGORITHMS = ("sha1", "md5")


def maven_proxy(upstream: str, *more: str, name: str = "central") -> str:
    """A ``[[repository]]`` table: a proxy of ``upstream``; ``more``: further lines of it."""
    return _table(name, "proxy", f'upstream = "{upstream}"', *more)


def maven_hosted(name: str = "releases", *more: str) -> str:
    """A ``[[repository]]`` table: a hosted repository."""
    return _table(name, "hosted", *more)


def maven_group(name: str, members: Sequence[str], *more: str) -> str:
    """A ``[[repository]]`` table: a group."""
    return _table(name, "group", f"members = {json.dumps(list(members))}", *more)


def _table(name: str, kind: str, *more: str) -> str:
    return "\n".join(["[[repository]]", f'name = "{name}"', 'format = "maven"', f'kind = "{kind}"', *more]) + "\n"


def pom(group: str, artifact: str, version: str, packaging: str = "jar") -> bytes:
    return (
        f"<project><modelVersion>4.0.0</modelVersion><groupId>{group}</groupId><artifactId>{artifact}</artifactId>"
        f"<version>{version}</version><packaging>{packaging}</packaging></project>\n"
    ).encode()


def path_of(group: str, artifact: str, version: str, ending: str) -> str:
    """The URL path of a file of a version; ``ending``: ".jar", "-sources.jar", …"""
    return f"{group.replace('.', '/')}/{artifact}/{version}/{artifact}-{version}{ending}"


def hex_of(data: bytes, algorithm: str = "sha1") -> bytes:
    return hashlib.new(algorithm, data).hexdigest().encode()


def checksummed(files: Mapping[str, bytes], algorithms: Sequence[str] = _ALGORITHMS) -> dict[str, bytes]:
    """Each file, and behind it its checksum files."""
    sent: dict[str, bytes] = {}
    for path, data in files.items():
        sent[path] = data
        sent |= {f"{path}.{algorithm}": hex_of(data, algorithm) for algorithm in algorithms}
    return sent
