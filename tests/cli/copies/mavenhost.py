"""A hosted Maven repository on loopback, in a thread, as far as an import sees one of it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Lock, Thread
from typing import Self
from urllib.parse import unquote

_METADATA = "/maven-metadata.xml"

Refusal = Callable[[str, str], tuple[int, str] | None]  # method and path → status and detail


@dataclass
class MavenHost:
    """PUT answers 201, 200 for the same content, 409 for another; HEAD says what stands there.

    ``refuse``: None: go on. ``says_digests``: whether HEAD has any.
    """

    held: dict[str, bytes] = field(default_factory=dict)
    named: dict[str, bytes] = field(default_factory=dict)  # metadata that was sent
    log: list[tuple[str, str]] = field(default_factory=list)  # method and path, in the order of coming
    authorizations: set[str] = field(default_factory=set)
    refuse: Refusal = lambda method, path: None
    says_digests: bool = True

    def __enter__(self) -> Self:
        self._lock = Lock()
        self._http = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self._http.daemon_threads = True
        self._thread = Thread(target=self._http.serve_forever, kwargs={"poll_interval": 0.01})
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._http.shutdown()
        self._http.server_close()
        self._thread.join()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._http.server_port}/releases"

    def put(self) -> list[str]:
        """The paths of the artifacts that were sent, in order."""
        return [path for method, path in self.log if method == "PUT" and not path.endswith(_METADATA)]

    def note(self, method: str, path: str, authorization: str) -> tuple[int, str] | None:
        with self._lock:
            self.log.append((method, path))
            self.authorizations.add(authorization)
        return self.refuse(method, path)

    def take(self, path: str, body: bytes) -> tuple[int, str]:
        with self._lock:
            if path.endswith(_METADATA):
                self.named[path] = body
                return 201, "it is made from what is deployed"
            if "-SNAPSHOT" not in path and self.held.get(path, body) != body:
                return 409, "other content stands there: publish another version"
            status = 200 if self.held.get(path) == body else 201
            self.held[path] = body
            return status, "ok"


def _handler(host: MavenHost) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        @property
        def relative(self) -> str:
            return unquote(self.path.removeprefix("/releases/"))

        def handle_expect_100(self) -> bool:
            return True  # do_PUT says whether it wants the body

        def do_HEAD(self) -> None:
            refusal = host.note("HEAD", self.relative, self.headers["Authorization"] or "")
            body = host.held.get(self.relative)
            if refusal or body is None:
                self.send_response(refusal[0] if refusal else 404)
                self.send_header("Content-Length", "0")
            else:
                self.send_response(200)
                self.send_header("Content-Length", str(len(body)))
                if host.says_digests:
                    self.send_header("X-Checksum-SHA1", hashlib.sha1(body).hexdigest())
                    self.send_header("ETag", f'"{hashlib.sha256(body).hexdigest()}"')
            self.end_headers()

        def do_PUT(self) -> None:
            refusal = host.note("PUT", self.relative, self.headers["Authorization"] or "")
            if refusal is not None:
                self.close_connection = True
                self._problem(*refusal)
                return
            self.send_response_only(100)
            self.end_headers()
            size = int(self.headers["Content-Length"])
            body = self.rfile.read(size)
            if len(body) == size:
                self._problem(*host.take(self.relative, body))

        def _problem(self, status: int, detail: str) -> None:
            body = json.dumps({"title": "Told", "status": status, "detail": detail}).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/problem+json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None: ...

    return Handler
