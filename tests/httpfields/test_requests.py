from __future__ import annotations

import contextlib
import time

import pytest

from mxart.errors import Invalid
from mxart.httpfields.requests import MAX_FIELDS, RequestHead, head_end, parse_head

START = b"GET / HTTP/1.1\r\n"


def test_a_head() -> None:
    head = parse_head(b"PUT /a?b HTTP/1.1\r\nHost: x:80\r\nX-A:1\r\nx-a: \t2  3 \t\r\nEmpty:\r\nHigh: \xe4\r\n\r\n")
    fields = {"host": "x:80", "x-a": "1, 2  3", "empty": "", "high": "\xe4"}
    assert head == RequestHead("PUT", "/a?b", "HTTP/1.1", fields)


@pytest.mark.parametrize(("sent", "version"), [("1.0", "HTTP/1.0"), ("1.1", "HTTP/1.1"), ("1.2", "HTTP/1.1")])
def test_versions(sent: str, version: str) -> None:
    assert parse_head(f"GET / HTTP/{sent}\r\n\r\n".encode()).version == version


MALFORMED = [
    b"\r\n",
    b"GET\r\n\r\n",
    b"GET /\r\n\r\n",
    b"GET / HTTP/1.1\n\n",
    b"GET / HTTP/1.1\n\r\n",
    b"GET  / HTTP/1.1\r\n\r\n",
    b" GET / HTTP/1.1\r\n\r\n",
    b"GET / HTTP/1.1 \r\n\r\n",
    b"GET /a b HTTP/1.1\r\n\r\n",
    b"GET / http/1.1\r\n\r\n",
    b"GET / HTTP/2.0\r\n\r\n",
    b"GET / HTTP/0.9\r\n\r\n",
    b"GET / HTTP/1.10\r\n\r\n",
    b"G\xc4T / HTTP/1.1\r\n\r\n",
    b"G(T / HTTP/1.1\r\n\r\n",
    START + b"Host : a\r\n\r\n",
    START + b" Host: a\r\n\r\n",
    START + b"A: b\r\n c\r\n\r\n",
    START + b": b\r\n\r\n",
    START + b"No colon\r\n\r\n",
    START + b"A: b\n\r\n",
    START + b"A: b\nHost: c\r\n\r\n",
    START + b"A: b\rHost: c\r\n\r\n",
    START + b"A: b\r\r\n\r\n",
    START + b"A: b\x00c\r\n\r\n",
    START + b"A: b\x0bc\r\n\r\n",
    START + b"A: b\x7f\r\n\r\n",
    START + b"\xc4: b\r\n\r\n",
    START + b"A: b\r\n\n",
    START + b"A: b\r\n" * (MAX_FIELDS + 1) + b"\r\n",
]


@pytest.mark.parametrize("data", MALFORMED)
def test_malformed(data: bytes) -> None:
    with pytest.raises(Invalid) as raised:
        parse_head(data)
    assert raised.value.message.isprintable()


@pytest.mark.parametrize("value", [b"a " * 30_000, b"\t " * 30_000 + b"\0", b"a" * 60_000 + b"\n"])
def test_a_hostile_value_costs_no_more_than_its_length(value: bytes) -> None:
    begun = time.process_time()
    with contextlib.suppress(Invalid):
        parse_head(START + b"A: " + value + b"\r\n\r\n")
    assert time.process_time() - begun < 1.0


@pytest.mark.parametrize(
    ("data", "start", "end"),
    [
        (b"", 0, 0),
        (b"a\r\n", 0, 0),
        (b"a\r\n\r", 0, 0),
        (b"a\r\n\r\n", 0, 5),
        (b"a\r\n\r\n", 4, 5),
        (b"a\r\n\r\n", 3, 5),
        (b"a\n\nb", 0, 3),
        (b"a\n\nb", 2, 3),
        (b"a\r\n\r\nb\r\n\r\n", 0, 5),
    ],
)
def test_where_a_head_ends(data: bytes, start: int, end: int) -> None:
    assert head_end(data, start) == end
