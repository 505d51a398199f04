"""The head of a request (RFC 9112 §2 to §5) from its bytes.

Stricter than the RFC wherever two readers of the same bytes could disagree: every line ends in CR LF, none is folded,
no space stands before a colon.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from mxart.errors import Invalid

MAX_FIELDS = 256  # field lines

_TOKEN = r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+"
_START = re.compile(rf"({_TOKEN}) (\S+) HTTP/([0-9])\.([0-9])\r\n")
_FIELD = re.compile(rf"({_TOKEN}):([\t\x20-\x7e\x80-\xff]*)\r\n")
_END = re.compile(rb"\n\r?\n")
_BEGUN = re.compile(_TOKEN[: -len("+")].encode())
_TLS = 0x16  # the first byte of a handshake (RFC 8446 §5.1)


@dataclass(frozen=True, slots=True)
class RequestHead:
    """A request's head."""

    method: str
    target: str  # as sent
    version: str  # "HTTP/1.0" or "HTTP/1.1"; a later 1.x counts as 1.1 (RFC 9110 §2.5)
    fields: Mapping[str, str]  # lower-case names; repeated fields joined by ", "


def head_end(data: bytes, start: int = 0) -> int:
    """The offset behind the head that ``data`` begins with, 0 while it is not whole.

    ``start``: an offset before which nothing new has come.

    >>> head_end(b"GET / HTTP/1.0\\r\\n\\r\\nrest"), head_end(b"GET / HTTP/1.0\\r\\n")
    (18, 0)
    """
    match = _END.search(data, max(0, start - 2))
    return match.end() if match else 0


def check_begun(data: bytes) -> None:
    """Return when ``data``, of which there is some, may be the beginning of a head. Raises Invalid."""
    if _BEGUN.match(data):
        return
    if data[0] == _TLS:
        raise Invalid("The client speaks TLS (https) to a port that speaks plain HTTP.")
    raise Invalid("The request does not begin with a METHOD (RFC 9112 §3).")


def parse_head(data: bytes) -> RequestHead:
    """The head that ``data`` is, with its empty line. Raises Invalid."""
    text = data.decode("latin-1")
    start = _START.match(text)
    if start is None:
        raise Invalid("The request does not begin with METHOD TARGET HTTP/1.1 and a line end (RFC 9112 §3).")
    method, target, major, minor = start.groups()
    if major != "1":
        raise Invalid(f"HTTP/{major}.{minor} is not spoken here: want HTTP/1.1.")
    version = "HTTP/1.0" if minor == "0" else "HTTP/1.1"
    return RequestHead(method, target, version, _fields(text, start.end()))


def _fields(text: str, position: int) -> dict[str, str]:
    fields: dict[str, str] = {}
    end = len(text) - 2
    lines = 0
    while position < end:
        match = _FIELD.match(text, position)
        lines += 1
        if match is None or lines > MAX_FIELDS:
            raise _malformed(text, position, lines)
        name, value = match.groups()
        name, value = name.lower(), value.strip(" \t")
        fields[name] = f"{fields[name]}, {value}" if name in fields else value
        position = match.end()
    if not text.endswith("\r\n") or position != end:
        raise _malformed(text, position, lines)
    return fields


def _malformed(text: str, position: int, line: int) -> Invalid:
    if line > MAX_FIELDS:
        return Invalid(f"The request has more than {MAX_FIELDS} header fields.")
    name = text[position : position + 40].partition(":")[0].partition("\n")[0]
    return Invalid(f"The request's header field {name!r} is malformed (RFC 9112 §5).")
