"""One request: pulled, bounded, ended."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from mxart.errors import BadUpstream, MxartError, Unavailable
from mxart.upstream import Broken
from mxart.upstream.client import Call, Curl
from mxart.upstream.failures import TimedOut, Unreachable
from mxart.upstream.fields import MAX_HEAD_SIZE
from mxart.upstream.transfer import BUFFER_SIZE
from tests.support.upstream import Answer, ScriptedUpstream
from tests.upstream.parts import read_call, until

pytestmark = pytest.mark.gen_test

PIECE = 64 * 1024


def call(url: str, idle_timeout: float = 5.0) -> Call:
    return Call(label="up.example.org", url=url, proxy="", idle_timeout=idle_timeout)


@contextmanager
def speaking(answer: bytes) -> Iterator[str]:
    """A server that says exactly this to each request, and closes."""
    listener = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            with connection:
                connection.recv(65536)
                connection.sendall(answer)

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}/"
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        thread.join()


async def test_head_and_body_arrive(curl: Curl, scripted: ScriptedUpstream) -> None:
    scripted.static("/a", b"x" * 300_000, etag='"1"')
    head, body = await read_call(curl, call(scripted.url + "/a"))
    assert (head.status, head.headers["etag"], body) == (200, '"1"', b"x" * 300_000)


@pytest.mark.parametrize("framing", ["length", "chunked", "close"])
async def test_every_framing_ends(curl: Curl, scripted: ScriptedUpstream, framing: str) -> None:
    scripted.script("/a", Answer(body=b"y" * 100_000, framing=framing))  # type: ignore[arg-type]
    assert (await read_call(curl, call(scripted.url + "/a")))[1] == b"y" * 100_000


class Endless:
    """A body that goes on for ever, and how much of it was taken."""

    def __init__(self) -> None:
        self.sent = 0

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        self.sent += PIECE
        return bytes(PIECE)

    async def stands_still(self) -> None:
        before = -1
        while before != self.sent:
            before = self.sent
            await asyncio.sleep(0.1)


async def test_a_slow_consumer_stops_a_fast_upstream(curl: Curl, scripted: ScriptedUpstream) -> None:
    body = Endless()
    scripted.script("/a", Answer(body=body, framing="chunked"))
    transfer = curl.start(call(scripted.url + "/a"))
    await transfer.head()
    await body.stands_still()
    # What was sent is in our buffer, in libcurl's, and in the two sockets' (some MiB on loopback).
    stopped_at = body.sent
    assert stopped_at < BUFFER_SIZE + 16 * 1024 * 1024
    while body.sent == stopped_at:  # taking lets it go on
        assert 0 < len(await transfer.read()) <= BUFFER_SIZE
    transfer.abandon()


async def test_what_was_paused_arrives_whole_and_in_order(curl: Curl, scripted: ScriptedUpstream) -> None:
    data = b"".join(b"%07d\n" % number for number in range(2_000_000))
    scripted.static("/a", data)
    transfer = curl.start(call(scripted.url + "/a"))
    await transfer.head()
    received = bytearray()
    while chunk := await transfer.read():
        received += chunk
        await asyncio.sleep(0.005)
    assert received == data


async def test_a_paused_transfer_is_not_idle(curl: Curl, scripted: ScriptedUpstream) -> None:
    scripted.static("/a", bytes(32 * 1024 * 1024))
    transfer = curl.start(call(scripted.url + "/a", idle_timeout=0.1))
    await transfer.head()
    await asyncio.sleep(0.4)
    size = 0
    while chunk := await transfer.read():
        size += len(chunk)
    assert size == 32 * 1024 * 1024


async def test_silence_before_the_head_is_a_time_out(curl: Curl, scripted: ScriptedUpstream) -> None:
    scripted.script("/a", Answer(delay=threading.Event()))
    with pytest.raises(TimedOut, match=r"sent nothing for 0\.15 s"):
        await curl.start(call(scripted.url + "/a", idle_timeout=0.15)).head()


async def test_silence_in_the_body_breaks_it(curl: Curl, scripted: ScriptedUpstream) -> None:
    scripted.script("/a", Answer(body=b"x" * 1000, stall_after=500))
    transfer = curl.start(call(scripted.url + "/a", idle_timeout=0.15))
    assert await transfer.read() == b"x" * 500
    with pytest.raises(Broken, match="no byte for"):
        await transfer.read()


async def test_a_slow_body_is_not_idle(curl: Curl, scripted: ScriptedUpstream) -> None:
    scripted.script("/a", Answer(body=b"x" * 4000, rate=8000))
    assert len((await read_call(curl, call(scripted.url + "/a", idle_timeout=0.2)))[1]) == 4000


@pytest.mark.parametrize(
    "answer",
    [
        Answer(body=b"x" * 1000, cut_after=400),
        Answer(body=b"x" * 1000, cut_after=400, reset=True),
        Answer(body=b"x" * 1000, cut_after=400, framing="chunked"),
        Answer(body=b"x" * 1000, claim=2000, cut_after=1000),
    ],
)
async def test_a_body_cut_short_is_broken(curl: Curl, scripted: ScriptedUpstream, answer: Answer) -> None:
    scripted.script("/a", answer)
    with pytest.raises(Broken):
        await read_call(curl, call(scripted.url + "/a"))


HEADS = [
    (b"", Unreachable),
    (b"HTTP/1.1 200 OK\r\nX: y", Unreachable),
    (b"SSH-2.0-OpenSSH\r\n\r\n", BadUpstream),
    (b"HTTP/1.1 2x0 OK\r\n\r\n", BadUpstream),
    (b"HTTP/1.1 \r\n\r\n", BadUpstream),
    (b"HTTP/9.9 200 OK\r\n\r\n", BadUpstream),
    (b"HTTP/1.1 200 OK\r\n" + b"X-Pad: " + b"y" * (MAX_HEAD_SIZE + 1000) + b"\r\n\r\n", BadUpstream),
    (b"HTTP/1.1 200 OK\r\n" + b"A: b\r\n" * (MAX_HEAD_SIZE // 6 + 1) + b"\r\n", BadUpstream),
    (b"HTTP/1.1 200 OK\r\nContent-Length: banana\r\n\r\n", BadUpstream),
    (b"HTTP/1.1 200 OK\r\nA: \x00\r\n\r\n", BadUpstream),
]


@pytest.mark.parametrize(("sent", "error"), HEADS)
async def test_heads_that_are_none(curl: Curl, sent: bytes, error: type[MxartError]) -> None:
    with speaking(sent) as url, pytest.raises(error) as raised:
        await curl.start(call(url)).head()
    assert raised.value.message.isprintable()


async def test_interim_heads_are_left_out(curl: Curl) -> None:
    sent = (
        b"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\nHTTP/1.1 200 OK\r\nA: b\r\nA: c\r\nContent-Length: 2\r\n\r\nok"
    )
    with speaking(sent) as url:
        head, body = await read_call(curl, call(url))
    assert (head.status, head.headers, body) == (200, {"a": "b, c", "content-length": "2"}, b"ok")


async def test_trailers_are_not_header_fields(curl: Curl) -> None:
    sent = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\nETag: late\r\n\r\n"
    with speaking(sent) as url:
        head, body = await read_call(curl, call(url))
    assert (head.headers, body) == ({"transfer-encoding": "chunked"}, b"ok")


async def test_refused_connections_are_unreachable(curl: Curl, scripted: ScriptedUpstream) -> None:
    scripted.stop()
    with pytest.raises(Unreachable, match=r"up\.example\.org cannot be reached"):
        await curl.start(call(scripted.url + "/a")).head()


@pytest.mark.parametrize("answer", [Answer(body=b"x" * 1000, stall_after=500), Answer(delay=threading.Event())])
async def test_abandoning_closes_the_connection_at_once(curl: Curl, scripted: ScriptedUpstream, answer: Answer) -> None:
    scripted.script("/a", answer.but(release=threading.Event()))
    transfer = curl.start(call(scripted.url + "/a", idle_timeout=60))
    await asyncio.get_running_loop().run_in_executor(None, scripted.wait_for, 1)
    transfer.abandon()
    assert curl.active == 1
    async with asyncio.timeout(1):
        await until(lambda: curl.active == 0)


async def test_an_abandoned_paused_transfer_ends(curl: Curl, scripted: ScriptedUpstream) -> None:
    body = Endless()
    scripted.script("/a", Answer(body=body, framing="chunked"))
    transfer = curl.start(call(scripted.url + "/a"))
    await transfer.head()
    await body.stands_still()
    transfer.abandon()
    await until(lambda: scripted.open_connections == 0)


async def test_discarding_a_small_body_keeps_the_connection(curl: Curl, scripted: ScriptedUpstream) -> None:
    scripted.static("/a", b"x" * 5000)
    for _ in range(5):
        transfer = curl.start(call(scripted.url + "/a"))
        await transfer.head()
        await transfer.discard()
    assert (scripted.count("/a"), scripted.connections) == (5, 1)


async def test_discarding_a_large_body_does_not_read_it(curl: Curl, scripted: ScriptedUpstream) -> None:
    scripted.static("/a", bytes(64 * 1024 * 1024))
    transfer = curl.start(call(scripted.url + "/a"))
    await transfer.head()
    await transfer.discard()
    await until(lambda: scripted.open_connections == 0)


async def test_a_handle_that_others_use_now_is_left_alone(curl: Curl, scripted: ScriptedUpstream) -> None:
    scripted.static("/a", b"first")
    scripted.static("/b", b"x" * 3_000_000)
    first = curl.start(call(scripted.url + "/a"))
    while await first.read():
        pass
    second = curl.start(call(scripted.url + "/b"))
    await second.head()
    first.abandon()
    size = 0
    while chunk := await second.read():
        size += len(chunk)
    assert size == 3_000_000


async def test_closing_the_client_wakes_those_who_wait(
    scripted: ScriptedUpstream, caplog: pytest.LogCaptureFixture
) -> None:
    curl = Curl()
    scripted.script("/head", Answer(delay=threading.Event()))
    scripted.script("/body", Answer(body=b"x" * 10, stall_after=5))
    head = asyncio.ensure_future(curl.start(call(scripted.url + "/head")).head())
    transfer = curl.start(call(scripted.url + "/body"))
    assert await transfer.read() == b"xxxxx"
    body = asyncio.ensure_future(transfer.read())
    await asyncio.sleep(0)
    curl.close()
    curl.close()  # again does no harm
    with pytest.raises(Unavailable, match="stopping"):
        await head
    with pytest.raises(Broken, match="stopping"):
        await body
    await asyncio.sleep(0.01)  # whatever is left of it in the loop comes now
    assert caplog.records == []
