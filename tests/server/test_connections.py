from __future__ import annotations

import asyncio
import logging
import socket

import pytest
from tornado.iostream import IOStream

from mxart.server.connections import Connection, Connections

pytestmark = pytest.mark.gen_test


async def forever(_connection: Connection) -> None:
    await asyncio.Event().wait()


async def fail(_connection: Connection) -> None:
    raise RuntimeError("a mistake of ours")


async def test_a_connection_ends_with_its_client() -> None:
    connections = Connections()
    ours, theirs = socket.socketpair()
    connections.take(IOStream(ours), forever)
    await asyncio.sleep(0)
    assert len(connections) == 1
    theirs.close()
    assert await connections.wait_empty(5.0)


async def test_a_client_ends_with_its_connection(caplog: pytest.LogCaptureFixture) -> None:
    connections = Connections()
    ours, theirs = socket.socketpair()
    with theirs, caplog.at_level(logging.ERROR, "mxart.server"):
        connections.take(IOStream(ours), fail)
        assert await connections.wait_empty(5.0)
        assert theirs.recv(1) == b""
    assert "a mistake of ours" in caplog.text
