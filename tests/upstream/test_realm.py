"""Challenges answered: whom a token is asked of, with what, how often, and what never leaves."""

from __future__ import annotations

import asyncio
import base64
import gc
import json
import threading
from collections.abc import Callable
from email.utils import formatdate
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest

from mxart.errors import BadUpstream, MxartError
from mxart.settings import CredentialSettings, UpstreamSettings
from mxart.units import format_rfc3339
from mxart.upstream import Fetch
from mxart.upstream.client import Curl
from mxart.upstream.failures import Hidden, Throttled, TimedOut, Unreachable
from mxart.upstream.fetch import DirectUpstream
from mxart.upstream.realm import DEFAULT_LIFE, LONGEST_LIFE, Token, read_token
from tests.support.certs import Authority
from tests.support.proxies import HttpProxy
from tests.support.upstream import Answer, ScriptedUpstream, Seen, redirect
from tests.upstream.parts import LARGE, Clock, read, until

AUTH = CredentialSettings(username="ci", password="s3cret")
BASIC = "Basic " + base64.b64encode(b"ci:s3cret").decode()
NOW = 1_700_000_000.0
_SCOPE = "repository:a:pull"
_QUESTION = "/token?service=up.example.org&scope=repository%3Aa%3Apull"
_NOTHING = "nothing"


def fetch(path: str = "v2/a/x", space: str = "a", **fields: Any) -> Fetch:
    return Fetch(path=path, max_size=LARGE, space=space, **fields)


class Registry:
    """Two servers: one that has things for whoever shows the newest token, and the realm that gives the tokens t1, t2,
    and so on; ``life``: what it says of them."""

    def __init__(self, upstream: ScriptedUpstream, realm: ScriptedUpstream) -> None:
        self.upstream = upstream
        self.realm = realm
        self.realm_url = f"{realm.url}/token"
        self.life: dict[str, object] = {"expires_in": 300}
        self.given = 0
        self.good = _NOTHING  # the value of Authorization that opens
        realm.handler = self._give

    def serve(self, path: str, scope: str = _SCOPE, body: bytes = b"x") -> None:
        """True after: whoever shows the newest token has ``body`` at ``path``."""
        self.guard(path, self.challenge(scope), lambda shown: shown == self.good, body)

    def guard(self, path: str, challenge: str, opens: Callable[[str], bool], body: bytes = b"x") -> None:
        def behave(seen: Seen) -> Answer:
            if opens(seen.headers.get("authorization", "")):
                return Answer(body=body)
            return Answer(status=401, headers={"WWW-Authenticate": challenge}, body=b"{}")

        self.upstream.script(path, behave)

    def challenge(self, scope: str = _SCOPE) -> str:
        return f'Bearer realm="{self.realm_url}",service="up.example.org",scope="{scope}"'

    def revoke(self) -> None:
        """True after: no token is good that was given so far."""
        self.good = _NOTHING

    @property
    def shown(self) -> list[str]:
        """What the upstream's requests had in Authorization."""
        return [seen.headers.get("authorization", "") for seen in self.upstream.requests]

    @property
    def asked(self) -> list[list[tuple[str, str]]]:
        """The questions that came to the realm."""
        return [parse_qsl(urlsplit(seen.path).query) for seen in self.realm.requests]

    def direct(self, curl: Curl, clock: Clock | None = None, **fields: Any) -> DirectUpstream:
        settings = UpstreamSettings(url=self.upstream.url, http_proxy="", **fields)
        return DirectUpstream(settings, curl, "mxart-test", clock or Clock(NOW))

    def _give(self, path: str) -> tuple[int, dict[str, str], bytes]:
        self.given += 1
        self.good = f"Bearer t{self.given}"
        return 200, {"Content-Type": "application/json"}, json.dumps({"token": f"t{self.given}", **self.life}).encode()


@pytest.fixture
def registry(scripted: ScriptedUpstream) -> Any:
    with ScriptedUpstream() as realm:
        yield Registry(scripted, realm)


async def in_thread(function: Callable[[int], None], number: int) -> None:
    await asyncio.get_running_loop().run_in_executor(None, function, number)


# --- one negotiation -------------------------------------------------------------------------------------------


@pytest.mark.gen_test
async def test_a_token_is_asked_of_the_realm_with_credentials(curl: Curl, registry: Registry) -> None:
    registry.serve("/v2/a/x", "repository:a:pull,push repository:b:pull")
    head, body = await read(registry.direct(curl, auth=AUTH), fetch())
    assert (head.status, body) == (200, b"x")
    assert registry.shown == ["", "Bearer t1"]
    assert registry.asked == [
        [
            ("service", "up.example.org"),
            ("scope", "repository:a:pull,push"),
            ("scope", "repository:b:pull"),
            ("account", "ci"),
        ]
    ]
    (seen,) = registry.realm.requests
    assert (seen.method, seen.headers["authorization"], seen.headers["via"]) == ("GET", BASIC, "1.1 mxart-test")
    assert registry.upstream.connections == 1


