"""The two contracts on which everything stands: `Format` knows one ecosystem, `Repository` keeps what it holds.

They never import each other. A format asks a repository only through `Repository.get` and its siblings; a
repository asks its format the few questions that differ between ecosystems.

A repository is a stack of layers with this one interface: a cache over an upstream, rules around it, owned names,
members. Whoever holds one never knows how deep it is.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, BinaryIO, Protocol

from mxart.errors import MxartError
from mxart.model import Content, Digest, Entry, Principal, Request, Resource, Response
from mxart.trail import Trail


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """How a resource is to be kept: the format's answer to the questions that differ."""

    immutable: bool  # once held: for ever, never revalidated
    media_type: str  # what clients are told, whatever the upstream says
    max_size: int  # bytes; more is TooLarge from a client, BadUpstream from an upstream
    digest: Digest | None = None  # when the name itself tells it
    document: bool = False  # small, or useless in part: given to readers only when it is whole and checked


@dataclass(slots=True, kw_only=True)
class Context:
    """What travels with a request through a stack of repositories."""

    principal: Principal = Principal()
    trail: Trail = field(default_factory=Trail)
    base_url: str = ""  # public URL of the repository, no trailing slash
    cached_only: bool = False  # answer from what is held; ask no upstream


@dataclass(slots=True, kw_only=True)
class Publication:
    """What a client publishes: entries over blobs that are committed already, made visible in one transaction."""

    entries: Sequence[Entry]
    replace: bool = False  # may these entries take the place of others with different content?


class Format(Protocol):
    """All that mxart knows about one ecosystem.

    ``parse``, ``policy``, ``upstream_path`` and ``failure`` are pure. ``check``, ``merge`` and ``generate`` work on
    open files, run off the event loop, and hold a bounded part of them in memory.
    """

    name: str  # "go", "maven", …

    def parse(self, request: Request) -> Resource:
        """What the request asks for. Raises Invalid for what no client of the ecosystem would send, NotFound for
        paths outside the protocol, Unsupported for methods."""
        ...

    def policy(self, resource: Resource) -> Policy:
        """How it is kept."""
        ...

    def upstream_path(self, resource: Resource) -> str:
        """The percent-encoded path below the upstream's base URL, without a leading slash."""
        ...

    def check(self, resource: Resource, file: BinaryIO) -> None:
        """Return when the bytes are what the resource promises; raise Corrupt otherwise, and nothing else, whatever an
        upstream can invent. ``file`` can be sought in; its size is at most ``policy(resource).max_size``."""
        ...

    def merge(self, resource: Resource, documents: Sequence[BinaryIO], out: BinaryIO) -> None:
        """Write the merge of the members' documents, earlier members first, so that they win. Each document has passed
        ``check``. Raises Unsupported for a resource that is taken whole from one member."""
        ...

    def generate(self, resource: Resource, entries: Iterable[Entry], out: BinaryIO) -> None:
        """Write the index document that names these entries of one repository. Raises NotFound when they name nothing
        that it could list, Unsupported for a resource that is published, not generated."""
        ...

    async def answer(self, request: Request, resource: Resource, repository: Repository, context: Context) -> Response:
        """The answer to a parsed request: for most formats' reads, one call to ``repository.get``."""
        ...

    def failure(self, error: MxartError, status: int) -> Response:
        """The error in the ecosystem's own words and envelope."""
        ...


class Repository(Protocol):
    """A place to read from and, some of them, to write to. Safe for any number of concurrent callers."""

    name: str

    async def get(self, resource: Resource, context: Context) -> Content:
        """The content, open; the caller closes it. Raises NotFound, Gone, Denied, Unavailable, BadUpstream,
        StoreFull. Absence is raised only when everyone who had to be asked has said so."""
        ...

    async def list(self, resource: Resource, context: Context) -> Sequence[Entry]:
        """The entries that this repository holds now and whose paths begin with ``resource.path``, in any
        order; asks no upstream. Raises Denied."""
        ...

    async def publish(self, publication: Publication, context: Context) -> None:
        """True after: every entry is durable and visible, or none is. Raises Unsupported where nothing can be
        published, Conflict where other content is in the way."""
        ...

    async def delete(self, resource: Resource, context: Context) -> None:
        """True after: it is gone for readers and in the trash. Raises NotFound, Unsupported."""
        ...

    async def ingest(self, context: Context, resume: str | None = None) -> Ingest:
        """Begin an upload; ``resume`` names one that was begun before. Raises Unsupported, NotFound."""
        ...


class Ingest(Protocol):
    """An upload: write any number of times, then commit or cancel."""

    async def write(self, chunk: bytes) -> None:
        """Raises TooLarge, StoreFull."""
        ...

    async def commit(self, expected: Digest | None) -> Digest:
        """True after: the blob is durable. Raises Corrupt when it is not what was expected."""
        ...

    async def cancel(self) -> None:
        """Safe at any time, also after commit."""
        ...


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
    settings: type[Any]  # a frozen dataclass: the format's own keys of [[repository]], with defaults

    def build(self, settings: Any) -> Format: ...

    def upstreams(self, settings: Any) -> Mapping[str, str]:
        """Further upstreams that the settings name, beside the repository's own: name in `Resource.upstream` → URL."""
        ...

    def client_lines(self, base_url: str) -> Sequence[str]:
        """The lines of client configuration that a person copies to use a repository at ``base_url``."""
        ...

    def discover(self, run: Callable[[Sequence[str]], str], environ: Mapping[str, str]) -> Sequence[Proposal]:
        """What the clients on this machine use today; several proposals of one name are choices, the best first.
        ``run`` gives a command's standard output, "" when it is missing or fails."""
        ...
