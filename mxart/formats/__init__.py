"""The ecosystems that mxart speaks, each in its folder. Adding one is adding a folder, and its line here.

Formats import values and contracts only: no store, no upstream, no HTTP server.
"""

from __future__ import annotations

from collections.abc import Mapping

from mxart.formats import docker, go, maven
from mxart.registration import FormatFactory

FORMATS: Mapping[str, FormatFactory] = {
    "go": go.FORMAT,
    "maven": maven.FORMAT,
    "docker": docker.FORMAT,
}


def mount_path(format_: str, base_url: str) -> str:
    """Where a repository of the format is served: its base below the root that its clients know; "" where it has none.

    >>> mount_path("docker", "/hub"), mount_path("go", "/go"), mount_path("go", "")
    ('/v2/hub', '/go', '')
    """
    return FORMATS[format_].root + base_url if base_url else ""