@pytest.mark.gen_test
async def test_or_without_any(curl: Curl, registry: Registry) -> None:
    registry.serve("/v2/a/x")
    registry.realm_url += "?tenant=1"
    registry.serve("/v2/b/x")
    upstream = registry.direct(curl)
    assert (await read(upstream, fetch()))[1] == b"x"
    assert (await read(upstream, fetch("v2/b/x", "b")))[1] == b"x"
    question = [("service", "up.example.org"), ("scope", _SCOPE)]
    assert registry.asked == [question, [("tenant", "1"), *question]]
    assert not any("authorization" in seen.headers for seen in registry.realm.requests)


@pytest.mark.gen_test
async def test_a_head_is_challenged_like_anything_else(curl: Curl, registry: Registry) -> None:
    registry.serve("/v2/a/x", body=b"x" * 50)
    head, body = await read(registry.direct(curl), fetch(method="HEAD"))
    assert (head.status, head.length, body) == (200, 50, b"")
    assert [seen.method for seen in registry.upstream.requests] == ["HEAD", "HEAD"]
    assert [seen.method for seen in registry.realm.requests] == ["GET"]


@pytest.mark.gen_test
async def test_outside_of_a_space_nothing_is_negotiated(curl: Curl, registry: Registry) -> None:
    registry.serve("/v2/a/x")
    with pytest.raises(BadUpstream) as raised:
        await read(registry.direct(curl, auth=AUTH), fetch(space=""))
    assert (raised.type, raised.value.status) == (BadUpstream, 401)
    assert (registry.shown, registry.asked) == ([BASIC], [])


@pytest.mark.gen_test
async def test_configured_fields_go_along_unasked(curl: Curl, registry: Registry) -> None:
    registry.realm_url = f"{registry.upstream.url}/token"
    registry.serve("/v2/a/x")
    registry.upstream.script(_QUESTION, Answer(body=b"{}"))
    registry.upstream.handler = registry._give
    registry.upstream.script("/v2/b/x", redirect(f"{registry.realm.url}/b"))
    registry.realm.script("/b", Answer(body=b"x"))
    upstream = registry.direct(curl, auth=CredentialSettings(headers={"X-Api-Key": "k3y"}))
    with pytest.raises(BadUpstream, match="gave no token"):
        await read(upstream, fetch())
    await read(upstream, fetch("v2/b/x", "b"))
    assert [seen.headers.get("x-api-key") for seen in registry.upstream.requests] == ["k3y", "k3y", "k3y"]
    assert "x-api-key" not in registry.realm.requests[0].headers


@pytest.mark.gen_test
@pytest.mark.parametrize(
    ("auth", "shown"),
    [
        (CredentialSettings(token="mine"), "Bearer mine"),
        (CredentialSettings(headers={"authorization": "Custom x"}), "Custom x"),
    ],
)
async def test_a_configured_token_is_not_replaced(
    curl: Curl, registry: Registry, auth: CredentialSettings, shown: str
) -> None:
    registry.guard("/v2/a/x", registry.challenge(), lambda given: given == shown)
    registry.serve("/v2/a/y")
    upstream = registry.direct(curl, auth=auth)
    assert (await read(upstream, fetch()))[1] == b"x"
    with pytest.raises(BadUpstream, match="check the auth") as raised:
        await read(upstream, fetch("v2/a/y"))
    assert (raised.type, registry.shown, registry.asked) == (BadUpstream, [shown, shown], [])


@pytest.mark.gen_test
async def test_the_realm_is_asked_through_the_same_proxy(curl: Curl, registry: Registry) -> None:
    ports = {"up.example.org": registry.upstream.port, "auth.example.org": registry.realm.port}
    registry.realm_url = "http://auth.example.org/token"
    registry.serve("/v2/a/x")
    with HttpProxy(names={name: ("127.0.0.1", port) for name, port in ports.items()}) as proxy:
        settings = UpstreamSettings(url="http://up.example.org", http_proxy=proxy.url)
        assert (await read(DirectUpstream(settings, curl, "mxart-test"), fetch()))[1] == b"x"
        assert [line.partition("?")[0] for line in proxy.passed] == [
            "GET http://up.example.org/v2/a/x",
            "GET http://auth.example.org/token",
            "GET http://up.example.org/v2/a/x",
        ]


