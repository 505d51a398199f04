"""The whole stack, over real connections."""

from __future__ import annotations

import asyncio
import os
import threading

import pytest

from mxart.errors import MxartError
from mxart.settings import CredentialSettings, UpstreamSettings
from mxart.upstream import Fetch, Upstream
from mxart.upstream.breaker import Health
from mxart.upstream.build import build
from mxart.upstream.client import Curl
from mxart.upstream.failures import Hidden, KnownDown, QueueFull, Throttled, Unreachable
from tests.support.upstream import Answer, ScriptedUpstream, Static
from tests.upstream.parts import LARGE, Permits, SharedHealth, read, until

pytestmark = pytest.mark.gen_test


class Stack:
    """An upstream as it is built, and what it was built over."""

    def __init__(self, curl: Curl, url: str, slots: int = 4, **fields: object) -> None:
        self.slots, self.turn, self.health = Permits(slots), Permits(1), SharedHealth()
        settings = UpstreamSettings(url=url, http_proxy="", **fields)  # type: ignore[arg-type]
        self.upstream: Upstream = build(settings, curl, self.slots, self.turn, self.health, "mxart-test")


async def test_a_body_that_breaks_twice_arrives_whole(curl: Curl, scripted: ScriptedUpstream) -> None:
    data = os.urandom(2_000_000)
    whole = Static(data=data, etag='"v"')
    scripted.script("/a", whole.but(cut_after=500_000), whole.but(cut_after=500_000, reset=True), whole)
    stack = Stack(curl, scripted.url)
    assert (await read(stack.upstream, Fetch(path="a", max_size=LARGE)))[1] == data
    assert (stack.slots.free, stack.turn.free, stack.health.now) == (4, 1, Health())


async def test_connections_stay_below_the_ceiling(curl: Curl, scripted: ScriptedUpstream) -> None:
    scripted.static("/a", b"x" * 100_000)
    stack = Stack(curl, scripted.url, slots=3)
    bodies = await asyncio.gather(*(read(stack.upstream, "a") for _ in range(60)))
    assert {len(body) for _, body in bodies} == {100_000}
    assert scripted.connections <= 3


async def test_an_upstream_that_goes_and_comes_back(curl: Curl, scripted: ScriptedUpstream) -> None:
    scripted.static("/a", b"x")
    stack = Stack(curl, scripted.url, retries=0)
    await read(stack.upstream, "a")
    scripted.stop()
    for _ in range(3):
        with pytest.raises(Unreachable):
            await read(stack.upstream, "a")
    with pytest.raises(KnownDown):
        await read(stack.upstream, "a")
    scripted.start()
    stack.health.now = Health(3, 1.0, "its period is over")
    assert (await read(stack.upstream, "a"))[1] == b"x"
    assert stack.health.now == Health()


async def test_a_throttle_stops_the_next_without_asking(curl: Curl, scripted: ScriptedUpstream) -> None:
    scripted.script("/a", Answer(status=429, headers={"Retry-After": "120"}))
    stack = Stack(curl, scripted.url)
    with pytest.raises(Throttled) as raised:
        await read(stack.upstream, "a")
    assert raised.value.retry_after == 120
    with pytest.raises(KnownDown) as known:
        await read(stack.upstream, "b")
    assert 110 < known.value.retry_after <= 120
    assert len(scripted.requests) == 1


async def test_a_full_queue_says_nothing_about_the_upstream(curl: Curl, scripted: ScriptedUpstream) -> None:
    release = threading.Event()
    scripted.script("/slow", Static(data=b"xy", etag='"v"').but(stall_after=1, release=release))
    stack = Stack(curl, scripted.url, slots=1, queue_timeout=0.05)
    slow = asyncio.ensure_future(read(stack.upstream, "slow"))
    await until(lambda: len(scripted.requests) == 1)
    for _ in range(6):
        with pytest.raises(QueueFull):
            await read(stack.upstream, "a")
    assert stack.health.saved == []
    release.set()
    assert (await slow)[1] == b"xy"
    assert len(scripted.requests) == 1


async def test_leaving_gives_everything_back(curl: Curl, scripted: ScriptedUpstream) -> None:
    scripted.script("/a", Answer(body=b"xy", stall_after=1))
    stack = Stack(curl, scripted.url, slots=1)
    reading = asyncio.ensure_future(read(stack.upstream, "a"))
    await until(lambda: len(scripted.requests) == 1)
    reading.cancel()
    await asyncio.gather(reading, return_exceptions=True)
    assert (stack.slots.free, stack.turn.free) == (1, 1)
    await until(lambda: curl.active == 0)


