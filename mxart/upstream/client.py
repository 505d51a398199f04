"""The curl client of a worker process: connections to all upstreams, reused. Follows no redirect, adds no credential,
judges no status."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import pycurl
from tornado.curl_httpclient import CurlAsyncHTTPClient
from tornado.httpclient import HTTPRequest
from tornado.httputil import HTTPHeaders

from mxart import __version__
from mxart.upstream.transfer import Transfer
from mxart.upstream.trust import system_bundle

_RECEIVE_SIZE = 256 * 1024  # bytes that libcurl reads at once
_TRANSFERS = 512  # at a time; a handle costs nothing until it is used. The ceiling per upstream is the queue's.
_SUPPRESS_CONNECT_HEADERS = 265  # libcurl's number, which pycurl does not name


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One request as it goes out."""

    label: str  # names the upstream in messages
    url: str
    headers: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    proxy: str | None = field(default=None, repr=False)  # URL; "": none; None: as the environment says
    ca_file: Path | None = None  # None: the system's authorities
    connect_timeout: float = 10.0  # seconds, as all times here
    idle_timeout: float = 30.0
    method: Literal["GET", "HEAD"] = "GET"


class _Client(CurlAsyncHTTPClient):
    """Tornado's, deaf to the timers that libcurl still sets while it is being closed."""

    _closing = False

    def close(self) -> None:
        self._closing = True
        super().close()

    def _set_timeout(self, msecs: int) -> None:
        if not self._closing:
            super()._set_timeout(msecs)


class Curl:
    """All connections of one worker process. Made anywhere, opened by its first use in the running loop."""

    def __init__(self) -> None:
        self._client: _Client | None = None
        self._live: set[Transfer] = set()

    def start(self, call: Call) -> Transfer:
        """Begin a transfer. Whoever asked ends it with ``discard`` or ``abandon``, also after an error."""
        if self._client is None:
            self._client = _Client(force_instance=True, max_clients=_TRANSFERS)
        transfer = Transfer(call.label, call.idle_timeout)
        self._live.add(transfer)
        transfer.follow(self._client.fetch(_request(call, transfer), raise_error=False), self._live.discard)
        return transfer

    @property
    def active(self) -> int:
        """How many transfers are under way."""
        return len(self._live)

    def close(self) -> None:
        """True after: every connection is closed; whoever still reads a transfer gets an error."""
        client, self._client = self._client, None
        for transfer in tuple(self._live):
            transfer.close()
        self._live.clear()
        if client is not None:
            client.close()


def _request(call: Call, transfer: Transfer) -> HTTPRequest:
    headers = HTTPHeaders()
    for name, value in call.headers:
        headers.add(name, value)

    def prepare(handle: pycurl.Curl) -> None:
        _set_connection(handle, call)
        _set_proxy(handle, call.proxy)
        _set_trust(handle, call.ca_file)
        transfer.attach(handle)

    return HTTPRequest(
        call.url,
        method=call.method,
        headers=headers,
        user_agent=f"mxart/{__version__}",
        connect_timeout=call.connect_timeout,
        request_timeout=0,  # a large artifact over a thin line is legitimate; idle_timeout catches the dead ones
        follow_redirects=False,
        decompress_response=False,
        prepare_curl_callback=prepare,
    )


def _set_connection(handle: pycurl.Curl, call: Call) -> None:
    handle.setopt(pycurl.PROTOCOLS, pycurl.PROTO_HTTP | pycurl.PROTO_HTTPS)
    handle.setopt(pycurl.HTTP_VERSION, pycurl.CURL_HTTP_VERSION_2TLS)
    handle.setopt(pycurl.PATH_AS_IS, 1)  # formats have checked it, and digests of names must not be "normalised"
    handle.setopt(pycurl.BUFFERSIZE, _RECEIVE_SIZE)
    handle.setopt(pycurl.TCP_KEEPALIVE, 1)
    handle.setopt(pycurl.NOSIGNAL, 1)


def _set_proxy(handle: pycurl.Curl, proxy: str | None) -> None:
    handle.setopt(pycurl.HEADEROPT, pycurl.HEADER_SEPARATE)  # a CONNECT proxy never sees what is for the upstream
    handle.setopt(_SUPPRESS_CONNECT_HEADERS, 1)  # its answer to CONNECT is not the upstream's head
    if proxy is None:
        return  # Tornado has unset it, and libcurl goes by http_proxy, https_proxy, all_proxy and no_proxy
    handle.setopt(pycurl.PROXY, proxy)
    handle.setopt(pycurl.NOPROXY, "")  # a configured proxy wins over the environment's exceptions


def _set_trust(handle: pycurl.Curl, ca_file: Path | None) -> None:
    # On every request: handles are reused, and the next upstream's authority is another one.
    bundle = ca_file or system_bundle()
    if bundle is not None:
        handle.setopt(pycurl.CAINFO, str(bundle))
        handle.setopt(pycurl.PROXY_CAINFO, str(bundle))
