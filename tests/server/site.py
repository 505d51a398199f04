"""A small application that serves each kind of content, and a growing download that a test drives."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Awaitable, Callable
from io import FileIO
from pathlib import Path

from mxart.errors import BadUpstream, MxartError, NotFound
from mxart.model import Blob, Bytes, Content, Digest, Extent, Redirect, Request, Response
from mxart.server import failures
from mxart.server.mounts import MountTable

MODIFIED = "Sun, 06 Nov 1994 08:49:37 GMT"


def blob(path: Path, media_type: str = "application/octet-stream") -> Blob:
    """The file at ``path``, open as a stored blob."""
    digest = Digest("sha256", hashlib.sha256(path.read_bytes()).hexdigest())
    size = path.stat().st_size
    return Blob(file=FileIO(str(path)), size=size, digest=digest, media_type=media_type, last_modified=MODIFIED)


class Download:
    """A growing download (`model.Growing`) of a file that the test writes to and then ends, or fails."""

    def __init__(self, path: Path, length: int | None, etag: str = "") -> None:
        self.length = length
        self.media_type = "application/zip"
        self.last_modified = ""
        self.etag = etag
        self.asked = asyncio.Event()  # somebody waits for bytes
        self.closed = asyncio.Event()
        self._writer = path.open("wb", buffering=0)
        self._file = FileIO(str(path))
        self._size = 0
        self._over = False
        self._error: MxartError | None = None
        self._grown = asyncio.Condition()

    async def write(self, data: bytes) -> None:
        self._writer.write(data)
        self._size += len(data)
        await self._notify()

    async def end(self) -> None:
        self._over = True
        await self._notify()

    async def fail(self, error: MxartError) -> None:
        self._error = error
        await self._notify()

    async def _notify(self) -> None:
        async with self._grown:
            self._grown.notify_all()

    async def extent(self, offset: int) -> Extent:
        self.asked.set()
        async with self._grown:
            while self._size <= offset and not self._over and self._error is None:
                await self._grown.wait()
        if self._size <= offset and self._error is not None:
            raise self._error
        return Extent(self._file, max(offset, self._size))

    def close(self) -> None:
        self._writer.close()
        self._file.close()
        self.closed.set()


class Pages:
    """A handler whose answers the test puts in: path → function of the request."""

    def __init__(self, body_limit: int = 1 << 20) -> None:
        self.body_limit = body_limit
        self.answers: dict[str, Callable[[Request], Awaitable[Response]]] = {}
        self.seen: list[Request] = []
        self.cancelled = asyncio.Event()

    def put(self, path: str, make: Callable[[], Content | None], status: int = 200, **headers: str) -> None:
        """Answer ``path`` with new content each time."""

        async def answer(request: Request) -> Response:
            return Response(status, make(), {name.replace("_", "-"): value for name, value in headers.items()})

        self.answers[path] = answer

    async def handle(self, request: Request) -> Response:
        self.seen.append(request)
        if request.path not in self.answers:
            raise NotFound(f"no page {request.path}")
        try:
            return await self.answers[request.path](request)
        except asyncio.CancelledError:
            self.cancelled.set()
            raise

    def failure(self, error: MxartError) -> Response:
        response = failures.plain(error)
        response.headers["X-Envelope"] = "pages"
        return response


async def echo(request: Request) -> Response:
    """The body back, as it came."""
    data = b"".join([chunk async for chunk in request.body])
    return Response(200, Bytes(data=data, media_type="application/octet-stream"))


async def crash(request: Request) -> Response:
    raise RuntimeError("the secret is swordfish")


class TestSite:
    """`server.Application` over one set of pages at ``/``… of its own, at ``/go`` and on two bound hosts."""

    __test__ = False
    pseudonym = "mxart-test"

    def __init__(self) -> None:
        self.own, self.go, self.docker = Pages(), Pages(), Pages()
        self.go.answers |= {"echo": echo, "crash": crash}
        self.go.put("hello", lambda: Bytes(data=b"hello\n", etag='"h"', last_modified=MODIFIED))
        self.go.put("away", lambda: Redirect(url="https://cdn.example.org/x"))
        self.go.put("nothing", lambda: None, 204)
        self.mounts = MountTable(self.own, {"/go": self.go}, {("main", "docker.example.org"): self.docker})
        self.started = self.stopped = False

    async def start(self) -> None:
        self.started = True

    async def stop(self) -> None:
        self.stopped = True


def upstream_failed() -> MxartError:
    return BadUpstream("the upstream go.example.org broke off", retry_after=7)
