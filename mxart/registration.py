"""What a format registers: its name, its settings, how a `mxart.contract.Format` is built from them, what the clients
on this machine suggest, and which programs may stand in for an upstream.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from mxart.contract import Format
from mxart.settings import Kind, UpstreamSettings


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposal:
    """A proxy that the clients on this machine suggest: what ``mxart init`` writes, and the quick start serves."""

    name: str  # of the repository
    format: str
    upstream: str  # URL
    origin: str  # where it was found, for a comment: "go env GOPROXY"
    options: Mapping[str, object] = field(default_factory=dict)  # further keys of the [[repository]] table
    needs: str = ""  # a URL: when it answers 404 or 410, this choice does not work; "": no such condition


class FormatFactory(Protocol):
    """What a format's folder registers: its name, its settings, and how to build it from them."""

    name: str
    kinds: tuple[str, ...]  # the repository kinds that it supports: "proxy", "hosted", "group"
    tools: tuple[str, ...]  # the words that ``upstream`` may be instead of a URL: "vcs"
    root: str  # the path below which all its repositories are mounted: "/v2"; "": the root of the server
    settings: type[Any]  # a frozen dataclass: the format's own keys of [[repository]], with defaults; "kinds" in the
    #                      metadata of a field: only repositories of these may have the key

    examples: tuple[str, str]  # globs on package names, for comments: a house's own, and one that it shares with others

    def build(self, settings: Any) -> Format: ...

    def check_base(self, path: str) -> None:
        """Return when clients can ask below ``path``, the base URL of a repository. Raises Invalid."""
        ...

    def path_of(self, package: str) -> str:
        """A path below a repository that asks for something of a package, when that is a name that one can have."""
        ...

    def pattern(self, text: str) -> str:
        """The glob on package names that a rule of the configuration means by ``text``."""
        ...

    def upstream_url(self, url: str) -> str:
        """Where the paths of an upstream begin that is configured as ``url``."""
        ...

    def settled(self, settings: Any, upstream: UpstreamSettings) -> Any:
        """The settings of a proxy: its own, and what follows from its upstream."""
        ...

    def namespaces(self, settings: Any) -> Sequence[str]:
        """The names by which clients may say that they mean what this proxy's upstream has, whatever host they ask."""
        ...

    def upstreams(self, settings: Any) -> Mapping[str, str]:
        """Further upstreams that the settings name, beside the repository's own: name in `Resource.upstream` → URL."""
        ...

    def combined(self, settings: Any, members: Sequence[Any], taker: Any | None) -> Any:
        """The settings of a group: its own, and what follows from those of its members, the earlier ones first.
        ``taker``: those of the member to which it passes on what is published; None: there is none."""
        ...

    def tool(self, word: str, upstream: UpstreamSettings, settings: Any) -> Tool:
        """What fetches when ``upstream`` is one of ``tools``."""
        ...

    def client_lines(self, base_url: str, kind: Kind) -> Sequence[str]:
        """The lines of client configuration that a person copies to use a repository of that kind at ``base_url``."""
        ...

    def publish_lines(self, base_url: str) -> Sequence[str]:
        """The lines that a person copies to publish something to a repository at ``base_url``."""
        ...

    def discover(self, run: Callable[[Sequence[str]], str], environ: Mapping[str, str]) -> Sequence[Proposal]:
        """What the clients on this machine use today; several proposals of one name are choices, the best first.
        ``run`` gives a command's standard output, "" when it is missing or fails."""
        ...


# --- a program in place of an upstream ----------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Places:
    """Folders that a program may use. ``home`` is its alone and vanishes afterwards; ``cache`` is shared with others
    that run at the same time, and is emptied now and then."""

    home: Path
    cache: Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """What to run: never through a shell."""

    arguments: tuple[str, ...]  # the program first
    environment: Mapping[str, str]  # all of it
    files: Mapping[str, str] = field(default_factory=dict)  # name in ``home`` → text, readable by its owner alone


@dataclass(frozen=True, slots=True)
class Outcome:
    """How it ended. The outputs are cut where they grow long."""

    code: int
    output: bytes
    errors: bytes


class Tool(Protocol):
    """How a program on this machine stands in for an upstream that speaks HTTP. Pure but for looking at the files that
    the program left."""

    def command(self, path: str, places: Places) -> Command:
        """What fetches ``path`` (as `Format.upstream_path` gives it). Raises NotFound for what it cannot have,
        Unavailable when the program is not installed."""
        ...

    def content(self, path: str, outcome: Outcome, places: Places) -> Path | bytes:
        """The content that was fetched: a file below ``places``, or a few bytes. Raises NotFound when the source says
        that it is not there, Unavailable when it could not be asked, BadUpstream for everything else."""
        ...
