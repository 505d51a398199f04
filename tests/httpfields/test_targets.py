from __future__ import annotations

import pytest

from mxart.errors import Invalid
from mxart.httpfields.targets import MAX_PATH, Target, decode, parse

GOOD = [
    ("/", Target("/", "/")),
    ("/a", Target("/a", "/a")),
    ("/a/", Target("/a/", "/a/")),
    ("/a?", Target("/a", "/a")),
    ("/a?b=/../%2e%2e%zz", Target("/a", "/a", "b=/../%2e%2e%zz")),
    ("/a?b?c", Target("/a", "/a", "b?c")),
    ("/example.com/!my/@v/v1.0.0.zip", Target("/example.com/!my/@v/v1.0.0.zip", "/example.com/!my/@v/v1.0.0.zip")),
    ("/%21my", Target("/!my", "/%21my")),
    ("/a%2Fb", Target("/a/b", "/a%2Fb")),
    ("/%c3%A9", Target("/é", "/%c3%A9")),
    ("/a+b", Target("/a+b", "/a+b")),
    ("/%252e%252e/a", Target("/%2e%2e/a", "/%252e%252e/a")),  # decoded once: a name with a percent sign
    ("/...", Target("/...", "/...")),
    ("/.a/b..c/..d", Target("/.a/b..c/..d", "/.a/b..c/..d")),
    ("/a;b=c", Target("/a;b=c", "/a;b=c")),
    ("/" + "a" * (MAX_PATH - 1), Target("/" + "a" * (MAX_PATH - 1), "/" + "a" * (MAX_PATH - 1))),
    ("http://a.example.org:81/b?c", Target("/b", "/b", "c", "a.example.org:81")),
    ("HTTPS://a.example.org", Target("/", "/", "", "a.example.org")),
    ("http://a.example.org?b", Target("/", "/", "b", "a.example.org")),
]

_DOTS = (".", "..", "%2e", "%2E", "%2e.", ".%2e", "%2e%2e", "%2E%2e", "%2E%2E")
_SEGMENTS = [
    form.format(dots) for dots in _DOTS for form in ("/{}", "/{}/", "/{}/a", "/a/{}", "/a/{}/b", "/a%2F{}%2Fb")
]
_CONTROLS = [f"/a%{number:02x}b" for number in [*range(0x20), 0x7F]] + ["/%c2%80", "/%c2%9f", "/%C2%85x"]
_RAW_CONTROLS = ["/a\0b", "/a\rb", "/a\nb", "/a\tb", "/a\x7fb", "/a b", " /a", "/a ", "/a\x1b[0m"]
_ESCAPES = ["/%", "/a%", "/a%2", "/%zz", "/%2g", "/%%41", "/%u0041", "/% 41", "/%-1", "/%0x41"]
_ENCODINGS = ["/%ff", "/%c0%ae%c0%ae/a", "/%c0%af", "/%e0%80%ae", "/%ed%a0%80", "/%f8%88%80%80%80", "/%80", "/a%c3"]
_SLASHES = ["//", "//a", "/a//b", "/a//", "/a%2F%2Fb", "/a/%2F", "/%2Fa", "/%2f", "/a%2f/b"]
_BACKSLASHES = ["/a\\b", "/..\\a", "/%5c", "/a%5C..%5Cb", "\\a"]
_FORMS = ["", "*", "a", "a/b", "a.example.org:443", "ftp://a/b", "file:///etc/passwd", "http:/a", "/a#b", "#", "?a=b"]
_OTHERS = ["/é", "/\xff", "/a\u2028b", "/" + "a" * MAX_PATH, "/" + "%61" * 1400, "http://a/../b", "http://a//b"]
HOSTILE = [
    *_SEGMENTS,
    *_CONTROLS,
    *_RAW_CONTROLS,
    *_ESCAPES,
    *_ENCODINGS,
    *_SLASHES,
    *_BACKSLASHES,
    *_FORMS,
    *_OTHERS,
]


@pytest.mark.parametrize(("target", "parsed"), GOOD)
def test_a_target_in_its_parts(target: str, parsed: Target) -> None:
    assert parse(target) == parsed


@pytest.mark.parametrize("target", HOSTILE)
def test_hostile_targets_are_invalid(target: str) -> None:
    with pytest.raises(Invalid):
        parse(target)


def test_there_are_enough_hostile_ones() -> None:
    assert len(set(HOSTILE)) > 100


def test_what_was_decoded_is_not_decoded_again() -> None:
    once = decode("/%2541")
    assert once == "/%41"
    assert decode(once) == "/A"
