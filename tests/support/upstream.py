"""A scripted HTTP/1.1 upstream on loopback, in threads of its own, so that forked servers can use it, too.

::

    with ScriptedUpstream() as upstream:
        upstream.static("/m/@v/list", b"v1.0.0\\n", etag='"1"')          # answers ranges and conditional requests
        upstream.script("/flaky", Answer(503), Answer(body=b"ok"))        # one step a request, the last one stays
        upstream.script("/cut", whole.but(cut_after=1000), whole)         # whole = Static(data, etag='"1"')
        upstream.tree(folder)                                             # files below a folder
        upstream.handler = lambda path: (200, {}, b"any") or None         # None: go on with 404
        fetch(upstream.url + "/flaky")
        upstream.requests[0].headers["via"]; upstream.count("/flaky"); upstream.connections

The first that knows a path answers: scripts and statics, then ``handler``, then the tree, then 404.
"""

from __future__ import annotations

import gzip
import re
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import IO, Any, Literal, Self
from urllib.parse import unquote

from tests.support.certs import Certificate

_PIECE = 64 * 1024
_RANGE = re.compile(r"bytes=(\d+)-(\d*)")


@dataclass(frozen=True, slots=True)
class Seen:
    """A request as it arrived. ``headers``: lower-case names. ``at``: ``time.monotonic()``."""

    method: str
    path: str  # as sent, with its query
    headers: Mapping[str, str]
    at: float
    connection: int  # which connection it came on, counted from 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What to send, and how to go wrong while sending it."""

    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes | Iterator[bytes] = b""
    framing: Literal["length", "chunked", "close"] = "length"
    claim: int | None = None  # lie: this Content-Length, whatever is sent
    cut_after: int | None = None  # close the connection after so many bytes of body
    stall_after: int | None = None  # after so many bytes of body, wait …
    release: threading.Event | None = None  # … for this (None: until the upstream is stopped)
    rate: float = 0.0  # bytes a second; 0: as fast as it goes
    reset: bool = False  # end with RST: before the head, or where ``cut_after`` says
    delay: threading.Event | None = None  # wait for this before the head

    def but(self, **changes: Any) -> Answer:
        """The same, gone wrong in another way."""
        return replace(self, **changes)

    def __call__(self, seen: Seen) -> Answer:
        return self


@dataclass(frozen=True, slots=True, kw_only=True)
class Static:
    """Bytes with validators: answers Range, If-Range, If-None-Match and If-Modified-Since as a good server does."""

    data: bytes
    etag: str = ""
    last_modified: str = ""
    media_type: str = "application/octet-stream"
    headers: Mapping[str, str] = field(default_factory=dict)
    ranges: bool = True
    changes: Mapping[str, Any] = field(default_factory=dict)

    def but(self, **changes: Any) -> Static:
        """The same, going wrong while it is sent: any field of `Answer`."""
        return replace(self, changes={**self.changes, **changes})

    def __call__(self, seen: Seen) -> Answer:
        headers = {"Content-Type": self.media_type, **self.headers}
        headers |= {"ETag": self.etag} if self.etag else {}
        headers |= {"Last-Modified": self.last_modified} if self.last_modified else {}
        return self._answer(seen, headers).but(**self.changes)

    def _answer(self, seen: Seen, headers: dict[str, str]) -> Answer:
        if self._unchanged(seen):
            return Answer(status=304, headers=headers)
        match = _RANGE.fullmatch(seen.headers.get("range", ""))
        if match is None or not self.ranges or seen.headers.get("if-range", self.etag) != self.etag:
            return Answer(headers=headers, body=self.data)
        start, end = int(match[1]), min(int(match[2] or len(self.data)), len(self.data) - 1)
        if start >= len(self.data):
            return Answer(status=416, headers={"Content-Range": f"bytes */{len(self.data)}"})
        headers["Content-Range"] = f"bytes {start}-{end}/{len(self.data)}"
        return Answer(status=206, headers=headers, body=self.data[start : end + 1])

    def _unchanged(self, seen: Seen) -> bool:
        if "if-none-match" in seen.headers:
            return bool(self.etag) and self.etag in seen.headers["if-none-match"]
        return bool(self.last_modified) and seen.headers.get("if-modified-since") == self.last_modified


Behaviour = Callable[[Seen], Answer]
Handler = Callable[[str], tuple[int, Mapping[str, str], bytes] | None]


def redirect(location: str, status: int = 302) -> Answer:
    """An answer that sends the client to ``location``."""
    return Answer(status=status, headers={"Location": location}, body=b"elsewhere\n")


