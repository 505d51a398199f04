"""What a raw head means, to the question that was asked."""

from __future__ import annotations

from email.utils import formatdate
from typing import Any

import pytest

from mxart.errors import BadUpstream, MxartError
from mxart.upstream import Changed, Fetch
from mxart.upstream.failures import Throttled
from mxart.upstream.heads import MAX_RETRY_AFTER, interpret, retry_after
from mxart.upstream.transfer import RawHead

NOW = 1_700_000_000.0
URL = "https://up.example.org/x?sig=secret"
WHOLE = Fetch(path="x", max_size=1000)
REST = Fetch(path="x", max_size=1000, start=10, validator='"v"')
IF_NEW = Fetch(path="x", max_size=1000, headers={"If-None-Match": '"v"'})


def ask(fetch: Fetch, status: int, headers: dict[str, str]) -> Any:
    return interpret("up.example.org", RawHead(status, headers), fetch, URL, NOW)


USABLE: list[tuple[Fetch, int, dict[str, str], dict[str, Any]]] = [
    (WHOLE, 200, {}, {"length": None, "start": 0, "etag": "", "resumable": False}),
    (WHOLE, 200, {"content-length": "5", "etag": '"v"'}, {"length": 5, "etag": '"v"', "resumable": True}),
    (WHOLE, 200, {"content-length": "0"}, {"length": 0}),
    (WHOLE, 200, {"content-length": "1000"}, {"length": 1000}),
    (WHOLE, 200, {"content-length": "5, 5"}, {"length": 5}),
    (WHOLE, 200, {"content-length": "5", "transfer-encoding": "chunked"}, {"length": None}),
    (WHOLE, 200, {"content-length": "9999", "transfer-encoding": "chunked"}, {"length": None}),
    (WHOLE, 200, {"etag": 'W/"v"'}, {"etag": 'W/"v"', "resumable": False}),
    (WHOLE, 200, {"etag": "bare"}, {"resumable": False}),
    (
        WHOLE,
        200,
        {"etag": '"v"', "content-encoding": "gzip", "content-length": "5"},
        {"length": None, "resumable": False},
    ),
    (
        WHOLE,
        200,
        {"etag": '"v"', "content-encoding": "Identity", "content-length": "5"},
        {"length": 5, "resumable": True},
    ),
    (REST, 206, {"content-range": "bytes 10-19/20", "etag": '"v"'}, {"start": 10, "length": 20, "resumable": True}),
    (REST, 206, {"content-range": "bytes 10-19/20"}, {"start": 10, "length": 20, "resumable": False}),
    (REST, 206, {"content-range": "bytes 10-19/*", "content-length": "10"}, {"start": 10, "length": None}),
    (IF_NEW, 304, {"etag": '"v"'}, {"status": 304, "etag": '"v"', "length": None}),
    (WHOLE, 404, {"content-length": "99999"}, {"status": 404, "length": None}),
    (REST, 404, {}, {"status": 404}),
    (WHOLE, 410, {}, {"status": 410}),
]


@pytest.mark.parametrize(("fetch", "status", "headers", "expected"), USABLE)
def test_usable(fetch: Fetch, status: int, headers: dict[str, str], expected: dict[str, Any]) -> None:
    head = ask(fetch, status, headers)
    assert {name: getattr(head, name) for name in expected} == expected
    assert (head.url, head.headers) == ("https://up.example.org/x", headers)


