"""The grammar of parameters, and that a hostile field costs no more than its length."""

from __future__ import annotations

import re
import time

import pytest

from mxart.upstream.parameters import QUOTED, TOKEN, beyond_commas, unquoted


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("next", "next"),
        ('"next"', "next"),
        ('""', ""),
        ('"a, b"', "a, b"),
        ('"a\\"b"', 'a"b'),
        ('"a\\\\"', "a\\"),
        ('"\\n"', "n"),
    ],
)
def test_unquoted(text: str, said: str) -> None:
    assert re.fullmatch(f"{TOKEN}|{QUOTED}", text)
    assert unquoted(text) == said


@pytest.mark.parametrize("text", ["", '"', '"a', '"a\\"', "a b", "a=", "a,b", "ü", 'a"b"', '"a"b"'])
def test_neither_token_nor_quoted_string(text: str) -> None:
    assert not re.fullmatch(f"{TOKEN}|{QUOTED}", text)


@pytest.mark.parametrize(
    ("text", "position", "found"), [("", 0, 0), (",, ,a", 0, 4), ("a,b", 0, 0), ("a,b", 1, 2), ("a \t,", 1, 4)]
)
def test_beyond_commas(text: str, position: int, found: int) -> None:
    assert beyond_commas(text, position) == found


@pytest.mark.parametrize(
    ("begin", "piece", "end"), [("", "a", "("), ('"', "\\", "\\"), ('"', 'a\\"', ""), ("", "!", '"'), ('"', "a", "")]
)
def test_nothing_is_gone_over_again(begin: str, piece: str, end: str) -> None:
    text = begin + piece * 100_000 + end
    begun = time.monotonic()
    assert not re.fullmatch(f"{TOKEN}|{QUOTED}", text)
    assert time.monotonic() - begun < 1
