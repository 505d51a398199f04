"""What Go modules register."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from mxart.formats.go import discover, paths
from mxart.formats.go.format import GoFormat
from mxart.formats.go.settings import GoSettings
from mxart.formats.go.vcs import GoCommand
from mxart.registration import Proposal, Tool
from mxart.settings import Kind, UpstreamSettings


class GoFactory:
    """Registers Go modules."""

    name = "go"
    kinds: tuple[str, ...] = ("proxy", "hosted", "group")
    tools: tuple[str, ...] = ("vcs",)
    root = ""
    settings = GoSettings
    examples = ("corp.example.com/*", "example.com/fork/*")

    def build(self, settings: GoSettings) -> GoFormat:
        return GoFormat(settings)

    def check_base(self, path: str) -> None:
        """Any will do."""

    def path_of(self, package: str) -> str:
        return f"{paths.folder(package)}list"

    def pattern(self, text: str) -> str:
        return text

    def upstream_url(self, url: str) -> str:
        return url

    def settled(self, settings: GoSettings, upstream: UpstreamSettings) -> GoSettings:
        return settings

    def namespaces(self, settings: GoSettings) -> Sequence[str]:
        return ()

    def upstreams(self, settings: GoSettings) -> Mapping[str, str]:
        return {f"sumdb/{name}": url.rstrip("/") for name, url in settings.sumdb.items()}

    def combined(self, settings: GoSettings, members: Sequence[GoSettings], taker: GoSettings | None) -> GoSettings:
        """A group proxies the databases of all members, and takes forks when one that it could pass them to does."""
        databases: dict[str, str] = {}
        for source in (settings, *members):
            databases = {**source.sumdb, **databases}
        allow_forks = any(source.allow_forks for source in (settings, *members))
        return replace(settings, sumdb=databases, allow_forks=allow_forks)

    def tool(self, word: str, upstream: UpstreamSettings, settings: GoSettings) -> Tool:
        """The go command, for "vcs"."""
        return GoCommand(upstream, settings)

    def client_lines(self, base_url: str, kind: Kind) -> Sequence[str]:
        return [f"go env -w GOPROXY={base_url}"]

    def publish_lines(self, base_url: str) -> Sequence[str]:
        return [
            f"mxart go publish . --to {base_url}",
            f"curl --fail-with-body -u USER -T FILE.zip {base_url}/MODULE/@v/VERSION.zip",
        ]

    def discover(self, run: discover.Run, environ: Mapping[str, str]) -> Sequence[Proposal]:
        return discover.discover(run, environ)
