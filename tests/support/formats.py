"""A format's registration without a format: what reading a configuration asks of one."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from mxart.contract import Format
from mxart.errors import Invalid
from mxart.registration import Proposal, Tool
from mxart.settings import Kind, UpstreamSettings


@dataclass(frozen=True, slots=True, kw_only=True)
class CinderSettings:
    """A key of every type that a format may have; ``flame`` must not be "blue", and only proxies have ``damper``."""

    flame: str = "red"
    depth: int = 1
    strict: bool = False
    kinds_of_ash: tuple[str, ...] = ()
    damper: bool = field(default=False, metadata={"kinds": ("proxy",)})
    sumdb: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.flame == "blue":
            raise Invalid("want another flame than blue")


@dataclass(frozen=True, slots=True, kw_only=True)
class DemandingSettings:
    """A key that must be given."""

    seal: str


class CinderFactory:
    """Registers a format called ``name`` that can be configured and discovered, and is never built."""

    def __init__(
        self, name: str = "cinder", settings: type[Any] = CinderSettings, proposals: Sequence[Proposal] = ()
    ) -> None:
        self.name = name
        self.kinds: tuple[str, ...] = ("proxy", "hosted", "group")
        self.tools: tuple[str, ...] = ("vcs",)
        self.root = ""
        self.settings = settings
        self.proposals = proposals

    examples = ("hearth/*", "shared/*")

    def check_base(self, path: str) -> None:
        if "flood" in path:
            raise Invalid(f"{path!r} would put it out")

    def build(self, settings: Any) -> Format:
        raise AssertionError("a configuration is read without building a format")

    def path_of(self, package: str) -> str:
        return f"{package}/list"

    def pattern(self, text: str) -> str:
        return text

    def upstream_url(self, url: str) -> str:
        return url

    def settled(self, settings: Any, upstream: UpstreamSettings) -> Any:
        return settings

    def namespaces(self, settings: Any) -> Sequence[str]:
        return ()

    def upstreams(self, settings: Any) -> Mapping[str, str]:
        return {f"sumdb/{name}": url for name, url in settings.sumdb.items()}

    def combined(self, settings: Any, members: Sequence[Any], taker: Any | None) -> Any:
        return settings

    def tool(self, word: str, upstream: UpstreamSettings, settings: Any) -> Tool:
        raise AssertionError("a configuration is read without building a tool")

    def client_lines(self, base_url: str, kind: Kind) -> Sequence[str]:
        return [f"cinder use {base_url}"]

    def publish_lines(self, base_url: str) -> Sequence[str]:
        return [f"cinder push {base_url}"]

    def discover(self, run: Callable[[Sequence[str]], str], environ: Mapping[str, str]) -> Sequence[Proposal]:
        return self.proposals
