from __future__ import annotations

import io
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from mxart.errors import BadUpstream
from mxart.upstream.blocking import Connections, Stopped
from mxart.upstream.failures import TimedOut, Unreachable, Untrusted
from mxart.upstream.upload import MAX_ANSWER, Upload, Uploaded, upload
from tests.support.certs import Authority
from tests.support.upstream import Answer, ScriptedUpstream, redirect

DATA = bytes(range(256)) * 4096  # 1 MiB


def sending(url: str, data: bytes = DATA, **more: object) -> Upload:
    return Upload(url=url, file=io.BytesIO(data), size=len(data), **more)  # type: ignore[arg-type]


def send(wanted: Upload) -> tuple[Uploaded, int]:
    """The answer, and how many bytes were told of."""
    ticks: list[int] = []
    return upload(wanted, ticks.append), sum(ticks)


class Wire:
    """A server that plays one script a connection, and remembers the heads and bodies that it read."""

    def __init__(self, *scripts: Callable[[Wire, socket.socket], None]) -> None:
        self.heads: list[bytes] = []
        self.bodies: list[bytes] = []
        self._scripts = scripts
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}/m.zip"

    def head(self, stream: socket.socket) -> None:
        head = b""
        while not head.endswith(b"\r\n\r\n"):
            head += stream.recv(1)
        self.heads.append(head)

    def body(self, stream: socket.socket, size: int = len(DATA)) -> None:
        body = b""
        while len(body) < size:
            body += stream.recv(min(65536, size - len(body)))
        self.bodies.append(body)

    @contextmanager
    def serving(self) -> Iterator[Wire]:
        thread = threading.Thread(target=self._run)
        thread.start()
        try:
            yield self
        finally:
            self._listener.close()
            thread.join(10)

    def _run(self) -> None:
        for script in self._scripts:
            stream, _ = self._listener.accept()
            with stream:
                script(self, stream)


GO_ON = b"HTTP/1.1 100 Continue\r\n\r\n"
CREATED = b"HTTP/1.1 201 Created\r\nContent-Length: 3\r\n\r\nok\n"


def taking(wire: Wire, stream: socket.socket) -> None:
    wire.head(stream)
    stream.sendall(GO_ON)
    wire.body(stream)
    stream.sendall(CREATED)


def refusing(wire: Wire, stream: socket.socket) -> None:
    wire.head(stream)
    stream.sendall(b"HTTP/1.1 401 Unauthorized\r\nContent-Length: 10\r\nConnection: close\r\n\r\nwho is it\n")
    assert stream.recv(1) == b""  # nothing of the body came


def refusing_in_the_middle(wire: Wire, stream: socket.socket) -> None:
    wire.head(stream)
    stream.sendall(GO_ON)
    wire.body(stream, 1000)
    stream.sendall(b"HTTP/1.1 413 Too Large\r\nContent-Length: 10\r\nConnection: close\r\n\r\ntoo large\n")
    stream.shutdown(socket.SHUT_WR)
    while stream.recv(65536):
        pass


def breaking(wire: Wire, stream: socket.socket) -> None:
    wire.head(stream)
    stream.sendall(GO_ON)
    wire.body(stream, 1000)


def test_the_file_arrives() -> None:
    with Wire(taking).serving() as wire:
        assert send(sending(wire.url, media_type="application/zip")) == (Uploaded(201, "ok\n"), len(DATA))
    lines = wire.heads[0].decode().split("\r\n")
    assert lines[0] == "PUT /m.zip HTTP/1.1"
    assert f"Content-Length: {len(DATA)}" in lines
    assert "Content-Type: application/zip" in lines
    assert "Expect: 100-continue" in lines
    assert not [line for line in lines if line.startswith("Authorization")]
    assert wire.bodies == [DATA]


def test_credentials_go_with_the_first_request() -> None:
    with Wire(taking).serving() as wire:
        send(sending(wire.url, username="ä:da", password="p:w"))
    assert b"Authorization: Basic w6Q6ZGE6cDp3\r\n" in wire.heads[0]
    assert "p:w" not in repr(sending(wire.url, password="p:w"))


def test_a_refusal_comes_before_the_file_goes_out() -> None:
    with Wire(refusing).serving() as wire:
        assert send(sending(wire.url)) == (Uploaded(401, "who is it\n"), 0)


def test_a_refusal_in_the_middle_is_the_answer() -> None:
    with Wire(refusing_in_the_middle).serving() as wire:
        answer, _ = send(sending(wire.url))
    assert answer.status == 413
    assert len(wire.heads) == 1


def test_a_broken_connection_is_tried_once_more() -> None:
    with Wire(breaking, taking).serving() as wire:
        assert send(sending(wire.url)) == (Uploaded(201, "ok\n"), len(DATA))
    assert wire.bodies[-1] == DATA


