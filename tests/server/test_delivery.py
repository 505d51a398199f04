from __future__ import annotations

import hashlib
import os
import ssl
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from mxart.errors import BadUpstream
from mxart.model import Blob, Bytes, Outline, Request, Response
from tests.server.client import RawClient
from tests.server.conftest import Served
from tests.server.site import MODIFIED, Download, blob, upstream_failed

BIG = 5_000_003  # bytes: more than a socket's buffer takes


BYTES = os.urandom(BIG)


@pytest.fixture
def big(tmp_path: Path) -> Path:
    path = tmp_path / "big"
    path.write_bytes(BYTES)
    return path


@pytest.fixture
def small(tmp_path: Path) -> Path:
    path = tmp_path / "small"
    path.write_bytes(b"0123456789")
    return path


SMALL_ETAG = '"' + hashlib.sha256(b"0123456789").hexdigest() + '"'
OLD, NEW = "Sun, 06 Nov 1994 08:49:36 GMT", "Sun, 06 Nov 1994 08:49:38 GMT"

# request fields, then status, body, and fields of the answer
CONDITIONS = [
    ({}, 200, b"0123456789", {"content-length": "10", "accept-ranges": "bytes", "etag": SMALL_ETAG}),
    ({"range": "bytes=0-0"}, 206, b"0", {"content-range": "bytes 0-0/10", "content-length": "1"}),
    ({"range": "bytes=2-4"}, 206, b"234", {"content-range": "bytes 2-4/10"}),
    ({"range": "bytes=-3"}, 206, b"789", {"content-range": "bytes 7-9/10"}),
    ({"range": "bytes=8-99"}, 206, b"89", {"content-range": "bytes 8-9/10"}),
    ({"range": "bytes=10-"}, 416, b"", {"content-range": "bytes */10"}),
    ({"range": "bytes=0-1,4-5"}, 200, b"0123456789", {}),
    ({"range": "bytes=4-2"}, 416, b"", {"content-range": "bytes */10"}),
    ({"range": "bytes=0-1", "if-range": SMALL_ETAG}, 206, b"01", {}),
    ({"range": "bytes=0-1", "if-range": '"other"'}, 200, b"0123456789", {}),
    ({"range": "bytes=0-1", "if-range": "W/" + SMALL_ETAG}, 200, b"0123456789", {}),
    ({"range": "bytes=0-1", "if-range": MODIFIED}, 206, b"01", {}),
    ({"range": "bytes=0-1", "if-range": NEW}, 200, b"0123456789", {}),
    ({"if-none-match": SMALL_ETAG}, 304, b"", {"etag": SMALL_ETAG}),
    ({"if-none-match": "*"}, 304, b"", {}),
    ({"if-none-match": SMALL_ETAG, "range": "bytes=0-1"}, 304, b"", {}),
    ({"if-none-match": '"other"', "if-modified-since": NEW}, 200, b"0123456789", {}),
    ({"if-modified-since": MODIFIED}, 304, b"", {}),
    ({"if-modified-since": OLD}, 200, b"0123456789", {}),
    ({"if-match": '"other"'}, 412, b"", {"content-length": "0"}),
    ({"if-match": SMALL_ETAG}, 200, b"0123456789", {}),
    ({"if-unmodified-since": OLD}, 412, b"", {}),
    ({"if-unmodified-since": MODIFIED}, 200, b"0123456789", {}),
]


@pytest.mark.gen_test
async def test_conditions_and_ranges_of_a_blob(served: Served, small: Path) -> None:
    served.site.go.put("f", lambda: blob(small), Cache_Status="mxart; hit")
    client = await served.client()
    for fields, status, body, expected in CONDITIONS:
        answer = await client.get("/go/f", **fields)
        assert (answer.status, answer.body) == (status, body), fields
        assert expected.items() <= answer.headers.items(), fields
        assert answer.headers["cache-status"] == "mxart; hit", fields
        head = await client.get("/go/f", "HEAD", **fields)
        assert head.status == (200 if "range" in fields and status in (206, 416) else status), fields


@pytest.mark.gen_test
async def test_a_big_blob_goes_by_sendfile_and_in_ranges(served: Served, big: Path) -> None:
    served.site.go.put("big", lambda: blob(big))
    client = await served.client()
    for _ in range(2):
        assert (await client.get("/go/big")).body == BYTES
    part = await client.get("/go/big", range=f"bytes=100-{BIG - 100}")
    assert (part.status, part.body) == (206, BYTES[100 : BIG - 99])