@pytest.mark.gen_test
async def test_over_tls_the_realm_is_trusted_like_the_upstream(curl: Curl, authority: Authority) -> None:
    with ScriptedUpstream(authority.issue()) as upstream, ScriptedUpstream(authority.issue()) as realm:
        registry = Registry(upstream, realm)
        registry.serve("/v2/a/x")
        assert (await read(registry.direct(curl, ca_file=authority.ca_file, auth=AUTH), fetch()))[1] == b"x"


# --- tokens are kept -------------------------------------------------------------------------------------------


@pytest.mark.gen_test
async def test_a_token_is_kept_for_its_space(curl: Curl, registry: Registry) -> None:
    for path in ("/v2/a/x", "/v2/a/y"):
        registry.serve(path)
    upstream = registry.direct(curl, auth=AUTH)
    for path in ("v2/a/x", "v2/a/y", "v2/a/x"):
        await read(upstream, fetch(path))
    assert registry.shown == ["", "Bearer t1", "Bearer t1", "Bearer t1"]
    registry.serve("/v2/b/x", "repository:b:pull")
    await read(upstream, fetch("v2/b/x", "b"))
    assert registry.shown[4:] == ["", "Bearer t2"]


@pytest.mark.gen_test
async def test_it_is_renewed_before_it_expires_without_another_challenge(curl: Curl, registry: Registry) -> None:
    registry.serve("/v2/a/x")
    clock = Clock(NOW)
    upstream = registry.direct(curl, clock)
    for moment in (0.0, 289.0, 291.0, 580.0, 582.0):
        clock.now = NOW + moment
        await read(upstream, fetch())
    assert registry.shown == ["", "Bearer t1", "Bearer t1", "Bearer t2", "Bearer t2", "Bearer t3"]


@pytest.mark.gen_test
async def test_a_realm_that_has_moved_is_found_again(curl: Curl, registry: Registry) -> None:
    registry.serve("/v2/a/x")
    clock = Clock(NOW)
    upstream = registry.direct(curl, clock)
    await read(upstream, fetch())
    registry.realm_url = f"{registry.realm.url}/elsewhere"
    registry.realm.handler = lambda path: registry._give(path) if path.startswith("/elsewhere") else None
    registry.serve("/v2/a/x")
    clock.now += 1000
    assert (await read(upstream, fetch()))[1] == b"x"
    assert registry.shown == ["", "Bearer t1", "", "Bearer t2"]
    assert [urlsplit(seen.path).path for seen in registry.realm.requests] == ["/token", "/token", "/elsewhere"]


@pytest.mark.gen_test
async def test_a_realm_that_is_not_needed_any_more_is_left_alone(curl: Curl, registry: Registry) -> None:
    registry.serve("/v2/a/x")
    clock = Clock(NOW)
    upstream = registry.direct(curl, clock)
    await read(upstream, fetch())
    registry.realm.handler = None
    registry.guard("/v2/a/x", "", lambda shown: True)
    clock.now += 1000
    for _ in range(2):
        assert (await read(upstream, fetch()))[1] == b"x"
    assert (registry.shown[2:], len(registry.realm.requests)) == (["", ""], 2)


@pytest.mark.gen_test
async def test_a_kept_token_that_is_refused_is_replaced_once(curl: Curl, registry: Registry) -> None:
    registry.serve("/v2/a/x")
    upstream = registry.direct(curl, auth=AUTH)
    await read(upstream, fetch())
    registry.revoke()
    assert (await read(upstream, fetch()))[1] == b"x"
    assert registry.shown == ["", "Bearer t1", "Bearer t1", "Bearer t2"]
    registry.guard("/v2/a/x", registry.challenge(), lambda shown: False)
    with pytest.raises(BadUpstream, match="check the auth") as raised:
        await read(upstream, fetch())
    assert (raised.type, raised.value.status) == (BadUpstream, 401)
    assert registry.shown[4:] == ["Bearer t2", "Bearer t3"]
    assert registry.given == 3


