"""The least of an HTTP/2 server (RFC 9113): answers every request with 200 and the same bytes, over TLS."""

from __future__ import annotations

import socket
import ssl
import struct
import threading
from contextlib import suppress
from typing import Self

from tests.support.certs import Certificate

_PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
_DATA, _HEADERS, _SETTINGS, _GOAWAY = 0, 1, 4, 7
_END_STREAM, _END_HEADERS, _ACK = 1, 4, 1
_STATUS_200 = b"\x88"  # entry 8 of the static table (RFC 7541, Appendix A)


class Http2Server:
    """Counts its connections and requests; ``body`` must fit into one frame."""

    def __init__(self, certificate: Certificate, body: bytes) -> None:
        self.connections = 0
        self.requests = 0
        self._body = body
        self._context = certificate.server_context()
        self._context.set_alpn_protocols(["h2"])
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"https://127.0.0.1:{self._listener.getsockname()[1]}"

    def __enter__(self) -> Self:
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            self.connections += 1
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        with (
            suppress(OSError, struct.error),
            self._context.wrap_socket(connection, server_side=True) as stream,
            stream.makefile("rb") as reader,
        ):
            if reader.read(len(_PREFACE)) != _PREFACE:
                return
            _send(stream, _SETTINGS, 0, 0, b"")
            while True:
                head = reader.read(9)
                high, low, kind, flags, number = struct.unpack("!BHBBI", head)
                reader.read(high << 16 | low)
                if kind == _SETTINGS and not flags & _ACK:
                    _send(stream, _SETTINGS, _ACK, 0, b"")
                elif kind == _HEADERS:
                    self.requests += 1
                    _send(stream, _HEADERS, _END_HEADERS, number, _STATUS_200)
                    _send(stream, _DATA, _END_STREAM, number, self._body)
                elif kind == _GOAWAY:
                    return


def _send(stream: ssl.SSLSocket, kind: int, flags: int, number: int, payload: bytes) -> None:
    stream.sendall(struct.pack("!BHBBI", 0, len(payload), kind, flags, number) + payload)
