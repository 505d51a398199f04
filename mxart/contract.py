"""The two contracts on which everything stands: `Format` knows one ecosystem, `Repository` keeps what it holds.

They never import each other. A format asks a repository only through `Repository.get` and its siblings; a
repository asks its format the few questions that differ between ecosystems.

A repository is a stack of layers with this one interface: a cache over an upstream, rules around it, owned names,
members. Whoever holds one never knows how deep it is.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import BinaryIO, Protocol

from mxart.errors import MxartError, NotFound, Unauthenticated
from mxart.model import Action, Child, Content, Digest, Entry, Principal, Request, Resource, Response
from mxart.trail import Trail


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """How a resource is to be kept: the format's answer to the questions that differ."""

    immutable: bool  # once held: for ever, never revalidated
    media_type: str  # what clients are told, whatever the upstream says
    typed: bool = False  # the content says itself of which media type it is (`Format.check`), and that is what is told
    max_size: int  # bytes; more is TooLarge from a client, BadUpstream from an upstream
    digest: Digest | None = None  # when the name itself tells it
    document: bool = False  # small, or useless in part: given to readers only when it is whole and checked
    index: bool = False  # names what there is: generated where that is published, merged in a group, never published
    folder: str = ""  # where all of its package lies, with the last slash: what an index is generated from, and what
    #                   makes the name a hosted repository's own; "": it belongs to no package
    above: tuple[str, ...] = ()  # folders of the packages that its name lies below; who owns one owns it, too
    unit: Resource | None = None  # in a group, what has this in common comes from one member: the first that has it
    within: str = ""  # how the paths begin that an index is generated from; "": as ``folder``
    ttl: float | None = None  # seconds for which mutable content is fresh; None: as the repository says
    accept: str = ""  # the Accept field for the upstream; "": none
    negotiated: bool = False  # credentials for an upstream are negotiated for each package, by its challenges
    paged: bool = False  # an upstream may give it in pages; they are kept one behind the other
    optional: bool = False  # upstreams need not know of it: one that takes the question for none has nothing there
    probe: str = ""  # the field, in lower case, in which an upstream's answer to HEAD says the digest; "": no HEAD
    checksums: tuple[str, ...] = ()  # algorithms by which its content is known, too: noted in `Entry.checksums`
    proof: Proof | None = None  # how an upstream says what its content is; None: by nothing beside ``digest``
    checksum: Checksum | None = None  # it is a checksum file: what it says follows from another resource
    replaceable: bool = False  # here other content may take its place, although it is immutable for those who fetch it


@dataclass(frozen=True, slots=True)
class Checksum:
    """A file that says the checksum of ``of``, by ``algorithm``."""

    of: Resource
    algorithm: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Proof:
    """What an upstream says of content, beside the content: it is compared before that is entered. Pure functions."""

    stated: Callable[[Mapping[str, str]], Sequence[Digest]]  # by the header fields (lower-case names) of its answer
    documents: tuple[Resource, ...]  # when the head says nothing: the first of these that is there
    read: Callable[[Resource, bytes], Digest | None]  # what such a document says; None: nothing of use
    must: bool  # content that is something else is refused; False: that is told in the log


@dataclass(slots=True, kw_only=True)
class Context:
    """What travels with a request through a stack of repositories."""

    principal: Principal = Principal()
    trail: Trail = field(default_factory=Trail)
    base_url: str = ""  # public URL of the repository, no trailing slash
    cached_only: bool = False  # answer from what is held; ask no upstream
    head_only: bool = False  # nobody wants the content itself: an `Outline` will do
    may_write: bool = False  # with ``head_only``: whoever asks may publish here, and perhaps asks whether to send it
    where_published: bool = False  # ask only whoever takes what is published here, not all who could answer
    neighbour: Callable[[str, Principal], Neighbour | None] = field(default=lambda path, principal: None)
    #   whom a path below the same root means, when that principal may read it there


@dataclass(frozen=True, slots=True)
class Neighbour:
    """Another repository of this server, and what a path means there."""

    repository: Repository
    resource: Resource


