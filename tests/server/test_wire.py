from __future__ import annotations

import os
import socket
from io import FileIO
from pathlib import Path

import pytest
from tornado.iostream import IOStream, StreamClosedError

from mxart.server.connections import Connection
from mxart.server.wire import SMALL, Truncated, Wire, read_small
from tests.support.descriptors import open_descriptors

DATA = os.urandom(3 * SMALL)


@pytest.fixture
def file(tmp_path: Path) -> FileIO:
    path = tmp_path / "file"
    path.write_bytes(DATA)
    return FileIO(str(path))


@pytest.mark.gen_test
@pytest.mark.parametrize(("offset", "size"), [(0, 0), (0, 10), (5, SMALL), (len(DATA) - 1, 1)])
async def test_reading_a_little(file: FileIO, offset: int, size: int) -> None:
    assert await read_small(file, offset, size) == DATA[offset : offset + size]


@pytest.mark.gen_test
@pytest.mark.parametrize("offset", [len(DATA), len(DATA) - 1, 10 * len(DATA)])
async def test_reading_past_the_end(file: FileIO, offset: int) -> None:
    with pytest.raises(Truncated):
        await read_small(file, offset, 2)


@pytest.mark.gen_test
async def test_reading_where_the_kernel_cannot_say_what_is_in_memory() -> None:
    # a file system without RWF_NOWAIT; every Linux has this one
    path = "/proc/self/cmdline"
    with FileIO(path) as file:
        assert await read_small(file, 0, 4) == FileIO(path).read()[:4]


def pair() -> tuple[Wire, IOStream, socket.socket]:
    ours, theirs = socket.socketpair()
    stream = IOStream(ours)
    return Wire(Connection(stream)), stream, theirs


@pytest.mark.gen_test
async def test_a_file_follows_what_was_written_before(file: FileIO) -> None:
    wire, stream, theirs = pair()
    reader = IOStream(theirs)
    assert not wire.begun
    await wire.write(b"head")
    sent = wire.send_file(file, 1, len(DATA))
    expected = b"head" + DATA[1:]
    received = reader.read_bytes(len(expected))
    await sent
    assert await received == expected
    assert (wire.begun, wire.sent) == (True, len(expected))
    stream.close()
    reader.close()


@pytest.mark.gen_test
async def test_a_client_that_left(file: FileIO) -> None:
    before = open_descriptors()
    wire, stream, theirs = pair()
    theirs.close()
    with pytest.raises(StreamClosedError):
        await wire.write(b"head")
    with pytest.raises(StreamClosedError):
        await wire.send_file(file, 0, len(DATA))
    stream.close()
    with pytest.raises(StreamClosedError):
        await wire.send_file(file, 0, len(DATA))
    assert open_descriptors() <= before


@pytest.mark.gen_test
async def test_a_file_that_is_too_short(file: FileIO) -> None:
    wire, stream, theirs = pair()
    reader = IOStream(theirs)
    received = reader.read_until_close()
    with pytest.raises(Truncated):
        await wire.send_file(file, 0, len(DATA) + 1)
    stream.close()
    assert await received == DATA
