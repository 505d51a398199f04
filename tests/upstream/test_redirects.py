"""Where a Location leads, and where it may not."""

from __future__ import annotations

import pytest

from mxart.errors import BadUpstream
from mxart.upstream.redirects import Origin, follow, host_of, without_secrets

BASE = "https://up.example.org/a/b?q=1"

FOLLOWED = [
    ("https://store.example.com/x", "https://store.example.com/x"),
    ("HTTPS://Store.example.com/x", "https://Store.example.com/x"),
    ("//store.example.com/x", "https://store.example.com/x"),
    ("/x", "https://up.example.org/x"),
    ("x", "https://up.example.org/a/x"),
    ("../x", "https://up.example.org/x"),
    ("?r=2", "https://up.example.org/a/b?r=2"),
    ("/x#part", "https://up.example.org/x"),
    ("/x%2Fy?sig=a%2Bb", "https://up.example.org/x%2Fy?sig=a%2Bb"),
    ("/caf\xc3\xa9", "https://up.example.org/caf%C3%A9"),
    ("https://[::1]:8443/x", "https://[::1]:8443/x"),
    ("https://", BASE),
    ("https:///x", "https://up.example.org/x"),
    ("https://store.example.com", "https://store.example.com"),
    ("https://store.example.com?x", "https://store.example.com?x"),
]


@pytest.mark.parametrize(("location", "target"), FOLLOWED)
def test_followed(location: str, target: str) -> None:
    assert follow(BASE, location) == target


REFUSED = [
    "",
    "http://up.example.org/x",  # from https down to http
    "ftp://up.example.org/x",
    "file:///etc/passwd",
    "gopher://up.example.org/",
    "javascript:alert(1)",
    "https://user:secret@up.example.org/x",
    "https://user@store.example.com/x",
    "https://up.example.org:80@evil.example.com/",
    "https://up.example.org\\@evil.example.com/",
    "https:\\\\evil.example.com/",
    "https://up.example.org /x",
    "/a b",
    "/a\x00b",
    "/a\r\nSet-Cookie: x",
    "\t/x",
    "https://:443/x",
    "https://up.example.org:99999/",
    "https://up.example.org:8o/",
    "https://[::1/x",
    "https://[v1.x]/",
    "https://b\xfccher.example.org/",
    "https://%65vil.example.com/",
    "https://up.example.org;evil/",
    "/" + "x" * 20_000,
]


@pytest.mark.parametrize("location", REFUSED)
def test_refused(location: str) -> None:
    with pytest.raises(BadUpstream) as raised:
        follow(BASE, location)
    assert "secret" not in str(raised.value)
    assert len(str(raised.value)) < 700


def test_http_may_go_to_https() -> None:
    assert follow("http://up.example.org/a", "https://up.example.org/a") == "https://up.example.org/a"


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("https://a.example.org/x", "https://a.example.org:443/y?z", True),
        ("http://a.example.org", "http://A.EXAMPLE.org:80/", True),
        ("https://a.example.org/", "http://a.example.org/", False),
        ("https://a.example.org/", "https://a.example.org:8443/", False),
        ("https://a.example.org/", "https://a.example.org.evil.example.com/", False),
        ("https://a.example.org/", "https://b.example.org/", False),
        ("https://a.example.org/", "https://a.example.org./", False),
    ],
)
def test_origins(one: str, other: str, same: bool) -> None:
    assert (Origin.of(one) == Origin.of(other)) == same


def test_urls_are_shown_without_secrets() -> None:
    assert without_secrets("https://ci:pw@a.example.org:1/x@y?sig=s#f") == "https://a.example.org:1/x@y"
    assert host_of("https://ci:pw@a.example.org:1/x") == "a.example.org:1"