@pytest.mark.gen_test
async def test_only_so_many_are_kept(curl: Curl, registry: Registry, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mxart.upstream.realm.MAX_PROOFS", 2)
    registry.guard("/v2/a/x", registry.challenge(), lambda shown: shown.startswith("Bearer"))
    upstream = registry.direct(curl)
    for space in ("a", "b", "a", "c", "a", "b"):
        await read(upstream, fetch(space=space))
    assert registry.shown == [
        "",
        "Bearer t1",
        "",
        "Bearer t2",
        "Bearer t1",
        "",
        "Bearer t3",
        "Bearer t1",
        "",
        "Bearer t4",
    ]


# --- asked for once --------------------------------------------------------------------------------------------


@pytest.mark.gen_test
async def test_all_who_meet_the_challenge_wait_for_one_token(curl: Curl, registry: Registry) -> None:
    registry.serve("/v2/a/x")
    go_on = threading.Event()
    answer = Answer(body=b'{"token": "t1"}', delay=go_on)
    registry.good = "Bearer t1"
    registry.realm.handler = None
    registry.realm.script(_QUESTION, answer)
    upstream = registry.direct(curl)
    readers = [asyncio.ensure_future(read(upstream, fetch())) for _ in range(20)]
    await in_thread(registry.upstream.wait_for, 20)
    await in_thread(registry.realm.wait_for, 1)
    late = asyncio.ensure_future(read(upstream, fetch()))
    await in_thread(registry.upstream.wait_for, 21)
    go_on.set()
    assert {body for _, body in await asyncio.gather(*readers, late)} == {b"x"}
    assert (len(registry.realm.requests), registry.shown.count("Bearer t1")) == (1, 21)


@pytest.mark.gen_test
async def test_all_who_need_a_new_one_wait_for_it(curl: Curl, registry: Registry) -> None:
    registry.serve("/v2/a/x")
    clock = Clock(NOW)
    upstream = registry.direct(curl, clock)
    await read(upstream, fetch())
    clock.now += 300
    await asyncio.gather(*(read(upstream, fetch()) for _ in range(20)))
    assert (registry.given, registry.shown) == (2, ["", "Bearer t1", *["Bearer t2"] * 20])
    registry.revoke()
    await asyncio.gather(*(read(upstream, fetch()) for _ in range(20)))
    assert registry.given == 3


@pytest.mark.gen_test
async def test_who_leaves_takes_no_token_from_the_others(curl: Curl, registry: Registry) -> None:
    registry.serve("/v2/a/x")
    go_on = threading.Event()
    registry.good = "Bearer t1"
    registry.realm.handler = None
    registry.realm.script(_QUESTION, Answer(body=b'{"token": "t1"}', delay=go_on))
    upstream = registry.direct(curl)
    first = asyncio.ensure_future(read(upstream, fetch()))
    await in_thread(registry.realm.wait_for, 1)
    second = asyncio.ensure_future(read(upstream, fetch()))
    await in_thread(registry.upstream.wait_for, 2)
    first.cancel()
    await asyncio.gather(first, return_exceptions=True)
    go_on.set()
    assert (await second)[1] == b"x"
    assert first.cancelled()
    assert len(registry.realm.requests) == 1


@pytest.mark.gen_test
async def test_a_failure_that_nobody_waits_for_is_quiet(
    curl: Curl, registry: Registry, caplog: pytest.LogCaptureFixture
) -> None:
    registry.serve("/v2/a/x")
    go_on = threading.Event()
    registry.realm.handler = None
    registry.realm.script(_QUESTION, Answer(status=500, delay=go_on), Answer(body=b'{"token": "t1"}'))
    upstream = registry.direct(curl)
    alone = asyncio.ensure_future(read(upstream, fetch()))
    await in_thread(registry.realm.wait_for, 1)
    alone.cancel()
    await asyncio.gather(alone, return_exceptions=True)
    del alone
    go_on.set()
    await until(lambda: curl.active == 0)
    gc.collect()  # when asyncio would speak
    registry.good = "Bearer t1"
    assert (await read(upstream, fetch()))[1] == b"x"  # what failed is not remembered
    assert caplog.records == []


# --- Basic -----------------------------------------------------------------------------------------------------


@pytest.mark.gen_test
async def test_basic_is_answered_and_remembered(curl: Curl, registry: Registry) -> None:
    for path in ("/v2/a/x", "/v2/b/x"):
        registry.guard(path, 'Basic realm="up"', lambda shown: shown == BASIC)
    upstream = registry.direct(curl, auth=AUTH)
    for path, space in (("v2/a/x", "a"), ("v2/a/x", "a"), ("v2/b/x", "b")):
        assert (await read(upstream, fetch(path, space)))[1] == b"x"
    assert registry.shown == ["", BASIC, BASIC, "", BASIC]
    registry.serve("/v2/a/x")  # the upstream has come to other thoughts
    assert (await read(upstream, fetch()))[1] == b"x"
    assert registry.shown[5:] == [BASIC, "Bearer t1"]
    registry.guard("/v2/b/x", 'Basic realm="up"', lambda shown: False)
    with pytest.raises(BadUpstream, match="check the auth"):
        await read(upstream, fetch("v2/b/x", "b"))
    assert registry.shown[7:] == [BASIC]  # and not the same again


@pytest.mark.gen_test
async def test_bearer_is_preferred(curl: Curl, registry: Registry) -> None:
    registry.guard("/v2/a/x", f'Basic realm="up", {registry.challenge()}', lambda shown: shown == registry.good)
    await read(registry.direct(curl, auth=AUTH), fetch())
    assert registry.shown == ["", "Bearer t1"]


NO: list[tuple[str, CredentialSettings, type[BadUpstream], int]] = [
    ('Basic realm="up"', AUTH, BadUpstream, 2),
    ('Basic realm="up"', CredentialSettings(), Hidden, 1),
    ("Negotiate", AUTH, BadUpstream, 1),
    ("", AUTH, BadUpstream, 1),
    ("", CredentialSettings(), Hidden, 1),
    ("", CredentialSettings(headers={"X-Api-Key": "k3y"}), BadUpstream, 1),
    ('Digest realm="up", nonce="x"', CredentialSettings(), Hidden, 1),
]


@pytest.mark.gen_test
@pytest.mark.parametrize(("challenge", "auth", "error", "requests"), NO)
async def test_nothing_opens(
    curl: Curl, registry: Registry, challenge: str, auth: CredentialSettings, error: type[BadUpstream], requests: int
) -> None:
    registry.guard("/v2/a/x", challenge, lambda shown: False)
    with pytest.raises(BadUpstream, match=r"set auth|check the auth") as raised:
        await read(registry.direct(curl, auth=auth), fetch())
    assert (raised.type, raised.value.status, len(registry.shown)) == (error, 401, requests)


# --- what strangers are told -----------------------------------------------------------------------------------


@pytest.mark.gen_test
@pytest.mark.parametrize("status", [401, 403])
@pytest.mark.parametrize(("auth", "error"), [(CredentialSettings(), Hidden), (AUTH, BadUpstream)])
async def test_a_token_that_opens_nothing(
    curl: Curl, registry: Registry, status: int, auth: CredentialSettings, error: type[BadUpstream]
) -> None:
    registry.upstream.script(
        "/v2/a/x",
        Answer(status=401, headers={"WWW-Authenticate": registry.challenge()}),
        Answer(status=status, headers={"WWW-Authenticate": registry.challenge()}),
    )
    with pytest.raises(BadUpstream) as raised:
        await read(registry.direct(curl, auth=auth), fetch())
    assert (raised.type, raised.value.status) == (error, status)
    assert (registry.shown, registry.given) == (["", "Bearer t1"], 1)
    assert raised.value.message.startswith(f"127.0.0.1:{registry.upstream.port} ")


@pytest.mark.gen_test
async def test_who_was_redirected_elsewhere_is_no_stranger_to_the_upstream(curl: Curl, registry: Registry) -> None:
    registry.upstream.script("/v2/a/x", redirect(f"{registry.realm.url}/store"))
    registry.realm.script("/store", Answer(status=403))
    with pytest.raises(BadUpstream) as raised:
        await read(registry.direct(curl), fetch())
    assert (raised.type, raised.value.status) == (BadUpstream, 403)


REALMS: list[tuple[Answer, bool, type[MxartError], int, str]] = [
    (Answer(status=401), True, BadUpstream, 401, "check the auth"),
    (Answer(status=403), True, BadUpstream, 403, "check the auth"),
    (Answer(status=401), False, Hidden, 401, "no token to strangers"),
    (Answer(status=403), False, Hidden, 403, "no token to strangers"),
    (Answer(status=404), True, BadUpstream, 404, "answered 404"),
    (Answer(status=410), True, BadUpstream, 410, "answered 410"),
    (Answer(status=400), False, BadUpstream, 400, "answered 400"),
    (Answer(status=500), False, BadUpstream, 500, "answered 500"),
    (Answer(status=204), False, BadUpstream, 204, "answered 204"),
    (redirect("/other"), True, BadUpstream, 302, "answered 302"),
    (Answer(status=429, headers={"Retry-After": "90"}), False, Throttled, 429, "come again in 90 s"),
    (Answer(status=503), True, Throttled, 503, "answered 503"),
    (Answer(body=b""), True, BadUpstream, 0, "not in JSON"),
    (Answer(body=b'{"token": "t1"'), True, BadUpstream, 0, "not in JSON"),
    (Answer(body=b'["t1"]'), True, BadUpstream, 0, "not in a JSON object"),
    (Answer(body=b"{}"), True, BadUpstream, 0, "gave no token"),
    (Answer(body=b'{"token": "s3cret\\r\\nX: y"}'), True, BadUpstream, 0, "cannot be sent"),
    (Answer(body=b'{"token": "t' + b"1" * 65536 + b'"}'), True, BadUpstream, 0, "cannot be sent"),
    (Answer(body=b'{"token": "t1"}' + b" " * 2**20), True, BadUpstream, 200, "announced"),
    (Answer(body=b'{"token": "t1"}' + b" " * 2**20, framing="chunked"), True, BadUpstream, 0, "more than the 1048576"),
    (Answer(body=b'{"token": "t1"}', claim=99, cut_after=15), True, Unreachable, 0, "did not send the whole"),
    (Answer(reset=True), True, Unreachable, 0, "which gives the tokens"),
]


@pytest.mark.gen_test
@pytest.mark.parametrize(("answer", "known", "error", "status", "words"), REALMS)
async def test_realms_that_give_none(
    curl: Curl, registry: Registry, answer: Answer, known: bool, error: type[MxartError], status: int, words: str
) -> None:
    registry.serve("/v2/a/x")
    registry.realm_url = f"{registry.realm.url}/only?"
    registry.guard("/v2/a/x", f'Bearer realm="{registry.realm_url}"', lambda shown: False)
    registry.realm.script("/only?" + ("account=ci" if known else ""), answer)
    with pytest.raises(MxartError, match=words) as raised:
        await read(registry.direct(curl, auth=AUTH if known else CredentialSettings()), fetch())
    assert (raised.type, getattr(raised.value, "status", 0)) == (error, status)
    assert f"127.0.0.1:{registry.realm.port}" in raised.value.message
    assert "s3cret" not in raised.value.message
    assert len(registry.realm.requests) == 1 or isinstance(raised.value, Unreachable)
    assert registry.shown == [""]


@pytest.mark.gen_test
@pytest.mark.parametrize("answer", [Answer(delay=threading.Event()), Answer(body=b" " * 9999, rate=100)])
async def test_a_realm_does_not_keep_anybody_waiting(curl: Curl, registry: Registry, answer: Answer) -> None:
    registry.guard("/v2/a/x", f'Bearer realm="{registry.realm.url}/only"', lambda shown: False)
    registry.realm.script("/only", answer)
    upstream = registry.direct(curl, connect_timeout=0.2, idle_timeout=0.2)
    with pytest.raises(TimedOut):
        await read(upstream, fetch())
    await until(lambda: curl.active == 0)


@pytest.mark.gen_test
async def test_a_realm_that_is_not_there(curl: Curl, registry: Registry) -> None:
    registry.serve("/v2/a/x")
    registry.realm.stop()
    with pytest.raises(Unreachable, match=f"127.0.0.1:{registry.realm.port} .which gives the tokens for 127"):
        await read(registry.direct(curl), fetch())


CHALLENGES: list[tuple[str, str]] = [
    ("Bearer", "does not say whom to ask"),
    ('Bearer service="up.example.org"', "does not say whom to ask"),
    ('Bearer realm="registry"', "not a plain http"),
    ('Bearer realm="ftp://127.0.0.1/x"', "not a plain http"),
    ('Bearer realm="http://ci:s3cret@127.0.0.1/x"', "not a plain http"),
    ('Bearer realm="http://127.0.0.1/a b"', "is no URL"),
    ('Bearer realm="' + "http://127.0.0.1/" + "x" * 5000 + '"', "is no URL"),
    ('Bearer realm="' + "http://127.0.0.1/" + "x" * 65536 + '"', "check the auth"),
]


@pytest.mark.gen_test
@pytest.mark.parametrize(("challenge", "words"), CHALLENGES, ids=lambda value: value[:40])
async def test_hostile_challenges(curl: Curl, registry: Registry, challenge: str, words: str) -> None:
    registry.guard("/v2/a/x", challenge, lambda shown: False)
    with pytest.raises(BadUpstream, match=words) as raised:
        await read(registry.direct(curl, auth=AUTH), fetch())
    assert raised.type is BadUpstream
    assert raised.value.message.startswith(f"127.0.0.1:{registry.upstream.port}")
    assert "s3cret" not in raised.value.message
    assert (registry.shown, registry.asked) == ([""], [])


@pytest.mark.gen_test
async def test_over_https_no_realm_is_asked_by_http(
    curl: Curl, scripted: ScriptedUpstream, authority: Authority
) -> None:
    with ScriptedUpstream(authority.issue()) as upstream:
        registry = Registry(upstream, scripted)
        registry.serve("/v2/a/x")
        with pytest.raises(BadUpstream, match="not https"):
            await read(registry.direct(curl, ca_file=authority.ca_file, auth=AUTH), fetch())
        assert registry.asked == []


# --- redirects -------------------------------------------------------------------------------------------------


@pytest.fixture
def other(registry: Registry) -> Any:
    """Where the registry redirects to: another registry with a realm of its own."""
    with ScriptedUpstream() as upstream, ScriptedUpstream() as realm:
        yield Registry(upstream, realm)


@pytest.mark.gen_test
async def test_where_one_is_redirected_to_gives_its_own_tokens_to_anybody(
    curl: Curl, registry: Registry, other: Registry
) -> None:
    registry.upstream.script(
        "/v2/a/x",
        Answer(status=401, headers={"WWW-Authenticate": registry.challenge()}),
        redirect(f"{other.upstream.url}/v2/b/x", 307),
    )
    other.serve("/v2/b/x", "repository:b:pull", b"from afar")
    upstream = registry.direct(curl, auth=CredentialSettings(username="ci", password="pw", headers={"X-Api-Key": "k"}))
    for _ in range(2):
        assert (await read(upstream, fetch(headers={"Accept": "a/b", "Cookie": "c"})))[1] == b"from afar"
    assert registry.shown == ["", "Bearer t1", "Bearer t1"]
    assert other.shown == ["", "Bearer t1", "Bearer t1"]
    assert other.asked == [[("service", "up.example.org"), ("scope", "repository:b:pull")]]
    for seen in (*other.upstream.requests, *other.realm.requests):
        assert "x-api-key" not in seen.headers
        assert "cookie" not in seen.headers
        assert not seen.headers.get("authorization", "").startswith("Basic")


@pytest.mark.gen_test
async def test_basic_is_not_answered_elsewhere(curl: Curl, registry: Registry, other: Registry) -> None:
    registry.upstream.script("/v2/a/x", redirect(f"{other.upstream.url}/v2/b/x"))
    other.guard("/v2/b/x", 'Basic realm="other"', lambda shown: False)
    with pytest.raises(BadUpstream) as raised:
        await read(registry.direct(curl, auth=AUTH), fetch())
    assert (raised.type, raised.value.status, other.shown) == (BadUpstream, 401, [""])


@pytest.mark.gen_test
async def test_elsewhere_has_it_not_for_strangers(curl: Curl, registry: Registry, other: Registry) -> None:
    registry.upstream.script("/v2/a/x", redirect(f"{other.upstream.url}/v2/b/x"))
    other.guard("/v2/b/x", other.challenge(), lambda shown: False)
    with pytest.raises(Hidden):
        await read(registry.direct(curl), fetch())
    assert other.shown == ["", "Bearer t1"]
    other.realm.handler = lambda path: (401, {}, b"")
    with pytest.raises(Hidden, match="strangers"):
        await read(registry.direct(curl), fetch())


@pytest.mark.gen_test
async def test_back_home_from_elsewhere_one_is_a_stranger(curl: Curl, registry: Registry, other: Registry) -> None:
    registry.serve("/v2/a/x")
    registry.guard("/v2/a/secret", registry.challenge(), lambda shown: shown == registry.good)
    upstream = registry.direct(curl, auth=AUTH)
    await read(upstream, fetch())  # now a token is known at home
    registry.upstream.script("/v2/a/away", redirect(f"{other.upstream.url}/back"))
    other.upstream.script("/back", redirect(f"{registry.upstream.url}/v2/a/secret"))
    await read(upstream, fetch("v2/a/away"))
    assert registry.shown == ["", "Bearer t1", "Bearer t1", "", "Bearer t2"]
    assert [seen.headers.get("authorization") for seen in registry.realm.requests] == [BASIC, None]


@pytest.mark.gen_test
async def test_a_token_goes_along_at_home(curl: Curl, registry: Registry) -> None:
    registry.upstream.script(
        "/v2/a/x", Answer(status=401, headers={"WWW-Authenticate": registry.challenge()}), redirect("/v2/a/y")
    )
    registry.serve("/v2/a/y")
    assert (await read(registry.direct(curl), fetch()))[1] == b"x"
    assert registry.shown == ["", "Bearer t1", "Bearer t1"]


# --- what a realm says -----------------------------------------------------------------------------------------

LIVES: list[tuple[dict[str, object], float]] = [
    ({}, DEFAULT_LIFE - 6),
    ({"expires_in": 300}, 290),
    ({"expires_in": 60}, 54),
    ({"expires_in": 5}, 4.5),
    ({"expires_in": 0.5}, 0.45),
    ({"expires_in": 7200}, 7190),
    ({"expires_in": 0}, DEFAULT_LIFE - 6),
    ({"expires_in": -300}, DEFAULT_LIFE - 6),
    ({"expires_in": None}, DEFAULT_LIFE - 6),
    ({"expires_in": "300"}, DEFAULT_LIFE - 6),
    ({"expires_in": True}, DEFAULT_LIFE - 6),
    ({"expires_in": [300]}, DEFAULT_LIFE - 6),
    ({"expires_in": float("nan")}, DEFAULT_LIFE - 6),
    ({"expires_in": float("inf")}, LONGEST_LIFE - 10),
    ({"expires_in": float("-inf")}, DEFAULT_LIFE - 6),
    ({"expires_in": 10**300}, LONGEST_LIFE - 10),
    ({"expires_in": 300, "issued_at": format_rfc3339(NOW - 100)}, 190),
    ({"expires_in": 300, "issued_at": "2023-11-14T22:11:40.123456789Z"}, 190.123456),
    ({"expires_in": 300, "issued_at": "2023-11-14T23:11:40+01:00"}, 190),
    ({"expires_in": 300, "issued_at": "2023-11-14T22:11:40"}, 190),
    ({"expires_in": 300, "issued_at": format_rfc3339(NOW + 100)}, 290),
    ({"expires_in": 300, "issued_at": format_rfc3339(NOW - 300)}, 290),
    ({"expires_in": 300, "issued_at": "0001-01-01T00:00:00+14:00"}, 290),
    ({"expires_in": 300, "issued_at": "9999-12-31T23:59:59-14:00"}, 290),
    ({"expires_in": 300, "issued_at": formatdate(NOW - 100)}, 290),
    ({"expires_in": 300, "issued_at": NOW - 100}, 290),
    ({"expires_in": 300, "issued_at": "soon"}, 290),
]


@pytest.mark.parametrize(("said", "seconds"), LIVES)
def test_lives(said: dict[str, object], seconds: float) -> None:
    token = read_token(json.dumps({"token": "t1", **said}).encode(), NOW)
    assert token.value == "t1"
    assert token.until - NOW == pytest.approx(seconds, abs=1e-3)


@pytest.mark.parametrize(
    "said",
    [
        {"token": "t1"},
        {"access_token": "t1"},
        {"token": "t1", "access_token": "t2"},
        {"token": "", "access_token": "t1"},
        {"token": None, "access_token": "t1"},
    ],
)
def test_tokens(said: dict[str, object]) -> None:
    assert read_token(json.dumps(said).encode(), NOW).value == "t1"


NO_TOKENS = [
    b"",
    b"null",
    b'"t1"',
    b"\xff\xfe\x00",
    b'{"token": "t1"',
    b'{"token": 1}',
    b'{"token": ["t1"]}',
    b'{"token": "t 1"}',
    b'{"token": "t1\\n"}',
    b'{"token": "t1\\r\\nHost: evil"}',
    b'{"token": "t\\u0000"}',
    b'{"token": "t\\u00e4"}',
    b'{"token": "\\ud800"}',
    b'{"token": "' + b"t" * 65537 + b'"}',
    b"[" * 500_000,
    b'{"token": "t1", "expires_in": ' + b"9" * 5000 + b"}",
]


@pytest.mark.parametrize("content", NO_TOKENS, ids=lambda content: repr(content[:40]))
def test_no_tokens(content: bytes) -> None:
    with pytest.raises(BadUpstream) as raised:
        read_token(content, NOW)
    assert len(raised.value.message) < 80
    assert raised.value.__suppress_context__ or raised.value.__context__ is None


def test_a_token_of_64_kib_is_one() -> None:
    assert len(read_token(b'{"token": "' + b"t" * 65536 + b'"}', NOW).value) == 65536


# --- secrets ---------------------------------------------------------------------------------------------------


def test_a_token_does_not_show() -> None:
    assert "t0ken" not in repr(Token("t0ken", NOW))


SAID = [b'{"token": "t0ken"}', b'{"token": "t0ken\\n"}', b'["t0ken"]', b"t0ken \xff", b'{"token": "t0ken"']


@pytest.mark.gen_test
@pytest.mark.parametrize("status", [200, 401, 503])
@pytest.mark.parametrize("said", SAID)
async def test_no_secret_is_told(
    curl: Curl, registry: Registry, caplog: pytest.LogCaptureFixture, said: bytes, status: int
) -> None:
    caplog.set_level("DEBUG", "mxart")
    registry.guard("/v2/a/x", registry.challenge(), lambda shown: False)
    registry.realm.handler = lambda path: (status, {}, said)
    upstream = registry.direct(curl, auth=AUTH)
    with pytest.raises(MxartError) as raised:
        await read(upstream, fetch())
    told = caplog.text + repr(raised.value) + repr(raised.value.__cause__) + repr(upstream._proofs._kept)
    for secret in ("t0ken", "s3cret", BASIC.removeprefix("Basic ")):
        assert secret not in told
