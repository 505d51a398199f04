from __future__ import annotations

import pytest

from mxart.server.heads import head

HEADS = [
    (200, {}, "", "HTTP/1.1 200 OK"),
    (206, {"Content-Range": "bytes 0-0/1"}, "", "HTTP/1.1 206 Partial Content"),
    (404, {"X": "é"}, "close", "HTTP/1.1 404 Not Found"),
    (799, {"X": ""}, "keep-alive", "HTTP/1.1 799 "),
]


@pytest.mark.parametrize(("status", "fields", "connection", "start"), HEADS)
def test_heads(status: int, fields: dict[str, str], connection: str, start: str) -> None:
    text = head(status, fields, connection).decode("latin-1")
    assert text.endswith("\r\n\r\n")
    first, server, date, *rest = text[:-4].split("\r\n")
    assert (first, server) == (start, "Server: mxart")
    assert date.startswith("Date: ")
    assert rest == [f"{n}: {v}" for n, v in fields.items()] + ([f"Connection: {connection}"] if connection else [])


@pytest.mark.parametrize("value", ["a\r\nb", "a\nb", "a\rb", "a\0b", "\u0100"])
def test_what_would_break_a_line_is_refused(value: str) -> None:
    with pytest.raises(ValueError, match=r"line end|latin-1"):
        head(200, {"X": value}, "")
    with pytest.raises(ValueError, match=r"line end|latin-1"):
        head(200, {value: "x"}, "")


@pytest.mark.parametrize(
    ("status", "reason", "start"),
    [
        (404, "", "HTTP/1.1 404 Not Found"),
        (404, "lib-1.0.jar is not here", "HTTP/1.1 404 lib-1.0.jar is not here"),
        (799, "told by itself", "HTTP/1.1 799 told by itself"),
        (409, "é: \xa0", "HTTP/1.1 409 é: \xa0"),
    ],
)
def test_the_phrase_behind_the_status(status: int, reason: str, start: str) -> None:
    text = head(status, {"X": "y"}, "close", reason).decode("latin-1")
    assert text.split("\r\n")[:2] == [start, "Server: mxart"]
    assert text.endswith("\r\nX: y\r\nConnection: close\r\n\r\n")


@pytest.mark.parametrize(
    "reason", ["a\r\nSet-Cookie: x=y", "a\r\n\r\n<html>", "a\nb", "a\rb", "a\0b", "\u0100", "\n", "\udc80"]
)
def test_a_phrase_that_would_break_its_line_is_refused(reason: str) -> None:
    with pytest.raises(ValueError, match=r"line end|latin-1"):
        head(404, {}, "", reason)
