from __future__ import annotations

import base64

import pytest

from mxart.errors import Invalid
from mxart.httpfields.credentials import Basic, Bearer, parse


def basic(text: str | bytes) -> str:
    return "Basic " + base64.b64encode(text if isinstance(text, bytes) else text.encode()).decode()


GOOD = [
    ("", None),
    ("Digest username=x", None),
    ("Negotiate abc", None),
    (basic("ci:secret"), Basic("ci", "secret")),
    ("basic  " + basic("ci:secret").split()[1], Basic("ci", "secret")),
    (basic("ci:a:b"), Basic("ci", "a:b")),
    (basic(":token"), Basic("", "token")),
    (basic("ci:"), Basic("ci", "")),
    (basic("jürgen:pässword"), Basic("jürgen", "pässword")),
    ("Bearer abc.def-ghi_j~k+/==", Bearer("abc.def-ghi_j~k+/==")),
    ("BEARER x", Bearer("x")),
]

BAD = [
    "Basic",
    "Basic !!!",
    "Basic Y2k6c2VjcmV0, Basic Y2k6c2VjcmV0",
    "Basic Y2k6c2VjcmV",
    basic("no colon"),
    basic(b"\xff\xfe:x"),
    basic("a\nb:c"),
    basic("a:b\0"),
    "Bearer",
    "Bearer a b",
    "Bearer é",
    'Bearer "a"',
]


@pytest.mark.parametrize(("field", "credentials"), GOOD)
def test_credentials(field: str, credentials: object) -> None:
    assert parse(field) == credentials


@pytest.mark.parametrize("field", BAD)
def test_malformed_credentials_are_not_repeated(field: str) -> None:
    with pytest.raises(Invalid) as raised:
        parse(field)
    value = field.partition(" ")[2]
    assert not value or value not in str(raised.value)


def test_secrets_do_not_show() -> None:
    assert "secret" not in repr(Basic("ci", "secret"))
    assert "secret" not in repr(Bearer("secret"))
