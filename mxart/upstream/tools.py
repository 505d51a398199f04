"""A program on this machine in place of an upstream that speaks HTTP: run with limits, its files given as the body."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from pathlib import Path

from mxart.contract import Tool
from mxart.settings import UpstreamSettings
from mxart.upstream import Exchange, Fetch, Upstream
from mxart.upstream.queue import FairQueue, Slots


class ToolUpstream:
    """`Upstream` by a tool."""

    def __init__(
        self,
        name: str,
        tool: Tool,
        settings: UpstreamSettings,
        scratch: Path,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """``name``: of the repository. ``scratch``: a folder that it shares with other tools and workers."""
        self.settings = settings

    def fetch(self, fetch: Fetch) -> AbstractAsyncContextManager[Exchange]:
        """As `Upstream.fetch`."""
        raise NotImplementedError

    async def close(self) -> None:
        """True after: nothing runs any more, and what ran has left nothing behind that is not others', too."""


def build_tool(tool: ToolUpstream, slots: Slots, turn: Slots) -> Upstream:
    """A tool as repositories use it: queue(tool). ``slots`` and ``turn`` as in `build.build`; whoever made the tool
    closes it."""
    return FairQueue(tool, slots, turn, tool.settings.queue_timeout, "version control")
