"""One request to a real server: redirects, credentials, ranges, codings, limits."""

from __future__ import annotations

import gzip
from typing import Any

import pytest

from mxart.errors import BadUpstream, Invalid, MxartError
from mxart.settings import CredentialSettings, UpstreamSettings
from mxart.upstream import Broken, Fetch
from mxart.upstream.client import Curl
from mxart.upstream.failures import Throttled
from mxart.upstream.fetch import DirectUpstream
from tests.support.certs import Authority
from tests.support.upstream import Answer, ScriptedUpstream, gzipped, redirect
from tests.upstream.parts import LARGE, read

pytestmark = pytest.mark.gen_test

AUTH = CredentialSettings(username="ci", password="s3cret", headers={"X-Api-Key": "k3y"})


def direct(curl: Curl, url: str, **fields: Any) -> DirectUpstream:
    return DirectUpstream(UpstreamSettings(url=url, http_proxy="", **fields), curl, "mxart-test")


async def test_what_a_request_carries(curl: Curl, scripted: ScriptedUpstream) -> None:
    scripted.static("/base/a%2Fb/!x", b"x")
    upstream = direct(curl, scripted.url + "/base", auth=AUTH)
    await read(upstream, Fetch(path="a%2Fb/!x", max_size=9, headers={"accept": "text/plain"}))
    (seen,) = scripted.requests
    assert seen.path == "/base/a%2Fb/!x"
    assert seen.headers["via"] == "1.1 mxart-test"
    assert seen.headers["user-agent"].startswith("mxart/")
    assert seen.headers["accept-encoding"] == "identity"
    assert seen.headers["accept"] == "text/plain"
    assert seen.headers["authorization"].startswith("Basic ")
    assert seen.headers["x-api-key"] == "k3y"


async def test_an_absence_has_its_reason_and_keeps_the_connection(curl: Curl, scripted: ScriptedUpstream) -> None:
    scripted.script("/gone", Answer(status=410, body=b"taken back"))
    upstream = direct(curl, scripted.url)
    assert [(head.status, body) for head, body in [await read(upstream, "none"), await read(upstream, "gone")]] == [
        (404, b"not found: /none\n"),
        (410, b"taken back"),
    ]
    async with upstream.fetch(Fetch(path="none", max_size=1)) as exchange:
        assert exchange.head.status == 404  # and nobody reads its body
    await read(upstream, "none")
    assert scripted.connections == 1


ABSENCES = [
    (Answer(status=404, body=b"x" * 1_000_000), b"x" * 65536),
    (Answer(status=404, body=b"x" * 100, cut_after=10), b"x" * 10),
    (Answer(status=404, body=b"\xff", headers={"Content-Encoding": "br"}), b""),
]


@pytest.mark.parametrize(("answer", "body"), ABSENCES, ids=["long", "cut", "coded"])
async def test_an_absence_is_one_whatever_its_body(
    curl: Curl, scripted: ScriptedUpstream, answer: Answer, body: bytes
) -> None:
    scripted.script("/a", answer)
    head, said = await read(direct(curl, scripted.url), Fetch(path="a", max_size=5))
    assert (head.status, said) == (404, body)


async def test_conditions_are_asked_and_confirmed(curl: Curl, scripted: ScriptedUpstream) -> None:
    scripted.static("/a", b"x", etag='"v"')
    head, body = await read(direct(curl, scripted.url), Fetch(path="a", max_size=9, headers={"If-None-Match": '"v"'}))
    assert (head.status, head.etag, body) == (304, '"v"', b"")


async def test_a_rest_is_asked_with_its_validator(curl: Curl, scripted: ScriptedUpstream) -> None:
    scripted.static("/a", b"0123456789", etag='"v"')
    upstream = direct(curl, scripted.url)
    head, body = await read(upstream, Fetch(path="a", max_size=10, start=4, validator='"v"'))
    assert (head.status, head.start, head.length, body) == (206, 4, 10, b"456789")
    assert scripted.requests[0].headers["if-range"] == '"v"'
    for start, validator in ((4, '"other"'), (10, '"v"'), (4, 'W/"v"'), (4, "")):
        with pytest.raises(Broken):
            await read(upstream, Fetch(path="a", max_size=10, start=start, validator=validator))


