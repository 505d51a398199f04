"""Which failures are tried again, when, and how a broken body goes on."""

from __future__ import annotations

import logging
import os
from dataclasses import replace
from typing import Any

import pytest

from mxart.errors import BadUpstream, MxartError
from mxart.settings import UpstreamSettings
from mxart.upstream import Broken, Fetch, Head
from mxart.upstream.client import Curl
from mxart.upstream.failures import Hidden, KnownDown, QueueFull, Throttled, TimedOut, Unreachable, Untrusted
from mxart.upstream.fetch import DirectUpstream
from mxart.upstream.retry import RENEWAL, Pauses, RetryingUpstream
from tests.support.upstream import Answer, ScriptedUpstream, Static
from tests.upstream.parts import LARGE, Clock, Reply, ScriptedLayer, read

pytestmark = pytest.mark.gen_test

HEAD = Head(status=200, url="http://up.example.org/a", length=10, etag='"v"', resumable=True)
BROKEN = Broken("up.example.org did not send the whole body")


def retrying(layer: ScriptedLayer, retries: int = 2, fraction: float = 1.0) -> tuple[RetryingUpstream, Clock]:
    clock = Clock()
    return RetryingUpstream(layer, retries, Pauses(sleep=clock.sleep, fraction=lambda: fraction)), clock


def rest(start: int, pieces: list[bytes], error: Exception | None = None, **changes: Any) -> Reply:
    return Reply(replace(HEAD, **{"status": 206, "start": start, **changes}), pieces, error)


TRIED_AGAIN: list[Exception] = [
    Unreachable("refused"),
    TimedOut("silent"),
    Throttled("busy", 503, None),
    Throttled("busy", 429, 5.0),
    BadUpstream("failed", 500),
    BadUpstream("failed", 502),
    BadUpstream("failed", 504),
]


@pytest.mark.parametrize("error", TRIED_AGAIN, ids=repr)
async def test_tried_again(error: Exception) -> None:
    layer = ScriptedLayer(error, error, Reply(pieces=[b"x"]))
    upstream, clock = retrying(layer)
    assert (await read(upstream, "a"))[1] == b"x"
    assert (len(layer.fetches), len(clock.slept)) == (3, 2)


@pytest.mark.parametrize("error", TRIED_AGAIN, ids=repr)
async def test_until_no_try_is_left(error: Exception) -> None:
    layer = ScriptedLayer(error)
    upstream, clock = retrying(layer)
    with pytest.raises(type(error)) as raised:
        await read(upstream, "a")
    assert raised.value is error
    assert (len(layer.fetches), len(clock.slept)) == (3, 2)


FINAL: list[Exception] = [
    Throttled("busy", 429, 5.1),
    Throttled("busy", 503, 600.0),
    QueueFull("full"),
    KnownDown("down"),
    Untrusted("certificate"),
    BadUpstream("refused", 403),
    Hidden("refused", 401),
    BadUpstream("not HTTP"),
    Broken("cannot go on", 200),
]


@pytest.mark.parametrize("error", FINAL, ids=repr)
async def test_not_tried_again(error: MxartError) -> None:
    layer = ScriptedLayer(error)
    upstream, clock = retrying(layer)
    with pytest.raises(type(error)):
        await read(upstream, "a")
    assert (len(layer.fetches), clock.slept) == (1, [])


@pytest.mark.parametrize(
    ("fraction", "error", "pauses"),
    [
        (1.0, Unreachable("x"), [0.25, 0.5, 1.0, 2.0, 4.0, 5.0, 5.0]),
        (0.0, Unreachable("x"), [0.125, 0.25, 0.5, 1.0, 2.0, 2.5, 2.5]),
        (1.0, Throttled("x", 503, None), [0.25, 0.5, 1.0, 2.0, 4.0, 5.0, 5.0]),
        (1.0, Throttled("x", 503, 3.0), [3.0, 3.0, 3.0, 3.0, 4.0, 5.0, 5.0]),
    ],
)
async def test_pauses_grow_and_obey(fraction: float, error: MxartError, pauses: list[float]) -> None:
    upstream, clock = retrying(ScriptedLayer(error), retries=7, fraction=fraction)
    with pytest.raises(type(error)):
        await read(upstream, "a")
    assert clock.slept == pauses


async def test_no_retries_means_one_try() -> None:
    layer = ScriptedLayer(Unreachable("x"))
    with pytest.raises(Unreachable):
        await read(retrying(layer, retries=0)[0], "a")
    assert len(layer.fetches) == 1


async def test_tries_are_logged(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, "mxart.upstream"):
        await read(retrying(ScriptedLayer(Unreachable("it refused"), Reply()))[0], "a")
    assert caplog.messages == ["it refused; try 2 of 3 follows in 0.25 s"]


# --- resuming --------------------------------------------------------------------------------------------------


