"""Value types that every layer shares: what is asked, what is held, what is answered. Standard library only.

Glossary. **Digest**: algorithm and hex of some bytes. **Blob**: immutable bytes known by their SHA-256.
**Entry**: what a repository holds under one path. **Resource**: what a request asks for, after a format parsed it.
**Content**: bytes on their way to a client, never read by whoever returns them: a stored blob, a growing download,
a few bytes in memory, or a redirect.
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from io import FileIO
from types import MappingProxyType
from typing import Literal, Protocol

from mxart.errors import Invalid

# --- digests ---------------------------------------------------------------------------------------------------

_HEX_LENGTH = {"sha256": 64, "sha512": 128, "sha1": 40, "md5": 32}
_HEX = re.compile(r"[0-9a-f]+")


@dataclass(frozen=True, slots=True)
class Digest:
    """A digest that is known to be well-formed.

    >>> str(Digest.parse("sha256:" + "ab" * 32))[:14]
    'sha256:abababa'
    """

    algorithm: str
    hex: str

    @classmethod
    def parse(cls, text: str) -> Digest:
        """``algorithm:hex`` → Digest. Raises Invalid for an unknown algorithm, a wrong length or upper-case hex."""
        algorithm, _, value = text.partition(":")
        if len(value) != _HEX_LENGTH.get(algorithm, -1) or not _HEX.fullmatch(value):
            raise Invalid(f"{text[:160]!r} is not a digest: want sha256:<64 lower-case hex digits> or the like")
        return cls(algorithm, value)

    def __str__(self) -> str:
        return f"{self.algorithm}:{self.hex}"


# --- what is asked ---------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Resource:
    """What a request asks of a repository. Only a format's ``parse`` makes one, so holding one means: checked.

    A format may derive from it to carry its own parsed parts (module, version, tag).
    """

    path: str  # normal form below the repository; the key in the index; no leading slash, never "..", no NUL
    kind: str  # the format's own word for it: "zip", "list", "manifest"
    package: str = ""  # the name that rules (block, allow, exclusive) look at; "" when none applies
    also: tuple[str, ...] = ()  # further names that it may be of: what keeps one of them out or in holds for it, too
    upstream: str = ""  # which of the repository's upstreams to ask: "" its own, else a name the format's settings give

    @property
    def title(self) -> str:
        """What messages call it: as its users write it."""
        return self.path


Action = Literal["read", "write", "delete", "admin"]


@dataclass(frozen=True, slots=True)
class Grant:
    """``action`` on the paths of ``repository`` that match ``pattern`` (a glob; "*": all)."""

    action: Action
    repository: str = "*"
    pattern: str = "*"


@dataclass(frozen=True, slots=True)
class Principal:
    """Who asks. ``name`` is "" for an anonymous client."""

    name: str = ""
    admin: bool = False
    limits: tuple[Grant, ...] | None = None  # what the token that proves them is good for; None: for all they may do


async def no_body() -> AsyncIterator[bytes]:
    """The body of a request that has none."""
    return
    yield b""  # pragma: no cover - makes this an asynchronous generator


@dataclass(slots=True, kw_only=True)
class Request:
    """One request as its format sees it. Nothing in it is trusted but ``principal``, ``peer`` and ``base_url``."""

    method: str
    path: str  # below the mount, percent-decoded once, without leading slash; no "..", NUL or control characters
    raw_path: str = ""  # the same below the mount, as it was sent (for formats where %2F is not a slash)
    query: str = ""  # as sent, without "?"
    headers: Mapping[str, str] = field(default_factory=dict)  # lower-case names; repeated fields joined by ", "
    body: AsyncIterator[bytes] = field(default_factory=no_body)
    principal: Principal = Principal()
    peer: str = ""  # address of the client, "unix" on a unix socket
    connection: int = 0  # by which of the connections to this process it came; 0: by none
    base_url: str = ""  # public URL of the mount, no trailing slash: "https://artifacts.example/go"
    server_url: str = ""  # public URL of the server, no trailing slash: "https://artifacts.example"
    listener: str = ""  # the name of the listener by which it came
    host: str = ""  # the host that the client named, with its port when it is not the usual one


# --- what is held ----------------------------------------------------------------------------------------------

_EMPTY: Mapping[str, str] = MappingProxyType({})


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """What a repository holds under a path: a blob, or the knowledge that the upstream has nothing there.

    Times are UTC seconds since the epoch, 0.0 for "never" or "not known".
    """

    repository: str
    path: str
    digest: Digest | None = None  # None: a remembered absence (see ``absent``)
    size: int = 0  # bytes
    media_type: str = ""
    checksums: Mapping[str, str] = field(default_factory=lambda: _EMPTY)  # others than the digest: algorithm → value
    etag: str = ""  # the upstream's validator, as it sent it
    last_modified: str = ""  # the upstream's, an HTTP date as it sent it
    absent: int = 0  # 404 or 410 when the upstream said so, else 0
    reason: str = ""  # for an absence: the upstream's own words, for clients to see
    published: float = 0.0  # when the upstream says this version was published
    created: float = 0.0  # when mxart first held these bytes
    checked: float = 0.0  # when the upstream last confirmed it
    served: float = 0.0  # when it was last given to a client (noted in batches)
    facts: Mapping[str, str] = field(
        default_factory=lambda: _EMPTY
    )  # what the format notes of the content, for indexes
    sequence: int = 0  # its place in the change log; set by the index


@dataclass(frozen=True, slots=True)
class Child:
    """What lies right below a folder: an entry, or another folder."""

    name: str  # one segment of paths; of a folder with its last slash
    entry: Entry | None  # None: a folder


# --- what is answered ------------------------------------------------------------------------------------------


@dataclass(slots=True, kw_only=True)
class Blob:
    """A stored blob, open for reading. Whoever receives it closes it; the open file outlives a deletion."""

    file: FileIO  # unbuffered, a real descriptor (sendfile, pread); shared position: never seek or read() it
    size: int  # bytes
    digest: Digest
    media_type: str = "application/octet-stream"
    last_modified: str = ""
    facts: Mapping[str, str] = field(default_factory=lambda: _EMPTY)  # of its entry
    checksums: Mapping[str, str] = field(default_factory=lambda: _EMPTY)  # of its entry

    @property
    def etag(self) -> str:
        return f'"{self.digest.hex}"'

    def close(self) -> None:
        self.file.close()


@dataclass(frozen=True, slots=True)
class Extent:
    """Bytes of a growing download that may be sent now: ``file`` from the asked offset up to ``end``."""

    file: FileIO  # as in Blob: use pread or sendfile with explicit offsets
    end: int


class Growing(Protocol):
    """A download in progress, as one reader sees it. Not shared between readers. Whoever receives it closes it."""

    length: int | None  # bytes, when the upstream said; None: unknown until the end
    media_type: str
    checksums: Mapping[str, str]  # algorithm → hex, as the upstream says; without them the last bytes do not come
    last_modified: str
    etag: str  # "" when no validator is known before the end

    async def extent(self, offset: int) -> Extent:
        """Wait until bytes from ``offset`` on may be sent; ``end == offset`` means: that was all, and it is verified.

        The last bytes come only after length, digest and format check have passed. Offsets may only grow; the bytes
        before ``offset`` count as sent. Raises MxartError when the download failed; once anything has been sent,
        the connection must then be cut, so that nobody takes what came for whole.
        """
        ...

    def close(self) -> None: ...


@dataclass(slots=True, kw_only=True)
class Bytes:
    """A small body in memory: an error text, a generated page."""

    data: bytes
    media_type: str = "text/plain; charset=utf-8"
    etag: str = ""
    last_modified: str = ""

    @property
    def size(self) -> int:
        return len(self.data)

    def close(self) -> None: ...


@dataclass(slots=True, kw_only=True)
class Redirect:
    """The content is at ``url``: fetch it there."""

    url: str

    def close(self) -> None: ...


@dataclass(slots=True, kw_only=True)
class Outline:
    """What is known of content that was not fetched: enough to answer HEAD, and nothing else."""

    size: int | None  # bytes; None: not known
    media_type: str = "application/octet-stream"
    etag: str = ""
    last_modified: str = ""
    checksums: Mapping[str, str] = field(default_factory=lambda: _EMPTY)  # as `Growing` has them

    def close(self) -> None: ...


Content = Blob | Growing | Bytes | Redirect | Outline


@dataclass(slots=True)
class Response:
    """An answer. Delivery adds Content-Type, Content-Length, ETag, Last-Modified and Accept-Ranges from the content,
    and answers HEAD, Range and conditional requests on a 200 by itself; ``headers`` win over what it would add."""

    status: int = 200
    content: Content | None = None
    headers: dict[str, str] = field(default_factory=dict)
    reason: str = ""  # the phrase behind the status, where clients show that to a person; "": the usual one