@pytest.mark.gen_test
async def test_pipelined_answers_come_in_order(served: Served, big: Path, small: Path) -> None:
    served.site.go.put("big", lambda: blob(big))
    served.site.go.put("small", lambda: blob(small))
    client = await served.client()
    request = "GET /go/{} HTTP/1.1\r\nHost: a\r\n\r\n"
    await client.send("".join(request.format(name) for name in ("big", "small", "big", "small")))
    for _ in range(2):
        assert (await client.answer()).body == BYTES
        assert (await client.answer()).body == b"0123456789"


@pytest.mark.gen_test
async def test_a_file_that_lost_its_end_is_cut(served: Served, big: Path) -> None:
    content = blob(big)
    with big.open("r+b") as file:
        file.truncate(BIG - 1000)
    served.site.go.put("big", lambda: content)
    answer = await (await served.client()).get("/go/big")
    assert (answer.status, answer.whole, len(answer.body)) == (200, False, BIG - 1000)


@pytest.mark.gen_test
async def test_a_client_that_leaves_frees_the_file(served: Served, big: Path) -> None:
    contents: list[Blob] = []

    def make() -> Blob:
        contents.append(blob(big))
        return contents[-1]

    served.site.go.put("big", make)
    client = await served.client()
    await client.send("GET /go/big HTTP/1.1\r\nHost: a\r\n\r\n")
    await client.head()
    client.writer.transport.abort()
    assert await served.serving.connections.wait_empty(5.0)
    assert contents[0].file.closed


@pytest.mark.gen_test
async def test_contents_without_a_file(served: Served) -> None:
    client = await served.client()
    away = await client.get("/go/away")
    assert (away.status, away.headers["location"]) == (307, "https://cdn.example.org/x")
    nothing = await client.get("/go/nothing")
    assert nothing.status == 204
    assert "content-length" not in nothing.headers
    assert (await client.get("/go/hello", if_none_match='"h"')).status == 304
    assert (await client.get("/go/hello", range="bytes=1-2")).body == b"el"


@pytest.mark.gen_test
async def test_a_field_that_breaks_its_line_is_never_sent(served: Served) -> None:
    served.site.go.put("bad", lambda: Bytes(data=b"x"), X_Note="a\r\nSet-Cookie: b")
    client = await served.client()
    answer = await client.get("/go/bad")
    assert answer.status == 500
    assert "set-cookie" not in answer.headers
    assert (await client.get("/go/hello")).status == 200


def told(reason: str, status: int, data: bytes = b"text") -> Callable[[Request], Awaitable[Response]]:
    async def answer(_: Request) -> Response:
        return Response(status, Bytes(data=data), reason=reason)

    return answer


@pytest.mark.parametrize(
    ("status", "reason", "phrase"),
    [
        (404, "lib-1.0.jar is not here", "lib-1.0.jar is not here"),
        (404, "", "Not Found"),
        (507, "no room: free some space", "no room: free some space"),
        (201, "it is deployed", "it is deployed"),
        (200, "never told", "OK"),  # that may turn into 304 or 206
    ],
)
@pytest.mark.gen_test
async def test_the_phrase_behind_the_status(served: Served, status: int, reason: str, phrase: str) -> None:
    served.site.go.answers["told"] = told(reason, status)
    client = await served.client()
    for method in ("GET", "HEAD", "GET"):
        answer = await client.get("/go/told", method)
        assert (answer.status, answer.reason, answer.headers["content-length"]) == (status, phrase, "4")
    assert (await client.get("/go/told", range="bytes=0-1")).reason == (phrase if status != 200 else "Partial Content")


@pytest.mark.parametrize("reason", ["a\r\nSet-Cookie: x=y", "a\r\n\r\n<html>", "a\nb", "a\0b", "\u0100"])
@pytest.mark.gen_test
async def test_a_phrase_that_breaks_its_line_is_never_sent(served: Served, reason: str) -> None:
    served.site.go.answers["told"] = told(reason, 404)
    client = await served.client()
    answer = await client.get("/go/told")
    assert (answer.status, answer.reason) == (500, "Internal Server Error")
    assert "set-cookie" not in answer.headers
    assert (await client.get("/go/hello")).status == 200


