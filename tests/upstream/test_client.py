"""Connections: reuse, HTTP/2, proxies, authorities, time limits."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from mxart import __version__
from mxart.upstream.client import Call, Curl
from mxart.upstream.failures import Unreachable, Untrusted
from tests.support.certs import Authority
from tests.support.descriptors import open_descriptors
from tests.support.proxies import HttpProxy, SocksProxy
from tests.support.upstream import ScriptedUpstream
from tests.upstream.http2 import Http2Server
from tests.upstream.parts import read_call, until

pytestmark = pytest.mark.gen_test


def call(url: str, proxy: str | None = "", ca_file: Path | None = None, **fields: float) -> Call:
    return Call(label="up.example.org", url=url, proxy=proxy, ca_file=ca_file, **fields)  # type: ignore[arg-type]


async def test_connections_are_reused(curl: Curl, scripted: ScriptedUpstream) -> None:
    scripted.static("/a", b"x")
    for _ in range(10):
        await read_call(curl, call(scripted.url + "/a"))
    assert scripted.connections == 1


async def test_requests_do_not_wait_for_each_other(curl: Curl, scripted: ScriptedUpstream) -> None:
    scripted.script("/stalled", scripted.static("/a", b"xy").but(stall_after=1))
    stalled = curl.start(call(scripted.url + "/stalled"))
    assert (await read_call(curl, call(scripted.url + "/a")))[1] == b"xy"
    stalled.abandon()


async def test_who_asks_is_said_and_nothing_else(curl: Curl, scripted: ScriptedUpstream) -> None:
    asked = Call(label="x", url=scripted.url + "/a/../b?c=%2F", proxy="", headers=(("X-One", "1"),))
    await read_call(curl, asked)
    (seen,) = scripted.requests
    assert seen.path == "/a/../b?c=%2F"
    assert seen.headers == {
        "host": f"127.0.0.1:{scripted.port}",
        "user-agent": f"mxart/{__version__}",
        "accept": "*/*",
        "x-one": "1",
    }


async def test_fields_of_one_request_do_not_stay_for_the_next(curl: Curl, scripted: ScriptedUpstream) -> None:
    await read_call(curl, Call(label="x", url=scripted.url, proxy="", headers=(("Authorization", "Basic eA=="),)))
    await read_call(curl, call(scripted.url))
    assert ["authorization" in seen.headers for seen in scripted.requests] == [True, False]


async def test_other_schemes_are_refused(curl: Curl, tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("secret")
    with pytest.raises(Exception, match="rotocol"):
        await read_call(curl, call(f"file://{tmp_path}/secret"))


# --- proxies ---------------------------------------------------------------------------------------------------


async def test_an_http_proxy_forwards(curl: Curl, scripted: ScriptedUpstream) -> None:
    scripted.static("/a", b"x")
    with HttpProxy(names={"up.example.org": ("127.0.0.1", scripted.port)}) as proxy:
        _, body = await read_call(curl, call("http://up.example.org/a", proxy.url))
        assert (body, proxy.passed) == (b"x", ["GET http://up.example.org/a"])


async def test_an_http_proxy_tunnels_tls_and_sees_no_field(curl: Curl, authority: Authority) -> None:
    with (
        ScriptedUpstream(authority.issue("up.example.org")) as upstream,
        HttpProxy(names={"up.example.org": ("127.0.0.1", upstream.port)}) as proxy,
    ):
        upstream.static("/a", b"x", etag='"1"')
        secret = (("Authorization", "Basic eA=="), ("X-Api-Key", "k"))
        url = "https://up.example.org/a"
        asked = Call(label="up", url=url, headers=secret, proxy=proxy.url, ca_file=authority.ca_file)
        head, body = await read_call(curl, asked)
        assert (head.headers["etag"], body, proxy.passed) == ('"1"', b"x", ["CONNECT up.example.org:443"])
        assert upstream.requests[0].headers["x-api-key"] == "k"
        assert set(proxy.fields).isdisjoint({"authorization", "x-api-key"})


async def test_a_proxy_wants_a_password(curl: Curl, scripted: ScriptedUpstream, authority: Authority) -> None:
    scripted.static("/a", b"x")
    with HttpProxy(login=("me", "s3cret")) as proxy:
        known = proxy.url.replace("//", "//me:s3cret@")
        assert (await read_call(curl, call(scripted.url + "/a", known)))[1] == b"x"
        assert (await read_call(curl, call(scripted.url + "/a", proxy.url)))[0].status == 407
        wrong = proxy.url.replace("//", "//me:wr0ng@")
        with ScriptedUpstream(authority.issue()) as upstream, pytest.raises(Unreachable, match="407") as raised:
            await read_call(curl, call(upstream.url, wrong, authority.ca_file))
        assert "wr0ng" not in str(raised.value)


async def test_socks5h_leaves_names_to_the_proxy(curl: Curl, scripted: ScriptedUpstream) -> None:
    scripted.static("/a", b"x")
    with SocksProxy(names={"only-the-proxy-knows.example.org": ("127.0.0.1", scripted.port)}) as proxy:
        _, body = await read_call(curl, call("http://only-the-proxy-knows.example.org/a", proxy.url))
        assert (body, proxy.passed) == (b"x", ["CONNECT only-the-proxy-knows.example.org:80"])


async def test_socks5_with_a_login(curl: Curl, scripted: ScriptedUpstream) -> None:
    scripted.static("/a", b"x")
    with SocksProxy(login=("me", "s3cret")) as proxy:
        known = proxy.url.replace("socks5h://", "socks5://me:s3cret@")
        assert (await read_call(curl, call(scripted.url + "/a", known)))[1] == b"x"
        assert proxy.passed == [f"CONNECT 127.0.0.1:{scripted.port}"]
        with pytest.raises(Unreachable):
            await read_call(curl, call(scripted.url + "/a", proxy.url))


async def test_a_proxy_that_is_not_there(curl: Curl, scripted: ScriptedUpstream) -> None:
    with HttpProxy() as proxy:
        gone = proxy.url
    with pytest.raises(Unreachable):
        await read_call(curl, call(scripted.url, gone))


@pytest.mark.parametrize(
    ("configured", "environment", "passes"),
    [
        (None, {}, False),
        (None, {"http_proxy": "PROXY"}, True),
        (None, {"all_proxy": "PROXY"}, True),
        (None, {"http_proxy": "PROXY", "no_proxy": "127.0.0.1"}, False),
        (None, {"https_proxy": "PROXY"}, False),
        ("", {"http_proxy": "PROXY"}, False),
        ("PROXY", {}, True),
        ("PROXY", {"no_proxy": "127.0.0.1"}, True),
        ("PROXY", {"no_proxy": "*"}, True),
    ],
)
async def test_which_proxy(
    curl: Curl,
    scripted: ScriptedUpstream,
    no_proxies: pytest.MonkeyPatch,
    configured: str | None,
    environment: dict[str, str],
    passes: bool,
) -> None:
    with HttpProxy() as proxy:
        for name, value in environment.items():
            no_proxies.setenv(name, value.replace("PROXY", proxy.url))
        configured = configured and configured.replace("PROXY", proxy.url)
        await read_call(curl, call(scripted.url + "/a", configured))
        assert bool(proxy.passed) == passes


async def test_a_proxy_of_one_request_does_not_stay_for_the_next(curl: Curl, scripted: ScriptedUpstream) -> None:
    with HttpProxy() as proxy:
        await read_call(curl, call(scripted.url + "/a", proxy.url))
        await read_call(curl, call(scripted.url + "/a"))
        assert len(proxy.passed) == 1


# --- TLS -------------------------------------------------------------------------------------------------------


async def test_each_upstream_has_its_own_authority(
    curl: Curl, authority: Authority, other_authority: Authority
) -> None:
    with ScriptedUpstream(authority.issue()) as one, ScriptedUpstream(other_authority.issue()) as other:
        for _ in range(2):
            assert (await read_call(curl, call(one.url, ca_file=authority.ca_file)))[0].status == 404
            assert (await read_call(curl, call(other.url, ca_file=other_authority.ca_file)))[0].status == 404
            for url, ca_file in ((one.url, other_authority.ca_file), (other.url, authority.ca_file), (one.url, None)):
                with pytest.raises(Untrusted, match="set ca_file"):
                    await read_call(curl, call(url, ca_file=ca_file))


async def test_a_certificate_for_another_name_is_refused(curl: Curl, authority: Authority) -> None:
    with (
        ScriptedUpstream(authority.issue("other.example.org")) as upstream,
        pytest.raises(Untrusted, match=r"up\.example\.org is not trusted"),
    ):
        await read_call(curl, call(upstream.url, ca_file=authority.ca_file))


async def test_an_authority_that_is_not_there(curl: Curl, authority: Authority, tmp_path: Path) -> None:
    with ScriptedUpstream(authority.issue()) as upstream, pytest.raises(Untrusted):
        await read_call(curl, call(upstream.url, ca_file=tmp_path / "none.pem"))


async def test_tls_to_a_server_without(curl: Curl, scripted: ScriptedUpstream) -> None:
    with pytest.raises(Unreachable):
        await read_call(curl, call(scripted.url.replace("http:", "https:"), connect_timeout=0.3))


async def test_http2_shares_one_connection(curl: Curl, authority: Authority) -> None:
    with Http2Server(authority.issue(), b"over two") as server:
        asked = call(server.url + "/a", ca_file=authority.ca_file)
        assert await read_call(curl, asked) == (await read_call(curl, asked))
        answers = await asyncio.gather(*(read_call(curl, asked) for _ in range(8)))
        assert {(head.status, body) for head, body in answers} == {(200, b"over two")}
        assert (server.requests, server.connections) == (10, 1)


# --- time ------------------------------------------------------------------------------------------------------


@contextmanager
def more_descriptors() -> Iterator[Callable[[], int]]:
    """How many more descriptors this process has open than at the beginning."""
    before = open_descriptors()
    yield lambda: len(open_descriptors() - before)


@pytest.fixture
def deaf() -> Iterator[str]:
    """The URL of a port where no connection is ever established."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        with socket.create_connection(listener.getsockname()):  # fills its queue: nobody else gets an answer
            yield f"http://127.0.0.1:{listener.getsockname()[1]}/"


async def test_connecting_has_its_own_time_limit(curl: Curl, deaf: str) -> None:
    with pytest.raises(Unreachable, match="timed out"):
        await read_call(curl, call(deaf, connect_timeout=0.3, idle_timeout=0.1))


async def test_whoever_gives_up_while_connecting_leaves_nothing_behind(curl: Curl, deaf: str) -> None:
    with pytest.raises(Unreachable):
        await read_call(curl, call(deaf, connect_timeout=0.05))  # now the client has its own descriptors
    with more_descriptors() as opened:
        asking = [asyncio.create_task(read_call(curl, call(deaf, connect_timeout=600.0))) for _ in range(5)]
        await until(lambda: opened() >= 5)
        for task in asking:
            task.cancel()
        await until(lambda: curl.active == 0)
        assert opened() <= 0
