"""A served `TestSite`, in the test's own event loop."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Iterator

import pytest
from tornado.ioloop import IOLoop

from mxart.model import Request, Response
from mxart.server.listeners import bind
from mxart.server.serving import Serving
from mxart.settings import ListenerSettings, ServerSettings, TlsSettings
from tests.server.client import RawClient
from tests.server.site import TestSite
from tests.support.certs import Authority


class Served:
    """A site, its sockets, and clients that are closed in the end."""

    def __init__(self, site: TestSite, settings: ServerSettings, listener: ListenerSettings) -> None:
        self.site = site
        self.listenings = bind([listener], {})
        self.serving = Serving(site, settings)
        self.serving.listen(self.listenings.values())
        self._clients: list[RawClient] = []

    @property
    def port(self) -> int:
        (listening,) = self.listenings.values()
        return int(listening.authority.rpartition(":")[2])

    async def client(self) -> RawClient:
        client = await RawClient.connect(self.port)
        self._clients.append(client)
        return client

    async def waiting_client(self) -> RawClient:
        """A client whose request is with its handler, and is never answered."""
        reached = asyncio.Event()

        async def forever(_request: Request) -> Response:
            reached.set()
            await asyncio.Event().wait()
            raise AssertionError

        self.site.go.answers["forever"] = forever
        client = await self.client()
        await client.send("GET /go/forever HTTP/1.1\r\nHost: a\r\n\r\n")
        await reached.wait()
        return client

    async def stop(self) -> None:
        for client in self._clients:
            await client.close()
        await self.serving.drain(5.0)


def _run(io_loop: IOLoop, settings: ServerSettings, *tls: TlsSettings) -> Iterator[Served]:
    async def start() -> Served:
        return Served(TestSite(), settings, ListenerSettings(name="main", listen=("127.0.0.1:0",), tls=tls))

    served = io_loop.run_sync(start)
    yield served
    io_loop.run_sync(served.stop)


@pytest.fixture
def served(io_loop: IOLoop) -> Iterator[Served]:
    yield from _run(io_loop, ServerSettings(max_header_size=16 * 1024))


@pytest.fixture(scope="session")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture(scope="session")
def tls_settings(authority: Authority) -> TlsSettings:
    issued = authority.issue()
    return TlsSettings(certificate=issued.certificate, key=issued.key)


@pytest.fixture
def client_tls(authority: Authority) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=str(authority.ca_file))


@pytest.fixture
def tls_served(io_loop: IOLoop, tls_settings: TlsSettings) -> Iterator[Served]:
    yield from _run(io_loop, ServerSettings(), tls_settings)


@pytest.fixture
def proxied(io_loop: IOLoop) -> Iterator[Served]:
    """Behind a reverse proxy on this machine."""
    yield from _run(io_loop, ServerSettings(trusted_proxies=("127.0.0.0/8",)))


@pytest.fixture
def public(io_loop: IOLoop) -> Iterator[Served]:
    yield from _run(io_loop, ServerSettings(public_url="https://art.example.org/mx"))