# --- content that was not fetched ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("size", "fields", "status", "expected"),
    [
        (5_000_000_000, {}, 200, {"content-length": "5000000000", "accept-ranges": "bytes"}),
        (0, {}, 200, {"content-length": "0"}),
        (None, {}, 200, {}),
        (10, {"if_none_match": '"v"'}, 304, {}),
        (None, {"if_none_match": 'W/"v"'}, 304, {}),
        (10, {"if_none_match": '"w"'}, 200, {"content-length": "10"}),
        (10, {"if_modified_since": MODIFIED}, 304, {}),
        (10, {"if_match": '"w"'}, 412, {"content-length": "0"}),
        (10, {"range": "bytes=2-4"}, 200, {"content-length": "10"}),
        (10, {"range": "bytes=20-"}, 200, {"content-length": "10"}),
    ],
)
@pytest.mark.gen_test
async def test_what_is_known_of_it_answers_head(
    served: Served, size: int | None, fields: dict[str, str], status: int, expected: dict[str, str]
) -> None:
    outline = Outline(size=size, media_type="application/x-tar", etag='"v"', last_modified=MODIFIED)
    served.site.go.put("o", lambda: outline, Docker_Content_Digest="sha256:ab")
    client = await served.client()
    answer = await client.get("/go/o", "HEAD", **fields)
    assert answer.status == status
    assert expected.items() <= answer.headers.items()
    assert ("content-length" in answer.headers) == (status != 304 and (size is not None or status == 412))
    assert "transfer-encoding" not in answer.headers
    if status != 412:
        assert (answer.headers["etag"], answer.headers["last-modified"]) == ('"v"', MODIFIED)
        assert answer.headers["docker-content-digest"] == "sha256:ab"
    assert answer.headers.get("content-type") == ("application/x-tar" if status == 200 else None)
    assert (await client.get("/go/hello")).body == b"hello\n"  # the connection goes on


@pytest.mark.gen_test
async def test_fields_of_the_answer_win_over_what_is_known(served: Served) -> None:
    outline = Outline(size=10, media_type="application/x-tar", etag='"v"')
    served.site.go.put("o", lambda: outline, content_type="text/x", etag='"other"')
    client = await served.client()
    answer = await client.get("/go/o", "HEAD")
    assert (answer.headers["content-type"], answer.headers["etag"]) == ("text/x", '"other"')
    assert (await client.get("/go/o", "HEAD", if_none_match='"other"')).status == 304


# --- growing downloads -----------------------------------------------------------------------------------------


def offer(served: Served, tmp_path: Path, length: int | None, etag: str = "") -> Download:
    download = Download(tmp_path / "incoming", length, etag)
    served.site.go.put("d", lambda: download)
    return download


async def ask(served: Served, version: str = "HTTP/1.1", **fields: str) -> RawClient:
    client = await served.client()
    lines = "".join(f"{name.replace('_', '-')}: {value}\r\n" for name, value in fields.items())
    await client.send(f"GET /go/d {version}\r\nHost: a\r\n{lines}\r\n")
    return client


@pytest.mark.gen_test
@pytest.mark.parametrize("length", [None, 200_000])
async def test_bytes_come_as_they_arrive(served: Served, tmp_path: Path, length: int | None) -> None:
    download = offer(served, tmp_path, length)
    client = await ask(served)
    await download.write(b"a" * 100_000)
    head = await client.head()
    assert head.headers.get("content-length") == (None if length is None else "200000")
    if length is None:
        assert await client.reader.readuntil(b"\r\n") == b"186a0\r\n"
    assert await client.reader.readexactly(100_000) == b"a" * 100_000
    await download.write(b"b" * 100_000)
    await download.end()
    tail = b"\r\n186a0\r\n" + b"b" * 100_000 + b"\r\n0\r\n\r\n" if length is None else b"b" * 100_000
    assert await client.reader.readexactly(len(tail)) == tail
    await download.closed.wait()
    assert (await client.get("/go/hello")).status == 200


@pytest.mark.gen_test
async def test_a_failure_before_the_first_byte_is_told(served: Served, tmp_path: Path) -> None:
    download = offer(served, tmp_path, None)
    client = await ask(served)
    await download.fail(upstream_failed())
    answer = await client.answer()
    assert (answer.status, answer.headers["retry-after"]) == (502, "7")
    assert answer.headers["x-envelope"] == "pages"
    assert download.closed.is_set()
    assert (await client.get("/go/hello")).status == 200


@pytest.mark.gen_test
@pytest.mark.parametrize("length", [None, 200_000])
@pytest.mark.parametrize("sent", [10, 100_000])
async def test_a_failure_later_cuts_the_connection(
    served: Served, tmp_path: Path, length: int | None, sent: int
) -> None:
    download = offer(served, tmp_path, length)
    client = await ask(served)
    await download.write(b"z" * sent)
    await client.head()
    await download.fail(BadUpstream("broken"))
    rest = await client.ended()
    assert not rest.endswith(b"0\r\n\r\n")
    assert rest.count(b"z") == sent
    assert download.closed.is_set()