def gzipped(data: bytes, **headers: str) -> Answer:
    """``data`` under a content coding that nobody asked for."""
    return Answer(body=gzip.compress(data), headers={"Content-Encoding": "gzip", **headers})


class ScriptedUpstream:
    """A server on a loopback port of its own; the port stays the same from ``start`` to ``stop`` to ``start``."""

    def __init__(self, certificate: Certificate | None = None) -> None:
        self.requests: list[Seen] = []
        self.connections = 0
        self.handler: Handler | None = None
        self.port = 0
        self._context = certificate.server_context() if certificate else None
        self._scripts: dict[str, list[Behaviour]] = {}
        self._root: Path | None = None
        self._lock = threading.Lock()
        self._listener: socket.socket | None = None
        self._open: set[socket.socket] = set()
        self._stopped = threading.Event()
        self._changed = threading.Condition(self._lock)

    # --- what it answers -------------------------------------------------------------------------------------

    def static(self, path: str, data: bytes, **fields: Any) -> Static:
        """Serve ``data`` at ``path``; ``fields`` as in `Static`."""
        static = Static(data=data, **fields)
        self.script(path, static)
        return static

    def script(self, path: str, *steps: Behaviour) -> None:
        """Answer the requests for ``path`` (with its query, if any) with one step each; the last one stays."""
        with self._lock:
            self._scripts[path] = list(steps)

    def tree(self, root: Path) -> None:
        """Serve the files below ``root`` at their percent-decoded paths."""
        self._root = root

    # --- what it saw -----------------------------------------------------------------------------------------

    def count(self, path: str) -> int:
        """How many requests for ``path`` have come."""
        with self._lock:
            return sum(seen.path == path for seen in self.requests)

    def wait_for(self, number: int, timeout: float = 10.0) -> None:
        """Return when ``number`` requests have come in all. Raises TimeoutError after ``timeout`` seconds."""
        with self._changed:
            if not self._changed.wait_for(lambda: len(self.requests) >= number, timeout):
                raise TimeoutError(f"{len(self.requests)} requests came, not {number}")

    @property
    def open_connections(self) -> int:
        with self._lock:
            return len(self._open)

    @property
    def url(self) -> str:
        return f"{'https' if self._context else 'http'}://127.0.0.1:{self.port}"

    # --- life ------------------------------------------------------------------------------------------------

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self) -> None:
        """True after: it listens on ``port`` (chosen at the first start)."""
        self._stopped = threading.Event()
        listener = socket.create_server(("127.0.0.1", self.port), backlog=256)
        self.port = listener.getsockname()[1]
        self._listener = listener
        threading.Thread(target=self._accept, args=(listener, self._stopped), daemon=True).start()

    def stop(self) -> None:
        """True after: connections are refused, and those that were open are closed."""
        self._stopped.set()
        listener, self._listener = self._listener, None
        if listener is not None:
            with suppress(OSError):
                listener.shutdown(socket.SHUT_RDWR)
            listener.close()
        with self._lock:
            connections = list(self._open)
        for connection in connections:
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    def _accept(self, listener: socket.socket, stopped: threading.Event) -> None:
        while not stopped.is_set():
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(connection, stopped), daemon=True).start()

    def _serve(self, connection: socket.socket, stopped: threading.Event) -> None:
        with self._lock:
            self.connections += 1
            number = self.connections
            self._open.add(connection)
        try:
            with suppress(OSError), self._wrapped(connection) as stream, stream.makefile("rb") as reader:
                stream.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                while not stopped.is_set() and self._exchange(stream, reader, number, stopped):
                    pass
        finally:
            with self._lock:
                self._open.discard(connection)
            connection.close()

    @contextmanager
    def _wrapped(self, connection: socket.socket) -> Iterator[socket.socket]:
        if self._context is None:
            yield connection
            return
        with self._context.wrap_socket(connection, server_side=True) as stream:
            with self._lock:  # wrapping has taken the descriptor over
                self._open.add(stream)
            try:
                yield stream
            finally:
                with self._lock:
                    self._open.discard(stream)

    def _exchange(self, stream: socket.socket, reader: IO[bytes], number: int, stopped: threading.Event) -> bool:
        """Answer one request; whether the connection goes on."""
        seen = _read_request(reader, number)
        if seen is None:
            return False
        with self._changed:
            self.requests.append(seen)
            behaviour = self._step(seen)
            self._changed.notify_all()
        kept = _Delivery(stream, behaviour(seen), seen, stopped).run()
        return kept and seen.headers.get("connection", "").lower() != "close"

    def _step(self, seen: Seen) -> Behaviour:
        steps = self._scripts.get(seen.path)
        if steps:
            return steps.pop(0) if len(steps) > 1 else steps[0]
        if self.handler is not None and (answer := self.handler(seen.path)) is not None:
            return Answer(status=answer[0], headers=answer[1], body=answer[2])
        return self._file(seen.path) or Answer(status=404, body=f"not found: {seen.path}\n".encode())

    def _file(self, path: str) -> Static | None:
        if self._root is None:
            return None
        file = self._root / unquote(path.partition("?")[0]).lstrip("/")
        return Static(data=file.read_bytes(), etag=f'"{file.stat().st_mtime_ns:x}"') if file.is_file() else None


