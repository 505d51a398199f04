"""A forward proxy (HTTP and CONNECT) and a SOCKS5 proxy on loopback, each noting what passed.

::

    with HttpProxy() as proxy:
        get("http://…", proxy=proxy.url)
        proxy.passed            # ["GET http://127.0.0.1:1234/x"] or ["CONNECT 127.0.0.1:1234"]
    with SocksProxy(names={"upstream.example": ("127.0.0.1", upstream.port)}) as proxy:
        get("http://upstream.example/…", proxy=proxy.url)     # socks5h: the proxy resolves the name
        proxy.passed            # ["CONNECT upstream.example:80"]
"""

from __future__ import annotations

import base64
import socket
import struct
import threading
from abc import ABC, abstractmethod
from collections.abc import Mapping
from contextlib import suppress
from typing import IO, Self
from urllib.parse import urlsplit

Address = tuple[str, int]


class _Proxy(ABC):
    """Accepts on a loopback port and hands each connection to ``_handle`` in a thread.

    ``names``: host names that only this proxy knows, and where they lead. ``login``: the user name and password it
    wants, when it wants any.
    """

    scheme = ""

    def __init__(self, names: Mapping[str, Address] | None = None, login: tuple[str, str] | None = None) -> None:
        self.passed: list[str] = []
        self.refused: list[str] = []
        self.fields: list[str] = []  # names of the header fields that were for the proxy to see, lower-case
        self._names = dict(names or {})
        self._login = login
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=64)
        self._open: set[socket.socket] = set()
        self._lock = threading.Lock()

    @property
    def url(self) -> str:
        return f"{self.scheme}://127.0.0.1:{self._listener.getsockname()[1]}"

    def __enter__(self) -> Self:
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        with self._lock:
            connections = list(self._open)
        for connection in connections:
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        with self._lock:
            self._open.add(client)
        try:
            with suppress(OSError, ValueError, struct.error), client, client.makefile("rb", buffering=0) as reader:
                self._handle(client, reader)
        finally:
            with self._lock:
                self._open.discard(client)

    @abstractmethod
    def _handle(self, client: socket.socket, reader: IO[bytes]) -> None:
        """Answer what comes on one connection."""

    def _connect(self, host: str, port: int) -> socket.socket:
        """A connection to where the name leads; nothing but loopback is reached."""
        host, port = self._names.get(host, (host, port))
        if host not in ("127.0.0.1", "localhost", "::1"):
            raise ConnectionRefusedError(host)
        return socket.create_connection((host, port))


class HttpProxy(_Proxy):
    """CONNECT tunnels, and plain requests in absolute form."""

    scheme = "http"

    def _handle(self, client: socket.socket, reader: IO[bytes]) -> None:
        method, target, _ = reader.readline().decode("latin-1").split()
        fields = []
        while (line := reader.readline()) not in (b"\r\n", b"\n", b""):
            fields.append(line)
        self.fields += [line.partition(b":")[0].decode("latin-1").lower() for line in fields]
        if not self._may_pass(fields):
            self.refused.append(f"{method} {target}")
            client.sendall(b"HTTP/1.1 407 Who are you\r\nProxy-Authenticate: Basic\r\nContent-Length: 0\r\n\r\n")
            return
        self.passed.append(f"{method} {target}")
        if method == "CONNECT":
            host, _, port = target.rpartition(":")
            with self._connect(host.strip("[]"), int(port)) as upstream:
                client.sendall(b"HTTP/1.1 200 Go on\r\n\r\n")
                _relay(client, upstream)
            return
        url = urlsplit(target)
        with self._connect(url.hostname or "", url.port or 80) as upstream:
            path = (url.path or "/") + (f"?{url.query}" if url.query else "")
            fields = [line for line in fields if not line.lower().startswith((b"proxy-", b"connection:"))]
            upstream.sendall(f"{method} {path} HTTP/1.1\r\n".encode() + b"".join(fields) + b"Connection: close\r\n\r\n")
            _relay(client, upstream)

    def _may_pass(self, fields: list[bytes]) -> bool:
        if self._login is None:
            return True
        wanted = b"basic " + base64.b64encode(":".join(self._login).encode())
        values = [
            line.partition(b":")[2].strip() for line in fields if line.lower().startswith(b"proxy-authorization:")
        ]
        return [value[:6].lower() + value[6:] for value in values] == [wanted]


class SocksProxy(_Proxy):
    """SOCKS version 5 (RFC 1928, 1929), CONNECT only; ``scheme`` may be set to ``socks5`` by whoever wants that."""

    scheme = "socks5h"

    def _handle(self, client: socket.socket, reader: IO[bytes]) -> None:
        version, count = _exactly(reader, 2)
        methods = _exactly(reader, count)
        if version != 5 or not self._agreed(client, reader, methods):
            return
        _, command, _, kind = _exactly(reader, 4)
        host = self._destination(reader, kind)
        (port,) = struct.unpack("!H", _exactly(reader, 2))
        if command != 1:
            client.sendall(b"\x05\x07\x00\x01" + bytes(6))
            return
        self.passed.append(f"CONNECT {host}:{port}")
        try:
            upstream = self._connect(host, port)
        except OSError:
            client.sendall(b"\x05\x05\x00\x01" + bytes(6))
            return
        with upstream:
            client.sendall(b"\x05\x00\x00\x01" + bytes(6))
            _relay(client, upstream)

    def _agreed(self, client: socket.socket, reader: IO[bytes], methods: bytes) -> bool:
        wanted = 0 if self._login is None else 2
        if wanted not in methods:
            self.refused.append("no acceptable method")
            client.sendall(b"\x05\xff")
            return False
        client.sendall(bytes([5, wanted]))
        if self._login is None:
            return True
        name = _exactly(reader, _exactly(reader, 2)[1]).decode()
        password = _exactly(reader, _exactly(reader, 1)[0]).decode()
        known = (name, password) == self._login
        client.sendall(b"\x01\x00" if known else b"\x01\x01")
        return known

    @staticmethod
    def _destination(reader: IO[bytes], kind: int) -> str:
        if kind == 3:
            return _exactly(reader, _exactly(reader, 1)[0]).decode("ascii")
        family, size = (socket.AF_INET, 4) if kind == 1 else (socket.AF_INET6, 16)
        return socket.inet_ntop(family, _exactly(reader, size))


def _exactly(reader: IO[bytes], size: int) -> bytes:
    data = b""
    while len(data) < size:
        piece = reader.read(size - len(data))
        if not piece:
            raise ConnectionResetError("closed in the middle of the handshake")
        data += piece
    return data


def _relay(client: socket.socket, upstream: socket.socket) -> None:
    """Copy both ways until both sides have ended."""
    back = threading.Thread(target=_copy, args=(upstream, client), daemon=True)
    back.start()
    _copy(client, upstream)
    back.join()


def _copy(source: socket.socket, sink: socket.socket) -> None:
    with suppress(OSError):
        while data := source.recv(65536):
            sink.sendall(data)
    for end in (source, sink):
        with suppress(OSError):
            end.shutdown(socket.SHUT_RDWR)
