"""Sizes, durations and UTC instants between the way people and protocols write them and plain numbers.

Sizes are whole bytes, durations and instants are seconds (instants: since the epoch, UTC). Pure functions; what
cannot be read raises ValueError with a sentence that says what would be right.
"""

from __future__ import annotations

import math
import re
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

_SIZE_UNITS: dict[str, int] = {
    "": 1,
    "b": 1,
    **{f"{letter}b": 1000**power for power, letter in enumerate("kmgtp", start=1)},
    **{f"{letter}ib": 1024**power for power, letter in enumerate("kmgtp", start=1)},
}
_DURATION_UNITS: dict[str, float] = {"ms": 0.001, "s": 1, "min": 60, "h": 3600, "d": 86400, "w": 7 * 86400}
_SIZE = re.compile(r"(\d+(?:\.\d+)?)\s*([A-Za-z]*)", re.ASCII)
_DURATION_PART = re.compile(r"(\d+(?:\.\d+)?)\s*([A-Za-z]+)\s*", re.ASCII)
_NUMBER = re.compile(r"\d+(?:\.\d+)?", re.ASCII)
_WANT_SIZE = 'want a size such as "64 KiB", "500 MB", "10 GiB", or a number of bytes'
_WANT_DURATION = 'want a duration such as "250 ms", "30 s", "5 min", "1 h 30 min", "7 d", or a number of seconds'
_LONGEST = 40  # characters: no size or duration that somebody means is longer


def parse_size(text: str) -> int:
    """The bytes that ``text`` stands for. Units: B, kB … PB (powers of 1000), KiB … PiB (of 1024), in any case.

    >>> parse_size("64 KiB"), parse_size("500MB"), parse_size("1.5 GiB"), parse_size("17")
    (65536, 500000000, 1610612736, 17)
    """
    match = _SIZE.fullmatch(text.strip()) if len(text) <= _LONGEST else None
    unit = _SIZE_UNITS.get(match[2].lower()) if match else None
    if match is None or unit is None:
        raise ValueError(_WANT_SIZE)
    whole, _, fraction = match[1].partition(".")
    scale: int = 10 ** len(fraction)
    return int(whole) * unit + int(fraction or "0") * unit // scale


def format_size(size: int) -> str:
    """The size in the largest binary unit that leaves at least 1, to one decimal; an exact one has none.

    >>> format_size(65536), format_size(1610612736), format_size(17), format_size(0)
    ('64 KiB', '1.5 GiB', '17 B', '0 B')
    """
    value, unit = float(size), "B"
    for unit in ("B", "KiB", "MiB", "GiB", "TiB", "PiB"):
        if value < 1024 or unit == "PiB":
            break
        value /= 1024
    text = f"{value:.1f}".removesuffix(".0")
    return f"{text} {unit}"


def parse_duration(text: str) -> float:
    """The seconds that ``text`` stands for: ms, s, min, h, d, w, also several in a row; a bare number is seconds.

    >>> parse_duration("250 ms"), parse_duration("1 h 30 min"), parse_duration("7d"), parse_duration("2.5")
    (0.25, 5400.0, 604800.0, 2.5)
    """
    text = text.strip()
    if not text or len(text) > _LONGEST:
        raise ValueError(_WANT_DURATION)
    if _NUMBER.fullmatch(text):
        return float(text)
    total, position = 0.0, 0
    while position < len(text):
        part = _DURATION_PART.match(text, position)
        if part is None or part[2].lower() not in _DURATION_UNITS:
            raise ValueError(_WANT_DURATION)
        total += float(part[1]) * _DURATION_UNITS[part[2].lower()]
        position = part.end()
    return total


def format_rfc3339(instant: float) -> str:
    """The instant in UTC, whole seconds, as RFC 3339 §5.6 writes it.

    >>> format_rfc3339(0), format_rfc3339(1700000000.9)
    ('1970-01-01T00:00:00Z', '2023-11-14T22:13:20Z')
    """
    return datetime.fromtimestamp(math.floor(instant), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def parse_http_date(text: str) -> float:
    """The instant that an HTTP-date names, in any of the forms that RFC 9110 §5.6.7 lists.

    >>> parse_http_date("Tue, 14 Nov 2023 22:13:20 GMT") == parse_http_date("Tue Nov 14 22:13:20 2023") == 1700000000
    True
    """
    try:
        moment = parsedate_to_datetime(text)
    except (ValueError, TypeError, IndexError, OverflowError) as error:
        raise ValueError('want an HTTP date such as "Tue, 14 Nov 2023 22:13:20 GMT"') from error
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