FAILURES: list[tuple[Answer, type[MxartError]]] = [
    (Answer(status=500), BadUpstream),
    (Answer(status=401), BadUpstream),
    (Answer(status=429), Throttled),
    (Answer(body=b"x" * 101), BadUpstream),
    (Answer(body=b"x" * 101, framing="chunked"), BadUpstream),
    (Answer(body=b"x" * 101, framing="close"), BadUpstream),
    (gzipped(b"x" * 101), BadUpstream),
    (gzipped(bytes(50_000_000)), BadUpstream),
    (Answer(body=gzip.compress(b"x" * 90)[:-4], headers={"Content-Encoding": "gzip"}), Broken),
    (Answer(body=b"plain", headers={"Content-Encoding": "gzip"}), Broken),
    (Answer(body=b"x", headers={"Content-Encoding": "br"}), BadUpstream),
    (Answer(body=b"x" * 50, claim=60, cut_after=50), Broken),
    (Answer(body=b"x" * 50, framing="chunked", cut_after=20), Broken),
    (Answer(status=206, body=b"x", headers={"Content-Range": "bytes 0-0/1"}), BadUpstream),
]


@pytest.mark.parametrize(("answer", "error"), FAILURES)
async def test_what_cannot_be_used(
    curl: Curl, scripted: ScriptedUpstream, answer: Answer, error: type[MxartError]
) -> None:
    scripted.script("/a", answer)
    with pytest.raises(error) as raised:
        await read(direct(curl, scripted.url), Fetch(path="a", max_size=100))
    assert raised.type is error
    assert raised.value.message.startswith(f"127.0.0.1:{scripted.port}")


TEXT = {"Content-Type": "text/plain; charset=utf-8"}
WORDS: list[tuple[Answer, str]] = [
    (Answer(status=403, headers=TEXT, body=b"not before Monday\nsecond line"), 'says: "not before Monday")'),
    (Answer(status=429, headers=TEXT, body=b"\x1b[31mslow\x07 down"), 'says: "'),
    (Answer(status=500, headers=TEXT, body=b"x" * 5000), 'says: "' + "x" * 200 + '")'),
    (Answer(status=500, headers=TEXT, body=b"broken", stall_after=6, claim=99), 'says: "broken")'),
    (Answer(status=500, headers={"Content-Type": "text/html"}, body=b"<b>no</b>"), "answered 500"),
    (Answer(status=500, headers=TEXT), "answered 500"),
]


@pytest.mark.parametrize(("answer", "words"), WORDS)
async def test_what_a_refusal_says_is_passed_on(
    curl: Curl, scripted: ScriptedUpstream, answer: Answer, words: str
) -> None:
    scripted.script("/a", answer)
    with pytest.raises(MxartError) as raised:
        await read(direct(curl, scripted.url), "a")
    message = raised.value.message
    assert message.endswith(words) if words.endswith(('")', "500")) else words in message
    assert message.isprintable()


async def test_codings_that_come_anyway_are_undone(curl: Curl, scripted: ScriptedUpstream) -> None:
    scripted.script("/a", gzipped(b"x" * 100, ETag='"v"'))
    head, body = await read(direct(curl, scripted.url), Fetch(path="a", max_size=100))
    assert (head.length, head.resumable, body) == (None, False, b"x" * 100)


async def test_more_than_was_announced_is_not_read(curl: Curl, scripted: ScriptedUpstream) -> None:
    scripted.script("/a", Answer(body=b"x" * 50, claim=20))
    assert (await read(direct(curl, scripted.url), "a"))[1] == b"x" * 20


