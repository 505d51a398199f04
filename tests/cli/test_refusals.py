from __future__ import annotations

import pytest

from mxart.cli.refusals import advice, lines, sentence

TEXTS = [
    ("", ""),
    ("No.\n", "No."),
    ("No.\n\n  Never.\r\n", "No.   Never."),
    ("\x1b[2JNo", " [2JNo"),
    ('{"title": "Conflict", "status": 409, "detail": "It exists."}', "It exists."),
    ('{"title": "Conflict", "status": 409}', "Conflict"),
    ('{"title": "Conflict", "detail": ""}', "Conflict"),
    ('{"detail": ["x"], "title": 3}', ""),
    ('["x"]', '["x"]'),
    ("[" * 100_000, "[" * 4096),
    ('{"detail": "a\\u001b[2J\\nb"}', "a [2J b"),
    ("<!DOCTYPE html><h1>404</h1>", ""),
    ("  <html>", ""),
    ("x\n" * 20, " ".join("x" * 8)),
    ("x" * 5000, "x" * 4096),
]


@pytest.mark.parametrize(("text", "expected"), TEXTS, ids=range(len(TEXTS)))
def test_sentences(text: str, expected: str) -> None:
    assert sentence(text) == expected


def test_lines() -> None:
    assert lines("a\n\n b\t\n") == ["a", " b "]


@pytest.mark.parametrize("status", [300, 301, 302, 307, 308, 401, 404, 405])
def test_there_is_advice(status: int) -> None:
    assert advice(status, "Maven")


@pytest.mark.parametrize("status", [202, 400, 403, 409, 413, 500, 507])
def test_there_is_none(status: int) -> None:
    assert advice(status, "Maven") == ""
