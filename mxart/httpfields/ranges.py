"""Range requests (RFC 9110 §14): one range of bytes, from an offset or from the end.

Several ranges in one request are answered with the whole representation, which §14.2 allows, as for every Range
field that is malformed: no client needs more, and multipart answers invite abuse.
"""

from __future__ import annotations

from dataclasses import dataclass

from mxart.httpfields.conditional import same_date, strong_match

_MAX_DIGITS = 18  # no offset is longer; int() of hostile digits costs quadratic time


@dataclass(frozen=True, slots=True)
class Span:
    """Bytes ``start`` up to, not including, ``stop``; never empty."""

    start: int
    stop: int


@dataclass(frozen=True, slots=True)
class Unsatisfiable:
    """No byte of the representation lies in the range, or it ends before it begins (RFC 9110 §15.5.17): 416, with
    ``Content-Range: bytes */SIZE``."""


def select(field: str, size: int) -> Span | Unsatisfiable | None:
    """What a Range field asks of ``size`` bytes; None: everything (no such field, malformed, several ranges).

    >>> select("bytes=0-9", 100), select("bytes=-5", 100), select("bytes=100-", 100)
    (Span(start=0, stop=10), Span(start=95, stop=100), Unsatisfiable())
    """
    unit, _, value = field.partition("=")
    first, dash, last = value.strip(" \t").partition("-")
    if unit.strip().lower() != "bytes" or not dash or not (_number(first) or _number(last)):
        return None
    if not first:
        length = int(last)
        return Span(max(0, size - length), size) if length and size else Unsatisfiable()
    if not _number(first) or (last and not _number(last)):
        return None
    start = int(first)
    if start >= size or (last and int(last) < start):
        return Unsatisfiable()
    return Span(start, min(int(last) + 1, size) if last else size)


def _number(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) <= _MAX_DIGITS


def if_range_holds(field: str, etag: str, last_modified: str) -> bool:
    """Whether the range may be served under an If-Range field (§13.1.5): "" holds, tags compare strongly.

    A date must be the very date that was sent.
    """
    if not field:
        return True
    if field.startswith(('"', "W/")):
        return strong_match(field, etag)
    return bool(last_modified) and same_date(field, last_modified)


def content_range(span: Span, size: int) -> str:
    """The Content-Range of a 206 (§14.4)."""
    return f"bytes {span.start}-{span.stop - 1}/{size}"


def unsatisfied_range(size: int) -> str:
    """The Content-Range of a 416."""
    return f"bytes */{size}"