@pytest.mark.parametrize("path", ["a b", "a\r\nHost: evil", "a#b", "a\\b", "ü", "a\x00"])
async def test_paths_that_are_not_encoded_are_not_sent(curl: Curl, scripted: ScriptedUpstream, path: str) -> None:
    with pytest.raises(Invalid):
        await read(direct(curl, scripted.url), path)
    assert scripted.requests == []


# --- HEAD ------------------------------------------------------------------------------------------------------

HEADS: list[tuple[Answer, int, int | None]] = [
    (Answer(body=b"x" * 50, headers={"Docker-Content-Digest": "sha256:0"}), 200, 50),
    (Answer(body=b"x" * 50, framing="chunked"), 200, None),
    (Answer(body=b"x" * 50, framing="close"), 200, None),
    (Answer(body=b"", claim=50), 200, 50),
    (Answer(body=b"x" * 50, headers={"Content-Encoding": "gzip"}), 200, None),
    (Answer(body=b"x" * 50, headers={"Content-Encoding": "br"}), 200, None),
    (Answer(status=404, body=b"none"), 404, None),
    (Answer(status=410, body=b"gone"), 410, None),
]


@pytest.mark.parametrize(("answer", "status", "length"), HEADS)
async def test_a_head_is_that_of_get_without_a_body(
    curl: Curl, scripted: ScriptedUpstream, answer: Answer, status: int, length: int | None
) -> None:
    scripted.script("/a", answer)
    head, body = await read(direct(curl, scripted.url), Fetch(method="HEAD", path="a", max_size=100))
    assert (head.status, head.length, body) == (status, length, b"")
    assert head.headers.get("docker-content-digest") == answer.headers.get("Docker-Content-Digest")
    assert [seen.method for seen in scripted.requests] == ["HEAD"]


async def test_heads_and_gets_share_a_connection(curl: Curl, scripted: ScriptedUpstream) -> None:
    scripted.static("/a", b"x" * 50, etag='"v"')
    upstream = direct(curl, scripted.url)
    for method in ("HEAD", "GET", "HEAD", "HEAD", "GET"):
        head, body = await read(upstream, Fetch(method=method, path="a", max_size=100))  # type: ignore[arg-type]
        assert (head.length, head.etag, len(body)) == (50, '"v"', 50 * (method == "GET"))
    confirmed = Fetch(method="HEAD", path="a", max_size=100, headers={"If-None-Match": '"v"'})
    assert (await read(upstream, confirmed))[0].status == 304
    assert [seen.method for seen in scripted.requests] == ["HEAD", "GET", "HEAD", "HEAD", "GET", "HEAD"]
    assert scripted.connections == 1


@pytest.mark.parametrize("status", [302, 307])
async def test_a_head_is_redirected_as_one(curl: Curl, scripted: ScriptedUpstream, status: int) -> None:
    with ScriptedUpstream() as other:
        scripted.script("/a", redirect(f"{other.url}/b", status))
        other.static("/b", b"x" * 50)
        head, body = await read(direct(curl, scripted.url), Fetch(method="HEAD", path="a", max_size=100))
        assert (head.length, body, other.requests[0].method) == (50, b"", "HEAD")
        for refusal in (403, 405):
            other.script("/b", Answer(status=refusal))
            with pytest.raises(BadUpstream) as raised:
                await read(direct(curl, scripted.url), Fetch(method="HEAD", path="a", max_size=100, space="a"))
            assert (raised.type, raised.value.status) == (BadUpstream, refusal)


async def test_a_head_of_something_too_large(curl: Curl, scripted: ScriptedUpstream) -> None:
    scripted.static("/a", b"x" * 101)
    with pytest.raises(BadUpstream, match="announced 101 bytes"):
        await read(direct(curl, scripted.url), Fetch(method="HEAD", path="a", max_size=100))


