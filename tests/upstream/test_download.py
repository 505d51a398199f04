from __future__ import annotations

import io
import threading

import pytest

from mxart.errors import BadUpstream
from mxart.upstream.blocking import Connections, Question, Stopped
from mxart.upstream.download import Answered, get, head
from mxart.upstream.failures import TimedOut, Unreachable, Untrusted
from mxart.upstream.fields import MAX_HEAD_SIZE
from tests.support.certs import Authority
from tests.support.upstream import Answer, ScriptedUpstream, redirect

DATA = bytes(range(256)) * 1024


def got(url: str, max_size: int = 1 << 20, **more: object) -> tuple[Answered, bytes]:
    file = io.BytesIO(b"before")
    answer = get(Question(url=url, **more), file, max_size, Connections())  # type: ignore[arg-type]
    return answer, file.getvalue()


def test_a_file(scripted: ScriptedUpstream) -> None:
    scripted.static("/a", DATA, etag='"x"')
    answer, data = got(scripted.url + "/a")
    assert (answer.status, answer.headers["etag"], data) == (200, '"x"', DATA)
    assert scripted.requests[0].headers["user-agent"].startswith("mxart/")


def test_a_look(scripted: ScriptedUpstream) -> None:
    scripted.static("/a", DATA, etag='"x"')
    answer = head(Question(url=scripted.url + "/a"), Connections())
    assert (answer.status, answer.headers["content-length"], answer.headers["etag"]) == (200, str(len(DATA)), '"x"')
    assert scripted.requests[0].method == "HEAD"


@pytest.mark.parametrize("status", [201, 206, 301, 404, 500])
def test_only_what_was_asked_for_is_kept(scripted: ScriptedUpstream, status: int) -> None:
    scripted.script("/a", Answer(status=status, body=b"words"))
    answer, data = got(scripted.url + "/a")
    assert (answer.status, data) == (status, b"")


def test_more_than_makes_sense(scripted: ScriptedUpstream) -> None:
    scripted.static("/a", DATA)
    scripted.script("/endless", Answer(body=iter([DATA] * 100), framing="chunked"))
    assert got(scripted.url + "/a", len(DATA))[1] == DATA
    for path in ("/a", "/endless"):
        with pytest.raises(BadUpstream, match=f"more than the {len(DATA) - 1} bytes that make sense here"):
            got(scripted.url + path, len(DATA) - 1)


def test_the_words_of_a_refusal_are_not_read_for_ever(scripted: ScriptedUpstream) -> None:
    scripted.script("/a", Answer(status=404, body=iter([DATA] * 1000), framing="chunked"))
    assert got(scripted.url + "/a")[0].status == 404


@pytest.mark.parametrize("broken", [Answer(body=DATA, cut_after=1000), Answer(reset=True)])
def test_a_broken_connection_is_tried_once_more(scripted: ScriptedUpstream, broken: Answer) -> None:
    whole = Answer(body=DATA)
    scripted.script("/a", broken, whole)
    assert got(scripted.url + "/a")[1] == DATA
    scripted.script("/a", broken, broken, whole)
    with pytest.raises(Unreachable):
        got(scripted.url + "/a")


def test_connections_are_kept(scripted: ScriptedUpstream) -> None:
    scripted.static("/a", DATA)
    connections = Connections()
    for _ in range(3):
        head(Question(url=scripted.url + "/a", username="ada", password="pw"), connections)
        get(Question(url=scripted.url + "/a"), io.BytesIO(), 1 << 20, connections)
    assert scripted.connections == 1
    assert [bool(seen.headers.get("authorization")) for seen in scripted.requests] == [True, False] * 3


def test_each_thread_has_its_own(scripted: ScriptedUpstream) -> None:
    scripted.static("/a", DATA)
    connections = Connections()
    ask = lambda: head(Question(url=scripted.url + "/a"), connections)  # noqa: E731
    threads = [threading.Thread(target=ask) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert scripted.connections == 3


@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_no_redirect_is_followed(scripted: ScriptedUpstream, status: int) -> None:
    scripted.script("/a", redirect(scripted.url + "/elsewhere", status))
    question = Question(url=scripted.url + "/a", username="ada", password="pw")
    assert head(question, Connections()).headers["location"] == scripted.url + "/elsewhere"
    assert get(question, io.BytesIO(), 10, Connections()).status == status
    assert scripted.count("/elsewhere") == 0


def test_a_head_that_cannot_be_used(scripted: ScriptedUpstream) -> None:
    scripted.script("/a", Answer(headers={f"X-{number}": "y" * 1000 for number in range(MAX_HEAD_SIZE // 1000 + 1)}))
    with pytest.raises(BadUpstream, match="a head that cannot be used: it has more than"):
        head(Question(url=scripted.url + "/a"), Connections())


def test_a_server_that_says_nothing(scripted: ScriptedUpstream) -> None:
    scripted.script("/a", Answer(delay=threading.Event()))
    with pytest.raises(TimedOut):
        got(scripted.url + "/a", stall_timeout=1.0)


def test_who_asks_may_want_no_answer_any_more(scripted: ScriptedUpstream) -> None:
    scripted.script("/a", Answer(delay=threading.Event()))
    stop = threading.Event()
    threading.Thread(target=lambda: (scripted.wait_for(1), stop.set())).start()
    with pytest.raises(Stopped):
        get(Question(url=scripted.url + "/a"), io.BytesIO(), 10, Connections(stop.is_set))


class Full(io.BytesIO):
    """A file for which there is no room."""

    def write(self, data: object) -> int:
        raise OSError(28, "No space left on device")


def test_no_room(scripted: ScriptedUpstream, capfd: pytest.CaptureFixture[str]) -> None:
    scripted.static("/a", DATA)
    with pytest.raises(OSError, match="No space left"):
        get(Question(url=scripted.url + "/a"), Full(), 1 << 20, Connections())
    assert capfd.readouterr().err == ""


@pytest.mark.parametrize("url", ["file:///etc/passwd", "ftp://127.0.0.1/x"])
def test_only_http(url: str) -> None:
    with pytest.raises(Unreachable):
        got(url)


def test_only_trusted_authorities(authority: Authority, other_authority: Authority) -> None:
    with ScriptedUpstream(authority.issue()) as upstream:
        upstream.static("/a", DATA)
        with pytest.raises(Untrusted, match="SSL_CERT_FILE"):
            got(upstream.url + "/a", ca_file=other_authority.ca_file)
        assert got(upstream.url + "/a", ca_file=authority.ca_file)[1] == DATA
