"""What the go command sees of an answer besides its content: media types, freshness, and errors that it prints.

Specification: Go Modules Reference, "GOPROXY protocol". Errors: the go command shows the text of one only when it is
text/plain, up to its first blank line, at most eight lines and 648 bytes, and not at all when a character of it cannot
be printed.
"""

from __future__ import annotations

from collections.abc import Mapping

from mxart.errors import MxartError
from mxart.formats.go.paths import GoResource
from mxart.model import Bytes, Response

_TEXT = "text/plain; charset=utf-8"
_MEDIA_TYPES: Mapping[str, str] = {
    "list": _TEXT,
    "info": "application/json",
    "latest": "application/json",
    "mod": _TEXT,
    "zip": "application/zip",
    "staged-info": "application/json",
    "staged-mod": _TEXT,
    "sumdb-supported": _TEXT,
    "sumdb-latest": _TEXT,
    "sumdb-lookup": _TEXT,
    "sumdb-tile": "application/octet-stream",
}
_MAX_LINES = 8
_MAX_BYTES = 600
_FOR_EVER = "max-age=31536000, immutable"  # RFC 8246
_BRIEFLY = "max-age=60"


def media_type(resource: GoResource) -> str:
    """What clients are told; the suggestions of the reference, since the go command does not look."""
    if resource.tile and resource.tile.level < 0:
        return _TEXT
    return _MEDIA_TYPES[resource.kind]


def cache_control(immutable: bool) -> str:
    """How long caches between mxart and the client may keep an answer.

    Not ``public``: that would let them keep what was only given to somebody who logged in (RFC 9111 §3.5).
    """
    return _FOR_EVER if immutable else _BRIEFLY


def told(status: int, text: str) -> Response:
    """An answer in words, for the person at the client."""
    return Response(status, Bytes(data=text.encode(), media_type=_TEXT))


def supported() -> Response:
    """The answer that makes the go command ask here, and only here, for a checksum database."""
    return Response(200, Bytes(data=b"", media_type=_TEXT), {"Cache-Control": _BRIEFLY})


def asks_for_held_only(headers: Mapping[str, str]) -> bool:
    """Whether the client wants nothing fetched for it (sites that crawl modules send this)."""
    return headers.get("disable-module-fetch", "").strip().lower() == "true"


def failure(error: MxartError, status: int) -> Response:
    """The error as text that the go command prints."""
    return told(status, printable(error.message))


def hint_private(message: str, module: str) -> str:
    """The reason why a checksum database's record is not there, and behind its first line what to do about a private
    module: the go command goes on only when it does not ask."""
    first, _, rest = message.strip().partition("\n")
    return f"{first}\nIf this module is private: go env -w GONOSUMDB={module}\n{rest}"


def printable(text: str) -> str:
    """The text cut and cleaned so that the go command shows it; one line at least.

    >>> printable("not found:\\n\\n\\x1b[31mexample.com/m@v9.9.9")
    'not found:\\n?[31mexample.com/m@v9.9.9\\n'
    """
    lines = [stripped for line in text.splitlines() if (stripped := line.strip())][:_MAX_LINES]
    shown = ["".join(char if char.isprintable() else "?" for char in line) for line in lines or ["no reason was given"]]
    cut = "\n".join(shown).encode(errors="replace")[:_MAX_BYTES]
    return cut.decode(errors="ignore").rstrip() + "\n"
