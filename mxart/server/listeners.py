"""Listening sockets: addresses, IPv6, unix sockets, TLS; and taking connections from them.

Sockets are bound once, before any fork, and kept by their address over reloads, so that no connection that waits in
one is ever refused.
"""

from __future__ import annotations

import errno
import os
import socket
import ssl
import stat
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from mxart.settings import ListenerSettings, TlsSettings

BACKLOG = 1024  # connections that wait to be taken; the kernel caps it at net.core.somaxconn
_UNIX = "unix:"


class CannotListen(Exception):
    """An address cannot be bound. The message names it, and says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Listening:
    """One address of a listener, bound."""

    listener: str  # its name
    address: str  # as configured
    sockets: tuple[socket.socket, ...]  # a host name may stand for several
    tls: ssl.SSLContext | None

    @property
    def authority(self) -> str:
        """What a client on this machine would call it: "127.0.0.1:8080", "localhost" for a unix socket."""
        bound = self.sockets[0]
        if bound.family == socket.AF_UNIX:
            return "localhost"
        host, port = bound.getsockname()[:2]
        return f"[{host}]:{port}" if bound.family == socket.AF_INET6 else f"{host}:{port}"

    @property
    def scheme(self) -> str:
        return "https" if self.tls else "http"

    @property
    def url(self) -> str:
        """For people: where it listens."""
        return self.address if self.address.startswith(_UNIX) else f"{self.scheme}://{self.authority}"


def bind(listeners: Sequence[ListenerSettings], kept: Mapping[str, Listening]) -> dict[str, Listening]:
    """Every address of every listener, bound: address → Listening; sockets of ``kept`` are used again.

    Raises CannotListen, after closing what it had bound anew.
    """
    bound: dict[str, Listening] = {}
    try:
        for listener in listeners:
            tls = tls_context(listener.tls) if listener.tls else None
            for address in listener.listen:
                sockets = kept[address].sockets if address in kept else _bind(address)
                bound[address] = Listening(listener=listener.name, address=address, sockets=sockets, tls=tls)
    except CannotListen:
        for address in bound.keys() - kept.keys():
            close(bound[address])
        raise
    return bound


def close(listening: Listening) -> None:
    """True after: this process listens there no more; the file of a unix socket is removed."""
    for bound in listening.sockets:
        bound.close()
    if listening.address.startswith(_UNIX):
        Path(listening.address.removeprefix(_UNIX)).unlink(missing_ok=True)


def tls_context(certificates: Sequence[TlsSettings]) -> ssl.SSLContext:
    """TLS 1.2 and later, HTTP/1.1. Made before the fork, so that every worker can resume every session.

    Of several certificates the client gets the one that is for the name it sends (SNI, RFC 6066 §3), the first when
    none is. Raises CannotListen when a certificate or its key cannot be used.
    """
    contexts = [_context(certificate) for certificate in certificates]
    first = contexts[0]
    if len(contexts) > 1:
        by_name: dict[str, ssl.SSLContext] = {}
        for certificate, context in zip(certificates, contexts, strict=True):
            for name in _names(certificate.certificate):
                by_name.setdefault(name, context)

        def pick(client: ssl.SSLObject | ssl.SSLSocket, name: str | None, _context: ssl.SSLContext) -> None:
            client.context = _for_name(by_name, name or "") or first

        first.sni_callback = pick
    return first


def _context(certificate: TlsSettings) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_alpn_protocols(["http/1.1"])
    try:
        context.load_cert_chain(certificate.certificate, certificate.key)
    except (OSError, ssl.SSLError) as error:
        files = f"certificate {certificate.certificate} with key {certificate.key}"
        raise CannotListen(f"cannot use {files}: {error}") from error
    return context


def _for_name(by_name: Mapping[str, ssl.SSLContext], sent: str) -> ssl.SSLContext | None:
    """Whose certificate has the name itself, else a wildcard for its first label (RFC 9525 §6.3)."""
    name = sent.rstrip(".").lower()
    label, _, parent = name.partition(".")
    return by_name.get(name) or (by_name.get(f"*.{parent}") if label and parent else None)


def _names(certificate: Path) -> Iterator[str]:
    """The DNS names that the first certificate of a PEM file is for, in lower case. Raises CannotListen."""
    from cryptography import x509  # here, as a server with one certificate for each listener has no need of it

    try:
        extensions = x509.load_pem_x509_certificate(certificate.read_bytes()).extensions
        names = extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return
    except (OSError, ValueError, x509.DuplicateExtension, x509.UnsupportedGeneralNameType) as error:
        raise CannotListen(f"cannot read for which names certificate {certificate} is: {error}") from error
    for name in names.get_values_for_type(x509.DNSName):
        yield name.lower()


def _bind(address: str) -> tuple[socket.socket, ...]:
    try:
        if address.startswith(_UNIX):
            return (_bind_unix(Path(address.removeprefix(_UNIX))),)
        return _bind_tcp(address)
    except OSError as error:
        raise CannotListen(f"cannot listen on {address}: {error.strerror or error}") from error


def _bind_tcp(address: str) -> tuple[socket.socket, ...]:
    host, _, port = address.rpartition(":")
    name = host.strip("[]")
    found = socket.getaddrinfo(
        None if name in ("", "*") else name, int(port), type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
    )
    sockets: list[socket.socket] = []
    try:
        for family, _type, _proto, _name, where in dict.fromkeys(found):
            bound = socket.socket(family, socket.SOCK_STREAM)
            sockets.append(bound)
            bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            if family == socket.AF_INET6:
                # 0.0.0.0 and [::] are bound side by side when both are asked for
                bound.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
            bound.bind(where)
            _listen(bound)
    except OSError:
        for bound in sockets:
            bound.close()
        raise
    return tuple(sockets)


def _bind_unix(path: Path) -> socket.socket:
    """A socket that every local user may connect to: who may do what is decided by credentials, as over TCP."""
    _remove_stale(path)
    bound = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        bound.bind(str(path))
        path.chmod(0o666)
        _listen(bound)
    except OSError:
        bound.close()
        raise
    return bound


def _remove_stale(path: Path) -> None:
    """True after: no socket file is left by a server that is gone. Raises OSError when somebody listens there."""
    if not path.exists() or not stat.S_ISSOCK(path.stat().st_mode):
        return  # another kind of file stays, and makes bind fail
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.setblocking(False)  # somebody listens, too, where too many wait already
        try:
            probe.connect(str(path))
        except ConnectionRefusedError:
            path.unlink()
            return
        except BlockingIOError:
            pass
    raise OSError(errno.EADDRINUSE, os.strerror(errno.EADDRINUSE))


def _listen(bound: socket.socket) -> None:
    bound.setblocking(False)
    bound.listen(BACKLOG)