def _read_request(reader: IO[bytes], number: int) -> Seen | None:
    line = reader.readline(65537).decode("latin-1").split()
    if len(line) != 3:
        return None
    headers: dict[str, str] = {}
    while (field_line := reader.readline(65537).strip()) != b"":
        name, _, value = field_line.decode("latin-1").partition(":")
        headers[name.lower()] = value.strip()
    reader.read(int(headers.get("content-length", "0")))
    return Seen(line[0], line[1], headers, time.monotonic(), number)


@dataclass(slots=True)
class _Delivery:
    """One answer on its way; ``run`` tells whether the connection can be used again."""

    stream: socket.socket
    answer: Answer
    seen: Seen
    stopped: threading.Event
    sent: int = 0

    def run(self) -> bool:
        if self.answer.delay is not None:
            self._wait(self.answer.delay)
        if self.answer.reset and self.answer.cut_after is None:
            return self._reset()
        self.stream.sendall(self._head())
        if self.seen.method == "HEAD" or self.answer.status in (204, 304):
            return True
        self._send_body()
        if self.answer.cut_after is not None:
            return self._reset() if self.answer.reset else False
        if self.answer.framing == "chunked":
            self.stream.sendall(b"0\r\n\r\n")
        return self.answer.framing != "close" and self.answer.claim is None

    def _head(self) -> bytes:
        answer = self.answer
        headers = dict(answer.headers)
        if answer.framing == "chunked":
            headers["Transfer-Encoding"] = "chunked"
        elif answer.claim is not None:
            headers["Content-Length"] = str(answer.claim)
        elif answer.framing == "length" and isinstance(answer.body, bytes) and answer.status not in (204, 304):
            headers["Content-Length"] = str(len(answer.body))
        lines = [f"HTTP/1.1 {answer.status} Scripted", *(f"{name}: {value}" for name, value in headers.items())]
        return "\r\n".join([*lines, "", ""]).encode("latin-1")

    def _send_body(self) -> None:
        begun = time.monotonic()
        for piece in self._pieces():
            rest = memoryview(piece)
            while rest and self.sent != self.answer.cut_after:
                if self.sent == self.answer.stall_after:
                    self._wait(self.answer.release)
                part = rest[: self._until_mark()]
                self._send(part)
                rest = rest[len(part) :]
                self._pace(begun)
            if self.sent == self.answer.cut_after:
                break
        if self.sent == self.answer.stall_after:
            self._wait(self.answer.release)

    def _pieces(self) -> Iterator[bytes]:
        body = self.answer.body
        if not isinstance(body, bytes):
            yield from body
            return
        step = min(_PIECE, max(1, int(self.answer.rate / 20))) if self.answer.rate else _PIECE
        for start in range(0, len(body), step):
            yield body[start : start + step]

    def _until_mark(self) -> int | None:
        """Bytes until something is to happen."""
        marks = (self.answer.stall_after, self.answer.cut_after)
        return min((mark - self.sent for mark in marks if mark is not None and mark > self.sent), default=None)

    def _send(self, piece: memoryview) -> None:
        framed = b"%x\r\n%b\r\n" % (len(piece), piece) if self.answer.framing == "chunked" else piece
        self.stream.sendall(framed)
        self.sent += len(piece)

    def _pace(self, begun: float) -> None:
        if self.answer.rate:
            self.stopped.wait(max(0.0, begun + self.sent / self.answer.rate - time.monotonic()))

    def _wait(self, event: threading.Event | None) -> None:
        while not self.stopped.wait(0.01):
            if event is not None and event.is_set():
                return

    def _reset(self) -> bool:
        self.stream.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.stream.close()
        return False
