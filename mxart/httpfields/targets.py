"""Request targets (RFC 9112 §3.2): checked and percent-decoded exactly once.

What passes names something below a root and nothing else: no ``.`` or ``..`` segment, no empty segment but the
last, no backslash, no control character, in whatever spelling they came.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import unquote_to_bytes

from mxart.errors import Invalid

MAX_PATH = 4096  # bytes, as sent

_BAD_ESCAPE = re.compile(r"%(?![0-9A-Fa-f]{2})")
_ABSOLUTE = re.compile(r"https?://([^/?#]*)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Target:
    """A request target that is known to be harmless."""

    path: str  # decoded, begins with "/"
    raw_path: str  # the same as it was sent
    query: str = ""  # as sent, without "?"
    authority: str = ""  # of an absolute target (RFC 9112 §3.2.2), which wins over Host; "" for the usual form


def parse(target: str) -> Target:
    """The parts of a request target in origin-form or absolute-form. Raises Invalid for everything else.

    >>> parse("/a%20b/c?d=%2F")
    Target(path='/a b/c', raw_path='/a%20b/c', query='d=%2F', authority='')
    """
    if not target.isascii() or not target.isprintable() or " " in target or "#" in target:
        raise Invalid("The request target holds characters that must be percent-encoded (RFC 3986 §2.1).")
    authority = ""
    if not target.startswith("/"):
        absolute = _ABSOLUTE.match(target)
        if absolute is None:
            raise Invalid("The request target must be a path that begins with / or an http(s) URL.")
        authority = absolute.group(1)
        target = target[absolute.end() :]
        target = target if target.startswith("/") else "/" + target
    raw_path, _, query = target.partition("?")
    return Target(decode(raw_path), raw_path, query, authority)


def decode(raw_path: str) -> str:
    """The path with its escapes decoded once. Raises Invalid unless every segment is a plain name."""
    if len(raw_path) > MAX_PATH:
        raise Invalid(f"The path is longer than {MAX_PATH} bytes.")
    path = _unescape(raw_path) if "%" in raw_path else raw_path
    if "\\" in path:
        raise Invalid("The path holds a backslash.")
    if "//" in path:
        raise Invalid("The path holds an empty segment (//).")
    if "/." in path and not {".", ".."}.isdisjoint(path.split("/")):
        raise Invalid("The path holds a . or .. segment.")
    return path


def _unescape(raw_path: str) -> str:
    if _BAD_ESCAPE.search(raw_path):
        raise Invalid("The path holds a % that is not followed by two hex digits.")
    try:
        path = unquote_to_bytes(raw_path).decode()
    except UnicodeDecodeError as error:
        raise Invalid("The path is not UTF-8 after percent-decoding.") from error
    if any(character < " " or "\x7f" <= character <= "\x9f" for character in path):
        raise Invalid("The path holds a control character.")
    return path
