"""Errors that the go command prints."""

from __future__ import annotations

import pytest

from mxart.errors import NotFound
from mxart.formats.go import wire
from mxart.model import Bytes


@pytest.mark.parametrize(
    ("message", "shown"),
    [
        ("not found", "not found\n"),
        ("first\n\nsecond", "first\nsecond\n"),  # the go command stops at a blank line
        ("a\tb\x00c\x1b[31m", "a?b?c?[31m\n"),
        ("Ünicode — fine", "Ünicode — fine\n"),
        ("\N{RIGHT-TO-LEFT OVERRIDE}x\udcff", "?x?\n"),
        ("a\r\nb\rc", "a\nb\nc\n"),
        ("", "no reason was given\n"),
        (" \n\t\n", "no reason was given\n"),
        ("\n".join("123456789"), "1\n2\n3\n4\n5\n6\n7\n8\n"),
        ("x" * 5000, "x" * 600 + "\n"),
        ("ä" * 5000, "ä" * 300 + "\n"),
        ("x" + "ä" * 5000, "x" + "ä" * 299 + "\n"),
    ],
    ids=lambda text: repr(text[:20]),
)
def test_what_is_shown(message: str, shown: str) -> None:
    response = wire.failure(NotFound(message), 404)
    assert isinstance(response.content, Bytes)
    assert response.content.data.decode() == shown
    assert (response.status, response.content.media_type) == (404, "text/plain; charset=utf-8")
    assert len(response.content.data) <= 8 * 81
