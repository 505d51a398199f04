"""The head of an answer as bytes (RFC 9112 §4)."""

from __future__ import annotations

import time
from collections.abc import Mapping
from email.utils import formatdate
from http import HTTPStatus

_START = {status.value: f"HTTP/1.1 {status.value} {status.phrase}\r\nServer: mxart\r\nDate: " for status in HTTPStatus}


class _Clock:
    """The Date field (RFC 9110 §6.6.1), written once a second."""

    __slots__ = ("_second", "_text")

    def __init__(self) -> None:
        self._second = 0
        self._text = ""

    def text(self) -> str:
        second = int(time.time())
        if second != self._second:
            self._second, self._text = second, formatdate(second, usegmt=True)
        return self._text


_clock = _Clock()


def head(status: int, fields: Mapping[str, str], connection: str, reason: str = "") -> bytes:
    """The whole head, up to and with the empty line. ``connection``: the value of that field, "" for none. ``reason``:
    the phrase behind the status; "": the usual one.

    Raises ValueError for a field or a phrase that would break out of its line, or that is not latin-1.
    """
    start = "" if reason else _START.get(status)
    start = start or f"HTTP/1.1 {status} {reason}\r\nServer: mxart\r\nDate: "
    lines = [start + _clock.text(), *(f"{name}: {value}" for name, value in fields.items())]
    if connection:
        lines.append("Connection: " + connection)
    text = "\r\n".join(lines)
    # the start holds two line ends, each further line one
    if text.count("\n") != len(lines) + 1 or text.count("\r") != len(lines) + 1 or "\0" in text:
        raise ValueError("a header field of the answer holds a line end or NUL")
    return (text + "\r\n\r\n").encode("latin-1")
