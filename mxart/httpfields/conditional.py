"""Conditional requests (RFC 9110 §13): validators of a representation against the fields of a request."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from enum import Enum

_ENTITY_TAG = re.compile(r'[ \t,]*((?:W/)?"[\x21\x23-\x7e\x80-\xff]*")[ \t]*(?=,|$)')


class Verdict(Enum):
    """What the preconditions of a request mean for its answer."""

    PROCEED = 0
    NOT_MODIFIED = 304
    FAILED = 412


def entity_tags(field: str) -> list[str]:
    """The tags of a list as they were written, up to the first that is malformed (§8.8.3).

    >>> entity_tags('"a", W/"b"')
    ['"a"', 'W/"b"']
    """
    tags = []
    position = 0
    while match := _ENTITY_TAG.match(field, position):
        tags.append(match.group(1))
        position = match.end()
    return tags


def strong_match(one: str, other: str) -> bool:
    """Equal, and neither is weak nor empty (§8.8.3.2)."""
    return one == other and one.startswith('"')


def weak_match(one: str, other: str) -> bool:
    """Equal but for their weakness (§8.8.3.2)."""
    return bool(one) and one.removeprefix("W/") == other.removeprefix("W/")


def parse_date(field: str) -> datetime | None:
    """The instant, UTC, of an HTTP date in any of its three forms (§5.6.7); None when it is none."""
    if len(field) > 64:
        return None
    try:
        instant = parsedate_to_datetime(field)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
    # the asctime form carries no zone and means UTC
    return instant.replace(tzinfo=UTC) if instant.tzinfo is None else instant.astimezone(UTC)


def same_date(one: str, other: str) -> bool:
    """Both name the same second."""
    return one == other or ((instant := parse_date(one)) is not None and instant == parse_date(other))


def evaluate(headers: Mapping[str, str], etag: str, last_modified: str) -> Verdict:
    """The verdict of a GET's or HEAD's preconditions, in the order of §13.2.2.

    ``headers``: lower-case names. ``etag`` and ``last_modified``: the representation's, "" when it has none.
    A date that is malformed, or that meets a representation without one, is ignored.
    """
    if_match = headers.get("if-match", "")
    if if_match:
        if not _listed(if_match, etag, strong_match):
            return Verdict.FAILED
    elif _compare(last_modified, headers.get("if-unmodified-since", "")) > 0:
        return Verdict.FAILED
    if_none_match = headers.get("if-none-match", "")
    if if_none_match:
        return Verdict.NOT_MODIFIED if _listed(if_none_match, etag, weak_match) else Verdict.PROCEED
    if _compare(last_modified, headers.get("if-modified-since", "")) < 0:
        return Verdict.NOT_MODIFIED
    return Verdict.PROCEED


def _listed(field: str, etag: str, match: Callable[[str, str], bool]) -> bool:
    return field.strip() == "*" or any(match(tag, etag) for tag in entity_tags(field))


def _compare(last_modified: str, since: str) -> int:
    """1 when modified after ``since``, -1 when not, 0 when one of them is no date."""
    if not last_modified or not since:
        return 0
    ours, theirs = parse_date(last_modified), parse_date(since)
    if ours is None or theirs is None:
        return 0
    return 1 if ours > theirs else -1