@dataclass(frozen=True, slots=True)
class Held:
    """Content that the repository's store has already, in whatever repository; ``size`` in bytes."""

    digest: Digest  # SHA-256
    size: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One path of a publication, and what is to stand there."""

    resource: Resource
    upload: Ingest | Held  # committed; made by the repository that it is published to
    media_type: str = ""  # of this very content; "": as the policy says
    facts: Mapping[str, str] = field(default_factory=dict)  # see `Entry.facts`
    published: float = 0.0  # UTC seconds; when its author says that it came to be
    keep: bool = False  # other content that stands there already may stay


@dataclass(frozen=True, slots=True, kw_only=True)
class Publication:
    """What a client publishes: made visible in one transaction, or not at all."""

    parts: Sequence[Part]
    replace: bool = False  # may they take the place of other content, or of other content that was deleted?
    drops: Sequence[Resource] = ()  # what vanishes in the same transaction, without trash or tombstone
    prunes: Sequence[Resource] = ()  # what goes to the trash in the same transaction, as a whole, without tombstone: it
    #                                  has had its time, and anything may take its place, also of this publication
    needs: Sequence[Resource] = ()  # what must stand in the same repository at that moment


class Format(Protocol):
    """All that mxart knows about one ecosystem.

    ``parse``, ``canonical``, ``policy``, ``upstream_path``, ``aliases``, ``challenge`` and ``failure`` are pure.
    ``check``, ``merge``, ``generate``, ``unused`` and ``outdated`` work on files, run off the event loop, and hold a
    bounded part of them in memory.
    """

    name: str  # "go", "maven", …
    border: str  # what ends a package's name in paths: all of a package lies below its name and this
    renames: bool  # may `canonical` give another name than it is given?
    ages: bool  # may `outdated` name anything?

    def parse(self, request: Request) -> Resource:
        """What the request asks for. Raises Invalid for what no client of the ecosystem would send, NotFound for
        paths outside the protocol, Unsupported for methods."""
        ...

    def canonical(self, resource: Resource) -> Resource:
        """The same under the one name by which the repository keeps it."""
        ...

    def policy(self, resource: Resource) -> Policy:
        """How it is kept."""
        ...

    def upstream_path(self, resource: Resource) -> str:
        """The percent-encoded path below the upstream's base URL, without a leading slash."""
        ...

    def aliases(self, resource: Resource, digest: Digest) -> Sequence[Resource]:
        """Under which other names the same content is asked for, once its SHA-256 is known."""
        ...

    def check(self, resource: Resource, file: BinaryIO) -> str:
        """Return when the bytes are what the resource promises; raise Corrupt otherwise, and nothing else, whatever an
        upstream can invent. ``file`` can be sought in; its size is at most ``policy(resource).max_size``. Returns the
        media type where the policy says that the content tells it, else ""."""
        ...

    def merge(self, resource: Resource, documents: Sequence[BinaryIO], out: BinaryIO) -> None:
        """Write the merge of the members' documents, earlier members first, so that they win. Each document has passed
        ``check``. Raises Unsupported for a resource that is taken whole from one member."""
        ...

    def generate(self, resource: Resource, entries: Iterable[Entry], out: BinaryIO) -> None:
        """Write the index document that names these entries of one repository. Raises NotFound when they name nothing
        that it could list, Unsupported for a resource that is published, not generated."""
        ...

    def unused(
        self, entries: Sequence[Entry], trashed: Sequence[Entry], before: float, read: Callable[[Entry], bytes]
    ) -> Sequence[Entry]:
        """Those of a package's ``entries`` that nothing leads to: none where all that was published is wanted.

        What was made or served since ``before`` (UTC seconds) is wanted, and what ``trashed`` would lead to, were it
        restored. ``read`` gives the content of an entry, b"" when it is not to be had.
        """
        ...

    def outdated(self, entries: Sequence[Entry], now: float) -> Sequence[Entry]:
        """Those of a package's ``entries`` that have had their time at ``now`` (UTC seconds) by the repository's own
        rules: they go to the trash."""
        ...

    async def answer(self, request: Request, resource: Resource, repository: Repository, context: Context) -> Response:
        """The answer to a parsed request: for most formats' reads, one call to ``repository.get``."""
        ...

    def challenge(self, request: Request, action: Action, error: Unauthenticated) -> str:
        """The WWW-Authenticate field of an answer to ``request``, which somebody has to log in for."""
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

    async def children(self, folder: Resource, after: str, limit: int, context: Context) -> Sequence[Child]:
        """What lies right below ``folder.path`` ("" or with its last slash) that is held now, in byte order of the
        names, from the one after ``after`` (a `Child.name`, "" from the start), at most ``limit``; asks no upstream.
        Raises Denied."""
        ...

    async def packages(self, context: Context) -> Collection[str]:
        """The names of all packages of which it holds something now, in any order; asks no upstream."""
        ...

    async def owns(self, resource: Resource) -> bool:
        """Has the package of ``resource``, or one that its name lies below, been published here, now or before its
        deletion? Then the name belongs to the house: nobody outside is to be asked for it. What only passes others'
        content on owns nothing."""
        ...

    async def ingest(self, resource: Resource, context: Context, resume: str | None = None) -> Ingest:
        """Begin the upload of what is to stand at ``resource``; ``resume``: the ``id`` of one that was begun before.
        Raises Unsupported where nothing can be published, Denied, NotFound for an upload that is not there, Conflict
        for one that another request is at."""
        ...

    async def publish(self, publication: Publication, context: Context) -> bool:
        """True after: every part is durable and visible, and was not before in part; or, when it raises, none is. The
        uploads have been used up, and are to be cancelled all the same.

        Returns False when all of it stood there already. Raises Unsupported, Denied, StoreFull, Missing when not all
        that it needs is there, and Conflict where other content is in the way, or was: what has been deleted may come
        back only as it was.
        """
        ...

    async def delete(self, resources: Sequence[Resource], context: Context, alike: Sequence[Resource] = ()) -> None:
        """True after: they are gone for readers, all at once, and in the trash, from which they come back together;
        and so is what stands below ``alike`` with the same content as one of them. Those that are not there do not
        matter. Raises NotFound (Gone) when none is there, Unsupported, Denied."""
        ...


class Missing(NotFound):
    """What a publication needs is not in the repository. ``paths``: the first of them that are missing."""

    def __init__(self, message: str, paths: tuple[str, ...]) -> None:
        super().__init__(message)
        self.paths = paths


class Ingest(Protocol):
    """An upload: write any number of times, then commit, or cancel. One user at a time."""

    id: str  # by which it can be resumed
    size: int  # bytes so far

    async def write(self, chunk: bytes) -> None:
        """Raises TooLarge beyond the policy's ``max_size``, StoreFull."""
        ...

    def open(self) -> BinaryIO:
        """What has been written, for reading in a thread; the caller closes it."""
        ...

    async def commit(self, expected: Digest | None = None) -> Digest:
        """True after: the bytes are on disk, and ready to be published; nothing more can be written. Returns their
        SHA-256. Raises Invalid when they are not what was expected."""
        ...

    async def cancel(self) -> None:
        """True after: what was not published is gone. Safe at any time, also after commit and publication."""
        ...

    async def suspend(self) -> None:
        """True after: what has been written waits for whoever resumes it, in any worker."""
        ...
