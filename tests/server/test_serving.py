from __future__ import annotations

import asyncio
import contextlib
import os
import resource
import socket
import ssl
from collections.abc import Iterator

import pytest

from mxart.server import serving
from tests.server.client import RawClient
from tests.server.conftest import Served


@contextlib.contextmanager
def no_descriptor_left() -> Iterator[None]:
    """Within it this process can open nothing."""
    lowest_free = os.dup(0)
    os.close(lowest_free)
    limits = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (lowest_free, limits[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, limits)


@pytest.mark.gen_test
async def test_connections_are_taken_again_once_there_are_descriptors(
    served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(serving, "_PAUSE", 0.05)
    paused = asyncio.Event()
    monkeypatch.setattr(serving._log, "error", lambda *_: paused.set())
    loop = asyncio.get_running_loop()
    with socket.socket() as client:
        client.setblocking(False)
        with no_descriptor_left():
            await loop.sock_connect(client, ("127.0.0.1", served.port))
            await loop.sock_sendall(client, b"GET /go/hello HTTP/1.1\r\nHost: a\r\n\r\n")
            await paused.wait()
        assert (await loop.sock_recv(client, 4096)).endswith(b"hello\n")


@pytest.mark.gen_test
async def test_a_client_that_does_not_speak_tls(tls_served: Served, client_tls: ssl.SSLContext) -> None:
    stranger = await RawClient.connect(tls_served.port)
    await stranger.send("GET /go/hello HTTP/1.1\r\nHost: a\r\n\r\n")
    assert b"hello\n" not in await stranger.ended()
    await stranger.close()
    client = await RawClient.connect(tls_served.port, client_tls)
    assert (await client.get("/go/hello")).status == 200
    await client.close()


@pytest.mark.gen_test
async def test_nothing_is_accepted_after_stopping(served: Served) -> None:
    port = served.port
    served.serving.stop_accepting()
    with pytest.raises(ConnectionRefusedError):
        await RawClient.connect(port)
