"""A proxy over a scripted upstream, as a worker has one: the real store, the real upstream client, a plain format."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from io import FileIO
from pathlib import Path
from typing import BinaryIO

from mxart.contract import Context, Policy, Repository
from mxart.errors import Corrupt, MxartError, NotFound, Unauthenticated, Unsupported
from mxart.model import Action, Blob, Bytes, Content, Digest, Entry, Outline, Redirect, Request, Resource, Response
from mxart.repository.freshness import Lifetimes
from mxart.repository.growing import Reader
from mxart.repository.hosted import Hosted, HostedParts
from mxart.repository.proxy import Proxy, ProxyParts
from mxart.repository.single_flight import SingleFlight
from mxart.settings import UpstreamSettings
from mxart.store import Store
from mxart.store.layout import incoming_folder
from mxart.upstream import Upstream
from mxart.upstream.breaker import Health
from mxart.upstream.build import build
from mxart.upstream.client import Curl

BIG = bytes(range(256)) * 4096  # 1 MiB: bytes of it are given out long before the end
TINY = 1000  # bytes that a ``*.tiny`` may have
START = 1_000_000.0  # UTC seconds, where a `Clock` begins


class PlainFormat:
    """`contract.Format` of files: ``*.zip`` and ``*.info`` immutable, ``*.list`` a mutable document, others mutable and
    given out as they come; of a ``*.tiny`` few bytes are taken. Content that says "corrupt" is.

    A folder is a package, and so is one in it: its ``*.list`` names its zips, one a line, and ``v1.zip`` and
    ``v1.info`` in it are a unit.
    What lies in no folder belongs to no package.
    """

    name = "plain"
    border = "/"
    renames = False
    ages = True

    def parse(self, request: Request) -> Resource:
        return resource(request.path)

    def canonical(self, resource: Resource) -> Resource:
        return resource

    def policy(self, resource: Resource) -> Policy:
        folder = resource.path.rpartition("/")[0]
        paired = bool(folder) and resource.kind in ("zip", "info")
        return Policy(
            immutable=resource.kind in ("zip", "info"),
            media_type=f"application/{resource.kind}",
            max_size=TINY if resource.kind == "tiny" else 64 << 20,
            document=resource.kind in ("list", "info"),
            index=bool(folder) and resource.kind == "list",
            folder=folder and f"{folder}/",
            above=tuple(f"{folder[:end]}/" for end, letter in enumerate(folder) if letter == "/"),
            unit=_info_beside(resource.path) if paired else None,
        )

    def upstream_path(self, resource: Resource) -> str:
        return resource.path

    def aliases(self, resource: Resource, digest: Digest) -> Sequence[Resource]:
        return ()

    def check(self, resource: Resource, file: BinaryIO) -> str:
        if b"corrupt" in file.read(1000):
            raise Corrupt("it says so")
        if b"explode" in file.read(1000):
            raise RuntimeError("a checker that fails itself")
        return ""

    def merge(self, resource: Resource, documents: Sequence[BinaryIO], out: BinaryIO) -> None:
        if resource.kind != "list":
            raise Unsupported("only lists are merged")
        lines = dict.fromkeys(line for document in documents for line in document.read().splitlines())
        out.writelines(line + b"\n" for line in lines)

    def generate(self, resource: Resource, entries: Iterable[Entry], out: BinaryIO) -> None:
        if resource.kind != "list":
            raise Unsupported("only lists are generated")
        folder = resource.path.rpartition("/")[0]
        places = (entry.path.rpartition("/") for entry in entries if entry.path.endswith(".zip"))
        names = sorted(name for place, _, name in places if place == folder)
        if not names:
            raise NotFound(f"{resource.path} would name nothing")
        out.writelines(name.encode() + b"\n" for name in names)

    def outdated(self, entries: Sequence[Entry], now: float) -> Sequence[Entry]:
        return [entry for entry in entries if entry.path.endswith(".old") and entry.created < now - 100.0]

    def unused(
        self, entries: Sequence[Entry], trashed: Sequence[Entry], before: float, read: Callable[[Entry], bytes]
    ) -> Sequence[Entry]:
        return ()

    async def answer(self, request: Request, resource: Resource, repository: Repository, context: Context) -> Response:
        return Response(content=await repository.get(resource, context))

    def challenge(self, request: Request, action: Action, error: Unauthenticated) -> str:
        return f'Plain action="{action}"'

    def failure(self, error: MxartError, status: int) -> Response:
        return Response(status, Bytes(data=error.message.encode()))


@dataclass
class Clock:
    """A clock that hardly moves until it is set on: no two instants are the same."""

    now: float = START

    def __call__(self) -> float:
        self.now += 1e-6
        return self.now


class Healthy:
    """`HealthRecord` in memory."""

    def __init__(self) -> None:
        self.health = Health()

    async def load(self) -> Health:
        return self.health

    async def save(self, health: Health) -> None:
        self.health = health


@dataclass
class Worker:
    """One worker's proxy "go" over a store that others may share. ``get`` asks as a client does."""

    store: Store
    url: str
    clock: Clock = field(default_factory=Clock)
    retries: int = 0
    format: PlainFormat = field(default_factory=PlainFormat)
    connections: int = 32  # to the upstream, over all workers
    queue_timeout: float = 60.0  # seconds
    idle_timeout: float = 20.0  # seconds

    def __post_init__(self) -> None:
        self.curl = Curl()
        self.flights = SingleFlight(self.store)
        self.proxy = Proxy(
            ProxyParts(
                name="go",
                format=self.format,
                upstreams={"": self._upstream()},
                store=self.store,
                flights=self.flights,
                label="example.org",
                retries=self.retries,
                lifetimes=Lifetimes(ttl=300.0, negative_ttl=60.0),
                clock=self.clock,
            )
        )

    def _upstream(self) -> Upstream:
        settings = UpstreamSettings(
            url=self.url,
            http_proxy="",
            retries=self.retries,
            idle_timeout=self.idle_timeout,
            queue_timeout=self.queue_timeout,
        )
        slots = self.store.locks.slots
        return build(settings, self.curl, slots("up", self.connections), slots("turn", 1), Healthy(), "test")

    async def get(self, path: str, **context: bool) -> Answer:
        asked = Context(**context)
        return Answer(await self.proxy.get(resource(path), asked), asked)

    async def close(self) -> None:
        await self.flights.close()
        self.curl.close()


