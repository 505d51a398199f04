"""Modules from version control: what the go command is asked for each path, and what its answers mean."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from mxart.contract import Command, Outcome, Places
from mxart.formats.go.settings import GoSettings
from mxart.settings import UpstreamSettings


class GoCommand:
    """`Tool`: the go command of this machine."""

    def __init__(
        self, upstream: UpstreamSettings, settings: GoSettings, environ: Mapping[str, str] | None = None
    ) -> None:
        """``environ``: where PATH and, unless ``upstream`` says it, proxies are taken from; None: the process's own."""
        self._upstream = upstream
        self._environ = os.environ if environ is None else environ

    def command(self, path: str, places: Places) -> Command:
        """See `mxart.contract.Tool`."""
        raise NotImplementedError

    def content(self, path: str, outcome: Outcome, places: Places) -> Path | bytes:
        """See `mxart.contract.Tool`."""
        raise NotImplementedError
