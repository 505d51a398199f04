from __future__ import annotations

import pytest

from mxart.repository.heads import http_date, instant, validator


@pytest.mark.parametrize(
    ("etag", "kept"),
    [
        ('"1"', True),
        ('W/"1"', True),
        ("unquoted", True),
        ('""', True),
        ("", False),
        ('"a b"', False),
        ('"\x7f"', False),
        ('"ä"', False),
        ('"1"\r\nX: y', False),
        ('"' + "x" * 1022 + '"', True),
        ('"' + "x" * 1023 + '"', False),
    ],
)
def test_validators(etag: str, kept: bool) -> None:
    assert validator(etag) == (etag if kept else "")


@pytest.mark.parametrize(
    ("text", "when"),
    [
        ("Tue, 14 Nov 2023 22:13:20 GMT", 1_700_000_000.0),
        ("Tuesday, 14-Nov-23 22:13:20 GMT", 1_700_000_000.0),
        ("Tue Nov 14 22:13:20 2023", 1_700_000_000.0),
        ("", 0.0),
        ("0", 0.0),
        ("yesterday", 0.0),
        ("Tue, 99 Nov 2023 22:13:20 GMT", 0.0),
        ("Tue, 14 Nov 99999 22:13:20 GMT", 0.0),
        ("\0" * 100_000, 0.0),
    ],
)
def test_dates(text: str, when: float) -> None:
    assert instant(text) == when
    assert http_date(text) == (text if when else "")