async def test_no_secret_is_logged_or_told(
    curl: Curl, scripted: ScriptedUpstream, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG", "mxart")
    auth = CredentialSettings(username="ci", password="p4ssw0rd", headers={"X-Key": "k3y"})
    scripted.script("/a?token=t0ken", Answer(status=500))
    stack = Stack(curl, scripted.url, auth=auth, retries=1)
    told = []
    for path in ("a?token=t0ken", "a?token=t0ken", "none"):
        if path == "none":
            scripted.stop()
        with pytest.raises(MxartError) as raised:
            await read(stack.upstream, path)
        told.append(repr(raised.value))
    text = caplog.text + "".join(told) + repr(stack.health.saved)
    assert caplog.messages
    assert not any(secret in text for secret in ("p4ssw0rd", "k3y", "t0ken", "Y2k6"))


async def test_what_is_hidden_is_asked_once_and_says_that_the_upstream_lives(
    curl: Curl, scripted: ScriptedUpstream
) -> None:
    scripted.script("/a", Answer(status=401))
    stack = Stack(curl, scripted.url, retries=5)
    stack.health.now = Health(2, 0.0, "it was not there")
    with pytest.raises(Hidden):
        await read(stack.upstream, Fetch(path="a", max_size=LARGE, space="a"))
    assert (len(scripted.requests), stack.health.now) == (1, Health())


async def test_a_realm_that_fails_in_passing_is_asked_again(curl: Curl, scripted: ScriptedUpstream) -> None:
    challenge = {"WWW-Authenticate": f'Bearer realm="{scripted.url}/token"'}
    scripted.script("/a", *[Answer(status=401, headers=challenge)] * 3, Static(data=b"x"))
    scripted.script("/token", Answer(status=503), Answer(status=500), Answer(body=b'{"token": "t1"}'))
    stack = Stack(curl, scripted.url, retries=2)
    assert (await read(stack.upstream, Fetch(path="a", max_size=LARGE, space="a")))[1] == b"x"
    assert (scripted.count("/token"), stack.slots.free, stack.health.now) == (3, 4, Health())


async def test_a_realm_that_asks_for_less_is_obeyed(curl: Curl, scripted: ScriptedUpstream) -> None:
    challenge = {"WWW-Authenticate": f'Bearer realm="{scripted.url}/token"'}
    scripted.script("/a", Answer(status=401, headers=challenge))
    scripted.script("/token", Answer(status=429, headers={"Retry-After": "120"}))
    stack = Stack(curl, scripted.url)
    with pytest.raises(Throttled):
        await read(stack.upstream, Fetch(path="a", max_size=LARGE, space="a"))
    with pytest.raises(KnownDown):
        await read(stack.upstream, Fetch(path="a", max_size=LARGE, space="a"))
    assert scripted.count("/token") == 1


async def test_whoever_asks_for_a_token_holds_one_connection(curl: Curl, scripted: ScriptedUpstream) -> None:
    challenge = {"WWW-Authenticate": f'Bearer realm="{scripted.url}/token"'}
    scripted.script("/token", Answer(body=b'{"token": "t1"}'))
    for name in "abcdefgh":
        scripted.script(f"/{name}", Answer(status=401, headers=challenge), Static(data=b"x"))
    stack = Stack(curl, scripted.url, slots=1)
    fetches = [Fetch(path=name, max_size=LARGE, space=name) for name in "abcdefgh"]
    assert {body for _, body in await asyncio.gather(*(read(stack.upstream, asked) for asked in fetches))} == {b"x"}
    assert (scripted.count("/token"), scripted.connections) == (8, 1)


async def test_pages_have_their_own_tries(curl: Curl, scripted: ScriptedUpstream) -> None:
    for number in range(3):
        link = {"Link": f'</list?last={number + 1}>; rel="next"'} if number < 2 else {}
        whole = Static(data=bytes([number]) * 1000, etag=f'"{number}"', headers=link)
        path = f"/list?last={number}" if number else "/list"
        scripted.script(path, Answer(status=500), whole.but(cut_after=500), whole)
    stack = Stack(curl, scripted.url, slots=1)
    _, body = await read(stack.upstream, Fetch(path="list", max_size=LARGE, paged=True))
    assert body == bytes(1000) + b"\1" * 1000 + b"\2" * 1000
    assert (len(scripted.requests), stack.slots.free, stack.turn.free) == (9, 1, 1)


async def test_no_token_is_logged_or_told(
    curl: Curl, scripted: ScriptedUpstream, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG", "mxart")
    challenge = {"WWW-Authenticate": f'Bearer realm="{scripted.url}/token"'}
    scripted.script("/token?account=ci", Answer(body=b'{"token": "t0ken"}'))
    scripted.script("/a", Answer(status=401, headers=challenge), Answer(status=500))
    stack = Stack(curl, scripted.url, auth=CredentialSettings(username="ci", password="p4ssw0rd"), retries=1)
    with pytest.raises(MxartError) as raised:
        await read(stack.upstream, Fetch(path="a", max_size=LARGE, space="a"))
    assert scripted.requests[-1].headers["authorization"] == "Bearer t0ken"
    text = caplog.text + repr(raised.value) + repr(stack.health.saved)
    assert caplog.messages
    assert not any(secret in text for secret in ("p4ssw0rd", "t0ken", "Y2k6"))