def test_and_not_a_third_time() -> None:
    with Wire(breaking, breaking, taking).serving() as wire:
        with pytest.raises(Unreachable, match=r"127\.0\.0\.1:[0-9]+ cannot be reached: "):
            send(sending(wire.url))
        assert len(wire.heads) == 2
        send(sending(wire.url))


def test_an_empty_file() -> None:
    def script(wire: Wire, stream: socket.socket) -> None:
        wire.head(stream)
        stream.sendall(CREATED)

    with Wire(script).serving() as wire:
        assert send(sending(wire.url, b"")) == (Uploaded(201, "ok\n"), 0)


@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_no_redirect_is_followed(scripted: ScriptedUpstream, status: int) -> None:
    scripted.script("/m.zip", redirect(scripted.url + "/elsewhere", status))
    answer, _ = send(sending(scripted.url + "/m.zip", b"", username="ada", password="pw"))
    assert answer.status == status
    assert scripted.count("/elsewhere") == 0


def test_the_answer_is_cut(scripted: ScriptedUpstream) -> None:
    scripted.script("/m.zip", Answer(status=400, body=b"x" * (2 * MAX_ANSWER)))
    scripted.script("/good.zip", Answer(status=201, body=b"x" * (2 * MAX_ANSWER)))
    answer, _ = send(sending(scripted.url + "/m.zip", b""))
    assert answer.status == 400
    assert len(answer.text) == MAX_ANSWER
    with pytest.raises(BadUpstream, match="no mxart server"):
        send(sending(scripted.url + "/good.zip", b""))


def test_an_answer_that_is_no_text(scripted: ScriptedUpstream) -> None:
    scripted.script("/m.zip", Answer(status=400, body=b"\xff\x00"))
    assert send(sending(scripted.url + "/m.zip", b""))[0] == Uploaded(400, "�\x00")


def test_nobody_there() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    with pytest.raises(Unreachable, match=f"127.0.0.1:{port} cannot be reached: "):
        send(sending(f"http://127.0.0.1:{port}/"))


def test_a_server_that_says_nothing(scripted: ScriptedUpstream) -> None:
    scripted.script("/m.zip", Answer(delay=threading.Event()))
    with pytest.raises(TimedOut):
        send(sending(scripted.url + "/m.zip", b"", stall_timeout=1.0))


@pytest.mark.parametrize("url", ["file:///etc/passwd", "ftp://127.0.0.1/x"])
def test_only_http(url: str) -> None:
    with pytest.raises(Unreachable):
        send(sending(url))


def test_only_trusted_authorities(authority: Authority, other_authority: Authority) -> None:
    with ScriptedUpstream(authority.issue()) as upstream:
        upstream.script("/m.zip", Answer(status=201))
        url = upstream.url + "/m.zip"
        with pytest.raises(Untrusted, match="SSL_CERT_FILE"):
            send(sending(url, b"", ca_file=other_authority.ca_file))
        assert send(sending(url, b"", ca_file=authority.ca_file))[0].status == 201


class Interrupted(io.BytesIO):
    """A file during whose reading the user presses Ctrl-C."""

    def read(self, size: int | None = -1) -> bytes:
        raise KeyboardInterrupt


def test_ctrl_c_ends_it(capfd: pytest.CaptureFixture[str]) -> None:
    def script(wire: Wire, stream: socket.socket) -> None:
        wire.head(stream)
        stream.sendall(GO_ON)
        assert stream.recv(1) == b""

    with Wire(script).serving() as wire, pytest.raises(KeyboardInterrupt):
        upload(Upload(url=wire.url, file=Interrupted(), size=10), lambda size: None)
    assert capfd.readouterr().err == ""


class Shrinking(io.BytesIO):
    """A file that somebody cuts while it is read."""

    def read(self, size: int | None = -1) -> bytes:
        return super().read(min(size or 0, 1000)) if self.tell() < 5000 else b""


def test_a_file_that_becomes_shorter(capfd: pytest.CaptureFixture[str]) -> None:
    def script(wire: Wire, stream: socket.socket) -> None:
        wire.head(stream)
        stream.sendall(GO_ON)
        while stream.recv(65536):
            pass

    with Wire(script).serving() as wire, pytest.raises(OSError, match="shorter while it was read"):
        upload(Upload(url=wire.url, file=Shrinking(DATA), size=len(DATA)), lambda size: None)
    assert capfd.readouterr().err == ""


def test_connections_are_kept(scripted: ScriptedUpstream) -> None:
    scripted.script("/m.zip", Answer(status=201))
    connections = Connections()
    for _ in range(3):
        upload(sending(scripted.url + "/m.zip", b""), lambda size: None, connections)
    assert scripted.connections == 1


def test_who_sends_may_want_no_answer_any_more(scripted: ScriptedUpstream) -> None:
    scripted.script("/m.zip", Answer(delay=threading.Event()))
    stop = threading.Event()
    threading.Thread(target=lambda: (scripted.wait_for(1), stop.set())).start()
    with pytest.raises(Stopped):
        upload(sending(scripted.url + "/m.zip", b""), lambda size: None, Connections(stop.is_set))