async def test_a_broken_body_goes_on_where_it_ended() -> None:
    layer = ScriptedLayer(Reply(HEAD, [b"01", b"23"], BROKEN), Unreachable("x"), rest(4, [b"456789"]))
    upstream, clock = retrying(layer)
    fetch = Fetch(path="a", max_size=10, headers={"Accept": "x", "if-none-match": '"u"'})
    assert await read(upstream, fetch) == (HEAD, b"0123456789")
    assert layer.fetches[2] == Fetch(path="a", max_size=10, headers={"Accept": "x"}, start=4, validator='"v"')
    assert (layer.open, layer.most, len(clock.slept)) == (0, 1, 2)


async def test_a_body_that_broke_before_its_first_byte_starts_again() -> None:
    layer = ScriptedLayer(Reply(HEAD, [], BROKEN), Reply(HEAD, [b"0123456789"]))
    assert (await read(retrying(layer)[0], "a"))[1] == b"0123456789"


@pytest.mark.parametrize(
    "next_one",
    [
        Reply(HEAD, [b"0123456789"]),
        rest(3, [b"3456789"]),
        rest(4, [b"456789"], etag='"w"'),
        rest(4, [b"456789"], length=11),
        Reply(Head(status=404, url="x")),
        Reply(Head(status=304, url="x", etag='"v"')),
        Broken("it sent the whole again", 200),
    ],
)
async def test_something_else_is_not_the_rest(next_one: Reply | Exception) -> None:
    layer = ScriptedLayer(Reply(HEAD, [b"0123"], BROKEN), next_one)
    received = b""
    with pytest.raises(Broken):
        async with retrying(layer)[0].fetch(Fetch(path="a", max_size=10)) as exchange:
            async for chunk in exchange:
                received += chunk
    assert (received, layer.open) == (b"0123", 0)


async def test_what_has_no_validator_is_not_resumed() -> None:
    layer = ScriptedLayer(Reply(replace(HEAD, etag="", resumable=False), [b"01"], BROKEN))
    with pytest.raises(Broken):
        await read(retrying(layer)[0], "a")
    assert len(layer.fetches) == 1


async def test_tries_run_out_for_bodies_too() -> None:
    layer = ScriptedLayer(Reply(HEAD, [b"0"], BROKEN), rest(1, [b"1"], BROKEN), rest(2, [b"2"], BROKEN))
    with pytest.raises(Broken):
        await read(retrying(layer)[0], "a")
    assert len(layer.fetches) == 3


async def test_progress_gives_tries_back() -> None:
    piece = bytes(RENEWAL)
    head = replace(HEAD, length=5 * RENEWAL)
    steps = [rest(n * RENEWAL, [piece], BROKEN if n < 4 else None, length=5 * RENEWAL) for n in range(1, 5)]
    layer = ScriptedLayer(Reply(head, [piece], BROKEN), *steps)
    upstream, _ = retrying(layer, retries=1)
    assert len((await read(upstream, "a"))[1]) == 5 * RENEWAL


async def test_a_pause_holds_no_connection() -> None:
    layer = ScriptedLayer(Reply(HEAD, [b"0123"], BROKEN), rest(4, [b"456789"]))
    open_then: list[int] = []

    async def sleep(_: float) -> None:
        open_then.append(layer.open)

    await read(RetryingUpstream(layer, 2, Pauses(sleep=sleep)), "a")
    assert open_then == [0]


@pytest.mark.parametrize("reset", [False, True])
async def test_a_real_download_that_is_cut_twice(curl: Curl, scripted: ScriptedUpstream, reset: bool) -> None:
    data = os.urandom(3_000_000)
    whole = Static(data=data, etag='"v"')
    cuts = [whole.but(cut_after=1_000_000, reset=reset), whole.but(cut_after=777_777, reset=reset)]
    scripted.script("/a", *cuts, Answer(status=500), whole)
    upstream = RetryingUpstream(
        DirectUpstream(UpstreamSettings(url=scripted.url, http_proxy=""), curl, "x"), 3, Pauses(sleep=Clock().sleep)
    )
    assert (await read(upstream, Fetch(path="a", max_size=LARGE)))[1] == data
    starts = [seen.headers.get("range") for seen in scripted.requests]
    assert starts[0] is None and None not in starts[1:] and len(starts) == 4


async def test_a_real_upstream_whose_content_changes(curl: Curl, scripted: ScriptedUpstream) -> None:
    scripted.script(
        "/a",
        Static(data=b"old" * 1000, etag='"old"').but(cut_after=1500),
        Static(data=b"new" * 1000, etag='"new"'),
    )
    upstream = RetryingUpstream(
        DirectUpstream(UpstreamSettings(url=scripted.url, http_proxy=""), curl, "x"), 3, Pauses(sleep=Clock().sleep)
    )
    with pytest.raises(Broken, match="cannot go on"):
        await read(upstream, "a")
