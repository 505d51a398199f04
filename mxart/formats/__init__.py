"""The ecosystems that mxart speaks, each in its folder. Adding one is adding a folder, and its line here.

Formats import values and contracts only: no store, no upstream, no HTTP server.
"""

from __future__ import annotations

from collections.abc import Mapping

from mxart.contract import FormatFactory
from mxart.formats import docker, go

FORMATS: Mapping[str, FormatFactory] = {
    "go": go.FORMAT,
    "docker": docker.FORMAT,
}
