from __future__ import annotations

import asyncio
import socket

import pytest
from tornado.iostream import IOStream, StreamClosedError

from mxart.errors import Invalid
from mxart.server.incoming import PIECE, HeadTooLarge, Incoming


def sent(data: bytes) -> Incoming:
    """The server's side of a client that has sent ``data`` and closed."""
    ours, theirs = socket.socketpair()
    with theirs:
        theirs.sendall(data)
    return Incoming(IOStream(ours))


@pytest.mark.gen_test
async def test_heads_and_bodies_in_one_piece() -> None:
    incoming = sent(b"\r\n\r\nPUT / HTTP/1.1\r\n\r\nabcdefGET / HTTP/1.1\r\n\r\n")
    assert await incoming.head(100) == b"PUT / HTTP/1.1\r\n\r\n"
    assert await incoming.some(2) == b"ab"
    assert await incoming.some(4) == b"cdef"
    assert await incoming.head(100) == b"GET / HTTP/1.1\r\n\r\n"
    with pytest.raises(StreamClosedError):
        await incoming.head(100)


@pytest.mark.gen_test
async def test_what_comes_byte_by_byte() -> None:
    ours, theirs = socket.socketpair()
    incoming = Incoming(IOStream(ours))
    head = asyncio.create_task(incoming.head(100))
    with theirs:
        for byte in b"GET / HTTP/1.1\r\n\r\n":
            assert not head.done()
            theirs.send(bytes([byte]))
            await asyncio.sleep(0)
        assert await head == b"GET / HTTP/1.1\r\n\r\n"
        size = asyncio.create_task(incoming.chunk_size())
        for byte in b"1f\r\n":
            assert not size.done()
            theirs.send(bytes([byte]))
            await asyncio.sleep(0)
        assert await size == 0x1F


@pytest.mark.gen_test
@pytest.mark.parametrize("data", [b"G" * 101, b"G" * 99 + b"\r\n\r\n", b"G" * 200_000])
async def test_a_head_beyond_the_limit(data: bytes) -> None:
    with pytest.raises(HeadTooLarge):
        await sent(data).head(100)


@pytest.mark.gen_test
@pytest.mark.parametrize(
    ("begun", "says"), [(b"\x16\x03\x01\x02\x00", "TLS"), (b"\x00", "METHOD"), (b" GET / HTTP/1.1", "METHOD")]
)
async def test_what_cannot_become_a_head_is_not_waited_for(begun: bytes, says: str) -> None:
    """Container engines try TLS on every port, and plain HTTP when they are told that it is none."""
    ours, theirs = socket.socketpair()
    with theirs:
        theirs.sendall(begun)  # and nothing else: the client waits for an answer
        with pytest.raises(Invalid, match=says):
            await Incoming(IOStream(ours)).head(100)


@pytest.mark.gen_test
async def test_a_head_of_the_limit() -> None:
    assert len(await sent(b"G" * 96 + b"\r\n\r\nrest").head(100)) == 100


@pytest.mark.gen_test
async def test_pieces_are_bounded() -> None:
    incoming = sent(b"x" * 100_000)
    assert 0 < len(await incoming.some(1 << 30)) <= PIECE


CHUNKS = [(b"0\r\n", 0), (b"a\r\n", 10), (b"00A\r\n", 10), (b"fffffffffffffff\r\n", 16**15 - 1)]
NO_CHUNKS = [b"\r\n", b"\n", b"a\n", b"-1\r\n", b"+1\r\n", b"0x1\r\n", b"1_0\r\n", b" 1\r\n", b"1 \r\n", b"1;a=b\r\n"]
NO_CHUNKS += [b"g\r\n", b"1\r\r\n", b"1000000000000000\r\n", b"1" * 1000, b"\xb2\r\n"]


@pytest.mark.gen_test
@pytest.mark.parametrize(("data", "size"), CHUNKS)
async def test_the_size_of_a_chunk(data: bytes, size: int) -> None:
    assert await sent(data).chunk_size() == size


@pytest.mark.gen_test
@pytest.mark.parametrize("data", NO_CHUNKS)
async def test_no_size_of_a_chunk(data: bytes) -> None:
    with pytest.raises(Invalid):
        await sent(data).chunk_size()


@pytest.mark.gen_test
@pytest.mark.parametrize("data", [b"\n", b"a\r\n", b"Trailer: a\r\n\r\n"])
async def test_no_line_end(data: bytes) -> None:
    with pytest.raises(Invalid):
        await sent(data).line_end()


@pytest.mark.gen_test
async def test_the_others_have_their_turn_while_one_client_floods_us() -> None:
    incoming = sent(b"GET / HTTP/1.1\r\n\r\n" * 1000)
    turns = 0

    async def other() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    task = asyncio.create_task(other())
    for _ in range(1000):
        await incoming.head(100)
    task.cancel()
    assert turns >= 999
