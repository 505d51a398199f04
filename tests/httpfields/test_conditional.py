from __future__ import annotations

import pytest

from mxart.httpfields.conditional import Verdict, entity_tags, evaluate, parse_date, same_date

DATE = "Sun, 06 Nov 1994 08:49:37 GMT"
OLDER, NEWER = "Sun, 06 Nov 1994 08:49:36 GMT", "Mon, 07 Nov 1994 08:49:37 GMT"
GO, SAME, FAIL = Verdict.PROCEED, Verdict.NOT_MODIFIED, Verdict.FAILED

TAGS = [
    ("", []),
    ('"a"', ['"a"']),
    ('"a","b"', ['"a"', '"b"']),
    (' "a" , W/"b" ,"c"', ['"a"', 'W/"b"', '"c"']),
    (',,"a",,', ['"a"']),
    ('""', ['""']),
    ('"a,b"', ['"a,b"']),
    ('"a" "b"', []),
    ('"a', []),
    ("a", []),
    ('w/"a"', []),
    ('"a", b, "c"', ['"a"']),
    ('"é"', ['"é"']),
]

# fields of the request, the verdict on ETag "a" modified at DATE, and on a representation with no validator
VERDICTS = [
    ({}, GO, GO),
    ({"if-none-match": '"a"'}, SAME, GO),
    ({"if-none-match": 'W/"a"'}, SAME, GO),
    ({"if-none-match": '"b", "a"'}, SAME, GO),
    ({"if-none-match": '"b"'}, GO, GO),
    ({"if-none-match": "*"}, SAME, SAME),
    ({"if-none-match": "a"}, GO, GO),
    ({"if-none-match": '"b"', "if-modified-since": DATE}, GO, GO),
    ({"if-modified-since": DATE}, SAME, GO),
    ({"if-modified-since": NEWER}, SAME, GO),
    ({"if-modified-since": OLDER}, GO, GO),
    ({"if-modified-since": "yesterday"}, GO, GO),
    ({"if-modified-since": "Sun, 99 Nov 1994 08:49:37 GMT"}, GO, GO),
    ({"if-modified-since": "0" * 100_000}, GO, GO),
    ({"if-match": '"a"'}, GO, FAIL),
    ({"if-match": 'W/"a"'}, FAIL, FAIL),
    ({"if-match": '"b"'}, FAIL, FAIL),
    ({"if-match": "*"}, GO, GO),
    ({"if-match": '"a"', "if-unmodified-since": OLDER}, GO, FAIL),
    ({"if-unmodified-since": OLDER}, FAIL, GO),
    ({"if-unmodified-since": DATE}, GO, GO),
    ({"if-unmodified-since": "never"}, GO, GO),
    ({"if-match": '"b"', "if-none-match": '"a"'}, FAIL, FAIL),
    ({"if-match": '"a"', "if-none-match": '"a"'}, SAME, FAIL),
]

DATES = [
    (DATE, True),
    ("Sunday, 06-Nov-94 08:49:37 GMT", True),
    ("Sun Nov  6 08:49:37 1994", True),
    ("Sun, 06 Nov 1994 09:49:37 +0100", True),
    ("", False),
    ("0", False),
    ("Sun, 06 Nov 1994", False),
    ("Sun, 06 Nov 99999 08:49:37 GMT", False),
    ("Sun, 06 Nov 1994 25:49:37 GMT", False),
    ("Sun, 06 Nov 1994 08:49:37 +999999", False),
]


@pytest.mark.parametrize(("field", "tags"), TAGS)
def test_entity_tags(field: str, tags: list[str]) -> None:
    assert entity_tags(field) == tags


@pytest.mark.parametrize(("fields", "with_validators", "without"), VERDICTS)
def test_verdicts(fields: dict[str, str], with_validators: Verdict, without: Verdict) -> None:
    assert evaluate(fields, '"a"', DATE) is with_validators
    assert evaluate(fields, "", "") is without


@pytest.mark.parametrize(("text", "same"), DATES)
def test_dates(text: str, same: bool) -> None:
    assert same_date(text, DATE) is same
    assert (parse_date(text) == parse_date(DATE)) is same
