"""From an upstream's raw head to a `Head` that can be relied on, or to the error it means; pure.

RFC 9110: §14 for ranges, §8.6 and RFC 9112 §6.3 for lengths, §10.2.3 for ``Retry-After``.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from mxart.errors import BadUpstream, MxartError
from mxart.units import parse_http_date
from mxart.upstream import Changed, Fetch, Head
from mxart.upstream.failures import Throttled
from mxart.upstream.redirects import without_secrets
from mxart.upstream.transfer import RawHead

MAX_RETRY_AFTER = 86400.0  # seconds; more is not believed
_CONTENT_RANGE = re.compile(r"bytes (\d{1,18})-(\d{1,18})/(\d{1,18}|\*)", re.ASCII)
_LENGTH = re.compile(r"(\d{1,18})(?:\s*,\s*\1)*", re.ASCII)  # repeated and equal is one (RFC 9110 §8.6)
_CONDITIONS = ("if-none-match", "if-modified-since")

_REMEDIES = {
    401: "check the auth of this repository",
    403: "check the auth of this repository, and whether it may read there",
    407: "check the user and password in http_proxy",
}


def interpret(label: str, raw: RawHead, fetch: Fetch, url: str, now: float) -> Head:
    """The head as the answer to ``fetch``. ``label`` names the upstream, ``now`` is UTC seconds.

    Raises Throttled (429, 503), Changed (the rest of a representation cannot be had), BadUpstream (all else).
    """
    if raw.status in (200, 206):
        return _with_body(label, raw, fetch, url)
    if raw.status == 304 and any(name.lower() in _CONDITIONS for name in fetch.headers):
        return Head(status=304, url=without_secrets(url), headers=raw.headers, etag=raw.headers.get("etag", ""))
    if raw.status in (404, 410):
        return Head(status=raw.status, url=without_secrets(url), headers=raw.headers)
    raise _refusal(label, raw, fetch, now)


def coding_of(headers: Mapping[str, str]) -> str:
    """The content coding that is to be undone; "" for none."""
    coding = headers.get("content-encoding", "").strip().lower()
    return "" if coding == "identity" else coding


def retry_after(headers: Mapping[str, str], now: float) -> float | None:
    """Seconds from ``now`` (UTC seconds) that ``Retry-After`` asks for; None when it is missing or malformed."""
    text = headers.get("retry-after", "").strip()
    if text.isascii() and text.isdigit():
        return min(float(text[:12]), MAX_RETRY_AFTER)
    try:
        return min(max(0.0, parse_http_date(text) - now), MAX_RETRY_AFTER)
    except ValueError:
        return None


def _with_body(label: str, raw: RawHead, fetch: Fetch, url: str) -> Head:
    coding = coding_of(raw.headers)
    etag = raw.headers.get("etag", "")
    start, length = 0, None if coding else _length(label, raw.headers)
    if fetch.start:
        start, length = _rest(label, raw, fetch)
    elif raw.status == 206:
        raise BadUpstream(f"{label} sent a part of what was asked for as a whole", 206)
    if length is not None and length > fetch.max_size:
        raise BadUpstream(f"{label} announced {length} bytes, and at most {fetch.max_size} make sense here", raw.status)
    return Head(
        status=raw.status,
        url=without_secrets(url),
        headers=raw.headers,
        length=length,
        start=start,
        etag=etag,
        resumable=etag.startswith('"') and not coding,
    )


def _rest(label: str, raw: RawHead, fetch: Fetch) -> tuple[int, int | None]:
    """Offset and whole length, when the answer is the rest of the very representation that was begun."""
    if raw.status == 200:
        raise Changed(f"{label} cannot go on from byte {fetch.start}: it sent the whole again", 200)
    match = _CONTENT_RANGE.fullmatch(raw.headers.get("content-range", ""))
    if match is None or coding_of(raw.headers):
        raise Changed(f"{label} answered a range request with something else", 206)
    first, last, total = int(match[1]), int(match[2]), None if match[3] == "*" else int(match[3])
    if first != fetch.start or last < first or (total is not None and last != total - 1):
        raise Changed(f"{label} was asked for bytes from {fetch.start} on and sent {match[0]}", 206)
    if raw.headers.get("etag", fetch.validator) != fetch.validator:
        raise Changed(f"{label} has other content now than when the download began", 206)
    if _length(label, raw.headers) not in (None, last - first + 1):
        raise Changed(f"{label} sent a range and a length that disagree", 206)
    return first, total


def _length(label: str, headers: Mapping[str, str]) -> int | None:
    if "content-length" not in headers or "transfer-encoding" in headers:  # the latter overrides (RFC 9112 §6.3)
        return None
    match = _LENGTH.fullmatch(headers["content-length"])
    if match is None:
        raise BadUpstream(f"{label} sent a malformed Content-Length")
    return int(match[1])


def _refusal(label: str, raw: RawHead, fetch: Fetch, now: float) -> MxartError:
    stated = retry_after(raw.headers, now)
    words = f' (it says: "{raw.words}")' if raw.words else ""
    if raw.status in (429, 503):
        when = "" if stated is None else f", and to come again in {stated:.0f} s"
        return Throttled(f"{label} answered {raw.status}: it asks for less{when}{words}", raw.status, stated)
    if raw.status == 416 and fetch.start:
        return Changed(f"{label} cannot go on from byte {fetch.start}: it has less than that", 416)
    remedy = f": {_REMEDIES[raw.status]}" if raw.status in _REMEDIES else ""
    message = f"{label} answered {raw.status}{remedy}{words}"
    return BadUpstream(message, raw.status, *(() if stated is None else (stated,)))