# --- redirects -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_redirects_are_followed_with_credentials_at_home(
    curl: Curl, scripted: ScriptedUpstream, status: int
) -> None:
    scripted.script("/a", redirect("/b?sig=1", status))
    scripted.static("/b?sig=1", b"x", etag='"v"')
    head, body = await read(direct(curl, scripted.url, auth=AUTH), "a")
    assert (head.url, head.etag, body) == (scripted.url + "/b", '"v"', b"x")
    assert [("authorization" in seen.headers, "x-api-key" in seen.headers) for seen in scripted.requests] == [
        (True, True),
        (True, True),
    ]
    assert scripted.connections == 1


async def test_no_credential_goes_to_another_origin(curl: Curl, scripted: ScriptedUpstream) -> None:
    with ScriptedUpstream() as other:
        scripted.script("/a", redirect(f"{other.url}/b"))
        other.static("/b", b"x" * 20, etag='"v"')
        headers = {
            "Accept": "a/b",
            "Authorization": "Bearer t0ken",
            "Cookie": "c",
            "X-Mine": "m",
            "If-None-Match": '"w"',
        }
        fetch = Fetch(path="a", max_size=99, headers=headers)
        assert (await read(direct(curl, scripted.url, auth=AUTH), fetch))[1] == b"x" * 20
        (seen,) = other.requests
        assert seen.headers.keys() == {"host", "user-agent", "accept", "accept-encoding", "via", "if-none-match"}


async def test_nor_back_home_after_it_has_been_elsewhere(curl: Curl, scripted: ScriptedUpstream) -> None:
    with ScriptedUpstream() as other:
        scripted.script("/a", redirect(f"{other.url}/b"))
        other.script("/b", redirect(f"{scripted.url}/admin/delete-all"))
        scripted.static("/admin/delete-all", b"x")
        await read(direct(curl, scripted.url, auth=AUTH), "a")
        assert ["authorization" in seen.headers for seen in scripted.requests] == [True, False]


async def test_a_rest_is_asked_of_where_it_was_redirected(curl: Curl, scripted: ScriptedUpstream) -> None:
    with ScriptedUpstream() as other:
        scripted.script("/a", redirect(f"{other.url}/b"))
        other.static("/b", b"0123456789", etag='"v"')
        fetch = Fetch(path="a", max_size=99, start=4, validator='"v"')
        assert (await read(direct(curl, scripted.url), fetch))[1] == b"456789"


async def test_ten_redirects_and_no_more(curl: Curl, scripted: ScriptedUpstream) -> None:
    for number in range(11):
        scripted.script(f"/{number}", redirect(f"/{number + 1}"))
    scripted.static("/11", b"x")
    upstream = direct(curl, scripted.url)
    assert (await read(upstream, "1"))[1] == b"x"
    with pytest.raises(BadUpstream, match="more than 10 times"):
        await read(upstream, "0")


@pytest.mark.parametrize(
    "location", ["", "ftp://example.org/x", "http://u:p4ss@127.0.0.1/", "http://a\\@b/", "file:///etc/passwd"]
)
async def test_redirects_that_are_not_followed(curl: Curl, scripted: ScriptedUpstream, location: str) -> None:
    scripted.script("/a", redirect(location))
    with pytest.raises(BadUpstream, match=r"127\.0\.0\.1") as raised:
        await read(direct(curl, scripted.url), "a")
    assert "p4ss" not in str(raised.value)


async def test_https_is_never_left(curl: Curl, scripted: ScriptedUpstream, authority: Authority) -> None:
    with ScriptedUpstream(authority.issue()) as secure:
        secure.script("/a", redirect(f"{scripted.url}/b"))
        with pytest.raises(BadUpstream, match="from https"):
            await read(direct(curl, secure.url, ca_file=authority.ca_file), "a")
        assert scripted.requests == []


async def test_leaving_early_ends_the_transfer(curl: Curl, scripted: ScriptedUpstream) -> None:
    scripted.static("/a", bytes(64 * 1024 * 1024))
    async with direct(curl, scripted.url).fetch(Fetch(path="a", max_size=LARGE)) as exchange:
        async for _ in exchange:
            break
    assert (await read(direct(curl, scripted.url), "none"))[0].status == 404
    assert scripted.connections == 2