UNUSABLE: list[tuple[Fetch, int, dict[str, str], type[MxartError], int]] = [
    (WHOLE, 200, {"content-length": "1001"}, BadUpstream, 200),
    (WHOLE, 200, {"content-length": "-1"}, BadUpstream, 0),
    (WHOLE, 200, {"content-length": "5, 6"}, BadUpstream, 0),
    (WHOLE, 200, {"content-length": "٣"}, BadUpstream, 0),
    (WHOLE, 200, {"content-length": ""}, BadUpstream, 0),
    (WHOLE, 206, {"content-range": "bytes 0-4/5"}, BadUpstream, 206),
    (REST, 200, {"content-length": "20", "etag": '"v"'}, Changed, 200),
    (REST, 206, {}, Changed, 206),
    (REST, 206, {"content-range": "bytes 9-19/20"}, Changed, 206),
    (REST, 206, {"content-range": "bytes 11-19/20"}, Changed, 206),
    (REST, 206, {"content-range": "bytes 10-18/20"}, Changed, 206),
    (REST, 206, {"content-range": "bytes 10-9/10"}, Changed, 206),
    (REST, 206, {"content-range": "bytes 10-19/15"}, Changed, 206),
    (REST, 206, {"content-range": "lines 10-19/20"}, Changed, 206),
    (REST, 206, {"content-range": "bytes 10-19/20, bytes 0-1/20"}, Changed, 206),
    (REST, 206, {"content-range": "bytes 10-19/20", "etag": '"w"'}, Changed, 206),
    (REST, 206, {"content-range": "bytes 10-19/20", "content-length": "9"}, Changed, 206),
    (REST, 206, {"content-range": "bytes 10-19/20", "content-encoding": "gzip"}, Changed, 206),
    (REST, 206, {"content-type": "multipart/byteranges; boundary=x"}, Changed, 206),
    (REST, 206, {"content-range": "bytes 10-1999/2000", "etag": '"v"'}, BadUpstream, 206),
    (REST, 416, {"content-range": "bytes */10"}, Changed, 416),
    (WHOLE, 416, {}, BadUpstream, 416),
    (WHOLE, 304, {}, BadUpstream, 304),
    (REST, 304, {}, BadUpstream, 304),
    (WHOLE, 204, {}, BadUpstream, 204),
    (WHOLE, 203, {}, BadUpstream, 203),
    (WHOLE, 300, {}, BadUpstream, 300),
    (WHOLE, 400, {}, BadUpstream, 400),
    (WHOLE, 401, {}, BadUpstream, 401),
    (WHOLE, 403, {}, BadUpstream, 403),
    (WHOLE, 407, {}, BadUpstream, 407),
    (WHOLE, 451, {}, BadUpstream, 451),
    (WHOLE, 500, {}, BadUpstream, 500),
    (WHOLE, 502, {}, BadUpstream, 502),
    (WHOLE, 999, {}, BadUpstream, 999),
    (WHOLE, 429, {}, Throttled, 429),
    (WHOLE, 503, {}, Throttled, 503),
]


@pytest.mark.parametrize(("fetch", "status", "headers", "error", "kept"), UNUSABLE)
def test_unusable(fetch: Fetch, status: int, headers: dict[str, str], error: type[MxartError], kept: int) -> None:
    with pytest.raises(error) as raised:
        ask(fetch, status, headers)
    assert raised.type is error
    assert raised.value.status == kept  # type: ignore[attr-defined]
    assert raised.value.message.startswith("up.example.org ")
    assert "secret" not in raised.value.message


@pytest.mark.parametrize(("status", "word"), [(401, "auth"), (403, "auth"), (407, "http_proxy")])
def test_refusals_say_what_to_do(status: int, word: str) -> None:
    with pytest.raises(BadUpstream, match=word):
        ask(WHOLE, status, {})


RETRY_AFTER: list[tuple[str, float | None]] = [
    ("", None),
    ("0", 0.0),
    ("120", 120.0),
    (" 7 ", 7.0),
    ("9" * 500, MAX_RETRY_AFTER),
    ("-5", None),
    ("1.5", None),
    ("٣", None),
    ("soon", None),
    (formatdate(NOW + 30, usegmt=True), 30.0),
    (formatdate(NOW - 30, usegmt=True), 0.0),
    ("Fri, 31 Dec 9999 23:59:59 GMT", MAX_RETRY_AFTER),
    ("Fri, 99 Foo 2020 00:00:00 GMT", None),
]


@pytest.mark.parametrize(("text", "seconds"), RETRY_AFTER)
def test_retry_after(text: str, seconds: float | None) -> None:
    assert retry_after({"retry-after": text}, NOW) == seconds


@pytest.mark.parametrize(("headers", "seconds", "stated"), [({}, 5.0, False), ({"retry-after": "90"}, 90.0, True)])
def test_throttled_carries_when_to_return(headers: dict[str, str], seconds: float, stated: bool) -> None:
    with pytest.raises(Throttled) as raised:
        ask(WHOLE, 429, headers)
    assert (raised.value.retry_after, raised.value.stated) == (seconds, stated)
