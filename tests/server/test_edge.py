from __future__ import annotations

import asyncio
import socket
import struct

import pytest

from mxart.errors import NotFound
from mxart.model import Bytes, Request, Response
from mxart.server import accesslog, connections
from mxart.server.mounts import MountTable, Namespace
from tests.server.conftest import Served
from tests.server.site import Pages

HEAD = "GET /go/hello HTTP/1.1\r\nHost: a\r\n"


@pytest.mark.gen_test
async def test_an_answer_on_a_kept_connection(served: Served) -> None:
    client = await served.client()
    for _ in range(3):
        answer = await client.get("/go/hello")
        assert (answer.status, answer.body) == (200, b"hello\n")
        assert answer.headers["server"] == "mxart"
        assert answer.headers["date"].endswith("GMT")
        assert "connection" not in answer.headers


# what is sent, the status, and whether the connection is kept; None: it is closed without an answer of ours
MESSAGES = [
    ("GET /go/hello HTTP/1.1\r\nHost: a\r\n\r\n", 200, True),
    ("\r\nGET /go/hello HTTP/1.1\r\nHost: a\r\n\r\n", 200, True),
    ("GET http://a.example.org/go/hello HTTP/1.1\r\nHost: b\r\n\r\n", 200, True),
    ("GET /go/hello HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", 200, False),
    ("GET /go/hello HTTP/1.1\r\nHost: a\r\nConnection: TE, Close\r\n\r\n", 200, False),
    ("GET /go/hello HTTP/1.0\r\n\r\n", 200, False),
    ("GET /go/hello HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", 200, True),
    ("HEAD /go/hello HTTP/1.1\r\nHost: a\r\n\r\n", 200, True),
    ("GET /nobody/is/here HTTP/1.1\r\nHost: a\r\n\r\n", 404, True),
    ("GET /go/none HTTP/1.1\r\nHost: a\r\n\r\n", 404, True),
    ("GET /go/../etc HTTP/1.1\r\nHost: a\r\n\r\n", 400, True),
    ("GET /go/%2e%2e/etc HTTP/1.1\r\nHost: a\r\n\r\n", 400, True),
    ("GET /go/\xe4 HTTP/1.1\r\nHost: a\r\n\r\n", 400, True),
    ("GET /go/hello HTTP/1.1\r\n\r\n", 400, True),
    ("GET /go/hello HTTP/1.1\r\nHost:\r\n\r\n", 400, True),
    ("GET /go/hello HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n", 400, True),
    ("GET /go/hello HTTP/1.1\r\nHost: a/b\r\n\r\n", 400, True),
    ("GET /go/hello HTTP/1.1\r\nHost: a@b\r\n\r\n", 400, True),
    ("OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n", 400, True),
    ("CONNECT a:443 HTTP/1.1\r\nHost: a\r\n\r\n", 400, True),
    ("POST /go/echo HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc", 200, True),
    ("POST /go/echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n", 200, True),
    ("POST /go/hello HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc", 200, True),
    ("POST /go/echo HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nContent-Length: 3\r\n\r\nabc", 400, False),
    ("POST /go/echo HTTP/1.1\r\nHost: a\r\nContent-Length: 3, 3\r\n\r\nabc", 400, False),
    ("POST /go/echo HTTP/1.1\r\nHost: a\r\nContent-Length: +3\r\n\r\nabc", 400, False),
    ("POST /go/echo HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\n\r\n", 400, False),
    ("POST /go/echo HTTP/1.1\r\nHost: a\r\nContent-Length: 99999999999999999999\r\n\r\n", 400, False),
    ("POST /go/echo HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n", 400, False),
    ("POST /go/echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n", 400, False),
    ("POST /go/echo HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400, False),
    ("POST /go/echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", 400, False),
    ("POST /go/echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nab\n", 400, False),
    ("POST /go/echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nA: b\r\n\r\n", 400, False),
    ("GET /go/hello HTTP/1.0\r\nConnection: keep-alive\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400, False),
    ("POST /go/hello HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 200, False),
    ("POST /go/hello HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\n\r\n", 200, True),
    ("POST /go/hello HTTP/1.0\r\nExpect: 100-continue\r\nContent-Length: 1\r\n\r\na", 200, False),
    ("POST /go/echo HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\nabc", None, False),
    ("GET /go/hello HTTP/2.0\r\nHost: a\r\n\r\n", 400, False),
    ("GET  /go/hello HTTP/1.1\r\nHost: a\r\n\r\n", 400, False),
    ("GET /go/hello\r\n\r\n", 400, False),
    ("\x16\x03\x01\x02\r\n\r\n", 400, False),
    (HEAD + "No colon\r\n\r\n", 400, False),
    (HEAD + "X-Fold: a\r\n b\r\n\r\n", 400, False),
    (HEAD + "X Y: a\r\n\r\n", 400, False),
    (HEAD + "X-Null: a\0b\r\n\r\n", 400, False),
    (HEAD + "X-Long: " + "a" * 20_000 + "\r\n\r\n", 431, False),
    (HEAD + "X-Long: " + "a" * 200_000, 431, False),
    (HEAD.replace("\r\n", "\n") + "\n", 400, False),
    (HEAD + "Via: 1.1 other, 1.1 mxart-test\r\n\r\n", 502, True),
    (HEAD + "Via: 1.1 mxart-testing, 1.0 x (mxart-test)\r\n\r\n", 200, True),
]


@pytest.mark.gen_test
@pytest.mark.parametrize(("message", "status", "kept"), MESSAGES)
async def test_messages(served: Served, message: str, status: int | None, kept: bool) -> None:
    client = await served.client()
    await client.send(message)
    if status is None:
        client.writer.write_eof()
        assert b"200 OK" not in await client.ended()
        return
    head = await client.head()
    assert head.status == status
    if kept:
        assert head.headers.get("connection", "keep-alive") == "keep-alive"
        body = int(head.headers.get("content-length", "0")) if not message.startswith("HEAD") else 0
        await client.reader.readexactly(body)
        assert (await client.get("/go/hello")).status == 200
    else:
        assert head.headers.get("connection", "close") == "close"
        client.writer.write_eof()
        await client.ended()


@pytest.mark.gen_test
@pytest.mark.parametrize(
    ("message", "words"),
    [
        (HEAD + "X-Long: " + "a" * 20_000 + "\r\n\r\n", b"max_header_size"),
        (HEAD + "X Y: a\r\n\r\n", b"'X Y'"),
        ("PUT /go/echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", b"chunk"),
    ],
)
async def test_what_is_malformed_is_answered_with_a_sentence(served: Served, message: str, words: bytes) -> None:
    client = await served.client()
    await client.send(message)
    assert words in (await client.answer()).body


@pytest.mark.gen_test
async def test_requests_that_come_all_at_once_are_answered_in_order(served: Served) -> None:
    client = await served.client()
    put = "PUT /go/echo HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\n%04d"
    await client.send("".join(put % number for number in range(300)))
    for number in range(300):
        assert (await client.answer()).body == b"%04d" % number


@pytest.mark.gen_test
async def test_a_request_as_its_handler_sees_it(served: Served) -> None:
    client = await served.client()
    await client.send("GET /go/a%20b%2Fc/?x=%41 HTTP/1.1\r\nHOST: Art.Example.org:81\r\nX-A: 1\r\nx-a: 2\r\n\r\n")
    assert (await client.answer()).status == 404
    (request,) = served.site.go.seen
    assert (request.path, request.raw_path, request.query) == ("a b/c/", "a%20b%2Fc/", "x=%41")
    assert request.headers == {"host": "Art.Example.org:81", "x-a": "1, 2"}
    assert (request.peer, request.base_url) == ("127.0.0.1", "http://art.example.org:81/go")
    assert (request.server_url, request.host) == ("http://art.example.org:81", "art.example.org:81")
    assert request.listener == "main"
    assert request.principal.name == ""


@pytest.mark.gen_test
async def test_a_bound_host_takes_the_whole_path(served: Served) -> None:
    served.site.docker.put("v2/", lambda: Bytes(data=b"{}"))
    client = await served.client()
    assert (await client.get("/v2/", Host="Docker.Example.org:5000")).body == b"{}"
    assert served.site.docker.seen[0].base_url == "http://docker.example.org:5000"


@pytest.mark.parametrize(
    ("path", "host", "base_url", "server_url"),
    [
        ("/v2/x", "hub.example.org:5000", "http://hub.example.org:5000/v2", "http://hub.example.org:5000"),
        ("/v2/x?ns=docker.io", "a.example.org", "https://art.example.org/mx/v2", "https://art.example.org/mx"),
        ("/v2/hub/x", "a.example.org", "https://art.example.org/mx/v2/hub", "https://art.example.org/mx"),
    ],
)
@pytest.mark.gen_test
async def test_the_urls_of_a_registry(public: Served, path: str, host: str, base_url: str, server_url: str) -> None:
    hub = Pages()
    public.site.mounts = MountTable(
        public.site.own,
        {"/v2/hub": hub},
        registries={("main", "hub.example.org"): hub},
        namespaces={"docker.io": Namespace(hub, frozenset({"/v2/hub"}))},
    )
    await (await public.client()).get(path, Host=host)
    (request,) = hub.seen
    assert (request.path, request.base_url, request.server_url) == ("x", base_url, server_url)
    assert request.host == host


@pytest.mark.gen_test
async def test_what_a_trusted_proxy_says_is_the_base_url(proxied: Served) -> None:
    client = await proxied.client()
    await client.get("/go/hello", X_Forwarded_Proto="https", X_Forwarded_Host="art.example.org", X_Forwarded_For="::9")
    await client.get("/go/hello")
    told, direct = proxied.site.go.seen
    assert (told.base_url, told.peer) == ("https://art.example.org/go", "::9")
    assert (told.server_url, told.host) == ("https://art.example.org", "art.example.org")
    assert (direct.base_url, direct.peer) == ("http://127.0.0.1/go", "127.0.0.1")


@pytest.mark.gen_test
async def test_what_others_say_is_not(served: Served) -> None:
    await (await served.client()).get("/go/hello", X_Forwarded_Host="liar.example", Forwarded="host=liar.example")
    assert served.site.go.seen[0].base_url == "http://127.0.0.1/go"


@pytest.mark.gen_test
async def test_a_public_url_holds_for_all_but_bound_hosts(public: Served) -> None:
    client = await public.client()
    await client.get("/go/hello", Host="inner.example:8080")
    await client.get("/x", Host="docker.example.org:5000")
    (below,), (bound,) = public.site.go.seen, public.site.docker.seen
    assert (below.base_url, below.server_url) == ("https://art.example.org/mx/go", "https://art.example.org/mx")
    assert below.host == "inner.example:8080"
    assert bound.base_url == bound.server_url == "http://docker.example.org:5000"


@pytest.mark.gen_test
async def test_a_client_that_closes_its_half_holds_nothing(served: Served) -> None:
    client = await served.client()
    await client.send("GET /go/hello HTTP/1.1\r\nHost: a\r\n\r\n")
    client.writer.write_eof()
    await client.ended()
    assert await served.serving.connections.wait_empty(5.0)


@pytest.mark.gen_test
async def test_a_failure_nobody_foresaw_tells_an_id_and_nothing_else(
    served: Served, caplog: pytest.LogCaptureFixture
) -> None:
    answer = await (await served.client()).get("/go/crash")
    assert answer.status == 500
    assert b"swordfish" not in answer.body
    incident = answer.body.decode().split()[-1].rstrip(".")
    assert incident in caplog.text
    assert "the secret is swordfish" in caplog.text


@pytest.mark.gen_test
async def test_a_client_that_leaves_cancels_its_handler(served: Served) -> None:
    client = await served.waiting_client()
    await client.close()
    await served.site.go.cancelled.wait()


@pytest.mark.gen_test
async def test_a_client_that_leaves_in_its_body_cancels_its_handler(served: Served) -> None:
    reached = asyncio.Event()

    async def read(request: Request) -> Response:
        async for _ in request.body:
            reached.set()
        raise AssertionError

    served.site.go.answers["read"] = read
    client = await served.client()
    await client.send("PUT /go/read HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nabc")
    await reached.wait()
    await client.close()
    await served.site.go.cancelled.wait()


@pytest.mark.gen_test
async def test_a_client_that_leaves_in_its_body_does_not_disturb_the_cleaning_up(served: Served) -> None:
    reached, cleaned = asyncio.Event(), asyncio.Event()

    async def read(request: Request) -> Response:
        try:
            async for _ in request.body:
                reached.set()
        finally:
            for _ in range(20):
                await asyncio.sleep(0)
            cleaned.set()
        raise AssertionError

    served.site.go.answers["read"] = read
    client = await served.client()
    await client.send("PUT /go/read HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nabc")
    await reached.wait()
    await client.close()
    assert await served.serving.connections.wait_empty(5.0)
    assert cleaned.is_set()


@pytest.mark.gen_test
async def test_a_client_that_leaves_just_before_its_answer_leaves_no_error_behind(
    served: Served, caplog: pytest.LogCaptureFixture
) -> None:
    loop = asyncio.get_running_loop()
    reached, go_on = asyncio.Event(), asyncio.Event()

    async def refuse(_request: Request) -> Response:
        reached.set()
        await go_on.wait()
        raise NotFound("no")

    served.site.go.answers["refuse"] = refuse
    with socket.socket() as client:
        client.setblocking(False)
        client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))  # closing resets
        await loop.sock_connect(client, ("127.0.0.1", served.port))
        await loop.sock_sendall(client, b"PUT /go/refuse HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000\r\n\r\nabc")
        await reached.wait()
    go_on.set()  # the answer is written before the loop looks at the socket again
    assert await served.serving.connections.wait_empty(5.0)
    assert not caplog.records


# --- bodies ----------------------------------------------------------------------------------------------------


@pytest.mark.gen_test
async def test_a_body_is_read_no_faster_than_its_handler_takes_it(served: Served) -> None:
    go_on = asyncio.Event()
    pieces: list[int] = []

    async def slow(request: Request) -> Response:
        await go_on.wait()
        async for chunk in request.body:
            pieces.append(len(chunk))
        return Response(200, Bytes(data=b"%d" % sum(pieces)))

    served.site.go.answers["slow"] = slow
    served.site.go.body_limit = size = 64 << 20
    client = await served.client()
    client.writer.transport.set_write_buffer_limits(high=0)
    client.writer.write(f"PUT /go/slow HTTP/1.1\r\nHost: a\r\nContent-Length: {size}\r\n\r\n".encode() + bytes(size))
    with pytest.raises(TimeoutError):
        # nobody takes it, so it cannot all have been sent
        await asyncio.wait_for(client.writer.drain(), 0.5)
    go_on.set()
    await client.writer.drain()
    assert (await client.answer()).body == b"%d" % size
    assert max(pieces) <= 64 * 1024


# how the body is announced, and what is sent of it
TOO_LARGE = [
    ("Content-Length: 1048577\r\n", b"x" * 1000),
    ("Content-Length: 1048577\r\n", b"x" * 1048577),
    ("Content-Length: 10000000000\r\nExpect: 100-continue\r\n", b""),
    ("Transfer-Encoding: chunked\r\n", b"100001\r\n" + b"x" * 0x100001 + b"\r\n0\r\n\r\n"),
    ("Transfer-Encoding: chunked\r\n", b"fffff\r\n" + b"x" * 0xFFFFF + b"\r\nffffff\r\n" + b"y" * 1000),
]


@pytest.mark.gen_test
@pytest.mark.parametrize(("announced", "sent"), TOO_LARGE)
async def test_a_body_beyond_the_limit(served: Served, announced: str, sent: bytes) -> None:
    client = await served.client()
    await client.send(f"PUT /go/echo HTTP/1.1\r\nHost: a\r\n{announced}\r\n".encode() + sent)
    answer = await client.answer()
    assert (answer.status, answer.headers["connection"]) == (413, "close")
    assert answer.headers["x-envelope"] == "pages"
    client.writer.write_eof()
    assert await client.ended() == b""


@pytest.mark.gen_test
@pytest.mark.parametrize(
    ("announced", "begin", "end"),
    [
        ("Content-Length: 100000", b"x" * 60_000, b"y" * 40_000),
        ("Transfer-Encoding: chunked", b"5\r\nab", b"cde\r\n0\r\n\r\n"),
    ],
)
async def test_a_little_body_that_nobody_wants_comes_before_the_answer(
    served: Served, announced: str, begin: bytes, end: bytes
) -> None:
    """containerd waits for ever when it is answered while it still sends a manifest."""
    client = await served.client()
    await client.send(f"PUT /go/hello HTTP/1.1\r\nHost: a\r\n{announced}\r\n\r\n".encode() + begin)
    answer = asyncio.create_task(client.answer())
    await asyncio.sleep(0.05)
    assert not answer.done()
    await client.send(end)
    assert (await answer).headers.get("connection", "keep-alive") == "keep-alive"
    assert (await client.get("/go/hello")).status == 200


@pytest.mark.gen_test
async def test_a_body_is_asked_for_only_when_it_is_wanted(served: Served) -> None:
    client = await served.client()
    fields = "Host: a\r\nContent-Length: 3\r\nExpect: 100-continue\r\n\r\n"
    await client.send("PUT /go/echo HTTP/1.1\r\n" + fields)
    assert (await client.head()).status == 100
    await client.send("abc")
    assert (await client.answer()).body == b"abc"
    await client.send("PUT /go/none HTTP/1.1\r\n" + fields)
    answer = await client.answer()
    assert (answer.status, answer.headers["connection"]) == (404, "close")
    assert await client.ended() == b""


@pytest.mark.gen_test
async def test_a_body_in_small_pieces(served: Served) -> None:
    client = await served.client()
    await client.send("PUT /go/echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n")
    for piece in ("1\r", "\na\r\n", "2;ext=1\r\nbc\r\n".replace(";ext=1", ""), "0\r\n", "\r\n"):
        await client.send(piece)
        await asyncio.sleep(0)
    assert (await client.answer()).body == b"abc"
    assert (await client.get("/go/hello")).status == 200


# --- slow clients ----------------------------------------------------------------------------------------------


@pytest.mark.gen_test
@pytest.mark.parametrize(
    "sent",
    [
        "",
        "GET /go/hel",
        "PUT /go/echo HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nab",
    ],
)
async def test_a_client_that_says_no_more_is_cut(served: Served, monkeypatch: pytest.MonkeyPatch, sent: str) -> None:
    monkeypatch.setattr(connections, "IDLE", 0.05)
    monkeypatch.setattr("mxart.server.body.STALL", 0.05)
    monkeypatch.setattr(connections, "SWEEP", 0.05)
    client = await served.client()
    await client.send(sent)
    assert await client.ended() == b""


@pytest.mark.gen_test
async def test_a_client_that_reads_no_more_is_cut(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mxart.server.wire.STALL", 0.05)
    monkeypatch.setattr(connections, "SWEEP", 0.05)
    served.site.go.put("big", lambda: Bytes(data=bytes(32 << 20)))
    client = await served.client()
    client.writer.transport.pause_reading()
    await client.send("GET /go/big HTTP/1.1\r\nHost: a\r\n\r\n")
    assert await served.serving.connections.wait_empty(10.0)


# --- leaving ---------------------------------------------------------------------------------------------------


@pytest.mark.gen_test
async def test_draining_closes_idle_connections_and_waits_for_the_others(served: Served) -> None:
    reached, go_on = asyncio.Event(), asyncio.Event()

    async def slow(_request: Request) -> Response:
        reached.set()
        await go_on.wait()
        return Response(200, Bytes(data=b"done"))

    served.site.go.answers["slow"] = slow
    idle, busy = await served.client(), await served.client()
    assert (await idle.get("/go/hello")).status == 200
    await busy.send("GET /go/slow HTTP/1.1\r\nHost: a\r\n\r\n")
    await reached.wait()
    drained = asyncio.create_task(served.serving.drain(30.0))
    assert await idle.ended() == b""
    assert not drained.done()
    go_on.set()
    answer = await busy.answer()
    assert (answer.body, answer.headers["connection"]) == (b"done", "close")
    await drained


@pytest.mark.gen_test
async def test_retiring_answers_once_more(served: Served) -> None:
    client = await served.client()
    assert (await client.get("/go/hello")).status == 200
    retired = asyncio.create_task(served.serving.retire(30.0))
    await asyncio.sleep(0)
    answer = await client.get("/go/hello")
    assert (answer.body, answer.headers["connection"]) == (b"hello\n", "close")
    assert await client.ended() == b""
    await retired


@pytest.mark.gen_test
async def test_what_outlives_the_grace_is_cut(served: Served) -> None:
    await served.waiting_client()
    await served.serving.drain(0.01)
    assert len(served.serving.connections) == 0
    assert served.site.go.cancelled.is_set()


@pytest.mark.gen_test
async def test_each_request_is_logged(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    logged: list[accesslog.Access] = []
    monkeypatch.setattr(accesslog, "enabled", lambda: True)
    monkeypatch.setattr(accesslog, "write", logged.append)
    served.site.go.put("log", lambda: Bytes(data=b"x"), Cache_Status="mxart; hit")
    await (await served.client()).get("/go/log?a=b")
    await served.serving.drain(1.0)
    (access,) = logged
    assert (access.method, access.target, access.status) == ("GET", "/go/log?a=b", 200)
    assert (access.peer, access.cache_status) == ("127.0.0.1", "mxart; hit")
    assert access.sent > 1
