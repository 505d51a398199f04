"""Where a request ends and whether another may follow (RFC 9112 §6, §9.3).

Stricter than the RFC wherever two readers of the same bytes could disagree, for that is how requests are smuggled
past a proxy.
"""

from __future__ import annotations

from collections.abc import Mapping

from mxart.errors import Invalid

CHUNKED = -1
_MAX_DIGITS = 15


def body_length(version: str, headers: Mapping[str, str]) -> int:
    """Bytes of body that follow the head: 0 for none, CHUNKED when only its end will tell.

    ``headers``: lower-case names, repeated fields joined by commas. Raises Invalid for repeated or malformed
    lengths, for any coding but a single "chunked", and for both fields at once.
    """
    length = headers.get("content-length")
    coding = headers.get("transfer-encoding")
    if coding is not None:
        if length is not None or version == "HTTP/1.0" or coding.lower() != "chunked":
            raise Invalid("The request's Transfer-Encoding must be chunked, alone, and in HTTP/1.1 (RFC 9112 §6.1).")
        return CHUNKED
    if length is None:
        return 0
    if not length.isascii() or not length.isdigit() or len(length) > _MAX_DIGITS:
        raise Invalid("The request's Content-Length must be one number (RFC 9112 §6.2).")
    return int(length)


def persistent(version: str, method: str, headers: Mapping[str, str]) -> bool:
    """Whether the client will send another request on this connection (§9.3)."""
    options = headers.get("connection", "").lower()
    if version == "HTTP/1.0":
        return options == "keep-alive" and (method in ("GET", "HEAD") or "content-length" in headers)
    return not options or "close" not in [option.strip() for option in options.split(",")]