@dataclass
class Answer:
    """What a client was given."""

    content: Content
    context: Context

    @property
    def cache_status(self) -> str:
        return self.context.trail.cache_status

    async def read(self) -> bytes:
        """All of it, as delivery sends it; closes it. Raises what ``extent`` raises."""
        content = self.content
        assert not isinstance(content, (Bytes, Redirect, Outline))
        try:
            if isinstance(content, Blob):
                return pread(content.file, 0, content.size)
            body = b""
            while (extent := await content.extent(len(body))).end > len(body):
                body += pread(extent.file, len(body), extent.end)
            return body
        finally:
            content.close()

    @property
    def growing(self) -> Reader:
        assert isinstance(self.content, Reader)
        return self.content


def pread(file: FileIO, start: int, end: int) -> bytes:
    return os.pread(file.fileno(), end - start, start)


def hosted(store: Store, name: str = "house") -> Hosted:
    return Hosted(HostedParts(name=name, format=PlainFormat(), store=store, clock=Clock()))


def incoming(store: Store) -> list[str]:
    """The names of the files in which something comes in."""
    return [file.name for file in incoming_folder(store.path).iterdir()]


def store_files() -> list[str]:
    """What this process has open below a store."""
    names: list[str] = []
    for link in Path("/proc/self/fd").iterdir():
        with suppress(FileNotFoundError):
            names.append(str(link.readlink()))
    return sorted(name for name in names if "/data/" in name)


def resource(path: str) -> Resource:
    folder, _, name = path.rpartition("/")
    stem, _, kind = name.rpartition(".")
    return Resource(path=path, kind=kind, package=folder or stem)


def _info_beside(path: str) -> Resource:
    return resource(f"{path.rpartition('.')[0]}.info")