@pytest.mark.gen_test
async def test_a_length_that_is_not_reached_cuts_the_connection(served: Served, tmp_path: Path) -> None:
    download = offer(served, tmp_path, 10)
    client = await ask(served)
    await download.write(b"abc")
    await download.end()
    answer = await client.answer()
    assert (answer.body, answer.whole) == (b"abc", False)


@pytest.mark.gen_test
async def test_an_old_client_gets_a_length_whatever_the_upstream_said(served: Served, tmp_path: Path) -> None:
    download = offer(served, tmp_path, None)
    client = await ask(served, "HTTP/1.0")
    await download.write(b"abc")
    await download.write(b"def")
    await download.end()
    answer = await client.answer()
    assert (answer.headers["content-length"], answer.body) == ("6", b"abcdef")
    assert "transfer-encoding" not in answer.headers
    assert await client.ended() == b""


@pytest.mark.gen_test
async def test_an_old_client_is_told_of_a_late_failure(served: Served, tmp_path: Path) -> None:
    download = offer(served, tmp_path, None)
    client = await ask(served, "HTTP/1.0")
    await download.write(b"abc")
    await download.fail(upstream_failed())
    assert (await client.answer()).status == 502


@pytest.mark.gen_test
async def test_a_range_is_sent_as_soon_as_its_bytes_are_there(served: Served, tmp_path: Path) -> None:
    download = offer(served, tmp_path, 10, '"v"')
    client = await ask(served, range="bytes=2-4", if_range='"v"')
    await download.write(b"01234")
    answer = await client.answer()
    assert (answer.status, answer.body, answer.headers["content-range"]) == (206, b"234", "bytes 2-4/10")
    await download.closed.wait()


@pytest.mark.gen_test
@pytest.mark.parametrize(
    ("wanted", "status", "body", "content_range"),
    [
        ("bytes=2-4", 206, b"234", "bytes 2-4/6"),
        ("bytes=2-", 206, b"2345", "bytes 2-5/6"),
        ("bytes=7-", 416, b"", "bytes */6"),
        ("bytes=-3", 502, None, None),  # it waited for byte 7, and cannot go back to byte 3
    ],
)
async def test_a_length_that_changes_with_the_first_byte(
    served: Served, tmp_path: Path, wanted: str, status: int, body: bytes | None, content_range: str | None
) -> None:
    download = offer(served, tmp_path, 10)
    client = await ask(served, range=wanted)
    await download.asked.wait()
    download.length = 6
    await download.write(b"012345")
    await download.end()
    answer = await client.answer()
    assert (answer.status, answer.headers.get("content-range")) == (status, content_range)
    assert body in (None, answer.body)
    await download.closed.wait()


@pytest.mark.gen_test
async def test_a_range_of_unknown_length_is_everything(served: Served, tmp_path: Path) -> None:
    download = offer(served, tmp_path, None)
    client = await ask(served, range="bytes=2-4")
    await download.write(b"01234")
    await download.end()
    answer = await client.answer()
    assert (answer.status, answer.body) == (200, b"01234")


@pytest.mark.gen_test
async def test_an_empty_download(served: Served, tmp_path: Path) -> None:
    for length in (None, 0):
        download = offer(served, tmp_path, length)
        client = await ask(served)
        await download.end()
        answer = await client.answer()
        assert (answer.status, answer.body, answer.whole) == (200, b"", True)


@pytest.mark.gen_test
async def test_a_known_validator_needs_no_bytes(served: Served, tmp_path: Path) -> None:
    download = offer(served, tmp_path, None, '"v"')
    client = await ask(served, if_none_match='"v"')
    assert (await client.answer()).status == 304
    assert download.closed.is_set()


@pytest.mark.gen_test
async def test_a_client_that_leaves_lets_go_of_the_download(served: Served, tmp_path: Path) -> None:
    download = offer(served, tmp_path, None)
    client = await ask(served)
    await download.write(b"a")
    await client.head()
    client.writer.transport.abort()
    await download.closed.wait()


@pytest.mark.gen_test
async def test_content_over_tls(tls_served: Served, client_tls: ssl.SSLContext, big: Path, tmp_path: Path) -> None:
    tls_served.site.go.put("big", lambda: blob(big))
    client = await RawClient.connect(tls_served.port, client_tls)
    assert (await client.get("/go/hello")).body == b"hello\n"
    assert (await client.get("/go/big")).body == BYTES
    download = offer(tls_served, tmp_path, None)
    await download.write(b"a" * 300_000)
    await download.end()
    assert (await client.get("/go/d")).body == b"a" * 300_000
    assert client.writer.get_extra_info("ssl_object").version() in ("TLSv1.2", "TLSv1.3")
    assert tls_served.site.go.seen[0].base_url == "https://127.0.0.1/go"
    await client.close()
