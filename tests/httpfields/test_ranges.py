from __future__ import annotations

import pytest

from mxart.httpfields.ranges import Span, Unsatisfiable, content_range, if_range_holds, select, unsatisfied_range

NONE = Unsatisfiable()

# the field, and what it selects of 100 bytes and of none
SELECTIONS = [
    ("", None, None),
    ("bytes=0-0", Span(0, 1), NONE),
    ("bytes=0-", Span(0, 100), NONE),
    ("bytes=99-", Span(99, 100), NONE),
    ("bytes=100-", NONE, NONE),
    ("bytes=10-19", Span(10, 20), NONE),
    ("bytes=10-1000", Span(10, 100), NONE),
    ("bytes=-1", Span(99, 100), NONE),
    ("bytes=-100", Span(0, 100), NONE),
    ("bytes=-1000", Span(0, 100), NONE),
    ("bytes=-0", NONE, NONE),
    ("Bytes=1-2", Span(1, 3), NONE),
    ("bytes= 1-2 ", Span(1, 3), NONE),
    ("bytes=007-008", Span(7, 9), NONE),
    ("bytes=0-999999999999999999", Span(0, 100), NONE),
    ("bytes=0-9999999999999999999", None, None),
    ("bytes=" + "9" * 5000 + "-", None, None),
    ("bytes=2-1", NONE, NONE),
    ("bytes=0-1,3-4", None, None),
    ("bytes=0-1,", None, None),
    ("bytes=-", None, None),
    ("bytes=--1", None, None),
    ("bytes=1--2", None, None),
    ("bytes=+1-2", None, None),
    ("bytes=1-2-3", None, None),
    ("bytes=1_0-20", None, None),
    ("bytes=a-b", None, None),
    ("bytes=1.5-2", None, None),
    ("bytes=0x1-2", None, None),
    ("bytes=²-3", None, None),
    ("bytes", None, None),
    ("bytes=", None, None),
    ("bytes 0-1", None, None),
    ("items=0-1", None, None),
    ("=0-1", None, None),
]

DATE = "Sun, 06 Nov 1994 08:49:37 GMT"

# the field, the ETag, Last-Modified, and whether the range holds
CONDITIONS = [
    ("", "", "", True),
    ('"a"', '"a"', "", True),
    ('"a"', '"b"', "", False),
    ('"a"', "", "", False),
    ('W/"a"', 'W/"a"', "", False),
    ('"a"', 'W/"a"', "", False),
    (DATE, "", DATE, True),
    ("Sunday, 06-Nov-94 08:49:37 GMT", "", DATE, True),
    ("Sun, 06 Nov 1994 08:49:38 GMT", "", DATE, False),
    ("Sun, 06 Nov 1994 08:49:36 GMT", "", DATE, False),
    (DATE, '"a"', "", False),
    ("nonsense", '"a"', DATE, False),
]


@pytest.mark.parametrize(("field", "of_hundred", "of_none"), SELECTIONS)
def test_selections(field: str, of_hundred: object, of_none: object) -> None:
    assert select(field, 100) == of_hundred
    assert select(field, 0) == of_none


@pytest.mark.parametrize(("field", "etag", "last_modified", "holds"), CONDITIONS)
def test_if_range(field: str, etag: str, last_modified: str, holds: bool) -> None:
    assert if_range_holds(field, etag, last_modified) is holds


def test_content_range() -> None:
    assert content_range(Span(0, 10), 100) == "bytes 0-9/100"
    assert unsatisfied_range(100) == "bytes */100"
