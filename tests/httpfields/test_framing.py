from __future__ import annotations

import pytest

from mxart.errors import Invalid
from mxart.httpfields.framing import CHUNKED, body_length, persistent

LENGTHS = [
    ("HTTP/1.1", {}, 0),
    ("HTTP/1.1", {"content-length": "0"}, 0),
    ("HTTP/1.1", {"content-length": "42"}, 42),
    ("HTTP/1.0", {"content-length": "42"}, 42),
    ("HTTP/1.1", {"transfer-encoding": "chunked"}, CHUNKED),
    ("HTTP/1.1", {"transfer-encoding": "Chunked"}, CHUNKED),
]

SMUGGLED = [
    ("HTTP/1.1", {"content-length": "1", "transfer-encoding": "chunked"}),
    ("HTTP/1.0", {"transfer-encoding": "chunked"}),
    ("HTTP/1.1", {"transfer-encoding": "gzip, chunked"}),
    ("HTTP/1.1", {"transfer-encoding": "chunked, chunked"}),
    ("HTTP/1.1", {"transfer-encoding": "chunked, identity"}),
    ("HTTP/1.1", {"transfer-encoding": "xchunked"}),
    ("HTTP/1.1", {"transfer-encoding": ""}),
    ("HTTP/1.1", {"content-length": ""}),
    ("HTTP/1.1", {"content-length": "1, 1"}),
    ("HTTP/1.1", {"content-length": "+1"}),
    ("HTTP/1.1", {"content-length": "-1"}),
    ("HTTP/1.1", {"content-length": "0x10"}),
    ("HTTP/1.1", {"content-length": "1_0"}),
    ("HTTP/1.1", {"content-length": "1 "}),
    ("HTTP/1.1", {"content-length": "²"}),
    ("HTTP/1.1", {"content-length": "9" * 16}),
]

KEPT = [
    ("HTTP/1.1", "GET", {}, True),
    ("HTTP/1.1", "GET", {"connection": "keep-alive"}, True),
    ("HTTP/1.1", "GET", {"connection": "Close"}, False),
    ("HTTP/1.1", "GET", {"connection": "TE, close"}, False),
    ("HTTP/1.1", "GET", {"connection": "close, keep-alive"}, False),
    ("HTTP/1.1", "GET", {"connection": "closed"}, True),
    ("HTTP/1.0", "GET", {}, False),
    ("HTTP/1.0", "GET", {"connection": "Keep-Alive"}, True),
    ("HTTP/1.0", "PUT", {"connection": "keep-alive"}, False),
    ("HTTP/1.0", "PUT", {"connection": "keep-alive", "content-length": "0"}, True),
]


@pytest.mark.parametrize(("version", "fields", "length"), LENGTHS)
def test_lengths(version: str, fields: dict[str, str], length: int) -> None:
    assert body_length(version, fields) == length


@pytest.mark.parametrize(("version", "fields"), SMUGGLED)
def test_what_could_be_read_in_two_ways_is_invalid(version: str, fields: dict[str, str]) -> None:
    with pytest.raises(Invalid):
        body_length(version, fields)


@pytest.mark.parametrize(("version", "method", "fields", "kept"), KEPT)
def test_persistence(version: str, method: str, fields: dict[str, str], kept: bool) -> None:
    assert persistent(version, method, fields) is kept
